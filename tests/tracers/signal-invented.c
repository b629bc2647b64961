// lint: signal-invented
// Another signal is delivered than the one that was sent.
#include "tracer.h"

static void tracee(void) { raise(SIGUSR1); }

int main(void) {
  const pid_t pid = make_tracee(tracee);
  seize(pid, 0);
  begin_tracee();
  expect(pid, stop(SIGUSR1, 0));
  cont(pid, SIGUSR2);
  expect(pid, 0);
}
