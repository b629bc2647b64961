// What a tracer did wrong, as a trace shows it. Replay says what each stop may have been, and whose
// signal it may have been; what was due follows from that. A finding holds in every explanation
// that the model has of the call: what the tracer may have done right is none.
//
// Each stop is also told as its tracer saw it: what it could be by its status, with GETSIGINFO, and
// after all that was seen before.
#pragma once

#include <array>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "traces/replay.hpp"

namespace ptmc::traces {

// A kind of mistake.
struct Mistake {
  std::string_view id;
  std::string_view about;
  std::vector<std::string> semantics;  // rule numbers of the semantics reference
};
const std::vector<Mistake> &mistakes();

struct Finding {
  const Mistake *mistake = nullptr;
  std::size_t event = 0;              // what was done wrong: index into Trace::events
  std::optional<std::size_t> report;  // the event that reported the stop, if it is about one
  pid_t tid = 0;
  std::string text;  // one sentence: what it was, what was done, what was due
};

// A stop that a wait has reported.
struct Stop {
  std::size_t report = 0;  // index into Trace::events
  pid_t tid = 0;
  std::vector<std::string> kinds;  // what it may have been: "group-stop", "event (FORK)"
  std::vector<std::string> why;    // of each
  // The stop kinds that it could be, for a tracer that knows the status; the status and what
  // GETSIGINFO shows; all that it has seen.
  std::array<std::vector<std::string>, 3> known;
  std::optional<std::size_t> ended;  // the event that ended it: a request, or the report of a death
};

struct Lint {
  ReplayResult replay;
  std::vector<Stop> stops;        // in the order of their reports
  std::vector<Finding> findings;  // in the order of the trace
  // By event, of requests and reports: the stop kinds that their thread may be in afterwards.
  std::map<std::size_t, std::vector<std::string>> after;
};
// Of a trace that is rejected: up to the divergence. options.models are kept for lint alone: its
// models remember more. Throws InputError, as replay does.
Lint lint(const Trace &trace, const ReplayOptions &options);

}  // namespace ptmc::traces
