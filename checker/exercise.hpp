// Runs in which a property that always holds could be broken, if the rules were others.
#pragma once

#include <vector>

#include "checker/counterexample.hpp"
#include "model/property.hpp"

namespace ptmc::checker {

// Of each rule that could break one of the properties, a shortest run to such a step of it, as far
// as the first `most_states` states have one; none that is the beginning of another. Plain
// interpreter.
std::vector<Counterexample> exercises(const model::Model &model,
                                      const std::vector<const model::Property *> &properties,
                                      std::size_t most_states);

}  // namespace ptmc::checker
