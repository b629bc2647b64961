// Runs vectors on the running kernel, by puppets (company.hpp), several at a time.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "traces/board.hpp"
#include "traces/keeper.hpp"
#include "traces/vector.hpp"

namespace ptmc::traces {

struct VectorResult {
  enum class Verdict : std::uint8_t {
    unrun,
    passed,
    failed,
    inconclusive,
    skipped,  // the machine lacks what it needs
  };
  Verdict verdict = Verdict::unrun;
  int step = -1;         // where it failed, or left its purpose
  std::string observed;  // there, or what is needed; empty: nothing to tell
  int attempts = 0;
};
inline constexpr std::array<std::string_view, 5> kVerdictNames{"unrun", "passed", "failed",
                                                               "inconclusive", "skipped"};

struct VectorRunOptions {
  int jobs = 1;
  int attempts = 20;              // of an inconclusive one
  bool until_failure = false;     // the rest is then not run
  Lie lie = Lie::none;            // that the puppets tell, for tests
  std::optional<Host> host = {};  // else this one; for tests
  const std::atomic<bool> *interrupted = nullptr;
  std::function<void(std::size_t done)> progress = {};  // called now and then
};

// A result for each. Nothing is left behind. Throws NotPossible, also where the machine lacks what
// each of them needs.
std::vector<VectorResult> run_vectors(const std::vector<Vector> &vectors,
                                      const VectorRunOptions &options);

}  // namespace ptmc::traces
