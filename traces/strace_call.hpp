// What a call that strace printed means.
#pragma once

#include "traces/strace_text.hpp"
#include "traces/trace.hpp"

namespace ptmc::traces::strace {

// Sets what the call, its arguments and its result say of the event; its pid, times and line stay.
// Throws Malformed.
void decode_call(const CallText &call, Event &event);

}  // namespace ptmc::traces::strace
