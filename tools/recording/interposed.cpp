// The recorder as a library that is preloaded into a tracer (LD_PRELOAD), where eBPF is not
// permitted. It stands before libc's functions, and appends a record a call to the file that
// PTMC_RECORD names. Nothing of libstdc++ is used; errno is as the call has left it.
//
// Not seen: calls that a program or libc makes by itself (static programs, posix_spawn's clone,
// what system and popen do), and those of a program that is traced already when it begins.
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/ptrace.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tools/recording/record.h"

namespace {

constexpr int kHighFile = 500;  // out of the way of programs that count their files

int file = -1;
enum class State { unknown, on, off } state = State::unknown;

// Not by libc's syscall, which is one of ours. Returns -errno.
long raw(long nr, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0, long f = 0) {
  long result = nr;
  register long r10 asm("r10") = d;
  register long r8 asm("r8") = e;
  register long r9 asm("r9") = f;
  asm volatile("syscall"
               : "+a"(result)
               : "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
               : "rcx", "r11", "memory");
  return result;
}

template <class F>
F next(F, const char *name) {
  return reinterpret_cast<F>(dlsym(RTLD_NEXT, name));
}

bool traced() {
  char text[2048];
  const int status = static_cast<int>(
      raw(SYS_open, reinterpret_cast<long>("/proc/self/status"), O_RDONLY | O_CLOEXEC));
  const long size = raw(SYS_read, status, reinterpret_cast<long>(text), sizeof(text) - 1);
  raw(SYS_close, status);
  text[size > 0 ? size : 0] = 0;
  const char *tracer = strstr(text, "TracerPid:\t");
  return tracer && tracer[11] != '0';
}

void open_file() {
  const char *name = getenv("PTMC_RECORD");
  if (!name) return;
  const int low = static_cast<int>(
      raw(SYS_open, reinterpret_cast<long>(name), O_WRONLY | O_APPEND | O_CLOEXEC));
  if (low < 0) return;
  const int high = static_cast<int>(raw(SYS_fcntl, low, F_DUPFD_CLOEXEC, kHighFile));
  file = high < 0 ? low : high;
  if (high >= 0) raw(SYS_close, low);
}

bool recording() {
  if (state == State::unknown) {
    open_file();
    state = file >= 0 && !traced() ? State::on : State::off;
  }
  return state == State::on;
}

__u64 now() {
  timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<__u64>(time.tv_sec) * 1'000'000'000 + static_cast<__u64>(time.tv_nsec);
}

// As it was when it could last be asked: a seccomp filter may refuse that.
__thread __s32 last_id = 0;
__s32 own_id() {
  if (const long id = raw(SYS_gettid); id > 0) last_id = static_cast<__s32>(id);
  return last_id;
}

void append(const ptmc_record &record) {
  const long data = reinterpret_cast<long>(&record);
  if (raw(SYS_write, file, data, sizeof(record)) != -EBADF) return;
  open_file();  // the program has closed it
  raw(SYS_write, file, data, sizeof(record));
}

// A call, from its construction to its end.
class Recorded {
 public:
  explicit Recorded(long nr, long a = 0, long b = 0, long c = 0, long d = 0) {
    if (!recording()) return;
    record_.kind = PTMC_CALL;
    record_.nr = static_cast<__u32>(nr);
    record_.pid = own_id();
    const long arguments[] = {a, b, c, d};
    for (int i = 0; i < 4; ++i) record_.args[i] = static_cast<__u64>(arguments[i]);
    record_.t0 = now();
  }
  void keep(const void *from, __u32 size) {
    if (!from) return;
    memcpy(record_.data, from, size);
    record_.have = size;
  }
  // result: as libc gives it, errno where it is -1.
  void end(long result) {
    if (record_.t0 == 0) return;
    const int error = errno;
    record_.t1 = now();
    record_.ret = result == -1 ? -error : result;
    record_.returned = 1;
    append(record_);
    errno = error;
  }
  void by(pid_t pid) { record_.pid = pid; }

 private:
  ptmc_record record_{};
};

long to_libc(long result) {
  if (result >= 0 || result < -4095) return result;
  errno = static_cast<int>(-result);
  return -1;
}

long request(long nr, long pid, long address, long data) {
  Recorded call(SYS_ptrace, nr, pid, address, data);
  const auto *at = reinterpret_cast<const void *>(data);
  if (nr == PTRACE_SETSIGINFO) call.keep(at, PTMC_SIGINFO_SIZE);
  if (nr == PTRACE_SETSIGMASK) call.keep(at, 8);
  const long result = raw(SYS_ptrace, nr, pid, address, data);
  if (result >= 0) switch (nr) {
      case PTRACE_GETEVENTMSG:
      case PTRACE_GETSIGMASK:
        call.keep(at, 8);
        break;
      case PTRACE_GETSIGINFO:
        call.keep(at, PTMC_SIGINFO_SIZE);
        break;
      case PTRACE_GET_SYSCALL_INFO:
        if (address) call.keep(at, 1);
        break;
      case PTRACE_PEEKSIGINFO: {
        unsigned char both[16 + PTMC_SIGINFO_SIZE];
        memcpy(both, reinterpret_cast<const void *>(address), 16);
        if (result > 0) memcpy(both + 16, at, PTMC_SIGINFO_SIZE);
        call.keep(both, result > 0 ? sizeof(both) : 16);
        break;
      }
    }
  const long given = to_libc(result);
  call.end(given);
  return given;
}

pid_t wait_for(pid_t pid, int *status, int options, rusage *usage) {
  static const auto real = next(&wait4, "wait4");
  int own = 0;
  Recorded call(SYS_wait4, pid, 0, options);
  const pid_t result = real(pid, &own, options, usage);
  if (result > 0) call.keep(&own, sizeof(own));
  call.end(result);
  if (status && result > 0) *status = own;
  return result;
}

struct Start {
  void *(*run)(void *);
  void *argument;
  pid_t creator;
};

void *begin(void *given) {
  const Start start = *static_cast<Start *>(given);
  free(given);
  Recorded call(SYS_clone, CLONE_VM | CLONE_SIGHAND | CLONE_THREAD);
  const long self = own_id();
  call.by(start.creator);
  call.end(self);
  return start.run(start.argument);
}

}  // namespace

#define OURS extern "C" __attribute__((visibility("default")))

OURS long ptrace(long nr, ...) {
  va_list list;
  va_start(list, nr);
  const long pid = va_arg(list, pid_t), address = va_arg(list, long), data = va_arg(list, long);
  va_end(list);
  if (nr < PTRACE_PEEKTEXT || nr > PTRACE_PEEKUSR) return request(nr, pid, address, data);
  long word = 0;  // libc's form returns it
  if (request(nr, pid, address, reinterpret_cast<long>(&word)) < 0) return -1;
  errno = 0;
  return word;
}

OURS pid_t wait4(pid_t pid, int *status, int options, rusage *usage) {
  return wait_for(pid, status, options, usage);
}
OURS pid_t wait3(int *status, int options, rusage *usage) {
  return wait_for(-1, status, options, usage);
}
OURS pid_t waitpid(pid_t pid, int *status, int options) {
  return wait_for(pid, status, options, nullptr);
}
OURS pid_t wait(int *status) { return wait_for(-1, status, 0, nullptr); }

OURS int waitid(idtype_t type, id_t id, siginfo_t *info, int options) {
  static const auto real = next(&waitid, "waitid");
  siginfo_t own{};
  Recorded call(SYS_waitid, type, id, 0, options);
  const int result = real(type, id, &own, options);
  if (result == 0) call.keep(&own, PTMC_SIGINFO_SIZE);
  call.end(result);
  if (info && result == 0) *info = own;
  return result;
}

OURS int kill(pid_t pid, int sig) noexcept {
  Recorded call(SYS_kill, pid, sig);
  const long result = to_libc(raw(SYS_kill, pid, sig));
  call.end(result);
  return static_cast<int>(result);
}
OURS int killpg(pid_t group, int sig) noexcept { return kill(-group, sig); }
OURS int tgkill(pid_t tgid, pid_t tid, int sig) {
  Recorded call(SYS_tgkill, tgid, tid, sig);
  const long result = to_libc(raw(SYS_tgkill, tgid, tid, sig));
  call.end(result);
  return static_cast<int>(result);
}

OURS pid_t fork() noexcept {
  static const auto real = next(&fork, "fork");
  Recorded call(SYS_fork);
  const pid_t child = real();
  if (child == 0)
    own_id();
  else
    call.end(child);
  return child;
}

// The child returns on its parent's stack: the return address waits in a register.
OURS pid_t vfork() noexcept;
asm(R"(
  .globl vfork
  .type vfork, @function
vfork:
  pop %rdi
  mov $58, %eax
  syscall
  push %rdi
  test %eax, %eax
  jz 1f
  mov %rax, %rdi
  jmp ptmc_vfork_returned
1: ret
  .size vfork, . - vfork
)");
extern "C" __attribute__((visibility("hidden"), used)) pid_t ptmc_vfork_returned(long result) {
  Recorded call(SYS_vfork);
  const long child = to_libc(result);
  call.end(child);
  return static_cast<pid_t>(child);
}

OURS int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
                        void *argument) noexcept {
  static const auto real = next(&pthread_create, "pthread_create");
  auto *start = static_cast<Start *>(recording() ? malloc(sizeof(Start)) : nullptr);
  if (!start) return real(thread, attributes, run, argument);
  *start = {run, argument, own_id()};
  const int error = real(thread, attributes, begin, start);
  if (error != 0) free(start);
  return error;
}

OURS long syscall(long nr, ...) noexcept {
  va_list list;
  va_start(list, nr);
  long a[6];
  for (long &argument : a) argument = va_arg(list, long);
  va_end(list);
  switch (nr) {
    case SYS_ptrace:
      return request(a[0], a[1], a[2], a[3]);
    case SYS_wait4:
      return wait_for(static_cast<pid_t>(a[0]), reinterpret_cast<int *>(a[1]),
                      static_cast<int>(a[2]), reinterpret_cast<rusage *>(a[3]));
    case SYS_kill:
      return kill(static_cast<pid_t>(a[0]), static_cast<int>(a[1]));
    case SYS_tgkill:
      return tgkill(static_cast<pid_t>(a[0]), static_cast<pid_t>(a[1]), static_cast<int>(a[2]));
    case SYS_tkill: {
      Recorded call(nr, a[0], a[1]);
      const long result = to_libc(raw(nr, a[0], a[1]));
      call.end(result);
      return result;
    }
    default:  // the kernel's result is libc's
      return to_libc(raw(nr, a[0], a[1], a[2], a[3], a[4], a[5]));
  }
}
