// Equivalence from the laws alone: that a mutant takes the same steps as the model from every state
// in which the laws hold that exploration has found to hold, whether or not the state is reached.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "checker/constant_fields.hpp"
#include "model/property.hpp"
#include "tools/mutating/mutant.hpp"

namespace ptmc::mutate {

// One model and its laws, with a solver of its own.
class ByLaws {
 public:
  // The laws are those of the properties that are about every state. The model outlives this.
  ByLaws(std::string name, const model::Model &model,
         const std::vector<const model::Property *> &properties);
  ~ByLaws();
  // absent: the model has no such part. unproved: the solver found a state where the steps are not
  // the same, or gave up.
  enum class Answer : std::uint8_t { absent, same, unproved };
  Answer same_steps(const Mutant &mutant);
  const std::string &name() const { return name_; }
  checker::ConstantFields &constants() { return constants_; }

 private:
  struct Solver;
  bool same(const model::Instance &before, const model::Instance &after);
  std::string name_;
  const model::Model &model_;
  std::vector<const model::Property *> laws_;
  checker::ConstantFields constants_;
  std::unique_ptr<Solver> solver_;  // when first asked
};

}  // namespace ptmc::mutate
