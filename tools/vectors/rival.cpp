#include "tools/vectors/rival.hpp"

#include "traces/staging.hpp"

namespace ptmc::vectors {
namespace {

template <class Value>
bool agree(const std::optional<Value> &a, const std::optional<Value> &b) {
  return !a || !b || *a == *b;
}

// One kernel may show both: what one of them does not tell may be anything.
bool compatible(const traces::Outcome &a, const traces::Outcome &b) {
  const traces::Expect &x = a.shows, &y = b.shows;
  const bool fails = x.err.has_value() || y.err.has_value();
  return (fails ? x.err == y.err : agree(x.ret, y.ret) && agree(x.ret_pid, y.ret_pid)) &&
         agree(x.status, y.status) && agree(x.siginfo_signo, y.siginfo_signo) &&
         agree(x.siginfo_code, y.siginfo_code) && agree(x.siginfo_who, y.siginfo_who) &&
         agree(x.message, y.message) && agree(x.message_who, y.message_who) &&
         x.ret_pid.has_value() == y.ret_pid.has_value() && a.states == b.states &&
         agree(a.handlers, b.handlers);
}

}  // namespace

Rival::Rival(const model::Model &model) : model_(model), own_(model), walk_(model, own_) {
  const model::State first = model.initial();
  for (const bool succeeds : {true, false})  // an argument is told by a call that succeeds
    for (std::size_t i = 0; i < model.instances.size(); ++i) {
      const model::Instance &instance = model.instances[i];
      if ((instance.label.err == model::Err::ok) != succeeds) continue;
      const traces::StagedCall made = traces::call_of(model, instance, first);
      if (made.step) instance_of_.emplace(text_of(*made.step), i);
    }
}

bool Rival::fails(const traces::Vector &vector) {
  Beliefs states{{model_.initial()}};
  for (int at = 0; at >= 0;) {
    const traces::VectorStep &step = vector.steps[static_cast<std::size_t>(at)];
    const auto instance = instance_of_.find(text_of(step.call));
    if (instance == instance_of_.end()) return false;
    const Applied applied = walk_.apply(states, instance->second,
                                        [](const Believed &, std::size_t) { return Purpose(); });
    if (applied.stuck == states.size()) return true;  // and the vector waits in vain
    if (!applied.why_not.empty()) return false;
    states.clear();
    at = traces::Outcome::kAside;
    for (const traces::Outcome &o : step.outcomes) {
      if (o.next == traces::Outcome::kAside) continue;
      for (const Branch &b : applied.branches) {
        if (!compatible(o, b.outcome)) continue;
        at = o.next;
        add_missing(states, b.states);
      }
    }
    if (states.empty()) return true;
  }
  return false;
}

}  // namespace ptmc::vectors
