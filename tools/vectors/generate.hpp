// Vectors from a model: every goal of a kind is reached by a shortest run in which each call waits
// until the kernel has nothing left to do; what else a kernel may show on the way is allowed too.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "model/rule.hpp"
#include "traces/vector.hpp"

namespace ptmc::vectors {

// What is to be covered.
enum class Cover : std::uint8_t {
  rules,
  transitions,  // a rule with its parameters, the stop kinds of all threads, and how they are
                // traced
  pairs,        // a rule, and the one that follows it
  states,       // a call, and the state it is made in, as far as further calls tell it from others
                // (apart.hpp); what it has come to is told from other states by such calls
};
inline constexpr std::array<std::string_view, 4> kCoverNames{"rules", "transitions", "pairs",
                                                             "states"};

struct GenerateOptions {
  Cover cover = Cover::rules;
  bool fast = true;  // the emitted code, which a model that has been changed must not use
  const std::atomic<bool> *interrupted = nullptr;
};

struct Generated {
  std::vector<traces::Vector> vectors;           // short ones first; none could be left out
  std::size_t goals = 0;                         // that some such run reaches
  std::size_t covered = 0;                       // by what every way through a vector has done
  std::map<std::string, std::size_t> uncovered;  // why, and how many
  bool complete = true;                          // else interrupted
};

// name: of the vectors' ids, before what each is for. The model is of one configuration and of one
// process.
Generated generate(const model::Model &model, const std::string &name,
                   const GenerateOptions &options);

}  // namespace ptmc::vectors
