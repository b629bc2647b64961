// Properties in the default profile and in the others, and with two threads: verdicts as listed,
// and invariants by hand agree.
#include <doctest/doctest.h>

#include "tests/properties_search.hpp"

namespace ptmc::model {
namespace {

TEST_CASE("the default profile of each design") {
  for (const Design &d : designs()) check_by_hand(d.name, "default", 1);
}

TEST_CASE("the smaller profiles of each design") {
  for (const Design &d : designs())
    for (std::string_view profile :
         {"handled", "masks", "trap", "ignoring-parent", "orphaned", "exitkill", "sleep"})
      check_by_hand(d.name, profile, 1);
}

TEST_CASE("the larger profiles of one design") {
  for (std::string_view profile : {"options", "siginfo", "sigchld", "child"})
    check_by_hand("linux-3.4", profile, 1);
}

TEST_CASE("two threads") {
  for (const Design &d : designs()) check_by_hand(d.name, "group-stop", 2);
}

}  // namespace
}  // namespace ptmc::model
