// lint:
// ptrace(2)'s loop, with nothing wrong: SEIZE, signals delivered, LISTEN in group-stops, events and
// new children resumed.
#include "tracer.h"

static void tracee(void) {
  raise(SIGUSR1);
  const pid_t child = fork();
  if (child == 0) {
    raise(SIGSTOP);
    _exit(0);
  }
  int status = 0;
  while (waitpid(child, &status, WUNTRACED) == child && WIFSTOPPED(status)) kill(child, SIGCONT);
}

int main(void) {
  seize(make_tracee(tracee), PTRACE_O_TRACEFORK | PTRACE_O_TRACEEXIT | PTRACE_O_TRACESYSGOOD);
  begin_tracee();
  int status = 0;
  for (pid_t pid; (pid = waitpid(-1, &status, __WALL)) > 0;) {
    if (!WIFSTOPPED(status)) continue;
    const int signal = WSTOPSIG(status), event = status >> 16;
    if (event == PTRACE_EVENT_STOP && signal != SIGTRAP)
      ptrace(PTRACE_LISTEN, pid, 0, 0);
    else
      ptrace(PTRACE_SYSCALL, pid, 0, event || signal == (SIGTRAP | 0x80) ? 0 : signal);
  }
}
