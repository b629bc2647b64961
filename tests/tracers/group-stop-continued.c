// lint: group-stop-continued
// A seized tracee's group-stop is ended by CONT, not by LISTEN.
#include "tracer.h"

static void tracee(void) { raise(SIGSTOP); }

int main(void) {
  const pid_t pid = make_tracee(tracee);
  seize(pid, 0);
  begin_tracee();
  expect(pid, stop(SIGSTOP, 0));
  cont(pid, SIGSTOP);
  expect(pid, stop(SIGSTOP, PTRACE_EVENT_STOP));
  cont(pid, 0);
  expect(pid, 0);
}
