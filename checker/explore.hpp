// Explicit exploration: every reachable state of a model, breadth first, and the properties in all
// of them. Exact: states are compared in full.
//
// All workers expand one level, then the next. So the counts, the verdicts and the traces do not
// depend on the number of workers, nor on which form of the rules runs (fast.hpp). No state knows
// its parent: traces are found by a pass back over the levels (trace_back.hpp).
#pragma once

#include <atomic>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "checker/counterexample.hpp"
#include "model/property.hpp"

namespace ptmc::checker {

struct Progress {
  std::uint64_t states = 0;
  double states_per_second = 0;  // since the last report
  std::uint64_t depth = 0;       // of the level that is being expanded
  std::uint64_t queue = 0;       // states not expanded yet
  std::size_t memory_bytes = 0;
};

struct ExploreOptions {
  int jobs = 1;
  // Of the states, their table and the workers' buffers; the program itself is not counted. 0:
  // none.
  std::size_t max_memory = 0;
  // Of the search; the traces of what it has found are still made. 0: none.
  double time_limit = 0;
  bool fast = true;  // the emitted code where there is one for the model's shape
  std::function<void(const Progress &)> progress;  // about twice a second, in the calling thread
  const std::atomic<bool> *interrupted = nullptr;
  std::vector<std::string> property_ids;  // empty: all that apply; InputError for an unknown one
  const std::vector<model::Property> *properties = nullptr;  // nullptr: model::properties()
  bool kinds = false;                                        // ExploreResult::kinds; slower
};

// unknown: the exploration ended before it could tell.
enum class Verdict : std::uint8_t { holds, violated, unknown };
inline constexpr std::array<std::string_view, 3> kVerdictNames{"holds", "violated", "unknown"};
constexpr std::string_view name(Verdict v) { return kVerdictNames[static_cast<std::size_t>(v)]; }

struct PropertyResult {
  const model::Property *property = nullptr;
  Verdict verdict = Verdict::unknown;
  // A shortest one: of the violation, or of a `sometimes` the witness. Missing if there is none, or
  // if the exploration was interrupted.
  std::optional<Counterexample> trace;
};

struct ExploreResult {
  std::uint64_t states = 0;
  std::uint64_t transitions = 0;  // each instance enabled in a state is one
  std::uint64_t depth = 0;        // of the deepest state; the initial one has 0
  bool complete = false;
  std::string why_incomplete;  // "memory limit", "time limit", "interrupted"
  double seconds = 0;
  std::size_t peak_memory_bytes = 0;  // as ExploreOptions::max_memory counts
  double bytes_per_state = 0;         // states and table at the end
  bool fast = false;                  // the emitted code ran
  std::vector<std::uint64_t> fired;   // per instance of the model
  // Per instance: the stop kinds, bit by StopKind, in which the thread was whose step it is or who
  // is acted upon.
  std::vector<std::uint32_t> kinds;
  std::vector<PropertyResult> properties;
};

// The model is one of a configuration.
ExploreResult explore(const model::Model &model, const ExploreOptions &options);

}  // namespace ptmc::checker
