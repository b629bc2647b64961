// From where tracer and kernel alone can get to where: backwards, over the explored states.
#pragma once

#include <optional>
#include <string>

#include "checker/question.hpp"

namespace ptmc::checker {

struct Ways {
  bool complete = false;               // all states were explored
  std::optional<Counterexample> none;  // a shortest run to a state from which there is no way
  std::string how;
  double seconds = 0;
};
// Plain interpreter. time_limit: seconds, 0: none.
Ways ways_out(const model::Model &model, const Leads &asks, std::size_t most_states,
              double time_limit);

}  // namespace ptmc::checker
