// The mutation score of a sample of both designs does not fall below what was reached.
#include <doctest/doctest.h>

#include <filesystem>

#include "tests/mutating.hpp"

namespace ptmc::mutate {
namespace {

void check_floor(const std::string &design, double floor) {
  Options options;
  options.design = design;
  options.jobs = 2;
  options.every = 16;
  options.spaces = usual_spaces();
  for (const auto &file : std::filesystem::directory_iterator(PTMC_SOURCE_DIR "/tests/traces"))
    if (file.path().extension() == ".jsonl")
      options.traces.push_back(traces::read_trace(file.path()));
  const Score s = score(options, [](const std::string &) {});
  MESSAGE(design, ": ", s.outcomes.size(), " mutants, score ", s.value());
  CHECK(s.outcomes.size() >= 150);
  CHECK(s.count(Fate::not_tried) == 0);
  CHECK(s.value() >= floor);
}

TEST_CASE("legacy") { check_floor("legacy", 0.92); }
TEST_CASE("linux-3.4") { check_floor("linux-3.4", 0.8); }

}  // namespace
}  // namespace ptmc::mutate
