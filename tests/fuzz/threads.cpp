// The logs of strace -ff: the input is cut at each line "====".
#include <cstdint>
#include <cstdlib>
#include <sstream>
#include "model/input_error.hpp"
#include "traces/strace.hpp"

using namespace ptmc;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
  std::istringstream in(std::string(reinterpret_cast<const char *>(data), size));
  std::vector<std::string> texts(1);
  for (std::string line; std::getline(in, line);)
    if (line == "====" && texts.size() < 8)
      texts.emplace_back();
    else
      texts.back() += line + "\n";
  std::vector<traces::StraceFile> files;
  for (const std::string &text : texts)
    files.push_back({"log." + std::to_string(files.size() + 1),
                     static_cast<pid_t>(files.size() + 1),
                     std::make_unique<std::istringstream>(text)});
  try {
    const auto source = traces::strace_source(std::move(files), "log");
    while (const traces::Event *event = source->next())
      if (event->pid < 1 || event->pid > 8) abort();
  } catch (const InputError &) {
  }
  return 0;
}
