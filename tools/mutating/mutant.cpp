#include "tools/mutating/mutant.hpp"

#include <algorithm>
#include <cctype>
#include <map>
#include <set>

#include "model/expr_graph.hpp"

namespace ptmc::mutate {
namespace {

using namespace model;

// Instances of a rule write the same effect to different fields: a field is named by what it is to
// the instance. A field of a signal is that of the instance's own one, or of another.
std::string part_of(const Schema &schema, Field f, const Instance &i) {
  const FieldInfo &info = schema[f];
  std::string name = info.name;
  if (const std::size_t dot = name.find('.'); dot != name.npos) {
    const bool its = i.parameters.ends_with(name.substr(dot + 1));
    name = name.substr(0, dot) + (its ? " (its signal)" : " (other)");
  }
  // Which tracer it is, the instance says.
  if (name.starts_with("tracer") && std::isdigit(static_cast<unsigned char>(name[6])))
    name.erase(6, 1);
  const int process = i.thread < 0 ? 0 : schema.process_of(i.thread);
  if (info.process < 0) return name;
  if (info.process != process) return (info.thread < 0 ? "other process " : "its thread ") + name;
  if (info.thread < 0) return "process " + name;
  return (info.thread == i.thread ? "own " : "thread ") + name;
}

// A guard that names a thread is one, whichever it names.
std::string part_of(const Guard &g) {
  std::string name = g.name;
  for (std::size_t i = 0; i + 1 < name.size(); ++i)
    if ((i == 0 || name[i - 1] == ' ') && name[i] == 't' && std::isdigit(name[i + 1]))
      name[i + 1] = 'N';
  return name;
}

// What a profile leaves out bounds an exploration; it is not the kernel's text.
bool is_bound(const Guard &g) { return g.name.starts_with("the profile "); }

Expr guard_of(const Instance &i, checker::ConstantFields &constants) {
  Expr all = truth(true);
  for (const Guard &g : i.guards) all = all && constants.fold(g.holds);
  return all;
}

}  // namespace

std::string Mutant::name() const {
  static constexpr const char *kWords[] = {"without", "negated", "leaves", "negates"};
  return rule + ": " + kWords[static_cast<int>(change)] + " \"" + part + "\"";
}

std::vector<Mutant> mutants_of(const std::vector<const Model *> &models, const std::string &rule) {
  std::vector<Mutant> all;
  std::set<Mutant> seen;
  auto add = [&](const Instance &i, Change change, const std::string &part) {
    const Mutant m{i.rule->id, change, part};
    if (seen.insert(m).second) all.push_back(m);
  };
  for (const Model *m : models)
    for (const Instance &i : m->instances) {
      if (!rule.empty() && i.rule->id != rule) continue;
      for (const Guard &g : i.guards) {
        if (is_bound(g)) continue;
        add(i, Change::drop_guard, part_of(g));
        add(i, Change::negate_guard, part_of(g));
      }
      for (const Update &u : i.updates) {
        const std::string part = part_of(m->schema, u.field, i);
        add(i, Change::drop_effect, part);
        if (node(u.value).truth && m->schema[u.field].bits == 1)
          add(i, Change::negate_effect, part);
      }
    }
  std::stable_sort(all.begin(), all.end(),
                   [](const Mutant &a, const Mutant &b) { return a.rule < b.rule; });
  return all;
}

bool apply(const Mutant &mutant, const Schema &schema, Instance &i) {
  if (i.rule->id != mutant.rule) return false;
  bool found = false;
  auto guard = [&](const Guard &g) { return part_of(g) == mutant.part; };
  auto update = [&](const Update &u) { return part_of(schema, u.field, i) == mutant.part; };
  switch (mutant.change) {
    case Change::drop_guard:
      return std::erase_if(i.guards, guard) > 0;
    case Change::negate_guard:
      for (Guard &g : i.guards)
        if (guard(g)) g.holds = !g.holds, found = true;
      return found;
    case Change::drop_effect:
      return std::erase_if(i.updates, update) > 0;
    case Change::negate_effect:
      for (Update &u : i.updates)
        if (update(u) && node(u.value).truth) u.value = !u.value, found = true;
      return found;
  }
  return false;
}

std::vector<Field> fields_of(const Mutant &mutant, const Schema &schema, const Instance &i) {
  std::set<Field> all;
  Nodes visited, read;
  if (mutant.change == Change::drop_guard || mutant.change == Change::negate_guard) {
    for (const Guard &g : i.guards)
      if (part_of(g) == mutant.part) add_fields(g.holds.node(), visited, read);
  } else {
    for (const Update &u : i.updates)
      if (part_of(schema, u.field, i) == mutant.part) all.insert(u.field);
  }
  for (std::uint32_t f : read) all.insert(static_cast<Field>(f));
  return {all.begin(), all.end()};
}

bool same_by_construction(const Instance &a, const Instance &b,
                          checker::ConstantFields &constants) {
  const Expr guard = guard_of(a, constants);
  if (!guard.same(guard_of(b, constants))) return false;
  if (guard.is(0)) return true;
  // What is left of the effects, by field.
  const auto effects = [&](const Instance &i) {
    std::map<Field, std::uint32_t> all;
    for (const Update &u : i.updates)
      if (const Expr value = constants.fold(u.value);
          !constants.holds(u.field) || !value.same(constants.values().at(u.field)))
        all.emplace(u.field, value.node());
    return all;
  };
  return effects(a) == effects(b);
}

}  // namespace ptmc::mutate
