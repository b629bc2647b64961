// strace logs of a tracer as traces of an open world.
#pragma once

#include <sys/types.h>
#include <istream>
#include <memory>
#include <string>
#include <vector>
#include "traces/source.hpp"
#include "traces/trace.hpp"

namespace ptmc::traces {

// A file of strace -ff, FILE.PID, which holds the lines of one thread.
struct StraceFile {
  std::string file;  // names it in messages
  pid_t pid = 0;     // 0: the lines say whose they are
  std::unique_ptr<std::istream> in;
};

// The log of strace -f, -t, -tt, -ttt, -r, -T, -v, -y, -k, -X in any combination; or those of one
// session of -ff, which need the times of -tt or -ttt, all within a day. strace.cpp says what
// becomes of each line. Memory does not grow with the log, but with the threads that it tells of.
// A first process that never has a pid before its line has pid 0 the first time.
std::unique_ptr<Source> strace_source(std::vector<StraceFile> files, const std::string &name);

// All of a log. Throws InputError.
Trace read_strace(std::istream &in, const std::string &file);
Trace read_all(Source &source);  // of strace_source

}  // namespace ptmc::traces
