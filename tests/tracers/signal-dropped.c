// lint: signal-dropped
// A signal is given at an event, where the kernel does not look at it.
#include "tracer.h"

static void tracee(void) {}

int main(void) {
  const pid_t pid = make_tracee(tracee);
  seize(pid, PTRACE_O_TRACEEXIT);
  begin_tracee();
  expect(pid, stop(SIGTRAP, PTRACE_EVENT_EXIT));
  cont(pid, SIGTERM);
  expect(pid, 0);
}
