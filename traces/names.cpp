// Names of the field and their numbers, on x86_64. The tables are written out, not taken from the
// headers of the build machine: a trace may come from a newer kernel than those headers.
#include <string.h>
#include <sys/wait.h>
#include <algorithm>
#include <iterator>
#include <span>
#include "traces/jsonl.hpp"
#include "traces/trace.hpp"

namespace ptmc::traces {
namespace {

struct Name {
  std::string_view name;
  long number;
};

constexpr Name kRequests[] = {
    {"PTRACE_TRACEME", 0},
    {"PTRACE_PEEKTEXT", 1},
    {"PTRACE_PEEKDATA", 2},
    {"PTRACE_PEEKUSER", 3},
    {"PTRACE_POKETEXT", 4},
    {"PTRACE_POKEDATA", 5},
    {"PTRACE_POKEUSER", 6},
    {"PTRACE_CONT", 7},
    {"PTRACE_KILL", 8},
    {"PTRACE_SINGLESTEP", 9},
    {"PTRACE_GETREGS", 12},
    {"PTRACE_SETREGS", 13},
    {"PTRACE_GETFPREGS", 14},
    {"PTRACE_SETFPREGS", 15},
    {"PTRACE_ATTACH", 16},
    {"PTRACE_DETACH", 17},
    {"PTRACE_GETFPXREGS", 18},
    {"PTRACE_SETFPXREGS", 19},
    {"PTRACE_OLDSETOPTIONS", 21},
    {"PTRACE_SYSCALL", 24},
    {"PTRACE_GET_THREAD_AREA", 25},
    {"PTRACE_SET_THREAD_AREA", 26},
    {"PTRACE_ARCH_PRCTL", 30},
    {"PTRACE_SYSEMU", 31},
    {"PTRACE_SYSEMU_SINGLESTEP", 32},
    {"PTRACE_SINGLEBLOCK", 33},
    {"PTRACE_SETOPTIONS", 0x4200},
    {"PTRACE_GETEVENTMSG", 0x4201},
    {"PTRACE_GETSIGINFO", 0x4202},
    {"PTRACE_SETSIGINFO", 0x4203},
    {"PTRACE_GETREGSET", 0x4204},
    {"PTRACE_SETREGSET", 0x4205},
    {"PTRACE_SEIZE", 0x4206},
    {"PTRACE_INTERRUPT", 0x4207},
    {"PTRACE_LISTEN", 0x4208},
    {"PTRACE_PEEKSIGINFO", 0x4209},
    {"PTRACE_GETSIGMASK", 0x420a},
    {"PTRACE_SETSIGMASK", 0x420b},
    {"PTRACE_SECCOMP_GET_FILTER", 0x420c},
    {"PTRACE_SECCOMP_GET_METADATA", 0x420d},
    {"PTRACE_GET_SYSCALL_INFO", 0x420e},
    {"PTRACE_GET_RSEQ_CONFIGURATION", 0x420f},
    {"PTRACE_SET_SYSCALL_USER_DISPATCH_CONFIG", 0x4210},
    {"PTRACE_GET_SYSCALL_USER_DISPATCH_CONFIG", 0x4211},
    {"PTRACE_SET_SYSCALL_INFO", 0x4212},
    // Spellings of <linux/ptrace.h>; the ones above are those of <sys/ptrace.h> and strace.
    {"PTRACE_PEEKUSR", 3},
    {"PTRACE_POKEUSR", 6},
};

constexpr Name kSignals[] = {
    {"SIGHUP", 1},     {"SIGINT", 2},   {"SIGQUIT", 3},    {"SIGILL", 4},   {"SIGTRAP", 5},
    {"SIGABRT", 6},    {"SIGBUS", 7},   {"SIGFPE", 8},     {"SIGKILL", 9},  {"SIGUSR1", 10},
    {"SIGSEGV", 11},   {"SIGUSR2", 12}, {"SIGPIPE", 13},   {"SIGALRM", 14}, {"SIGTERM", 15},
    {"SIGSTKFLT", 16}, {"SIGCHLD", 17}, {"SIGCONT", 18},   {"SIGSTOP", 19}, {"SIGTSTP", 20},
    {"SIGTTIN", 21},   {"SIGTTOU", 22}, {"SIGURG", 23},    {"SIGXCPU", 24}, {"SIGXFSZ", 25},
    {"SIGVTALRM", 26}, {"SIGPROF", 27}, {"SIGWINCH", 28},  {"SIGIO", 29},   {"SIGPWR", 30},
    {"SIGSYS", 31},    {"SIGPOLL", 29}, {"SIGUNUSED", 31},
};
constexpr int kRealTime = 32;  // the kernel's SIGRTMIN; glibc's is 34
constexpr int kLastSignal = 64;

// Results inside the kernel that strace shows and no process ever sees.
constexpr Name kRestarts[] = {
    {"ERESTARTSYS", 512},           {"ERESTARTNOINTR", 513}, {"ERESTARTNOHAND", 514},
    {"ERESTART_RESTARTBLOCK", 516}, {"EWOULDBLOCK", 11},     {"ENOTSUP", 95},
};
constexpr int kLastErrno = 133;

constexpr Name kWaitOptions[] = {
    {"WNOHANG", WNOHANG},       {"WUNTRACED", WUNTRACED}, {"WEXITED", WEXITED},
    {"WCONTINUED", WCONTINUED}, {"WNOWAIT", WNOWAIT},     {"__WNOTHREAD", __WNOTHREAD},
    {"__WALL", __WALL},         {"__WCLONE", __WCLONE},   {"WSTOPPED", WSTOPPED},
};

constexpr std::string_view kCalls[] = {
    "ptrace",
    "wait4",
    "waitid",
    "kill",
    "tgkill",
    "sigchld",
    "rt_sigprocmask",
    "rt_sigaction",
    "handler",
    "user",
    "getpid",
    "pause",
    "fork",
    "execve",
    "seccomp",
    "getppid",
    "exit",
    "exit_group",
    "proc_state",
    "died",
    "signal_generate",
    "signal_deliver",
    "sched_switch",
    "sched_waking",
    "sched_process_fork",
    "sched_process_exec",
    "sched_process_exit",
    "other",
};
static_assert(std::size(kCalls) == static_cast<std::size_t>(Call::other) + 1);

std::optional<std::string_view> name_of(std::span<const Name> table, long number) {
  for (const Name &row : table)
    if (row.number == number) return row.name;
  return std::nullopt;
}

std::optional<long> number_of(std::span<const Name> table, std::string_view name) {
  for (const Name &row : table)
    if (row.name == name) return row.number;
  return std::nullopt;
}

}  // namespace

std::string request_name(long request) {
  const auto name = name_of(kRequests, request);
  return name ? std::string(*name) : std::to_string(request);
}

std::optional<long> request_number(std::string_view name) { return number_of(kRequests, name); }

std::string errno_name(int err) {
  if (const char *name = err > 0 ? strerrorname_np(err) : nullptr) return name;
  const auto name = name_of(kRestarts, err);
  return name ? std::string(*name) : std::to_string(err);
}

std::optional<int> errno_number(std::string_view name) {
  for (int err = 1; err <= kLastErrno; ++err)
    if (const char *known = strerrorname_np(err); known && name == known) return err;
  return number_of(kRestarts, name);
}

std::string signal_name(int sig) {
  if (sig >= kRealTime && sig <= kLastSignal) return "SIGRT_" + std::to_string(sig - kRealTime);
  const auto name = name_of(kSignals, sig);
  return name ? std::string(*name) : std::to_string(sig);
}

std::optional<int> signal_number(std::string_view name) {
  for (int sig = kRealTime; sig <= kLastSignal; ++sig)
    if (name == signal_name(sig)) return sig;
  return number_of(kSignals, name);
}

std::string wait_options_name(int options) {
  std::string names;
  for (const Name &row : kWaitOptions) {
    if ((options & row.number) == 0) continue;
    options &= ~static_cast<int>(row.number);
    names.append(names.empty() ? "" : "|").append(row.name);
  }
  if (options != 0 || names.empty())
    names.append(names.empty() ? "" : "|").append(std::to_string(options));
  return names;
}

std::optional<int> wait_options_number(std::string_view names) {
  int options = 0;
  for (std::size_t begin = 0; begin <= names.size();) {
    const std::size_t end = std::min(names.find('|', begin), names.size());
    const std::string_view name = names.substr(begin, end - begin);
    if (const auto number = number_of(kWaitOptions, name))
      options |= static_cast<int>(*number);
    else if (const auto rest = to_number(name))
      options |= static_cast<int>(*rest);
    else
      return std::nullopt;
    begin = end + 1;
  }
  return options;
}

std::string_view call_name(Call call) { return kCalls[static_cast<std::size_t>(call)]; }

std::optional<Call> call_from_name(std::string_view name) {
  for (std::size_t call = 0; call < std::size(kCalls); ++call)
    if (kCalls[call] == name) return static_cast<Call>(call);
  return std::nullopt;
}

}  // namespace ptmc::traces
