// Which pairs of sets need no look, as they follow from others: the least congruence for unions
// that holds the pairs so far (Bonchi and Pous 2013). Any trace that tells such a pair apart tells
// one of those apart.
#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace ptmc::checker {

class Congruence {
 public:
  // Sets of states by number, not empty.
  using Set = std::span<const std::uint32_t>;
  bool holds(Set left, Set right);
  void add(Set left, Set right);
  std::size_t memory() const { return bytes_; }

 private:
  // A set is seen to be inside another when its last member missing there is added.
  struct Side {
    std::vector<std::uint32_t> marks;
    std::vector<std::vector<std::uint32_t>> watch;    // by state: the pairs whose last state it is
    std::vector<std::vector<std::uint32_t>> waiting;  // the same during one question
  };
  bool reaches(int from, Set start, Set goal);
  void add_to(int side, Set states);
  bool inside(int side, std::uint32_t pair);

  Side sides_[2];
  std::vector<std::vector<std::uint32_t>> sets_[2];  // by pair
  std::uint32_t mark_ = 0;
  std::vector<std::pair<int, std::uint32_t>> queue_, waited_;
  std::size_t bytes_ = 0;
};

}  // namespace ptmc::checker
