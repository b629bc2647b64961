// What a model allows a call to show, where only the set of states is known that it may be in.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "model/interp.hpp"
#include "tools/vectors/settled.hpp"
#include "traces/ask.hpp"
#include "traces/vector.hpp"

namespace ptmc::vectors {

using Goals = std::vector<std::uint32_t>;  // in order
Goals common(const Goals &a, const Goals &b);
// A state that it may be in, and the rule that was last used on the way, if that counts; else 0.
struct Believed {
  model::State state;
  int last = 0;
  bool operator==(const Believed &) const = default;
};
using Beliefs = std::vector<Believed>;
void add_missing(Beliefs &all, const Beliefs &more);
// What a step that is taken in a state is good for.
struct Purpose {
  std::optional<std::uint32_t> goal;
  int last = 0;  // of Believed, after it
};
using PurposeOf = std::function<Purpose(const Believed &, std::size_t instance)>;

// An outcome, and what is known after it.
struct Branch {
  traces::Outcome outcome;
  Beliefs states;
  Goals certain;  // every way there reaches them
};
struct Applied {
  std::string why_not;  // empty: the call can be made in each of the states
  traces::Step call;
  std::size_t stuck = 0;  // in so many states it does not return
  std::vector<Branch> branches;
  const Branch *find(const traces::Outcome &outcome) const;
};
// The call as text, the same wherever it is made.
std::string text_of(traces::Step call);

class Walk {
 public:
  Walk(const model::Model &model, const OwnSteps &own);  // which outlives this

  // The call of this instance, in states in which the kernel has nothing left to do.
  Applied apply(const Beliefs &states, std::size_t instance, const PurposeOf &purpose_of);
  // What is shown if it is taken in a state of which the outcome is this one.
  traces::Outcome outcome(const model::State &before, std::size_t instance,
                          const model::State &after, const std::vector<std::size_t> &own) const;
  // One way, of the kernel's own steps, on to a state in which it has nothing left to do.
  std::vector<std::size_t> settle(model::State &state) const;
  // All instances of the same call, whatever it shows; call: of the instance.
  const std::vector<std::size_t> &alternatives(std::size_t instance, const traces::Step &call);
  // What /proc shows of the threads then; none: one is where nobody stays.
  std::optional<std::string> letters(const model::State &s) const;
  const model::Interpreter &interpreter() const { return interpreter_; }

 private:
  using Handlers = std::optional<std::vector<traces::Ran>>;
  struct End {
    Believed state;
    Handlers handlers;
    Goals certain;
  };
  bool closure(const Believed &from, Goals reached, const PurposeOf &purpose_of,
               std::vector<End> &ends) const;
  traces::Expect shows(const traces::Step &call, std::size_t instance, model::Value output) const;
  void run(std::size_t instance, Handlers &handlers) const;

  const model::Model &model_;
  const OwnSteps &own_;
  const model::Interpreter interpreter_;
  const traces::ByLocation own_at_;
  traces::Names names_;
  std::map<std::size_t, std::vector<std::size_t>> alternatives_;
};

}  // namespace ptmc::vectors
