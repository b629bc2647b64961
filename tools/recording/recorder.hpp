// Records what any tracer does: programs at the kernel's tracepoints (recorder.bpf.c) follow a
// command and all that it makes, or a library is preloaded into it (interposed.cpp).
#pragma once

#include <string>
#include <vector>

namespace ptmc::tools {

struct Recording {
  std::vector<std::string> command;
  std::string output;          // a ptmc-trace of an open world
  std::string by;              // "ebpf", "library"; empty: the first that is permitted
  bool kernel_events = false;  // signals, sleep and wake-ups of the tracees as well
};

// Runs the command, and writes while it runs: what is in the file is readable whenever this ends.
// SIGINT and SIGQUIT are the command's; SIGTERM and SIGHUP are passed on to it. Returns the
// command's exit status, 128 + N if signal N has killed it. What the trace lacks is told on stderr.
// Throws InputError if the command cannot be run or the file not be written, NotPossible where the
// kernel does not permit it.
int record(const Recording &recording);

}  // namespace ptmc::tools
