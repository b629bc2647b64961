// A recorded trace in which one fact is changed to what no kernel can show is rejected, where the
// change is or at the first call that depends on it.
#include <doctest/doctest.h>
#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <sstream>
#include "traces/replay.hpp"
#include "traces/strace.hpp"

namespace ptmc::traces {
namespace {

const std::filesystem::path kTests = std::filesystem::path(PTMC_SOURCE_DIR) / "tests";

// ---- Closed worlds ------------------------------------------------------------------------------

// The k-th call of a kind is named "tracer wait4 2", "t0 handler 1", a request "tracer CONT 1".
// The changes:
//   status S        wait reports S instead of what it reported, or of nothing
//   nothing         wait returns 0
//   ok              the call succeeds
//   ESRCH...        it fails with this errno
//   signo, si_code, si_status, message, state S; signal S: the one sent, handled, passed on
//   thread T        it is about this thread
//   dropped; repeated at once; swapped with CALL, in time
struct Corruption {
  std::string trace, call, change, why;
  std::string rejected = "";  // the call that is; empty: the one changed
};

const Corruption kClosed[] = {
    // The status that wait reports.
    {"attach-running", "tracer wait4 1", "status 0x80137f", "PTRACE_EVENT_STOP is for SEIZE only"},
    {"attach-group-stop", "tracer wait4 2", "status 0x80137f", "a legacy group-stop is unflagged"},
    {"seize-group-stop", "tracer wait4 2", "status 0x137f", "a seized group-stop is flagged"},
    {"seize-interrupt", "tracer wait4 1", "status 0x80137f", "the group is not stopped: SIGTRAP"},
    {"seize-interrupt", "tracer wait4 3", "status 0x57f", "INTERRUPT gives PTRACE_EVENT_STOP"},
    {"seize-stopped", "tracer wait4 1", "status 0x80057f", "the group is stopped: its signal"},
    {"group-stop-cont", "tracer wait4 4", "status 0x80057f", "CONT does not end the group-stop"},
    {"group-stop-cont", "tracer wait4 6", "status 0x80137f", "SIGTSTP started the last group-stop"},
    {"group-stop-cont", "tracer wait4 7", "status 0x127f", "the notification comes first"},
    {"listen-sigcont", "tracer wait4 3", "status 0x80137f", "SIGCONT has ended the group-stop"},
    {"syscall-sysgood", "tracer wait4 2", "status 0x57f", "TRACESYSGOOD marks it with 0x80"},
    {"syscall-plain", "tracer wait4 2", "status 0x857f", "TRACESYSGOOD is not set"},
    {"setoptions", "tracer wait4 3", "status 0x857f", "SETOPTIONS has cleared TRACESYSGOOD"},
    {"interrupt-syscall-entry", "tracer wait4 3", "status 0x80057f", "the exit stop comes first"},
    {"signal-order", "tracer wait4 2", "status 0xa7f", "the thread's own queue comes first"},
    {"signal-order", "tracer wait4 3", "status 0xf7f", "the lowest number comes first"},
    {"cont-then-stop-queued", "tracer wait4 3", "status 0x127f", "SIGSTOP has flushed SIGCONT"},
    {"stop-then-cont-queued", "tracer wait4 3", "status 0x137f", "SIGCONT has flushed SIGSTOP"},
    {"threads-kill-untraced-leader", "tracer wait4 1", "status 0xf7f", "nobody traces the leader"},
    {"exit-event-kill", "tracer wait4 3", "status 0x9", "a dying group drops SIGKILL (6.1)"},
    {"kill-exit-event", "tracer wait4 1", "status 0x857f", "nobody uses SYSCALL"},
    {"seize-options", "tracer wait4 2", "status 0x0", "it exited with 7"},
    {"signal-inject-fatal", "tracer wait4 2", "status 0xa", "it died of the signal injected"},
    {"untraced-stop", "parent wait4 4", "status 0xa", "SIGUSR1 has a handler"},
    {"restop-not-reported", "parent wait4 3", "status 0x137f", "SIGCONT has ended the stop"},
    // Reports where there is nothing.
    {"seize-running", "tracer wait4 1", "status 0x80057f", "SEIZE does not stop"},
    {"seize-group-stop", "parent wait4 1", "status 0x137f", "the group-stop has not begun"},
    {"seize-group-stop", "parent wait4 3", "status 0x137f", "it was reported before"},
    {"restop-not-reported", "parent wait4 2", "status 0x137f", "the group was stopped before"},
    {"detach-signal-stopped-group", "parent wait4 2", "status 0x137f", "it was reported before"},
    {"wait-once", "tracer wait4 2", "status 0x80057f", "it was reported before"},
    {"listen-group-stop", "tracer wait4 3", "status 0x80137f", "wait does not see who listens"},
    {"listen-unwaited", "tracer wait4 1", "status 0x80057f", "LISTEN drops the report"},
    {"signal-unwaited-resume", "tracer wait4 1", "status 0xa7f", "CONT drops the report"},
    {"sigcont-trapped", "tracer wait4 3", "status 0x80057f", "SIGCONT does not end the trap"},
    {"threads-blocked-stop", "parent wait4 1", "status 0x137f", "t0 is trapped, and not stopped"},
    {"threads-zombie-leader", "tracer wait4 1", "status 0x300", "the leader is not alone"},
    {"death-reported-twice", "parent wait4 1", "status 0x500", "its tracer comes first"},
    {"wait-continued-stolen", "parent wait4 2", "status 0xffff", "the tracer took the flag"},
    {"interrupt-one-thread", "tracer wait4 2", "status 0x80057f", "INTERRUPT is for one thread"},
    {"exit-event-kill", "tracer wait4 2", "status 0x9", "SIGKILL does not end EVENT_EXIT (6.1)"},
    // Nothing where there is a report.
    {"seize-stopped", "tracer wait4 1", "nothing", "SEIZE returns when it is trapped"},
    {"untraced-stop", "parent wait4 2", "nothing", "/proc has shown the stop"},
    {"wait-once", "tracer wait4 3", "nothing", "/proc has shown the stop"},
    {"sigcont-trapped", "parent wait4 1", "nothing", "SIGCONT sets the flag at once"},
    {"seize-group-stop", "tracer wait4 3", "ECHILD", "it has a tracee"},
    {"listen-sigkill", "tracer wait4 4", "status 0x9", "it was reaped before"},
    {"not-traced", "tracer wait4 3", "status 0x9", "no such child"},
    // Errors of requests.
    {"attach-group-stop", "tracer GETSIGINFO 1", "ok", "a legacy group-stop has no siginfo"},
    {"seize-group-stop", "tracer GETSIGINFO 2", "EINVAL", "a seized group-stop has a siginfo"},
    {"attach-running", "tracer INTERRUPT 1", "ok", "it was not seized"},
    {"attach-running", "tracer INTERRUPT 2", "ESRCH", "it is a tracee: EIO"},
    {"attach-running", "tracer LISTEN 1", "ok", "it was not seized"},
    {"attach-running", "tracer CONT 1", "ok", "65 is no signal"},
    {"attach-running", "tracer ATTACH 2", "ok", "it is traced"},
    {"listen-errors", "tracer LISTEN 1", "ok", "it is in signal-delivery-stop"},
    {"listen-errors", "tracer LISTEN 4", "ok", "it is in PTRACE_EVENT_EXIT"},
    {"listen-group-stop", "tracer LISTEN 1", "EIO", "it is seized, in PTRACE_EVENT_STOP"},
    {"listen-group-stop", "tracer CONT 2", "ok", "who listens is not stopped for requests"},
    {"listen-group-stop", "tracer INTERRUPT 1", "ESRCH", "INTERRUPT needs no stop"},
    {"kill-trapped", "tracer CONT 1", "ok", "SIGKILL is pending"},
    {"kill-running", "tracer INTERRUPT 1", "ESRCH", "a zombie is a tracee until it is reaped"},
    {"kill-running", "tracer INTERRUPT 2", "ok", "it was reaped"},
    {"kill-running", "tracer SEIZE 2", "ESRCH", "a zombie exists: EPERM"},
    {"seize-running", "tracer CONT 1", "ok", "it runs"},
    {"seize-running", "tracer CONT 2", "EIO", "the stop is asked for before the signal"},
    {"seize-errors", "tracer SEIZE 1", "ok", "an address is given"},
    {"seize-errors", "tracer SEIZE 8", "ok", "it is traced"},
    {"setoptions", "tracer SETOPTIONS 1", "ok", "a bit is unknown"},
    {"zombie-attach", "tracer SEIZE 1", "ok", "it is a zombie"},
    {"traceme", "t0 TRACEME 2", "ok", "it is traced"},
    {"kill-running", "world kill 2", "ok", "it was reaped"},
    {"zombie-attach", "tracer SEIZE 2", "EPERM", "the address is looked at first"},
    {"foreign-requests", "parent CONT 1", "ok", "it is not its tracee"},
    {"foreign-requests", "parent INTERRUPT 1", "EIO", "it is not its tracee: ESRCH"},
    {"foreign-requests", "parent ATTACH 1", "ok", "it is traced"},
    {"foreign-requests", "parent ATTACH 1", "EINVAL", "it is traced: EPERM"},
    {"not-traced", "tracer CONT 2", "ok", "no such process"},
    {"attach-running", "tracer 39321 1", "ok", "the request is unknown"},
    {"pause-restarts", "t0 pause 1", "ok", "pause ends by a signal only"},
    // Siginfo and event messages.
    {"attach-running", "tracer GETSIGINFO 1", "si_code 0", "ATTACH's SIGSTOP is the kernel's"},
    {"two-sigstops", "tracer GETSIGINFO 1", "si_code 0", "the thread's own queue comes first"},
    {"syscall-signal", "tracer GETSIGINFO 1", "si_code 0", "the signal was sent by the kernel"},
    {"signal-inject-blocked", "tracer GETSIGINFO 1", "si_code 0x80", "it is as the tracer's kill"},
    {"seize-interrupt", "tracer GETSIGINFO 1", "si_code 0x8013", "the stop shows SIGTRAP"},
    {"sigcont-trapped", "tracer GETSIGINFO 1", "si_code 0x8005", "the siginfo stays the stop's"},
    {"syscall-sysgood", "tracer GETSIGINFO 1", "si_code 5", "TRACESYSGOOD marks it with 0x80"},
    {"seize-options", "tracer GETSIGINFO 1", "si_code 0x405", "the event is EXIT"},
    {"signal-while-trapped", "tracer GETSIGINFO 1", "signo SIGUSR1", "the stop is not for it"},
    {"exit-event-kill", "tracer GETEVENTMSG 1", "message 9", "it exits with 7"},
    {"kill-exit-event", "tracer GETEVENTMSG 1", "message 0", "SIGKILL kills it"},
    {"syscall-plain", "tracer GETEVENTMSG 1", "message 2", "it is the entry"},
    {"syscall-cont-at-entry", "tracer CONT 1", "ESRCH", "it is stopped at the entry"},
    {"seize-interrupt", "tracer GETEVENTMSG 1", "message 1", "PTRACE_EVENT_STOP has none"},
    // SIGCHLD.
    {"sigchld-codes", "tracer sigchld 2", "si_status 19", "INTERRUPT's stop has no signal"},
    {"sigchld-codes", "tracer sigchld 3", "si_code 5", "a signal-delivery-stop is CLD_TRAPPED"},
    {"sigchld-codes", "tracer sigchld 4", "si_code 4", "a group-stop is CLD_STOPPED"},
    {"sigchld-syscall", "tracer sigchld 2", "si_status 12", "a syscall-stop's signal is SIGTRAP"},
    {"sigchld-continued", "parent sigchld 3", "si_code 5", "the stop was complete: CLD_CONTINUED"},
    {"death-reported-twice", "parent sigchld 2", "EAGAIN", "the tracer's wait tells the parent"},
    {"death-reported-twice", "parent sigchld 2", "si_status 0", "it exited with 5"},
    // The state that /proc shows, handlers.
    {"sigcont-trapped", "world proc_state 1", "state R", "SIGCONT does not end the trap"},
    {"listen-group-stop", "world proc_state 1", "state T", "who listens is trapped"},
    {"attach-stopped", "world proc_state 2", "state T", "ATTACH returns when it is trapped"},
    {"threads-untraced-sibling", "world proc_state 2", "state R", "CONT is for the tracee only"},
    {"signal-inject-other", "t0 handler 1", "signal SIGUSR1", "SIGUSR2 was injected"},
    // Another thread.
    {"threads-signal-sibling", "tracer wait4 2", "thread t0", "t0 is trapped and takes no signal"},
    {"interrupt-one-thread", "tracer INTERRUPT 1", "thread t0", "t1 was not interrupted",
     "tracer wait4 1"},
    {"threads-listening-sibling", "tracer LISTEN 1", "thread t1", "t1 runs"},
    {"threads-tgkill-traced", "world tgkill 1", "thread t0", "t0 is untraced and dies of it",
     "tracer wait4 1"},
    // A call is missing.
    {"seize-interrupt", "tracer INTERRUPT 1", "dropped", "nothing asks for a stop",
     "tracer wait4 1"},
    {"listen-sigcont", "world kill 3", "dropped", "nothing ends LISTEN", "tracer wait4 3"},
    {"listen-sigkill", "world kill 2", "dropped", "nothing kills it", "tracer wait4 3"},
    {"group-stop-cont", "tracer CONT 1", "dropped", "nothing ends the stop", "tracer wait4 2"},
    {"interrupt-collapse", "tracer CONT 1", "dropped", "nothing ends the stop", "tracer wait4 3"},
    {"syscall-plain", "tracer SYSCALL 2", "dropped", "nothing ends the stop", "tracer wait4 3"},
    {"attach-group-stop-cont", "world kill 2", "dropped", "nobody sends SIGCONT", "tracer wait4 5"},
    {"signal-order", "world kill 1", "dropped", "nobody sends SIGTERM", "tracer wait4 4"},
    {"signal-blocked", "t0 rt_sigprocmask 2", "dropped", "SIGUSR1 is blocked", "tracer wait4 2"},
    {"seize-stopped", "world kill 1", "dropped", "nothing stops it", "world proc_state 1"},
    {"tracer-dies-listening", "tracer exit_group 1", "dropped", "it is traced",
     "world proc_state 1"},
    {"detach-sigstop", "tracer SEIZE 1", "dropped", "it is nobody's tracee", "tracer wait4 1"},
    {"threads-group-stop", "tracer SEIZE 2", "dropped", "t1 is nobody's tracee", "tracer wait4 2"},
    {"wait-once", "tracer wait4 1", "dropped", "the report is still there", "tracer wait4 2"},
    {"untraced-stop", "parent wait4 2", "dropped", "the report is still there", "parent wait4 3"},
    {"restop-not-reported", "parent wait4 3", "dropped", "the flag is still there",
     "parent wait4 4"},
    {"death-reported-twice", "tracer wait4 1", "dropped", "the tracer comes first",
     "parent sigchld 2"},
    {"tracer-dies-signal-unwaited", "t0 handler 1", "dropped", "the handler runs first",
     "t0 user 1"},
    // Another order; twice.
    {"stop-then-cont-queued", "world kill 1", "swapped with world kill 2",
     "SIGSTOP flushes SIGCONT", "tracer wait4 3"},
    {"wait-continued-stolen", "tracer wait4 3", "swapped with parent wait4 2",
     "the parent comes first", "parent wait4 2"},
    {"seize-stopped", "tracer SEIZE 1", "swapped with tracer wait4 1", "it is nobody's tracee",
     "tracer wait4 1"},
    {"listen-group-stop", "tracer LISTEN 1", "swapped with tracer CONT 2", "CONT ends the stop",
     "tracer CONT 2"},
    {"signal-blocked", "world kill 1", "signal SIGUSR2", "SIGUSR1 was not sent", "tracer wait4 2"},
    {"seize-group-stop", "tracer wait4 2", "repeated", "it was reported before"},
    {"seize-running", "tracer SEIZE 1", "repeated", "it is traced"},
    {"threads-sigcont-running", "tracer CONT 2", "repeated", "it runs"},
};

std::string role_of(const Trace &trace, pid_t pid) {
  for (const Process &p : trace.processes) {
    const auto thread = std::find(p.threads.begin(), p.threads.end(), pid);
    if (thread == p.threads.end()) continue;
    if (p.role == Role::tracee) return "t" + std::to_string(thread - p.threads.begin());
    return p.role == Role::tracer ? "tracer" : p.role == Role::parent ? "parent" : "world";
  }
  return "?";
}

std::size_t find_call(const Trace &trace, const std::string &text) {
  std::istringstream in(text);
  std::string role, name;
  int k = 0;
  in >> role >> name >> k;
  for (std::size_t i = 0; i < trace.events.size(); ++i) {
    const Event &e = trace.events[i];
    if (role_of(trace, e.pid) != role) continue;
    const std::string request = request_name(e.request);
    const bool is = e.call == Call::ptrace ? request == "PTRACE_" + name || request == name
                                           : call_name(e.call) == name;
    if (is && --k == 0) return i;
  }
  FAIL("no such call: ", text);
  return 0;
}

pid_t thread_named(const Trace &trace, const std::string &name) {
  for (const Process &p : trace.processes)
    for (pid_t tid : p.threads)
      if (role_of(trace, tid) == name) return tid;
  FAIL("no such thread: ", name);
  return 0;
}

void corrupt(Trace &trace, std::size_t at, const std::string &change) {
  Event &e = trace.events[at];
  std::istringstream in(change);
  std::string what, value;
  in >> what;
  std::getline(in >> std::ws, value);
  const auto number = [&] { return std::stoi(value, nullptr, 0); };
  const auto fails = [&](int err) {
    e.ret = -1, e.err = err;
    e.status.reset(), e.siginfo.reset(), e.message.reset();
  };
  if (what == "status") {
    if (*e.ret <= 0) e.ret = e.target;
    e.err = 0, e.status = number();
  } else if (what == "nothing" || what == "ok") {
    e.ret = 0, e.err = 0;
    e.status.reset();
  } else if (const auto err = errno_number(what)) {
    fails(*err);
  } else if (what == "signo") {
    e.siginfo.value().signo = signal_number(value).value();
  } else if (what == "si_code") {
    e.siginfo.value().code = number();
  } else if (what == "si_status") {
    e.siginfo.value().status = number();
  } else if (what == "message") {
    e.message.value() = static_cast<std::uint64_t>(number());
  } else if (what == "state") {
    e.data = static_cast<std::uint64_t>(value.at(0));
  } else if (what == "signal") {
    e.sig = signal_number(value).value();
  } else if (what == "thread") {
    if (e.ret == e.target) e.ret = thread_named(trace, value);
    e.target = thread_named(trace, value);
  } else if (what == "dropped") {
    trace.events.erase(trace.events.begin() + static_cast<std::ptrdiff_t>(at));
  } else if (what == "repeated") {
    Event again = e;
    again.t0 = e.t1;
    trace.events.insert(trace.events.begin() + static_cast<std::ptrdiff_t>(at) + 1, again);
  } else if (what == "swapped") {
    Event &other = trace.events[find_call(trace, value.substr(value.find(' ') + 1))];
    std::swap(e.t0, other.t0);
    std::swap(e.t1, other.t1);
    std::swap(e, other);
  } else {
    FAIL("no such change: ", change);
  }
}

// What a rejection says: the call, and what else it could have shown or why no rule explains it.
void check_divergence(const Trace &trace, const Divergence &d) {
  CHECK(d.line == trace.events.at(d.event).line);
  CHECK(d.observed == describe(trace.events.at(d.event)));
}

TEST_CASE("one fact of a closed world is changed") {
  for (const Corruption &c : kClosed) {
    INFO(c.trace, ": ", c.call, ", ", c.change, ": ", c.why);
    Trace trace = read_trace(kTests / "traces" / (c.trace + ".jsonl"));
    const std::size_t at = find_call(trace, c.call);
    const int line = trace.events[find_call(trace, c.rejected.empty() ? c.call : c.rejected)].line;
    corrupt(trace, at, c.change);
    const ReplayResult result = replay(trace, {});
    CHECK(result.gave_up == "");
    CHECK_FALSE(result.accepted);
    if (!result.divergence) continue;
    CHECK(result.divergence->line == line);
    check_divergence(trace, *result.divergence);
  }
  CHECK(std::size(kClosed) >= 40);
}

TEST_CASE("a rejection says what could have been, and which guards were false") {
  Trace trace = read_trace(kTests / "traces/attach-group-stop.jsonl");
  corrupt(trace, find_call(trace, "tracer GETSIGINFO 1"), "ok");
  const ReplayResult result = replay(trace, {});
  REQUIRE(result.divergence);
  CHECK(result.divergence->allowed == std::vector<std::string>{"-1 EINVAL"});
  REQUIRE(result.divergence->blocked_by.size() == 1);
  CHECK(result.divergence->blocked_by[0].rule == "getsiginfo(t0)");
  CHECK(result.divergence->blocked_by[0].guard == "the stop has a siginfo");
}

// ---- Open worlds --------------------------------------------------------------------------------

// A line of an strace log, from 1: `from` becomes `to`. Nothing becomes a new line after it, and
// nothing becomes nothing where the line is dropped. What is left impossible must be so although
// strangers may send signals, the tracee runs any code, and siblings may stop, exit and exec where
// the tracee may have any.
struct LogCorruption {
  std::string log;
  int line;
  std::string from, to, why;
  int rejected;  // the line, of the changed log
};

const LogCorruption kOpen[] = {
    // What wait reports.
    {"eu-stack", 3, "SIGSTOP}", "SIGSTOP}|PTRACE_EVENT_STOP<<16", "it was ATTACHed", 3},
    {"eu-stack", 3, "SIGSTOP}", "SIGTRAP | 0x80}", "nobody uses SYSCALL", 3},
    {"eu-stack", 3, "SIGSTOP}", "SIGTRAP}|PTRACE_EVENT_EXIT<<16", "TRACEEXIT is not set", 3},
    {"eu-stack", 3, "SIGSTOP}", "SIGKILL}", "SIGKILL gives no stop", 3},
    {"rr-ptrace_sigchld_blocked", 5, "SIGSEGV}", "SIGSEGV}|PTRACE_EVENT_STOP<<16",
     "PTRACE_EVENT_STOP shows SIGTRAP or a stop signal", 5},
    {"rr-ptrace_exec", 23, "SIGTRAP}", "SIGTRAP | 0x80}", "TRACESYSGOOD is not set", 23},
    {"rr-ptrace_exec", 26, "EVENT_EXEC", "EVENT_FORK", "TRACEFORK is not set", 26},
    {"rr-ptrace_exec", 26, "EVENT_EXEC", "EVENT_EXIT", "TRACEEXIT is not set", 26},
    {"rr-ptrace_exec", 18, "PTRACE_O_TRACEEXEC", "0", "TRACEEXEC is not set", 26},
    {"rr-ptrace_trace_clone", 5, "EVENT_FORK", "EVENT_VFORK", "TRACEVFORK is not set", 5},
    {"rr-ptrace_trace_clone", 3, "|PTRACE_O_TRACECLONE", "", "TRACECLONE is not set", 19},
    {"rr-ptrace_syscall", 24, "WIFEXITED(s) && WEXITSTATUS(s) == 77",
     "WIFSTOPPED(s) && WSTOPSIG(s) == SIGTRAP | 0x80", "CONT ends the syscall-stops", 24},
    {"strace-p-stopped-kill", 51, "SIGTRAP}|PTRACE_EVENT_EXIT<<16", "SIGTRAP | 0x80}",
     "who listens leaves to PTRACE_EVENT_STOP or to death", 51},
    {"strace-p-running", 57, "WIFSTOPPED(s) && WSTOPSIG(s) == SIGTRAP}|PTRACE_EVENT_EXIT<<16",
     "WIFCONTINUED(s)}", "WCONTINUED was not given", 57},
    {"eu-stack", 2, "", "", "nobody attached to it", 2},
    {"rr-ptrace_syscall", 18, "SIGTRAP | 0x80}", "SIGTRAP}|PTRACE_EVENT_STOP<<16",
     "nothing traps between a system call's entry and its exit", 18},
    {"strace-p-stopped-kill", 51, "SIGTRAP}|PTRACE_EVENT_EXIT<<16", "SIGTERM}",
     "who listens leaves to PTRACE_EVENT_STOP or to death", 51},
    // What wait reports twice, or not at all.
    {"eu-stack", 6, "",
     "wait4(14685, [{WIFSTOPPED(s) && WSTOPSIG(s) == SIGSTOP}], __WALL, NULL) = 14685",
     "it was DETACHed", 7},
    {"strace-p-running", 61, "",
     "wait4(-1, [{WIFSIGNALED(s) && WTERMSIG(s) == SIGTERM}], __WALL, NULL) = 13882",
     "the death was reported before", 62},
    {"rr-kill_ptracee", 10, "",
     "wait4(32285, [{WIFSTOPPED(s) && WSTOPSIG(s) == SIGSTOP}], 0, NULL) = 32285", "it was reaped",
     11},
    {"strace-of-strace-attach", 7, "", "", "its own child was not reaped", 45},
    {"eu-stack", 3, "",
     "wait4(14685, [{WIFSTOPPED(s) && WSTOPSIG(s) == SIGSTOP}], __WALL, NULL) = 14685",
     "the stop was reported before", 4},
    {"strace-p-running", 47, "",
     "wait4(-1, [{WIFSTOPPED(s) && WSTOPSIG(s) == SIGTRAP}|PTRACE_EVENT_STOP<<16], __WALL, NULL) = "
     "13882",
     "the stop was reported before", 48},
    {"rr-kill_ptracee", 5, "",
     "wait4(32285, [{WIFSTOPPED(s) && WSTOPSIG(s) == SIGSTOP}], 0, NULL) = 32285",
     "the stop was reported before, and it had no time to become several threads", 6},
    {"rr-ptrace_sigchld_blocked", 5, "",
     "wait4(32574, [{WIFSTOPPED(s) && WSTOPSIG(s) == SIGSEGV}], 0, NULL) = 32574",
     "the same of another signal", 6},
    {"strace-f-daemon", 74, "",
     "wait4(-1, [{WIFSTOPPED(s) && WSTOPSIG(s) == SIGTRAP | 0x80}], __WALL, NULL) = 27881",
     "the stop was reported before, and execve has left it alone", 75},
    {"strace-f-daemon", 73, "", "", "it was not resumed", 73},
    {"strace-f-daemon", 70, "= 27881", "= 27999", "its parent has made no child", 70},
    {"strace-p-running", 63, "-1 ECHILD (No child processes)", "0", "WNOHANG was not given", 63},
    {"strace-p-running", 34, "[{WIFEXITED(s) && WEXITSTATUS(s) == 0}], 0, NULL) = 13891",
     "NULL, 0, NULL) = -1 ECHILD (No child processes)", "its own child was not reaped", 34},
    // Requests that fail.
    {"strace-p-running", 46, "0", "-1 EIO (Input/output error)", "it was SEIZEd", 46},
    {"strace-p-running", 46, "0", "-1 EPERM (Operation not permitted)",
     "INTERRUPT needs no permission", 46},
    {"strace-p-running", 53, "{si_signo=SIGTERM, si_code=SI_USER, si_pid=13884, si_uid=0}) = 0",
     "0x7ffe0d283200) = -1 EINVAL (Invalid argument)", "who was SEIZEd has a siginfo", 53},
    {"strace-p-running", 55, "SIGTERM) = 0", "SIGTERM) = -1 EIO (Input/output error)",
     "SIGTERM is a signal", 55},
    {"strace-p-running", 45, "= 0", "= -1 EIO (Input/output error)", "all options are known", 45},
    {"eu-stack", 2, "= 0", "= -1 EINVAL (Invalid argument)", "ATTACH has no argument", 2},
    // Requests that succeed.
    {"eu-stack", 3, "", "ptrace(PTRACE_INTERRUPT, 14685) = 0", "it was ATTACHed", 4},
    {"eu-stack", 3, "", "ptrace(PTRACE_LISTEN, 14685) = 0", "it was ATTACHed", 4},
    {"strace-p-running", 57, "", "ptrace(PTRACE_LISTEN, 13882) = 0", "it is in PTRACE_EVENT_EXIT",
     58},
    {"strace-p-running", 61, "", "ptrace(PTRACE_SYSCALL, 13882, NULL, 0) = 0", "it was reaped", 62},
    {"strace-p-running", 61, "", "ptrace(PTRACE_INTERRUPT, 13882) = 0", "it was reaped", 62},
    {"eu-stack", 6, "", "ptrace(PTRACE_CONT, 14685, NULL, 0) = 0", "it was DETACHed", 7},
    {"scanmem.raw", 93, "-1 ESRCH (No such process)", "0", "it was DETACHed", 93},
    {"strace-p-running", 55, "PTRACE_SYSCALL, 13882, NULL, SIGTERM", "PTRACE_LISTEN, 13882",
     "it is in signal-delivery-stop", 55},
    // What they show.
    {"strace-p-running", 53, "si_signo=SIGTERM", "si_signo=SIGUSR1", "the stop is for SIGTERM", 53},
    {"strace-f-daemon", 71, "[27881]", "[27999]", "no such thread has called execve", 71},
    {"rr-ptrace_syscall", 6, "", "ptrace(PTRACE_GETEVENTMSG, 32648, NULL, [12345]) = 0",
     "PTRACE_EVENT_STOP has no message", 7},
    {"strace-p-stopped-kill", 48, "",
     "ptrace(PTRACE_GETSIGINFO, 14989, NULL, {si_signo=SIGSTOP, si_code=SI_USER, si_pid=1, "
     "si_uid=0}) = 0",
     "si_code is the stop's", 49},
    {"rr-ptrace_syscall", 9, "", "ptrace(PTRACE_GETEVENTMSG, 32648, NULL, [2]) = 0",
     "it is the entry", 10},
    {"rr-ptrace_syscall", 18, "", "ptrace(PTRACE_GETEVENTMSG, 32648, NULL, [1]) = 0",
     "it is the exit", 19},
};

TEST_CASE("one fact of an open world is changed") {
  for (const LogCorruption &c : kOpen) {
    INFO(c.log, ".strace:", c.line, ": ", c.from, " -> ", c.to, ": ", c.why);
    std::ifstream in(kTests / "strace" / (c.log + ".strace"));
    std::string text;
    int number = 0;
    for (std::string line; std::getline(in, line);) {
      if (++number != c.line) {
        text += line + "\n";
        continue;
      }
      const std::string time = line.substr(0, line.find(' ') + 1);
      if (!c.from.empty()) {
        const std::size_t at = line.rfind(c.from);
        REQUIRE(at != line.npos);
        text += line.replace(at, c.from.size(), c.to) + "\n";
      } else if (!c.to.empty()) {
        text += line + "\n" + time + c.to + "\n";
      }
    }
    REQUIRE(number >= c.line);
    in.clear();
    in.seekg(-1, std::ios::end);
    if (in.get() != '\n') text.pop_back();  // the log is cut
    std::istringstream changed(text);
    const Trace trace = read_strace(changed, c.log);
    const ReplayResult result = replay(trace, {});
    CHECK(result.gave_up == "");
    CHECK_FALSE(result.accepted);
    if (!result.divergence) continue;
    CHECK(result.divergence->line == c.rejected);
    check_divergence(trace, *result.divergence);
  }
  CHECK(std::size(kOpen) >= 30);
}

}  // namespace
}  // namespace ptmc::traces
