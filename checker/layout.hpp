// How a state is packed for the store: only the bits that can vary are kept.
//
// Which do follows from the model: the values that each field can have are computed as a least
// fixed point over all instances, every field on its own. Under one configuration most fields never
// leave their initial value, or some of their bits do not.
#pragma once

#include <cstdint>
#include <vector>

#include "model/rule.hpp"

namespace ptmc::checker {

class Layout {
 public:
  // bmi2: use PEXT and PDEP where the processor has them.
  explicit Layout(const model::Model &model, bool bmi2 = true);

  std::size_t state_words() const { return kept_.size(); }
  std::size_t words() const { return words_; }  // of a packed state
  std::size_t bits() const { return bits_; }
  // The bits of a state's word that can vary, and the values of the others.
  std::uint64_t kept(std::size_t word) const { return kept_[word]; }
  std::uint64_t constant(std::size_t word) const { return constant_[word]; }
  void pack(const std::uint64_t *state, std::uint64_t *packed) const {
    pack_(*this, state, packed);
  }
  void unpack(const std::uint64_t *packed, std::uint64_t *state) const {
    unpack_(*this, packed, state);
  }

 private:
  struct Run {  // consecutive bits that lie in one word on both sides
    std::uint64_t mask;
    std::uint8_t word, shift, packed_word, packed_shift;
  };
  static void pack_runs(const Layout &l, const std::uint64_t *state, std::uint64_t *packed);
  static void unpack_runs(const Layout &l, const std::uint64_t *packed, std::uint64_t *state);
  static void pack_bmi2(const Layout &l, const std::uint64_t *state, std::uint64_t *packed);
  static void unpack_bmi2(const Layout &l, const std::uint64_t *packed, std::uint64_t *state);

  std::vector<std::uint64_t> kept_, constant_;
  std::vector<Run> runs_;
  std::size_t bits_ = 0, words_ = 0;
  decltype(&pack_runs) pack_ = pack_runs;
  decltype(&unpack_runs) unpack_ = unpack_runs;
};

}  // namespace ptmc::checker
