#include "checker/congruence.hpp"

#include <algorithm>

namespace ptmc::checker {

void Congruence::add(Set left, Set right) {
  const auto pair = static_cast<std::uint32_t>(sets_[0].size());
  for (int side : {0, 1}) {
    const Set states = side ? right : left;
    sets_[side].emplace_back(states.begin(), states.end());
    auto &watch = sides_[side].watch;
    if (watch.size() <= states.back()) watch.resize(states.back() + 1);
    watch[states.back()].push_back(pair);
    bytes_ += states.size() * 4 + sizeof(sets_[0][0]) + 8;
  }
}

void Congruence::add_to(int side, Set states) {
  std::vector<std::uint32_t> &marks = sides_[side].marks;
  for (const std::uint32_t s : states) {
    if (marks.size() <= s) marks.resize(s + 1 + s / 2);
    if (std::exchange(marks[s], mark_) != mark_) queue_.emplace_back(side, s);
  }
}

bool Congruence::inside(int side, std::uint32_t pair) {
  Side &of = sides_[side];
  for (const std::uint32_t s : sets_[side][pair]) {
    if (s < of.marks.size() && of.marks[s] == mark_) continue;
    if (of.waiting.size() <= s) of.waiting.resize(s + 1);
    of.waiting[s].push_back(pair);
    waited_.emplace_back(side, s);
    return false;
  }
  return true;
}

// Adds to a set all that is its equal; has the goal come in?
bool Congruence::reaches(int from, Set start, Set goal) {
  ++mark_;
  queue_.clear();
  for (const auto &[side, s] : waited_) sides_[side].waiting[s].clear();
  waited_.clear();
  add_to(from, start);
  const auto look = [&](int side, std::uint32_t pair) {
    if (!inside(side, pair)) return;
    add_to(1 - side, sets_[1 - side][pair]);
  };
  for (std::size_t n = 0; n < queue_.size(); ++n) {
    const auto [side, s] = queue_[n];
    if (s < sides_[side].watch.size())
      for (const std::uint32_t pair : sides_[side].watch[s]) look(side, pair);
    if (s >= sides_[side].waiting.size()) continue;
    const std::vector<std::uint32_t> waiting = std::move(sides_[side].waiting[s]);
    sides_[side].waiting[s].clear();
    for (const std::uint32_t pair : waiting) look(side, pair);
  }
  const std::vector<std::uint32_t> &marks = sides_[1 - from].marks;
  return std::all_of(goal.begin(), goal.end(),
                     [&](std::uint32_t s) { return s < marks.size() && marks[s] == mark_; });
}

bool Congruence::holds(Set left, Set right) {
  return reaches(0, left, right) && reaches(1, right, left);
}

}  // namespace ptmc::checker
