#include "tools/ptmc/claim_evidence.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "tools/ptmc/data.hpp"
#include "tools/ptmc/exploration.hpp"
#include "traces/models.hpp"
#include "traces/stage.hpp"

namespace ptmc::tools {
namespace {

using checker::Part;
using checker::Verdict;

constexpr std::size_t kRuns = 3;  // of each scenario

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
  if (all.traces.empty()) return evidence;
  evidence.verdict = KernelEvidence::Verdict::not_contradicted;
  std::vector<std::string> seen;
  std::map<std::string, std::vector<const traces::Trace *>> accepted;  // by design
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
        if (!accepts(*t, design, change)) {
          by.push_back(t->file);
          break;
        }
    if (by.empty() || by.size() < changes.size()) continue;
    evidence.verdict = KernelEvidence::Verdict::seen;
    seen.push_back(fmt::format("{}: {}", fmt::join(by, " and "), part.statement));
  }
  if (!seen.empty()) evidence.reason = fmt::format("{}", fmt::join(seen, "; "));
  return evidence;
}

}  // namespace ptmc::tools
