// A new process of which the model is its own: the child's first state, from its parent's.
//
// Who follows each process by itself has models with one process, in which the child of a fork is
// outside. Its first state is not written down a second time: the parent's state is lifted into a
// model with two processes, the rule `fork` takes its step there, and the second process is what
// the child's own model begins with.
#pragma once

#include <optional>
#include <utility>
#include <vector>

#include "model/interp.hpp"

namespace ptmc::model {

class Birth {
 public:
  // The parent's one-process model, and the child's: the same signals and threads in each.
  Birth(const Model &parent, const Model &child);

  // The child's first state if `thread`, about to take the step `fork`, makes a process in it. Its
  // real parent, outside of its model, is the process that forked.
  std::optional<State> child_of(const State &parent, int thread) const;

 private:
  using Pairs = std::vector<std::pair<Field, Field>>;
  const Model &parent_, &child_;
  Model family_;  // of both, with the rules of fork only
  Interpreter interpreter_;
  Pairs lift_, project_;
};

}  // namespace ptmc::model
