// As properties_test.cpp: with two tracers, under kernel versions between, and where two threads
// handle a signal.
#include <doctest/doctest.h>

#include "checker/explore.hpp"
#include "tests/exploring.hpp"
#include "tests/properties_search.hpp"

namespace ptmc::model {
namespace {

TEST_CASE("two tracers: verdicts as listed, and invariants by hand agree") {
  for (std::string_view profile : {"tracers", "tracer-threads"})
    for (const Design &d : designs()) check_by_hand(d.name, profile, 1);
}

TEST_CASE("kernel versions between: verdicts as listed, and invariants by hand agree") {
  for (std::string_view design : {"linux-3.4@5.10", "linux-3.4@5.19", "legacy@3.1"})
    check_by_hand(design, "pair", 1);
}

TEST_CASE("two threads that handle a signal: nothing is violated") {
  const auto m = exploring::make("legacy", "group-stop", 2, {STOP, CONT, USR1});
  const checker::ExploreResult all = checker::explore(*m, {});
  CHECK(all.complete);
  CHECK(all.states > 500'000);
  for (const checker::PropertyResult &p : all.properties) {
    INFO(p.property->id);
    CHECK(p.verdict == checker::Verdict::holds);
  }
}

}  // namespace
}  // namespace ptmc::model
