// A plain search that gives the verdict of every property, and compares each invariant's expression
// with the one by hand: in every reachable state, and in such a state with one field changed at
// random, where both must be false together.
#pragma once

#include <set>
#include <string>

#include "model/property.hpp"

namespace ptmc::model {

struct PropertySearch {
  std::size_t states = 0;
  std::set<std::string> violated;       // always
  std::set<std::string> missed;         // sometimes
  std::set<std::string> disagreements;  // invariants
  std::set<std::string> seen_false;     // invariants, in the changed states
};
PropertySearch search_by_hand(const Config &config, int threads, int processes = 1);

// Searches the design, and checks (doctest) that both forms agree, and that the properties violated
// are those that known_violations() lists for it.
void check_by_hand(std::string_view design, std::string_view profile, int threads);

}  // namespace ptmc::model
