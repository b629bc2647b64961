// lint: sigstop-taken-for-attach
// Every SIGSTOP is taken for that of ATTACH.
#include "tracer.h"

static void tracee(void) { raise(SIGSTOP); }

// Not in a group-stop: GETSIGINFO succeeds.
static void expect_sigstop(pid_t pid) {
  siginfo_t info;
  expect(pid, stop(SIGSTOP, 0));
  check(ptrace(PTRACE_GETSIGINFO, pid, 0, &info), "GETSIGINFO");
}

int main(void) {
  const pid_t pid = make_tracee(tracee);
  attach(pid);
  expect_sigstop(pid);
  cont(pid, 0);
  begin_tracee();
  expect_sigstop(pid);
  cont(pid, 0);
  expect(pid, 0);
}
