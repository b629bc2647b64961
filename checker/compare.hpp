// Whether two designs are the same for their tester: equal traces of what is seen, blocked waits
// included (the design contract's "equivalence"). Both are made deterministic, and the pairs of
// nodes that one trace leads to are explored breadth-first, but for those that follow from others
// (congruence.hpp).
#pragma once

#include <atomic>
#include <optional>
#include <string>
#include <vector>

#include "checker/counterexample.hpp"
#include "checker/observation.hpp"

namespace ptmc::checker {

struct CompareOptions {
  int jobs = 1;                // two: each side has its own thread; the result is the same
  std::size_t max_memory = 0;  // bytes, 0: none
  double time_limit = 0;       // seconds, 0: none
  std::size_t limit = 10;      // so many differences, then it ends; 0: none
  const std::atomic<bool> *interrupted = nullptr;
  // The emitted code, where there is some; a model that has been changed must not use it.
  bool fast_left = true, fast_right = true;
};

// A shortest trace to the one side's last observation, which the other side does not have there.
struct Difference {
  std::vector<Observation> trace;  // the last one is the difference
  bool left = false;               // who has it
  // What the last call may show on each side; empty: it shows nothing (a wait blocks).
  std::vector<Observation> left_may, right_may;
};

enum class Equivalence : std::uint8_t { equivalent, different, unknown };
inline constexpr std::array<std::string_view, 3> kEquivalenceNames{"equivalent", "different",
                                                                   "unknown"};

struct CompareResult {
  Equivalence verdict = Equivalence::unknown;
  bool complete = false;       // every pair was looked at
  std::string why_incomplete;  // "memory limit", "time limit", "interrupted", "enough differences"
  // Shortest first, and the first is a shortest of all. Of the others each is the first one found,
  // where the sides were equal so far; one for each kind of last observation: the call, its error
  // and what it shows, whatever its options and argument.
  std::vector<Difference> differences;
  std::uint64_t pairs = 0, depth = 0;  // pairs looked at; the longest trace
  std::uint64_t left_states = 0, right_states = 0, left_nodes = 0, right_nodes = 0;
  std::size_t memory_bytes = 0;
  double seconds = 0;
};

// Models of one configuration each, whose shapes have the same threads.
CompareResult compare(const model::Model &left, const model::Model &right, const Tester &tester,
                      const CompareOptions &options);

// A shortest run of the model that shows exactly this; none: there is none. Plain interpreter.
std::optional<Counterexample> run_of(const model::Model &model, const Tester &tester,
                                     const std::vector<Observation> &trace);
// One that ends in this state.
std::optional<Counterexample> run_to(const model::Model &model, const Tester &tester,
                                     const std::vector<Observation> &trace,
                                     const model::State &last);

}  // namespace ptmc::checker
