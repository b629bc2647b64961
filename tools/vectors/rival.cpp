#include "tools/vectors/rival.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "traces/staging.hpp"
#include "traces/step_reader.hpp"

namespace ptmc::vectors {
namespace {

std::string text_of(traces::Step call) {
  call.async = false;  // whether it need return is the model's to say
  return write_call(call).dump();
}

}  // namespace

Rival::Rival(const model::Model &model, bool fast)
    : model_(model), settled_(model, fast), walk_(model, settled_) {
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
    if (!applied.why_not.empty()) return false;
    states.clear();
    at = traces::Outcome::kAside;
    for (const traces::Outcome &o : step.outcomes) {
      if (o.next == traces::Outcome::kAside) continue;
      const Branch *same = applied.find(o);
      if (!same) continue;
      at = o.next;
      for (const Believed &s : same->states)
        if (std::find(states.begin(), states.end(), s) == states.end()) states.push_back(s);
    }
    if (states.empty()) return true;
  }
  return false;
}

}  // namespace ptmc::vectors
