// ptmc record: runs a tracer and records its calls.

#include <memory>

#include "tools/ptmc/verb.hpp"
#include "tools/recording/recorder.hpp"

namespace ptmc::tools {

Command record_verb() {
  auto recording = std::make_shared<Recording>();
  recording->output = "ptmc.jsonl";
  return {.name = "record",
          .about = "runs a tracer (gdb, strace, a program) and records its calls",
          .options = {{.name = "-o",
                       .about = "where the trace goes (default: ptmc.jsonl)",
                       .sets = &recording->output,
                       .type = "TRACE"},
                      {.name = "--by",
                       .about = "programs in the kernel, or a preloaded library where those are "
                                "not permitted",
                       .sets = &recording->by,
                       .type = "HOW",
                       .one_of = {"ebpf", "library"}},
                      {.name = "--kernel-events",
                       .about = "with the tracees' signals, sleep and wake-ups in the kernel",
                       .sets = &recording->kernel_events},
                      {.name = "COMMAND",
                       .about = "after --, with its arguments",
                       .sets = &recording->command}},
          .run = [=] { return record(*recording); }};
}

}  // namespace ptmc::tools
