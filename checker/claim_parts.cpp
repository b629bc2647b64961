#include "checker/claim_parts.hpp"

#include <algorithm>

namespace ptmc::checker {

using namespace model;

Expr stops_for(const Model &m, int thread, Sig sig) {
  const View v(m);
  return v.at(thread, {Loc::sig_trap}) && eq(v.get(v.t(thread).sig), sig);
}

Expr jobctl_stop(const Model &m, int thread) {
  return View(m).at(thread, {Loc::event_trap, Loc::group_trap});
}

Expr caused_by(const Model &m, int thread, std::initializer_list<Cause> any) {
  const View v(m);
  Expr e = truth(false);
  for (Cause c : any) e = e || eq(v.get(v.t(thread).cause), static_cast<Value>(c));
  return e;
}

// ---- Memory -------------------------------------------------------------------------------------

namespace {

std::string of(int thread, const std::string &name) {
  return "t" + std::to_string(thread) + "." + name;
}
Sig sent_by(Own by) { return by == Own::exec ? TRAP : STOP; }
std::string own_name(int thread, Sig sig) {
  return of(thread, "own." + std::string(kSignals[sig].name));
}
const char *const kOwnStop = "own_stop";

bool sends_own(const StepView &s, int thread, Own by) {
  switch (by) {
    case Own::attach:
      return s.succeeds(Action::attach, thread);
    case Own::child:
      return s.step.label.action == Action::fork && s.step.label.arg == thread;
    case Own::exec:
      return s.is("exec.sigtrap", thread);
  }
  return false;
}

}  // namespace

Remember remember_own(const std::vector<Own> &by) {
  return [by](Model &m) {
    for (int t = 0; t < m.threads(); ++t) {
      std::vector<std::pair<Sig, Field>> own;
      for (const Sig sig : {STOP, TRAP}) {
        const Field pending = m.schema.thread[static_cast<std::size_t>(t)].pend[sig];
        const Field field = remember(m, own_name(t, sig), 1, [=](const StepView &s, Expr before) {
          const Expr after = s.after.get(pending);
          if (std::any_of(by.begin(), by.end(),
                          [&](Own b) { return sent_by(b) == sig && sends_own(s, t, b); }))
            return after;
          return after.same(s.before.get(pending)) ? before : before && after;
        });
        own.emplace_back(sig, field);
      }
      remember(m, of(t, kOwnStop), 1, [=](const StepView &s, Expr before) {
        const ThreadFields &f = s.before.t(t);
        if (s.after.get(f.loc).same(s.before.get(f.loc))) return before;
        Expr takes = truth(false);
        for (const auto &[sig, field] : own)
          takes = takes || (s.before.get(field) && eq(s.after.get(f.sig), sig));
        const Expr stays = s.before.at(t, {Loc::sig_trap});
        return s.after.at(t, {Loc::sig_trap}) &&
               ite(stays, before, takes && !s.after.get(f.shared));
      });
    }
  };
}

Expr own_pending(const Model &m, int thread, Sig sig) {
  return remembered(m, own_name(thread, sig));
}
Expr own_stop(const Model &m, int thread) { return remembered(m, of(thread, kOwnStop)); }

Remember remember_since_attach(const std::string &name,
                               const std::function<bool(const StepView &, int)> &happens) {
  return [=](Model &m) {
    for (int t = 0; t < m.threads(); ++t)
      remember(m, of(t, name), 1, [=](const StepView &s, Expr before) {
        if (happens(s, t)) return truth(true);
        const Expr after = s.after.traced(t);
        return after.same(s.before.traced(t)) ? before : before && s.before.traced(t) && after;
      });
  };
}
Expr since_attach(const Model &m, const std::string &name, int thread) {
  return remembered(m, of(thread, name));
}

// ---- Questions ----------------------------------------------------------------------------------

Property property_over(std::string id, PropertyKind kind, const OverState &over) {
  Property p{std::move(id), kind, "", "", anywhere, {}, {}};
  p.over_state = [over](const Model &m) { return over(View(m)); };
  return p;
}

Property property_over(std::string id, PropertyKind kind, const OverStep &over) {
  Property p{std::move(id), kind, "", "", anywhere, {}, {}};
  p.over_step = [over, kind](const Model &m, const Instance &i) -> std::optional<Expr> {
    const Expr e = over(StepView(m, i));
    if (e.is(kind == PropertyKind::always ? 1 : 0)) return std::nullopt;
    return e;
  };
  return p;
}

namespace {

template <class Over>
Question question(const World &world, PropertyKind kind, const Over &over) {
  return {world, {}, Holds{property_over("claim", kind, over)}};
}

template <class Over, class Of>
Expr all_of(const Over &x, const Of &claim) {
  Expr e = truth(true);
  for (int t = 0; t < x.m.threads(); ++t) e = e && claim(x.about(t), t);
  return e;
}
template <class Over, class Of>
Expr any_of(const Over &x, const Of &subject) {
  Expr e = truth(false);
  for (int t = 0; t < x.m.threads(); ++t) e = e || subject(x.about(t), t);
  return e;
}

}  // namespace

Question always(const World &world, const OverState &claim) {
  return question(world, PropertyKind::always, claim);
}
Question never(const World &world, const OverState &subject) {
  return always(world, [subject](const View &v) { return !subject(v); });
}
Question never_step(const World &world, const OverStep &subject) {
  return always_step(world, [subject](const StepView &s) { return !subject(s); });
}
Question sometimes(const World &world, const OverState &subject) {
  return question(world, PropertyKind::sometimes, subject);
}
Question always_step(const World &world, const OverStep &claim) {
  return question(world, PropertyKind::always, claim);
}
Question sometimes_step(const World &world, const OverStep &subject) {
  return question(world, PropertyKind::sometimes, subject);
}
OverState each(const std::function<Expr(const View &, int)> &claim) {
  return [=](const View &v) { return all_of(v, claim); };
}
OverState some(const std::function<Expr(const View &, int)> &subject) {
  return [=](const View &v) { return any_of(v, subject); };
}
OverStep each_step(const std::function<Expr(const StepView &, int)> &claim) {
  return [=](const StepView &s) { return all_of(s, claim); };
}
OverStep some_step(const std::function<Expr(const StepView &, int)> &subject) {
  return [=](const StepView &s) { return any_of(s, subject); };
}

// ---- Shared parts -------------------------------------------------------------------------------

const std::vector<SigcontReport> &sigcont_reports() {
  static const std::vector<SigcontReport> all{
      {{}, "SIGCONT reports nothing"},
      {{Feature::sigcont_stale}, "SIGCONT reports the stale signal"},
      {{Feature::sigcont_plain_trap}, "SIGCONT reports SIGTRAP"},
      {{Feature::sigcont_einval_trap}, "SIGCONT reports SIGTRAP, GETSIGINFO fails"}};
  return all;
}

Question sigcont_reported(const World &world) {
  return always_step(world, each_step([](const StepView &s, int t) {
                       const bool cont = s.step.label.action == Action::send &&
                                         s.step.label.arg == CONT && s.step.label.err == Err::ok;
                       const ThreadFields &f = s.before.t(t);
                       const View &v = s.after;
                       const Expr reports = v.get(f.trap_stop) || v.get(f.trap_notify);
                       return implies(truth(cont) && s.before.get(f.listening) && !v.dying(t),
                                      !v.in_trap(t) && reports);
                     }));
}

void listen_parts(std::vector<Part> &parts, const World &world, const std::string &under) {
  const auto add = [&](std::string statement, Question question) {
    parts.push_back({std::move(statement), std::move(question), Verdict::holds, under});
  };
  add("LISTEN can succeed", sometimes_step(world, some_step([](const StepView &s, int t) {
                                             return truth(s.succeeds(Action::listen, t));
                                           })));
  add("LISTEN leaves the group as stopped as it was",
      always_step(world, each_step([](const StepView &s, int t) {
                    return implies(truth(s.succeeds(Action::listen, t)),
                                   s.same(s.before.p->jobs) && s.same(s.before.p->stop_count));
                  })));
  add("a listening tracee runs no user code",
      always_step(world, each_step([](const StepView &s, int t) {
                    const bool runs = s.step.rule->actor == Actor::tracee && s.step.thread == t;
                    return implies(truth(runs), !s.before.get(s.before.t(t).listening));
                  })));
  add("SIGCONT makes a listening tracee stop and report again, unless it dies",
      sigcont_reported(world));
}

void interrupt_alone(std::vector<Part> &parts, const World &world, const std::string &under) {
  const auto interrupts = each([](const View &v, int t) {
    const Expr bare =
        v.at(t, {Loc::group_trap}) && eq(v.get(v.t(t).info), 0) && eq(v.get(v.t(t).sig), TRAP);
    return implies(bare, caused_by(v.m, t, {Cause::interrupt}));
  });
  for (const bool marks : {false, true})
    parts.push_back({"a stop of job control with SIGTRAP whose GETSIGINFO fails is INTERRUPT's",
                     always(marks ? with(world, {Feature::interrupt_marks}) : world, interrupts),
                     Verdict::holds,
                     under + (marks ? ", SIGTRAP put there by INTERRUPT alone"
                                    : ", SIGTRAP in every such trap while the group runs")});
}

}  // namespace ptmc::checker
