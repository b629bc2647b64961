// Which states calls can tell apart, as in the testing of finite-state machines: those in which the
// kernel has nothing left to do fall into classes, by what some calls one after the other show.
#pragma once

#include <array>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "tools/vectors/settled.hpp"
#include "tools/vectors/walk.hpp"

namespace ptmc::vectors {

using Calls = std::vector<std::size_t>;  // an instance of each, made one after the other

class Apart {
 public:
  using Place = Settled::Place;
  static constexpr int kCalls = 4;  // at most, to tell two states apart
  static constexpr std::size_t kSuffixes = 4;

  // All outlive this. Every step of the exploration is noted, then finish() called.
  Apart(const model::Model &model, const OwnSteps &own, Settled &settled, Walk &walk);
  void note(Place from, const model::State &s, std::size_t instance);
  void finish();

  // Whether the kernel has nothing left to do there.
  bool at_rest(Place p) const;
  // The same for states that kCalls calls do not tell apart, whichever they are.
  std::uint64_t class_of(Place p) const { return classes_[kCalls][p]; }
  // Some sequences of calls, kSuffixes at most, which tell the state from others where the threads
  // seem to be in the same states. The first one tells it from most.
  const std::vector<Calls> &telling(Place p);

 private:
  struct Step {
    std::size_t instance;
    std::uint64_t shown;  // its result
    Place to;
  };
  using Level = std::vector<std::uint64_t>;  // a class for each place

  void find_calls();
  std::uint64_t seen(const model::State &s) const;
  std::uint64_t class_at(Place p, std::size_t level) const;
  std::uint64_t ends_at(Place p, std::size_t level);
  void add_ends(Place p, std::vector<Place> &all) const;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> results(Place p, std::size_t call,
                                                               std::size_t level) const;
  Calls tell(Place a, Place b) const;
  std::uint64_t shows(Place p, const Calls &calls) const;

  const model::Model &model_;
  const OwnSteps &own_;
  Settled &settled_;
  Walk &walk_;
  std::vector<std::size_t> calls_;                  // an instance of each
  std::vector<std::vector<std::size_t>> calls_of_;  // that an instance answers, by instance
  std::vector<std::vector<Step>> steps_;            // by place
  std::array<Level, kCalls + 1> classes_;
  std::unordered_map<std::uint64_t, std::vector<Place>> alike_;    // one of each class, by seen()
  std::unordered_map<std::uint64_t, std::vector<Calls>> telling_;  // by class
};

}  // namespace ptmc::vectors
