// Properties as code that runs over states and steps.
#pragma once

#include <utility>
#include <vector>

#include "model/interp.hpp"
#include "model/property.hpp"

namespace ptmc::mutate {

// Laws as one piece of code.
class Laws {
 public:
  explicit Laws(const model::Schema &schema) : tape_(schema) {}
  void add(const model::Property &p, model::Expr e);
  bool empty() const { return laws_.empty(); }
  // The first that has the value.
  const model::Property *find(bool value, const model::State &pre, const model::State &post);
  void drop(const model::Property &p);

 private:
  model::Tape tape_;
  std::vector<std::pair<const model::Property *, model::Tape::Slot>> laws_;
  std::vector<model::Value> regs_;
};

// Those of the properties that are about a step of this instance.
Laws step_laws(const model::Model &model, const std::vector<const model::Property *> &properties,
               model::PropertyKind kind, std::size_t instance);

}  // namespace ptmc::mutate
