// Reading and writing the steps of scenarios (scenario.hpp) and of vectors (vector.hpp).
#pragma once

#include <array>
#include <string>

#include "traces/jsonl.hpp"
#include "traces/scenario.hpp"

namespace ptmc::traces {

// Follows who takes part and, unless the scenario is loose, who is free to act. All throw
// InputError naming file, line and key.
class StepReader {
 public:
  // company: its header; outlives this.
  explicit StepReader(const Scenario &company);
  Step step(const Fields &fields);  // any step
  Step call(const Fields &fields);  // that of a call; does not look for keys that nobody knows
  Expect expect(const Fields &fields) const;

 private:
  enum class State { free, busy, gone };
  struct Actor {
    State state = State::free;
    pid_t leader = who::nothing;  // of its process; nothing: it is not made yet
  };

  void read_join(const Fields &fields, Step &step);
  void read_await(const Fields &await, Step &step) const;
  // Whose turn it is after this call.
  void occupy(const Fields &fields, const Step &step);
  void check_request(const Fields &fields, const Event &event) const;
  // Also makes the child.
  void check_fork(const Fields &args, Event &event);
  // Of somebody who may take part; of a tracee, made or not.
  pid_t any_symbol(const Fields &fields, const std::string &key) const;
  pid_t symbol(const Fields &fields, const std::string &key) const;
  pid_t actor(const Fields &fields, const std::string &key) const;
  // An argument that names a thread or process.
  pid_t target(const Fields &args, const char *key, const Event &event) const;

  const Scenario &company_;
  std::array<Actor, who::count> actors_{};
};

// What StepReader::call and expect read.
nlohmann::ordered_json write_call(const Step &step);
nlohmann::ordered_json write_expect(const Expect &expect);

}  // namespace ptmc::traces
