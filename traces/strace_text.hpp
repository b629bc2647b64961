// A call as strace prints it, NAME(ARGUMENTS) = RESULT, cut into its parts.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace ptmc::traces::strace {

struct CallText {
  std::string_view name;
  std::string_view arguments;
  std::optional<std::string_view> result;  // none: strace has printed only the beginning
};
// Throws Malformed, also where returned, and there is no result.
CallText split_call(std::string_view text, bool returned);

// The time in ns that -T puts at the end of a result: <0.000123>.
std::optional<std::uint64_t> duration(std::string_view result);

// Walks over the arguments, and no further than asked: registers are long, and nobody reads them.
class Arguments {
 public:
  explicit Arguments(std::string_view text) : rest_(text) {}
  // The next argument, without the name that -N puts before it; empty when there is none.
  std::string_view next();

 private:
  std::string_view rest_;
};

}  // namespace ptmc::traces::strace
