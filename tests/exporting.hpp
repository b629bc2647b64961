// Other checkers, run on what ptmc exports.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "checker/explore.hpp"
#include "model/property.hpp"

namespace ptmc::tests {

using namespace model;

// Those of `always` with these ids.
std::vector<const Property *> properties_named(const std::vector<std::string> &ids);

struct Answer {
  bool violated = false;
  std::uint64_t states = 0, transitions = 0;  // Z3: 0
  std::string text;                           // all it said
};
// Whether exploration has found any of its properties violated.
bool violated(const checker::ExploreResult &r);
// Each asks about these properties in all reachable states. Spin and Rumur's verifiers are compiled
// without optimisation unless `large`; a large model may have millions of states.
Answer spin(const Model &model, const std::vector<const Property *> &properties,
            bool large = false);
Answer rumur(const Model &model, const std::vector<const Property *> &properties,
             bool large = false);
Answer z3(const Model &model, const std::vector<const Property *> &properties);

}  // namespace ptmc::tests
