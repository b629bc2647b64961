// The invariants a second time: each is written by hand from its sentence, over the plain fields of
// a state, so that a mistake in an expression, or in the evaluation of expressions, shows.
#pragma once

#include <string_view>
#include <vector>

#include "model/interp.hpp"

namespace ptmc::model {

std::vector<std::string_view> hand_invariants();  // the ids of the properties
// Whether each holds in the state, in that order.
std::vector<bool> by_hand(const Interpreter &interpreter, const Config &config, const State &s);

}  // namespace ptmc::model
