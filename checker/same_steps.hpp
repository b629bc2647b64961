// Whether two models take the same steps from every type-correct state, but for calls that are left
// out: then they are equal for every tester. Sufficient, not necessary.
#pragma once

#include <string>

#include "checker/explore.hpp"
#include "checker/observation.hpp"

namespace ptmc::checker {

struct SameSteps {
  Verdict verdict = Verdict::unknown;  // holds or unknown
  std::string how;
};
// question_limit: seconds of one question to Z3. The models have one schema.
SameSteps same_steps(const model::Model &left, const model::Model &right, const Tester &tester,
                     double question_limit);

}  // namespace ptmc::checker
