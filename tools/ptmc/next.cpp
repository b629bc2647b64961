// ptmc next: what may be observed after a trace, by which call, and how it comes about.

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <linux/ptrace.h>
#include <signal.h>
#include <sys/wait.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <map>
#include <memory>

#include "tools/ptmc/replayed.hpp"
#include "traces/cast.hpp"

namespace ptmc::tools {
namespace {

using traces::Call;
using traces::Event;
using traces::Trace;

struct NextOptions {
  bool json = false, requests = false;
  traces::ReplayOptions replay;
  std::string file;
};

void add(std::vector<pid_t> &all, pid_t one) {
  if (one > 0 && std::find(all.begin(), all.end(), one) == all.end()) all.push_back(one);
}

struct People {
  std::vector<pid_t> tracers, parents, tracees;
};

People people(const Trace &trace) {
  People p;
  for (const traces::Process &process : trace.processes) {
    if (process.role == traces::Role::parent) add(p.parents, process.pid);
    if (process.role == traces::Role::tracee)
      for (const pid_t tid : process.threads) add(p.tracees, tid);
  }
  const auto is_tracee = [&](pid_t tid) {
    return std::find(p.tracees.begin(), p.tracees.end(), tid) != p.tracees.end();
  };
  const bool closed = trace.world == traces::World::closed;
  p.tracers = {trace.tracer};  // 0 in a log that does not tell
  for (const Event &e : trace.events) {
    if (e.call == Call::fork && (closed ? is_tracee(e.pid) : e.ret && *e.ret > 0))
      add(p.tracees, traces::child_of(e));
    const bool traces = e.call == Call::ptrace && e.request != PTRACE_TRACEME;
    if (traces && !is_tracee(e.pid) && e.ret && *e.ret >= 0) add(p.tracers, e.pid);
    if (!closed && traces && e.ret && *e.ret >= 0) add(p.tracees, e.target);
    if (!closed && e.call == Call::wait4) add(p.tracees, traces::waited_for(e));
  }
  return p;
}

// The calls that the tracer and the real parent could make next.
std::vector<Event> calls(const Trace &trace, bool requests) {
  const People p = people(trace);
  std::uint64_t after = 0;
  for (const Event &e : trace.events)
    after = std::max(after, e.t1 == UINT64_MAX ? e.t0 + 1 : e.t1 + 1);
  std::vector<Event> all;
  Event e;
  e.t0 = after;
  const auto wait = [&](pid_t by, pid_t whom, int options) {
    e.pid = by;
    e.call = Call::wait4;
    e.target = whom;
    e.options = options;
    all.push_back(e);
  };
  const bool closed = trace.world == traces::World::closed;
  for (const pid_t tracer : p.tracers) {
    for (const pid_t tid : p.tracees) wait(tracer, tid, WNOHANG | __WALL);
    if (!requests) continue;
    for (const pid_t tid : p.tracees)
      for (const long request :
           {long{PTRACE_CONT}, long{PTRACE_SYSCALL}, long{PTRACE_DETACH}, long{PTRACE_INTERRUPT},
            long{PTRACE_LISTEN}, long{PTRACE_GETSIGINFO}, long{PTRACE_GETEVENTMSG},
            long{PTRACE_GET_SYSCALL_INFO}, long{PTRACE_ATTACH}, long{PTRACE_SEIZE}}) {
        Event r;
        r.t0 = after;
        r.pid = tracer;
        r.call = Call::ptrace;
        r.target = tid;
        r.request = request;
        all.push_back(r);
      }
  }
  if (!closed) return all;
  for (const pid_t parent : p.parents) wait(parent, -1, WNOHANG | WUNTRACED | WCONTINUED);
  for (const auto &group : {p.tracers, p.parents})
    for (const pid_t pid : group) {
      Event s;
      s.t0 = after;
      s.pid = pid;
      s.call = Call::sigchld;
      all.push_back(s);
    }
  return all;
}

std::string call_text(const Event &call) {
  const std::string text = traces::describe(call);
  return text.substr(0, text.rfind(" = "));
}

// What a wait status means, as ptrace(2) has it.
std::string meaning(const Event &e, bool open) {
  if (!e.status) return "";
  const int status = *e.status;
  if (status == 0xffff) return "continued";
  if (open && !WIFSTOPPED(status)) return "dead: any exit status or signal";
  if (WIFEXITED(status)) return fmt::format("exited with {}", WEXITSTATUS(status));
  if (WIFSIGNALED(status)) return "killed by " + traces::signal_name(WTERMSIG(status));
  const int signal = WSTOPSIG(status);
  if (signal == 0 || signal == 0x7e) return "stopped by another signal";
  if (signal == (SIGTRAP | 0x80)) return "syscall-stop";
  constexpr const char *kEvents[] = {"",     "FORK",       "VFORK", "CLONE",
                                     "EXEC", "VFORK_DONE", "EXIT",  "SECCOMP"};
  const int event = status >> 16;
  if (event == PTRACE_EVENT_STOP) return "PTRACE_EVENT_STOP with " + traces::signal_name(signal);
  if (event > 0 && event < 8) return std::string("PTRACE_EVENT_") + kEvents[event];
  return "stopped by " + traces::signal_name(signal);
}

void print_text(const Trace &trace, const traces::ReplayResult &result) {
  fmt::print("{}: {} under kernel {}; after its last call\n", result.file, result.design,
             result.kernel);
  for (const traces::Next &n : result.next) {
    fmt::print("  {}\n", call_text(trace.events[n.event]));
    for (const traces::Possible &p : n.possible) {
      const std::string means =
          p.shows.empty() ? "" : meaning(p.shows[0], trace.world == traces::World::open);
      fmt::print("    = {}{}\n        by {}\n", p.text, means.empty() ? "" : ", " + means,
                 fmt::join(p.by, " or "));
      if (!p.after.empty()) fmt::print("        after {}\n", fmt::join(p.after, ", "));
    }
  }
}

Json to_json(const Trace &trace, const traces::ReplayResult &result) {
  Json next = Json::array();
  for (const traces::Next &n : result.next) {
    Json outcomes = Json::array();
    for (const traces::Possible &p : n.possible) {
      Json one{{"outcome", p.text}, {"rules", p.by}, {"now", p.after.empty()}, {"after", p.after}};
      if (!p.shows.empty() && p.shows[0].status) one["status"] = *p.shows[0].status;
      if (!p.shows.empty())
        if (const std::string means = meaning(p.shows[0], trace.world == traces::World::open);
            !means.empty())
          one["means"] = means;
      outcomes.push_back(one);
    }
    next.push_back({{"pid", trace.events[n.event].pid},
                    {"call", call_text(trace.events[n.event])},
                    {"outcomes", outcomes}});
  }
  Json json = verdict_json(result);
  json["next"] = next;
  return json;
}

int run_next(NextOptions &options) {
  Trace trace = traces::read_trace(options.file);
  const std::vector<Event> asked = calls(trace, options.requests || options.json);
  options.replay.next = asked.size();
  trace.events.insert(trace.events.end(), asked.begin(), asked.end());
  const traces::ReplayResult result = traces::replay(trace, options.replay);
  print_notes(result);
  if (options.json)
    print_json(to_json(trace, result));
  else if (result.accepted)
    print_text(trace, result);
  else
    fmt::print("{} {}\n{}", verdict(result), result.file, reason_text(result));
  return exit_code({result});
}

}  // namespace

Command next_verb() {
  auto options = std::make_shared<NextOptions>();
  Command command{.name = "next",
                  .about = "what may be observed after a trace, by which call and by which rules",
                  .options = replay_options(options->replay, options->json),
                  .run = [=] { return run_next(*options); }};
  command.options.push_back({.name = "--requests",
                             .about = "what each request could return, too",
                             .sets = &options->requests});
  command.options.push_back(
      {.name = "TRACE", .about = "a ptmc-trace file or strace log", .sets = &options->file});
  return command;
}

}  // namespace ptmc::tools
