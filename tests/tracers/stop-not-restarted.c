// lint: stop-not-restarted
// Of two tracees one is not restarted, while the tracer waits for both.
#include "tracer.h"

static void tracee(void) { raise(SIGUSR1); }

int main(void) {
  const pid_t forgotten = make_tracee(tracee), pid = make_tracee(tracee);
  seize(forgotten, PTRACE_O_EXITKILL);
  seize(pid, PTRACE_O_EXITKILL);
  begin_tracee();
  begin_tracee();
  expect(forgotten, stop(SIGUSR1, 0));
  expect(pid, stop(SIGUSR1, 0));
  cont(pid, SIGUSR1);
  expect(-1, 0);
}
