// ptmc rules: every rule of a design, and how many recordings of a real kernel used it.

#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "model/designs.hpp"
#include "tools/ptmc/data.hpp"
#include "tools/ptmc/verb.hpp"

namespace ptmc::tools {
namespace {

struct Options {
  bool json = false;
  std::string design = "linux-3.4";
};

// The names of the guards of all instances, each once, in the order in which they are asked.
std::vector<std::string> guard_names(const model::Model &model, const model::Rule &rule) {
  std::vector<std::string> names;
  for (const model::Instance &i : model.instances)
    if (i.rule == &rule)
      for (const model::Guard &g : i.guards)
        if (std::find(names.begin(), names.end(), g.name) == names.end()) names.push_back(g.name);
  return names;
}

std::string_view actor(const model::Rule &rule) {
  return model::kActorNames[static_cast<std::size_t>(rule.actor)];
}

Json to_json(const model::Rule &rule, const std::vector<std::string> &guards,
             std::size_t witnessed) {
  Json json{{"id", rule.id},
            {"actor", actor(rule)},
            {"guard", guards},
            {"effect", rule.effect},
            {"kernel_functions", rule.functions},
            {"semantics", rule.semantics}};
  if (!rule.since.empty()) json["since"] = rule.since;
  if (!rule.until.empty()) json["until"] = rule.until;
  json["witnessed"] = witnessed;
  return json;
}

void print_text(const model::Rule &rule, const std::vector<std::string> &guards,
                std::size_t witnessed) {
  fmt::print("{} ({}): {}\n", rule.id, actor(rule), rule.effect);
  if (!guards.empty()) fmt::print("    if {}\n", fmt::join(guards, "; "));
  fmt::print("    {} [{}]", fmt::join(rule.functions, ", "), fmt::join(rule.semantics, ", "));
  if (!rule.since.empty()) fmt::print(", since {}", rule.since);
  if (!rule.until.empty()) fmt::print(", until {}", rule.until);
  fmt::print(", witnessed {}\n", witnessed);
}

int run(const Options &options) {
  const model::DesignSpec spec = model::parse_design(options.design);
  const model::Config config = model::replay_config(spec, false);
  const model::Model model(one_thread(), &config);
  const std::map<std::string, std::size_t> summary = read_summary();
  Json rules = Json::array();
  for (const model::Rule *rule : rules_with_instances(model)) {
    auto it = summary.find(rule->id);
    const std::size_t witnessed = it == summary.end() ? 0 : it->second;
    const std::vector<std::string> guards = guard_names(model, *rule);
    if (options.json)
      rules.push_back(to_json(*rule, guards, witnessed));
    else
      print_text(*rule, guards, witnessed);
  }
  if (options.json) print_json({{"design", spec.name()}, {"rules", rules}});
  return kYes;
}

}  // namespace

Verb rules_verb(CLI::App &program) {
  auto options = std::make_shared<Options>();
  CLI::App *command = program.add_subcommand(
      "rules", "every rule, and how often a real kernel was seen to take it");
  add_design(*command, options->design);
  add_format(*command, options->json);
  return {command, [=] { return run(*options); }};
}

}  // namespace ptmc::tools
