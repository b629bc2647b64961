// Traces of real kernels are accepted: every scenario as tools/record-tests recorded it, and the
// strace logs of real tracers.

#include <doctest/doctest.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>

#include "tests/replaying.hpp"

namespace ptmc::traces {
namespace {

// Each process by itself allows that the wait found another.
TEST_CASE("a wait for anybody that returns 0 has found somebody") {
  Trace trace = read_trace(kSource / "tests/traces/child-reaped-twice.jsonl");
  const auto last = std::find_if(trace.events.rbegin(), trace.events.rend(), [](const Event &e) {
    return e.call == Call::wait4 && e.ret == -1 && e.err == ECHILD;
  });
  REQUIRE(last != trace.events.rend());
  last->target = -1;
  last->options |= WNOHANG;
  check_accepted(replayed(trace));
  last->ret = 0;
  last->err = 0;
  const ReplayResult result = replayed(trace);
  CHECK_FALSE(result.accepted);
  REQUIRE(result.divergence);
  CHECK(result.divergence->line == last->line);
}

// What a scenario shows by luck only. Without the rule that it is about the trace is rejected, and
// so it is where SIGCONT was not sent meanwhile.
TEST_CASE("SEIZE that meets a SIGCONT is accepted where the two overlap") {
  Trace trace = read_trace(kSource / "tests/races/seize-meets-sigcont.jsonl");
  check_accepted(replayed(trace));
  ReplayOptions without;
  without.mutate = [](model::Model &m) {
    std::erase_if(m.instances, [](const model::Instance &i) {
      return i.label.action == model::Action::seize && i.label.options == model::kMeanwhile;
    });
  };
  CHECK_FALSE(replay(trace, without).accepted);
  for (Event &e : trace.events)
    if (e.call == Call::ptrace && e.request == PTRACE_SEIZE) e.t1 = e.t0 + 1;
  CHECK_FALSE(replayed(trace).accepted);
}

TEST_CASE("every scenario was recorded, and its trace is accepted") {
  double allowed = 0;
  const auto scenarios = files("traces/scenarios", ".jsonl");
  REQUIRE(scenarios.size() >= 40);
  CHECK(files("tests/traces", ".jsonl").size() == scenarios.size());
  for (const auto &scenario : scenarios) {
    INFO(scenario.filename().string());
    const Trace trace = read_trace(kSource / "tests/traces" / scenario.filename());
    CHECK(trace.scenario == scenario.stem());
    CHECK(trace.world == World::closed);
    const ReplayResult result = replayed(trace);
    check_accepted(result);
    CHECK(result.mean_allowed_next < 2);
    allowed += result.mean_allowed_next;
  }
  // On average a call has hardly more than one outcome.
  CHECK(allowed / static_cast<double>(scenarios.size()) < 1.1);
}

TEST_CASE("every strace log is accepted") {
  int logs = 0;
  for (const auto &log : files("tests/strace", ".strace")) {
    if (log.filename().string().starts_with("hand-")) continue;
    INFO(log.filename().string());
    ++logs;
    const ReplayResult result = replayed(read_trace(log));
    CHECK(result.world == World::open);
    check_accepted(result);
  }
  CHECK(logs > 40);
}

}  // namespace
}  // namespace ptmc::traces
