// ptmc lint: it finds what the wrong tracers of tests/tracers do, and nothing that real tracers do
// right. What it says of each stop is what its tracer could know.

#include "traces/lint.hpp"

#include <doctest/doctest.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "tests/program.hpp"
#include "tests/replaying.hpp"
#include "traces/models.hpp"
#include "traces/strace.hpp"

namespace ptmc::traces {
namespace {

namespace fs = std::filesystem;

using tests::read;
using tests::TempDirectory;

std::vector<std::string> words(const std::string &text) {
  std::istringstream in(text);
  return {std::istream_iterator<std::string>(in), {}};
}

// With models that are kept from one to the next.
Lint linted(const Trace &trace) {
  static Models models({.signals = {}, .siginfos = {}, .masks = {}, .exit_codes = {}}, 24);
  ReplayOptions options;
  options.models = &models;
  return lint(trace, options);
}

std::vector<std::string> found(const Lint &lint) {
  std::vector<std::string> ids;
  for (const Finding &f : lint.findings) ids.emplace_back(f.mistake->id);
  return ids;
}
std::vector<std::string> found(const Trace &trace) {
  const Lint result = linted(trace);
  check_accepted(result.replay);
  return found(result);
}
// In a strace log.
std::vector<std::string> found_in(const std::string &text) {
  std::istringstream in(text);
  return found(read_strace(in, "log"));
}
using Ids = std::vector<std::string>;

// The file's first line: what is found of it.
Ids expected(const fs::path &source) {
  const std::string text = read(source);
  const std::string first = text.substr(0, text.find('\n'));
  REQUIRE(first.starts_with("// lint:"));
  return words(first.substr(8));
}

int code(int status) { return WIFEXITED(status) ? WEXITSTATUS(status) : -1; }

TEST_CASE("of each wrong tracer what it does wrong is found, and nothing else") {
  std::set<std::string_view> seen;
  const auto sources = files("tests/tracers", ".c");
  CHECK(sources.size() >= 12);
  for (const fs::path &source : sources) {
    INFO(source.filename().string());
    const Trace log = read_trace((kSource / "tests/lint" / source.stem()).string() + ".strace");
    const Lint result = linted(log);
    check_accepted(result.replay);
    CHECK(found(result) == expected(source));
    for (const Finding &f : result.findings) {
      seen.insert(f.mistake->id);
      CHECK(f.text.find(std::to_string(f.tid)) != std::string::npos);
      if (f.report) CHECK(*f.report < f.event);
    }
  }
  // In a recording of all that its processes did, whose SIGTRAP it is is known.
  const auto exec = found(read_trace(kSource / "tests/traces/exec-attached-inject.jsonl"));
  CHECK(exec == Ids{"exec-sigtrap-delivered"});
  seen.insert("exec-sigtrap-delivered");
  for (const Mistake &m : mistakes()) {
    INFO(m.id);
    CHECK(seen.count(m.id) == 1);
    CHECK(!m.semantics.empty());
  }
}

TEST_CASE("the same, recorded now") {
  if (std::system("strace -o /dev/null true 2>/dev/null") != 0) {
    MESSAGE("skipped: strace is not installed, or may not trace");
    return;
  }
  const TempDirectory dir;
  for (const fs::path &source : files("tests/tracers", ".c")) {
    INFO(source.filename().string());
    const std::string log = (dir.path / source.stem()).string() + ".strace";
    const std::string tracer = PTMC_TRACERS "/" + source.stem().string();
    const int status = std::system(
        ("timeout 60 strace -ttt -e trace=%process,ptrace,kill,tgkill -o " + log + " " + tracer)
            .c_str());
    REQUIRE(code(status) == 0);
    CHECK(found(read_trace(log)) == expected(source));
  }
}

// rr's own tests, each with a child that stops itself, is seized, and goes on by a restart: its
// process is still stopped (traces/README.md).
TEST_CASE("of real tracers nothing is found that they do right") {
  const std::map<std::string, Ids> wrong{{"rr-ptrace_exec", {"group-stop-continued"}},
                                         {"rr-ptrace_remote_unmap", {"group-stop-continued"}},
                                         {"rr-ptrace_syscall", {"group-stop-continued"}},
                                         {"rr-x86_ptrace_sysemu", {"group-stop-continued"}}};
  std::size_t logs = 0, stops = 0;
  for (const fs::path &log : files("tests/strace", ".strace")) {
    const std::string name = log.filename().string();
    if (name.starts_with("hand-")) continue;
    INFO(name);
    const auto known = wrong.find(name.substr(0, name.find('.')));
    const Lint result = linted(read_trace(log));
    CHECK(found(result) == (known == wrong.end() ? Ids{} : known->second));
    ++logs;
    stops += result.stops.size();
  }
  CHECK(logs > 40);
  CHECK(stops > 500);
}

// ---- What may have been right is no finding -----------------------------------------------------

const char *const kSeized =
    "clone(child_stack=NULL, flags=CLONE_CHILD_SETTID|SIGCHLD) = 7\n"
    "ptrace(PTRACE_SEIZE, 7, NULL, PTRACE_O_EXITKILL) = 0\n";
const char *const kUsr1 =
    "wait4(7, [{WIFSTOPPED(s) && WSTOPSIG(s) == SIGUSR1}], __WALL, NULL) = 7\n";
const char *const kStop =
    "wait4(7, [{WIFSTOPPED(s) && WSTOPSIG(s) == SIGSTOP}], __WALL, NULL) = 7\n";
std::string stopped(const char *signal) {
  return std::string("wait4(7, [{WIFSTOPPED(s) && WSTOPSIG(s) == ") + signal +
         "}], __WALL, NULL) = 7\n";
}
std::string cont(const char *signal) {
  return std::string("ptrace(PTRACE_CONT, 7, NULL, ") + signal + ") = 0\n";
}
const std::string kSiginfo =
    "ptrace(PTRACE_GETSIGINFO, 7, NULL, {si_signo=SIGSTOP, si_code=SI_KERNEL}) = 0\n";

TEST_CASE("a signal that is given later is not swallowed, nor invented") {
  const std::string swallowed = kSeized + std::string(kUsr1) + cont("0");
  CHECK(found_in(swallowed) == Ids{"signal-swallowed"});
  CHECK(found_in(swallowed + "tgkill(7, 7, SIGUSR1) = 0\n") == Ids{});
  const std::string usr2 = stopped("SIGUSR2");
  CHECK(found_in(swallowed + usr2 + cont("SIGUSR1")) == Ids{"signal-swallowed"});
  CHECK(found_in(swallowed + kUsr1 + cont("SIGUSR1")) == Ids{"signal-swallowed"});
  CHECK(found_in(kSeized + usr2 + cont("SIGUSR1")) == Ids{"signal-invented"});
}

TEST_CASE("a debugger's own signals are not delivered") {
  CHECK(found_in(kSeized + stopped("SIGTRAP") + cont("0")) == Ids{});
  CHECK(found_in(kSeized + stopped("SIGINT") + cont("0")) == Ids{});
  const std::string fault = kSeized + stopped("SIGSEGV");
  CHECK(found_in(fault + cont("0")) == Ids{});
  const std::string sent =
      "ptrace(PTRACE_GETSIGINFO, 7, NULL, {si_signo=SIGSEGV, si_code=SI_USER, si_pid=9, si_uid=0}) "
      "= 0\n";
  CHECK(found_in(fault + sent + cont("0")) == Ids{"signal-swallowed"});
  // A SIGSTOP that the tracer sends is to stop the tracee for it.
  const std::string stop = kSeized + std::string(kUsr1) + cont("SIGUSR1");
  CHECK(found_in(stop + kStop + cont("0")) == Ids{"signal-swallowed"});
  CHECK(found_in(stop + "tgkill(7, 7, SIGSTOP) = 0\n" + kStop + cont("0")) == Ids{});
}

TEST_CASE("a group-stop may be ended by who has sent SIGCONT, or by DETACH") {
  const std::string group = kSeized + std::string(kStop) + cont("SIGSTOP") +
                            "wait4(7, [{WIFSTOPPED(s) && WSTOPSIG(s) == "
                            "SIGSTOP}|PTRACE_EVENT_STOP<<16], __WALL, NULL) = 7\n";
  CHECK(found_in(group + cont("0")) == Ids{"group-stop-continued"});
  CHECK(found_in(group + "kill(7, SIGCONT) = 0\n" + cont("0")) == Ids{});
  CHECK(found_in(group + "ptrace(PTRACE_DETACH, 7, NULL, 0) = 0\n") == Ids{});
  // Without SEIZE there is nothing better.
  const std::string legacy =
      "clone(child_stack=NULL, flags=CLONE_CHILD_SETTID|SIGCHLD) = 7\n"
      "ptrace(PTRACE_ATTACH, 7) = 0\n" +
      std::string(kStop) + cont("0") + kStop;
  CHECK(found_in(legacy +
                 "ptrace(PTRACE_GETSIGINFO, 7, NULL, 0x7ffe) = -1 EINVAL (Invalid argument)\n" +
                 cont("0")) == Ids{});
  CHECK(found_in(legacy + "wait4(7, <unfinished ...>\n") == Ids{});
}

TEST_CASE("after ATTACH the first SIGSTOP is its own, the next was sent, if no group-stop") {
  const std::string attached =
      "clone(child_stack=NULL, flags=CLONE_CHILD_SETTID|SIGCHLD) = 7\n"
      "ptrace(PTRACE_ATTACH, 7) = 0\n";
  const std::string first = attached + kStop;
  CHECK(found_in(first + cont("SIGSTOP")) == Ids{"attach-sigstop-delivered"});
  CHECK(found_in(first + kSiginfo + cont("SIGSTOP")) == Ids{"attach-sigstop-delivered"});
  CHECK(found_in(first + cont("0")) == Ids{});
  const std::string second = first + kSiginfo + cont("0") + kStop;
  CHECK(found_in(second + kSiginfo + cont("0")) == Ids{"sigstop-taken-for-attach"});
  CHECK(found_in(second + kSiginfo + cont("SIGSTOP")) == Ids{});
  CHECK(found_in(second + cont("0")) == Ids{});  // of a stopped process it is the group-stop
  // Another signal comes first.
  const std::string usr1 = attached + kUsr1;
  CHECK(found_in(usr1 + cont("0") + kStop + cont("0")) == Ids{"signal-swallowed"});
  CHECK(found_in(usr1 + cont("SIGUSR1") + kStop + cont("0")) == Ids{});
}

TEST_CASE("while its tracer may still come to it, no stop is forgotten") {
  const std::string two = kSeized +
                          std::string(
                              "clone(child_stack=NULL, flags=SIGCHLD) = 8\n"
                              "ptrace(PTRACE_SEIZE, 8, NULL, 0) = 0\n") +
                          kUsr1;
  const std::string waits =
      "wait4(-1, [{WIFEXITED(s) && WEXITSTATUS(s) == 0}], __WALL, NULL) = 8\n";
  const std::string ends = "+++ exited with 0 +++\n";
  CHECK(found_in(two + waits + ends) == Ids{"stop-not-restarted"});
  CHECK(found_in(two + waits) == Ids{});  // the log is cut
  CHECK(found_in(kSeized + std::string(kUsr1) + "wait4(7, <unfinished ...>\n") ==
        Ids{"stop-not-restarted"});
  CHECK(found_in(two + "kill(7, SIGKILL) = 0\n" + waits + ends) == Ids{});
  CHECK(found_in(two + waits + cont("SIGUSR1") + ends) == Ids{});
  // It waits for the other alone, or asks only.
  CHECK(found_in(two + "wait4(8, [{WIFEXITED(s) && WEXITSTATUS(s) == 0}], __WALL, NULL) = 8\n" +
                 ends) == Ids{});
}

// ---- What a stop is told as ---------------------------------------------------------------------

TEST_CASE("what a tracer can know of a stop") {
  const Trace trace = read_trace(kSource / "tests/lint/right-attach.strace");
  const Lint result = linted(trace);
  REQUIRE(result.stops.size() == 4);
  const auto of = [&](std::size_t stop, std::size_t level) {
    return std::set<std::string>(result.stops[stop].known[level].begin(),
                                 result.stops[stop].known[level].end());
  };
  const std::set<std::string> either{"group-stop", "signal-delivery-stop"},
      delivery{"signal-delivery-stop"}, group{"group-stop"};
  CHECK(of(0, 0) == either);
  CHECK(of(1, 0) == delivery);  // SIGUSR1
  CHECK(of(3, 0) == either);
  for (const Stop &s : result.stops) {
    CHECK(s.ended);
    CHECK(s.kinds.size() == s.why.size());
    for (std::size_t level = 1; level < 3; ++level)  // who sees more confuses less
      for (const std::string &kind : s.known[level])
        CHECK(std::count(s.known[level - 1].begin(), s.known[level - 1].end(), kind) == 1);
  }
  const Lint seized = linted(read_trace(kSource / "tests/lint/group-stop-continued.strace"));
  REQUIRE(seized.stops.size() == 2);
  CHECK(seized.stops[1].known[0] == Ids{"group-stop"});
  CHECK(seized.stops[1].kinds == Ids{"group-stop (group)"});
}

TEST_CASE("what levels say, each stop of every scenario is one of") {
  for (const fs::path &file : files("tests/traces", ".jsonl")) {
    INFO(file.filename().string());
    const Lint result = linted(read_trace(file));
    for (const Stop &s : result.stops)
      for (std::size_t level = 1; level < 3; ++level)
        for (const std::string &kind : s.known[level])
          CHECK(std::count(s.known[level - 1].begin(), s.known[level - 1].end(), kind) == 1);
  }
}

// ---- The verbs ----------------------------------------------------------------------------------

struct Output {
  int exit;
  std::string out;
};
Output run(const std::string &arguments) {
  const TempDirectory dir;
  const std::string out = (dir.path / "out").string();
  const int status = std::system((PTMC_PROGRAM " " + arguments + " >" + out + " 2>&1").c_str());
  return {code(status), read(out)};
}

TEST_CASE("lint: a line each with file and line, and exit codes") {
  const std::string folder = (kSource / "tests/lint/").string();
  const std::string wrong = folder + "signal-swallowed.strace";
  const Output one = run("lint " + wrong);
  CHECK(one.exit == 1);
  CHECK(one.out.starts_with(wrong + ":5: signal-swallowed: "));
  CHECK(std::count(one.out.begin(), one.out.end(), '\n') == 1);
  const Output none = run("lint " + folder + "right.strace");
  CHECK(none.exit == 0);
  CHECK(none.out.empty());
  CHECK(run("lint /no/such/file").exit == 2);

  const auto json = nlohmann::json::parse(run("lint --format json " + wrong).out);
  CHECK(json["verdict"] == "accepted");
  REQUIRE(json["findings"].size() == 1);
  CHECK(json["findings"][0]["id"] == "signal-swallowed");
  CHECK(json["findings"][0]["line"] == 5);
  CHECK(json["findings"][0]["stop"] == 4);

  // What the model rejects is said, with what was found before.
  const TempDirectory dir;
  const fs::path bad = dir.path / "rejected";
  std::ofstream(bad) << kSeized << kUsr1 << cont("0") << kUsr1
                     << "ptrace(PTRACE_LISTEN, 7, NULL, NULL) = 0\n";
  const Output rejected = run("lint " + bad.string());
  CHECK(rejected.exit == 1);
  CHECK(rejected.out.find("signal-swallowed") != std::string::npos);
  CHECK(rejected.out.find("rejected") != std::string::npos);
}

TEST_CASE("explain says what was wrong; its chart is one page, whatever the trace is called") {
  const fs::path source = kSource / "tests/lint/attach-sigstop-delivered.strace";
  const Output text = run("explain " + source.string());
  CHECK(text.exit == 0);
  CHECK(text.out.find("wrong   attach-sigstop-delivered") != std::string::npos);
  CHECK(text.out.find("known   by its status") != std::string::npos);
  const TempDirectory dir;
  const fs::path named = dir.path / "<script>&\x80\"";
  fs::copy_file(source, named);
  const Output html = run("explain --format html '" + named.string() + "'");
  CHECK(html.exit == 0);
  CHECK(html.out.starts_with("<!DOCTYPE html>"));
  CHECK(html.out.find("<script") == std::string::npos);
  CHECK(html.out.find("&lt;script&gt;&amp;?&quot;") != std::string::npos);
  CHECK(html.out.find("src=") == std::string::npos);
  CHECK(html.out.find("href=") == std::string::npos);
  CHECK(html.out.find("class=\"wrong\"") != std::string::npos);
  CHECK(html.out.find("tracee 2283") != std::string::npos);
  CHECK(html.out.find("group-stop") != std::string::npos);
  for (const char *tag : {"svg", "text", "html", "body"}) {
    const auto count = [&](const std::string &what) {
      std::size_t n = 0;
      for (std::size_t at = 0; (at = html.out.find(what, at)) != std::string::npos; ++at) ++n;
      return n;
    };
    const std::string name = tag;
    CHECK(count("<" + name + " ") + count("<" + name + ">") == count("</" + name + ">"));
  }
}

}  // namespace
}  // namespace ptmc::traces
