// For each claim that says something of the kernel: a rule on which its verdict depends, changed.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "model/rule.hpp"

namespace ptmc::tests {

struct Flip {
  std::string_view claim;
  std::string_view what;
  std::function<void(model::Model &)> change;
};
const std::vector<Flip> &flips();

}  // namespace ptmc::tests
