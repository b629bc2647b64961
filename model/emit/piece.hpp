// The code of one emitted function: some instances of a symbolic model.
//
// Guards are taken apart into conjuncts, and the instances into a tree: what many instances ask (a
// thread's loc first of all) is asked once, as a switch or an if around them. A subexpression with
// several uses becomes a local variable of the innermost block that needs it, so it is computed
// once, and not before the guards that do not need it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/rule.hpp"

namespace ptmc::model {

struct Item {
  std::size_t instance;
  std::vector<std::uint32_t> left;  // nodes of the conjuncts that are not yet known to hold
};

// "field == constant", with the constant in `value`; kNoField otherwise.
Field compared(std::uint32_t conjunct, Value &value);
// The operands' nodes.
std::vector<std::uint32_t> operands(std::uint32_t node);

// The statements, over w0, w1... (words of the state), `on` (features) and `s` (checker::Sink).
std::string piece_text(const Model &model, const std::vector<Item> &items);

}  // namespace ptmc::model
