#include "tools/difftesting/kinds.hpp"

#include <linux/ptrace.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <set>

namespace ptmc::difftest {
namespace {

using traces::Call;
using traces::Disposition;
using traces::Event;
using traces::is_tracee;
namespace who = traces::who;

constexpr long kUnknownRequest = 0x9999;
constexpr long kSysEmu = 31, kSysEmuSinglestep = 32;  // PTRACE_*, of x86
constexpr double kTracer2 = 0;  // 1: programs have a second process that traces
constexpr int kBadSignal = 65;
constexpr std::uint64_t kBadOption = 1 << 30;

constexpr std::uint64_t kForks = PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE;
constexpr std::array<std::uint64_t, 12> kOptionSets = {
    0,
    PTRACE_O_TRACEEXIT,
    PTRACE_O_TRACESYSGOOD,
    PTRACE_O_TRACEEXIT | PTRACE_O_TRACESYSGOOD,
    PTRACE_O_EXITKILL,
    PTRACE_O_EXITKILL | PTRACE_O_TRACEEXIT,
    kForks,
    kForks | PTRACE_O_TRACEEXEC | PTRACE_O_TRACEVFORKDONE | PTRACE_O_TRACESECCOMP |
        PTRACE_O_TRACEEXIT | PTRACE_O_TRACESYSGOOD,
    PTRACE_O_TRACEVFORK | PTRACE_O_TRACEVFORKDONE,
    PTRACE_O_TRACEEXEC,
    PTRACE_O_TRACESECCOMP | PTRACE_O_TRACESYSGOOD,
    PTRACE_O_TRACECLONE | PTRACE_O_TRACESECCOMP | PTRACE_O_TRACEEXIT,
};
// What a queue gives, what LISTEN takes for its stop, and what a trap gives.
constexpr std::array<traces::Siginfo, 3> kSiginfos = {{
    {.signo = SIGUSR1, .code = SI_QUEUE},
    {.signo = SIGUSR1, .code = 128 << 8 | SIGTRAP},
    {.signo = SIGTRAP, .code = SIGTRAP},
}};
constexpr std::uint64_t bit(int sig) { return std::uint64_t{1} << (sig - 1); }
constexpr std::array<std::uint64_t, 3> kMasks = {0, bit(SIGUSR1) | bit(SIGTERM),
                                                 bit(SIGTSTP) | bit(SIGCONT) | bit(SIGTRAP)};
constexpr std::array kExitCodes = {0, 1, 7};
constexpr std::array kOthers = {SIGHUP, SIGQUIT, SIGALRM, SIGURG, SIGSYS, 34, 64};

struct WeightedSignal {
  int number;  // 0: the other signal
  int weight;
};
constexpr WeightedSignal kSignals[] = {
    {SIGSTOP, 8}, {SIGCONT, 8}, {SIGUSR1, 5}, {SIGUSR2, 3}, {SIGTSTP, 3}, {SIGTTIN, 1},
    {SIGTTOU, 1}, {SIGTRAP, 2}, {SIGCHLD, 2}, {SIGTERM, 1}, {SIGKILL, 1}, {0, 2},
};

int signal_of(Random &random, const Cast &cast) {
  static constexpr int kTotal = [] {
    int total = 0;
    for (const WeightedSignal &s : kSignals) total += s.weight;
    return total;
  }();
  int point = random.between(1, kTotal);
  for (const WeightedSignal &s : kSignals)
    if ((point -= s.weight) <= 0) return s.number ? s.number : cast.other_signal;
  return SIGSTOP;
}

pid_t thread_of(Random &random, const Cast &cast) {
  return who::t0 + static_cast<pid_t>(random.below(cast.leaders.size()));
}

// ---- Arguments ----------------------------------------------------------------------------------

void nothing(Random &, const Cast &, Event &) {}

void target(Random &random, const Cast &cast, Event &event) {
  event.target = random.chance(2) ? pid_t{who::none} : thread_of(random, cast);
}

void target_signal(Random &random, const Cast &cast, Event &event) {
  target(random, cast, event);
  if (random.chance(45)) return;
  event.data = static_cast<std::uint64_t>(random.chance(3) ? kBadSignal : signal_of(random, cast));
}

void target_options(Random &random, const Cast &cast, Event &event) {
  target(random, cast, event);
  event.data = random.chance(4) ? kBadOption : random.one_of(kOptionSets);
  if (event.request == PTRACE_SEIZE && random.chance(3)) event.addr = 8;
}

void target_siginfo(Random &random, const Cast &cast, Event &event) {
  target(random, cast, event);
  event.siginfo = random.one_of(kSiginfos);
}

void target_mask(Random &random, const Cast &cast, Event &event) {
  target(random, cast, event);
  event.addr = random.chance(4) ? 16 : 8;
  if (event.request == PTRACE_SETSIGMASK) event.mask = random.one_of(kMasks);
}

void target_queue(Random &random, const Cast &cast, Event &event) {
  target(random, cast, event);
  event.options = random.chance(60) ? PTRACE_PEEKSIGINFO_SHARED : 0;
  event.addr = random.chance(80) ? 0 : 1;
  event.data = static_cast<std::uint64_t>(random.between(1, 3));
}

// GETSIGINFO and GETEVENTMSG write where data points to; 0: to the puppet's own memory.
void target_pointer(Random &random, const Cast &cast, Event &event) {
  target(random, cast, event);
  if (random.chance(5)) event.data = 8;
}

void sent_signal(Random &random, const Cast &cast, Event &event) {
  event.target = random.chance(2) ? pid_t{who::none} : thread_of(random, cast);
  const pid_t leader = cast.leader_of(event.target);
  event.tgid = random.chance(97) ? leader : who::none;
  event.sig = random.chance(3) ? 0 : random.chance(1) ? kBadSignal : signal_of(random, cast);
  if (event.call == Call::kill && event.target != who::none) event.target = leader;
}

void kill_tracer(Random &, const Cast &, Event &event) {
  event.target = who::tracer;
  event.sig = SIGKILL;
}

int some(Random &random, int options, int percent) { return random.chance(percent) ? options : 0; }

void wait_options(Random &random, const Cast &cast, Event &event) {
  event.target = random.chance(60) ? pid_t{who::any_child} : thread_of(random, cast);
  if (random.chance(2)) event.target = who::none;
  event.options = some(random, WNOHANG, is_tracee(event.pid) ? 95 : 80) |
                  some(random, WUNTRACED, 40) | some(random, WCONTINUED, 40) |
                  some(random, __WALL, 50) | some(random, __WCLONE, 5) |
                  some(random, __WNOTHREAD, 10);
  if (event.call == Call::waitid)
    event.options |= some(random, WEXITED, 75) | some(random, WNOWAIT, 35);
  else
    event.options |= some(random, WEXITED, 1);  // which wait4 refuses
}

void fork_flags(Random &random, const Cast &cast, Event &event) {
  event.child = who::t0 + static_cast<pid_t>(cast.leaders.size());
  event.data = static_cast<std::uint64_t>(some(random, CLONE_PTRACE, 5)) |
               static_cast<std::uint64_t>(some(random, CLONE_UNTRACED, 5));
}

void clone_flags(Random &random, const Cast &cast, Event &event) {
  fork_flags(random, cast, event);
  event.data |= CLONE_THREAD | CLONE_SIGHAND | CLONE_VM;
}

void child_flags(Random &random, const Cast &cast, Event &event) {
  fork_flags(random, cast, event);
  event.data |= static_cast<std::uint64_t>(random.chance(85) ? SIGCHLD : 0) |
                static_cast<std::uint64_t>(some(random, CLONE_PARENT, 6));
}

void vfork_flags(Random &random, const Cast &cast, Event &event) {
  fork_flags(random, cast, event);
  event.data |= CLONE_VFORK | SIGCHLD;
}

void filter(Random &random, const Cast &, Event &event) {
  event.data = static_cast<std::uint64_t>(random.between(3, 4));
}

void mask(Random &random, const Cast &cast, Event &event) {
  static constexpr std::array kHow = {SIG_BLOCK, SIG_BLOCK, SIG_UNBLOCK, SIG_SETMASK};
  event.how = random.one_of(kHow);
  for (int n = random.between(1, 3); n > 0; --n) event.mask |= bit(signal_of(random, cast));
}

void disposition(Random &random, const Cast &cast, Event &event) {
  do event.sig = signal_of(random, cast);
  while (event.sig == SIGKILL || event.sig == SIGSTOP);
  static constexpr std::array kAll = {Disposition::deflt, Disposition::ignore, Disposition::handle};
  event.disposition = random.one_of(kAll);
}

void ignore_children(Random &random, const Cast &, Event &event) {
  event.sig = SIGCHLD;
  event.disposition = random.chance(60) ? Disposition::ignore : Disposition::deflt;
}

void code(Random &random, const Cast &, Event &event) {
  event.data = static_cast<std::uint64_t>(random.one_of(kExitCodes));
}

// ---- The table ----------------------------------------------------------------------------------

bool one_process(const Cast &cast, pid_t) { return cast.tracer_is_parent; }
bool two_processes(const Cast &cast, pid_t) { return !cast.tracer_is_parent; }
// A child's TRACEME would make its parent, a tracee, a tracer.
bool tracers_child(const Cast &cast, pid_t by) {
  return cast.tracer_is_parent && cast.leader_of(by) == who::t0;
}
bool more_threads(const Cast &cast, pid_t by) {
  return cast.threads_of(cast.leader_of(by)) < cast.places;
}
bool more_processes(const Cast &cast, pid_t) { return cast.made_processes() < cast.processes; }
bool several_processes(const Cast &cast, pid_t) { return cast.processes > 1; }

constexpr Kind kKinds[] = {
    {"ATTACH", By::tracer, 4, Call::ptrace, PTRACE_ATTACH, target},
    {"SEIZE", By::tracer, 9, Call::ptrace, PTRACE_SEIZE, target_options},
    {"INTERRUPT", By::tracer, 6, Call::ptrace, PTRACE_INTERRUPT, target},
    {"LISTEN", By::tracer, 6, Call::ptrace, PTRACE_LISTEN, target},
    {"CONT", By::tracer, 12, Call::ptrace, PTRACE_CONT, target_signal},
    {"SYSCALL", By::tracer, 10, Call::ptrace, PTRACE_SYSCALL, target_signal},
    {"DETACH", By::tracer, 3, Call::ptrace, PTRACE_DETACH, target_signal},
    {"KILL", By::tracer, 0.5, Call::ptrace, PTRACE_KILL, target},
    {"SETOPTIONS", By::tracer, 3, Call::ptrace, PTRACE_SETOPTIONS, target_options},
    {"GETSIGINFO", By::tracer, 4, Call::ptrace, PTRACE_GETSIGINFO, target_pointer},
    {"GETEVENTMSG", By::tracer, 3, Call::ptrace, PTRACE_GETEVENTMSG, target_pointer},
    {"SINGLESTEP", By::tracer, 2, Call::ptrace, PTRACE_SINGLESTEP, target_signal},
    {"SYSEMU", By::tracer, 1, Call::ptrace, kSysEmu, target_signal},
    {"SYSEMU_SINGLESTEP", By::tracer, 0.5, Call::ptrace, kSysEmuSinglestep, target_signal},
    {"GET_SYSCALL_INFO", By::tracer, 1.5, Call::ptrace, PTRACE_GET_SYSCALL_INFO, target},
    {"SETSIGINFO", By::tracer, 1.5, Call::ptrace, PTRACE_SETSIGINFO, target_siginfo},
    {"GETSIGMASK", By::tracer, 1.5, Call::ptrace, PTRACE_GETSIGMASK, target_mask},
    {"SETSIGMASK", By::tracer, 1.5, Call::ptrace, PTRACE_SETSIGMASK, target_mask},
    {"PEEKSIGINFO", By::tracer, 1.5, Call::ptrace, PTRACE_PEEKSIGINFO, target_queue},
    {"PEEKUSER", By::tracer, 1, Call::ptrace, PTRACE_PEEKUSR, target},
    {"unknown request", By::tracer, 1, Call::ptrace, kUnknownRequest, target},
    {"wait", By::tracer, 14, Call::wait4, 0, wait_options},
    {"waitid", By::tracer, 7, Call::waitid, 0, wait_options},
    {"sigchld", By::tracer, 2, Call::sigchld, 0, nothing},
    {"tracer exit", By::tracer, 0.2, Call::exit_group, 0, code},
    {"SIGCHLD action", By::tracer, 0.5, Call::rt_sigaction, 0, ignore_children, one_process},

    {"CONT by tracer's thread", By::tracer_thread, 0.3, Call::ptrace, PTRACE_CONT, target_signal},
    {"wait by tracer's thread", By::tracer_thread, 1, Call::wait4, 0, wait_options},

    {"SEIZE by tracer2", By::tracer2, kTracer2 * 3, Call::ptrace, PTRACE_SEIZE, target_options},
    {"CONT by tracer2", By::tracer2, kTracer2 * 4, Call::ptrace, PTRACE_CONT, target_signal},
    {"DETACH by tracer2", By::tracer2, kTracer2 * 1, Call::ptrace, PTRACE_DETACH, target_signal},
    {"wait by tracer2", By::tracer2, kTracer2 * 5, Call::wait4, 0, wait_options},

    {"CONT by another", By::parent, 0.3, Call::ptrace, PTRACE_CONT, target_signal, two_processes},
    {"parent's wait", By::parent, 5, Call::wait4, 0, wait_options, two_processes},
    {"parent's waitid", By::parent, 2.5, Call::waitid, 0, wait_options, two_processes},
    {"parent's sigchld", By::parent, 2, Call::sigchld, 0, nothing, two_processes},
    {"parent's SIGCHLD action", By::parent, 0.5, Call::rt_sigaction, 0, ignore_children,
     two_processes},
    {"parent exit", By::parent, 0.1, Call::exit_group, 0, code, two_processes},

    {"kill", By::world, 9, Call::kill, 0, sent_signal},
    {"tgkill", By::world, 7, Call::tgkill, 0, sent_signal},
    {"kill tracer", By::world, 0.2, Call::kill, 0, kill_tracer},
    {"look", By::world, 4, Call::proc_state, 0, target},

    {"TRACEME", By::thread, 2, Call::ptrace, PTRACE_TRACEME, nothing, tracers_child},
    {"user", By::thread, 2, Call::user, 0, nothing},
    {"getpid", By::thread, 6, Call::getpid, 0, nothing},
    {"pause", By::thread, 3, Call::pause, 0, nothing},
    {"sigprocmask", By::thread, 4, Call::rt_sigprocmask, 0, mask},
    {"sigaction", By::thread, 3, Call::rt_sigaction, 0, disposition},
    {"own kill", By::thread, 1, Call::kill, 0, sent_signal},
    {"own tgkill", By::thread, 1, Call::tgkill, 0, sent_signal},
    {"fork", By::thread, 6, Call::fork, 0, child_flags, more_processes},
    {"vfork", By::thread, 3, Call::fork, 0, vfork_flags, more_processes},
    {"clone", By::thread, 6, Call::fork, 0, clone_flags, more_threads},
    {"execve", By::thread, 0.7, Call::execve, 0, nothing},
    {"seccomp", By::thread, 0.7, Call::seccomp, 0, filter},
    {"getppid", By::thread, 2.5, Call::getppid, 0, nothing},
    {"child's wait", By::thread, 1.5, Call::wait4, 0, wait_options, several_processes},
    {"child's waitid", By::thread, 1, Call::waitid, 0, wait_options, several_processes},
    {"exit", By::thread, 1.5, Call::exit, 0, code},
    {"exit_group", By::thread, 0.5, Call::exit_group, 0, code},
};

}  // namespace

pid_t Cast::leader_of(pid_t role) const {
  if (!traces::is_tracee(role)) return who::t0;
  const auto at = static_cast<std::size_t>(role - who::t0);
  return at < leaders.size() ? leaders[at] : pid_t{who::t0};
}

int Cast::threads_of(pid_t leader) const {
  return static_cast<int>(std::count(leaders.begin(), leaders.end(), leader));
}

int Cast::made_processes() const {
  return static_cast<int>(std::set(leaders.begin(), leaders.end()).size());
}

std::span<const Kind> kinds() { return kKinds; }
std::span<const std::uint64_t> option_sets() { return kOptionSets; }
std::span<const traces::Siginfo> siginfos() { return kSiginfos; }
std::span<const std::uint64_t> masks() { return kMasks; }
std::span<const int> exit_codes() { return kExitCodes; }
int other_signal(std::uint64_t number) { return kOthers[number % kOthers.size()]; }

}  // namespace ptmc::difftest
