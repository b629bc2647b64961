// The mutation score's parts on single mutants: one that a recorded trace reveals, one that only a
// property does, one that changes nothing, and without traces and properties one that survives.
#include <doctest/doctest.h>

#include <algorithm>

#include "tests/mutating.hpp"

namespace ptmc::mutate {
namespace {

const Outcome &of(const Score &score, const std::string &name) {
  const auto found = std::find_if(score.outcomes.begin(), score.outcomes.end(),
                                  [&](const Outcome &o) { return o.mutant.name() == name; });
  REQUIRE_MESSAGE(found != score.outcomes.end(), name);
  return *found;
}

Score of_listen(const std::vector<std::string> &traces, std::vector<SpaceOptions> spaces) {
  Options options;
  options.rule = "listen";
  options.traces = traces_named(traces);
  options.spaces = std::move(spaces);
  return score(options, [](const std::string &) {});
}

TEST_CASE("a mutant is killed by a trace, by a property, or proved equivalent") {
  const Score s = of_listen({"listen-group-stop"}, {{"group-stop", 1, 1, {}, {}, {}}});
  CHECK(s.traces == 1);
  const Outcome &trace = of(s, "listen: leaves \"own LISTENING\"");
  CHECK(trace.fate == Fate::trace);
  CHECK(trace.why.starts_with("listen-group-stop:"));
  const Outcome &property = of(s, "listen: without \"the tracer is not asleep in an attach\"");
  CHECK(property.fate == Fate::property);
  CHECK(property.why == "call.tracer_awake in group-stop/1");
  const Outcome &equivalent = of(s, "listen: leaves \"own sigpending\"");
  CHECK(equivalent.fate == Fate::equivalent);
  CHECK(equivalent.why.find("the same steps of its 1 instances from all ") != std::string::npos);
  CHECK(s.count(Fate::not_tried) == 0);
  CHECK(s.killed() + s.count(Fate::form) + s.count(Fate::equivalent) + s.count(Fate::survives) ==
        s.outcomes.size());
}

TEST_CASE("a mutant that nothing was held against survives") {
  // No exploration of this profile has a listening tracee.
  const Score s =
      of_listen({"listen-group-stop"}, {{"clones", 1, 1, {KILL}, {}, {Feature::listen}}});
  const Score none = of_listen({}, {{"group-stop", 1, 1, {}, {}, {}}});
  CHECK(none.traces == 0);
  CHECK(of(s, "listen: without \"the tracer lives\"").fate == Fate::survives);
  // No tracer dies in the other one: equal transitions prove nothing.
  const Outcome &untested = of(none, "listen: without \"the tracer lives\"");
  CHECK(untested.fate == Fate::survives);
  CHECK(untested.why.starts_with("put to the test in no profile: group-stop/1: "));
  CHECK(none.count(Fate::trace) == 0);
}

TEST_CASE("what the time does not allow is not tried, and counts for nothing") {
  Options options;
  options.rule = "listen";
  options.seconds = 1e-9;
  options.spaces = {{"group-stop", 1, 1, {}, {}, {}}};
  const Score s = score(options, [](const std::string &) {});
  CHECK(s.count(Fate::not_tried) == s.outcomes.size());
  CHECK(s.outcomes.size() > 10);
}

}  // namespace
}  // namespace ptmc::mutate
