// What the stage and the puppets of a scenario share, in memory that all of them map: a slot for
// each role, where it gets its calls, and the log. Also compiled into the puppets' program, which
// has no libc (puppet/): nothing here may need one.
#pragma once

#include <sys/types.h>
#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include "traces/scenario.hpp"
#include "traces/trace.hpp"

namespace ptmc::traces {

// What the puppets falsify (puppet/lies.cpp).
enum class Lie : std::uint8_t {
  none,
  no_event_in_status,
  event_stop_is_sigtrap,
  stop_is_not_reported,
  continued_is_stopped,
  killed_is_exited,
  exit_code_is_lost,
  no_child_is_nothing_yet,
  group_stop_has_siginfo,
  no_siginfo,
  event_stop_code_is_lost,
  running_is_stopped,
  listen_is_never_refused,
  no_message,
  interrupt_says_esrch,
  options_are_never_invalid,
  signal_is_dropped,
  detach_drops_signal,
  listen_continues,
  seize_attaches,
  COUNT,
};

// A call in the log. It is published before it is made and completed afterwards, so the log loses
// nothing of a puppet that dies in between.
struct Record {
  enum Phase : std::uint32_t {
    unused,
    begun,  // everything but the results is there
    ended,  // and the results
    gone,   // the caller was seen dead at t1, there are no results
  };
  std::atomic<Phase> phase;
  int step;     // of the scenario, from 0; -1: none asked for it, as for a handler
  Event event;  // real pids
};

struct Slot {
  std::atomic<pid_t> born;    // its tid; 0: not made yet. The kernel writes it before a task runs
  std::atomic<pid_t> execed;  // its tid since its last execve; 0: none
  std::atomic<pid_t> leader;  // the role that leads its process
  std::atomic<bool> dead;     // an execve in its process ended it
  std::atomic<std::uint32_t> posted, finished;  // numbers of calls; idle if they are the same
  std::atomic<std::uint32_t> turns;             // of an idle tracee, in user mode
  std::uint32_t record;                         // of the call under way
  int step;
  Event call;  // the last one posted: real pids, but child is of who

  pid_t tid() const { return execed ? execed : born; }
};

// All zero at the beginning, so that no page of it is touched before it is needed.
struct Board {
  static constexpr std::uint32_t kRecords = 131072;

  int threads;                         // of the tracee at the beginning
  bool tracer_thread;                  // it is cast
  Lie lie;                             // that the puppets tell
  std::array<Slot, who::count> slots;  // by who
  std::atomic<std::uint32_t> used;     // records; more than kRecords: the log is not complete
  std::array<Record, kRecords + 1> log;

  // How it went, from the stage to its caller.
  enum class Outcome { unfinished, finished, not_reached, not_possible };
  std::atomic<Outcome> outcome;
  int step;                    // that was not reached
  std::array<char, 200> what;  // what was not reached, or is not possible
  std::uint64_t end;           // of the recording, ns
};

inline Record &new_record(Board &board, int step, std::uint32_t &index) {
  index = std::min(board.used.fetch_add(1), Board::kRecords);
  board.log[index].step = step;
  return board.log[index];
}

inline void publish(Record &record, const Event &event, Record::Phase phase) {
  record.event = event;
  record.phase.store(phase, std::memory_order_release);
}

}  // namespace ptmc::traces
