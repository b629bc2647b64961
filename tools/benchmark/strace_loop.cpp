// ptmc-strace-loop N: a tracer like strace, of a tracee that makes N system calls: two
// syscall-stops each, and GET_SYSCALL_INFO in each stop. Prints the seconds that they took.

#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>

namespace {

[[noreturn]] void be_tracee(long calls) {
  raise(SIGSTOP);
  for (long i = 0; i < calls; ++i) syscall(SYS_getppid);
  _exit(0);
}

int fail(const char *what) {
  std::perror(what);
  return 4;
}

}  // namespace

int main(int argc, char **argv) {
  const long calls = argc == 2 ? std::strtol(argv[1], nullptr, 10) : 0;
  if (calls <= 0) return std::fputs("usage: ptmc-strace-loop N\n", stderr), 2;
  const pid_t tracee = fork();
  if (tracee < 0) return fail("fork");
  if (tracee == 0) be_tracee(calls);
  int status = 0;
  if (waitpid(tracee, &status, WUNTRACED) != tracee) return fail("waitpid");
  if (ptrace(PTRACE_SEIZE, tracee, 0, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL) != 0)
    return kill(tracee, SIGKILL), fail("PTRACE_SEIZE");
  kill(tracee, SIGCONT);
  const auto begin = std::chrono::steady_clock::now();
  while (waitpid(tracee, &status, __WALL) == tracee && WIFSTOPPED(status)) {
    __ptrace_syscall_info info{};
    const bool at_call = status >> 8 == (SIGTRAP | 0x80);
    if (at_call) ptrace(PTRACE_GET_SYSCALL_INFO, tracee, sizeof(info), &info);
    const int sig = at_call || status >> 16 ? 0 : WSTOPSIG(status);
    if (ptrace(PTRACE_SYSCALL, tracee, 0, sig) != 0) return fail("PTRACE_SYSCALL");
  }
  std::printf("%.6f\n",
              std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
