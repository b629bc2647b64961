// The rules of a design.
#pragma once

#include <string>
#include <vector>

#include "model/designs.hpp"
#include "model/rule.hpp"

namespace ptmc::tools {

struct DesignRule {
  model::Rule rule;
  std::vector<std::string> guards;   // the names, each once, in the order in which they are asked
  std::vector<std::string> changes;  // the kernels that changed it: "5.19", oldest first
};
// since, until and changes are those of the features of kernels that the rule's text depends on.
// Those that some recorded trace of a closed world may use: with the tracer apart from the real
// parent or the same, the process group orphaned or not.
std::vector<DesignRule> design_rules(const model::DesignSpec &spec);

}  // namespace ptmc::tools
