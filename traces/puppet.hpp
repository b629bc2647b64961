// Puppets: the processes and threads of a scenario. Each runs the program of puppet/, which makes
// the calls that the stage gives it through the Board, one at a time, and logs them there.
#pragma once

#include <sys/types.h>
#include <cstdint>
#include <optional>
#include "traces/board.hpp"
#include "traces/scenario.hpp"
#include "traces/trace.hpp"

namespace ptmc::traces {

std::uint64_t now();  // CLOCK_MONOTONIC, ns

// The record as it was at the end of the recording: what happened after that, the end itself did.
std::optional<Event> final_event(const Record &record, std::uint64_t end);

// What /proc shows of a puppet: its state, X if it is gone; and its pending signals, private and
// shared, SIGKILL left out (bit n-1 is signal n).
char proc_state(const Board &board, pid_t role);
// The same; of who is in a stop once it sleeps there. ptrace_stop and do_signal_stop set the state
// first, and notify the tracer and the real parent after that. To read its system call waits until
// it is asleep (task_current_syscall, wait_task_inactive).
char settled_state(const Board &board, pid_t role);
std::uint64_t pending_signals(const Board &board, pid_t role);

// Gives a puppet its next call. It must have finished the last one.
void post(Slot &slot, const Event &call, int step);

// A Board that other processes can map.
class SharedBoard {
 public:
  SharedBoard();  // throws std::system_error
  ~SharedBoard();
  SharedBoard(const SharedBoard &) = delete;
  SharedBoard &operator=(const SharedBoard &) = delete;
  Board &operator*() const { return *board_; }
  Board *operator->() const { return board_; }
  int descriptor() const { return descriptor_; }

 private:
  int descriptor_ = -1;
  Board *board_ = nullptr;
};

// The caller and its children have short turns on the CPU: many of them only spin, and what is
// awaited should not wait for their turns. A kernel that does not know it (before 6.12) ignores it.
void take_short_turns();
// The descriptor of the puppets' program.
int puppet_program();
// The calling process becomes the tracer, tracer2, parent, or, with its threads, the tracee. Both
// descriptors are inherited by what it makes.
[[noreturn]] void play(int board, int program, pid_t role);

}  // namespace ptmc::traces
