// si_code of SIGCHLD (siginfo.h).
#pragma once

#include "model/expr.hpp"

namespace ptmc::model {

inline constexpr Value kCldExited = 1, kCldKilled = 2, kCldTrapped = 4, kCldStopped = 5,
                       kCldContinued = 6;

}  // namespace ptmc::model
