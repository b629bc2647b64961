// Runs of the model, staged on this kernel: what the model says can happen does, at the first
// attempt where nothing is left to the kernel's timing.
#include "traces/staging.hpp"

#include <doctest/doctest.h>

#include "checker/claim_parts.hpp"
#include "checker/explore.hpp"
#include "checker/tracer_program.hpp"
#include "model/designs.hpp"
#include "traces/replay.hpp"
#include "traces/stage.hpp"

namespace ptmc::tests {
namespace {

using namespace ptmc::model;
using checker::Counterexample;
using traces::Staged;

// The shortest runs that show these; each must be there.
std::vector<Counterexample> runs_of(const Model &m, const std::vector<Property> &wanted) {
  checker::ExploreOptions how;
  how.fast = false;
  how.properties = &wanted;
  std::vector<Counterexample> runs;
  for (const checker::PropertyResult &r : checker::explore(m, how).properties) {
    INFO(r.property->id);
    REQUIRE(r.trace);
    runs.push_back(*r.trace);
  }
  return runs;
}

std::optional<traces::Trace> recorded(const Staged &staged) {
  try {
    return traces::run_scenario(staged.scenario).trace;
  } catch (const traces::NotPossible &e) {
    MESSAGE("skipped: ", e.what());
    return {};
  }
}

bool accepted(const traces::Trace &trace, const std::string &design,
              const std::function<void(Model &)> &change = {}) {
  traces::ReplayOptions how;
  how.design = design;
  how.mutate = change;
  return traces::replay(trace, how).accepted;
}

TEST_CASE("what can be reached without luck is, and the model explains it") {
  const Config config =
      explored_config(parse_design("linux-3.4"), find_profile("default"), {STOP, CONT, KILL});
  Model m(explored_shape(config, 1), &config);
  traces::settle(m);
  std::vector<Property> wanted;
  for (const Property &p : properties())
    for (const char *id :
         {"listening.trapped.occurs", "interrupt.traps.occurs", "listen.parks.occurs",
          "sigcont.notifies.occurs", "unlink.rejoins.occurs", "kill.kills.occurs",
          "attach.traps_stopped.occurs", "exit_event.asked_for.occurs", "wait.reaps.occurs"})
      if (p.id == id) wanted.push_back(p);
  CHECK(wanted.size() == 9);
  const std::vector<Counterexample> runs = runs_of(m, wanted);
  for (std::size_t k = 0; k < runs.size(); ++k) {
    INFO(wanted[k].id);
    const Staged staged =
        traces::staged(m, runs[k].instances, runs[k].states, wanted[k].id, "linux-3.4");
    CHECK(staged.why_not == "");
    CHECK(!staged.raced);
    const auto trace = recorded(staged);
    if (!trace) return;
    CHECK(accepted(*trace, "linux-3.4"));
  }
}

// The loop that restarts each stop with its signal: a stopped group runs user code.
TEST_CASE("the naive loop's mistake is seen on this kernel") {
  const checker::TracerProgram naive =
      checker::read_tracer(PTMC_SOURCE_DIR "/checker/tracers/naive.jsonl");
  const auto with_program = [&](Model &m) {
    checker::remember_own({checker::Own::attach, checker::Own::child, checker::Own::exec})(m);
    checker::run_by(m, naive);
  };
  const Config config =
      explored_config(parse_design("linux-3.4"), find_profile("group-stop"), {STOP, CONT});
  Config with_user = config;
  with_user[Feature::syscall] = true;  // user code that shows
  Model m(explored_shape(with_user, 1), &with_user);
  with_program(m);
  traces::settle(m);
  std::vector<Property> wanted;
  for (const Property &p : checker::tracer_properties(naive))
    if (p.id == "tracer.job_control") wanted.push_back(p);
  REQUIRE(wanted.size() == 1);
  const std::vector<Counterexample> runs = runs_of(m, wanted);
  const Staged staged = traces::staged(m, runs[0].instances, runs[0].states, "naive", "linux-3.4");
  CHECK(staged.why_not == "");
  const auto trace = recorded(staged);
  if (!trace) return;
  CHECK(accepted(*trace, "linux-3.4"));
  // All that the tracer does there the loop does.
  CHECK(accepted(*trace, "linux-3.4", with_program));
  // And it is the mistake: no explanation is left if a stopped group never runs user code.
  CHECK(!accepted(*trace, "linux-3.4", [&](Model &of) {
    with_program(of);
    for (Instance &i : of.instances) {
      const auto claim = wanted[0].over_step(of, i);
      if (!claim) continue;
      Substitution step;
      for (const Update &u : i.updates) step.primed.emplace(u.field, u.value);
      static const std::string kNever = "no user code runs in a stopped group";
      i.guards.push_back({kNever, substitute(*claim, step)});
    }
  }));
}

TEST_CASE("what cannot be staged says so") {
  const Config config =
      explored_config(parse_design("linux-3.4"), find_profile("default"), {STOP, CONT});
  Model two(explored_shape(config, 1, 2), &config);
  const Staged families = traces::staged(two, {}, {two.initial()}, "two", "linux-3.4");
  CHECK(families.why_not != "");
}

}  // namespace
}  // namespace ptmc::tests
