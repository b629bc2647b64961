// A scenario: a script for a tracer, a tracee and its real parent, to be run on a real kernel
// (stage.hpp). The file format, ptmc-scenario, is JSON Lines: a header, then one step a line, in
// the vocabulary of traces (schema/scenario.schema.json, and "Scenarios" in README.md).
#pragma once

#include <sys/types.h>
#include <functional>
#include <iosfwd>
#include <optional>
#include <string>
#include <vector>
#include "traces/trace.hpp"

namespace ptmc::traces {

// Who takes part. In a scenario these stand for pids in every field of an Event that holds one.
namespace who {
enum : pid_t {
  any_child = -1,  // the -1 of wait4
  nothing,         // TRACEME takes no pid
  world,           // sends signals and reads states
  tracer,
  tracer2,        // another process that may trace; cast if a step names it
  tracer_thread,  // a second thread of the tracer's process; cast if a step names it
  parent,         // the real parent of t0, unless that is the tracer
  t0,             // tracees: t0 leads the first process, its other threads follow; then those that
  t1,             // fork steps make
  t2,
  t3,
  none = t0 + 64,  // a pid that does not exist
  count,
};
}  // namespace who
inline constexpr int kMaxThreads = 4;  // of a process
inline constexpr int kMaxPeeked = 32;  // siginfos of one PEEKSIGINFO

inline bool is_tracee(pid_t symbol) { return symbol >= who::t0 && symbol < who::none; }
std::string who_name(pid_t symbol);  // as in the file: "t0", "none"

// What the semantics says that the call returns; what is not said is not checked.
struct Expect {
  std::optional<long> ret;
  std::optional<pid_t>
      ret_pid;             // of who: ret is their tid (here always that which they began with)
  std::optional<int> err;  // ret is then -1
  std::optional<int> status;
  std::optional<int> siginfo_signo, siginfo_code, siginfo_status;
  std::optional<int> siginfo_pid;
  std::optional<pid_t> siginfo_who;  // of who
  std::optional<std::uint64_t> message;
  std::optional<pid_t> message_who;  // of who: message is their tid
  std::optional<std::uint64_t> mask;
};

// The same with tids in place of who.
Expect resolved(Expect expect, const std::function<pid_t(pid_t)> &tid);
// "ret 0, status 0x80057f"
std::string text(const Expect &expect);

struct Step {
  enum class Kind : std::uint8_t {
    call,           // event.pid makes the call of event
    join,           // waits for the end of event.pid's asynchronous call
    await_state,    // waits until /proc shows one of states for event.target
    await_pending,  // waits until event.target has some (pending) or no signal pending
  };
  Kind kind = Kind::call;
  Event event;         // its pids are of who
  bool async = false;  // does not wait for the end of the call
  Expect expect;
  std::string states;
  bool pending = false;
  int line = 0;
};

// What the call of this step should have returned but did not, or nothing. No event: it was never
// made. What expect says must be resolved.
std::string mismatch(const Step &step, const std::optional<Event> &event);

struct Scenario {
  std::string file;
  std::string name;
  std::string about;
  std::vector<std::string> semantics;  // rules and sections that it shows
  std::string design;                  // "linux-3.4" or "legacy"
  int threads = 1;                     // of the tracee, 1..kMaxThreads
  bool tracer_is_parent = false;
  bool orphaned = false;  // t0 leads a session: its process group is orphaned
  // Random programs: a step of somebody who is busy or gone is left out, and nothing is awaited
  // that may never come.
  bool loose = false;
  std::vector<Step> steps;
};

// Throws InputError naming file, line and key, also for steps that cannot work.
Scenario read_scenario(std::istream &in, const std::string &file);
Scenario read_scenario(const std::string &file);
// The file that reads as this scenario, without what it expects.
std::string to_jsonl(const Scenario &scenario);
// Every *.jsonl of a directory, by name.
std::vector<Scenario> read_scenarios(const std::string &directory);

}  // namespace ptmc::traces
