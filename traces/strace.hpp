// strace logs of a tracer as traces of an open world.
#pragma once

#include <istream>
#include <string>
#include "traces/trace.hpp"

namespace ptmc::traces {

// Reads the log of strace -f, -t, -tt, -ttt, -r, -T, -v, -y, -k, -X in any combination; `file`
// names it in messages. Throws InputError. strace.cpp says what becomes of each line.
Trace read_strace(std::istream &in, const std::string &file);

}  // namespace ptmc::traces
