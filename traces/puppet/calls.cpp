// The calls of scenarios.
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/ptrace.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include "traces/puppet/kernel.hpp"
#include "traces/puppet/puppet.hpp"

namespace ptmc::puppet {

using traces::Call;
using traces::Disposition;
using traces::Event;
using traces::kSigsetSize;
using traces::Siginfo;
using traces::Slot;
namespace who = traces::who;

namespace {

constexpr std::uint64_t kRestorer = 0x04000000;

struct KernelSigaction {
  std::uint64_t handler, flags, restorer, mask;
};
// PTRACE_PEEKSIGINFO's.
struct Peek {
  std::uint64_t off;
  std::uint32_t flags;
  std::int32_t count;
};

Siginfo to_siginfo(const siginfo_t &info) {
  // Only SIGCHLD has a status; its place means something else in other siginfos.
  return {info.si_signo, info.si_code, info.si_pid, info.si_signo == SIGCHLD ? info.si_status : 0};
}

void handler(int sig, siginfo_t *info, void *) {
  const std::uint64_t t0 = now();
  Event event;
  event.call = Call::handler;
  event.sig = sig;
  event.ret = 0;
  event.siginfo = to_siginfo(*info);
  log(event, t0);
}

extern "C" void ptmc_puppet_restore();
asm(R"(
  .text
ptmc_puppet_restore:
  mov $15, %eax  # rt_sigreturn
  syscall
  jmp ptmc_puppet_restore  # SYSEMU has skipped it
)");

long ptrace_raw(const Event &event, std::uint64_t addr, std::uint64_t data) {
  return call(SYS_ptrace, arg(event.request), arg(event.target), addr, data);
}
long ptrace_raw(const Event &event, const void *data) {
  return ptrace_raw(event, event.addr, arg(data));
}

long peek_siginfo(Event &event) {
  static_assert(sizeof(siginfo_t) == 128);
  siginfo_t infos[traces::kMaxPeeked];
  if (event.unreadable) return ptrace_raw(event, 8, arg(infos));
  const Peek peek{event.addr, static_cast<std::uint32_t>(event.options),
                  static_cast<std::int32_t>(event.data)};
  const long ret = ptrace_raw(event, arg(&peek), arg(infos));
  if (ret > 0) event.siginfo = to_siginfo(infos[0]);
  return ret;
}

long set_siginfo(const Event &event) {
  siginfo_t info{};
  info.si_signo = event.siginfo->signo;
  info.si_code = event.siginfo->code;
  info.si_pid = event.siginfo->pid;
  info.si_status = event.siginfo->status;
  return ptrace_raw(event, &info);
}

long call_ptrace(Event &event) {
  if (event.request == PTRACE_PEEKSIGINFO) return peek_siginfo(event);
  if (event.request == PTRACE_SETSIGINFO && event.siginfo) return set_siginfo(event);
  if (event.data != 0) return ptrace_raw(event, event.addr, event.data);
  siginfo_t info{};
  std::uint64_t message = 0;
  ptrace_syscall_info stop{};
  long ret = 0;
  switch (event.request) {
    case PTRACE_GETSIGINFO:
      ret = ptrace_raw(event, &info);
      if (ret == 0) event.siginfo = to_siginfo(info);
      return ret;
    case PTRACE_GETEVENTMSG:
      ret = ptrace_raw(event, &message);
      if (ret == 0) event.message = message;
      return ret;
    case PTRACE_GETSIGMASK:
    case PTRACE_SETSIGMASK:
      return ptrace_raw(event, &event.mask);
    case PTRACE_GET_SYSCALL_INFO:
      event.addr = sizeof stop;
      ret = ptrace_raw(event, &stop);
      if (ret > 0) event.message = stop.op;
      return ret;
    default:
      return ptrace_raw(event, event.addr, 0);
  }
}

long call_wait4(Event &event) {
  int status = 0;
  const long ret = call(SYS_wait4, arg(event.target), arg(&status), arg(event.options));
  if (ret > 0) event.status = status;
  return ret;
}

long call_waitid(Event &event) {
  siginfo_t info{};
  const idtype_t type = event.target == who::any_child ? P_ALL : P_PID;
  const long ret = call(SYS_waitid, type, arg(event.target), arg(&info), arg(event.options));
  if (ret == 0 && info.si_signo != 0) event.siginfo = to_siginfo(info);
  return ret;
}

long call_sigchld(Event &event) {
  const std::uint64_t set = std::uint64_t{1} << (SIGCHLD - 1);
  const std::int64_t at_once[2] = {};
  siginfo_t info{};
  const long ret = call(SYS_rt_sigtimedwait, arg(&set), arg(&info), arg(at_once), kSigsetSize);
  if (ret > 0) event.siginfo = to_siginfo(info);
  return ret;
}

long set_disposition(int sig, Disposition disposition) {
  KernelSigaction action{};
  if (disposition == Disposition::ignore) action.handler = 1;  // SIG_IGN
  if (disposition == Disposition::handle) {
    action.handler = reinterpret_cast<std::uintptr_t>(handler);
    action.restorer = reinterpret_cast<std::uintptr_t>(ptmc_puppet_restore);
    action.flags = SA_SIGINFO | kRestorer;
  }
  return call(SYS_rt_sigaction, arg(sig), arg(&action), 0, kSigsetSize);
}

long fork_role(Event &event) {
  const pid_t role = event.child;
  event.child = 0;  // the stage knows, also if this does not return
  Slot &child = board->slots[role];
  child.leader = event.data & CLONE_THREAD ? board->slots[self()].leader.load() : role;
  return make_task(event.data, role);
}

// Returns only if it fails: else the new image goes on (main.cpp).
long exec_self() {
  const pid_t role = self();
  char text[] = {static_cast<char>('0' + role / 10), static_cast<char>('0' + role % 10), 0};
  const char *argv[] = {text, descriptors.board_text, descriptors.program_text, nullptr};
  const char *environment[] = {nullptr};
  return call(SYS_execveat, arg(descriptors.program), arg(""), arg(argv), arg(environment),
              AT_EMPTY_PATH);
}

long install_filter(const Event &event) {
  Event prctl;
  prctl.call = Call::getpid;  // to the model: a system call that never sleeps
  const std::uint64_t t0 = now();
  prctl.ret = call(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1);
  log(prctl, t0);
  const std::uint32_t verdict =
      SECCOMP_RET_TRACE | (static_cast<std::uint32_t>(event.data) & SECCOMP_RET_DATA);
  sock_filter filter[] = {
      {BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(seccomp_data, nr)},
      {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, SYS_getppid},
      {BPF_RET | BPF_K, 0, 0, verdict},
      {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW},
  };
  const sock_fprog program{4, filter};
  return call(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, arg(&program));
}

long result(Event &event) {
  switch (event.call) {
    case Call::ptrace:
      return call_ptrace(event);
    case Call::wait4:
      return call_wait4(event);
    case Call::waitid:
      return call_waitid(event);
    case Call::sigchld:
      return call_sigchld(event);
    case Call::kill:
      return call(SYS_kill, arg(event.target), arg(event.sig));
    case Call::tgkill:
      return call(SYS_tgkill, arg(event.tgid), arg(event.target), arg(event.sig));
    case Call::getpid:
      return call(SYS_getpid);
    case Call::getppid:
      return call(SYS_getppid);
    case Call::pause:
      return call(SYS_pause);
    case Call::rt_sigprocmask:
      return call(SYS_rt_sigprocmask, arg(event.how), arg(&event.mask), 0, kSigsetSize);
    case Call::rt_sigaction:
      return set_disposition(event.sig, event.disposition);
    case Call::fork:
      return fork_role(event);
    case Call::execve:
      return exec_self();
    case Call::seccomp:
      return install_filter(event);
    case Call::exit:
      return call(SYS_exit, event.data);
    case Call::exit_group:
      return call(SYS_exit_group, event.data);
    default:
      return 0;  // user: to have come here is all
  }
}

}  // namespace

void make(Event &event) {
  const long ret = result(event);
  event.ret = ret < 0 ? -1 : ret;
  event.err = ret < 0 ? static_cast<int>(-ret) : 0;
}

void handle(int sig, Disposition disposition) { set_disposition(sig, disposition); }

}  // namespace ptmc::puppet
