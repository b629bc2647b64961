#include "tools/ptmc/design_rules.hpp"

#include <algorithm>
#include <cstdio>
#include <map>
#include <set>

namespace ptmc::tools {
namespace {

void add(std::vector<DesignRule> &all, const model::Config &config) {
  const model::Model model({2, model::explored_signals()}, &config);
  for (const model::Instance &i : model.instances) {
    auto it = std::find_if(all.begin(), all.end(),
                           [&](const DesignRule &r) { return r.rule.id == i.rule->id; });
    DesignRule &rule = it == all.end() ? all.emplace_back(DesignRule{*i.rule, {}, {}}) : *it;
    for (const model::Guard &g : i.guards)
      if (std::find(rule.guards.begin(), rule.guards.end(), g.name) == rule.guards.end())
        rule.guards.push_back(g.name);
  }
}

using Version = std::pair<int, int>;

std::string text(Version v) { return std::to_string(v.first) + "." + std::to_string(v.second); }

// The features that an expression asks for.
void asked(model::Expr e, std::set<std::uint32_t> &seen, std::set<std::uint32_t> &features) {
  if (!seen.insert(e.node()).second) return;
  const model::Node &n = model::node(e);
  if (n.op == model::Op::config) features.insert(n.a);
  if (n.op == model::Op::constant || n.op == model::Op::config || n.op == model::Op::field ||
      n.op == model::Op::primed)
    return;
  for (const std::uint32_t operand : {n.a, n.b, n.c}) asked(model::Expr(operand), seen, features);
}

// Whether no instance is enabled where the feature has this value.
bool never(const std::vector<const model::Instance *> &all, model::Feature f, model::Value value) {
  return std::all_of(all.begin(), all.end(), [&](const model::Instance *i) {
    model::Substitution s;
    s.config.emplace(static_cast<std::uint32_t>(f), model::constant(value));
    return model::substitute(i->enabled, s).is(0);
  });
}

void add_versions(std::vector<DesignRule> &rules) {
  const model::Model model({2, model::explored_signals()}, nullptr);
  std::map<std::string, std::vector<const model::Instance *>> instances;
  for (const model::Instance &i : model.instances) instances[i.rule->id].push_back(&i);
  for (DesignRule &rule : rules) {
    const auto &own = instances[rule.rule.id];
    std::set<std::uint32_t> seen, features;
    for (const model::Instance *i : own) {
      asked(i->enabled, seen, features);
      for (const model::Guard &g : i->guards) asked(g.holds, seen, features);
      for (const model::Update &u : i->updates) asked(u.value, seen, features);
      if (i->output) asked(*i->output, seen, features);
    }
    std::set<Version> changes;
    for (const model::KernelFeature &k : model::kernel_features()) {
      if (!features.count(static_cast<std::uint32_t>(k.feature))) continue;
      const Version version{k.major, k.minor};
      if (never(own, k.feature, 0))
        rule.rule.since = rule.rule.since.empty() ? text(version) : rule.rule.since;
      else if (never(own, k.feature, 1))
        rule.rule.until = text(version);
      else
        changes.insert(version);
    }
    Version since{};
    std::sscanf(rule.rule.since.c_str(), "%d.%d", &since.first, &since.second);
    for (const Version &v : changes)
      if (v > since) rule.changes.push_back(text(v));
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
  add_versions(all);
  std::sort(all.begin(), all.end(),
            [](const DesignRule &a, const DesignRule &b) { return a.rule.number < b.rule.number; });
  return all;
}

}  // namespace ptmc::tools
