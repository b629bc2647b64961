// Random programs on this kernel: the model explains them, and they find deliberate mistakes.
#include <doctest/doctest.h>
#include <unistd.h>
#include <filesystem>
#include "tests/mutations.hpp"
#include "tools/difftesting/difftest.hpp"
#include "traces/stage.hpp"

namespace ptmc::difftest {
namespace {

Totals run_quietly(const Options &options) {
  try {
    return run(
        options, [] { return false; }, [](const Totals &) {});
  } catch (const traces::NotPossible &reason) {
    const std::string what = reason.what();
    MESSAGE("skipped, not possible here: " << what);
    return {};
  }
}

TEST_CASE("the model explains random programs") {
  Options options;
  options.programs = 400;
  options.seconds = 120;
  const Totals totals = run_quietly(options);
  if (totals.programs == 0) return;
  CHECK(totals.rejections == 0);
  CHECK(totals.failed == 0);
  CHECK(totals.rules > 50);
}

TEST_CASE("random programs find deliberate mistakes, and make them small") {
  const std::filesystem::path directory =
      std::filesystem::temp_directory_path() / ("ptmc-difftest-" + std::to_string(getpid()));
  for (const std::string name : {"cont_ends_group_stop", "stop_is_reported_twice"}) {
    INFO(name);
    std::filesystem::remove_all(directory);
    const auto &all = tests::mutations();
    const auto mutation =
        std::find_if(all.begin(), all.end(), [&](const auto &m) { return m.name == name; });
    REQUIRE(mutation != all.end());
    Options options;
    options.seconds = 120;
    options.programs = 1500;
    options.rejections = 1;
    options.shrink_seconds = 5;
    options.directory = directory;
    options.mutate = mutation->mutate;
    const Totals totals = run_quietly(options);
    if (totals.programs == 0) return;
    CHECK(totals.rejections == 1);
    REQUIRE(totals.kept == 1);
    std::size_t steps = 0;
    for (const auto &file : std::filesystem::directory_iterator(directory))
      if (file.path().extension() == ".jsonl" && file.path().stem().string().starts_with("rej"))
        steps = traces::read_scenario(file.path()).steps.size();
    CHECK(steps > 0);
    CHECK(steps <= 30);
  }
  std::filesystem::remove_all(directory);
}

}  // namespace
}  // namespace ptmc::difftest
