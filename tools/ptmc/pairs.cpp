#include "tools/ptmc/pairs.hpp"

#include <fmt/format.h>

#include <bit>
#include <map>

#include "tools/ptmc/exploration.hpp"
#include "tools/ptmc/verb.hpp"

namespace ptmc::tools {
namespace {

using model::kStopKindNames;

// Bit by StopKind, by the rule's id.
using Reached = std::map<std::string, std::uint32_t>;

// False: the exploration was ended.
bool reach(const Subject &subject, Reached &reached) {
  static const std::vector<model::Property> none;
  checker::ExploreOptions options = watched_options();
  options.kinds = true;
  options.properties = &none;
  const model::Config config = subject.config();
  const model::Model model(subject.shape(), &config);
  const checker::ExploreResult result = explore_watched(model, options);
  for (std::size_t i = 0; i < result.kinds.size(); ++i)
    if (result.kinds[i]) reached[model.instances[i].rule->id] |= result.kinds[i];
  return result.complete;
}

std::size_t seen(const Summary &summary, const std::string &rule, std::size_t kind) {
  const auto of_rule = summary.pairs.find(rule);
  if (of_rule == summary.pairs.end()) return 0;
  const auto it = of_rule->second.find(std::string(kStopKindNames[kind]));
  return it == of_rule->second.end() ? 0 : it->second;
}

}  // namespace

std::string witnessed_text(const std::string &design, const std::vector<DesignRule> &rules,
                           const Summary &summary) {
  std::string never;
  std::size_t count = 0;
  for (const DesignRule &r : rules) {
    if (summary.rules.contains(r.rule.id)) {
      ++count;
      continue;
    }
    never += fmt::format("  {}{}\n", r.rule.id, r.rule.unseen.empty() ? "" : ": " + r.rule.unseen);
  }
  return fmt::format("rules of {} witnessed: {} of {} ({} %)\n{}{}", design, count, rules.size(),
                     100 * count / rules.size(), never.empty() ? "" : "never witnessed:\n", never);
}

int print_pairs(const model::DesignSpec &spec, const Summary &summary) {
  Reached reached;
  std::vector<std::string> profiles;
  for (const model::Profile &profile : model::profiles()) {
    const Subject subject{spec, &profile, 1};
    if (!reach(subject, reached)) return kGaveUp;
    profiles.push_back(fmt::format("`{}`", profile.name));
  }
  std::size_t all = 0, both = 0, more = 0;
  std::string rows;
  for (const DesignRule &r : design_rules(spec)) {
    const std::uint32_t kinds = reached[r.rule.id];
    std::string row = fmt::format("| `{}` |", r.rule.id);
    for (std::size_t k = 0; k < kStopKindNames.size(); ++k) {
      const std::size_t times = seen(summary, r.rule.id, k);
      const bool is_reached = kinds >> k & 1;
      all += is_reached;
      both += is_reached && times;
      more += !is_reached && times;
      row += !is_reached && times ? fmt::format(" ({}) |", times)
             : times              ? fmt::format(" {} |", times)
             : is_reached         ? " - |"
                                  : " |";
    }
    rows += row + "\n";
  }
  fmt::print(
      "# Rules and stop kinds: {}\n\n"
      "Written by `ptmc rules --pairs --design {}`, of what `tools/witness` has recorded. A row is "
      "a rule, a column\n"
      "the stop kind in which the thread was that took the step, or was acted upon (the leader, "
      "where none was).\n"
      "A number: in so many of {} recordings on kernel {} every explanation has the pair. `-`: one "
      "thread\n"
      "reaches it, but it was never seen. In brackets: seen, but not reached by one thread.\n\n"
      "Of {} pairs that one thread reaches, {} were seen ({} %); {} more were seen "
      "that it does not\n"
      "reach. Explored were the profiles {}.\n\n",
      spec.name(), spec.name(), summary.runs, summary.kernel, all, both, 100 * both / all, more,
      fmt::join(profiles, ", "));
  fmt::print("| rule | {} |\n|---|", fmt::join(kStopKindNames, " | "));
  for (std::size_t k = 0; k < kStopKindNames.size(); ++k) fmt::print("--:|");
  fmt::print("\n{}", rows);
  return kYes;
}

}  // namespace ptmc::tools
