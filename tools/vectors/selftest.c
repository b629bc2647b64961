// ---- The runner ---------------------------------------------------------------------------------
//
// It is the same in every file. Puppets (tracer, the tracee's parent, the tracee with its threads)
// make the calls of a vector, which the stage gives them one at a time through shared memory; then
// the stage looks at them until nothing more happens, and compares.
//
//   caller -- keeper -- stage -- puppets
//
// The keeper ends what the stage leaves behind, also when the caller is killed. Where it is
// permitted the stage is the init of a PID namespace, so that its end ends all the others. EXITKILL
// would do that too, and change what is tested.
//
// Puppets make raw system calls only: their tasks share the state of libc, and a tracer would see
// its calls. For the same reason an idle tracee spins in user mode.
#ifndef _GNU_SOURCE  // the kernel's lib.mk says it too
#define _GNU_SOURCE
#endif
#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <linux/filter.h>
#include <linux/futex.h>
#include <linux/ptrace.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifndef __x86_64__
#error "the puppets' system calls are those of x86_64"
#endif
#ifndef PTRACE_GET_SYSCALL_INFO  // headers before 5.3
#define PTRACE_GET_SYSCALL_INFO 0x420e
#endif

enum { KSFT_PASS = 0, KSFT_FAIL = 1, KSFT_SKIP = 4, NO_NAMESPACE = 100 };  // exit codes

// Who takes part. In a vector these stand for pids.
enum {
  ANY_CHILD = -1,
  NOTHING,
  WORLD,  // the stage
  TRACER,
  TRACER2,        // another process that may trace
  TRACER_THREAD,  // a second thread of the tracer's
  PARENT,         // of the tracee, unless that is the tracer
  T0,  // tracees: the leader of the first process, its threads, then who is made by forks
  T1,
  T2,
  T3,
  NONE = T0 + 64,  // nobody
  COUNT
};

enum what {
  CALL_PTRACE,
  CALL_WAIT4,
  CALL_WAITID,
  CALL_KILL,
  CALL_TGKILL,
  CALL_SIGCHLD,  // takes a SIGCHLD from the queue
  CALL_RT_SIGPROCMASK,
  CALL_RT_SIGACTION,
  CALL_USER,  // none: user code runs
  CALL_GETPID,
  CALL_GETPPID,
  CALL_PAUSE,
  CALL_FORK,  // a clone with the flags `data`
  CALL_EXECVE,
  CALL_SECCOMP,  // a filter that asks the tracer about getppid, with the message `data`
  CALL_EXIT,
  CALL_EXIT_GROUP
};

enum disposition { DEFAULT, IGNORE, HANDLE };

struct info {
  int signo, code, pid, status;
};

struct call {
  int by;
  enum what call;
  long request;              // of ptrace
  int target, tgid;          // of who; pids once it is posted
  int child;                 // that a fork makes
  int sig, options, how;     // options: also the flags of PEEKSIGINFO
  unsigned long addr, data;  // addr: also the offset of PEEKSIGINFO, data: its count
  unsigned long mask;        // bit n-1 is signal n
  enum disposition disposition;
  int unreadable;  // the arguments of PEEKSIGINFO are not mapped
  int has_siginfo;
  struct info siginfo;  // of SETSIGINFO
};

// What a call has shown, or is to show: only what `has` says.
enum {
  RET = 1,
  RET_WHO = 2,  // ret: of who
  ERR = 4,      // ret is -1
  STATUS = 8,
  SIGNO = 16,
  CODE = 32,
  SIG_STATUS = 64,
  SIG_PID = 128,
  SIG_WHO = 256,  // siginfo.pid: of who
  MESSAGE = 512,
  MESSAGE_WHO = 1024,  // message: of who
  MASK = 2048
};
struct shows {
  unsigned has;
  long ret;
  int err, status;
  struct info siginfo;
  unsigned long message, mask;
};

// A handler that has run. by 0: the end of a list.
struct ran {
  int by;
  int sig;
};

enum { PASSED = -1, ASIDE = -2 };  // the kernel may do so, but it is not what the vector is for

struct outcome {
  struct shows shows;
  // Then, when nothing more happens of itself, by thread of the tracee: t, T, Z, S, D as in /proc;
  // R: in user mode; X: gone. Null: the end of a list.
  const char *states;
  const struct ran *handlers;  // that have run since the call began, in order; null: none
  int any_handlers;            // whatever has run
  int next;                    // the step that follows, or PASSED or ASIDE
};

struct step {
  const char *text;  // null: the end of a list
  struct call call;
  int async;  // it need not return
  const struct outcome *outcomes;
};
#define CALL(...) .text = #__VA_ARGS__, .call = {__VA_ARGS__}

struct vector {
  const char *id, *about;
  int threads;  // of the tracee, at the beginning
  int tracer_is_parent, orphaned;
  int reaped;    // by init, once its real parent has died
  int filtered;  // a filter of t0's asks the tracer about getppid
  // What it needs, else it is skipped: a kernel since this version, and before that one; filters.
  int since, until;
  int seccomp;
  const struct step *steps;
};
#define VERSION(major, minor) ((major)*1000 + (minor))

// ---- What stage and puppets share ---------------------------------------------------------------

struct slot {
  atomic_int born;               // its tid, which the kernel writes before it runs; 0: not made yet
  atomic_int execed;             // its tid since its last execve; 0: none
  atomic_int leader;             // who leads its process
  atomic_int dead;               // an execve in its process ended it
  atomic_uint posted, finished;  // numbers of calls; idle if they are the same
  atomic_uint turns;             // of an idle tracee, in user mode
  struct call call;              // the last one posted
  struct shows made;             // by it
};

enum { MAX_RAN = 256 };

static struct board {
  int threads, tracer_thread;
  struct slot slots[COUNT];
  atomic_int ran;  // handlers
  struct {
    atomic_int ready;
    struct ran who;
  } handlers[MAX_RAN];
} * board;

// Not 0, so that the image of an execve has them.
static int board_file = -1, image = -1;

enum { STACK = 64 * 1024 };
static char stacks[COUNT][STACK] __attribute__((aligned(STACK)));

// What puppets run has no canaries: the thread pointer is 0 after an execve.
#if defined(__has_attribute)
#if __has_attribute(no_stack_protector)
#define RAW static __attribute__((no_stack_protector))
#endif
#endif
#ifndef RAW
#define RAW static __attribute__((optimize("no-stack-protector")))
#endif

RAW int is_tracee(int who) { return who >= T0 && who < NONE; }
RAW int tid_of(const struct slot *slot) { return slot->execed ? slot->execed : slot->born; }

// ---- Puppets ------------------------------------------------------------------------------------

#define ARG(value) ((unsigned long)(value))

// -errno where it fails.
RAW long raw6(long number, unsigned long a, unsigned long b, unsigned long c, unsigned long d,
              unsigned long e, unsigned long f) {
  long ret = number;
  register unsigned long r10 __asm__("r10") = d;
  register unsigned long r8 __asm__("r8") = e;
  register unsigned long r9 __asm__("r9") = f;
  __asm__ volatile("syscall"
                   : "+a"(ret)
                   : "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                   : "rcx", "r11", "memory");
  return ret;
}
RAW long raw(long number, unsigned long a, unsigned long b, unsigned long c, unsigned long d) {
  return raw6(number, a, b, c, d, 0, 0);
}

// A task knows who it is by its stack.
RAW int self(void) { return (int)((ARG(__builtin_frame_address(0)) - ARG(stacks)) / STACK); }

RAW void handler(int sig) {
  const int n = board->ran++;
  if (n >= MAX_RAN) return;
  board->handlers[n].who.by = self();
  board->handlers[n].who.sig = sig;
  board->handlers[n].ready = 1;
}

// rt_sigreturn; again if SYSEMU has skipped it.
RAW __attribute__((naked)) void restore(void) { __asm__("1: mov $15, %eax\n\tsyscall\n\tjmp 1b"); }

RAW long handle(int sig, enum disposition disposition) {
  const struct {
    unsigned long handler, flags, restorer, mask;
  } action = {.handler = disposition == HANDLE ? ARG(handler) : disposition == IGNORE,
              .flags = 0x04000000,  // SA_RESTORER
              .restorer = ARG(restore)};
  return raw(SYS_rt_sigaction, ARG(sig), ARG(&action), 0, 8);
}

RAW void live(int who);

// A new task, which begins to play this role; what clone returns. The child's stack is another one,
// so only registers are its own.
RAW long make_task(unsigned long flags, int who) {
  long ret = SYS_clone;
  register unsigned long r10 __asm__("r10") = 0;
  register unsigned long r8 __asm__("r8") = 0;
  __asm__ volatile(
      "syscall\n\t"
      "test %%rax, %%rax\n\t"
      "jnz 1f\n\t"
      "mov %[who], %%edi\n\t"
      "call *%[live]\n"
      "1:"
      : "+a"(ret)
      : "D"(flags | CLONE_PARENT_SETTID), "S"(stacks[who + 1]), "d"(&board->slots[who].born),
        "r"(r10), "r"(r8), [who] "r"(who), [live] "r"(live)
      : "rcx", "r11", "memory");
  return ret;
}

RAW void make_thread(int who, int leader) {
  board->slots[who].leader = leader;
  make_task(CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM, who);
}

RAW void note_siginfo(struct shows *made, const siginfo_t *info) {
  made->has |= SIGNO | CODE | SIG_PID | SIG_STATUS;
  made->siginfo.signo = info->si_signo;
  made->siginfo.code = info->si_code;
  made->siginfo.pid = info->si_pid;
  made->siginfo.status = info->si_signo == SIGCHLD ? info->si_status : 0;
}

RAW long call_ptrace(const struct call *c, struct shows *made) {
  siginfo_t infos[32];
  unsigned long message = 0;
  unsigned char stop[88] = {0};  // struct ptrace_syscall_info
  const struct {
    uint64_t off;
    uint32_t flags;
    int32_t count;
  } peek = {c->addr, (uint32_t)c->options, (int32_t)c->data};  // struct ptrace_peeksiginfo_args
  unsigned long addr = c->addr, data = c->data;
  long ret;
  if (c->request == PTRACE_PEEKSIGINFO) {
    addr = c->unreadable ? 8 : ARG(&peek);
    data = ARG(infos);
  } else if (c->request == PTRACE_SETSIGINFO && c->has_siginfo) {
    infos[0] = (siginfo_t){.si_signo = c->siginfo.signo, .si_code = c->siginfo.code};
    infos[0].si_pid = c->siginfo.pid;
    infos[0].si_status = c->siginfo.status;
    data = ARG(infos);
  } else if (data == 0) {
    switch (c->request) {
      case PTRACE_GETSIGINFO:
        data = ARG(infos);
        break;
      case PTRACE_GETEVENTMSG:
        data = ARG(&message);
        break;
      case PTRACE_GETSIGMASK:
      case PTRACE_SETSIGMASK:
        data = ARG(&made->mask);
        made->has |= MASK;
        break;
      case PTRACE_GET_SYSCALL_INFO:
        addr = sizeof stop;
        data = ARG(stop);
        break;
    }
  }
  ret = raw(SYS_ptrace, ARG(c->request), ARG(c->target), addr, data);
  if (data == ARG(infos) && (c->request == PTRACE_GETSIGINFO ? ret == 0 : ret > 0))
    note_siginfo(made, infos);
  if (data == ARG(&message) && ret == 0) made->message = message, made->has |= MESSAGE;
  if (data == ARG(stop) && ret > 0) made->message = stop[0], made->has |= MESSAGE;  // op
  return ret;
}

// Returns only if it fails: else the new image goes on in come_back.
RAW long exec_self(void) {
  char name[2] = {(char)self(), 0};
  char *argv[2], *environment[1];
  argv[0] = name;
  argv[1] = environment[0] = NULL;
  return raw6(SYS_execveat, ARG(image), ARG(""), ARG(argv), ARG(environment), AT_EMPTY_PATH, 0);
}

RAW long install_filter(unsigned long message) {
  const struct sock_filter filter[] = {
      {BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(struct seccomp_data, nr)},
      {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, SYS_getppid},
      {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_TRACE | ((uint32_t)message & SECCOMP_RET_DATA)},
      {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW},
  };
  const struct {
    unsigned short length;
    const struct sock_filter *filter;
  } program = {4, filter};
  raw(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0);
  return raw(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, ARG(&program), 0);
}

RAW long make(const struct call *c, struct shows *made) {
  const struct timespec at_once = {0, 0};
  const unsigned long sigchld = 1ul << (SIGCHLD - 1);
  siginfo_t info;
  long ret;
  info.si_signo = 0;
  switch (c->call) {
    case CALL_PTRACE:
      return call_ptrace(c, made);
    case CALL_WAIT4:
      ret = raw(SYS_wait4, ARG(c->target), ARG(&made->status), ARG(c->options), 0);
      if (ret > 0) made->has |= STATUS;
      return ret;
    case CALL_WAITID:
      ret = raw6(SYS_waitid, c->target == ANY_CHILD ? P_ALL : P_PID, ARG(c->target), ARG(&info),
                 ARG(c->options), 0, 0);
      if (ret == 0 && info.si_signo != 0) note_siginfo(made, &info);
      return ret;
    case CALL_SIGCHLD:
      ret = raw(SYS_rt_sigtimedwait, ARG(&sigchld), ARG(&info), ARG(&at_once), 8);
      if (ret > 0) note_siginfo(made, &info);
      return ret;
    case CALL_KILL:
      return raw(SYS_kill, ARG(c->target), ARG(c->sig), 0, 0);
    case CALL_TGKILL:
      return raw(SYS_tgkill, ARG(c->tgid), ARG(c->target), ARG(c->sig), 0);
    case CALL_RT_SIGPROCMASK:
      return raw(SYS_rt_sigprocmask, ARG(c->how), ARG(&c->mask), 0, 8);
    case CALL_RT_SIGACTION:
      return handle(c->sig, c->disposition);
    case CALL_USER:
      return 0;
    case CALL_GETPID:
      return raw(SYS_getpid, 0, 0, 0, 0);
    case CALL_GETPPID:
      return raw(SYS_getppid, 0, 0, 0, 0);
    case CALL_PAUSE:
      return raw(SYS_pause, 0, 0, 0, 0);
    case CALL_FORK:
      board->slots[c->child].leader =
          c->data & CLONE_THREAD ? (int)board->slots[self()].leader : c->child;
      return make_task(c->data, c->child);
    case CALL_EXECVE:
      return exec_self();
    case CALL_SECCOMP:
      return install_filter(c->data);
    case CALL_EXIT:
      return raw(SYS_exit, c->data, 0, 0, 0);
    case CALL_EXIT_GROUP:
      return raw(SYS_exit_group, c->data, 0, 0, 0);
  }
  return -ENOSYS;
}

RAW void finish(struct slot *slot, long ret) {
  slot->made.ret = ret < 0 ? -1 : ret;
  slot->made.err = ret < 0 ? (int)-ret : 0;
  slot->made.has |= ret < 0 ? RET | ERR : RET;
  slot->finished = slot->posted;
}

RAW void live(int who) {
  struct slot *slot = &board->slots[who];
  for (;;) {
    while (slot->posted == slot->finished) {
      if (is_tracee(who)) {
        slot->turns++;
        __builtin_ia32_pause();
      } else {
        raw(SYS_futex, ARG(&slot->posted), FUTEX_WAIT, slot->finished, 0);
      }
    }
    finish(slot, make(&slot->call, &slot->made));
  }
}

// Goes on as this role, on its stack.
RAW void play(int who) {
  __asm__ volatile(
      "mov %0, %%rsp\n\t"
      "call *%1"
      :
      : "r"(stacks[who + 1]), "r"(live), "D"(who)
      : "memory");
  __builtin_unreachable();
}

// After an execve the role goes on under the tid of the leader, whose role is over, as are those of
// the other threads. It may make one system call: without its mmap there is no board.
RAW __attribute__((used)) void come_back(const unsigned long *stack) {
  const int who = *(const unsigned char *)stack[1];  // argc, argv[0]
  const long memory = raw6(SYS_mmap, 0, sizeof(struct board), PROT_READ | PROT_WRITE, MAP_SHARED,
                           ARG(board_file), 0);
  struct slot *slot;
  int leader, other;
  while (memory == -ENOSYS) __builtin_ia32_pause();  // SYSEMU has skipped it
  if (memory < 0) raw(SYS_exit_group, 1, 0, 0, 0);
  board = (struct board *)memory;
  slot = &board->slots[who];
  leader = slot->leader;
  for (other = T0; other < NONE; ++other)
    if (other != who && board->slots[other].leader == leader) board->slots[other].dead = 1;
  slot->execed = tid_of(&board->slots[leader]);
  slot->leader = who;
  finish(slot, 0);
  play(who);
}

RAW __attribute__((naked, used)) void start_of_image(void) {
  __asm__("mov %rsp, %rdi\n\tand $-16, %rsp\n\tcall come_back");
}

RAW void begin(int who) {
  const unsigned long sigchld = 1ul << (SIGCHLD - 1);  // CALL_SIGCHLD takes it
  struct slot *slot = &board->slots[who];
  int thread;
  slot->leader = who;
  if (is_tracee(who)) {
    setpgid(0, 0);
    prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);  // EINVAL where there is no Yama
    handle(SIGUSR1, HANDLE);
    handle(SIGUSR2, HANDLE);
    for (thread = T1; thread < T0 + board->threads; ++thread) make_thread(thread, who);
  } else {
    raw(SYS_rt_sigprocmask, SIG_BLOCK, ARG(&sigchld), 0, 8);
    if (who == TRACER && board->tracer_thread) make_thread(TRACER_THREAD, who);
  }
  slot->born = (int)raw(SYS_getpid, 0, 0, 0, 0);
  play(who);
}

// ---- The stage ----------------------------------------------------------------------------------

static const uint64_t patience = 5000000000, settling = 2000000000;  // ns
enum { TURNS = 200 };       // of an idle thread: it has been in user mode
enum { NOBODY = 4194304 };  // one more than the largest pid there is

static unsigned turns[COUNT];  // as they were when we began to count
static int own_namespace;
static int parent_gone;  // the tracee's real one, if init reaps for it

static uint64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

// Whether there is time left until then, after a nap.
static int wait_until(uint64_t deadline) {
  const struct timespec nap = {0, 20000};
  nanosleep(&nap, NULL);
  return now() < deadline;
}

static void bail_out(const char *what) {
  printf("Bail out! %s: %s\n", what, strerror(errno));
  fflush(stdout);
  _exit(KSFT_FAIL);
}

// Also of who is not made yet, so that no call acts upon its caller by a pid of 0.
static int real(int who) {
  int tid;
  if (who <= NOTHING) return who;
  tid = who == NONE ? 0 : tid_of(&board->slots[who]);
  return tid ? tid : NOBODY;
}

static int who_is(long tid) {
  int who;
  for (who = WORLD; who < NONE; ++who)
    if (tid > 0 && tid_of(&board->slots[who]) == tid) return who;
  return NONE;
}

static int busy(int who) { return board->slots[who].finished != board->slots[who].posted; }

// What its file of this name in /proc says.
static ssize_t read_proc(int who, const char *name, char *text, size_t most) {
  const struct slot *slot = &board->slots[who];
  char path[64];
  ssize_t size;
  int file;
  snprintf(path, sizeof path, "/proc/%d/task/%d/%s", tid_of(&board->slots[slot->leader]),
           tid_of(slot), name);
  file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return -1;
  size = read(file, text, most);
  close(file);
  return size;
}

// Its letter in /proc; X: it is gone.
static char proc_state(int who) {
  char text[512], *end;
  ssize_t size;
  if (board->slots[who].dead) return 'X';
  size = read_proc(who, "stat", text, sizeof text - 1);
  if (size <= 0) return 'X';
  text[size] = 0;
  end = strrchr(text, ')');  // PID (NAME) STATE ...
  return end ? end[2] : 'X';
}

// The same; of who is in a stop once it sleeps there: it notifies its tracer and its parent after
// its state is set, and to read its system call waits until it is asleep.
static char settled_state(int who) {
  char text[512];
  const char state = proc_state(who);
  if (state == 't' || state == 'T') read_proc(who, "syscall", text, sizeof text);
  return state;
}

// Whether this child, which stays a zombie, is one.
static int is_dead(int child) {
  siginfo_t info;
  info.si_pid = 0;
  waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT | WNOHANG);
  return info.si_pid != 0;
}

static void start(int who, int with_tracee, int orphaned) {
  if (fork() != 0) return;
  if (with_tracee && fork() == 0) {
    if (orphaned) setsid();
    begin(T0);
  }
  begin(who);
}

static int names(const struct vector *v, int who) {
  const struct step *s;
  for (s = v->steps; s->text; ++s)
    if (s->call.by == who || s->call.target == who || s->call.tgid == who) return 1;
  return 0;
}

static int is_ready(int who) {
  return board->slots[who].born && (!is_tracee(who) || board->slots[who].turns);
}

// Makes the puppets; all are idle then.
static void cast(const struct vector *v) {
  const uint64_t deadline = now() + patience;
  int expected[COUNT], n = 0, k;
  board->slots[WORLD].born = getpid();
  board->slots[WORLD].leader = WORLD;
  board->threads = v->threads;
  board->tracer_thread = names(v, TRACER_THREAD);
  start(expected[n++] = TRACER, v->tracer_is_parent, v->orphaned);
  if (names(v, TRACER2)) start(expected[n++] = TRACER2, 0, 0);
  if (!v->tracer_is_parent) start(expected[n++] = PARENT, 1, v->orphaned);
  if (board->tracer_thread) expected[n++] = TRACER_THREAD;
  for (k = 0; k < v->threads; ++k) expected[n++] = T0 + k;
  for (k = 0; k < n; ++k)
    while (!is_ready(expected[k]))
      if (!wait_until(deadline)) bail_out("the puppets did not start");
}

// Those that are alive and a child by now. Killing them makes their children so.
static void kill_children(void) {
  DIR *processes = opendir("/proc");
  struct dirent *entry;
  char path[300], text[512], state;
  const char *end;
  FILE *file;
  int parent;
  while (processes && (entry = readdir(processes))) {
    snprintf(path, sizeof path, "/proc/%s/stat", entry->d_name);
    file = atoi(entry->d_name) > 0 ? fopen(path, "r") : NULL;
    if (!file) continue;
    if (fgets(text, sizeof text, file) && (end = strrchr(text, ')')) &&
        sscanf(end + 1, " %c %d", &state, &parent) == 2 && parent == getpid())
      kill(atoi(entry->d_name), SIGKILL);
    fclose(file);
  }
  if (processes) closedir(processes);
}

static void end_all(void) {
  const uint64_t deadline = now() + 24 * patience;  // whom it gives up runs on for ever
  int reaped;
  do {
    if (own_namespace)
      kill(-1, SIGKILL);
    else
      kill_children();
    while ((reaped = waitpid(-1, NULL, WNOHANG | __WALL)) > 0) {
    }
  } while (reaped == 0 && wait_until(deadline));
}

// World's own call.
static void perform(struct slot *slot) {
  const struct call *c = &slot->call;
  int status = 0;
  long ret;
  if (c->call == CALL_KILL)
    ret = syscall(SYS_kill, c->target, c->sig);
  else if (c->call == CALL_TGKILL)
    ret = syscall(SYS_tgkill, c->tgid, c->target, c->sig);
  else
    ret = syscall(SYS_wait4, c->target, &status, c->options, NULL);
  if (c->call == CALL_WAIT4 && ret > 0) slot->made.status = status, slot->made.has |= STATUS;
  finish(slot, ret < 0 ? -errno : ret);
}

// Gives a call to who is to make it, who must have finished the last one.
static void post(const struct call *call) {
  struct slot *slot = &board->slots[call->by];
  slot->call = *call;
  slot->call.target = real(call->target);
  slot->call.tgid = real(call->tgid);
  slot->made = (struct shows){.mask = call->mask};
  if (call->has_siginfo) {
    slot->made.has |= SIGNO | CODE | SIG_PID | SIG_STATUS;
    slot->made.siginfo = call->siginfo;
  }
  slot->posted++;
  if (call->by == WORLD)
    perform(slot);
  else
    syscall(SYS_futex, &slot->posted, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

static int exits(const struct call *c) {
  return c->call == CALL_EXIT || c->call == CALL_EXIT_GROUP;
}

// Whether the call has come as far as it must.
static int has_ended(const struct step *step) {
  const struct call *c = &step->call;
  if (!exits(c)) return step->async || !busy(c->by);
  if (is_tracee(c->by)) return 1;
  if (c->call == CALL_EXIT) return proc_state(c->by) == 'X';
  // The process stays a zombie, so its pid is not used again.
  return is_dead(real(board->slots[c->by].leader));
}

static int matches(const struct shows *wanted, const struct shows *made) {
  const unsigned has = wanted->has;
  const struct info *a = &wanted->siginfo, *b = &made->siginfo;
  const unsigned needed = has & ~(unsigned)(RET_WHO | SIG_WHO | MESSAGE_WHO);
  if ((needed & made->has) != needed) return 0;
  if (has & ERR && made->err != wanted->err) return 0;
  if (has & RET && !(has & ERR) && made->ret != wanted->ret) return 0;
  if (has & RET_WHO && (!(made->has & RET) || made->ret != real((int)wanted->ret))) return 0;
  if (has & STATUS && made->status != wanted->status) return 0;
  if (has & SIGNO && b->signo != a->signo) return 0;
  if (has & CODE && b->code != a->code) return 0;
  if (has & SIG_STATUS && b->status != a->status) return 0;
  if (has & SIG_PID && b->pid != a->pid) return 0;
  if (has & SIG_WHO && (!(made->has & SIG_PID) || b->pid != real(a->pid))) return 0;
  if (has & MESSAGE && made->message != wanted->message) return 0;
  if (has & MESSAGE_WHO &&
      (!(made->has & MESSAGE) || made->message != (unsigned long)real((int)wanted->message)))
    return 0;
  return !(has & MASK) || made->mask == wanted->mask;
}

static void begin_turns(void) {
  int who;
  for (who = T0; who < NONE; ++who) turns[who] = board->slots[who].turns;
}

// R: in user mode, in no call, since the turns were begun; ?: something happens still.
static void states_now(int threads, char *states) {
  int t;
  // The stage is then the real parent: it reaps, as init does.
  if (parent_gone) waitpid(real(T0), NULL, WNOHANG | __WALL);
  for (t = 0; t < threads; ++t) {
    const int who = T0 + t;
    states[t] = settled_state(who);
    if (states[t] == 'R' && (busy(who) || board->slots[who].turns - turns[who] <= TURNS))
      states[t] = '?';
  }
  states[t] = 0;
}

// Those since then, in order.
static void handlers_since(int first, struct ran *all) {
  int n = 0, i, k;
  for (i = first; i < board->ran && i < MAX_RAN; ++i) {
    const struct ran one = board->handlers[i].who;
    if (!board->handlers[i].ready) continue;
    for (k = n++;
         k > 0 && (all[k - 1].by > one.by || (all[k - 1].by == one.by && all[k - 1].sig > one.sig));
         --k)
      all[k] = all[k - 1];
    all[k] = one;
  }
  all[n].by = NOTHING;
}

static int same_handlers(const struct ran *some, const struct ran *all) {
  if (!some) return all->by == NOTHING;
  for (; some->by == all->by; ++some, ++all) {
    if (some->by == NOTHING) return 1;
    if (some->sig != all->sig) return 0;
  }
  return 0;
}

// What is shown, and its states and handlers, as they are now.
struct seen {
  struct shows made;
  char states[COUNT];
  struct ran handlers[MAX_RAN + 1];
};

// The outcome that it is, if nothing more happens of itself. Threads are looked at one after the
// other: who runs may be stopped, and who stands in a stop have left it for another, by what a
// later one did. So all is looked at once more.
static const struct outcome *settled(const struct step *step, int first, struct seen *seen) {
  const uint64_t deadline = now() + settling;
  const int threads = (int)strlen(step->outcomes->states);
  const struct outcome *o;
  char later[COUNT];
  states_now(threads, seen->states);
  handlers_since(first, seen->handlers);
  for (o = step->outcomes; o->states; ++o)
    if (matches(&o->shows, &seen->made) && strcmp(o->states, seen->states) == 0 &&
        (o->any_handlers || same_handlers(o->handlers, seen->handlers)))
      break;
  if (!o->states) return NULL;
  if (threads > 1) {
    begin_turns();
    do {
      states_now(threads, later);
    } while (strchr(later, '?') && wait_until(deadline));
    if (strcmp(later, seen->states) != 0) return NULL;
  }
  return o;
}

// ---- Results, in TAP ----------------------------------------------------------------------------

static void print_who(int who) {
  static const char *const others[] = {"-1",      "nobody",        "world", "tracer",
                                       "tracer2", "tracer_thread", "parent"};
  if (is_tracee(who))
    printf("t%d", who - T0);
  else
    printf("%s", who == NONE ? "none" : others[who + 1]);
}

static void print_outcome(const char *what, const struct shows *shows, const char *states,
                          const struct ran *handlers) {
  const unsigned has = shows->has;
  int t;
  printf("#   %s:", what);
  if (!has) printf(" anything");
  if (has & ERR)
    printf(" errno %d (%s)", shows->err, strerror(shows->err));
  else if (has & RET)
    printf(" ret %ld", shows->ret);
  if (has & RET_WHO) printf(" ret "), print_who((int)shows->ret);
  if (has & STATUS) printf(" status 0x%x", (unsigned)shows->status);
  if (has & SIGNO) printf(" siginfo_signo %d", shows->siginfo.signo);
  if (has & CODE) printf(" siginfo_code %d", shows->siginfo.code);
  if (has & SIG_STATUS) printf(" siginfo_status %d", shows->siginfo.status);
  if (has & SIG_PID) printf(" siginfo_pid %d", shows->siginfo.pid);
  if (has & SIG_WHO) printf(" siginfo_pid "), print_who(shows->siginfo.pid);
  if (has & MESSAGE) printf(" message %lu", shows->message);
  if (has & MESSAGE_WHO) printf(" message "), print_who((int)shows->message);
  if (has & MASK) printf(" mask 0x%lx", shows->mask);
  printf(";");
  for (t = 0; states[t]; ++t) printf(" t%d %c", t, states[t]);
  for (; handlers && handlers->by != NOTHING; ++handlers) {
    printf("; ");
    print_who(handlers->by);
    printf(" ran %d", handlers->sig);
  }
  printf("\n");
}

static void print_failure(const struct vector *v, const struct step *step, const char *why,
                          struct seen *seen) {
  const struct outcome *o;
  const int who = who_is(seen->made.ret);
  printf("# %s\n# step %d: %s\n", v->about, (int)(step - v->steps), step->text);
  if (seen->made.has & RET && who != NONE) seen->made.has ^= RET | RET_WHO, seen->made.ret = who;
  if (why)
    printf("#   %s\n", why);
  else
    print_outcome("observed", &seen->made, seen->states, seen->handlers);
  for (o = step->outcomes; o->states; ++o)
    print_outcome("allowed", &o->shows, o->states, o->handlers);
}

// ---- Vectors ------------------------------------------------------------------------------------

enum verdict { VERDICT_PASSED, VERDICT_FAILED, VERDICT_INCONCLUSIVE };

// The step that follows, or PASSED or ASIDE; what fails is printed.
static int take(const struct vector *v, const struct step *step, enum verdict *verdict) {
  const int first = board->ran;
  const struct outcome *o;
  const char *why = NULL;
  struct seen seen;
  uint64_t deadline = now() + patience;
  memset(&seen, 0, sizeof seen);
  post(&step->call);
  while (!has_ended(step) && !why)
    if (!wait_until(deadline)) why = "waited in vain for the end of the call";
  if (!why && exits(&step->call) && step->call.by == (v->tracer_is_parent ? TRACER : PARENT))
    parent_gone = v->reaped;
  begin_turns();
  if (!busy(step->call.by)) seen.made = board->slots[step->call.by].made;
  for (o = step->outcomes; o->states && !matches(&o->shows, &seen.made); ++o) {
  }
  // What no outcome shows needs no waiting.
  deadline = why || !o->states ? 0 : now() + settling;
  while (!why && !(o = settled(step, first, &seen)))
    if (!wait_until(deadline)) break;
  if (!why && o) return o->next;
  print_failure(v, step, why, &seen);
  *verdict = VERDICT_FAILED;
  return ASIDE;
}

static void filter(void) {
  static const struct step seccomp = {CALL(.by = T0, .call = CALL_SECCOMP, .data = 7)};
  const uint64_t deadline = now() + patience;
  post(&seccomp.call);
  while (!has_ended(&seccomp))
    if (!wait_until(deadline)) bail_out("seccomp");
}

static enum verdict run(const struct vector *v) {
  enum verdict verdict = VERDICT_PASSED;
  int next = 0;
  parent_gone = 0;
  cast(v);
  if (v->filtered) filter();
  while (next >= 0) next = take(v, &v->steps[next], &verdict);
  if (next == ASIDE && verdict == VERDICT_PASSED) verdict = VERDICT_INCONCLUSIVE;
  end_all();
  memset(board, 0, sizeof *board);
  return verdict;
}

// Whether ptrace is permitted.
static int may_trace(void) {
  const pid_t child = fork();
  long ret;
  int error;
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (;;) pause();
  }
  ret = syscall(SYS_ptrace, PTRACE_SEIZE, child, 0, 0);
  error = errno;
  if (child > 0) kill(child, SIGKILL);
  waitpid(child, NULL, __WALL);
  errno = error;
  return ret == 0 || error == EIO;  // EIO: a kernel before 3.4, where some vectors need no SEIZE
}

static int version_here(void) {
  struct utsname system;
  int major = 0, minor = 0;
  if (uname(&system) != 0 || sscanf(system.release, "%5d.%5d", &major, &minor) != 2) return 0;
  return VERSION(major, minor);
}

// What the machine lacks of a vector's needs; null: nothing.
static const char *lack(const struct vector *v) {
  static char text[200];
  const int here = version_here();
  if (here && here < v->since)
    snprintf(text, sizeof text, "needs Linux %d.%d, this is %d.%d", v->since / 1000,
             v->since % 1000, here / 1000, here % 1000);
  else if (here && v->until && here >= v->until)
    snprintf(text, sizeof text, "needs a Linux before %d.%d, this is %d.%d", v->until / 1000,
             v->until % 1000, here / 1000, here % 1000);
  else if (v->seccomp &&
           (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, NULL, 0, 0) == 0 || errno != EFAULT))
    return "needs seccomp's filters";
  else
    return NULL;
  return text;
}

// The exit code. An inconclusive vector is a SKIP: the kernel has done nothing wrong, and TODO is
// for what is known to be.
static int run_all(const struct vector *vectors, int n) {
  enum { ATTEMPTS = 3, SKIPPED = 3 };
  int counts[4] = {0, 0, 0, 0}, k, attempt;
  printf("TAP version 13\n");
  if (!may_trace()) {
    printf("1..0 # SKIP ptrace(PTRACE_SEIZE): %s\n", strerror(errno));
    return KSFT_SKIP;
  }
  printf("1..%d\n", n);
  for (k = 0; k < n; ++k) {
    const char *why = lack(&vectors[k]);
    enum verdict verdict = VERDICT_INCONCLUSIVE;
    if (why) {
      ++counts[SKIPPED];
      printf("ok %d %s # SKIP %s\n", k + 1, vectors[k].id, why);
      continue;
    }
    fflush(stdout);  // puppets would have it too
    for (attempt = 0; attempt < ATTEMPTS && verdict == VERDICT_INCONCLUSIVE; ++attempt)
      verdict = run(&vectors[k]);
    ++counts[verdict];
    printf(
        "%s %d %s%s\n", verdict == VERDICT_FAILED ? "not ok" : "ok", k + 1, vectors[k].id,
        verdict == VERDICT_INCONCLUSIVE ? " # SKIP inconclusive: the kernel went another way" : "");
  }
  printf("# Totals: pass:%d fail:%d xfail:0 xpass:0 skip:%d error:0\n", counts[VERDICT_PASSED],
         counts[VERDICT_FAILED], counts[VERDICT_INCONCLUSIVE] + counts[SKIPPED]);
  if (counts[VERDICT_FAILED]) return KSFT_FAIL;
  return counts[VERDICT_PASSED] ? KSFT_PASS : KSFT_SKIP;
}

// ---- Keeper and stage ---------------------------------------------------------------------------

// Writes an executable of this program's memory, for the execve of a tracee: it begins without a
// loader's and a libc's system calls.
static int write_image(struct dl_phdr_info *program, size_t size, void *unused) {
  const unsigned long page = (unsigned long)sysconf(_SC_PAGESIZE);
  Elf64_Phdr loads[16];
  Elf64_Ehdr header = {
      .e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
      .e_type = ET_EXEC,
      .e_machine = EM_X86_64,
      .e_version = EV_CURRENT,
      .e_entry = ARG(start_of_image),
      .e_phoff = sizeof header,
      .e_ehsize = sizeof header,
      .e_phentsize = sizeof *loads};
  unsigned long offset = page;
  int k;
  (void)size, (void)unused;
  for (k = 0; k < program->dlpi_phnum && header.e_phnum < 16; ++k) {
    Elf64_Phdr load = program->dlpi_phdr[k];
    if (load.p_type != PT_LOAD) continue;
    load.p_paddr = load.p_vaddr += program->dlpi_addr;
    load.p_offset = offset + load.p_vaddr % page;
    if (pwrite(image, (const void *)load.p_vaddr, load.p_filesz, (off_t)load.p_offset) < 0)
      bail_out("pwrite");
    offset = (load.p_offset + load.p_filesz + page - 1) / page * page;
    loads[header.e_phnum++] = load;
  }
  if (pwrite(image, &header, sizeof header, 0) < 0 ||
      pwrite(image, loads, header.e_phnum * sizeof *loads, sizeof header) < 0)
    bail_out("pwrite");
  return 1;  // the first one is the program itself
}

// Many puppets only spin, and what is awaited should not wait for their turns. A kernel before 6.12
// ignores it.
static void take_short_turns(void) {
  struct {
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime, deadline, period;
  } attributes = {.size = sizeof attributes, .runtime = 100000};  // ns, the least
  syscall(SYS_sched_setattr, 0, &attributes, 0);
}

static int play_stage(const struct vector *vectors, int n) {
  const struct rlimit no_core = {0, 0};
  sigset_t none;
  int code;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  setrlimit(RLIMIT_CORE, &no_core);
  prctl(PR_SET_TIMERSLACK, 1);
  prctl(PR_SET_CHILD_SUBREAPER, 1);  // orphans are the stage's, also where it is not init
  take_short_turns();
  if (own_namespace && (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
                        mount("proc", "/proc", "proc", 0, NULL) != 0))
    return NO_NAMESPACE;
  board_file = memfd_create("board", 0);
  image = memfd_create("image", 0);
  if (board_file < 0 || image < 0 || ftruncate(board_file, sizeof *board) != 0)
    bail_out("memfd_create");
  board = mmap(NULL, sizeof *board, PROT_READ | PROT_WRITE, MAP_SHARED, board_file, 0);
  if (board == MAP_FAILED) bail_out("mmap");
  dl_iterate_phdr(write_image, NULL);
  code = run_all(vectors, n);
  fflush(stdout);
  return code;
}

static int play_keeper(const struct vector *vectors, int n, pid_t caller) {
  int sig, status = 0;
  pid_t stage;
  sigset_t wake;
  for (sig = 1; sig < NSIG; ++sig) signal(sig, SIG_DFL);
  sigemptyset(&wake);
  sigaddset(&wake, SIGCHLD);
  sigaddset(&wake, SIGTERM);
  sigprocmask(SIG_SETMASK, &wake, NULL);
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (getppid() != caller) return KSFT_FAIL;
  // A session of its own keeps the terminal's signals out. The keeper is in it too, for orphans
  // come to it: else their process group would be an orphaned one, whose stops the kernel undoes.
  setsid();
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  if (own_namespace && unshare(CLONE_NEWPID | CLONE_NEWNS) != 0) return NO_NAMESPACE;
  stage = fork();
  if (stage < 0) bail_out("fork");
  if (stage == 0) _exit(play_stage(vectors, n));
  while (sigwaitinfo(&wake, NULL) != SIGTERM && !is_dead(stage)) {
  }  // SIGCHLD: also of orphans
  kill(stage, SIGKILL);
  waitpid(stage, &status, 0);
  if (!own_namespace) end_all();
  if (WIFEXITED(status)) return WEXITSTATUS(status);
  errno = ECHILD;
  bail_out("the stage was killed");
  return KSFT_FAIL;
}

static int run_vectors(const struct vector *vectors, int n) {
  const pid_t caller = getpid();
  int status = 0;
  own_namespace = 1;
  for (;;) {
    const pid_t keeper = fork();
    if (keeper < 0) bail_out("fork");
    if (keeper == 0) _exit(play_keeper(vectors, n, caller));
    while (waitpid(keeper, &status, 0) < 0 && errno == EINTR) {
    }
    if (!WIFEXITED(status)) return KSFT_FAIL;
    if (WEXITSTATUS(status) != NO_NAMESPACE) return WEXITSTATUS(status);
    own_namespace = 0;
  }
}
