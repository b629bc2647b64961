// lint: listening-restarted
// A listening tracee is restarted without INTERRUPT.
#include "tracer.h"

static void tracee(void) { raise(SIGSTOP); }

int main(void) {
  const pid_t pid = make_tracee(tracee);
  seize(pid, PTRACE_O_EXITKILL);
  begin_tracee();
  expect(pid, stop(SIGSTOP, 0));
  cont(pid, SIGSTOP);
  expect(pid, stop(SIGSTOP, PTRACE_EVENT_STOP));
  check(ptrace(PTRACE_LISTEN, pid, 0, 0), "LISTEN");
  if (ptrace(PTRACE_CONT, pid, 0, 0) == 0) return 2;
  check(kill(pid, SIGCONT), "kill");
  expect(pid, stop(SIGTRAP, PTRACE_EVENT_STOP));
  cont(pid, 0);
  expect(pid, stop(SIGCONT, 0));
  cont(pid, SIGCONT);
  expect(pid, 0);
}
