// What a tracer may think after all that it saw: the set of all states that are consistent with it.
#pragma once

#include <string>

#include "checker/question.hpp"

namespace ptmc::checker {

struct History {
  bool confused = false;
  bool complete = false;  // every set of states that can be known was looked at
  std::string how;
  double seconds = 0;
};
// Can both stops be in one such set, after wait has reported the stop and GETSIGINFO was called?
History confused_by_history(const model::Model &model, const Confused &asks, bool fast,
                            double time_limit);

}  // namespace ptmc::checker
