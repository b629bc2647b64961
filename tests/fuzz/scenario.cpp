// Scenarios.
#include "traces/scenario.hpp"
#include <cstdint>
#include <sstream>
#include "model/input_error.hpp"

using namespace ptmc;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
  std::istringstream in(std::string(reinterpret_cast<const char *>(data), size));
  try {
    traces::read_scenario(in, "scenario");
  } catch (const InputError &) {
  }
  return 0;
}
