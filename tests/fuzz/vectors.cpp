// Vectors.
#include <cstdint>
#include <sstream>
#include "model/input_error.hpp"
#include "traces/vector.hpp"

using namespace ptmc;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
  std::istringstream in(std::string(reinterpret_cast<const char *>(data), size));
  try {
    traces::read_vectors(in, "vectors");
  } catch (const InputError &) {
  }
  return 0;
}
