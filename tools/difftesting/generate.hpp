// Random programs: loose scenarios (traces/scenario.hpp), made call by call from a table of kinds
// of calls (generate.cpp). A walk through the model goes along, so that a program knows who is free
// to act; of some candidates, the call is preferred that leads to what was seen least.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "tools/difftesting/kinds.hpp"
#include "tools/difftesting/walk.hpp"
#include "traces/replay.hpp"

namespace ptmc::difftest {

// How often each pair was witnessed. Plain memory, so that processes can share it.
struct Coverage {
  static constexpr std::size_t kRules = 256, kKinds = std::size(model::kStopKindNames);
  std::array<std::array<std::atomic<std::uint32_t>, kKinds>, kRules> seen{};

  std::uint32_t of(const Pair &pair) const {
    return seen[static_cast<std::size_t>(pair.first)][static_cast<std::size_t>(pair.second)];
  }
  void add(const Pair &pair) {
    ++seen[static_cast<std::size_t>(pair.first)][static_cast<std::size_t>(pair.second)];
  }
  std::size_t pairs() const;
  std::size_t rules() const;
};

// What programs need of a model, but for threads and the signal without a name.
model::Shape shape_of_programs();

class Generator {
 public:
  Generator();

  // The same numbers and coverage give the same program. coverage: none for no preference.
  traces::Scenario program(std::uint64_t seed, std::uint64_t number, const Coverage *coverage);

  // For replays of these programs.
  traces::Models &models() { return models_; }
  // Counts what a replay has witnessed.
  void learn(const traces::ReplayResult &result, Coverage &coverage) const;

 private:
  std::shared_ptr<traces::Machine> machine(const Cast &cast, bool tracer_is_parent);

  traces::Models models_;
  std::map<std::string, int> numbers_;  // of rules
};

}  // namespace ptmc::difftest
