// Replay: does the model explain a trace? The set of all states in which the model may be is
// carried along the calls; where it becomes empty the trace is rejected, with what would have been
// allowed and, for each rule that could have explained the call, the guard that was false.
#pragma once

#include <array>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/designs.hpp"
#include "model/property.hpp"
#include "model/rule.hpp"
#include "traces/trace.hpp"

namespace ptmc::traces {

// By model::Cause.
inline constexpr std::array<std::string_view, 7> kCauseNames{
    "", "group", "interrupt", "sigcont", "auto-attach", "attach", "stale"};

struct Blocked {
  std::string rule, guard;
};

struct Divergence {
  std::size_t event = 0;  // index into Trace::events
  int line = 0;           // of the file
  std::string observed;
  std::vector<std::string> allowed;  // what the same call could have shown instead
  std::vector<Blocked> blocked_by;
};

// One call as `explain` shows it: the tracee's possible stop kinds, thread by thread.
struct Explained {
  std::size_t event = 0;
  std::vector<std::string> before, after;  // "t0 group-stop (group)"; alternatives joined by " or "
  std::vector<std::string> rules;          // instances that may have made the call what it was
};

// One outcome that a call could have.
struct Possible {
  std::string text;             // "5 status 0x80057f"
  std::vector<Event> shows;     // the call with such results: equal for the model
  std::vector<std::string> by;  // rule instances, any of which gives it
  // The kernel's own steps before it, on a shortest way from the end of the trace. None: it may
  // come at once.
  std::vector<std::string> after;
};
struct Next {
  std::size_t event = 0;  // index into Trace::events
  std::vector<Possible> possible;
};

class Models;
struct Machine;
class Source;

// What a request or a report of wait did to the thread that it names.
struct Observed {
  std::size_t event = 0;             // index into Trace::events
  const Machine &machine;            // models.hpp; of the thread's process
  int thread = 0;                    // in the model of it
  std::vector<model::State> before;  // in which the call may have taken effect
  std::vector<model::State> after;   // in which the process may be when it has returned
};

struct ReplayOptions {
  std::string design;  // empty: the trace's, else linux-3.4
  std::string kernel;  // empty: the trace's, else the design's
  bool explain = false;
  // Told of each as the replay comes to it: in a closed world process by process. Slower.
  std::function<void(const Observed &)> observe = {};
  // Changes the model before it is used: deliberate mistakes, which a trace should reveal.
  std::function<void(model::Model &)> mutate = {};
  Models *models = nullptr;          // keeps the models for the next replay
  std::size_t max_states = 500'000;  // possible at once; more: it gives up
  bool witness = false;              // ReplayResult::witnessed; slower
  bool pairs = false;                // ReplayResult::pairs; slower
  // So many calls at the end of the trace, which begin after all others have, were not made: what
  // could each of them show? Calls of tracers and real parents, and proc_state.
  std::size_t next = 0;
};

struct ReplayResult {
  std::string file, design, kernel;
  World world = World::closed;
  bool accepted = false;
  std::size_t events = 0;        // calls taken into account
  std::size_t max_states = 0;    // largest set of possible states
  double mean_allowed_next = 0;  // different observations that the model allowed, per call
  std::optional<Divergence> divergence;
  std::vector<std::string> rules;      // all rules of the model
  std::vector<std::string> witnessed;  // rules that every surviving explanation uses
  // The same with the stop kind of the thread that took the step, or was acted upon.
  std::vector<std::pair<std::string, model::StopKind>> pairs;
  std::vector<Explained> explained;
  std::vector<Next> next;  // of the calls that mean something to the model
  // Why nothing was decided (exit code 3): a bound, or what the model does not cover; else empty.
  std::string gave_up;
  std::vector<std::string> notes;  // Trace::notes
};

// Throws InputError for a trace that makes no sense (a call of an unknown process...).
ReplayResult replay(const Trace &trace, const ReplayOptions &options);
// The same of what is read call by call; explain and next need a trace in memory.
ReplayResult replay(Source &source, const ReplayOptions &options);
ReplayResult replay_file(const std::string &file, const ReplayOptions &options);

// "ptrace(PTRACE_CONT, 12, 0, SIGUSR1) = -1 ESRCH"
std::string describe(const Event &event);

}  // namespace ptmc::traces
