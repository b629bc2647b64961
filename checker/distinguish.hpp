// Which stops a tracer can tell apart: for each two kinds and causes of stops that a design has, at
// each level of what the tracer knows (Confused::Level). What it can see of a stop is read off
// every reachable state of some worlds; what it may think after all that it saw is a set of states.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "checker/counterexample.hpp"
#include "checker/history.hpp"
#include "checker/question.hpp"

namespace ptmc::checker {

// A kind of stop, as the design contract names it, with the cause: of a stop of job control why the
// trap was taken; of a signal-delivery-stop whose signal it is, "sent" if it holds no other's; of
// an event which one.
struct StopClass {
  std::string kind, cause;
  bool operator==(const StopClass &) const = default;
};

// What happens in one part of the question. Its stops are those of one thread.
struct StopWorld {
  std::string name;
  World world;
  Remember remember;
  int thread = 0;
  struct Stop {
    StopClass what;
    decltype(StopOf::is) is;
  };
  std::vector<Stop> stops;
};
std::vector<StopWorld> stop_worlds(const std::string &design);

// A run of one of the worlds, to the stop.
struct Sighting {
  std::size_t world = 0;
  std::vector<TraceStep> run;
};
struct Distinction {
  std::size_t one = 0, other = 0;  // in Distinctions::stops, one < other
  // By level: whether they are confused. What is told apart at a level is at those above.
  std::array<Verdict, 3> confused{Verdict::unknown, Verdict::unknown, Verdict::unknown};
  // Where they are confused at some level: a view that both have at the highest such level but
  // history, and there all that was seen; and the two runs.
  std::optional<Seen> view;
  std::vector<Observation> seen;
  std::optional<std::pair<Sighting, Sighting>> runs;
};

struct Distinctions {
  std::vector<StopWorld> worlds;
  std::vector<std::string> covered;  // of each world
  std::vector<StopClass> stops;      // that occur
  std::vector<Distinction> pairs;
  bool complete = true;
  double seconds = 0;
};
struct DistinguishOptions {
  int jobs = 1;
  double time_limit = 30;  // seconds, of the sets of states of each world
  const std::atomic<bool> *interrupted = nullptr;
};
Distinctions distinguish(const std::string &design, const DistinguishOptions &options);

}  // namespace ptmc::checker
