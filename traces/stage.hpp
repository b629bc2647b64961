// Runs scenarios on the running kernel and records them.
//
// The stage (keeper.hpp) is the scenario's "world"; it makes tracer, tracer2 and parent, and these
// the tracee.
#pragma once

#include <stdexcept>
#include <string>
#include <vector>
#include "traces/keeper.hpp"
#include "traces/scenario.hpp"
#include "traces/trace.hpp"

namespace ptmc::traces {

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
