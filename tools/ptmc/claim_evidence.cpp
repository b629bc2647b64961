#include "tools/ptmc/claim_evidence.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

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

bool on_this_kernel(const std::string &design) {
  return design == "legacy" || design == "linux-3.4";
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

// Of the changes to the model, those without which it cannot explain the trace that it accepts.
std::size_t needed(const traces::Trace &trace, const std::string &design,
                   const std::vector<checker::Change> &changes) {
  return static_cast<std::size_t>(std::count_if(
      changes.begin(), changes.end(),
      [&](const checker::Change &change) { return !accepts(trace, design, change); }));
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

// The shortest run that exploration found, made a scenario and tried on this kernel.
std::string tried(const Part &part, const checker::Answer &answer, std::size_t &runs) {
  const std::string &design = part.question.world.design;
  const std::vector<checker::Change> changes = forbidding(part.question, answer);
  if (changes.size() != 1 || answer.runs.size() != 1) return "";
  const std::unique_ptr<model::Model> model = model_of(part.question);
  checker::Counterexample shown = answer.runs[0];
  const auto stage = [&] {
    return traces::staged(*model, shown.instances, shown.states, part.statement, design);
  };
  traces::Staged staged = stage();
  if (staged.raced)
    if (auto forced = forced_run(part.question)) {
      shown = std::move(*forced);
      staged = stage();
    }
  if (!staged.why_not.empty()) return "";
  for (std::size_t attempt = 1; attempt <= kAttempts && !interrupted(); ++attempt) try {
      const traces::RunResult run = traces::run_scenario(staged.scenario);
      ++runs;
      const bool explained = accepts(run.trace, design, part.question.remember);
      if (explained && needed(run.trace, design, changes) == 1)
        return fmt::format("its shortest run, attempt {}: {}", attempt, part.statement);
      if (!staged.raced) break;
    } catch (const traces::NotReached &) {
      ++runs;
    }
  return "";
}

}  // namespace

KernelEvidence kernel_evidence(const checker::Decided &decided) {
  KernelEvidence evidence;
  const checker::Claim &claim = *decided.claim;
  const bool real = std::any_of(claim.parts.begin(), claim.parts.end(), [](const Part &p) {
    return on_this_kernel(p.question.world.design);
  });
  if (!real) {
    evidence.reason = "no kernel has this design";
    return evidence;
  }
  const Recordings all = record(claim.scenarios);
  evidence.runs = all.traces.size();
  evidence.reason = all.why_none;
  std::vector<std::string> seen;
  std::map<std::string, std::vector<const traces::Trace *>> accepted;  // by design
  try {
    for (std::size_t k = 0; k < claim.parts.size(); ++k) {
      const Part &part = claim.parts[k];
      const std::string &design = part.question.world.design;
      const checker::Answers &answers = decided.answers[k];
      if (!on_this_kernel(design) || !shown_by_a_run(part, answers.verdict())) continue;
      const auto [explained, fresh] = accepted.try_emplace(design);
      for (const traces::Trace &t : all.traces)
        if (fresh && accepts(t, design, {})) explained->second.push_back(&t);
      const std::vector<checker::Change> changes = forbidding(part.question, answers.explored);
      std::vector<std::string> by;
      for (const checker::Change &change : changes)
        for (const traces::Trace *t : explained->second)
          if (needed(*t, design, {change})) {
            by.push_back(t->file);
            break;
          }
      if (!by.empty() && by.size() == changes.size())
        seen.push_back(fmt::format("{}: {}", fmt::join(by, " and "), part.statement));
      else if (std::string run = tried(part, answers.explored, evidence.runs); !run.empty())
        seen.push_back(std::move(run));
    }
  } catch (const traces::NotPossible &e) {
    evidence.reason = e.what();
  }
  if (evidence.runs) evidence.verdict = KernelEvidence::Verdict::not_contradicted;
  if (seen.empty()) return evidence;
  evidence.verdict = KernelEvidence::Verdict::seen;
  evidence.reason = fmt::format("{}", fmt::join(seen, "; "));
  return evidence;
}

}  // namespace ptmc::tools
