// From where tracer and kernel alone can get to where: backwards, over the explored states.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "checker/lemma.hpp"
#include "checker/question.hpp"

namespace ptmc::checker {

struct Ways {
  bool complete = false;               // all states were explored
  std::optional<Counterexample> none;  // a shortest run to a state from which there is no way
  // Where to look for a proof. Of a way: [k] are instances one of which, where k + 1 steps are
  // left, leaves k. Of none: values that no explored state with a way has together.
  std::vector<std::vector<std::size_t>> shortening;
  Cube without;
  std::string how;
  double seconds = 0;
};
// Plain interpreter. time_limit: seconds, 0: none.
Ways ways_out(const model::Model &model, const Leads &asks, std::size_t most_states,
              double time_limit);

// The same as properties of a model, to be proved; what was explored only says what to try.
// Where there are ways: the model gets a step that changes nothing and can be taken in each state
// that is asked about; when it is taken, one of the ways in `shortening` is open.
model::Property a_way_is_open(model::Model &model, const Leads &asks, const Ways &ways);
// Where there is none: the model gets a step, in any of the states `without`, after which tracer
// and kernel are alone. It is taken, and after it none gets there.
std::vector<model::Property> no_way_is_open(model::Model &model, const Leads &asks,
                                            const Ways &ways);

}  // namespace ptmc::checker
