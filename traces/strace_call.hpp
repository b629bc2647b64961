// One call as strace prints it: NAME(ARGUMENTS) = RESULT.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include "traces/trace.hpp"

namespace ptmc::traces::strace {

struct CallText {
  std::string_view name;
  std::string_view arguments;
  std::optional<std::string_view> result;  // none: strace has printed only the beginning
};
// Throws Malformed, also where returned, and there is no result.
CallText split_call(std::string_view text, bool returned);

// Sets what the call, its arguments and its result say of the event; its pid, times and line stay.
// Throws Malformed.
void decode_call(const CallText &call, Event &event);

// The time in ns that -T puts at the end of a result: <0.000123>.
std::optional<std::uint64_t> duration(std::string_view result);

}  // namespace ptmc::traces::strace
