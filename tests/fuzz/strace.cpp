// strace logs. What was read once is read the same again, a call at a time.
#include "traces/strace.hpp"
#include <cstdint>
#include <cstdlib>
#include <sstream>
#include "model/input_error.hpp"
#include "traces/replay.hpp"

using namespace ptmc;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
  const std::string text(reinterpret_cast<const char *>(data), size);
  std::istringstream in(text);
  try {
    const traces::Trace trace = traces::read_strace(in, "log");
    std::vector<traces::StraceFile> files;
    files.push_back({"log", 0, std::make_unique<std::istringstream>(text)});
    const auto source = traces::strace_source(std::move(files), "log");
    std::size_t events = 0;
    for (int time = 0; time < 2; ++time, source->rewind())
      while (const traces::Event *event = source->next()) {
        if (event->t1 < event->t0) abort();
        ++events;
      }
    if (events != 2 * trace.events.size()) abort();
    for (const traces::Event &event : trace.events) traces::describe(event);
  } catch (const InputError &) {
  }
  return 0;
}
