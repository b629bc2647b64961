// Of every recorded scenario the tracer's side alone is accepted, as an open world: as strace would
// have seen it.

#include <doctest/doctest.h>

#include <algorithm>

#include "tests/replaying.hpp"

namespace ptmc::traces {
namespace {

Trace tracers_side(Trace trace) {
  const auto process = [&](Role role) {
    return std::find_if(trace.processes.begin(), trace.processes.end(),
                        [=](const Process &p) { return p.role == role; });
  };
  const std::vector<pid_t> tracers = process(Role::tracer)->threads;
  std::erase_if(trace.events, [&](const Event &e) {
    return std::find(tracers.begin(), tracers.end(), e.pid) == tracers.end();
  });
  if (process(Role::parent) == trace.processes.end()) {  // the tracer has forked the tracee
    Event fork;
    fork.pid = trace.tracer;
    fork.call = Call::fork;
    fork.ret = process(Role::tracee)->pid;
    trace.events.insert(trace.events.begin(), fork);
  }
  trace.world = World::open;
  trace.processes.clear();
  return trace;
}

TEST_CASE("the tracer's side alone of every trace is accepted as an open world") {
  for (const auto &file : files("tests/traces", ".jsonl")) {
    INFO(file.filename().string());
    check_accepted(replayed(tracers_side(read_trace(file))));
  }
}

}  // namespace
}  // namespace ptmc::traces
