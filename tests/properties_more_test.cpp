// As properties_test.cpp: with two tracers, and under kernel versions between.
#include <doctest/doctest.h>

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

}  // namespace
}  // namespace ptmc::model
