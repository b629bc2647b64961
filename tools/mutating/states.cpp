#include "tools/mutating/states.hpp"

#include <algorithm>

namespace ptmc::mutate {

std::size_t StateSet::place(const std::uint64_t *words) const {
  std::uint64_t h = 0;
  for (std::size_t i = 0; i < width_; ++i) h = (h ^ words[i]) * 0xff51afd7ed558ccdu, h ^= h >> 32;
  std::size_t at = h & (table_.size() - 1);
  while (table_[at] && !std::equal(words, words + width_, (*this)[table_[at] - 1]))
    at = (at + 1) & (table_.size() - 1);
  return at;
}

std::pair<std::uint32_t, bool> StateSet::find(const std::uint64_t *words) {
  const std::size_t at = place(words);
  if (table_[at]) return {table_[at] - 1, false};
  words_.insert(words_.end(), words, words + width_);
  table_[at] = static_cast<std::uint32_t>(++size_);
  if (size_ * 2 > table_.size()) {
    table_.assign(table_.size() * 4, 0);
    for (std::size_t i = 0; i < size_; ++i)
      table_[place((*this)[i])] = static_cast<std::uint32_t>(i + 1);
  }
  return {static_cast<std::uint32_t>(size_ - 1), true};
}

}  // namespace ptmc::mutate
