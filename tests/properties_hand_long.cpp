// Properties in the default profile, in every smaller profile, and with two threads: verdicts as
// listed, invariants by hand agree.
#include <doctest/doctest.h>

#include "tests/properties_search.hpp"

namespace ptmc::model {
namespace {

TEST_CASE("the default profile of each design") {
  for (const Design &d : designs()) check_by_hand(d.name, "default", 1);
}

TEST_CASE("the profiles of each design that are small enough") {
  for (const Design &d : designs())
    for (std::string_view profile : {"handled", "masks", "trap", "siginfo", "sigchld", "child",
                                     "orphaned", "exitkill", "sleep"})
      check_by_hand(d.name, profile, 1);
}

TEST_CASE("two threads") {
  for (const Design &d : designs()) check_by_hand(d.name, "group-stop", 2);
}

}  // namespace
}  // namespace ptmc::model
