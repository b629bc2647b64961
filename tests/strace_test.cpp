// strace logs: what every form of a line means, written by hand from strace's manual and source;
// the recorded logs of tests/strace; and that no text, cut or malformed, does harm.
#include "traces/strace.hpp"
#include <doctest/doctest.h>
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <regex>
#include <sstream>
#include "model/input_error.hpp"
#include "traces/trace.hpp"

namespace ptmc::traces {
namespace {

const std::filesystem::path kLogs = std::filesystem::path(PTMC_SOURCE_DIR) / "tests/strace";

Trace parse(const std::string &text) {
  std::istringstream in(text);
  return read_strace(in, "log");
}

// The only event of a log.
Event only(const std::string &text) {
  const Trace trace = parse(text);
  REQUIRE(trace.events.size() == 1);
  return trace.events[0];
}

std::string complaint(const std::string &text) {
  try {
    parse(text);
  } catch (const InputError &error) {
    return error.what();
  }
  return "";
}

std::string contents(const std::filesystem::path &file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// All that an event says, but its times and line.
std::string meaning(const Event &e) {
  std::ostringstream out;
  out << call_name(e.call) << " pid=" << e.pid << " request=" << e.request << " target=" << e.target
      << " tgid=" << e.tgid << " sig=" << e.sig << " addr=" << e.addr << " data=" << e.data
      << " options=" << e.options << " how=" << e.how << " mask=" << e.mask
      << " disposition=" << static_cast<int>(e.disposition) << " err=" << e.err;
  if (e.ret) out << " ret=" << *e.ret;
  if (e.status) out << " status=" << *e.status;
  if (e.message) out << " message=" << *e.message;
  if (const auto &info = e.siginfo)
    out << " siginfo=" << info->signo << ',' << info->code << ',' << info->pid << ','
        << info->status;
  return out.str();
}

// ---- Forms --------------------------------------------------------------------------------------

struct Form {
  std::vector<std::string> lines;  // all mean the same
  Event event;
};

void check(const std::vector<Form> &forms) {
  for (const Form &form : forms) {
    for (const std::string &line : form.lines) {
      INFO(line);
      CHECK(meaning(only(line + "\n")) == meaning(form.event));
    }
  }
}

constexpr long kSeize = 0x4206, kGetsiginfo = 0x4202, kGeteventmsg = 0x4201;

TEST_CASE("ptrace") {
  check({
      {{"ptrace(PTRACE_TRACEME)   = 0", "ptrace(0)  = 0 <0.000012>",
        "ptrace(0 /* PTRACE_TRACEME */) = 0"},
       {.call = Call::ptrace, .request = 0, .ret = 0}},
      {{"ptrace(PTRACE_ATTACH, 500)              = -1 EPERM (Operation not permitted)",
        "ptrace(0x10, 500) = -1 EPERM (Operation not permitted) <0.000012>",
        "ptrace(0x10, 0x1f4) = -1 (errno 1)"},
       {.call = Call::ptrace, .request = 16, .target = 500, .ret = -1, .err = 1}},
      {{"ptrace(PTRACE_SEIZE, 500, NULL, PTRACE_O_TRACESYSGOOD|PTRACE_O_TRACEFORK|0x400) = 0",
        "ptrace(0x4206, 500, NULL, 0x403) = 0",
        "ptrace(0x4206 /* PTRACE_SEIZE */, 500, NULL, 0x403 /* "
        "PTRACE_O_TRACESYSGOOD|PTRACE_O_TRACEFORK|0x400 */) = 0",
        "ptrace(op=PTRACE_SEIZE, pid=500, addr=NULL, "
        "data=PTRACE_O_TRACESYSGOOD|PTRACE_O_TRACEFORK|0x400) = 0"},
       {.call = Call::ptrace, .request = kSeize, .target = 500, .data = 0x403, .ret = 0}},
      {{"ptrace(PTRACE_CONT, 500, 0x1, SIGCHLD) = 0", "ptrace(0x7, 500, 0x1, 17) = 0",
        "ptrace(0x7 /* PTRACE_CONT */, 500, 0x1, 17 /* SIGCHLD */) = 0",
        "ptrace(PTRACE_CONT, 500<tmux: (a, b>, 0x1, SIGCHLD) = 0",
        "ptrace(PTRACE_CONT, 500 /* 9 in strace's PID NS */, 0x1, SIGCHLD) = 0 (DELAYED)",
        "ptrace(PTRACE_CONT, 500, 1, SIGCHLD) = 0"},
       {.call = Call::ptrace, .request = 7, .target = 500, .addr = 1, .data = 17, .ret = 0}},
      {{"ptrace(PTRACE_DETACH, 500, NULL, SIG_0) = 0", "ptrace(PTRACE_DETACH, 500, NULL, 0) = 0"},
       {.call = Call::ptrace, .request = 17, .target = 500, .ret = 0}},
      {{"ptrace(PTRACE_SYSCALL, 500, NULL, SIGRT_2) = ?",
        "ptrace(0x18, 500, NULL, 34) = ? <unavailable>"},
       {.call = Call::ptrace, .request = 24, .target = 500, .data = 34}},
      {{"ptrace(PTRACE_PEEKUSER, 500, 8*RIP, [0x7ffff7fe7a74]) = 0",
        "ptrace(0x3, 500, 0x80, [0x7ffff7fe7a74]) = 0"},
       {.call = Call::ptrace, .request = 3, .target = 500, .ret = 0}},
      {{"ptrace(PTRACE_GETREGS, 500, {r15=0, ds=0}) = -1 ESRCH (No such process)",
        "ptrace(0xc, 500, 0x7ffe0000) = -1 ESRCH (No such process)"},
       {.call = Call::ptrace, .request = 12, .target = 500, .ret = -1, .err = 3}},
      {{"ptrace(PTRACE_SETSIGMASK, 500, 8, [HUP CHLD RTMIN RT_1]) = 0",
        "ptrace(0x420b, 500, 8, [1 17 32 33]) = 0",
        "ptrace(0x420b /* PTRACE_SETSIGMASK */, 500, 8, [1 /* HUP */ 17 /* CHLD */ 32 /* RTMIN */ "
        "33 /* RT_1 */]) = 0"},
       {.call = Call::ptrace,
        .request = 0x420b,
        .target = 500,
        .addr = 8,
        .mask = 0x180010001,
        .ret = 0}},
      // The tracer's strace answered: the kernel did nothing.
      {{"ptrace(PTRACE_CONT, 500, NULL, SIG_0) = -1 ESRCH (No such process) (INJECTED)"},
       {.call = Call::other, .ret = -1, .err = 3}},
  });
}

TEST_CASE("ptrace: siginfo and event message") {
  const auto info = [](const char *text) {
    return std::string("ptrace(PTRACE_GETSIGINFO, 500, NULL, ") + text + ") = 0";
  };
  const Event call{.call = Call::ptrace, .request = kGetsiginfo, .target = 500, .ret = 0};
  const auto got = [&](Siginfo siginfo) {
    Event event = call;
    event.siginfo = siginfo;
    return event;
  };
  check({
      {{info("{si_signo=SIGSTOP, si_code=SI_TKILL, si_pid=31554, si_uid=0}"),
        info("{si_signo=19, si_code=0xfffffffa, si_pid=31554<gdb>, si_uid=0}"),
        info("{si_signo=19 /* SIGSTOP */, si_code=-6 /* SI_TKILL */, si_pid=31554, si_uid=0}")},
       got({19, -6, 31554, 0})},
      {{info("{si_signo=SIGSTOP, si_code=SI_KERNEL}"), info("{si_signo=19, si_code=0x80}")},
       got({19, 0x80, 0, 0})},
      {{info("{si_signo=SIGTRAP, si_code=TRAP_TRACE, si_addr=0x7ffff7fe7a74}"),
        info("{si_signo=5, si_code=0x2, si_addr=0x7ffff7fe7a74}")},
       got({5, 2, 0, 0})},
      // An event of ptrace: what strace takes for an address is the pid, and the uid above it.
      {{info("{si_signo=SIGTRAP, si_code=0x605, si_addr=0x3e800007c6e}")},
       got({5, 0x605, 0x7c6e, 0})},
      {{info("{si_signo=SIGTRAP, si_code=0x85, si_addr=0x201}")}, got({5, 0x85, 0x201, 0})},
      {{info("{si_signo=SIGCHLD, si_code=CLD_KILLED, si_pid=7, si_uid=0, si_status=SIGSEGV, "
             "si_utime=0, si_stime=1 /* 0.01 s */}"),
        info("{si_signo=17, si_code=0x2, si_pid=7, si_uid=0, si_status=11, si_utime=0, "
             "si_stime=1}")},
       got({17, 2, 7, 11})},
      {{"ptrace(PTRACE_GETSIGINFO, 500, NULL, 0x7ffe0000) = -1 EINVAL (Invalid argument)"},
       {.call = Call::ptrace, .request = kGetsiginfo, .target = 500, .ret = -1, .err = 22}},
      {{"ptrace(PTRACE_GETEVENTMSG, 500, NULL, [1234]) = 0",
        "ptrace(0x4201, 500, NULL, [1234]) = 0"},
       {.call = Call::ptrace, .request = kGeteventmsg, .target = 500, .ret = 0, .message = 1234}},
      {{"ptrace(PTRACE_GETEVENTMSG, 500, NULL, [PTRACE_EVENTMSG_SYSCALL_EXIT]) = 0"},
       {.call = Call::ptrace, .request = kGeteventmsg, .target = 500, .ret = 0, .message = 2}},
      {{"ptrace(PTRACE_GETEVENTMSG, 500, NULL, 0x7ffe0000) = -1 ESRCH (No such process)"},
       {.call = Call::ptrace, .request = kGeteventmsg, .target = 500, .ret = -1, .err = 3}},
  });
}

TEST_CASE("wait") {
  const std::pair<const char *, int> statuses[] = {
      {"[{WIFSTOPPED(s) && WSTOPSIG(s) == SIGTRAP}]", 0x057f},
      {"[{WIFSTOPPED(s) && WSTOPSIG(s) == SIGTRAP | 0x80}]", 0x857f},
      {"[{WIFSTOPPED(s) && WSTOPSIG(s) == SIGRT_31}]", 0x3f7f},
      {"[{WIFSTOPPED(s) && WSTOPSIG(s) == SIGTRAP}|PTRACE_EVENT_FORK<<16]", 0x1057f},
      {"[{WIFSTOPPED(s) && WSTOPSIG(s) == SIGTRAP}|0x6<<16]", 0x6057f},
      {"[{WIFSTOPPED(s) && WSTOPSIG(s) == SIGTSTP}|0x80 /* PTRACE_EVENT_STOP */<<16]", 0x80147f},
      {"[{WIFSTOPPED(s) && WSTOPSIG(s) == SIGTRAP} | 0x30000]", 0x3057f},
      {"[{WIFEXITED(s) && WEXITSTATUS(s) == 7}]", 0x700},
      {"[{WIFSIGNALED(s) && WTERMSIG(s) == SIGKILL}]", 9},
      {"[{WIFSIGNALED(s) && WTERMSIG(s) == SIGSEGV && WCOREDUMP(s)}]", 0x8b},
      {"[{WIFCONTINUED(s)}]", 0xffff},
      {"[0x137f]", 0x137f},
  };
  for (const auto &[text, status] : statuses)
    check({{{std::string("wait4(-1, ") + text + ", __WALL, NULL) = 500",
             std::string("wait4(-1, ") + text + ", 0x40000000, NULL) = 500",
             std::string("waitpid(-1, ") + text + ", 0x40000000 /* __WALL */) = 500<sh>"},
            {.call = Call::wait4,
             .target = -1,
             .options = 0x40000000,
             .ret = 500,
             .status = status}}});
  check({
      {{"wait4(500, 0x7ffda49e28cc, WNOHANG|__WALL, NULL) = 0",
        "wait4(500, 0x7ffda49e28cc, 0x40000001, NULL) = 0",
        "wait4(0x1f4, NULL, 0x40000001, 0) = 0"},
       {.call = Call::wait4, .target = 500, .options = 0x40000001, .ret = 0}},
      {{"wait4(-1, 0x7ffe, WSTOPPED|WCONTINUED|__WNOTHREAD, NULL) = -1 ECHILD (No child processes)",
        "wait4(0xffffffff, 0x7ffe, 0x2000000a, 0) = -1 ECHILD (No child processes)"},
       {.call = Call::wait4, .target = -1, .options = 0x2000000a, .ret = -1, .err = 10}},
      {{"wait4(-1, 0x7ffe, 0, NULL) = ? ERESTARTSYS (To be restarted if SA_RESTART is set)",
        "wait4(-1, 0x7ffe, 0, NULL) = -1 EINTR (Interrupted system call)"},
       {.call = Call::wait4, .target = -1, .ret = -1, .err = 4}},
      {{"wait4(-1,  <unfinished ...>) = ?", "wait4(-1,  <unfinished ...>",
        "wait4(-1,  <detached ...>"},
       {.call = Call::wait4, .target = -1}},
      {{"waitid(P_PID, 500, {si_signo=SIGCHLD, si_code=CLD_TRAPPED, si_pid=500, si_uid=0, "
        "si_status=1541, si_utime=0, si_stime=0}, WEXITED|WNOWAIT, NULL) = 0",
        "waitid(0x1, 500, {si_signo=17, si_code=0x4, si_pid=500, si_uid=0, si_status=1541}, "
        "0x1000004, NULL) = 0",
        "waitid(P_PIDFD, 3</proc/500>, {si_signo=17, si_code=0x4, si_pid=500, si_uid=0, "
        "si_status=1541}, 0x1000004, NULL) = 0"},
       {.call = Call::waitid,
        .target = 500,
        .options = 0x1000004,
        .ret = 0,
        .siginfo = Siginfo{17, 4, 500, 1541}}},
      {{"waitid(P_ALL, 0, {}, WNOHANG|WEXITED, NULL) = 0", "waitid(0, 7, {}, 0x5, NULL) = 0"},
       {.call = Call::waitid, .target = -1, .options = 5, .ret = 0, .siginfo = Siginfo{}}},
      {{"waitid(P_PGID, 500, NULL, WEXITED, NULL) = -1 ECHILD (No child processes)"},
       {.call = Call::waitid, .target = -500, .options = 4, .ret = -1, .err = 10}},
  });
}

TEST_CASE("signals and processes") {
  check({
      {{"kill(-500, SIGCONT)  = 0", "kill(-500, 18) = 0"},
       {.call = Call::kill, .target = -500, .sig = 18, .ret = 0}},
      {{"kill(500, 0) = -1 ESRCH (No such process)"},
       {.call = Call::kill, .target = 500, .ret = -1, .err = 3}},
      {{"tkill(501, SIGSTOP) = 0", "tkill(501<ls>, 19 /* SIGSTOP */) = 0"},
       {.call = Call::tgkill, .target = 501, .sig = 19, .ret = 0}},
      {{"tgkill(500, 501, SIGRTMIN) = 0", "tgkill(500, 501, 32) = 0"},
       {.call = Call::tgkill, .target = 501, .tgid = 500, .sig = 32, .ret = 0}},
      {{"rt_sigprocmask(SIG_BLOCK, [CHLD], [], 8) = 0", "rt_sigprocmask(0, [17], NULL, 8) = 0"},
       {.call = Call::rt_sigprocmask, .how = 0, .mask = 0x10000, .ret = 0}},
      {{"rt_sigprocmask(SIG_SETMASK, ~[HUP], NULL, 8) = 0",
        "rt_sigprocmask(0x2, ~[1], NULL, 8) = 0",
        "rt_sigprocmask(0x2 /* SIG_SETMASK */, ~[1 /* HUP */], NULL, 8) = 0"},
       {.call = Call::rt_sigprocmask, .how = 2, .mask = ~std::uint64_t{1}, .ret = 0}},
      {{"rt_sigprocmask(SIG_UNBLOCK, [], [HUP], 8) = 0"},
       {.call = Call::rt_sigprocmask, .how = 1, .ret = 0}},
      {{"rt_sigprocmask(SIG_BLOCK, NULL, [CHLD], 8) = 0"}, {.call = Call::other, .ret = 0}},
      {{"rt_sigaction(SIGCHLD, {sa_handler=SIG_IGN, sa_mask=[], sa_flags=SA_RESTORER|SA_RESTART, "
        "sa_restorer=0x7f00}, NULL, 8) = 0",
        "rt_sigaction(17, {sa_handler=0x1, sa_mask=[], sa_flags=0x14000000, sa_restorer=0x7f00}, "
        "NULL, 8) = 0",
        "rt_sigaction(17 /* SIGCHLD */, {sa_handler=0x1 /* SIG_IGN */, sa_mask=[], sa_flags=0}, "
        "NULL, 8) = 0"},
       {.call = Call::rt_sigaction, .sig = 17, .disposition = Disposition::ignore, .ret = 0}},
      {{"rt_sigaction(SIGCHLD, {sa_handler=SIG_DFL, sa_mask=[], sa_flags=0}, NULL, 8) = 0",
        "rt_sigaction(17, {sa_handler=0, sa_mask=[], sa_flags=0}, NULL, 8) = 0"},
       {.call = Call::rt_sigaction, .sig = 17, .ret = 0}},
      {{"rt_sigaction(SIGINT, {sa_handler=0x560917a67dd0, sa_mask=[], sa_flags=0}, NULL, 8) = 0"},
       {.call = Call::rt_sigaction, .sig = 2, .disposition = Disposition::handle, .ret = 0}},
      {{"rt_sigaction(SIGCHLD, NULL, {sa_handler=SIG_DFL, sa_mask=[], sa_flags=0}, 8) = 0"},
       {.call = Call::other, .ret = 0}},
      {{"vfork()               = 501", "fork() = 501",
        "clone(child_stack=NULL, flags=SIGCHLD) = 501",
        "clone3({flags=0x3d0f00, exit_signal=0} => {parent_tid=[501]}, 88) = 501"},
       {.call = Call::fork, .ret = 501}},
      {{"execve(\"/bin/a) = 5\", [\"\\\"a, (b\"], [/* env */]) = -1 ENOENT (No such file or "
        "directory)"},
       {.call = Call::execve, .ret = -1, .err = 2}},
      {{"exit_group(7)           = ?", "exit_group(7 <unfinished ...>"},
       {.call = Call::exit_group, .data = 7}},
      {{"exit(7) = ?", "_exit(7) = ?"}, {.call = Call::exit, .data = 7}},
      {{"openat(AT_FDCWD</>, \"a\", O_RDONLY) = 3</tmp/a>", "syscall_0xffffffff(0x1) = 3"},
       {.call = Call::other, .ret = 3}},
      {{"--- SIGCHLD {si_signo=SIGCHLD, si_code=CLD_EXITED, si_pid=7, si_uid=0, si_status=0, "
        "si_utime=0, si_stime=0} ---",
        "--- SIGCHLD {si_signo=17, si_code=0x1, si_pid=7, si_uid=0, si_status=0, si_utime=0, "
        "si_stime=0} ---"},
       {.call = Call::sigchld, .ret = 0, .siginfo = Siginfo{17, 1, 7, 0}}},
      {{"--- SIGINT {si_signo=SIGINT, si_code=SI_USER, si_pid=7, si_uid=0} ---",
        "--- stopped by SIGCHLD ---"},
       {.call = Call::other, .ret = 0}},
      {{"+++ exited with 7 +++"}, {.call = Call::died, .ret = 0, .status = 0x700}},
      {{"+++ killed by SIGKILL +++"}, {.call = Call::died, .ret = 0, .status = 9}},
      {{"+++ killed by SIGABRT (core dumped) +++"}, {.call = Call::died, .ret = 0, .status = 0x86}},
  });
}

// ---- Times and threads --------------------------------------------------------------------------

using Interval = std::pair<std::uint64_t, std::uint64_t>;

std::vector<Interval> intervals(const std::string &text) {
  std::vector<Interval> all;
  for (const Event &event : parse(text).events) all.emplace_back(event.t0, event.t1);
  return all;
}

TEST_CASE("times") {
  constexpr std::uint64_t kSecond = 1'000'000'000, kDay = 86'400 * kSecond;
  using Intervals = std::vector<Interval>;
  CHECK(intervals("getpid() = 1\n\ngetpid() = 1\n") == Intervals{{1, 2}, {3, 3}});
  CHECK(intervals("1.5 getpid() = 1\n1.25 getpid() = 1 <0.5>\n") ==  // -r
        Intervals{{1'500'000'000, 2'749'999'999}, {2'750'000'000, 3'250'000'000}});
  CHECK(
      intervals("1795423896.000001 getpid() = 1 <0.000005>\n1795423896.000009123 getpid() = 1\n") ==
      Intervals{{1795423896'000001000, 1795423896'000006000},
                {1795423896'000009123, 1795423896'000009123}});
  CHECK(intervals("23:59:59 getpid() = 1\n00:00:01.000002 getpid() = 1\n") ==
        Intervals{{kDay - kSecond, kDay + kSecond + 1999},
                  {kDay + kSecond + 2000, kDay + kSecond + 2000}});
  // Whole seconds, and a clock that was set back: the order of the lines stays.
  CHECK(intervals("10:00:00 getpid() = 1\n10:00:00 getpid() = 1 <9.0>\n09:59:59 getpid() = 1\n") ==
        Intervals{{36'000 * kSecond, 36'000 * kSecond},
                  {36'000 * kSecond + 1, 36'000 * kSecond + 1},
                  {36'000 * kSecond + 2, 36'000 * kSecond + 2}});
  const Event event = only(
      "300<gdb> 1795447896.865204 (+     0.001709) [ 101] [00007f970271d34a] getpid() = 1\n > "
      "/usr/lib/libc.so.6(ptrace+0x5a) [0xff34a]\n");
  CHECK(event.pid == 300);
  CHECK(event.t0 == 1795447896'865204000);
}

TEST_CASE("threads: halves of calls, signals, deaths, and execve by another thread") {
  const Trace trace = read_trace(kLogs / "hand-threads.strace");
  CHECK(trace.tracer == 300);
  CHECK(trace.world == World::open);
  std::vector<std::tuple<int, pid_t, Call, std::uint64_t, std::uint64_t>> all;
  for (const Event &e : trace.events)
    all.emplace_back(e.line, e.pid, e.call, e.t0 - 36'000'000'000'000, e.t1 - 36'000'000'000'000);
  CHECK(all == decltype(all){{1, 300, Call::fork, 100'000, 120'000},
                             {4, 301, Call::wait4, 200'000, 400'000},
                             {5, 300, Call::ptrace, 300'000, 400'001},
                             {6, 300, Call::ptrace, 500'000, 530'000},
                             {10, 301, Call::wait4, 600'000, 900'000},
                             {8, 300, Call::kill, 700'000, 710'000},
                             {9, 300, Call::sigchld, 710'000, 800'000},
                             {14, 301, Call::execve, 1'000'000, 1'300'000},
                             {12, 300, Call::wait4, 1'100'000, 1'200'000},
                             {13, 300, Call::other, 1'100'000, 1'200'000},
                             {15, 300, Call::exit_group, 1'400'000, 1'500'000},
                             {16, 300, Call::died, 1'400'000, 1'500'000}});
  CHECK(trace.events[1].ret == 500);
  CHECK(trace.events[1].status == 0x80057f);
  CHECK(trace.events[1].options == 0x40000000);
  CHECK(trace.events[4].ret == -1);
  CHECK(trace.events[4].err == 4);
  CHECK_FALSE(trace.events[8].ret);
  CHECK(parse("7 wait4(-1,  <unfinished ...>\n").events[0].t1 == UINT64_MAX);
}

TEST_CASE("a terminal shows pids only while there are several processes") {
  const Trace trace = read_trace(kLogs / "hand-terminal.strace");
  CHECK(trace.tracer == 700);
  std::vector<std::tuple<int, pid_t, Call>> all;
  for (const Event &e : trace.events) all.emplace_back(e.line, e.pid, e.call);
  CHECK(all == decltype(all){{1, 700, Call::execve},
                             {3, 700, Call::fork},
                             {6, 701, Call::exit_group},
                             {7, 701, Call::died},
                             {8, 700, Call::wait4},
                             {9, 700, Call::sigchld},
                             {11, 700, Call::ptrace},
                             {12, 700, Call::exit_group},
                             {13, 700, Call::died}});
  // strace -q does not say who is new: whoever speaks while the first is inside a call.
  const Trace quiet = parse(
      "clone(flags=SIGCHLD <unfinished ...>\n[pid  8] getpid() = 8\n[pid  7] <... clone resumed>) "
      "= 8\n");
  CHECK(quiet.events[0].pid == 7);
  CHECK(quiet.events[1].pid == 8);
  CHECK(parse("strace: Process 9 attached\ngetpid() = 9\n").tracer == 9);
}

// ---- Harm ---------------------------------------------------------------------------------------

TEST_CASE("malformed lines are named") {
  const std::string good = "ptrace(PTRACE_ATTACH, 500) = 0\n";
  const std::pair<const char *, const char *> bad[] = {
      {"ptrace(PTRACE_CONT, 500, NULL, 0)",
       "expected a call and its result, not \"ptrace(PTRACE_CONT, 500, NULL, 0)\""},
      {"ptrace(PTRACE_FOO, 500) = 0", "expected a ptrace request, not \"PTRACE_FOO\""},
      {"ptrace(PTRACE_CONT, 500, NULL, SIGFOO) = 0", "expected a signal, not \"SIGFOO\""},
      {"ptrace(PTRACE_CONT, 500) = 0", "expected an address before the end of the line"},
      {"ptrace(PTRACE_SEIZE, 500, 0, PTRACE_O_FOO) = 0",
       "expected options of ptrace, not \"PTRACE_O_FOO\""},
      {"ptrace(PTRACE_GETSIGINFO, 500, NULL, [7]) = 0", "expected a siginfo, not \"[7]\""},
      {"wait4(foo, NULL, 0, NULL) = 0", "expected a pid, not \"foo\""},
      {"wait4(-1, [{WIFSLEPT(s)}], 0, NULL) = 5", "expected a wait status, not \"{WIFSLEPT(s)}]\""},
      {"wait4(-1, NULL, WFOO, NULL) = 5", "expected options of wait, not \"WFOO\""},
      {"rt_sigprocmask(SIG_BLOCK, [CHLD, NULL, 8) = 0",
       "expected a set of signals, not \"[CHLD, NULL, 8\""},
      {"getpid() = much", "expected a result, not \"much\""},
      {"getpid() = -1 EFOO", "expected an error, not \"EFOO\""},
      {"25:00:00 getpid() = 1", "expected a time, not \"25:00:00 getpid() = 1\""},
      {"[pid x] getpid() = 1", "expected a pid, not \"[pid x] getpid() = 1\""},
      {"<... wait4 resumed>NULL, 0, NULL) = 5", "wait4 resumes, but thread 0 was not inside it"},
      {"--- SIGCHLD {si_signo=SIGCHLD, si_co",
       "expected a signal, and --- at the end, not \"SIGCHLD {si_signo=SIGCHLD, si_co\""},
      {"+++ exploded +++", "expected how the thread ended, not \"exploded +++\""},
      {"\x1b[0m is no call", "expected a call, a signal or an exit, not \"?[0m is no call\""},
  };
  for (const auto &[line, what] : bad) {
    CHECK(complaint(good + good + line + "\n" + good) == std::string("log:3: ") + what);
    CHECK(complaint(good + good + line) == "");  // cut: the log ends before it
  }
  CHECK(complaint("Once upon a time (or two) = 3.\n") ==
        "log:1: not a ptmc trace and not a strace log");
  CHECK(complaint("strace: nothing\n") == "log: not a ptmc trace and not a strace log");
  CHECK(complaint(std::string("\0\n", 2)) == "log: not a ptmc trace and not a strace log");
}

TEST_CASE("a log cut anywhere is a prefix") {
  const std::string whole = contents(kLogs / "hand-cut.strace");
  const std::vector<Event> all = parse(whole).events;
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const std::string cut = whole.substr(0, size);
    const auto lines = static_cast<std::size_t>(std::count(cut.begin(), cut.end(), '\n'));
    INFO(cut.substr(cut.rfind('\n') + 1));
    std::vector<Event> events;
    try {
      events = parse(cut).events;
    } catch (const InputError &) {
      CHECK(lines == 0);
      continue;
    }
    // The last line counts if nothing of it is missed.
    CHECK(events.size() >= lines);
    CHECK(events.size() <= lines + 1);
    for (std::size_t i = 0; i < events.size(); ++i) CHECK(meaning(events[i]) == meaning(all[i]));
  }
}

TEST_CASE("every recorded log is read, line by line") {
  const std::pair<Call, std::regex> kinds[] = {
      {Call::ptrace, std::regex(R"(^[\d.]+ ptrace\(.*)")},
      {Call::wait4, std::regex(R"(^[\d.]+ wait4\(.* = .*)")},
      {Call::sigchld, std::regex(R"(^[\d.]+ --- SIGCHLD .*)")},
      {Call::died, std::regex(R"(^[\d.]+ \+\+\+ .*)")},
  };
  int logs = 0;
  for (const auto &entry : std::filesystem::directory_iterator(kLogs)) {
    if (entry.path().filename().string().starts_with("hand-")) continue;
    INFO(entry.path().string());
    ++logs;
    const Trace trace = read_trace(entry.path());
    std::ifstream in(entry.path());
    std::vector<std::string> lines;
    for (std::string line; std::getline(in, line);) lines.push_back(line);
    for (const auto &[call, pattern] : kinds) {
      const auto &regex = pattern;
      CHECK(std::count_if(trace.events.begin(), trace.events.end(),
                          [wanted = call](const Event &event) { return event.call == wanted; }) ==
            std::count_if(lines.begin(), lines.end(), [&regex](const std::string &line) {
              return std::regex_match(line, regex);
            }));
    }
  }
  CHECK(logs > 40);
}

TEST_CASE("a line of a megabyte") {
  const std::string text(1 << 20, 'a');
  CHECK(meaning(only("execve(\"" + text + "\", []) = 0\n")) ==
        meaning({.call = Call::execve, .ret = 0}));
  CHECK(complaint(text) != "");
}

TEST_CASE("read_trace says why a file is no trace") {
  const auto why = [](const std::filesystem::path &file) {
    try {
      read_trace(file);
    } catch (const InputError &error) {
      return std::string(error.what());
    }
    return std::string();
  };
  const std::filesystem::path dir = std::filesystem::temp_directory_path();
  CHECK(why(dir) == dir.string() + ": is a directory, not a trace");
  CHECK(why("/no/such") == "/no/such: cannot be read: No such file or directory");
  CHECK(why("/dev/null") == "/dev/null: is empty");
  CHECK(why("/dev/zero") == "/dev/zero: not a ptmc trace and not a strace log");
  CHECK(why("/proc/self/exe").find("not a ptmc trace and not a strace log") != std::string::npos);
}

}  // namespace
}  // namespace ptmc::traces
