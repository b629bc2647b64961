// The tracer of the logs in this folder: two processes of two threads each, and each thread traces
// one of four processes that were there before (children would be those of strace -f). All logs
// are of runs of it:
//
//   gcc -pthread -o tracer tracer.c
//   for i in 1 2 3 4; do sleep 1000 & done
//   strace -f -e trace=ptrace,wait4,waitid,kill,clone,clone3,exit,exit_group FORM -o LOG \
//     ./tracer $(jobs -p)
//
// where FORM is what the log is called; ff is -ff -ttt.
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static long call(int request, pid_t pid, void *addr, void *data) {
  return syscall(SYS_ptrace, request, pid, addr, data);
}

static void *trace(void *of) {
  pid_t child = atoi(of);
  int status;
  siginfo_t info;
  unsigned long message;
  call(PTRACE_SEIZE, child, 0, (void *)(PTRACE_O_TRACEEXIT | PTRACE_O_TRACESYSGOOD));
  call(PTRACE_INTERRUPT, child, 0, 0);
  wait4(child, &status, __WALL, 0);
  call(PTRACE_GETEVENTMSG, child, 0, &message);
  call(PTRACE_CONT, child, 0, 0);
  kill(child, SIGSTOP);
  wait4(child, &status, __WALL, 0);
  call(PTRACE_GETSIGINFO, child, 0, &info);
  call(PTRACE_CONT, child, 0, (void *)SIGSTOP);
  wait4(child, &status, __WALL, 0);
  call(PTRACE_LISTEN, child, 0, 0);
  kill(child, SIGCONT);
  wait4(child, &status, __WALL, 0);
  call(PTRACE_CONT, child, 0, 0);
  waitid(P_PID, child, &info, WEXITED | WSTOPPED | __WALL);
  call(PTRACE_CONT, child, 0, (void *)SIGCONT);
  wait4(child, &status, WNOHANG | __WALL, 0);
  call(PTRACE_PEEKDATA, child, 0, &message);
  kill(child, SIGTERM);
  wait4(child, &status, __WALL, 0);
  call(PTRACE_SYSCALL, child, 0, (void *)SIGTERM);
  wait4(child, &status, __WALL, 0);
  call(PTRACE_DETACH, child, 0, 0);
  wait4(child, &status, __WALL, 0);
  call(PTRACE_CONT, child, 0, 0);
  return of;
}

static void both(char **pids) {
  pthread_t thread;
  pthread_create(&thread, 0, trace, pids[0]);
  trace(pids[1]);
  pthread_join(thread, 0);
}

int main(int argc, char **argv) {
  if (argc != 5) return 2;
  pid_t other = fork();
  both(argv + (other == 0 ? 1 : 3));
  if (other == 0) exit(7);
  waitpid(other, 0, 0);
  return 0;
}
