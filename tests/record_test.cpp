// ptmc record: what it writes is what the tracer called, and nothing of the tracer changes.
#include <fcntl.h>
#include <signal.h>
#include <algorithm>
#include <chrono>
#include <functional>
#include <nlohmann/json.hpp>
#include <thread>
#include <tuple>

#include "tests/program.hpp"
#include "traces/replay.hpp"
#include "traces/trace.hpp"

namespace ptmc::tests {
namespace {

using traces::Call;
using traces::Event;
using traces::Trace;

const std::string kLoop = PTMC_STRACE_LOOP;

// Whether this machine lets anybody record; says why not.
bool can_record() {
  const TempDirectory dir;
  const Result r = run("record -o " + (dir.path / "t").string() + " -- true");
  if (r.code != 4) return true;
  MESSAGE("skipped: ", r.err);
  return false;
}

traces::ReplayResult replayed(const Trace &trace) { return traces::replay(trace, {}); }

TEST_CASE("a strace-like loop, call by call") {
  if (!can_record()) return;
  const TempDirectory dir;
  const std::string file = (dir.path / "loop.jsonl").string();
  const Result r = run("record -o " + file + " -- " + kLoop + " 50");
  REQUIRE_MESSAGE(r.code == 0, r.err);
  CHECK(r.err == "");
  const Trace trace = traces::read_trace(file);
  CHECK(trace.world == traces::World::open);

  // SYSCALL ends each stop that a wait has reported, and GET_SYSCALL_INFO says entry, exit,
  // entry...
  std::size_t stops = 0, resumed = 0;
  std::uint64_t entered = 0;
  std::vector<std::uint64_t> infos;
  for (const Event &e : trace.events) {
    CHECK(e.t0 <= e.t1);
    if (e.pid != trace.tracer) continue;
    if (e.call == Call::wait4) {
      REQUIRE(e.ret.has_value());
      REQUIRE(e.status.has_value());
      stops += (*e.status & 0xff) == 0x7f;
    } else if (e.call == Call::ptrace && e.request == 24) {  // PTRACE_SYSCALL
      CHECK(e.ret == 0);
      ++resumed;
    } else if (e.call == Call::ptrace && e.request == 0x420e) {  // PTRACE_GET_SYSCALL_INFO
      REQUIRE(e.message.has_value());
      infos.push_back(*e.message);
    }
  }
  CHECK(stops == resumed + 1);  // the first is a group-stop, before it is traced
  for (const std::uint64_t info : infos) {
    if (info == 1)
      ++entered;
    else
      CHECK(info == 2);
  }
  CHECK(entered >= 51);  // 50 getppid and exit_group
  CHECK(infos.size() >= 101);
  const traces::ReplayResult result = replayed(trace);
  CHECK(result.accepted);
  CHECK(result.events > 200);
}

using Seen = std::tuple<Call, long, std::optional<int>, std::optional<std::uint64_t>, int, int>;
// What its tracer asked, and what it was told.
std::vector<Seen> calls(const Trace &trace) {
  std::vector<Seen> all;
  for (const Event &e : trace.events)
    if (e.pid == trace.tracer &&
        (e.call == Call::ptrace || e.call == Call::wait4 || e.call == Call::kill))
      all.emplace_back(e.call, e.request, e.status, e.message, e.sig, e.options);
  return all;
}

// What strace says of the same program, which does the same each time.
TEST_CASE("strace sees the same calls") {
  if (!can_record()) return;
  if (std::system("command -v strace >/dev/null") != 0) {
    MESSAGE("skipped: no strace");
    return;
  }
  const TempDirectory dir;
  const std::string recorded = (dir.path / "r.jsonl").string();
  const std::string logged = (dir.path / "s.strace").string();
  REQUIRE(run("record -o " + recorded + " -- " + kLoop + " 20").code == 0);
  REQUIRE(std::system(("strace -o " + logged + " " + kLoop + " 20 >/dev/null").c_str()) == 0);
  const auto ours = calls(traces::read_trace(recorded));
  CHECK(ours.size() > 100);
  CHECK(ours == calls(traces::read_trace(logged)));
}

TEST_CASE("the command ends as it would without") {
  if (!can_record()) return;
  const TempDirectory dir;
  const std::string to = "record -o " + (dir.path / "t.jsonl").string();
  const Result seven = run(to + " -- sh -c 'echo out; exit 7'");
  CHECK(seven.code == 7);
  CHECK(seven.out == "out\n");
  CHECK(seven.err.find("warning: no ptrace call in ") != seven.err.npos);
  CHECK(run(to + " -- sh -c 'kill -9 $$'").code == 137);
  CHECK(run(to + " -- sh -c 'kill -INT $$'").code == 130);  // not ignored
  const Result full = run("record -o /dev/full -- sh -c 'echo out'");
  CHECK(full.code == 2);
  CHECK(full.out == "out\n");
  CHECK(full.err == "ptmc: /dev/full: No space left on device\n");
  for (const std::string &bad :
       {to + " -- ./no-such-command", std::string("record -o /no/such/t -- true"), to,
        "record -o " + dir.path.string() + " -- true"}) {
    const Result r = run(bad);
    INFO(bad);
    CHECK(r.code == 2);
    CHECK(std::count(r.err.begin(), r.err.end(), '\n') == 1);
    CHECK(r.err.starts_with("ptmc: "));
  }
}

// Without capabilities root may do no more than anybody.
const std::string kPowerless = "setpriv --bounding-set=-all --inh-caps=-all";
bool can_be_powerless() {
  if (std::system((kPowerless + " true 2>/dev/null").c_str()) == 0) return true;
  MESSAGE("skipped: no setpriv");
  return false;
}

TEST_CASE("who may not use eBPF is told so") {
  if (!can_record() || !can_be_powerless()) return;
  const TempDirectory dir;
  const std::string file = (dir.path / "t").string();
  for (const char *how : {"--by ebpf", "--kernel-events"}) {
    const Result r = run("record -o " + file + " " + how + " -- true", kPowerless);
    CHECK(r.code == 4);
    CHECK(r.err.starts_with("ptmc: cannot record here: eBPF programs need root"));
    CHECK(!std::filesystem::exists(file));  // never an empty trace
  }
  const Result static_program = run("record --by library -o " + file + " -- " PTMC_STATIC_PROGRAM);
  CHECK(static_program.code == 4);
  CHECK(static_program.err.find("is a static program") != std::string::npos);
  CHECK(run("record --by library --kernel-events -o " + file + " -- true").code == 2);
}

TEST_CASE("by a preloaded library: the same calls") {
  const TempDirectory dir;
  const std::string library = (dir.path / "l.jsonl").string();
  const Result r = run("record -o " + library + " --by library -- " + kLoop + " 20");
  REQUIRE_MESSAGE(r.code == 0, r.err);
  const Trace trace = traces::read_trace(library);
  CHECK(replayed(trace).accepted);
  CHECK(calls(trace).size() > 100);
  // The library's own files are gone, and it is not in the way of who preloads another.
  CHECK(run("record -o " + library + " --by library -- sh -c 'ls $PTMC_RECORD'").code == 0);
  for (const auto &entry :
       std::filesystem::directory_iterator(std::filesystem::temp_directory_path()))
    CHECK(!entry.path().filename().string().starts_with("ptmc-record-"));

  if (can_be_powerless()) {  // it is what is left to them
    const Result fallen = run("record -o " + library + " -- " + kLoop + " 20", kPowerless);
    CHECK(fallen.code == 0);
    CHECK(fallen.err.find("a preloaded library sees") != std::string::npos);
    CHECK(calls(traces::read_trace(library)) == calls(trace));
  }
  if (!can_record()) return;
  const std::string ebpf = (dir.path / "e.jsonl").string();
  REQUIRE(run("record -o " + ebpf + " -- " + kLoop + " 20").code == 0);
  CHECK(calls(traces::read_trace(ebpf)) == calls(trace));
}

// ---- Inside the kernel --------------------------------------------------------------------------

TEST_CASE("the kernel's own events are followed") {
  if (!can_record()) return;
  const TempDirectory dir;
  const std::string file = (dir.path / "k.jsonl").string();
  REQUIRE(run("record --kernel-events -o " + file + " -- " + kLoop + " 10").code == 0);
  const Trace trace = traces::read_trace(file);
  const traces::ReplayResult with = replayed(trace);
  REQUIRE(with.accepted);

  Trace without = trace;
  std::erase_if(without.events, [](const Event &e) { return e.kernel; });
  const traces::ReplayResult less = replayed(without);
  CHECK(less.accepted);
  CHECK(with.mean_allowed_next < less.mean_allowed_next);

  // A tracee that the kernel has not woken cannot go on, and of those that it stops none is in
  // TASK_STOPPED. But one that falls asleep and is woken during a request may also, without the
  // waking, have been resumed before, and have stopped again.
  std::size_t changed = 0, rejected = 0;
  for (std::size_t i = 0; i < trace.events.size(); ++i) {
    Trace bad = trace;
    if (trace.events[i].call == Call::sched_waking)
      bad.events.erase(bad.events.begin() + static_cast<std::ptrdiff_t>(i));
    else if (trace.events[i].call == Call::sched_switch)
      bad.events[i].data = 'T';
    else
      continue;
    ++changed;
    rejected += !replayed(bad).accepted;
  }
  CHECK(changed >= 40);
  CHECK(rejected * 10 >= changed * 8);
  MESSAGE(rejected, " of ", changed, " changes rejected");
}

TEST_CASE("a hidden step that the kernel does not take is found out") {
  if (!can_record()) return;
  const TempDirectory dir;
  const std::string file = (dir.path / "k.jsonl").string();
  REQUIRE(run("record --kernel-events -o " + file + " -- " + kLoop + " 5").code == 0);
  const Trace trace = traces::read_trace(file);
  // do_exit without exit_signals: the thread never comes to where the kernel saw it exit.
  const auto wrong = [](model::Model &m) {
    std::erase_if(m.instances,
                  [](const model::Instance &i) { return i.rule->id == "exit.signals"; });
  };
  bool named = false;
  traces::ReplayOptions options;
  options.mutate = [&](model::Model &m) {
    const std::size_t before = m.instances.size();
    wrong(m);
    named = named || m.instances.size() < before;
  };
  const traces::ReplayResult result = traces::replay(trace, options);
  CHECK(named);
  CHECK(!result.accepted);
}

// ---- The recorder's own end ---------------------------------------------------------------------

bool in_time(const std::function<bool()> &so) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!so()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::yield();
  }
  return true;
}

pid_t start(const std::vector<std::string> &words) {
  const pid_t pid = fork();
  REQUIRE(pid >= 0);
  if (pid > 0) return pid;
  std::vector<char *> arguments;
  for (const std::string &word : words) arguments.push_back(const_cast<char *>(word.c_str()));
  arguments.push_back(nullptr);
  const int null = open("/dev/null", O_RDWR);
  dup2(null, 1);
  execv(arguments[0], arguments.data());
  _exit(127);
}

// Of a loop without end, some of which it has written.
pid_t start_recorder(const std::string &file) {
  const pid_t recorder =
      start({PTMC_PROGRAM, "record", "-o", file, "--", PTMC_STRACE_LOOP, "1000000000"});
  CHECK(in_time([&] { return read(file).size() > 100'000; }));
  return recorder;
}

TEST_CASE("what was recorded before a kill is readable") {
  if (!can_record()) return;
  const TempDirectory dir;
  const std::string file = (dir.path / "cut.jsonl").string();
  const pid_t recorder = start_recorder(file);
  kill(recorder, SIGKILL);
  int status = 0;
  CHECK(waitpid(recorder, &status, 0) == recorder);
  const Trace trace = traces::read_trace(file);
  CHECK(trace.events.size() > 500);
  CHECK(replayed(trace).accepted);
  // The tracer goes on; its tracee dies with it (EXITKILL).
  CHECK(kill(trace.tracer, 0) == 0);
  kill(trace.tracer, SIGKILL);

  std::string text = read(file);
  text.resize(text.rfind('\n', text.size() - 2) + 20);
  CHECK(traces::read_trace(dir.write("shorter.jsonl", text)).events.size() > 500);
}

TEST_CASE("SIGTERM is the command's, and ends the recording with it") {
  if (!can_record()) return;
  const TempDirectory dir;
  const std::string file = (dir.path / "term.jsonl").string();
  const pid_t recorder = start_recorder(file);
  kill(recorder, SIGTERM);
  int status = 0;
  CHECK(waitpid(recorder, &status, 0) == recorder);
  REQUIRE(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 128 + SIGTERM);
  CHECK(replayed(traces::read_trace(file)).accepted);
}

}  // namespace
}  // namespace ptmc::tests
