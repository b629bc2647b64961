// The exports of the whole default profile, and of two threads, compared as in export_test.cpp.

#include <doctest/doctest.h>

#include <sstream>

#include "checker/explore.hpp"
#include "checker/export.hpp"
#include "tests/exploring.hpp"
#include "tests/exporting.hpp"
#include "tests/mutations.hpp"

using namespace ptmc;
using namespace ptmc::exploring;
using namespace ptmc::tests;

namespace {

std::string ours(const Model &m) {
  checker::ExploreOptions o;
  const std::vector<Property> none;
  o.properties = &none;
  o.jobs = 2;
  const checker::ExploreResult r = explore(m, o);
  REQUIRE(r.complete);
  return std::to_string(r.states) + " states, " + std::to_string(r.transitions) + " transitions";
}

std::string theirs(const Answer &a) {
  return std::to_string(a.states) + " states, " + std::to_string(a.transitions) + " transitions";
}

}  // namespace

TEST_CASE("Spin and Rumur count what we count") {
  for (std::string_view design : kDesigns)
    for (auto [profile, threads] : {std::pair{"default", 1}, std::pair{"group-stop", 2}}) {
      CAPTURE(design);
      CAPTURE(profile);
      const auto m = make(design, profile, threads);
      const auto properties = properties_named({"trap.traced", "stop.lasts"});
      const std::string expected = ours(*m);
      for (const Answer &a : {spin(*m, properties, true), rumur(*m, properties, true)}) {
        CHECK(!a.violated);
        CHECK(theirs(a) == expected);
      }
    }
}

TEST_CASE("aut counts them too") {
  for (std::string_view design : kDesigns) {
    CAPTURE(design);
    const auto m = make(design, "group-stop", 2);
    std::ostringstream text;
    checker::export_aut(text, *m);
    unsigned long long transitions = 0, states = 0;
    REQUIRE(std::sscanf(text.str().c_str(), "des (0, %llu, %llu)", &transitions, &states) == 2);
    CHECK(std::to_string(states) + " states, " + std::to_string(transitions) + " transitions" ==
          ours(*m));
  }
}

TEST_CASE("a mistake in the rules is found by each") {
  const auto m = make("linux-3.4", "group-stop", 1);
  sigcont_wakes_seized_trap(*m);
  checker::ExploreOptions plain;
  plain.property_ids = {"stop.lasts"}, plain.fast = false;
  CHECK(violated(explore(*m, plain)));
  const auto properties = properties_named({"stop.lasts"});
  CHECK(spin(*m, properties).violated);
  CHECK(rumur(*m, properties).violated);
  CHECK(z3(*m, properties).violated);
}

// Z3's own engine for such clauses decides these within seconds; of the whole default profile it
// decides few within ten minutes.
TEST_CASE("Z3's verdict of a property is ours") {
  const auto agree = [](const Model &m, const std::vector<std::string> &ids, bool violated) {
    checker::ExploreOptions o;
    for (const std::string &id : ids)
      if (properties_named({id})[0]->applies(*m.config)) o.property_ids.push_back(id);
    for (const checker::PropertyResult &p : explore(m, o).properties) {
      INFO(p.property->id);
      CHECK((p.verdict == checker::Verdict::violated) == violated);
      CHECK(z3(m, {p.property}).violated == violated);
    }
  };
  for (std::string_view design : kDesigns) {
    CAPTURE(design);
    agree(*make(design, "group-stop", 1),
          {"trap.traced", "stop_count.consumers", "stop.lasts", "listen.parks"}, false);
  }
  agree(*make("linux-3.4", "pair", 1, {KILL}), {"sigkill.wakes"}, true);
}
