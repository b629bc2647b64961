// lint: not-stopped esrch-taken-for-death
// A tracee that runs gives ESRCH, and is taken to be dead.
#include "tracer.h"

static void tracee(void) { pause(); }

int main(void) {
  const pid_t pid = make_tracee(tracee);
  seize(pid, PTRACE_O_EXITKILL);
  begin_tracee();
  if (ptrace(PTRACE_CONT, pid, 0, 0) == 0) return 2;
}
