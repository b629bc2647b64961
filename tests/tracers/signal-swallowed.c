// lint: signal-swallowed
// Every stop is taken for the tracer's own: a signal is not delivered.
#include "tracer.h"

static void tracee(void) { raise(SIGUSR1); }

int main(void) {
  const pid_t pid = make_tracee(tracee);
  seize(pid, 0);
  begin_tracee();
  expect(pid, stop(SIGUSR1, 0));
  cont(pid, 0);
  expect(pid, 0);
}
