// Traces of real kernels are accepted: every scenario as tools/record-tests recorded it, and the
// strace logs of real tracers.
#include "traces/replay.hpp"
#include <doctest/doctest.h>
#include <sys/wait.h>
#include <algorithm>
#include <cerrno>
#include <filesystem>
#include "traces/models.hpp"

namespace ptmc::traces {
namespace {

const std::filesystem::path kSource = PTMC_SOURCE_DIR;

std::vector<std::filesystem::path> files(const std::filesystem::path &directory,
                                         const std::string &extension) {
  std::vector<std::filesystem::path> all;
  for (const auto &entry : std::filesystem::directory_iterator(kSource / directory))
    if (entry.path().extension() == extension) all.push_back(entry.path());
  std::sort(all.begin(), all.end());
  return all;
}

void check_accepted(const ReplayResult &result) {
  CHECK(result.gave_up == "");
  CHECK(result.accepted);
  if (!result.divergence) return;
  std::string allowed;
  for (const std::string &one : result.divergence->allowed) allowed += "\n  " + one;
  FAIL_CHECK(result.divergence->observed, ", allowed:", allowed);
}

Models &models() {
  static Models all({.signals = {}, .siginfos = {}, .masks = {}, .exit_codes = {}}, 24);
  return all;
}
ReplayResult replayed(const Trace &trace) {
  ReplayOptions options;
  options.models = &models();
  return replay(trace, options);
}

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

// What strace would have seen of it.
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
