// Runs Z3 terms on states: a walk over Z3's own AST, which shares nothing with the interpreter and
// little with Z3's simplifier. Straight-line code, for a block of states at a time.
#pragma once

#include <z3++.h>

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace ptmc::tests {

inline constexpr std::size_t kLanes = 64;  // states in a block
using Lanes = std::array<std::uint32_t, kLanes>;

class TermTape {
 public:
  // inputs: the constants, by name, and the number of each in what run() is given.
  explicit TermTape(const std::map<std::string, std::uint32_t> &inputs) : inputs_(inputs) {}
  std::uint32_t add(const z3::expr &term);  // its register
  std::size_t size() const { return code_.size(); }
  // Computes the registers from `from` up to `end`.
  void run(std::size_t from, std::size_t end, const std::vector<Lanes> &inputs,
           std::vector<Lanes> &registers) const;

 private:
  enum class Do : std::uint8_t {
    input,
    number,
    negate,
    conj,
    disj,
    equal,
    at_most,
    ite,
    add,
    sub,
    extract
  };
  struct Code {
    Do what;
    std::uint32_t a = 0, b = 0, c = 0;
    std::uint32_t mask = 1;  // of the result
  };
  std::uint32_t put(Code code);
  std::uint32_t fold(Do what, const z3::expr &term, std::uint32_t mask);

  const std::map<std::string, std::uint32_t> &inputs_;
  std::vector<Code> code_;
  std::map<unsigned, std::uint32_t> done_;  // AST id -> register
  std::vector<z3::expr> terms_;             // added: an id is free again when its term goes
};

}  // namespace ptmc::tests
