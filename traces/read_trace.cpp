// read_trace: every verb that takes a trace takes either format.
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include "model/input_error.hpp"
#include "traces/jsonl.hpp"
#include "traces/strace.hpp"
#include "traces/trace.hpp"

namespace ptmc::traces {

Trace read_trace(const std::string &file) {
  std::error_code error;
  if (std::filesystem::is_directory(file, error))
    throw InputError(file, 0, "is a directory, not a trace");
  std::ifstream in(file, std::ios::binary);
  if (!in) throw InputError(file, 0, std::string("cannot be read: ") + std::strerror(errno));

  const char first = static_cast<char>((in >> std::ws).peek());
  if (in.bad()) throw InputError(file, 0, "cannot be read");
  if (in.eof()) throw InputError(file, 0, "is empty");
  // Back to the beginning, as readers count lines; a pipe cannot, and seldom begins with a blank.
  if (!in.seekg(0)) in.clear();
  return first == '{' ? read_jsonl(in, file) : read_strace(in, file);
}

}  // namespace ptmc::traces
