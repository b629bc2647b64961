#include "tests/replaying.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "traces/models.hpp"

namespace ptmc::traces {

const std::filesystem::path kSource = PTMC_SOURCE_DIR;

std::vector<std::filesystem::path> files(const std::filesystem::path &directory,
                                         const std::string &extension) {
  std::vector<std::filesystem::path> all;
  for (const auto &entry : std::filesystem::directory_iterator(kSource / directory))
    if (entry.path().extension() == extension) all.push_back(entry.path());
  std::sort(all.begin(), all.end());
  return all;
}

void check_accepted(const ReplayResult &result) {
  CHECK(result.gave_up == "");
  CHECK(result.accepted);
  if (!result.divergence) return;
  std::string allowed;
  for (const std::string &one : result.divergence->allowed) allowed += "\n  " + one;
  FAIL_CHECK(result.divergence->observed, ", allowed:", allowed);
}

namespace {

Models &models() {
  static Models all({.signals = {}, .siginfos = {}, .masks = {}, .exit_codes = {}}, 24);
  return all;
}

}  // namespace

ReplayResult replayed(const Trace &trace) {
  ReplayOptions options;
  options.models = &models();
  return replay(trace, options);
}

}  // namespace ptmc::traces
