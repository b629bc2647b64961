// The fields that no step of a model ever changes, found without exploring it: all fields are held
// to be constants first; then, again and again, one that an instance may set to something else is
// not, until none is left. So what is found holds in every reachable state, for any bound.
#pragma once

#include <vector>

#include "model/rule.hpp"

namespace ptmc::checker {

class ConstantFields {
 public:
  explicit ConstantFields(const model::Model &model);
  // The field always has its initial value.
  bool holds(model::Field f) const { return values_.fields.contains(f); }
  const std::unordered_map<model::Field, model::Expr> &values() const { return values_.fields; }
  model::Expr fold(model::Expr e) { return substitute(e, values_); }
  // A guard of the instance folds to false.
  bool never_steps(const model::Instance &i);

 private:
  model::Substitution values_;
};

}  // namespace ptmc::checker
