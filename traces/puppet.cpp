#include "traces/puppet.hpp"

#include <fcntl.h>
#include <linux/futex.h>
#include <linux/ptrace.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <climits>
#include <functional>
#include <string>
#include <thread>

namespace ptmc::traces {
namespace {

constexpr std::size_t kSigsetSize = 8;  // of the kernel, bytes

Board *handler_board = nullptr;
thread_local pid_t self = 0;  // gettid would be a system call

Siginfo to_siginfo(const siginfo_t &info) {
  // Only SIGCHLD has a status; its place means something else in other siginfos.
  return {info.si_signo, info.si_code, info.si_pid, info.si_signo == SIGCHLD ? info.si_status : 0};
}

Record &begin(Board &board, Event &event, int step) {
  const std::uint32_t index = board.used.fetch_add(1);
  Record &record = board.log[std::min(index, Board::kRecords)];
  record.step = step;
  event.pid = self;
  event.t0 = now();
  record.event = event;
  record.phase.store(Record::begun, std::memory_order_release);
  return record;
}

void end(Record &record, Event &event) {
  event.t1 = now();
  record.event = event;
  record.phase.store(Record::ended, std::memory_order_release);
}

void handler(int sig, siginfo_t *info, void *) {
  Event event;
  event.call = Call::handler;
  event.sig = sig;
  event.ret = 0;
  event.siginfo = to_siginfo(*info);
  end(begin(*handler_board, event, -1), event);
}

int set_disposition(int sig, Disposition disposition) {
  struct sigaction action {};
  action.sa_handler = disposition == Disposition::ignore ? SIG_IGN : SIG_DFL;
  if (disposition == Disposition::handle) {
    action.sa_sigaction = handler;
    action.sa_flags = SA_SIGINFO;
  }
  return sigaction(sig, &action, nullptr);
}

// ---- Calls --------------------------------------------------------------------------------------

// Raw: the wrapper of glibc treats some requests in its own way.
long ptrace_raw(const Event &event, std::uint64_t data) {
  return syscall(SYS_ptrace, event.request, event.target, event.addr, data);
}

long call_ptrace(Event &event) {
  siginfo_t info{};
  unsigned long message = 0;
  long ret = 0;
  if (event.request == PTRACE_GETSIGINFO && event.data == 0) {
    ret = ptrace_raw(event, reinterpret_cast<std::uintptr_t>(&info));
    if (ret == 0) event.siginfo = to_siginfo(info);
  } else if (event.request == PTRACE_GETEVENTMSG && event.data == 0) {
    ret = ptrace_raw(event, reinterpret_cast<std::uintptr_t>(&message));
    if (ret == 0) event.message = message;
  } else if (event.request == PTRACE_GET_SYSCALL_INFO && event.data == 0) {
    ptrace_syscall_info stop{};
    event.addr = sizeof stop;
    ret = ptrace_raw(event, reinterpret_cast<std::uintptr_t>(&stop));
    if (ret > 0) event.message = stop.op;
  } else {
    ret = ptrace_raw(event, event.data);
  }
  return ret;
}

long call_wait4(Event &event) {
  int status = 0;
  const long ret = syscall(SYS_wait4, event.target, &status, event.options, nullptr);
  if (ret > 0) event.status = status;
  return ret;
}

long call_sigchld(Event &event) {
  const std::uint64_t set = std::uint64_t{1} << (SIGCHLD - 1);
  const timespec at_once{};
  siginfo_t info{};
  const long ret = syscall(SYS_rt_sigtimedwait, &set, &info, &at_once, kSigsetSize);
  if (ret > 0) event.siginfo = to_siginfo(info);
  return ret;
}

long make(Event &event) {
  switch (event.call) {
    case Call::ptrace:
      return call_ptrace(event);
    case Call::wait4:
      return call_wait4(event);
    case Call::sigchld:
      return call_sigchld(event);
    case Call::kill:
      return syscall(SYS_kill, event.target, event.sig);
    case Call::tgkill:
      return syscall(SYS_tgkill, event.tgid, event.target, event.sig);
    case Call::getpid:
      return syscall(SYS_getpid);
    case Call::pause:
      return syscall(SYS_pause);
    case Call::rt_sigprocmask:
      return syscall(SYS_rt_sigprocmask, event.how, &event.mask, nullptr, kSigsetSize);
    case Call::rt_sigaction:
      return set_disposition(event.sig, event.disposition);
    case Call::exit:
      return syscall(SYS_exit, event.data);
    case Call::exit_group:
      return syscall(SYS_exit_group, event.data);
    default:
      return 0;  // user: to have come here is all
  }
}

// ---- Lives --------------------------------------------------------------------------------------

void perform_posted(Board &board, Slot &slot) {
  perform(board, slot.call, slot.step);
  slot.finished.fetch_add(1, std::memory_order_release);
}

[[noreturn]] void spin(Board &board, pid_t role) {
  Slot &slot = board.slots[role];
  self = static_cast<pid_t>(syscall(SYS_gettid));
  slot.tid = self;
  for (std::uint32_t seen = 0;; ++seen) {
    while (slot.posted.load(std::memory_order_acquire) == seen) {
      slot.turns.store(slot.turns.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
      __builtin_ia32_pause();
    }
    perform_posted(board, slot);
  }
}

[[noreturn]] void live_as_tracee(Board &board, int threads) {
  setpgid(0, 0);
  prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);  // EINVAL where there is no Yama
  handler_board = &board;
  set_disposition(SIGUSR1, Disposition::handle);
  set_disposition(SIGUSR2, Disposition::handle);
  for (pid_t role = who::t1; role < who::t0 + threads; ++role)
    std::thread(spin, std::ref(board), role).detach();
  spin(board, who::t0);
}

std::string read_proc(const Board &board, pid_t role, const char *name) {
  const pid_t process = board.slots[role >= who::t0 ? pid_t{who::t0} : role].tid;
  const std::string path = "/proc/" + std::to_string(process) + "/task/" +
                           std::to_string(board.slots[role].tid) + "/" + name;
  std::array<char, 4096> text;
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  const ssize_t size = file < 0 ? 0 : read(file, text.data(), text.size());
  if (file >= 0) close(file);
  return {text.data(), static_cast<std::size_t>(std::max<ssize_t>(size, 0))};
}

}  // namespace

std::uint64_t now() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000 +
         static_cast<std::uint64_t>(time.tv_nsec);
}

std::optional<Event> final_event(const Record &record, std::uint64_t end) {
  Event event = record.event;
  if (record.phase == Record::unused || event.t0 > end) return std::nullopt;
  if (record.phase == Record::begun || event.t1 > end) event.t1 = UINT64_MAX;
  if (record.phase == Record::ended && event.t1 <= end) return event;
  event.ret.reset();  // the results may be half written
  event.err = 0;
  event.status.reset();
  event.siginfo.reset();
  event.message.reset();
  return event;
}

char proc_state(const Board &board, pid_t role) {
  const std::string stat = read_proc(board, role, "stat");  // PID (NAME) STATE ...
  const std::size_t name_end = stat.rfind(')');
  return name_end == std::string::npos ? 'X' : stat.at(name_end + 2);
}

std::uint64_t pending_signals(const Board &board, pid_t role) {
  const std::string status = read_proc(board, role, "status");
  std::uint64_t pending = 0;
  for (const std::string key : {"SigPnd:", "ShdPnd:"})
    if (const std::size_t found = status.find(key); found != std::string::npos)
      pending |= std::stoull(status.substr(found + key.size()), nullptr, 16);
  return pending & ~(std::uint64_t{1} << (SIGKILL - 1));
}

void set_self(pid_t tid) { self = tid; }

void perform(Board &board, Event call, int step) {
  Record &record = begin(board, call, step);
  call.ret = make(call);
  call.err = *call.ret == -1 ? errno : 0;
  end(record, call);
}

void post(Slot &slot, const Event &call, int step) {
  slot.call = call;
  slot.step = step;
  slot.posted.fetch_add(1, std::memory_order_release);
  // For the tracer and parent; not FUTEX_PRIVATE, they are other processes.
  syscall(SYS_futex, &slot.posted, FUTEX_WAKE, INT_MAX, nullptr, nullptr, 0);
}

void play(Board &board, pid_t role, int threads) {
  if (threads > 0 && fork() == 0) live_as_tracee(board, threads);
  sigset_t sigchld;  // is taken by the call sigchld alone
  sigemptyset(&sigchld);
  sigaddset(&sigchld, SIGCHLD);
  sigprocmask(SIG_BLOCK, &sigchld, nullptr);
  handler_board = &board;
  Slot &slot = board.slots[role];
  self = getpid();
  slot.tid = self;
  for (std::uint32_t seen = 0;; ++seen) {
    while (slot.posted.load(std::memory_order_acquire) == seen)
      syscall(SYS_futex, &slot.posted, FUTEX_WAIT, seen, nullptr, nullptr, 0);
    perform_posted(board, slot);
  }
}

}  // namespace ptmc::traces
