#include "model/family.hpp"

#include <map>
#include <stdexcept>
#include <string>
#include <tuple>

namespace ptmc::model {
namespace {

Shape with_processes(Shape shape, int processes) {
  shape.processes = processes;
  return shape;
}

// What a field is, seen from its process: fields of different processes that are alike are equal.
std::tuple<int, int, std::string> place(const Schema &schema, Field f, int process) {
  const FieldInfo &i = schema[f];
  const int thread = i.thread < 0 ? -1 : i.thread - schema.leader(process);
  return {i.process < 0 ? -1 : i.process - process, thread, i.name};
}

// The fields of `from`'s process that those of `to`'s correspond to.
std::vector<std::pair<Field, Field>> alike(const Schema &from, int process, const Schema &to,
                                           int to_process, bool shared) {
  std::map<std::tuple<int, int, std::string>, Field> places;
  for (Field f = 0; f < from.size(); ++f)
    if (from[f].process == process || (shared && from[f].process < 0))
      places.emplace(place(from, f, process), f);
  std::vector<std::pair<Field, Field>> pairs;
  for (Field f = 0; f < to.size(); ++f) {
    if (to[f].process != to_process && !(shared && to[f].process < 0)) continue;
    const auto found = places.find(place(to, f, to_process));
    if (found == places.end())
      throw std::logic_error("a field of one process is not in the other: " + to[f].name);
    pairs.emplace_back(found->second, f);
  }
  return pairs;
}

void copy(const std::vector<std::pair<Field, Field>> &pairs, const Schema &from, const State &s,
          const Schema &to, State &t) {
  for (auto [source, target] : pairs) to.set(t, target, from.get(s, source));
}

}  // namespace

Birth::Birth(const Model &parent, const Model &child)
    : parent_(parent),
      child_(child),
      family_(with_processes(parent.schema.shape, 2), &*parent.config, {fork_rules}),
      interpreter_(family_),
      lift_(alike(parent.schema, 0, family_.schema, 0, true)),
      project_(alike(family_.schema, 1, child.schema, 0, false)) {}

std::optional<State> Birth::child_of(const State &parent, int thread) const {
  const Schema &schema = family_.schema;
  State before, after;
  copy(lift_, parent_.schema, parent, schema, before);
  for (std::size_t i = 0; i < family_.instances.size(); ++i) {
    const Label &label = family_.instances[i].label;
    if (label.action != Action::fork || label.thread != thread || label.arg != schema.leader(1))
      continue;
    if (!interpreter_.step(i, before, after)) continue;
    State child;
    copy(project_, schema, after, child_.schema, child);
    for (std::size_t k = 0; k < schema.tracers.size(); ++k)
      child_.schema.set(child, child_.schema.tracers[k].dead,
                        schema.get(after, schema.tracers[k].dead));
    // The real parent's disposition is in its own process's fields, not in the role's; but
    // CLONE_PARENT's real parent is the parent's.
    const bool sibling =
        schema.get(before, schema.thread[static_cast<std::size_t>(thread)].flags) & kCloneParent;
    const bool ignores = sibling ? schema.get(after, schema.parent.ignores) != 0
                                 : schema.get(after, schema.process[0].disposition[CHLD]) == 1;
    child_.schema.set(child, child_.schema.parent.ignores, ignores);
    return child;
  }
  return std::nullopt;
}

}  // namespace ptmc::model
