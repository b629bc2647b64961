// lint:
// The same after ATTACH: the first SIGSTOP is the attach's, the next was sent; a group-stop, for
// which GETSIGINFO fails, can only be resumed.
#include <errno.h>
#include <stdbool.h>
#include "tracer.h"

static void tracee(void) {
  raise(SIGUSR1);
  raise(SIGSTOP);
}

int main(void) {
  const pid_t pid = make_tracee(tracee);
  attach(pid);
  begin_tracee();
  bool attached = false;
  int status = 0;
  while (waitpid(pid, &status, __WALL) == pid && WIFSTOPPED(status)) {
    siginfo_t info;
    long signal = WSTOPSIG(status);
    if (signal == SIGSTOP && !attached) {
      attached = true;
      signal = 0;
    } else if (ptrace(PTRACE_GETSIGINFO, pid, 0, &info) < 0) {
      if (errno != EINVAL) continue;
      signal = 0;
    }
    ptrace(PTRACE_CONT, pid, 0, signal);
  }
}
