// A set of states.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

namespace ptmc::mutate {

// States of some words each, in the order of their arrival.
class StateSet {
 public:
  explicit StateSet(std::size_t width) : width_(width) {}
  bool add(const std::uint64_t *words) { return find(words).second; }  // false: it was there
  // Its index, added if it was not there.
  std::pair<std::uint32_t, bool> find(const std::uint64_t *words);
  bool has(const std::uint64_t *words) const { return table_[place(words)] != 0; }
  std::size_t size() const { return size_; }
  const std::uint64_t *operator[](std::size_t i) const { return &words_[i * width_]; }

 private:
  std::size_t place(const std::uint64_t *words) const;
  std::size_t width_, size_ = 0;
  std::vector<std::uint64_t> words_;
  std::vector<std::uint32_t> table_ = std::vector<std::uint32_t>(1024);  // index + 1
};

}  // namespace ptmc::mutate
