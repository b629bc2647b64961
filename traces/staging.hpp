// A run of the model as a scenario: the calls that it makes, in their order, and between them waits
// for what /proc shows of where the kernel's own steps have led. So the schedule is forced by what
// can be observed; what happens inside the kernel, between two such places, is left to it, and a
// run may have to be tried more than once.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "model/rule.hpp"
#include "traces/scenario.hpp"

namespace ptmc::traces {

// The call by which somebody takes such a step; none: the kernel takes it by itself.
struct StagedCall {
  std::optional<Step> step;
  std::string why_not;  // no scenario can make it
};
StagedCall call_of(const model::Model &model, const model::Instance &instance,
                   const model::State &before);

// Every call then waits until the kernel has done all that it can do by itself, and the tracee's
// handlers: what happens in such a model can be staged without luck.
void settle(model::Model &model);

struct Staged {
  Scenario scenario;
  std::string why_not;  // no scenario: a step of the run that none can make
  // A step of the run is one that only the kernel's timing can bring about.
  bool raced = false;
};
// The run: states[i] is before instances[i], and there is one state more. Of one process whose real
// parent is not its tracer.
Staged staged(const model::Model &model, const std::vector<std::size_t> &instances,
              const std::vector<model::State> &states, const std::string &name,
              const std::string &design);

}  // namespace ptmc::traces
