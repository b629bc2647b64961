// lint: signal-invented
// The SIGTRAP of a syscall-stop is passed on as if it were a signal, which kills the tracee.
#include "tracer.h"

static void tracee(void) { raise(SIGUSR1); }

int main(void) {
  const pid_t pid = make_tracee(tracee);
  seize(pid, PTRACE_O_TRACESYSGOOD);
  begin_tracee();
  expect(pid, stop(SIGUSR1, 0));
  check(ptrace(PTRACE_SYSCALL, pid, 0, SIGUSR1), "SYSCALL");
  expect(pid, stop(SIGTRAP | 0x80, 0));
  cont(pid, SIGTRAP);
  expect(pid, stop(SIGTRAP, 0));
  cont(pid, SIGTRAP);
  int status = 0;
  check(waitpid(pid, &status, __WALL), "waitpid");
}
