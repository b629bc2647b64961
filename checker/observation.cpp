#include "checker/observation.hpp"

#include <algorithm>
#include <cstdio>
#include <iterator>

#include "checker/export.hpp"

namespace ptmc::checker {

using model::Action;
using model::Actor;
using model::Err;
using model::Instance;
using model::Label;
using model::Value;

namespace {

std::string hex(Value v) {
  char text[16];
  std::snprintf(text, sizeof text, "0x%x", v);
  return text;
}

Call call_of(const Instance &i) { return {i.rule->actor, i.label.action, i.label.arg}; }

}  // namespace

// ---- Observations -------------------------------------------------------------------------------

bool Observation::same_call(const Observation &o) const {
  const auto call = [](const Observation &x) {
    return std::make_tuple(x.actor, x.label.action, x.label.tracer, x.label.thread, x.label.arg);
  };
  return call(*this) == call(o);
}

std::string call_text(const Observation &o) {
  return label_call(o.actor, o.label) + (o.blocks ? " for ever" : "");
}

std::string result_text(const Observation &o) {
  if (o.blocks) return "never returns";
  const std::string err(model::kErrNames[static_cast<std::size_t>(o.label.err)]);
  if (!o.output || o.label.err != Err::ok) return err;
  const Value v = *o.output;
  switch (o.label.action) {
    case Action::wait:
      return o.label.options & model::kNohang ? "0, nothing yet" : "status " + hex(v);
    case Action::getsiginfo:
      if (v & model::kTrapInfo) return "si_code " + hex(v & ~model::kTrapInfo);
      if (v & model::kForgedInfo) return "siginfo " + std::to_string(v & 0xff) + " of SETSIGINFO";
      return std::string(model::kSignals[v >> 8].name) + " of class " + std::to_string(v & 0xff);
    case Action::geteventmsg:
      if (v == model::kAnyMessage) return "a message";
      if (v & model::kThreadMessage) return "message t" + std::to_string(v & 0xff);
      return "message " + hex(v);
    default:
      return hex(v);
  }
}

std::string text(const Call &call) {
  return label_call(call.actor, {.action = call.action, .arg = call.arg});
}

// ---- Testers ------------------------------------------------------------------------------------

namespace {

// Those that can succeed, and those that nobody's can.
struct Calls {
  explicit Calls(const model::Model &model) {
    for (const Instance &i : model.instances) {
      if (i.label.action == Action::hidden) continue;
      all.insert(call_of(i));
      if (i.label.err == Err::ok) succeed.insert(call_of(i));
    }
  }
  // An unknown request is refused.
  std::set<Call> lacked_by(const Calls &other) const {
    std::set<Call> lacked;
    for (const Call &c : all) {
      const bool some = succeed.count(c) || other.succeed.count(c);
      if (some ? succeed.count(c) && !other.succeed.count(c) : !other.all.count(c))
        lacked.insert(c);
    }
    return lacked;
  }
  std::set<Call> all, succeed;
};

}  // namespace

Tester::Tester(const model::Model &left, const model::Model &right) {
  const Calls l(left), r(right);
  left_only = l.lacked_by(r);
  right_only = r.lacked_by(l);
  const auto both = [&](model::Feature f) { return (*left.config)[f] && (*right.config)[f]; };
  messages = both(model::Feature::message_cleared);
  syscall_messages = both(model::Feature::syscall_message);
}

void Tester::leave_out(Action action, const model::Model &model) {
  for (const Instance &i : model.instances)
    if (i.label.action == action) left_only.insert(call_of(i));
}

// ---- Observers ----------------------------------------------------------------------------------

Observer::Observer(const model::Model &model, const Tester &tester)
    : model_(model), tester_(tester) {
  for (const Instance &i : model.instances) {
    const Call call = call_of(i);
    const bool others = tester.tracer_alone && i.rule->actor != Actor::tracer;
    kinds_.push_back(others || i.label.action == Action::hidden ? Kind::hidden
                     : tester.left_only.count(call) || tester.right_only.count(call)
                         ? Kind::left_out
                         : Kind::seen);
  }
}

bool Observer::needs_state(std::size_t instance) const {
  return model_.instances[instance].label.action == Action::geteventmsg;
}

std::vector<Observation> Observer::of(std::size_t instance, Value output,
                                      const model::State &before) const {
  const Instance &i = model_.instances[instance];
  Observation o{i.rule->actor, i.label, {}, false};
  if (i.output) o.output = output;
  if (tester_.errors_alike && o.label.err != Err::ok) o.label.err = Err::esrch;
  const Label &l = i.label;
  if (l.action == Action::geteventmsg && l.err == Err::ok && !tester_.messages) {
    const model::Loc loc = model_.schema.loc(before, l.thread);
    const bool syscall = loc == model::Loc::entry_trap || loc == model::Loc::exit_trap;
    const bool event = loc == model::Loc::ptrace_event_trap || loc == model::Loc::exit_event_trap;
    if (!event && !(syscall && tester_.syscall_messages)) o.output = model::kAnyMessage;
  }
  const bool report = l.action == Action::wait && l.err == Err::ok && !(l.options & model::kNohang);
  if (!report) return {o};
  // Its options are the least ones that show it. To see which calls show it, it is enough to look
  // at those that differ in whom they see.
  std::vector<int> sights{model::kNormal, model::kNormal | model::kClone};
  if ((*model_.config)[model::Feature::wait_clones]) sights.push_back(model::kClone);
  std::vector<Observation> all;
  const bool threads = model_.schema.shape.tracer_threads && o.actor == Actor::tracer;
  for (const int others : {0, int{model::kThreads}}) {
    if (others && !threads) continue;
    for (const int sight : sights) {
      const int whom = model::kNormal | model::kClone | model::kThreads;
      if (l.options & whom & ~(sight | others)) continue;
      o.label.options = (l.options & ~whom) | sight | others;
      all.push_back(o);
    }
  }
  return all;
}

std::optional<Observation> Observer::blocking(const Observation &nothing) {
  const Label &l = nothing.label;
  if (l.action != Action::wait || l.err != Err::ok || !(l.options & model::kNohang)) return {};
  Observation o = nothing;
  o.blocks = true;
  o.label.options &= ~model::kNohang;
  o.output.reset();
  return o;
}

}  // namespace ptmc::checker
