#include "tools/ptmc/design_rules.hpp"

#include <algorithm>

namespace ptmc::tools {
namespace {

void add(std::vector<DesignRule> &all, const model::Config &config) {
  const model::Model model({1, model::explored_signals()}, &config);
  for (const model::Instance &i : model.instances) {
    auto it = std::find_if(all.begin(), all.end(),
                           [&](const DesignRule &r) { return r.rule.id == i.rule->id; });
    DesignRule &rule = it == all.end() ? all.emplace_back(DesignRule{*i.rule, {}}) : *it;
    for (const model::Guard &g : i.guards)
      if (std::find(rule.guards.begin(), rule.guards.end(), g.name) == rule.guards.end())
        rule.guards.push_back(g.name);
  }
}

}  // namespace

std::vector<DesignRule> design_rules(const model::DesignSpec &spec) {
  std::vector<DesignRule> all;
  add(all, model::whole_config(spec, false));
  add(all, model::whole_config(spec, true));
  model::Config orphaned = model::whole_config(spec, false);
  orphaned[model::Feature::orphaned] = true;
  add(all, orphaned);
  std::sort(all.begin(), all.end(),
            [](const DesignRule &a, const DesignRule &b) { return a.rule.number < b.rule.number; });
  return all;
}

}  // namespace ptmc::tools
