// lint: child-forgotten
// A fork's child is traced too, and nobody waits for it.
#include "tracer.h"

static void tracee(void) { fork(); }

int main(void) {
  const pid_t pid = make_tracee(tracee);
  seize(pid, PTRACE_O_TRACEFORK | PTRACE_O_EXITKILL);
  begin_tracee();
  expect(pid, stop(SIGTRAP, PTRACE_EVENT_FORK));
  unsigned long child = 0;
  check(ptrace(PTRACE_GETEVENTMSG, pid, 0, &child), "GETEVENTMSG");
  cont(pid, 0);
  int status = 0;
  do {
    check(waitpid(pid, &status, __WALL), "waitpid");
    if (WIFSTOPPED(status)) cont(pid, WSTOPSIG(status));
  } while (WIFSTOPPED(status));
}
