// What the tests of the mutation score share.
#pragma once

#include <string>
#include <vector>

#include "tools/mutating/score.hpp"

namespace ptmc::mutate {

using namespace model;

inline std::vector<traces::Trace> traces_named(const std::vector<std::string> &names) {
  std::vector<traces::Trace> all;
  for (const std::string &name : names)
    all.push_back(
        traces::read_trace(std::string(PTMC_SOURCE_DIR "/tests/traces/") + name + ".jsonl"));
  return all;
}

}  // namespace ptmc::mutate
