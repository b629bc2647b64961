// ptmc-trace files. What is written of what was read is read again, as the same.
#include <cstdint>
#include <cstdlib>
#include <sstream>
#include "model/input_error.hpp"
#include "traces/jsonl.hpp"

using namespace ptmc;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
  std::istringstream in(std::string(reinterpret_cast<const char *>(data), size));
  traces::Trace trace;
  try {
    trace = traces::read_jsonl(in, "trace");
  } catch (const InputError &) {
    return 0;
  }
  const std::string text = traces::to_jsonl(trace);
  std::istringstream again(text);
  if (traces::to_jsonl(traces::read_jsonl(again, "again")) != text) abort();
  return 0;
}
