// What the tracers of this folder share. Each says first what ptmc lint finds, and then what it
// does wrong; all else is right. ../lint has what strace recorded of each. A tracee begins when it
// is told to, when it is traced.
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

enum { kStopped = 0x7f };

static inline void check(long result, const char *what) {
  if (result >= 0) return;
  perror(what);
  exit(2);
}

static inline void handler(int signal) { (void)signal; }

static int begin[2];

// A child that does this once begin_tracee is called.
static inline pid_t make_tracee(void (*body)(void)) {
  if (begin[1] == 0) check(pipe(begin), "pipe");
  const pid_t pid = fork();
  check(pid, "fork");
  if (pid > 0) return pid;
  char byte;
  signal(SIGUSR1, handler);
  signal(SIGUSR2, handler);
  close(begin[1]);
  if (read(begin[0], &byte, 1) != 1) _exit(3);
  body();
  _exit(0);
}
static inline void begin_tracee(void) { check(write(begin[1], "", 1), "write"); }

static inline void attach(pid_t pid) { check(ptrace(PTRACE_ATTACH, pid, 0, 0), "ATTACH"); }
static inline void seize(pid_t pid, long options) {
  check(ptrace(PTRACE_SEIZE, pid, 0, options), "SEIZE");
}
static inline void cont(pid_t pid, long signal) {
  check(ptrace(PTRACE_CONT, pid, 0, signal), "CONT");
}

// The next report of this tracee, which must be this status.
static inline void expect(pid_t pid, int expected) {
  int status = 0;
  check(waitpid(pid, &status, __WALL), "waitpid");
  if (status == expected) return;
  fprintf(stderr, "status %#x, not %#x\n", status, expected);
  exit(2);
}
static inline int stop(int signal, int event) { return event << 16 | signal << 8 | kStopped; }
