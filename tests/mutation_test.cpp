// Every deliberate mistake of mutations.hpp is caught: a recorded trace is rejected, or a property
// fails in a small exploration; without it the traces are accepted and the properties hold.
#include <doctest/doctest.h>
#include <filesystem>
#include <map>
#include <set>
#include "checker/explore.hpp"
#include "tests/mutations.hpp"
#include "traces/replay.hpp"

namespace ptmc::tests {
namespace {

traces::ReplayResult replay_of(const std::string &trace, const traces::ReplayOptions &options) {
  const auto file = std::filesystem::path(PTMC_SOURCE_DIR) / "tests/traces" / (trace + ".jsonl");
  return traces::replay(traces::read_trace(file), options);
}

// Those of `properties` that fail.
std::set<std::string> failing(int threads, const std::vector<std::string> &properties,
                              void (*mutate)(Model &) = nullptr) {
  const Config config = mutated_config(threads);
  Model model({threads, {KILL, CONT, STOP}}, &config);
  if (mutate) mutate(model);
  checker::ExploreOptions options;
  options.fast = false;  // the emitted code has no mistakes
  options.property_ids = properties;
  const checker::ExploreResult result = checker::explore(model, options);
  CHECK(result.complete);
  std::set<std::string> failed;
  for (const checker::PropertyResult &r : result.properties)
    if (r.verdict != checker::Verdict::holds) failed.insert(r.property->id);
  return failed;
}

TEST_CASE("without mistakes the traces are accepted, and the properties hold") {
  std::set<std::string> traces;
  std::map<int, std::set<std::string>> properties;
  for (const Mutation &m : mutations()) {
    if (!m.trace.empty()) traces.insert(m.trace);
    if (!m.property.empty()) properties[m.threads].insert(m.property);
  }
  for (const std::string &trace : traces) {
    INFO(trace);
    CHECK(replay_of(trace, {}).accepted);
  }
  for (const auto &[threads, ids] : properties)
    CHECK(failing(threads, {ids.begin(), ids.end()}) == std::set<std::string>{});
}

TEST_CASE("every mistake is caught") {
  CHECK(mutations().size() >= 24);
  for (const Mutation &m : mutations()) {
    INFO(m.name);
    std::string caught;
    if (!m.trace.empty()) {
      traces::ReplayOptions options;
      options.mutate = m.mutate;
      const traces::ReplayResult result = replay_of(m.trace, options);
      CHECK(result.gave_up == "");
      CHECK_FALSE(result.accepted);
      if (result.divergence) caught = m.trace + " at " + result.divergence->observed;
    }
    if (!m.property.empty()) {
      CHECK(failing(m.threads, {m.property}, m.mutate) == std::set<std::string>{m.property});
      caught += (caught.empty() ? "" : "; ") + m.property;
    }
    CHECK(caught != "");
    MESSAGE(m.name, ": ", caught);
  }
}

}  // namespace
}  // namespace ptmc::tests
