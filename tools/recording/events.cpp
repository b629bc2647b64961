// What a record says, as an event of a trace.
#include <linux/ptrace.h>
#include <sched.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <optional>

#include "tools/recording/sight.hpp"
#include "traces/trace.hpp"

namespace ptmc::tools {

using traces::Call;
using traces::Event;

namespace {

// ---- From a record to an event ------------------------------------------------------------------

template <class T>
std::optional<T> datum(const ptmc_record &r, std::size_t at = 0) {
  T value;
  if (r.have < at + sizeof(value)) return std::nullopt;
  std::memcpy(&value, r.data + at, sizeof(value));
  return value;
}

// As in the siginfo_t of 64 bits: of signo, code, pid, status.
std::optional<traces::Siginfo> siginfo(const ptmc_record &r, std::size_t at = 0) {
  if (r.have < at + PTMC_SIGINFO_SIZE) return std::nullopt;
  const auto word = [&](std::size_t offset) { return datum<int>(r, at + offset).value_or(0); };
  return traces::Siginfo{word(0), word(8), word(16), word(24)};
}

pid_t pid(__u64 argument) { return static_cast<pid_t>(argument); }

void ptrace_call(const ptmc_record &r, Event &e) {
  e.call = Call::ptrace;
  e.request = static_cast<long>(r.args[0]);
  if (e.request == PTRACE_TRACEME) return;
  e.target = pid(r.args[1]);
  e.addr = r.args[2];
  const bool done = e.ret && *e.ret >= 0;
  switch (e.request) {
    case PTRACE_GETEVENTMSG:
      if (done) e.message = datum<std::uint64_t>(r);
      break;
    case PTRACE_GET_SYSCALL_INFO:
      if (const auto op = datum<std::uint8_t>(r); done && op) e.message = *op;
      break;
    case PTRACE_GETSIGINFO:
      if (done) e.siginfo = siginfo(r);
      break;
    case PTRACE_SETSIGINFO:
      e.siginfo = siginfo(r);
      break;
    case PTRACE_GETSIGMASK:
    case PTRACE_SETSIGMASK:
      e.mask = datum<std::uint64_t>(r).value_or(0);
      break;
    case PTRACE_PEEKSIGINFO:
      e.addr = datum<std::uint64_t>(r).value_or(0);
      e.options = datum<int>(r, 8).value_or(0);
      e.data = static_cast<std::uint64_t>(datum<int>(r, 12).value_or(0));
      e.unreadable = r.have == 0;
      if (done) e.siginfo = siginfo(r, 16);
      break;
    default:
      e.data = r.args[3];
  }
}

void waitid_call(const ptmc_record &r, Event &e) {
  e.call = Call::waitid;
  e.target = r.args[0] == P_ALL ? -1 : r.args[0] == P_PGID ? -pid(r.args[1]) : pid(r.args[1]);
  e.options = static_cast<int>(r.args[3]);
  e.siginfo = siginfo(r);
  if (r.args[0] != P_PIDFD) return;
  // Whose pidfd it is only a child that it found tells.
  if (e.siginfo && e.siginfo->pid != 0)
    e.target = e.siginfo->pid;
  else
    e.call = Call::other;
}

void sigaction_call(const ptmc_record &r, Event &e) {
  const auto handler = datum<std::uint64_t>(r);
  if (!handler) return;  // it only asks
  e.call = Call::rt_sigaction;
  e.sig = static_cast<int>(r.args[0]);
  e.disposition = *handler == 0   ? traces::Disposition::deflt
                  : *handler == 1 ? traces::Disposition::ignore
                                  : traces::Disposition::handle;
}

void sigprocmask_call(const ptmc_record &r, Event &e) {
  const auto mask = datum<std::uint64_t>(r);
  if (!mask) return;
  e.call = Call::rt_sigprocmask;
  e.how = static_cast<int>(r.args[0]);
  e.mask = *mask;
}

void kill_call(Event &e, Call call, __u64 tgid, __u64 target, __u64 sig) {
  e.call = call;
  e.tgid = pid(tgid);
  e.target = pid(target);
  e.sig = static_cast<int>(sig);
}

void fork_call(Event &e, std::uint64_t flags) {
  e.call = Call::fork;
  e.data = flags;
}

void read_call(const ptmc_record &r, Event &e) {
  constexpr int kRestarts = 512, kLastRestart = 516;  // ERESTARTSYS, ERESTART_RESTARTBLOCK
  if (r.returned != 0) {
    e.ret = r.ret;
    if (r.ret < 0 && r.ret > -4096) {
      e.ret = -1;
      e.err = static_cast<int>(-r.ret);
      // A call that the kernel restarts had no effect, as one that EINTR ended.
      if (e.err >= kRestarts && e.err <= kLastRestart) e.err = EINTR;
    }
  } else {
    e.t1 = UINT64_MAX;
  }
  switch (r.nr) {
    case SYS_ptrace:
      return ptrace_call(r, e);
    case SYS_wait4:
      e.call = Call::wait4;
      e.target = pid(r.args[0]);
      e.options = static_cast<int>(r.args[2]);
      e.status = datum<int>(r);
      return;
    case SYS_waitid:
      return waitid_call(r, e);
    case SYS_kill:
    case SYS_rt_sigqueueinfo:
      return kill_call(e, Call::kill, 0, r.args[0], r.args[1]);
    case SYS_tkill:
      return kill_call(e, Call::tgkill, 0, r.args[0], r.args[1]);
    case SYS_tgkill:
    case SYS_rt_tgsigqueueinfo:
      return kill_call(e, Call::tgkill, r.args[0], r.args[1], r.args[2]);
    case SYS_fork:
      return fork_call(e, SIGCHLD);
    case SYS_vfork:
      return fork_call(e, CLONE_VFORK | CLONE_VM | SIGCHLD);
    case SYS_clone:
      return fork_call(e, r.args[0]);
    case SYS_clone3:  // flags, pidfd, child_tid, parent_tid, exit_signal
      return fork_call(
          e, datum<std::uint64_t>(r).value_or(0) | datum<std::uint64_t>(r, 32).value_or(0));
    case SYS_execve:
    case SYS_execveat:
      e.call = Call::execve;
      return;
    case SYS_rt_sigaction:
      return sigaction_call(r, e);
    case SYS_rt_sigprocmask:
      return sigprocmask_call(r, e);
    case SYS_exit:
    case SYS_exit_group:
      e.call = r.nr == SYS_exit ? Call::exit : Call::exit_group;
      e.data = r.args[0];
      return;
    default:  // pidfd_send_signal: nobody knows to whom
      return;
  }
}

}  // namespace

Event to_event(const ptmc_record &r) {
  Event e;
  e.pid = r.pid;
  e.t0 = r.t0;
  e.t1 = r.t1;
  if (r.kind == PTMC_CALL) {
    read_call(r, e);
    return e;
  }
  e.ret = 0;
  const auto kernel_event = [&](Call call) {
    e.call = call;
    e.kernel = true;
    e.target = r.target;
    e.tgid = pid(r.args[5]);
  };
  const auto signal = [&] {
    e.sig = static_cast<int>(r.args[0]);
    e.siginfo = traces::Siginfo{e.sig, static_cast<int>(r.args[1])};
  };
  const auto state = [&] {
    constexpr __u64 kTraced = 8;  // __TASK_TRACED
    e.data = r.args[0] & kTraced ? 't' : 'T';
  };
  switch (r.kind) {
    case PTMC_SIGCHLD:
      e.call = Call::sigchld;
      e.siginfo = siginfo(r);
      break;
    case PTMC_DIED:
      e.call = Call::died;
      e.status = static_cast<int>(r.ret);
      break;
    case PTMC_GENERATE:
      kernel_event(Call::signal_generate);
      signal();
      e.options = r.args[2] != 0;
      e.data = r.args[3];
      break;
    case PTMC_DELIVER:
      kernel_event(Call::signal_deliver);
      signal();
      break;
    case PTMC_SLEEPS:
      kernel_event(Call::sched_switch);
      state();
      break;
    case PTMC_WOKEN:
      kernel_event(Call::sched_waking);
      state();
      break;
    case PTMC_BORN:
      kernel_event(Call::sched_process_fork);
      e.child = r.target;
      break;
    case PTMC_EXECED:
      kernel_event(Call::sched_process_exec);
      e.target = pid(r.args[0]);
      break;
    case PTMC_EXITS:
      kernel_event(Call::sched_process_exit);
      e.status = static_cast<int>(r.ret);
      break;
  }
  return e;
}

}  // namespace ptmc::tools
