// lint: attach-sigstop-delivered
// The SIGSTOP that ATTACH sends is delivered as if somebody had sent it: the process stops.
#include "tracer.h"

static void tracee(void) {}

int main(void) {
  const pid_t pid = make_tracee(tracee);
  attach(pid);
  expect(pid, stop(SIGSTOP, 0));
  cont(pid, SIGSTOP);
  expect(pid, stop(SIGSTOP, 0));  // a group-stop
  cont(pid, 0);
  begin_tracee();
  expect(pid, 0);
}
