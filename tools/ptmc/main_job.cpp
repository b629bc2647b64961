// The main job: the RFC's claims decided, all four designs checked, then every scenario recorded on
// this kernel and held against the model. It fails only if a row cannot be computed, whatever the
// verdicts.

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <set>

#include "tools/ptmc/data.hpp"
#include "tools/ptmc/design_rules.hpp"
#include "tools/ptmc/exploration.hpp"
#include "tools/ptmc/pairs.hpp"
#include "tools/ptmc/verb.hpp"
#include "traces/models.hpp"
#include "traces/stage.hpp"

namespace ptmc::tools {
namespace {

constexpr double kPartLimit = 10;  // seconds; what Z3 does not prove in them is explored still

using checker::ExploreResult;
using checker::PropertyResult;
using checker::Verdict;

// ---- The designs
// ---------------------------------------------------------------------------------

// Property -> the designs that break it; and why, where that is known.
struct Violations {
  std::map<std::string, std::set<std::string>> designs;
  std::map<std::string, std::string> reason;
};

struct Tally {
  std::size_t held = 0, violated = 0, known = 0, unknown = 0;
};

Tally tally(const ExploreResult &result, const Subject &subject, Violations &violations) {
  Tally tally;
  for (const PropertyResult &r : result.properties) {
    if (r.verdict == Verdict::holds) ++tally.held;
    if (r.verdict == Verdict::unknown) ++tally.unknown;
    if (r.verdict != Verdict::violated) continue;
    ++tally.violated;
    violations.designs[r.property->id].insert(std::string(subject.spec.design->name));
    if (const auto *known = known_violation(*r.property, subject)) {
      ++tally.known;
      violations.reason[r.property->id] = known->reason;
    }
  }
  return tally;
}

bool check_row(const Subject &subject, Violations &violations) {
  const model::Config config = subject.config();
  const model::Model model(subject.shape(), &config);
  const ExploreResult result = explore_watched(model, watched_options());
  const Tally t = tally(result, subject, violations);
  fmt::print("{:<14} {:>7}  {:<10} {:>9} {:>12} {:>8.1f} {:>5} {:>9} {:>6}{}\n",
             subject.spec.design->name, subject.threads, subject.profile->name, result.states,
             result.transitions, result.seconds, t.held, t.violated, t.known,
             result.complete
                 ? ""
                 : fmt::format("  incomplete ({}), {} unknown", result.why_incomplete, t.unknown));
  std::fflush(stdout);
  return result.complete;
}

bool check_designs() {
  struct Row {
    int threads;
    std::string_view profile;
  };
  fmt::print("{:<14} {:>7}  {:<10} {:>9} {:>12} {:>8} {:>5} {:>9} {:>6}\n", "design", "threads",
             "profile", "states", "transitions", "seconds", "held", "violated", "known");
  Violations violations;
  bool complete = true;
  for (const Row &row : {Row{1, "default"}, Row{2, "group-stop"}})
    for (const model::Design &design : model::designs()) {
      if (interrupted()) break;
      const Subject subject{model::parse_design(design.name), &model::find_profile(row.profile),
                            row.threads};
      complete = check_row(subject, violations) && complete;
    }
  if (!violations.designs.empty()) fmt::print("\nviolated:\n");
  for (const auto &[property, designs] : violations.designs) {
    const auto reason = violations.reason.find(property);
    fmt::print("  {} by {}{}\n", property, fmt::join(designs, ", "),
               reason == violations.reason.end() ? "" : "; known: " + reason->second);
  }
  fmt::print(
      "\nEvery state was compared in full. The counterexamples: ptmc check --design D. Two "
      "threads and\nall requests: ptmc check --design D --threads 2, which takes minutes.\n");
  return complete;
}

// ---- This kernel
// ---------------------------------------------------------------------------------

struct Recorded {
  std::vector<traces::ReplayResult> replayed;
  std::vector<traces::ReplayResult> as_legacy;  // the same under legacy, which has not all calls
  std::vector<std::string> unexpected, not_reached;
};

// Throws NotPossible.
Recorded record_scenarios() {
  Recorded all;
  traces::Models models({.signals = {}, .siginfos = {}, .masks = {}, .exit_codes = {}});
  traces::ReplayOptions options;
  options.models = &models;
  options.witness = true;
  for (const traces::Scenario &scenario : all_scenarios()) {
    if (interrupted()) break;
    try {
      traces::RunResult run = traces::run_scenario(scenario);
      run.trace.file = scenario.name;
      all.unexpected.insert(all.unexpected.end(), run.unexpected.begin(), run.unexpected.end());
      options.design = "linux-3.4";
      all.replayed.push_back(traces::replay(run.trace, options));
      options.design = "legacy";
      all.as_legacy.push_back(traces::replay(run.trace, options));
    } catch (const traces::NotReached &e) {
      all.not_reached.push_back(e.what());
    }
  }
  return all;
}

void print_list(const char *title, const std::vector<std::string> &all) {
  if (all.empty()) return;
  fmt::print("{}:\n", title);
  for (const std::string &one : all) fmt::print("  {}\n", one);
}

void print_witnessed(const char *design, const std::vector<traces::ReplayResult> &replayed) {
  if (replayed.empty()) return;
  model::DesignSpec spec = model::parse_design(design);
  model::set_kernel(spec, replayed.front().kernel);
  fmt::print("{}", witnessed_text(design, design_rules(spec), summary_of(replayed)));
}

void replay_scenarios() {
  const Recorded all = record_scenarios();
  if (all.replayed.empty()) return;
  std::map<std::string_view, std::size_t> verdicts;
  std::vector<std::string> rejected;
  std::size_t events = 0;
  double allowed = 0;
  for (const traces::ReplayResult &r : all.replayed) {
    ++verdicts[!r.gave_up.empty() ? "unknown" : r.accepted ? "accepted" : "rejected"];
    if (r.divergence)
      rejected.push_back(
          fmt::format("{}: line {}: {}", r.file, r.divergence->line, r.divergence->observed));
    if (!r.gave_up.empty()) rejected.push_back(r.file + ": " + r.gave_up);
    if (!r.accepted) continue;
    events += r.events;
    allowed += r.mean_allowed_next * static_cast<double>(r.events);
  }
  fmt::print(
      "\nscenarios recorded on kernel {}: {} accepted, {} rejected, {} unknown, {} not "
      "reached; {} unexpected results\n",
      all.replayed.front().kernel, verdicts["accepted"], verdicts["rejected"], verdicts["unknown"],
      all.not_reached.size(), all.unexpected.size());
  print_list("rejected or unknown", rejected);
  print_list("not reached", all.not_reached);
  print_list("unexpected", all.unexpected);
  print_witnessed("linux-3.4", all.replayed);
  print_witnessed("legacy", all.as_legacy);
  if (events)
    fmt::print("observations that the model allowed per call, mean over {} calls: {:.2f}\n", events,
               allowed / static_cast<double>(events));
}

}  // namespace

int main_job() {
  catch_signals();
  fmt::print("what the RFC claims (ptmc claims ID: with its parts, runs and proofs):\n");
  claims_table(kPartLimit);
  fmt::print("\n");
  const bool complete = check_designs();
  try {
    replay_scenarios();
  } catch (const traces::NotPossible &e) {
    fmt::print("\nscenarios: not possible on this machine: {}\n", e.what());
  }
  if (interrupted()) fmt::print("\ninterrupted: what is above is all\n");
  return complete && !interrupted() ? kYes : kGaveUp;
}

}  // namespace ptmc::tools
