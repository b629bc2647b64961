// Whether the Z3 terms of a model and its plain interpreter say the same.
#pragma once

#include <memory>
#include <random>
#include <string>
#include <vector>

#include "checker/reachable.hpp"
#include "checker/symbolic.hpp"
#include "model/interp.hpp"
#include "tests/term_tape.hpp"

namespace ptmc::tests {

class Agreement {
 public:
  // plain and symbolic: the same model twice; or one of them with a mistake, to see it caught.
  Agreement(const model::Model &plain, const model::Model &symbolic);

  // Enabledness and successor of every instance in each of these states: by the interpreter, and by
  // running the terms. What differs first, or "".
  std::string by_tape(const std::vector<model::State> &states);
  // Of an instance, by the solver. Forward: it has exactly the interpreter's successor in the
  // state, or none. Backward: where the interpreter's successor can come from is a state of which
  // it is the interpreter's successor.
  std::string by_solver(std::size_t instance, const std::vector<model::State> &states);

  std::uint64_t compared = 0, enabled = 0;  // pairs of a state and an instance; those enabled

 private:
  struct Code {  // an instance's terms
    TermTape tape;
    std::uint32_t enabled = 0;
    std::size_t end = 0;  // of what `enabled` needs
    std::vector<std::pair<model::Field, std::uint32_t>> next;
  };
  std::string difference(std::size_t instance, const model::State &s, bool by_plain, bool by_terms,
                         const model::State &plain, const model::State &terms) const;

  const model::Model &plain_, &symbolic_;
  model::Interpreter interpreter_;
  z3::context context_;
  checker::Terms fields_;
  std::map<std::string, std::uint32_t> inputs_;
  std::vector<Code> codes_;
};

// `count` of the reachable states: all if there are no more, else evenly spread.
std::vector<model::State> sample(const checker::Reachable &all, std::size_t count);

// Type-correct states that are none of the reachable ones: half of them random in every field, half
// reachable ones with some fields changed.
class Unreachable {
 public:
  explicit Unreachable(const model::Schema &schema, const checker::Reachable &all);
  std::vector<model::State> sample(std::size_t count);

 private:
  const model::Schema &schema_;
  const checker::Reachable &all_;
  std::vector<std::uint64_t> hashes_;  // of the reachable ones, sorted
  std::mt19937_64 random_{1};
};

}  // namespace ptmc::tests
