// Vectors as C programs: they compile without a warning, and say of each vector what the runner
// says.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <regex>
#include <set>
#include <sstream>

#include "model/designs.hpp"
#include "tools/vectors/export_c.hpp"
#include "tools/vectors/generate.hpp"
#include "traces/keeper.hpp"
#include "traces/vector_run.hpp"

namespace ptmc::vectors {
namespace {

namespace fs = std::filesystem;
using traces::Outcome;
using traces::Vector;
using traces::Vectors;
using Verdict = traces::VectorResult::Verdict;

// Worlds of one thread, which together need all kinds of calls that are generated.
constexpr std::array kProfiles{"default", "child",        "orphaned", "sigchld", "steps",
                               "forges",  "dispositions", "siginfo",  "masks",   "sleep"};

// What those do not: forks, execs, filters, two threads, orphans, a queue that is looked at.
constexpr const char *kByHand =
    R"({"format":"ptmc-vectors","version":1,"design":"linux-3.4","covers":"rules",
"vectors":[
{"id":"by hand/fork, execve","about":"","covers":[],"semantics":[],
 "threads":1,"parent":"separate","steps":[
 {"by":"t0","call":"fork","args":{"flags":["SIGCHLD"],"child":"t1"},
  "outcomes":[{"shows":{"ret":"t1"},"states":"R","next":1}]},
 {"by":"t1","call":"exit_group","args":{"code":3},"outcomes":[{"states":"R","next":2}]},
 {"by":"t0","call":"wait4","args":{"pid":"t1","options":"0"},
  "outcomes":[{"shows":{"ret":"t1","status":"0x300"},"states":"R","next":3}]},
 {"by":"t0","call":"execve","async":true,"outcomes":[{"states":"R","next":4}]},
 {"by":"t0","call":"fork","args":{"flags":["SIGCHLD"],"child":"t2"},
  "outcomes":[{"shows":{"ret":"t2"},"states":"R","next":5}]},
 {"by":"world","call":"kill","args":{"pid":"t0","sig":"SIGUSR1"},
  "outcomes":[{"shows":{"ret":0},"states":"Z","next":6}]},
 {"by":"parent","call":"waitid","args":{"pid":"t0","options":"WEXITED"},
  "outcomes":[{"shows":{"ret":0,"siginfo_signo":"SIGCHLD","siginfo_pid":"t0","siginfo_status":10},
   "states":"X","next":"passed"}]}]},
{"id":"by hand/another thread","about":"","covers":[],"semantics":[],
 "threads":2,"parent":"separate","steps":[
 {"by":"tracer","call":"ptrace","args":{"request":"PTRACE_SEIZE","pid":"t1","addr":0,"data":0},
  "outcomes":[{"shows":{"ret":0},"states":"RR","next":1}]},
 {"by":"world","call":"tgkill","args":{"tgid":"t0","tid":"t0","sig":"SIGUSR2"},
  "outcomes":[{"shows":{"ret":0},"states":"RR","handlers":[{"by":0,"sig":"SIGUSR2"}],"next":2}]},
 {"by":"tracer","call":"ptrace","args":{"request":"PTRACE_INTERRUPT","pid":"t1","addr":0,"data":0},
  "outcomes":[{"shows":{"ret":0},"states":"Rt","next":3}]},
 {"by":"tracer","call":"ptrace","args":{"request":"PTRACE_DETACH","pid":"t1","addr":0,"data":0},
  "outcomes":[{"shows":{"ret":0},"states":"RR","next":4}]},
 {"by":"t1","call":"execve","async":true,"outcomes":[{"states":"XR","next":"passed"}]}]},
{"id":"by hand/a filter","about":"","covers":[],"semantics":[],
 "threads":1,"parent":"separate","steps":[
 {"by":"t0","call":"seccomp","args":{"message":7},
  "outcomes":[{"shows":{"ret":0},"states":"R","next":1}]},
 {"by":"t0","call":"getppid",
  "outcomes":[{"shows":{"errno":"ENOSYS"},"states":"R","next":"passed"}]}]},
{"id":"by hand/a filter that is there","about":"","covers":[],"semantics":[],
 "threads":1,"parent":"separate","filtered":true,"steps":[
 {"by":"t0","call":"getppid",
  "outcomes":[{"shows":{"errno":"ENOSYS"},"states":"R","next":"passed"}]}]},
{"id":"by hand/a new thread, an orphan","about":"","covers":[],"semantics":[],
 "threads":2,"started":1,"parent":"separate","reaped":true,"steps":[
 {"by":"t0","call":"fork","args":{"flags":["CLONE_VM","CLONE_SIGHAND","CLONE_THREAD"],"child":"t1"},
  "outcomes":[{"shows":{"ret":"t1"},"states":"RR","next":1}]},
 {"by":"world","call":"tgkill","args":{"tgid":"t0","tid":"t1","sig":"SIGUSR1"},
  "outcomes":[{"shows":{"ret":0},"states":"RR","handlers":null,"next":2}]},
 {"by":"parent","call":"exit_group","args":{"code":0},"outcomes":[{"states":"RR","next":3}]},
 {"by":"t1","call":"exit_group","args":{"code":0},"outcomes":[{"states":"XX","next":"passed"}]}]},
{"id":"by hand/a queue","about":"","covers":[],"semantics":[],
 "threads":1,"parent":"separate","steps":[
 {"by":"tracer","call":"ptrace","args":{"request":"PTRACE_SEIZE","pid":"t0","addr":0,"data":0},
  "outcomes":[{"shows":{"ret":0},"states":"R","next":1}]},
 {"by":"tracer","call":"ptrace","args":{"request":"PTRACE_INTERRUPT","pid":"t0","addr":0,"data":0},
  "outcomes":[{"shows":{"ret":0},"states":"t","next":2}]},
 {"by":"world","call":"tgkill","args":{"tgid":"t0","tid":"t0","sig":"SIGUSR1"},
  "outcomes":[{"shows":{"ret":0},"states":"t","next":3}]},
 {"by":"tracer","call":"ptrace","args":{"request":"PTRACE_PEEKSIGINFO","pid":"t0","off":0,"flags":0,
  "count":4},
  "outcomes":[{"shows":{"ret":1,"siginfo_signo":"SIGUSR1"},"states":"t","next":4}]},
 {"by":"tracer","call":"ptrace","args":{"request":"PTRACE_PEEKSIGINFO","pid":"t0",
  "unreadable":true},
  "outcomes":[{"shows":{"errno":"EFAULT"},"states":"t","next":"passed"}]}]}
]})";

Vectors by_hand() {
  std::istringstream in(kByHand);
  return traces::read_vectors(in, "by hand");
}

// A vector for each rule that those before do not cover. In one group: a file compiles for a
// second.
const Vectors &of_rules(const std::string &design) {
  static std::map<std::string, Vectors> known;
  Vectors &all = known[design];
  if (!all.all.empty()) return all;
  const model::DesignSpec spec = model::parse_design(design);
  all.design = design;
  std::set<std::string> rules;
  for (const char *profile : kProfiles) {
    const model::Config config = model::explored_config(spec, model::find_profile(profile), {});
    const model::Model model(model::explored_shape(config, 1), &config);
    for (Vector &v : generate(model, design + ":" + profile, {}).vectors) {
      bool fresh = false;
      for (const std::string &rule : v.covers) fresh = rules.insert(rule).second || fresh;
      v.id = design + "/" + std::regex_replace(v.id, std::regex("/"), ":");
      if (fresh) all.all.push_back(std::move(v));
    }
  }
  return all;
}

// ---- Running programs ---------------------------------------------------------------------------

class Directory {
 public:
  Directory() {
    std::string name = (fs::temp_directory_path() / "ptmc-export-c-XXXXXX").string();
    REQUIRE(mkdtemp(name.data()) != nullptr);
    path_ = name;
    fs::permissions(path_, fs::perms::owner_all | fs::perms::group_exec | fs::perms::others_exec);
  }
  ~Directory() { fs::remove_all(path_); }
  const fs::path &path() const { return path_; }

 private:
  fs::path path_;
};

struct Ended {
  int code = -1;
  std::string text;
};

// A program that runs; it ends with this.
class Running {
 public:
  // prepare: in the child, before it runs the program.
  Running(const std::vector<std::string> &command, const std::function<bool()> &prepare) {
    const fs::path log = directory_.path() / "log";
    child_ = fork();
    REQUIRE(child_ >= 0);
    if (child_ > 0) return;
    std::vector<char *> argv;
    for (const std::string &word : command) argv.push_back(const_cast<char *>(word.c_str()));
    argv.push_back(nullptr);
    const int file = open(log.c_str(), O_WRONLY | O_CREAT, 0600);
    if (dup2(file, 1) == 1 && dup2(file, 2) == 2 && prepare()) execvp(argv[0], argv.data());
    _exit(127);
  }
  ~Running() {
    if (child_ > 0) end(SIGKILL);
  }
  Running(const Running &) = delete;
  Running &operator=(const Running &) = delete;

  // sig: is sent to it first; 0: none.
  Ended end(int sig = 0) {
    if (sig) kill(child_, sig);
    int status = 0;
    CHECK(waitpid(child_, &status, 0) == child_);
    child_ = 0;
    std::stringstream text;
    text << std::ifstream(directory_.path() / "log").rdbuf();
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, text.str()};
  }

 private:
  const Directory directory_;
  pid_t child_ = 0;
};

bool as_it_is() { return true; }
Ended run(const std::vector<std::string> &command,
          const std::function<bool()> &prepare = as_it_is) {
  return Running(command, prepare).end();
}

// The program of this file.
std::string compile(const CFile &file, const Directory &directory) {
  const fs::path source = directory.path() / file.name;
  std::ofstream(source) << file.text;
  const std::string program = fs::path(source).replace_extension();
  const Ended gcc =
      run({"gcc", "-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-o", program, source});
  INFO(gcc.text);
  REQUIRE(gcc.code == 0);
  const Ended clang =
      run({"clang", "-std=gnu11", "-fsyntax-only", "-Wall", "-Wextra", "-Werror", source});
  INFO(clang.text);
  CHECK((clang.code == 0 || clang.code == 127));  // 127: there is none
  return program;
}

// What it says, by id.
std::map<std::string, Verdict> verdicts(const std::string &tap) {
  std::map<std::string, Verdict> all;
  std::istringstream lines(tap);
  const std::regex result("(not ok|ok) ([0-9]+) (.*?)( # SKIP (inconclusive|needs).*)?");
  std::smatch found;
  for (std::string line; std::getline(lines, line);) {
    if (!std::regex_match(line, found, result)) continue;
    CHECK(std::stoul(found[2]) == all.size() + 1);
    all[found[3]] = found[1] == "not ok"  ? Verdict::failed
                    : found[5] == "needs" ? Verdict::skipped
                    : found[4].matched    ? Verdict::inconclusive
                                          : Verdict::passed;
  }
  CHECK(tap.find("1.." + std::to_string(all.size()) + "\n") != std::string::npos);
  return all;
}

// Of the runner. Empty, and says so: ptrace is not permitted.
std::map<std::string, Verdict> run_here(const Vectors &vectors) {
  std::map<std::string, Verdict> all;
  try {
    const auto results = traces::run_vectors(vectors.all, {});
    for (std::size_t k = 0; k < results.size(); ++k) all[vectors.all[k].id] = results[k].verdict;
  } catch (const traces::NotPossible &reason) {
    const std::string what = reason.what();
    MESSAGE("skipped, not possible here: " << what);
  }
  return all;
}

// Both say the same, which is returned; empty: not possible here.
std::map<std::string, Verdict> agreed(const Vectors &vectors) {
  const Directory directory;
  const std::vector<CFile> files = export_c(vectors);
  CHECK(files.size() == 1);
  Running program({compile(files.at(0), directory)}, as_it_is);
  const auto here = run_here(vectors);  // at the same time: both wait much
  if (here.empty()) return here;
  const Ended ended = program.end();
  INFO(ended.text);
  const auto there = verdicts(ended.text);
  CHECK(there.size() == vectors.all.size());
  for (const auto &[id, verdict] : here) {
    INFO(id);
    REQUIRE(there.contains(id));
    CHECK(traces::kVerdictNames[static_cast<std::size_t>(there.at(id))] ==
          traces::kVerdictNames[static_cast<std::size_t>(verdict)]);
  }
  const auto any = [&](Verdict v) {
    return std::any_of(here.begin(), here.end(), [&](const auto &one) { return one.second == v; });
  };
  CHECK(ended.code == (any(Verdict::failed) ? 1 : any(Verdict::passed) ? 0 : 4));
  return here;
}

// ---- Tests --------------------------------------------------------------------------------------

TEST_CASE("rule coverage of two designs, exported, says what the runner says") {
  for (const char *design : {"linux-3.4", "legacy"}) {
    CAPTURE(design);
    const Vectors &vectors = of_rules(design);
    CHECK(vectors.all.size() > 50);
    const auto all = agreed(vectors);
    const auto passed = std::count_if(
        all.begin(), all.end(), [](const auto &one) { return one.second == Verdict::passed; });
    CHECK((all.empty() || static_cast<std::size_t>(passed) * 10 > all.size() * 9));
  }
}

TEST_CASE("calls that rules of one thread do not need, exported, do what they do in the runner") {
  for (const auto &[id, verdict] : agreed(by_hand())) {
    INFO(id);
    CHECK(verdict == Verdict::passed);
  }
}

// The vector, but what a step shows last is told wrong.
Vector changed(Vector v, const char *how, const std::function<bool(Outcome &)> &change) {
  v.id = std::string("changed/") + how;
  for (std::size_t k = v.steps.size(); k-- > 0;) {
    bool any = false;
    for (Outcome &o : v.steps[k].outcomes) any = change(o) || any;
    if (any) return v;
  }
  v.steps.clear();
  return v;
}

TEST_CASE("a vector that is wrong fails in both") {
  const std::map<const char *, std::function<bool(Outcome &)>> lies{
      {"ret", [](Outcome &o) { return o.shows.ret && (*o.shows.ret += 1); }},
      {"errno", [](Outcome &o) { return o.shows.err && (*o.shows.err += 1); }},
      {"status", [](Outcome &o) { return o.shows.status && (*o.shows.status ^= 0x100); }},
      {"signo", [](Outcome &o) { return o.shows.siginfo_signo && (*o.shows.siginfo_signo += 1); }},
      {"code", [](Outcome &o) { return o.shows.siginfo_code && (*o.shows.siginfo_code += 1); }},
      {"message", [](Outcome &o) { return o.shows.message && (*o.shows.message += 1); }},
      {"mask", [](Outcome &o) { return o.shows.mask && (*o.shows.mask ^= 0x400); }},
      {"state", [](Outcome &o) { return o.states[0] = o.states[0] == 'R' ? 't' : 'R'; }},
      {"handler",
       [](Outcome &o) {
         return o.handlers && !o.handlers->empty() && (o.handlers->at(0).sig ^= 6);
       }},
      {"purpose",
       [](Outcome &o) { return o.next == Outcome::kPassed && (o.next = Outcome::kAside); }},
  };
  const Vectors &vectors = of_rules("linux-3.4");
  Vectors wrong;
  wrong.design = "linux-3.4";
  for (const auto &[how, lie] : lies)
    for (const Vector &v : vectors.all)
      if (Vector w = changed(v, how, lie); !w.steps.empty()) {
        wrong.all.push_back(w);
        break;
      }
  CHECK(wrong.all.size() == lies.size());
  for (const auto &[id, verdict] : agreed(wrong)) {
    INFO(id);
    CHECK(verdict == (id == "changed/purpose" ? Verdict::inconclusive : Verdict::failed));
  }
}

TEST_CASE("what the machine lacks is skipped, as by the runner") {
  Vectors vectors = by_hand();
  vectors.all.resize(3);
  vectors.all[0].needs.since = {99, 0};
  vectors.all[1].needs.until = {3, 0};
  const auto all = agreed(vectors);
  if (all.empty()) return;
  for (std::size_t k = 0; k < 3; ++k)
    CHECK(all.at(vectors.all[k].id) == (k < 2 ? Verdict::skipped : Verdict::passed));
}

// Every ptrace of the caller and its children fails.
bool forbid_ptrace() {
  sock_filter filter[] = {
      {BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(seccomp_data, nr)},
      {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, SYS_ptrace},
      {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ERRNO | EPERM},
      {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW},
  };
  const sock_fprog program{4, filter};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

TEST_CASE("where ptrace is not permitted all is skipped") {
  const Directory directory;
  const Ended ended = run({compile(export_c(by_hand()).at(0), directory)}, forbid_ptrace);
  INFO(ended.text);
  CHECK(ended.code == 4);
  CHECK(ended.text.starts_with("TAP version 13\n1..0 # SKIP ptrace(PTRACE_SEIZE): "));
}

TEST_CASE("without privileges it does without a namespace, and leaves nothing behind if killed") {
  Vectors vectors = by_hand();
  if (run_here(vectors).empty()) return;
  const std::vector<Vector> once = vectors.all;
  for (int k = 0; k < 20; ++k) vectors.all.insert(vectors.all.end(), once.begin(), once.end());
  const Directory directory;
  const std::string program = compile(export_c(vectors).at(0), directory);
  const auto drop = [] {
    return geteuid() != 0 ||
           (setgroups(0, nullptr) == 0 && setgid(65534) == 0 && setuid(65534) == 0);
  };
  const Ended ended = run({program}, drop);
  INFO(ended.text);
  CHECK(ended.code == 0);
  const auto processes = [&] {  // those after an execve have another file
    int count = 0;
    std::error_code error;
    for (const auto &process : fs::directory_iterator("/proc"))
      count += fs::read_symlink(process.path() / "exe", error) == program;
    return count;
  };
  // Killed with so many: the caller, the keeper, the stage, the tracer, the parent, the tracee.
  for (const bool privileged : {true, false})
    for (int n = 1; n <= 6; ++n) {
      Running running({program}, [&] { return privileged || drop(); });
      CHECK(traces::until([&] { return processes() >= n; }, traces::kPatience));
      running.end(SIGKILL);
      CHECK(traces::until([&] { return processes() == 0; }, traces::kPatience));
    }
}

TEST_CASE("groups are files, and large ones several") {
  Vectors vectors = by_hand();
  vectors.all.push_back(vectors.all[0]);
  vectors.all.back().id = "other group/1/x";
  const std::vector<CFile> files = export_c(vectors, 3);
  REQUIRE(files.size() == 3);
  CHECK(files[0].name == "by-hand-part1.c");
  CHECK(files[1].name == "by-hand-part2.c");
  CHECK(files[2].name == "other-group-1.c");
}

}  // namespace
}  // namespace ptmc::vectors
