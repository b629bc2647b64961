// Truth values of expressions in 64 states at a time.
//
// Properties are many, and asked in every state: run one state at a time (Tape) they cost more than
// the search itself. Here expressions are taken apart into bits, and bits into two-input gates with
// optional inversions (an and-inverter graph, equal gates merged). Bit b of a word in 64 states is
// one machine word, so a gate costs one machine instruction or two for 64 states.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "checker/layout.hpp"

namespace ptmc::checker {

class Sliced {
 public:
  using Literal = std::uint32_t;  // gate << 1 | inverted
  static constexpr std::size_t kStates = 64;

  using Bits = std::vector<Literal>;  // lowest first; the missing ones are false

  Sliced(const model::Schema &schema, const Layout &layout);

  // What is known of a step beside the state: its updates, and what its guards say.
  struct Step {
    std::unordered_map<model::Field, model::Expr> updates;
    std::unordered_map<model::Field, Bits> known;
    std::unordered_map<std::uint32_t, Bits> done;  // by node
  };
  void assume(model::Expr holds, Step &step);
  Literal add(model::Expr e, Step &step);  // a truth value over fields and primed fields
  Literal either(Literal a, Literal b) { return both(a ^ 1, b ^ 1) ^ 1; }
  // Drops the gates that these do not need, and renames the literals.
  void keep(const std::vector<Literal *> &wanted);

  // One worker's values.
  using Values = std::vector<std::uint64_t>;
  // states: kStates times Schema::words() words; what the unused ones hold does not matter.
  void run(const std::uint64_t *states, Values &values) const;
  static std::uint64_t value(const Values &values, Literal l) {
    return values[l >> 1] ^ -std::uint64_t{l & 1};
  }
  std::size_t size() const { return first_gate_ + gates_.size(); }

 private:
  struct Gate {
    Literal a, b;
  };
  Literal both(Literal a, Literal b);
  Literal differ(Literal a, Literal b);
  Literal choose(Literal c, Literal t, Literal f);
  Bits field(model::Field f) const;
  const Bits &bits(model::Expr e, Step &step);

  const model::Schema &schema_;
  const Layout &layout_;
  std::size_t first_gate_;  // before it: gate 0 is false, then the bits of the state
  std::vector<Gate> gates_;
  std::unordered_map<std::uint64_t, Literal> known_;  // operands -> gate
};

}  // namespace ptmc::checker
