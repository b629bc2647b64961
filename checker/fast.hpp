// Running every instance of a model on a state: the fast form, C++ that ptmc-emit writes from the
// rules at build time (model/emit/emit.cpp), or the plain interpreter.
//
// The emitted code knows the instances of the symbolic model, whose features are run-time flags;
// its numbers (slots) are translated to the instances of the model at hand.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "model/interp.hpp"

namespace ptmc::checker {

// Where the code puts what it finds.
struct Sink {
  std::uint64_t *fired;     // per slot: how often it fired, counted up
  std::uint16_t *slot;      // of each successor
  std::uint64_t *words;     // of each successor
  std::uint32_t count = 0;  // of successors

  std::uint64_t *add(std::uint16_t from, std::size_t width) {
    slot[count] = from;
    return words + width * count++;
  }
};

// `on` are the features, in the order of Feature.
using Expand = void (*)(const std::uint64_t *words, const bool *on, Sink &sink);
// Emitted: for the explored signals and this many threads; nullptr for others.
Expand emitted(int threads);

struct FastForm {
  Expand expand;
  std::vector<std::size_t> instance_of;  // slot -> instance of the model
  std::vector<std::size_t> slot_of;      // and back
};
// None where no code was emitted for the model's shape.
std::optional<FastForm> fast_form(const model::Model &model);

// One worker's expander; a successor is made by each enabled instance that has updates.
class Expander {
 public:
  // fast: outlives the expander; nullptr: the plain interpreter.
  Expander(const model::Model &model, const FastForm *fast);

  void expand(const std::uint64_t *words);  // Schema::words() of them
  // The last state's successors, in no particular order.
  std::size_t count() const { return sink_.count; }
  const std::uint64_t *successor(std::size_t k) const { return sink_.words + k * width_; }
  std::size_t instance(std::size_t k) const {
    return fast_ ? fast_->instance_of[sink_.slot[k]] : sink_.slot[k];
  }
  // How often the instance fired, in all states.
  std::uint64_t fired(std::size_t instance) const {
    return fired_[fast_ ? fast_->slot_of[instance] : instance];
  }
  std::size_t memory() const;

 private:
  const model::Model &model_;
  const FastForm *fast_;
  std::unique_ptr<model::Interpreter> plain_;
  std::size_t width_;
  std::vector<std::uint64_t> fired_, words_;
  std::vector<std::uint16_t> slots_;
  Sink sink_;
};

}  // namespace ptmc::checker
