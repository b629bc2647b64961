// Runs scenarios on the running kernel and records them.
//
//   caller -- keeper -- stage (the scenario's "world") -- tracer, tracer2
//                                                      -- parent -- tracee -- what it forks
//
// As root the stage is the init of a PID namespace of its own, so its end ends everything; pids are
// those of that namespace, where the stage is 1. Without privileges the keeper, a subreaper, ends
// its descendants one by one. Either way nothing is left behind, also when the caller is killed.
#pragma once

#include <stdexcept>
#include <string>
#include <vector>
#include "traces/scenario.hpp"
#include "traces/trace.hpp"

namespace ptmc::traces {

// This machine does not permit it (exit code 4); what() is the reason.
class NotPossible : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

// The scenario waited in vain (5 s) for a state or for a call to end: "FILE:LINE: scenario did not
// reach ...".
class NotReached : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

struct RunResult {
  Trace trace;
  std::vector<std::string> unexpected;  // "FILE:LINE: ..." for each expectation that was not met
  std::vector<bool> made;               // by step: it is in the trace
};

// Throws NotPossible or NotReached.
RunResult run_scenario(const Scenario &scenario);

}  // namespace ptmc::traces
