// The kernel's numbers of what the model has by name.
#pragma once

#include <cstdint>

#include "model/config.hpp"

namespace ptmc::traces {

std::uint64_t option_bit(model::Option option);  // PTRACE_O_*; 0: the kernel has none

}  // namespace ptmc::traces
