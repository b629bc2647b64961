// Where there was no clang or no libbpf to build in_kernel.cpp with.
#include "tools/recording/sight.hpp"
#include "traces/keeper.hpp"

namespace ptmc::tools {

std::unique_ptr<Sight> look_inside(bool, Take) {
  throw traces::NotPossible("cannot record by eBPF: this ptmc was built without clang or libbpf");
}

}  // namespace ptmc::tools
