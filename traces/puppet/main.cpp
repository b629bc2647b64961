// The life of a puppet: ROLE BOARD PROGRAM are its arguments, the latter two descriptors.
//
// A tracee waits for its next call by spinning in user mode. So it is in user mode whenever it is
// idle, and a tracer sees no system calls but those of the scenario, the rt_sigreturn at the end of
// a handler, and what calls.cpp and continue_after_exec log.
#include <errno.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include "traces/puppet/kernel.hpp"
#include "traces/puppet/puppet.hpp"

namespace ptmc::puppet {

using traces::Board;
using traces::Call;
using traces::Event;
using traces::is_tracee;
using traces::Record;
using traces::Slot;
namespace who = traces::who;

Board *board = nullptr;
Descriptors descriptors;

namespace {

constexpr std::size_t kStack = 64 * 1024;
alignas(kStack) char stacks[who::count][kStack];  // by who; a fork's child has its copy

void wait_for_post(Slot &slot, pid_t role) {
  while (slot.posted.load(std::memory_order_acquire) == slot.finished) {
    if (is_tracee(role)) {
      slot.turns.store(slot.turns.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
      __builtin_ia32_pause();
    } else {
      // Not FUTEX_PRIVATE: who posts is another process.
      call(SYS_futex, arg(&slot.posted), FUTEX_WAIT, slot.finished);
    }
  }
}

void perform(Slot &slot) {
  Event event = slot.call;
  event.pid = slot.tid();
  Record &record = new_record(*board, slot.step, slot.record);
  event.t0 = now();
  publish(record, event, Record::begun);
  const bool lies = board->lie != traces::Lie::none && !is_tracee(slot.leader);
  if (lies) twist(event);
  make(event);
  if (lies) falsify(event);
  event.t1 = now();
  publish(record, event, Record::ended);
}

extern "C" [[noreturn]] void ptmc_puppet_live(pid_t role) {
  Slot &slot = board->slots[role];
  for (;;) {
    wait_for_post(slot, role);
    perform(slot);
    slot.finished.store(slot.posted, std::memory_order_release);
  }
}

// The new image: the caller's role goes on under the tid of the leader, whose role is over, as are
// those of all other threads.
void continue_after_exec(pid_t role, std::uint64_t mapped_from) {
  Slot &slot = board->slots[role];
  const pid_t leader = slot.leader;
  const pid_t tid = board->slots[leader].tid();
  for (pid_t other = who::t0; other < who::none; ++other)
    if (other != role && board->slots[other].leader == leader) board->slots[other].dead = true;
  slot.execed = tid;
  slot.leader = role;
  Record &record = board->log[slot.record];
  Event event = record.event;
  event.ret = 0;
  event.t1 = mapped_from;
  publish(record, event, Record::ended);
  Event mmap;  // without it there is no board; a tracer may see it
  mmap.pid = tid;
  mmap.call = Call::getpid;
  mmap.ret = 0;
  log(mmap, mapped_from);
  slot.finished.store(slot.posted, std::memory_order_release);
}

void begin(pid_t role) {
  Slot &slot = board->slots[role];
  slot.leader = role;
  if (is_tracee(role)) {
    handle(SIGUSR1, traces::Disposition::handle);
    handle(SIGUSR2, traces::Disposition::handle);
    for (pid_t thread = who::t1; thread < who::t0 + board->threads; ++thread) {
      board->slots[thread].leader = role;
      make_task(CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM,
                thread);
    }
  } else {
    const std::uint64_t sigchld = std::uint64_t{1} << (SIGCHLD - 1);  // the call sigchld takes it
    call(SYS_rt_sigprocmask, SIG_BLOCK, arg(&sigchld), 0, sizeof sigchld);
    if (role == who::tracer && board->tracer_thread) {
      board->slots[who::tracer_thread].leader = role;
      make_task(CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM,
                who::tracer_thread);
    }
  }
  slot.born = static_cast<pid_t>(call(SYS_getpid));
}

int number(const char *text) {
  int value = 0;
  for (; *text; ++text) value = value * 10 + (*text - '0');
  return value;
}

// The kernel hands over argc, argv, null, the environment, null, and the auxiliary vector.
extern "C" [[noreturn]] void ptmc_puppet_start(const std::uint64_t *stack) {
  const auto *argv = reinterpret_cast<const char *const *>(stack + 1);
  const std::uint64_t *environment = stack + 1 + stack[0] + 1;
  while (*environment) ++environment;
  find_clock(environment + 1);
  descriptors = {number(argv[1]), number(argv[2]), argv[1], argv[2]};
  const std::uint64_t mapped_from = now();
  const long memory = call(SYS_mmap, 0, sizeof(Board), PROT_READ | PROT_WRITE, MAP_SHARED,
                           arg(descriptors.board), 0);
  // SYSEMU has skipped it: the new program can make no call that is recorded, so it makes none.
  while (memory == -ENOSYS) __builtin_ia32_pause();
  if (memory < 0) call(SYS_exit_group, 1);
  board = reinterpret_cast<Board *>(memory);
  const pid_t role = number(argv[0]);
  if (board->slots[role].born == 0)
    begin(role);
  else
    continue_after_exec(role, mapped_from);
  asm volatile(
      "mov %0, %%rsp\n\t"
      "xor %%ebp, %%ebp\n\t"
      "call ptmc_puppet_live"
      :
      : "r"(stacks[role + 1]), "D"(role)
      : "memory");
  __builtin_unreachable();
}

// The child of clone begins on a stack of its own; its role is in a register until then.
extern "C" long ptmc_puppet_clone(std::uint64_t flags, void *stack, std::atomic<pid_t> *tid,
                                  pid_t role);
asm(R"(
  .text
ptmc_puppet_clone:
  mov %ecx, %r9d
  xor %r10d, %r10d
  xor %r8d, %r8d
  mov $56, %eax
  syscall
  test %rax, %rax
  jz 1f
  ret
1:
  xor %ebp, %ebp
  mov %r9d, %edi
  call ptmc_puppet_live

  .globl _start
_start:
  xor %ebp, %ebp
  mov %rsp, %rdi
  and $-16, %rsp
  call ptmc_puppet_start
)");

}  // namespace

pid_t self() {
  const auto here = reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0));
  return static_cast<pid_t>((here - reinterpret_cast<std::uintptr_t>(stacks)) / kStack);
}

void log(Event event, std::uint64_t t0) {
  std::uint32_t index = 0;
  Record &record = new_record(*board, -1, index);
  if (event.pid == 0) event.pid = board->slots[self()].tid();
  event.t0 = t0;
  event.t1 = now();
  publish(record, event, Record::ended);
}

// The kernel writes the tid to the board before the new task runs and before the event of it, so
// it is known whatever becomes of the caller.
long make_task(std::uint64_t flags, pid_t role) {
  return ptmc_puppet_clone(flags | CLONE_PARENT_SETTID, stacks[role + 1], &board->slots[role].born,
                           role);
}

}  // namespace ptmc::puppet

// What the compiler may call.
extern "C" {
void *memcpy(void *to, const void *from, std::size_t size) {
  void *const start = to;
  asm volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(size) : : "memory");
  return start;
}
void *memset(void *to, int value, std::size_t size) {
  void *const start = to;
  asm volatile("rep stosb" : "+D"(to), "+c"(size) : "a"(value) : "memory");
  return start;
}
}
