// The kinds of calls that random programs make: a table.
#pragma once

#include <span>
#include <vector>

#include "tools/difftesting/random.hpp"
#include "traces/scenario.hpp"

namespace ptmc::difftest {

// Who takes part in a program, and what stays the same throughout it.
struct Cast {
  int threads = 1;    // of t0's process at the beginning
  int places = 1;     // for threads in a process
  int processes = 1;  // at most
  bool tracer_is_parent = false;
  int other_signal = 0;  // the one that stands for all that the model has no name for
  // By role from t0 on, as far as made: the leader of its process as it was made.
  std::vector<pid_t> leaders = {};

  pid_t leader_of(pid_t role) const;
  int threads_of(pid_t leader) const;
  int made_processes() const;
};

enum class By { tracer, tracer_thread, tracer2, parent, thread, world };

struct Kind {
  const char *name;
  By by;
  double weight;  // how often, beside the others
  traces::Call call;
  long request;  // of ptrace
  void (*arguments)(Random &random, const Cast &cast, traces::Event &event);
  bool (*fits)(const Cast &cast, pid_t by) = nullptr;  // none: always
};

std::span<const Kind> kinds();

// What SEIZE and SETOPTIONS are given; SETSIGINFO; SETSIGMASK; the exit codes.
std::span<const std::uint64_t> option_sets();
std::span<const traces::Siginfo> siginfos();
std::span<const std::uint64_t> masks();
std::span<const int> exit_codes();

// One that the model has no name for.
int other_signal(std::uint64_t number);

}  // namespace ptmc::difftest
