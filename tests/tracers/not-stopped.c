// lint: not-stopped
// Options are set before the tracee has stopped.
#include "tracer.h"

static void tracee(void) {}

int main(void) {
  const pid_t pid = make_tracee(tracee);
  seize(pid, 0);
  if (ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACEEXIT) == 0) return 2;
  check(ptrace(PTRACE_INTERRUPT, pid, 0, 0), "INTERRUPT");
  expect(pid, stop(SIGTRAP, PTRACE_EVENT_STOP));
  cont(pid, 0);
  begin_tracee();
  expect(pid, 0);
}
