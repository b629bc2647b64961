// The program of the puppets. It has no libc: tasks made by raw clones would share its state
// (errno, TLS), and a tracer would see its system calls. A task knows who it is by its stack.
#pragma once

#include "traces/board.hpp"

namespace ptmc::puppet {

// The descriptors that every puppet inherits, by number and as text.
struct Descriptors {
  int board = -1, program = -1;
  const char *board_text = nullptr, *program_text = nullptr;
};

extern traces::Board *board;
extern Descriptors descriptors;

pid_t self();  // the role whose stack this is

// Makes the call: the results, and what the call is logged as, go into event.
void make(traces::Event &event);
// Logs a call that nobody posted.
void log(traces::Event event, std::uint64_t t0);

void handle(int sig, traces::Disposition disposition);
// A new task, which begins to play this role. clone's flags; returns what clone does.
long make_task(std::uint64_t flags, pid_t role);

// The lie of the board: about the call, before it is made, and about what it has shown.
void twist(traces::Event &event);
void falsify(traces::Event &event);

}  // namespace ptmc::puppet
