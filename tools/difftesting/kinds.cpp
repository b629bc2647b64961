#include "tools/difftesting/kinds.hpp"

#include <linux/ptrace.h>
#include <signal.h>
#include <sys/wait.h>

#include <array>

namespace ptmc::difftest {
namespace {

using traces::Call;
using traces::Disposition;
using traces::Event;
namespace who = traces::who;

constexpr long kUnknownRequest = 0x9999;
constexpr int kBadSignal = 65;
constexpr std::uint64_t kBadOption = 1 << 30;

constexpr std::array<std::uint64_t, 6> kOptionSets = {
    0,
    PTRACE_O_TRACEEXIT,
    PTRACE_O_TRACESYSGOOD,
    PTRACE_O_TRACEEXIT | PTRACE_O_TRACESYSGOOD,
    PTRACE_O_EXITKILL,
    PTRACE_O_EXITKILL | PTRACE_O_TRACEEXIT,
};
constexpr std::array kExitCodes = {0, 1, 7};
constexpr std::array kOthers = {SIGHUP, SIGQUIT, SIGALRM, SIGURG, SIGSYS};

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
  return who::t0 + static_cast<pid_t>(random.below(static_cast<std::size_t>(cast.threads)));
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

// GETSIGINFO and GETEVENTMSG write where data points to; 0: to the puppet's own memory.
void target_pointer(Random &random, const Cast &cast, Event &event) {
  target(random, cast, event);
  if (random.chance(5)) event.data = 8;
}

void sent_signal(Random &random, const Cast &cast, Event &event) {
  event.target = random.chance(2) ? pid_t{who::none} : thread_of(random, cast);
  event.tgid = random.chance(97) ? who::t0 : who::none;
  event.sig = random.chance(3) ? 0 : random.chance(1) ? kBadSignal : signal_of(random, cast);
  if (event.call == Call::kill && event.target != who::none) event.target = who::t0;
}

void kill_tracer(Random &, const Cast &, Event &event) {
  event.target = who::tracer;
  event.sig = SIGKILL;
}

void wait_options(Random &random, const Cast &cast, Event &event) {
  event.target = random.chance(60) ? pid_t{who::any_child} : thread_of(random, cast);
  if (random.chance(2)) event.target = who::none;
  if (random.chance(80)) event.options |= WNOHANG;
  if (random.chance(40)) event.options |= WUNTRACED;
  if (random.chance(40)) event.options |= WCONTINUED;
  if (random.chance(50)) event.options |= __WALL;
  if (random.chance(10)) event.options |= __WNOTHREAD;
  if (random.chance(1)) event.options |= WEXITED;  // which wait4 refuses
}

void mask(Random &random, const Cast &cast, Event &event) {
  static constexpr std::array kHow = {SIG_BLOCK, SIG_BLOCK, SIG_UNBLOCK, SIG_SETMASK};
  event.how = random.one_of(kHow);
  for (int n = random.between(1, 3); n > 0; --n)
    event.mask |= std::uint64_t{1} << (signal_of(random, cast) - 1);
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

bool one_process(const Cast &cast) { return cast.tracer_is_parent; }
bool two_processes(const Cast &cast) { return !cast.tracer_is_parent; }

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
    {"PEEKUSER", By::tracer, 1, Call::ptrace, PTRACE_PEEKUSR, target},
    {"unknown request", By::tracer, 1, Call::ptrace, kUnknownRequest, target},
    {"wait", By::tracer, 14, Call::wait4, 0, wait_options},
    {"sigchld", By::tracer, 2, Call::sigchld, 0, nothing},
    {"tracer exit", By::tracer, 0.2, Call::exit_group, 0, code},
    {"SIGCHLD action", By::tracer, 0.5, Call::rt_sigaction, 0, ignore_children, one_process},

    {"CONT by another", By::parent, 0.3, Call::ptrace, PTRACE_CONT, target_signal, two_processes},
    {"parent's wait", By::parent, 5, Call::wait4, 0, wait_options, two_processes},
    {"parent's sigchld", By::parent, 2, Call::sigchld, 0, nothing, two_processes},
    {"parent's SIGCHLD action", By::parent, 0.5, Call::rt_sigaction, 0, ignore_children,
     two_processes},
    {"parent exit", By::parent, 0.1, Call::exit_group, 0, code, two_processes},

    {"kill", By::world, 9, Call::kill, 0, sent_signal},
    {"tgkill", By::world, 7, Call::tgkill, 0, sent_signal},
    {"kill tracer", By::world, 0.2, Call::kill, 0, kill_tracer},
    {"look", By::world, 4, Call::proc_state, 0, target},

    {"TRACEME", By::thread, 2, Call::ptrace, PTRACE_TRACEME, nothing, one_process},
    {"user", By::thread, 2, Call::user, 0, nothing},
    {"getpid", By::thread, 6, Call::getpid, 0, nothing},
    {"pause", By::thread, 3, Call::pause, 0, nothing},
    {"sigprocmask", By::thread, 4, Call::rt_sigprocmask, 0, mask},
    {"sigaction", By::thread, 3, Call::rt_sigaction, 0, disposition},
    {"own kill", By::thread, 1, Call::kill, 0, sent_signal},
    {"own tgkill", By::thread, 1, Call::tgkill, 0, sent_signal},
    {"exit", By::thread, 1.5, Call::exit, 0, code},
    {"exit_group", By::thread, 0.5, Call::exit_group, 0, code},
};

}  // namespace

std::span<const Kind> kinds() { return kKinds; }
std::span<const std::uint64_t> option_sets() { return kOptionSets; }
std::span<const int> exit_codes() { return kExitCodes; }
int other_signal(Random &random) { return random.one_of(kOthers); }

}  // namespace ptmc::difftest
