// The kinds of calls that random programs make: a table.
#pragma once

#include <span>

#include "tools/difftesting/random.hpp"
#include "traces/scenario.hpp"

namespace ptmc::difftest {

// What stays the same throughout a program.
struct Cast {
  int threads = 1;
  bool tracer_is_parent = false;
  int other_signal = 0;  // the one that stands for all that the model has no name for
};

enum class By { tracer, parent, thread, world };

struct Kind {
  const char *name;
  By by;
  double weight;  // how often, beside the others
  traces::Call call;
  long request;  // of ptrace
  void (*arguments)(Random &random, const Cast &cast, traces::Event &event);
  bool (*fits)(const Cast &cast) = nullptr;  // none: always
};

std::span<const Kind> kinds();

// What SEIZE and SETOPTIONS are given; the exit codes; the signals of the model.
std::span<const std::uint64_t> option_sets();
std::span<const int> exit_codes();

// One that the model has no name for.
int other_signal(Random &random);

}  // namespace ptmc::difftest
