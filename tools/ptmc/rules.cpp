// ptmc rules: every rule of a design, and how many recordings of a real kernel witnessed it.

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <memory>

#include "tools/ptmc/data.hpp"
#include "tools/ptmc/design_rules.hpp"
#include "tools/ptmc/pairs.hpp"
#include "tools/ptmc/verb.hpp"

namespace ptmc::tools {
namespace {

struct RulesOptions {
  bool json = false, pairs = false;
  std::string design = "linux-3.4";
};

std::string_view actor(const model::Rule &rule) {
  return model::kActorNames[static_cast<std::size_t>(rule.actor)];
}

Json to_json(const DesignRule &r, std::size_t witnessed) {
  Json json{{"id", r.rule.id},
            {"actor", actor(r.rule)},
            {"guard", r.guards},
            {"effect", r.rule.effect},
            {"kernel_functions", r.rule.functions},
            {"semantics", r.rule.semantics}};
  if (!r.rule.since.empty()) json["since"] = r.rule.since;
  if (!r.rule.until.empty()) json["until"] = r.rule.until;
  if (!r.changes.empty()) json["changed"] = r.changes;
  json["witnessed"] = witnessed;
  if (!r.rule.unseen.empty()) json["unseen"] = r.rule.unseen;
  return json;
}

void print_text(const DesignRule &r, std::size_t witnessed) {
  fmt::print("{} ({}): {}\n", r.rule.id, actor(r.rule), r.rule.effect);
  if (!r.guards.empty()) fmt::print("    if {}\n", fmt::join(r.guards, "; "));
  fmt::print("    {} [{}]", fmt::join(r.rule.functions, ", "), fmt::join(r.rule.semantics, ", "));
  if (!r.rule.since.empty()) fmt::print(", since {}", r.rule.since);
  if (!r.rule.until.empty()) fmt::print(", until {}", r.rule.until);
  if (!r.changes.empty()) fmt::print(", changed in {}", fmt::join(r.changes, ", "));
  fmt::print(", witnessed {}\n", witnessed);
  if (!r.rule.unseen.empty()) fmt::print("    cannot be witnessed: {}\n", r.rule.unseen);
}

int run_rules(const RulesOptions &options) {
  const model::DesignSpec spec = model::parse_design(options.design);
  const Summary summary = read_summary(std::string(spec.design->name));
  if (options.pairs) return print_pairs(spec, summary);
  Json rules = Json::array();
  const std::vector<DesignRule> all = design_rules(spec);
  for (const DesignRule &rule : all) {
    const auto it = summary.rules.find(rule.rule.id);
    const std::size_t witnessed = it == summary.rules.end() ? 0 : it->second;
    if (options.json)
      rules.push_back(to_json(rule, witnessed));
    else
      print_text(rule, witnessed);
  }
  if (options.json)
    print_json({{"design", spec.name()}, {"rules", rules}});
  else
    fmt::print("\n{}", witnessed_text(spec.name(), all, summary));
  return kYes;
}

}  // namespace

Command rules_verb() {
  auto options = std::make_shared<RulesOptions>();
  return {.name = "rules",
          .about = "every rule, and how often a real kernel was seen to take it",
          .options = {design_option(options->design),
                      format_option(options->json),
                      {.name = "--pairs",
                       .about = "the pairs of a rule and a stop kind that one thread reaches, and "
                                "which were seen: Markdown",
                       .sets = &options->pairs,
                       .excludes = "--format"}},
          .run = [=] { return run_rules(*options); }};
}

}  // namespace ptmc::tools
