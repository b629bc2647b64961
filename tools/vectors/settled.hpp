// The states that a model comes to if every call waits until the kernel has done all that it does
// by itself, handlers included: what happens there can be brought about without luck.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "checker/fast.hpp"
#include "checker/layout.hpp"
#include "checker/store.hpp"
#include "traces/plan.hpp"

namespace ptmc::vectors {

// The kernel's own steps, and what comes of itself.
struct OwnSteps {
  explicit OwnSteps(const model::Model &model);
  traces::Index index;
  std::vector<bool> is;          // by instance
  std::vector<std::size_t> all;  // instances
};

class Settled {
 public:
  using Place = std::uint32_t;  // of a state, in the order in which they were found
  static constexpr Place kNone = UINT32_MAX;

  // own outlives this. fast: the emitted code, where there is some, which a model that has been
  // changed must not use.
  Settled(const model::Model &model, const OwnSteps &own, bool fast);

  // Breadth first. visit(place, state, instance): this step may be taken there; it says whether to
  // go on.
  template <class Visit>
  bool explore(Visit &&visit) {
    std::vector<std::size_t> steps;
    for (Place p = 0; p < size(); ++p) {
      const model::State s = state(p);
      steps_from(p, s, steps);
      for (const std::size_t i : steps)
        if (!visit(p, s, i)) return false;
    }
    return true;
  }

  std::size_t size() const { return from_.size(); }
  model::State state(Place p) const;
  Place place(const model::State &s);  // of one that was found
  // The step that it was found by, and from where; of the first state kNone.
  Place from(Place p) const { return from_[p]; }
  std::size_t by(Place p) const { return by_[p]; }

 private:
  void steps_from(Place p, const model::State &s, std::vector<std::size_t> &steps);
  void add(const std::uint64_t *words, Place from, std::size_t by);

  const model::Model &model_;
  const OwnSteps &own_;
  std::vector<std::size_t> idle_;  // instances that change nothing
  std::vector<std::uint64_t> fired_;
  const std::optional<checker::FastForm> form_;
  checker::Expander expander_;
  checker::Layout layout_;
  checker::Store store_;
  checker::Store::Lane lane_;
  std::vector<std::uint64_t> packed_;
  std::vector<Place> from_;
  std::vector<std::uint16_t> by_;
};

}  // namespace ptmc::vectors
