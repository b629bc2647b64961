// The random programs of tools/difftest: their generator, their shrinker, and what they find.
#include "tools/difftesting/difftest.hpp"
#include <doctest/doctest.h>
#include <sched.h>
#include <map>
#include <set>
#include <sstream>
#include "tools/difftesting/generate.hpp"
#include "tools/difftesting/shrink.hpp"
#include "traces/stage.hpp"

namespace ptmc::difftest {
namespace {

using traces::Call;
using traces::Scenario;
using traces::Step;
namespace who = traces::who;

Totals run_quietly(const Options &options) {
  try {
    return run(
        options, [] { return false; }, [](const Totals &) {});
  } catch (const traces::NotPossible &reason) {
    const std::string what = reason.what();
    MESSAGE("skipped, not possible here: " << what);
    return {};
  }
}

TEST_CASE("the same numbers give the same program") {
  Generator one, other;
  Coverage coverage;
  coverage.add({3, model::StopKind::running});
  std::set<std::string> all;
  for (std::uint64_t number = 0; number < 20; ++number)
    for (const Coverage *known :
         {static_cast<const Coverage *>(nullptr), static_cast<const Coverage *>(&coverage)}) {
      const std::string program = to_jsonl(one.program(7, number, known));
      CHECK(program == to_jsonl(other.program(7, number, known)));
      all.insert(program);
    }
  all.insert(to_jsonl(one.program(8, 0, nullptr)));
  CHECK(all.size() == 41);
}

TEST_CASE("a program survives writing and reading") {
  Generator generator;
  for (std::uint64_t number = 0; number < 50; ++number) {
    const Scenario program = generator.program(1, number, nullptr);
    std::istringstream in(to_jsonl(program));
    const Scenario read = traces::read_scenario(in, program.file);
    CHECK(read.loose);
    CHECK(to_jsonl(read) == to_jsonl(program));
  }
}

TEST_CASE("programs make every kind of call") {
  std::set<std::pair<Call, long>> missing;
  for (const Kind &kind : kinds()) missing.emplace(kind.call, kind.request);
  Generator generator;
  for (std::uint64_t number = 0; number < 200; ++number)
    for (const Step &step : generator.program(1, number, nullptr).steps)
      missing.erase({step.event.call, step.event.request});
  CHECK(missing.empty());
}

Step step(pid_t by, Call call, bool async = false) {
  Step step;
  step.event.pid = by;
  step.event.call = call;
  step.async = async;
  return step;
}

TEST_CASE("the shrinker leaves only what a failure needs") {
  Scenario failing;
  failing.threads = 4;
  for (int i = 0; i < 37; ++i) failing.steps.push_back(step(who::t3, Call::user, true));
  failing.steps[5] = step(who::t0, Call::getpid, true);
  failing.steps[30] = step(who::t1, Call::pause, true);
  int asked = 0;
  // Fails if getpid comes before pause, and the latter is not waited for.
  const Scenario small = shrink(failing, [&](const Scenario &scenario) {
    ++asked;
    bool found = false;
    for (const Step &s : scenario.steps) {
      found = found || s.event.call == Call::getpid;
      if (s.event.call == Call::pause) return found && s.async;
    }
    return false;
  });
  REQUIRE(small.steps.size() == 2);
  CHECK(small.steps[0].event.call == Call::getpid);
  CHECK_FALSE(small.steps[0].async);
  CHECK(small.steps[1].event.call == Call::pause);
  CHECK(small.steps[1].async);
  CHECK(small.threads == 2);
  CHECK(asked < 60);
}

TEST_CASE("the shrinker drops with a fork what its child does") {
  Scenario failing;
  failing.steps = {step(who::t0, Call::fork), step(who::t1, Call::fork),
                   step(who::t2, Call::getpid), step(who::t1, Call::getpid),
                   step(who::t0, Call::pause)};
  failing.steps[0].event.child = who::t1;
  failing.steps[1].event.child = who::t2;
  bool orphans = false;
  const Scenario small = shrink(failing, [&](const Scenario &scenario) {
    bool forks = false, pauses = false;
    for (const Step &s : scenario.steps) {
      forks = forks || s.event.child == who::t1;
      orphans = orphans || (s.event.pid == who::t1 && !forks);
      pauses = pauses || s.event.call == Call::pause;
    }
    return pauses;
  });
  CHECK(small.steps.size() == 1);
  CHECK_FALSE(orphans);
}

TEST_CASE("random programs have several processes and threads") {
  Generator generator;
  int forks = 0, clones = 0, execs = 0;
  for (std::uint64_t number = 0; number < 200; ++number) {
    bool fork = false, clone = false, exec = false;
    const Scenario program = generator.program(1, number, nullptr);
    std::map<pid_t, pid_t> leader;
    std::map<pid_t, int> threads{{who::t0, program.threads}};
    for (pid_t role = who::t0; role < who::t0 + program.threads; ++role) leader[role] = who::t0;
    for (const Step &s : program.steps) {
      exec = exec || s.event.call == Call::execve;
      if (s.event.call != Call::fork) continue;
      const bool thread = s.event.data & CLONE_THREAD;
      (thread ? clone : fork) = true;
      REQUIRE(leader.count(s.event.pid) == 1);
      REQUIRE(leader.count(s.event.child) == 0);
      leader[s.event.child] = thread ? leader[s.event.pid] : s.event.child;
      CHECK(++threads[leader[s.event.child]] <= traces::kMaxThreads);
    }
    CHECK(threads.size() <= 3);
    forks += fork, clones += clone, execs += exec;
  }
  CHECK(forks > 20);
  CHECK(clones > 20);
  CHECK(execs > 10);
}

TEST_CASE("the model explains random programs") {
  Options options;
  options.programs = 60;
  options.seconds = 60;
  const Totals totals = run_quietly(options);
  if (totals.programs == 0) return;
  CHECK(totals.rejections == 0);
  CHECK(totals.failed == 0);
  CHECK(totals.rules > 50);
}

}  // namespace
}  // namespace ptmc::difftest
