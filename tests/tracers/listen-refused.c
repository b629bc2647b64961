// lint: listen-refused
// LISTEN in a signal-delivery-stop.
#include "tracer.h"

static void tracee(void) { raise(SIGTSTP); }

int main(void) {
  const pid_t pid = make_tracee(tracee);
  seize(pid, PTRACE_O_EXITKILL);
  begin_tracee();
  expect(pid, stop(SIGTSTP, 0));
  if (ptrace(PTRACE_LISTEN, pid, 0, 0) == 0) return 2;
  cont(pid, SIGTSTP);
}
