// A recording in which one fact is changed to what no kernel can show is rejected, at the changed
// call or after it. The changes are chosen at random among all of a kind that an argument about the
// recording's JSON (impossible.hpp) says are impossible; nothing of the model takes part in that.
#include "impossible.hpp"
#include <doctest/doctest.h>
#include <algorithm>
#include <random>
#include <sstream>
#include "model/input_error.hpp"
#include "traces/jsonl.hpp"
#include "traces/models.hpp"
#include "traces/replay.hpp"

namespace ptmc::impossible {
namespace {

const std::filesystem::path kTraces = std::filesystem::path(PTMC_SOURCE_DIR) / "tests/traces";

std::vector<Recording> corpus() {
  std::vector<Recording> all;
  for (const auto &entry : std::filesystem::directory_iterator(kTraces))
    if (entry.path().extension() == ".jsonl") all.emplace_back(entry.path());
  std::sort(all.begin(), all.end(), [](const auto &a, const auto &b) { return a.name < b.name; });
  return all;
}

void check_rejected(const Corruption &one, traces::Models &models) {
  Recording changed = *one.recording;
  const auto at = changed.calls.begin() + static_cast<std::ptrdiff_t>(one.at);
  if (one.added)
    changed.calls.insert(at, one.call);
  else
    *at = one.call;
  std::stringstream file;
  file << changed.header << '\n';
  for (const json &call : changed.calls) file << call << '\n';
  traces::ReplayOptions options;
  options.models = &models;
  const traces::ReplayResult result =
      traces::replay(traces::read_jsonl(file, changed.name), options);
  CHECK(result.gave_up == "");
  CHECK_FALSE(result.accepted);
  if (!result.divergence) return;
  // Not before: what is rejected had not ended when the changed call began.
  const auto rejected = static_cast<std::size_t>(result.divergence->line - 2);
  CHECK_FALSE(changed.before(rejected, one.at));
}

TEST_CASE("what is impossible is rejected, there or later") {
  constexpr std::size_t kOfAKind = 40;
  const std::vector<Recording> recordings = corpus();
  std::mt19937 random(110916);
  std::vector<std::pair<const Kind *, Corruption>> chosen;
  for (const Kind &kind : kinds()) {
    std::vector<Corruption> found;
    for (const Recording &r : recordings) kind.find(r, found);
    const std::string id = kind.id;
    INFO(id);
    CHECK(found.size() >= 10);
    std::shuffle(found.begin(), found.end(), random);
    found.resize(std::min(found.size(), kOfAKind));
    for (const Corruption &one : found) chosen.emplace_back(&kind, one);
  }
  // One recording's models are used while they are kept.
  std::stable_sort(chosen.begin(), chosen.end(), [](const auto &a, const auto &b) {
    return a.second.recording < b.second.recording;
  });
  traces::Models models({.signals = {}, .exit_codes = {}});
  std::size_t added = 0;
  for (const auto &choice : chosen) {  // no structured binding: INFO's lambda, Clang 14
    const Kind *kind = choice.first;
    const Corruption &one = choice.second;
    const std::string text = one.recording->name + ":" + std::to_string(one.at + 2) +
                             (one.added ? " added " : " ") + one.call.dump() + ": " + kind->id +
                             ", " + kind->why;
    INFO(text);
    try {
      check_rejected(one, models);
    } catch (const InputError &e) {
      FAIL_CHECK(e.what());
    }
    added += one.added;
  }
  MESSAGE(chosen.size(), " corruptions of ", kinds().size(), " kinds, ", added, " by a call more");
  CHECK(kinds().size() >= 12);
  CHECK(chosen.size() >= 1000);
}

}  // namespace
}  // namespace ptmc::impossible
