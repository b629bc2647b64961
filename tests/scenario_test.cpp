// The ptmc-trace and ptmc-scenario formats, and scenarios run on this kernel.
#include "traces/scenario.hpp"
#include <doctest/doctest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <fstream>
#include <random>
#include <set>
#include <sstream>
#include "model/input_error.hpp"
#include "traces/jsonl.hpp"
#include "traces/stage.hpp"

using namespace ptmc;
using namespace ptmc::traces;

namespace {

const std::string kScenarios = std::string(PTMC_SOURCE_DIR) + "/traces/scenarios";

const std::string kHeader =
    R"({"format":"ptmc-trace","version":1,"kernel":"6.18.44","arch":"x86_64","world":"closed",)"
    R"("design":"linux-3.4","tracer":3,"clock":"monotonic-ns"})"
    "\n";

Trace trace_of(const std::string &text) {
  std::istringstream in(text);
  return read_jsonl(in, "f");
}

Event event_of(const std::string &line) { return trace_of(kHeader + line).events.at(0); }

// The message of the InputError that read throws.
template <typename Read>
std::string error_of(const Read &read) {
  try {
    read();
  } catch (const InputError &error) {
    return error.what();
  }
  return "no error";
}

std::string trace_error(const std::string &text) {
  return error_of([&] { trace_of(text); });
}

// Of a trace whose second line this is.
std::string event_error(const std::string &line) { return trace_error(kHeader + line); }

std::string scenario_header(int threads, const std::string &parent) {
  return R"({"format":"ptmc-scenario","version":1,"name":"n","about":"a","semantics":["R1"],)"
         R"("design":"legacy","threads":)" +
         std::to_string(threads) + R"(,"parent":")" + parent + "\"}\n";
}

std::string scenario_error(const std::string &text) {
  return error_of([&] {
    std::istringstream in(text);
    read_scenario(in, "s");
  });
}

std::string step_error(const std::string &steps) {
  return scenario_error(scenario_header(2, "separate") + steps);
}

RunResult run(const std::string &steps, const std::string &parent = "separate") {
  std::istringstream in(scenario_header(1, parent) + steps);
  return run_scenario(read_scenario(in, "s"));
}

// Runs body; a machine that forbids ptrace is no failure.
template <typename Body>
void where_possible(const Body &body) {
  try {
    body();
  } catch (const NotPossible &reason) {
    const std::string what = reason.what();
    MESSAGE("skipped, not possible here: " << what);
  }
}

}  // namespace

TEST_CASE("names and numbers of the field") {
  CHECK(request_name(7) == "PTRACE_CONT");
  CHECK(request_number("PTRACE_LISTEN") == 0x4208);
  CHECK(request_number("PTRACE_PEEKUSR") == request_number("PTRACE_PEEKUSER"));
  CHECK(request_name(0x9999) == "39321");
  CHECK_FALSE(request_number("PTRACE_NONE"));
  CHECK(errno_name(3) == "ESRCH");
  CHECK(errno_number("EIO") == 5);
  CHECK(errno_number("ERESTARTSYS") == 512);
  CHECK(errno_name(9999) == "9999");
  CHECK(signal_name(19) == "SIGSTOP");
  CHECK(signal_name(33) == "SIGRT_1");
  CHECK(signal_number("SIGRT_32") == 64);
  CHECK(signal_name(65) == "65");
  CHECK_FALSE(signal_number("SIGRT_33"));
  CHECK(wait_options_name(0) == "0");
  CHECK(wait_options_number("WNOHANG|__WALL") == 0x40000001);
  for (const int options : {0, 1, 2, 15, 64, 65, 0x40000000, INT32_MIN, -1})
    CHECK(wait_options_number(wait_options_name(options)) == options);
  for (int call = 0; call <= static_cast<int>(Call::other); ++call)
    CHECK(call_from_name(call_name(static_cast<Call>(call))) == static_cast<Call>(call));
}

TEST_CASE("a trace survives writing and reading") {
  Trace trace;
  trace.kernel = "6.18.44";
  trace.design = "linux-3.4";
  trace.tracer = 3;
  trace.scenario = "n";
  trace.processes = {{3, Role::tracer, {3}}, {5, Role::tracee, {5, 6}}};
  for (int call = 0; call <= static_cast<int>(Call::other); ++call) {
    Event event;
    event.pid = 5;
    event.call = static_cast<Call>(call);
    event.t0 = static_cast<std::uint64_t>(call) + 1;
    event.t1 = event.t0 + 5;
    event.ret = -1;
    event.err = 11;
    trace.events.push_back(event);
  }
  const auto at = [&](Call call) -> Event & { return trace.events[static_cast<int>(call)]; };
  at(Call::ptrace).request = 0x4202;
  at(Call::ptrace).target = 6;
  at(Call::ptrace).addr = UINT64_MAX;
  at(Call::ptrace).data = 1ull << 63;
  at(Call::ptrace).siginfo = Siginfo{5, 0x8005, 6, 0};
  at(Call::ptrace).message = UINT64_MAX;
  at(Call::wait4).target = -1;
  at(Call::wait4).options = -1;
  at(Call::wait4).status = 0x80057f;
  at(Call::rt_sigprocmask).how = 2;
  at(Call::rt_sigprocmask).mask = UINT64_MAX;
  at(Call::rt_sigaction).disposition = Disposition::handle;
  at(Call::kill).sig = 65;
  at(Call::exit).ret.reset();
  at(Call::exit).err = 0;
  at(Call::exit).t1 = UINT64_MAX;
  at(Call::exit).data = 7;
  at(Call::proc_state).data = 't';
  at(Call::died).kernel = true;

  const std::string text = to_jsonl(trace);
  const Trace read = trace_of(text);
  CHECK(to_jsonl(read) == text);
  REQUIRE(read.events.size() == trace.events.size());
  CHECK(read.processes.size() == 2);
  CHECK(read.processes[1].threads == std::vector<pid_t>{5, 6});
  const Event &request = read.events[0];
  CHECK(request.request == 0x4202);
  CHECK(request.addr == UINT64_MAX);
  CHECK(request.data == 1ull << 63);
  CHECK(request.siginfo == Siginfo{5, 0x8005, 6, 0});
  CHECK(request.message == UINT64_MAX);
  CHECK(request.line == 2);
  CHECK(read.events[static_cast<int>(Call::wait4)].options == -1);
  const Event &exit = read.events[static_cast<int>(Call::exit)];
  CHECK_FALSE(exit.ret);
  CHECK(exit.t1 == UINT64_MAX);
}

TEST_CASE("a trace may hold numbers for names, unknown keys, and any order") {
  const Trace trace = trace_of(
      kHeader +
      R"({"pid":3,"call":"kill","args":{"pid":5,"sig":19},"ret":0,"t0":9,"t1":9,"x":1})"
      "\n" +
      R"({"pid":3,"call":"ptrace","args":{"request":16903,"pid":5},"ret":-1,"errno":3,"t0":2,"t1":4})");
  REQUIRE(trace.events.size() == 2);
  CHECK(trace.events[0].request == 0x4207);
  CHECK(trace.events[0].err == 3);
  CHECK(trace.events[0].line == 3);
  CHECK(trace.events[1].sig == SIGSTOP);
  CHECK(event_of(R"({"pid":3,"call":"ptrace","args":{"request":"PTRACE_SEIZE","pid":5,)"
                 R"("data":["PTRACE_O_TRACEEXIT","PTRACE_O_EXITKILL"]},"ret":0,"t0":1,"t1":2})")
            .data == 0x100040);
  CHECK(event_of(R"({"pid":3,"call":"wait4","args":{"pid":-1,"options":0},"ret":5,)"
                 R"("status":"0x80057f","t0":1,"t1":2})")
            .status == 0x80057f);
}

TEST_CASE("malformed traces name file, line and key") {
  CHECK(trace_error("") == "f: empty file");
  CHECK(trace_error("[]") == "f:1: not a JSON object");
  CHECK(trace_error("{").starts_with("f:1: not JSON: "));
  CHECK(trace_error("{}") == "f:1: missing key format");
  CHECK(trace_error(R"({"format":"x"})") == "f:1: key format: is \"x\", not \"ptmc-trace\"");
  CHECK(trace_error(R"({"format":"ptmc-trace","version":2})") ==
        "f:1: key version: 2 is not supported (only 1)");
  CHECK(trace_error(R"({"format":"ptmc-trace","version":1,"arch":"aarch64"})") ==
        "f:1: key arch: aarch64 is not supported (only x86_64)");
  CHECK(trace_error(R"({"format":"ptmc-trace","version":1,"arch":"x86_64","world":"flat"})") ==
        "f:1: key world: unknown value \"flat\"");

  CHECK(event_error("\n").starts_with("f:2: not JSON: "));
  CHECK(event_error("7") == "f:2: not a JSON object");
  CHECK(event_error(R"({"call":"user"})") == "f:2: missing key pid");
  CHECK(event_error(R"({"pid":4194304})") == "f:2: key pid: 4194304 is not in 0..4194303");
  CHECK(event_error(R"({"pid":"5"})") == "f:2: key pid: must be an integer");
  CHECK(event_error(R"({"pid":5,"call":"stat"})") == "f:2: key call: unknown call \"stat\"");
  CHECK(event_error(R"({"pid":5,"call":"user","args":3})") == "f:2: key args: must be an object");
  CHECK(event_error(R"({"pid":5,"call":"ptrace","args":{"request":"PTRACE_X","pid":1}})") ==
        "f:2: key args.request: unknown request \"PTRACE_X\"");
  CHECK(event_error(R"({"pid":5,"call":"kill","args":{"pid":1,"sig":"SIGX"}})") ==
        "f:2: key args.sig: unknown signal \"SIGX\"");
  CHECK(event_error(R"({"pid":5,"call":"kill","args":{"pid":1,"sig":"99999999999"}})") ==
        "f:2: key args.sig: unknown signal \"99999999999\"");
  CHECK(event_error(R"({"pid":5,"call":"user","args":{},"t0":1,"t1":2})") ==
        "f:2: missing key ret");
  CHECK(event_error(R"({"pid":5,"call":"user","args":{},"ret":0,"errno":"EX","t0":1,"t1":2})") ==
        "f:2: key errno: unknown errno \"EX\"");
  CHECK(event_error(R"({"pid":5,"call":"user","args":{},"ret":0,"t0":3,"t1":2})") ==
        "f:2: key t1: is before t0");
  CHECK(event_error(R"({"pid":5,"call":"user","args":{},"ret":0,"t0":-3,"t1":2})")
            .starts_with("f:2: key t0: -3 is not in 0.."));
  CHECK(event_error(R"({"pid":5,"call":"user","args":{},"ret":1e999,"t0":3,"t1":2})")
            .starts_with("f:2: not JSON: "));
  CHECK(event_error(R"({"pid":99999999999999999999,"call":"user"})") ==
        "f:2: key pid: must be an integer");
  CHECK(event_error("{\"pid\":5,\"call\":\"\xff\"}").starts_with("f:2: not JSON: "));
  CHECK(event_error(std::string(1'000'000, '[')).starts_with("f:2: not JSON: "));
  CHECK(event_error(std::string(1'000'000, '[') + std::string(1'000'000, ']')) ==
        "f:2: not a JSON object");
}

TEST_CASE("no bytes crash the readers") {
  std::string text = kHeader;
  std::ifstream file(kScenarios + "/listen-sigcont.jsonl");
  std::stringstream scenario;
  scenario << file.rdbuf();
  text += R"({"pid":3,"call":"rt_sigprocmask","args":{"how":"SIG_BLOCK","set":["SIGUSR1",9]},)"
          R"("ret":0,"siginfo":{"signo":5,"code":1},"message":4,"t0":1,"t1":null})";
  std::mt19937 random(1);
  for (int round = 0; round < 20'000; ++round)
    for (std::string mutant : {text, scenario.str()}) {
      for (unsigned edits = random() % 4 + 1; edits > 0; --edits) {
        const std::size_t place = random() % mutant.size();
        switch (random() % 3) {
          case 0:
            mutant[place] = static_cast<char>(random());
            break;
          case 1:
            mutant.erase(place, random() % 8);
            break;
          default:
            mutant.insert(place, mutant, random() % mutant.size(), random() % 16);
        }
        if (mutant.empty()) mutant = "{";
      }
      trace_error(mutant);  // reads it, or throws InputError and nothing else
      scenario_error(mutant);
    }
}

TEST_CASE("malformed scenarios name file, line and key") {
  CHECK(scenario_error("") == "s: empty file");
  CHECK(scenario_error("{}\n") == "s:1: missing key format");
  CHECK(scenario_error(scenario_header(1, "separate")) == "s:1: no step follows");
  CHECK(scenario_error(scenario_header(5, "separate")) == "s:1: key threads: 5 is not in 1..4");
  CHECK(scenario_error(scenario_header(1, "none")) ==
        "s:1: key parent: must be \"separate\" or \"tracer\"");
  const std::string user = R"({"by":"t0","call":"user"})"
                           "\n";
  CHECK(step_error(user) == "no error");
  CHECK(step_error(user + "nonsense").starts_with("s:3: not JSON: "));
  CHECK(step_error(user + R"({"by":"t0","call":"user","nope":1})") == "s:3: unknown key nope");
  CHECK(step_error(R"({"by":"t0","call":"user","args":{"pid":1}})") == "s:2: unknown key args.pid");
  CHECK(step_error(R"({"by":"t0","call":"user","expect":{"rte":0}})") ==
        "s:2: unknown key expect.rte");
  CHECK(step_error(R"({"by":"t64","call":"user"})") == "s:2: key by: unknown actor \"t64\"");
  CHECK(step_error(R"({"by":"t2","call":"user"})") ==
        "s:2: key by: there is no t2 with threads 2, and no fork step before this");
  CHECK(step_error(R"({"by":"t0","call":"fly"})") == "s:2: key call: unknown call \"fly\"");
  CHECK(step_error(R"({"by":"t0","call":"sigchld"})") == "s:2: key call: t0 cannot make this call");
  CHECK(step_error(R"({"by":"tracer","call":"ptrace","args":{"request":"PTRACE_CONT"}})") ==
        "s:2: missing key args.pid");
  CHECK(step_error(R"({"by":"tracer","call":"ptrace","args":{"request":"PTRACE_C","pid":"t0"}})") ==
        "s:2: key args.request: unknown request \"PTRACE_C\"");
  CHECK(step_error(R"({"by":"world","call":"kill","args":{"pid":5,"sig":9}})") ==
        "s:2: key args.pid: must be a string");
  CHECK(step_error(R"({"by":"world","call":"kill","args":{"pid":"world","sig":9}})") ==
        "s:2: key args.pid: world is no target");
  CHECK(step_error(R"({"by":"t0","call":"ptrace","args":{"request":"PTRACE_TRACEME"}})") ==
        "s:2: key args.request: PTRACE_TRACEME needs \"parent\":\"tracer\" in the header");
  CHECK(scenario_error(scenario_header(1, "tracer") + R"({"by":"parent","call":"sigchld"})") ==
        "s:2: key by: the parent is the tracer here");
  CHECK(step_error(R"({"join":"t0"})") ==
        "s:2: key join: there is no unfinished call of this actor");
  CHECK(step_error(R"({"by":"t0","call":"pause","async":true})"
                   "\n" +
                   user) == "s:3: key by: t0 has an unfinished call: join it first");
  CHECK(step_error(R"({"by":"t1","call":"exit_group","args":{"code":1}})"
                   "\n" +
                   user) == "s:3: key by: t0 has exited");
  CHECK(step_error(R"({"await":{"pid":"t0","state":"q"}})") ==
        "s:2: key await.state: must be letters of RSDTtZX");
  CHECK(step_error(R"({"await":{"pid":"t0"}})") == "s:2: missing key await.state");
}

TEST_CASE("what is wrong with a fork step is said") {
  const auto fork = [](const char *by, const char *args) {
    return std::string(R"({"by":")") + by + R"(","call":"fork","args":{)" + args + "}}\n";
  };
  CHECK(step_error(fork("t0", R"("child":"t2","flags":["SIGCHLD"])")) == "no error");
  CHECK(step_error(fork("t0", R"("flags":["SIGCHLD"])")) == "s:2: missing key args.child");
  CHECK(step_error(fork("t0", R"("child":"tracer")")) ==
        "s:2: key args.child: must be one of t1 to t63");
  CHECK(step_error(fork("t0", R"("child":"t1")")) ==
        "s:2: key args.child: t1 has been made before");
  CHECK(step_error(fork("t2", R"("child":"t3")")) ==
        "s:2: key by: there is no t2 with threads 2, and no fork step before this");
  CHECK(step_error(fork("t0", R"("child":"t2","flags":["CLONE_VM"])")) ==
        "s:2: key args.flags: CLONE_VM and CLONE_SIGHAND need CLONE_THREAD");
  CHECK(step_error(fork("t0", R"("child":"t2","flags":["CLONE_SPEED"])")) ==
        "s:2: key args.flags: unknown flag \"CLONE_SPEED\"");
  const std::string thread = R"("flags":["CLONE_THREAD"],"child":)";
  CHECK(step_error(fork("t0", (thread + R"("t9")").c_str()) +
                   fork("t9", (thread + R"("t8")").c_str()) +
                   fork("t0", (thread + R"("t7")").c_str())) ==
        "s:4: key args.child: more than 4 threads in a process");
  // An execve ends the other threads; the child of a fork is another process.
  const std::string execve = R"({"by":"t1","call":"execve"})"
                             "\n";
  const std::string child = fork("t0", R"("child":"t2","flags":["SIGCHLD"])");
  const auto user = [](const char *by) {
    return std::string(R"({"by":")") + by + R"(","call":"user"})" + "\n";
  };
  CHECK(step_error(child + execve + user("t0")) == "s:4: key by: t0 has exited");
  CHECK(step_error(child + execve + user("t1") + user("t2")) == "no error");
  CHECK(step_error(child + R"({"by":"t2","call":"ptrace","args":{"request":"PTRACE_TRACEME"}})") ==
        "no error");
  CHECK(step_error(R"({"by":"tracer","call":"ptrace","args":{"request":"PTRACE_PEEKSIGINFO",)"
                   R"("pid":"t0","count":33}})") == "s:2: key args.count: is more than 32");
}

TEST_CASE("what scenarios may say beside calls comes back from a file as it was") {
  const std::string text =
      scenario_header(1, "separate") +
      R"({"by":"t0","call":"fork","args":{"child":"t63","flags":["CLONE_THREAD"]}})"
      "\n"
      R"({"by":"tracer2","call":"ptrace","args":{"request":"PTRACE_PEEKSIGINFO","pid":"t63",)"
      R"("off":2,"flags":1,"count":-1}})"
      "\n"
      R"({"by":"tracer_thread","call":"waitid","args":{"pid":-1,"options":"WNOWAIT|WEXITED"}})"
      "\n"
      R"({"by":"t0","call":"seccomp","args":{"message":7},"expect":{"message":"t63","mask":[1]}})";
  std::istringstream in(text);
  const Scenario read = read_scenario(in, "s");
  CHECK(read.steps[0].event.data == 0x10900);  // with CLONE_VM and CLONE_SIGHAND
  CHECK(read.steps[0].event.child == who::t0 + 63);
  CHECK(read.steps[1].event.addr == 2);
  CHECK(read.steps[1].event.options == 1);
  CHECK(static_cast<int>(read.steps[1].event.data) == -1);
  CHECK(read.steps[2].event.target == who::any_child);
  CHECK(read.steps[3].expect.message_who == who::t0 + 63);
  CHECK(read.steps[3].expect.mask == 1);
  std::istringstream again(to_jsonl(read));
  CHECK(to_jsonl(read_scenario(again, "s")) == to_jsonl(read));
}

TEST_CASE("every scenario of the catalogue can be read") {
  const std::vector<Scenario> scenarios = read_scenarios(kScenarios);
  CHECK(scenarios.size() >= 45);
  for (const Scenario &scenario : scenarios) {
    CAPTURE(scenario.file);
    CHECK(scenario.file == kScenarios + "/" + scenario.name + ".jsonl");
    CHECK(scenario.about.ends_with("."));
    CHECK_FALSE(scenario.semantics.empty());
  }
  CHECK(error_of([] { read_scenarios("/nowhere"); }).starts_with("/nowhere: "));
  CHECK(error_of([] { read_scenario("/nowhere/x.jsonl"); }) == "/nowhere/x.jsonl: cannot be read");
}

TEST_CASE("the catalogue makes every request and sees every stop") {
  std::set<long> requests;
  std::set<int> errors, statuses;
  for (const Scenario &scenario : read_scenarios(kScenarios))
    for (const Step &step : scenario.steps) {
      if (step.event.call == Call::ptrace) requests.insert(step.event.request);
      if (step.expect.err) errors.insert(*step.expect.err);
      if (step.expect.status) statuses.insert(*step.expect.status);
    }
  for (const char *name : {"TRACEME", "ATTACH", "SEIZE", "INTERRUPT", "LISTEN", "CONT", "SYSCALL",
                           "DETACH", "KILL", "SETOPTIONS", "GETSIGINFO", "GETEVENTMSG"})
    CHECK_MESSAGE(requests.contains(request_number(std::string("PTRACE_") + name).value()), name);
  for (const char *name : {"EPERM", "ESRCH", "EIO", "EINVAL", "EFAULT", "ECHILD", "EAGAIN"})
    CHECK_MESSAGE(errors.contains(errno_number(name).value()), name);
  for (const int status : {0x137f, 0x147f, 0xa7f, 0x80137f, 0x80147f, 0x80057f, 0x57f, 0x857f,
                           0x6057f, 0xffff, 0x9, 0xf, 0x5, 0x700})
    CHECK_MESSAGE(statuses.contains(status), status);
}

TEST_CASE("scenarios run on this kernel") {
  where_possible([] {
    for (const char *name : {"seize-interrupt",      "listen-sigcont",
                             "attach-stopped",       "traceme",
                             "parent-dies",          "tracer-dies-syscall-unwaited",
                             "threads-blocked-stop", "fork-event",
                             "vfork-events",         "clone-thread-event",
                             "exec-syscall",         "exec-thread",
                             "exec-attach-blocks",   "seccomp-order",
                             "peek-errors",          "sigmask-unblocks",
                             "tracer-thread-exits",  "two-tracers-exit",
                             "traceme-child",        "child-wait-any",
                             "exitkill-family"}) {
      CAPTURE(name);
      const Scenario scenario = read_scenario(kScenarios + "/" + name + ".jsonl");
      const RunResult result = run_scenario(scenario);
      for (const std::string &unexpected : result.unexpected) FAIL_CHECK(unexpected);
      CHECK(result.trace.scenario == name);
      CHECK(result.trace.events.size() >= 4);
      const std::string text = to_jsonl(result.trace);
      CHECK(to_jsonl(trace_of(text)) == text);
    }
  });
}

TEST_CASE("a recording knows its processes, and the child of a fork that did not return") {
  where_possible([] {
    const RunResult result = run(
        R"({"by":"tracer2","call":"ptrace","args":{"request":"PTRACE_SEIZE","pid":"t0",)"
        R"("data":["PTRACE_O_TRACEFORK"]}})"
        "\n"
        R"({"by":"t0","call":"fork","args":{"child":"t5","flags":["SIGCHLD"]},"async":true})"
        "\n"
        R"({"await":{"pid":"t0","state":"t"}})"
        "\n"
        R"({"by":"tracer_thread","call":"ptrace","args":{"request":"PTRACE_CONT","pid":"t5"}})");
    std::vector<Role> roles;
    for (const Process &process : result.trace.processes) roles.push_back(process.role);
    CHECK(roles ==
          std::vector{Role::tracer, Role::world, Role::tracee, Role::parent, Role::tracer});
    CHECK(result.trace.processes.front().threads.size() == 2);
    CHECK(result.trace.processes[2].threads.size() == 1);
    pid_t child = 0, target = 0;
    for (const Event &event : result.trace.events) {
      if (event.call == Call::fork) {
        child = event.child;
        CHECK_FALSE(event.ret);
      }
      if (event.call == Call::ptrace) target = event.target;
    }
    CHECK(child > 0);
    CHECK(child == target);
  });
}

TEST_CASE("loose programs leave out what cannot be, also of those not made yet") {
  where_possible([] {
    std::string text = scenario_header(2, "separate");
    text.insert(text.size() - 2, R"(,"loose":true)");
    std::istringstream in(
        text +
        R"({"by":"t3","call":"user"})"
        "\n"
        R"({"by":"world","call":"kill","args":{"pid":"t3","sig":"SIGKILL"}})"
        "\n"
        R"({"by":"t0","call":"fork","args":{"child":"t3","flags":["CLONE_VFORK","SIGCHLD"]}})"
        "\n"
        R"({"by":"t1","call":"fork","args":{"child":"t3","flags":["SIGCHLD"]}})"
        "\n"
        R"({"by":"t3","call":"execve"})"
        "\n"
        R"({"by":"t1","call":"execve"})"
        "\n"
        R"({"by":"t0","call":"user"})"
        "\n"
        R"({"by":"t1","call":"user"})");
    const RunResult result = run_scenario(read_scenario(in, "s"));
    CHECK(result.made == std::vector<bool>{false, true, true, false, true, true, false, true});
  });
}

TEST_CASE("what a run cannot know or reach is said") {
  where_possible([] {
    const std::string seize =
        R"({"by":"tracer","call":"ptrace","args":{"request":"PTRACE_SEIZE","pid":"t0"},)"
        R"("expect":{"errno":"EIO"}})"
        "\n";
    const RunResult seized = run(seize);
    CHECK(seized.unexpected ==
          std::vector<std::string>{"s:2: PTRACE_SEIZE by tracer: ret should be -1, is 0, errno "
                                   "should be EIO, is 0"});
    // The end of the recording finds one call unfinished, and another not begun.
    const RunResult open = run(R"({"by":"t0","call":"pause","async":true})"
                               "\n"
                               R"({"await":{"pid":"t0","state":"S"}})");
    REQUIRE(open.trace.events.size() == 2);
    // The reading that saw it may have begun before it.
    const Event &pause = open.trace.events[open.trace.events[0].call == Call::pause ? 0 : 1];
    CHECK(pause.call == Call::pause);
    CHECK_FALSE(pause.ret);
    CHECK(pause.t1 == UINT64_MAX);
    const RunResult stopped =
        run(R"({"by":"world","call":"kill","args":{"pid":"t0","sig":"SIGSTOP"}})"
            "\n"
            R"({"await":{"pid":"t0","state":"T"}})"
            "\n"
            R"({"by":"t0","call":"user","async":true,"expect":{"ret":0}})");
    CHECK(stopped.unexpected == std::vector<std::string>{"s:4: user by t0: was never made"});
    CHECK(stopped.trace.events.size() == 2);

    std::string message = "no error";
    try {
      run(R"({"await":{"pid":"t0","state":"T"}})");
    } catch (const NotReached &error) {
      message = error.what();
    }
    CHECK(message == "s:2: scenario did not reach state T of t0, which is in R");
  });
}

TEST_CASE("scenarios run without privileges, and so without a namespace") {
  const std::vector<Scenario> scenarios = {read_scenario(kScenarios + "/parent-dies.jsonl"),
                                           read_scenario(kScenarios + "/tracer-dies-zombie.jsonl"),
                                           read_scenario(kScenarios + "/exit-event-kill.jsonl"),
                                           read_scenario(kScenarios + "/fork-tracer-dies.jsonl"),
                                           read_scenario(kScenarios + "/exec-thread.jsonl")};
  int alive[2];  // every process of a scenario holds the end for writing
  REQUIRE(pipe(alive) == 0);
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    close(alive[0]);
    if (setuid(65534) != 0) _exit(4);
    prctl(PR_SET_DUMPABLE, 1);  // setuid made it undumpable, and such are not to be traced
    int code = 0;
    try {
      for (const Scenario &scenario : scenarios)
        if (!run_scenario(scenario).unexpected.empty()) code = 1;
    } catch (const NotPossible &) {
      code = 4;
    } catch (const std::exception &) {
      code = 2;
    }
    _exit(code);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  REQUIRE(WIFEXITED(status));
  if (WEXITSTATUS(status) == 4)
    MESSAGE("skipped, not possible here");
  else
    CHECK(WEXITSTATUS(status) == 0);
  close(alive[1]);
  char byte = 0;
  CHECK(read(alive[0], &byte, 1) == 0);  // end of file: all are gone
  close(alive[0]);
}

TEST_CASE("a killed caller leaves no process behind") {
  where_possible([] {
    run(R"({"by":"t0","call":"user"})");  // throws where it is not possible
    int alive[2];                         // every process of the scenario holds the end for writing
    REQUIRE(pipe(alive) == 0);
    const pid_t caller = fork();
    REQUIRE(caller >= 0);
    if (caller == 0) {
      close(alive[0]);
      if (write(alive[1], "x", 1) != 1) _exit(1);
      try {
        run(R"({"by":"tracer","call":"ptrace","args":{"request":"PTRACE_SEIZE","pid":"t0"}})"
            "\n"
            R"({"by":"t0","call":"fork","args":{"child":"t1","flags":["SIGCHLD"]}})"
            "\n"
            R"({"by":"t1","call":"fork","args":{"child":"t2","flags":["CLONE_THREAD"]}})"
            "\n"
            R"({"by":"tracer","call":"wait4","args":{"pid":"t0","options":"0"}})",
            "tracer");
      } catch (const NotReached &) {
      }
      _exit(0);
    }
    close(alive[1]);
    char byte = 0;
    REQUIRE(read(alive[0], &byte, 1) == 1);
    usleep(100'000);  // only so that the kill finds more to do; the test holds without
    kill(caller, SIGKILL);
    waitpid(caller, nullptr, 0);
    CHECK(read(alive[0], &byte, 1) == 0);  // end of file: all are gone
    close(alive[0]);
  });
}
