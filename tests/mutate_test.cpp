// The mutation score's parts on single mutants: one that a recorded trace reveals, one that only a
// property does, one that changes nothing, and without traces and properties one that survives.
#include <doctest/doctest.h>

#include <algorithm>

#include "tests/mutating.hpp"
#include "tools/mutating/profiles.hpp"

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

std::vector<Mutant> mutants_of_listen(const Whole &whole) {
  return mutants_of({whole.model.get()}, "listen");
}

TEST_CASE("the laws show that some mutants take the same steps, and of others they do not") {
  std::vector<Whole> profiles = whole_profiles("linux-3.4");
  for (Whole &whole : profiles) {
    if (whole.by_laws->name() != "profile group-stop") continue;
    const auto answer = [&](Change change, const std::string &part) {
      return whole.by_laws->same_steps({"listen", change, part});
    };
    using enum ByLaws::Answer;
    CHECK(answer(Change::drop_effect, "own LISTENING") == unproved);
    CHECK(answer(Change::negate_guard, "it is in a ptrace-stop") == unproved);
    CHECK(answer(Change::drop_guard, "the tracer lives") == same);  // none dies
    CHECK(answer(Change::drop_guard, "no such guard") == absent);
    std::size_t found = 0;
    for (const Mutant &m : mutants_of_listen(whole)) found += whole.by_laws->same_steps(m) == same;
    CHECK(found >= 3);
  }
}

TEST_CASE("a whole profile shows the same steps, or a property that fails after another") {
  std::vector<Whole> profiles = whole_profiles("linux-3.4");
  std::erase_if(profiles, [](const Whole &w) { return w.by_laws->name() != "profile exitkill"; });
  REQUIRE(profiles.size() == 1);
  const std::vector<Mutant> mutants = mutants_of_listen(profiles[0]);
  const std::vector<InFull> found =
      explore_in_full(profiles, mutants, 1, 60, [](const std::string &) {});
  std::size_t same = 0, broken = 0;
  for (std::size_t i = 0; i < mutants.size(); ++i) {
    INFO(mutants[i].name());
    CHECK(found[i].bounded.empty());
    CHECK((found[i].same == "profile exitkill") == found[i].differs.empty());
    if (!found[i].broken.empty()) CHECK(!found[i].differs.empty());
    if (mutants[i].name() == "listen: leaves \"own LISTENING\"")
      CHECK(found[i].differs == "profile exitkill");
    same += !found[i].same.empty();
    broken += !found[i].broken.empty();
  }
  CHECK(same > 5);
  CHECK(broken > 5);
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
