// What a tracer may think after all that it saw: the set of all states that are consistent with it.
#pragma once

#include <string>
#include <vector>

#include "checker/observation.hpp"
#include "checker/stop_view.hpp"
#include "model/property.hpp"

namespace ptmc::checker {

// Two of the stops that both are possible after what was seen, the last of which is GETSIGINFO's
// answer for a stop that wait has reported; and a state of each.
struct Mistakable {
  std::size_t one, other;  // one < other
  std::vector<Observation> seen;
  model::State of_one, of_other;
};

struct Histories {
  std::vector<Mistakable> confused;  // of each pair the first that was found
  bool complete = false;             // every set of states that can be known was looked at
  std::string how;
  double seconds = 0;
};
// Ends with so many pairs; 0: no limit.
Histories confused_by_history(const model::Model &model, const std::vector<StopOf> &stops,
                              std::size_t limit, bool fast, double time_limit);

// The two stops as properties of a model, each a `sometimes`: after a run in which exactly this was
// seen. The model gets a field of how much of it was.
std::vector<model::Property> seen_and_possible(model::Model &model,
                                               const std::vector<StopOf> &stops,
                                               const Mistakable &mistakable);

}  // namespace ptmc::checker
