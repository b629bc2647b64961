// Puppets: the processes and threads of a scenario. Each makes the calls that the stage gives it
// through shared memory, one at a time, and logs them there.
//
// A thread of the tracee waits for its next call by spinning in user mode. So it is in user mode
// whenever it is idle, and a tracer sees no system call but those of the scenario and the
// rt_sigreturn at the end of a handler. (The clock is read through the vdso; on a machine whose
// clock source is unknown to the vdso that would be a system call too.)
#pragma once

#include <sys/types.h>
#include <array>
#include <atomic>
#include <cstdint>
#include <optional>
#include "traces/scenario.hpp"
#include "traces/trace.hpp"

namespace ptmc::traces {

std::uint64_t now();  // CLOCK_MONOTONIC, ns

// A call in the log. It is published before it is made and completed afterwards, so the log loses
// nothing of a puppet that dies in between.
struct Record {
  enum Phase : std::uint32_t {
    unused,
    begun,  // everything but the results is there
    ended,  // and the results
    gone,   // the caller was seen dead at t1, there are no results
  };
  std::atomic<Phase> phase{unused};
  int step = -1;  // of the scenario, from 0; -1: a handler
  Event event;    // real pids
};

struct Slot {
  std::atomic<pid_t> tid{0};                          // not 0: ready
  std::atomic<std::uint32_t> posted{0}, finished{0};  // numbers of calls
  std::atomic<std::uint32_t> turns{0};                // of an idle thread, in user mode
  int step = -1;
  Event call;  // the last one posted, real pids
};

// All that is shared between the puppets, the stage and its caller.
struct Board {
  static constexpr std::uint32_t kRecords = 4096;

  std::array<Slot, who::count> slots;  // by who
  std::atomic<std::uint32_t> used{0};  // records; more than kRecords: the log is not complete
  std::array<Record, kRecords + 1> log;

  // How it went, from the stage to its caller.
  enum class Outcome { unfinished, finished, not_reached, not_possible, no_namespace };
  std::atomic<Outcome> outcome{Outcome::unfinished};
  int step = -1;                 // that was not reached
  std::array<char, 200> what{};  // what was not reached, or is not possible
  std::uint64_t end = 0;         // of the recording, ns
};

// The record as it was at the end of the recording: what happened after that, the end itself did.
std::optional<Event> final_event(const Record &record, std::uint64_t end);

// What /proc shows of a puppet: its state, X if it is gone; and its pending signals, private and
// shared, SIGKILL left out (bit n-1 is signal n).
char proc_state(const Board &board, pid_t role);
std::uint64_t pending_signals(const Board &board, pid_t role);

// The calling process is this one of who from now on, for perform.
void set_self(pid_t tid);
// Makes the call, with the log around it.
void perform(Board &board, Event call, int step);
// Gives a puppet its next call. It must have finished the last one.
void post(Slot &slot, const Event &call, int step);

// The life of the tracer or parent. With threads > 0 it first forks the tracee with so many.
[[noreturn]] void play(Board &board, pid_t role, int threads);

}  // namespace ptmc::traces
