// strace logs: what every form of a line means, written by hand from strace's manual and source;
// the recorded logs of tests/strace; and that no text, cut or malformed, does harm.
#include "traces/strace.hpp"
#include <doctest/doctest.h>
#include <malloc.h>
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include "model/input_error.hpp"
#include "traces/models.hpp"
#include "traces/replay.hpp"
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

// The call, and each field that is not zero, but times and line.
std::string meaning(const Event &event) {
  std::ostringstream out;
  const auto decimal = [&](const char *name, long value) {
    if (value != 0) out << ' ' << name << '=' << value;
  };
  const auto hexadecimal = [&](const char *name, std::uint64_t value) {
    if (value != 0) out << ' ' << name << "=0x" << std::hex << value << std::dec;
  };
  out << call_name(event.call);
  if (event.call == Call::ptrace) out << " request=" << request_name(event.request);
  decimal("target", event.target);
  decimal("tgid", event.tgid);
  decimal("sig", event.sig);
  hexadecimal("addr", event.addr);
  hexadecimal("data", event.data);
  if (event.options != 0) out << " options=" << wait_options_name(event.options);
  decimal("how", event.how);
  hexadecimal("mask", event.mask);
  if (event.disposition == Disposition::ignore) out << " disposition=ignore";
  if (event.disposition == Disposition::handle) out << " disposition=handle";
  if (event.ret) out << " ret=" << *event.ret;
  if (event.err != 0) out << " err=" << errno_name(event.err);
  if (event.status) out << (*event.status == 0 ? " status=0x0" : "");
  hexadecimal("status", static_cast<std::uint64_t>(event.status.value_or(0)));
  if (const auto &info = event.siginfo)
    out << " siginfo=" << info->signo << ',' << info->code << ',' << info->pid << ','
        << info->status;
  if (event.message) out << " message=" << *event.message;
  return out.str();
}

// A file of lines, comments (#), and what lines mean (=>).
std::vector<std::pair<std::string, std::string>> lines_and_meanings(const char *file) {
  std::vector<std::pair<std::string, std::string>> all;
  std::size_t without = 0;
  std::ifstream in(kLogs / file);
  for (std::string line; std::getline(in, line);) {
    if (line.empty() || line[0] == '#') continue;
    if (!line.starts_with("=> ")) {
      all.emplace_back(line, "");
      continue;
    }
    for (; without < all.size(); ++without) all[without].second = line.substr(3);
  }
  REQUIRE(all.size() > 10);
  return all;
}

TEST_CASE("forms of a line") {
  for (const auto &form : lines_and_meanings("hand-forms.txt")) {
    INFO(form.first);
    CHECK(meaning(only(form.first + "\n")) == form.second);
  }
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
  for (const auto &[line, what] : lines_and_meanings("hand-malformed.txt")) {
    CHECK(complaint(good + good + line + "\n" + good) == "log:3: " + what);
    CHECK(complaint(good + good + line).empty());  // cut: the log ends before it
  }
  CHECK(complaint(good + "\x1b[0m is no call\n") ==
        "log:2: expected a call, a signal or an exit, not \"?[0m is no call\"");
  const std::string no_log = "not a ptmc trace and not a strace log";
  CHECK(complaint("Once upon a time (or two) = 3.\n") == "log:1: " + no_log);
  CHECK(complaint("strace: nothing\n") == "log: " + no_log);
  CHECK(complaint(std::string("\0\n", 2)) == "log: " + no_log);
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
  const auto count = [](const auto &all, const auto &is) {
    return std::count_if(all.begin(), all.end(), is);
  };
  int logs = 0;
  for (const auto &entry : std::filesystem::directory_iterator(kLogs)) {
    if (entry.path().extension() != ".strace") continue;
    if (entry.path().filename().string().starts_with("hand-")) continue;
    INFO(entry.path().string());
    ++logs;
    const Trace trace = read_trace(entry.path());
    std::vector<std::string> calls;  // the lines that end, without their times
    std::istringstream in(contents(entry.path()));
    for (std::string line; std::getline(in, line);)
      if (!in.eof()) calls.push_back(line.substr(line.find(' ') + 1));
    CHECK(trace.events.size() == calls.size());
    const std::pair<Call, const char *> kinds[] = {{Call::ptrace, "ptrace("},
                                                   {Call::wait4, "wait4("},
                                                   {Call::sigchld, "--- SIGCHLD "},
                                                   {Call::died, "+++ "}};
    for (const auto &kind : kinds)
      CHECK(count(trace.events, [&](const Event &event) { return event.call == kind.first; }) ==
            count(calls, [&](const std::string &call) { return call.starts_with(kind.second); }));
  }
  CHECK(logs > 40);
}

// ---- Forms --------------------------------------------------------------------------------------

// What each thread that traces did, of the runs of forms/tracer.c: whom it named aside.
std::vector<std::vector<std::string>> by_tracer(const Trace &trace) {
  std::map<pid_t, pid_t> tracee;
  for (const Event &e : trace.events)
    if (e.call == Call::ptrace && !tracee.count(e.pid)) tracee[e.pid] = e.target;
  std::map<pid_t, std::vector<std::string>> all;
  for (Event e : trace.events) {
    const auto own = tracee.find(e.pid);
    if (own == tracee.end() || e.target != own->second) continue;
    if (e.err == 4) continue;  // EINTR: the outer strace sees each SIGCHLD disturb a wait
    e.target = 0;
    if (e.ret == own->second) e.ret = 1;
    if (e.siginfo) e.siginfo->pid = 0;
    all[e.pid].push_back(meaning(e));
  }
  std::vector<std::vector<std::string>> lists;
  for (auto &[pid, list] : all) lists.push_back(std::move(list));
  return lists;
}

TEST_CASE("every form of a log says the same") {
  const std::filesystem::path forms = kLogs / "forms";
  std::vector<std::string> names{"ff"};
  for (const auto &entry : std::filesystem::directory_iterator(forms))
    if (entry.path().extension() == ".strace") names.push_back(entry.path().filename());
  CHECK(names.size() == 16);
  const auto expected = by_tracer(read_trace(forms / "plain.strace")).at(0);
  CHECK(expected.size() == 25);
  Models models({.signals = {}, .siginfos = {}, .masks = {}, .exit_codes = {}});
  ReplayOptions options;
  options.models = &models;
  for (const std::string &name : names) {
    INFO(name);
    const Trace trace = read_trace(forms / name);
    const auto lists = by_tracer(trace);
    CHECK(lists.size() == 4);
    for (const auto &list : lists) CHECK(list == expected);
    const ReplayResult whole = replay(trace, options),
                       streamed = replay_file(forms / name, options);
    CHECK(whole.accepted);
    CHECK(streamed.accepted);
    CHECK(whole.events == streamed.events);
    CHECK(whole.mean_allowed_next == streamed.mean_allowed_next);
  }
}

TEST_CASE("the files of -ff need times that order them") {
  const auto source = [](const std::string &a, const std::string &b) {
    std::vector<StraceFile> files;
    files.push_back({"log.7", 7, std::make_unique<std::istringstream>(a)});
    files.push_back({"log.8", 8, std::make_unique<std::istringstream>(b)});
    return strace_source(std::move(files), "log");
  };
  const Trace trace = read_all(*source(
      "1795423896.000001 getpid() = 7\n1795423896.000004 wait4(8, NULL, 0, NULL) = 8 <0.000005>\n",
      "1795423896.000002 getpid() = 8\n1795423896.000005 exit_group(0) = ?\n1795423896.000006 +++ "
      "exited with 0 +++\n"));
  std::vector<std::pair<pid_t, Call>> all;
  for (const Event &e : trace.events) all.emplace_back(e.pid, e.call);
  CHECK(all == decltype(all){{7, Call::other},
                             {8, Call::other},
                             {7, Call::wait4},
                             {8, Call::exit_group},
                             {8, Call::died}});
  const auto why = [&](const std::string &line) {
    try {
      read_all(*source("1795423896.000001 getpid() = 7\n", line));
    } catch (const InputError &error) {
      return std::string(error.what());
    }
    return std::string();
  };
  const std::string no_order =
      "log.8:1: has no time of -tt or -ttt, without which nothing orders the files of -ff";
  CHECK(why("getpid() = 8\n") == no_order);
  CHECK(why("10:00:00 getpid() = 8\n") == no_order);
  CHECK(why("0.000010 getpid() = 8\n") == no_order);
}

// ---- Size and order -----------------------------------------------------------------------------

TEST_CASE("what others do while a request lasts comes after it, and a wait at its end") {
  const auto order = [](const std::string &text) {
    std::vector<StraceFile> files;
    files.push_back({"log", 0, std::make_unique<std::istringstream>(text)});
    const auto source = strace_source(std::move(files), "log");
    std::vector<int> lines;
    while (const Event *event = source->next()) lines.push_back(event->line);
    return std::pair(lines, source->about().notes);
  };
  using Lines = std::vector<int>;
  CHECK(order("1 wait4(9,  <unfinished ...>\n2 ptrace(PTRACE_CONT, 9, NULL, 0 <unfinished ...>\n"
              "1 <... wait4 resumed>[{WIFSTOPPED(s) && WSTOPSIG(s) == SIGSTOP}], 0, NULL) = 9\n"
              "2 <... ptrace resumed>) = 0\n")
            .first == Lines{4, 3});
  // One that never returns holds back no more than a bound, and that is said.
  std::string text = "1 ptrace(PTRACE_CONT, 9, NULL, 0 <unfinished ...>\n";
  for (int i = 0; i < 5000; ++i) text += "2 getpid() = 2\n";
  const auto [lines, notes] = order(text);
  CHECK(lines.size() == 5001);
  CHECK(lines.back() == 1);
  REQUIRE(notes.size() == 1);
  CHECK(notes[0].starts_with("log: 1 calls are taken to have had their effect at their end"));
  CHECK(order("1 getpid() = 1\n1 getpid() = 12").second ==
        std::vector<std::string>{"log:2: the line is cut, and was not read"});
}

// A log that repeats itself, and how much memory was in use when it was read.
class Repeated : public std::streambuf {
 public:
  Repeated(std::string before, std::string cycle, int cycles)
      : before_(std::move(before)), cycle_(std::move(cycle)), cycles_(cycles) {}
  std::size_t peak = 0;  // bytes

 private:
  int underflow() override {
    const auto use = mallinfo2();
    peak = std::max(peak, use.uordblks + use.hblkhd);
    if (at_ > cycles_) return traits_type::eof();
    std::string &text = at_++ == 0 ? before_ : cycle_;
    setg(text.data(), text.data(), text.data() + text.size());
    return traits_type::to_int_type(text[0]);
  }
  pos_type seekpos(pos_type, std::ios_base::openmode) override {
    setg(nullptr, nullptr, nullptr);
    at_ = 0;
    return 0;
  }

  std::string before_, cycle_;
  int cycles_, at_ = 0;
};

TEST_CASE("memory does not grow with the log") {
  Models models({.signals = {}, .siginfos = {}, .masks = {}, .exit_codes = {}});
  ReplayOptions options;
  options.models = &models;
  const auto peak = [&](int cycles) {
    // A second thread waits all the time.
    Repeated log(
        "7 ptrace(PTRACE_SEIZE, 500, NULL, 0) = 0\n8 wait4(-1,  <unfinished ...>\n",
        "7 ptrace(PTRACE_INTERRUPT, 500) = 0\n"
        "7 wait4(500, [{WIFSTOPPED(s) && WSTOPSIG(s) == SIGTRAP}|PTRACE_EVENT_STOP<<16], __WALL, "
        "NULL) = 500\n7 getpid( <unfinished ...>\n7 <... getpid resumed>) = 7\n"
        "7 ptrace(PTRACE_CONT, 500, NULL, 0) = 0\n7 wait4(-1, NULL, WNOHANG|__WALL, NULL) = 0\n",
        cycles);
    std::vector<StraceFile> files;
    files.push_back({"log", 0, std::make_unique<std::istream>(&log)});
    const ReplayResult result = replay(*strace_source(std::move(files), "log"), options);
    CHECK(result.accepted);
    CHECK(result.events == 1 + 4 * static_cast<std::size_t>(cycles));
    return log.peak;
  };
  const std::size_t small = peak(2000), large = peak(40'000);
  CHECK(large < small + (1 << 18));
}

TEST_CASE("hostile lines") {
  const std::string good = "7 ptrace(PTRACE_ATTACH, 500) = 0\n";
  const std::string nul(1, '\0');
  for (const std::string &line : {nul, "7 ptrace(PTRACE_CONT, 5" + nul + ", NULL, 0) = 0"})
    CHECK(complaint(good + line + "\n") == "log:2: expected text, not a NUL byte");
  for (const char *call :
       {"ptrace(PTRACE_CONT, 99999999999, NULL, 0) = 0", "kill(99999999999, SIGSTOP) = 0",
        "kill(5, 99999999999) = 0", "ptrace(PTRACE_CONT, 18446744073709551616, NULL, 0) = 0",
        "wait4(-1, [{WIFSTOPPED(s) && WSTOPSIG(s) == 99999999999}], 0, NULL) = 5",
        "getpid() = 99999999999999999999", "7 <... wait4 resumed>",
        "--- SIGCHLD {si_signo=", "+++ killed by 99999999999 +++"}) {
    INFO(std::string(call));
    CHECK(complaint(good + "7 " + call + "\n").starts_with("log:2: "));
  }
  CHECK(complaint(good + "[pid 99999999] getpid() = 1\n").starts_with("log:2: expected a pid"));
  // Two writers of one file.
  CHECK(complaint(good + "7 ptrace(PTRACE_CO8 wait4(-1, NT, 500, NULL, 0) = 0\n")
            .starts_with("log:2: "));
}

TEST_CASE("a line of a megabyte") {
  const std::string text(1 << 20, 'a');
  CHECK(meaning(only("execve(\"" + text + "\", []) = 0\n")) == "execve ret=0");
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
