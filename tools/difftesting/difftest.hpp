// Random differential testing: random programs run on this kernel, each recording held against the
// model. What the model does not explain is a mistake of the model, of the replay or of the
// recording; it is made small and kept.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "traces/replay.hpp"

namespace ptmc::difftest {

struct Options {
  double seconds = 60;
  std::uint64_t seed = 1;
  int jobs = 1;
  std::uint64_t programs = UINT64_MAX;              // at most so many
  std::uint64_t rejections = UINT64_MAX;            // ends after so many
  bool uniform = false;                             // no preference for what was seen least
  double shrink_seconds = 40;                       // at most, of one rejection
  std::string directory;                            // where the rejected ones go
  std::function<void(model::Model &)> mutate = {};  // of replay; deliberate mistakes
};

struct Totals {
  double seconds = 0;
  std::uint64_t programs = 0, calls = 0, rejections = 0, kept = 0, gave_up = 0;
  std::uint64_t failed = 0;  // programs that could not be recorded
  // Of all jobs together; recording: waiting for it, beside the rest.
  double generating = 0, recording = 0, replaying = 0, witnessing = 0;
  std::size_t rules = 0, pairs = 0;
  bool interrupted = false;
  int lost = 0;  // jobs that were killed or have crashed
};

// Runs until the time is over, or `interrupted`. Calls progress now and then. Throws
// traces::NotPossible.
Totals run(const Options &options, const std::function<bool()> &interrupted,
           const std::function<void(const Totals &)> &progress);

}  // namespace ptmc::difftest
