#include "tools/ptmc/claim_evidence.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "checker/exercise.hpp"
#include "tools/ptmc/data.hpp"
#include "tools/ptmc/exploration.hpp"
#include "traces/models.hpp"
#include "traces/stage.hpp"
#include "traces/staging.hpp"

namespace ptmc::tools {
namespace {

using checker::Part;
using checker::Verdict;

constexpr std::size_t kRuns = 3;       // of each scenario
constexpr double kForcedSeconds = 20;  // of the search for one that it does not decide
constexpr std::size_t kAttempts = 10;  // of a run that the kernel's timing decides

// Among so many states runs that exercise a claim are looked for.
constexpr std::size_t kMostStates = 10'000;

// A design that kernels have, and the part is about runs of it alone.
bool on_this_kernel(const Part &part) {
  const checker::World &w = part.question.world;
  const bool changed = std::any_of(w.features.begin(), w.features.end(), [](model::Feature f) {
    return model::kFeatures[static_cast<std::size_t>(f)].group == 'd';
  });
  return (w.design == "legacy" || w.design == "linux-3.4") && !changed &&
         !std::holds_alternative<checker::Equal>(part.question.asks);
}

// The part is about something that a run shows, and the model can do it.
bool shown_by_a_run(const Part &part, Verdict answer) {
  const auto *holds = std::get_if<checker::Holds>(&part.question.asks);
  if (!holds) return answer == Verdict::holds;
  const bool always = holds->property.kind == model::PropertyKind::always;
  return answer == (always ? Verdict::violated : Verdict::holds);
}

struct Recordings {
  std::vector<traces::Trace> traces;
  std::string why_none;
};

std::string text(const Part &part) {
  return part.statement + (part.under.empty() ? "" : " [" + part.under + "]");
}

Recordings record(const std::vector<std::string> &scenarios) {
  Recordings all;
  if (scenarios.empty()) all.why_none = "no scenario is named for it";
  try {
    for (const std::string &name : scenarios)
      for (std::size_t k = 0; k < kRuns && !interrupted(); ++k) {
        traces::RunResult run = traces::run_scenario(find_scenario(name));
        run.trace.file = name;
        all.traces.push_back(std::move(run.trace));
      }
  } catch (const traces::NotPossible &e) {
    all.why_none = e.what();
  } catch (const traces::NotReached &e) {
    all.why_none = e.what();
  }
  return all;
}

bool accepts(const traces::Trace &trace, const std::string &design, const checker::Change &change) {
  traces::ReplayOptions options;
  options.design = design;
  options.mutate = change;
  return traces::replay(trace, options).accepted;
}

// The model explains the trace, and not without what the question is about.
bool shows(const traces::Trace &trace, const checker::Question &question) {
  return accepts(trace, question.world.design, question.remember) &&
         !accepts(trace, question.world.design, checker::forbidding({&question}));
}

// A run to the same that does not depend on the kernel's timing; nothing: none was found.
std::optional<checker::Counterexample> forced_run(const checker::Question &question) {
  const std::unique_ptr<model::Model> model = model_of(question);
  traces::settle(*model);
  std::vector<model::Property> one{std::get<checker::Holds>(question.asks).property};
  one[0].applies = [](const model::Config &) { return true; };
  checker::ExploreOptions how;
  how.properties = &one;
  how.fast = false;
  how.time_limit = kForcedSeconds;
  return checker::explore(*model, how).properties[0].trace;
}

// A run to it, made a scenario and tried on this kernel: the one that exploration found, if there
// is one that can be staged without luck, else another.
std::string tried(const checker::Question &question, std::optional<checker::Counterexample> run,
                  std::size_t &runs) {
  const std::unique_ptr<model::Model> model = model_of(question);
  const auto stage = [&] {
    return traces::staged(*model, run->instances, run->states, "a run of the model",
                          question.world.design);
  };
  traces::Staged staged;
  if (run) staged = stage();
  if (!run || staged.raced)
    if (auto forced = forced_run(question)) {
      run = std::move(forced);
      staged = stage();
    }
  if (!run) return "";
  if (!staged.why_not.empty()) return "";
  for (std::size_t attempt = 1; attempt <= kAttempts && !interrupted(); ++attempt) try {
      const traces::RunResult result = traces::run_scenario(staged.scenario);
      ++runs;
      if (shows(result.trace, question))
        return fmt::format("its shortest run, attempt {}", attempt);
      if (!staged.raced) break;
    } catch (const traces::NotReached &) {
      ++runs;
    }
  return "";
}

// What showed all that the part is about; empty: nothing did.
std::string seen_by(const Part &part, const checker::Answer &answer,
                    const std::vector<traces::Trace> &recorded, std::size_t &runs) {
  std::vector<std::string> by;
  const std::vector<checker::Question> shown = checker::shown_by_runs(part.question, answer);
  for (std::size_t k = 0; k < shown.size(); ++k) {
    const auto trace = std::find_if(recorded.begin(), recorded.end(),
                                    [&](const traces::Trace &t) { return shows(t, shown[k]); });
    if (trace != recorded.end())
      by.push_back(trace->file);
    else  // of a single run, exploration has found it
      by.push_back(tried(
          shown[k],
          shown.size() == 1 && !answer.runs.empty() ? std::optional(answer.runs[0]) : std::nullopt,
          runs));
    if (by.back().empty()) return "";
  }
  return fmt::format("{}", fmt::join(by, " and "));
}

// Of parts that say what never happens: runs in which it could are recorded, and the recordings in
// which the model does not need it to, and does, counted.
struct Kept {
  std::set<std::size_t> by, broken;
};
void keep(const std::vector<const checker::Question *> &alike, std::vector<traces::Trace> &recorded,
          Kept &kept) {
  const checker::Question &first = *alike.front();
  const std::string &design = first.world.design;
  const std::unique_ptr<model::Model> model = model_of(first);
  traces::settle(*model);
  std::vector<const model::Property *> properties;
  for (const checker::Question *q : alike)
    properties.push_back(&std::get<checker::Holds>(q->asks).property);
  for (const checker::Counterexample &run : checker::exercises(*model, properties, kMostStates)) {
    if (interrupted()) return;
    const std::string name = "a run to " + model->instances[run.instances.back()].name();
    const traces::Staged staged = traces::staged(*model, run.instances, run.states, name, design);
    if (staged.raced || !staged.why_not.empty()) continue;
    try {
      recorded.push_back(traces::run_scenario(staged.scenario).trace);
      recorded.back().file = name;
    } catch (const traces::NotReached &) {
    }
  }
  for (std::size_t k = 0; k < recorded.size(); ++k)
    if (accepts(recorded[k], design, first.remember))  // else it is no run of this world
      (accepts(recorded[k], design, checker::forbidding(alike)) ? kept.by : kept.broken).insert(k);
}

// The universal parts, by world and memory.
std::vector<std::vector<const checker::Question *>> universal(const checker::Decided &decided) {
  std::vector<std::vector<const checker::Question *>> all;
  for (std::size_t k = 0; k < decided.answers.size(); ++k) {
    const Part &part = decided.claim->parts[k];
    const Verdict answer = decided.answers[k].verdict();
    if (!on_this_kernel(part) || answer == Verdict::unknown || shown_by_a_run(part, answer) ||
        !std::holds_alternative<checker::Holds>(part.question.asks))
      continue;
    const auto same = std::find_if(all.begin(), all.end(), [&](const auto &group) {
      return checker::alike(*group.front(), part.question);
    });
    if (same == all.end())
      all.push_back({&part.question});
    else
      same->push_back(&part.question);
  }
  return all;
}

}  // namespace

KernelEvidence kernel_evidence(const checker::Decided &decided) {
  KernelEvidence evidence;
  const checker::Claim &claim = *decided.claim;
  if (std::none_of(claim.parts.begin(), claim.parts.end(), on_this_kernel)) {
    evidence.reason = "no kernel has this design";
    return evidence;
  }
  Recordings all = record(claim.scenarios);
  evidence.reason = all.why_none;
  std::vector<std::string> seen;
  Kept kept;
  try {
    for (std::size_t k = 0; k < claim.parts.size(); ++k) {
      const Part &part = claim.parts[k];
      const checker::Answers &answers = decided.answers[k];
      if (!on_this_kernel(part) || !shown_by_a_run(part, answers.verdict())) continue;
      const std::string by = seen_by(part, answers.explored, all.traces, evidence.runs);
      if (!by.empty()) seen.push_back(by + ": " + text(part));
    }
    for (const auto &alike : universal(decided)) keep(alike, all.traces, kept);
  } catch (const traces::NotPossible &e) {
    evidence.reason = e.what();
  }
  const auto names = [&](const std::set<std::size_t> &of) {
    std::set<std::string> once;
    for (const std::size_t k : of) once.insert(all.traces[k].file);
    return fmt::format("{}", fmt::join(once, ", "));
  };
  evidence.runs += all.traces.size();
  if (!kept.broken.empty()) {
    evidence.reason = "the model needs what is never to happen in " + names(kept.broken);
  } else if (!seen.empty()) {
    evidence.verdict = KernelEvidence::Verdict::seen;
    if (!kept.by.empty())
      seen.push_back(fmt::format("what is never to happen did not in {}", names(kept.by)));
    evidence.reason = fmt::format("{}", fmt::join(seen, "; "));
  } else if (!kept.by.empty()) {
    evidence.verdict = KernelEvidence::Verdict::not_contradicted;
    evidence.runs = kept.by.size();
    evidence.reason = names(kept.by);
  }
  return evidence;
}

}  // namespace ptmc::tools
