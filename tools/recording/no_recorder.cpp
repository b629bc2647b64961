// Where there was no clang or no libbpf to build recorder.cpp with.
#include "tools/recording/recorder.hpp"
#include "traces/keeper.hpp"

namespace ptmc::tools {

int record(const Recording &) {
  throw traces::NotPossible("cannot record: this ptmc was built without clang or libbpf");
}

}  // namespace ptmc::tools
