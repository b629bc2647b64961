#include "model/property_parts.hpp"

#include <algorithm>

namespace ptmc::model {

View::View(const Model &m, const Instance &step) : View(m) {
  assigned_.resize(m.schema.size());
  for (const Update &u : step.updates) assigned_[u.field] = true;
}

View View::about(int thread) const {
  View view = *this;
  view.process_ = m.schema.process_of(thread);
  view.p = &m.schema.process[static_cast<std::size_t>(view.process_)];
  return view;
}

StepView StepView::about(int thread) const {
  return {m, step, before.about(thread), after.about(thread)};
}

Expr View::get(Field f) const {
  const bool after = f != kNoField && !assigned_.empty() && assigned_[f];
  return after ? m.schema.read_primed(f) : m.schema.read(f);
}

Expr View::at(int thread, std::initializer_list<Loc> any) const {
  Expr e = truth(false);
  for (Loc l : any) e = e || eq(get(t(thread).loc), static_cast<Value>(l));
  return e;
}

Expr View::from(int thread, Loc first) const {
  return !less(get(t(thread).loc), constant(static_cast<Value>(first)));
}

Expr View::in_trap(int thread) const {
  return from(thread, Loc::entry_trap) && !from(thread, Loc::stopped);
}

Expr View::exists(int thread) const { return !at(thread, {Loc::none, Loc::dead}); }

Expr View::alone(int thread) const {
  Expr alone = truth(true);
  for (int u : group())
    if (u != thread) alone = alone && !exists(u);
  return alone;
}

Expr can(const Instance &i) {
  Expr e = i.enabled;
  for (const Guard &g : i.guards) e = e && g.holds;
  return e;
}

Expr View::exits(int thread) const {
  return from(thread, Loc::group_exit) || at(thread, {Loc::exit_event_trap});
}

Expr View::tracing_is(int thread, Traced how) const {
  return eq(get(t(thread).tracing), static_cast<Value>(how));
}

Expr View::tracer_of(int thread, Field TracerFields::*of) const {
  Expr value = get(m.schema.tracer.*of);
  for (int k = 1; k < m.schema.shape.tracers; ++k)
    value = ite(eq(get(t(thread).by), static_cast<Value>(k)),
                get(m.schema.tracers[static_cast<std::size_t>(k)].*of), value);
  return value;
}

Expr View::flagged(int thread) const {
  return (m.on(Feature::hidden_bit) && tracing_is(thread, Traced::seized)) ||
         (m.on(Feature::stop_options) && traced(thread) && get(t(thread).option[TRACESTOP]));
}

Expr View::group_stops() const { return ne(get(p->stop_count), 0) || jobs_are(Jobs::stopped); }

Expr View::is_stop_signal(Field sig) const {
  Expr e = truth(false);
  for (Sig s : {STOP, TSTP, TTIN, TTOU}) e = e || eq(get(sig), s);
  return e;
}

Expr View::blocked(int thread, Sig sig) const {
  return get(t(thread).mask[sig]) || get(t(thread).handling[sig]);
}

Expr View::pending(Sig sig) const {
  Expr e = get(p->pend[sig]);
  for (int u : group()) e = e || get(t(u).pend[sig]);
  return e;
}

Expr View::stop_signal_pending() const {
  return pending(STOP) || pending(TSTP) || pending(TTIN) || pending(TTOU);
}

bool StepView::is(std::string_view rule, int thread) const {
  return step.rule->id == rule && step.thread == thread;
}

bool StepView::succeeds(Action action, int thread) const {
  return step.label.action == action && step.label.err == Err::ok && step.thread == thread &&
         step.rule->actor == Actor::tracer;
}

bool StepView::sends(Sig sig) const {
  if (step.thread >= 0 && m.schema.process_of(step.thread) != before.process()) return false;
  if (step.label.action == Action::send) return step.label.err == Err::ok && step.label.arg == sig;
  return (step.rule->id == "syscall.resumed" || step.rule->id == "inject.requeue") &&
         step.parameters.ends_with(kSignals[sig].name);
}

Expr StepView::same_all(const std::vector<Field> &but) const {
  Expr e = truth(true);
  for (const Update &u : step.updates)
    if (std::find(but.begin(), but.end(), u.field) == but.end()) e = e && same(u.field);
  return e;
}

Expr StepView::enters(int thread, std::initializer_list<Loc> any) const {
  return !before.at(thread, any) && after.at(thread, any);
}

bool anywhere(const Config &) { return true; }

std::function<bool(const Config &)> where(std::initializer_list<Feature> all) {
  return [all = std::vector<Feature>(all)](const Config &c) {
    return std::all_of(all.begin(), all.end(), [&](Feature f) { return c[f]; });
  };
}

bool can_flag(const Config &c) {
  return c[Feature::use_seize] && c[Feature::seize] &&
         (c[Feature::hidden_bit] || c[Feature::opt_tracestop]);
}
bool can_notify(const Config &c) { return can_flag(c) && c[Feature::sig_CONT]; }
bool can_interrupt(const Config &c) {
  return can_flag(c) && c[Feature::interrupt] &&
         (c[Feature::hidden_bit] || c[Feature::opt_interrupt]);
}
bool can_listen(const Config &c) {
  return can_interrupt(c) && c[Feature::listen] &&
         (c[Feature::hidden_bit] || c[Feature::opt_listen]);
}
bool can_die(const Config &c) {
  return c[Feature::exits] || c[Feature::sig_KILL] || c[Feature::sig_TERM];
}
bool can_send_sigkill(const Config &c) {
  return c[Feature::sig_KILL] || (c[Feature::ptrace_kill] && c[Feature::kill_sends_sigkill]);
}

namespace {

template <class Over>
Expr always(const Over &x, const Part<Over> &subject, const Part<Over> &claim) {
  Expr e = truth(true);
  for (int t = 0; t < x.m.threads(); ++t) {
    const Over own = x.about(t);
    const Expr subjects = subject(own, t);
    if (!subjects.is(0)) e = e && implies(subjects, claim(own, t));  // only there it has a meaning
  }
  return e;
}

template <class Over>
Expr sometimes(const Over &x, const Part<Over> &subject) {
  Expr e = truth(false);
  for (int t = 0; t < x.m.threads(); ++t) e = e || subject(x.about(t), t);
  return e;
}

// The two properties of a law, without what they are over.
std::pair<Property, Property> pair_of(const Law &law) {
  // In an open world siblings that the model does not have stop, kill and exec.
  auto listed = [law](const Config &c) { return !c[Feature::open_world] && law.applies(c); };
  Property all{law.id, PropertyKind::always, law.statement, law.source, listed, {}, {}};
  Property some = all;
  some.id += ".occurs";
  some.kind = PropertyKind::sometimes;
  some.statement = law.witness;
  some.applies = [law, listed](const Config &c) { return listed(c) && law.reached(c); };
  return {all, some};
}

}  // namespace

void state_law(Laws &all, const Law &law, Part<View> subject, Part<View> claim) {
  auto [holds, occurs] = pair_of(law);
  holds.over_state = [=](const Model &m) { return always(View(m), subject, claim); };
  occurs.over_state = [=](const Model &m) { return sometimes(View(m), subject); };
  all.push_back(std::move(holds));
  all.push_back(std::move(occurs));
}

void step_law(Laws &all, const Law &law, Part<StepView> subject, Part<StepView> claim) {
  auto [holds, occurs] = pair_of(law);
  auto over = [subject](auto result) {
    return [subject, result](const Model &m, const Instance &i) -> std::optional<Expr> {
      // A thread takes over its leader's place: what was one thread's is another's.
      if (i.rule->id == "exec.done" && !m.schema.is_leader(i.thread)) return std::nullopt;
      const StepView x(m, i);
      if (sometimes(x, subject).is(0)) return std::nullopt;
      return result(x);
    };
  };
  holds.over_step = over([=](const StepView &x) { return always(x, subject, claim); });
  occurs.over_step = over([=](const StepView &x) { return sometimes(x, subject); });
  all.push_back(std::move(holds));
  all.push_back(std::move(occurs));
}

void ending_law(Laws &all, const Law &law, const std::vector<std::string> &fair,
                const std::string &measure, Part<View> lasts, Part<View> rank) {
  auto [ends, occurs] = pair_of(law);
  ends.kind = PropertyKind::eventually;
  Ending ending{fair, measure, [=](const Model &m, int t) { return lasts(View(m).about(t), t); },
                [=](const Model &m, int t) { return rank(View(m).about(t), t); }};
  ends.ending = std::make_shared<const Ending>(std::move(ending));
  const Ending *const own = ends.ending.get();
  ends.over_state = [=](const Model &m) {
    return always<View>(View(m), lasts, [&m, own](const View &, int t) {
      Expr any = truth(false);
      for (const Instance &i : m.instances)
        if (own->is_fair(i, t)) any = any || can(i);
      return any;
    });
  };
  ends.over_step = [=](const Model &m, const Instance &i) -> std::optional<Expr> {
    const StepView step(m, i);
    const Expr falls = always<StepView>(
        step, [=](const StepView &s, int t) { return lasts(s.before, t) && lasts(s.after, t); },
        [=](const StepView &s, int t) {
          const Expr before = rank(s.before, t), after = rank(s.after, t);
          return own->is_fair(i, t) ? less(after, before) : !less(before, after);
        });
    return falls.is(1) ? std::nullopt : std::optional(falls);
  };
  occurs.over_state = [=](const Model &m) { return sometimes<View>(View(m), lasts); };
  all.push_back(std::move(ends));
  all.push_back(std::move(occurs));
}

bool Ending::is_fair(const Instance &i, int thread) const {
  return i.thread == thread && i.rule->actor == Actor::kernel &&
         std::find(fair.begin(), fair.end(), i.rule->id) != fair.end();
}

}  // namespace ptmc::model
