#include "checker/constant_fields.hpp"

#include <algorithm>

#include "model/expr_graph.hpp"

namespace ptmc::checker {

using namespace model;

namespace {

// The fields in subtractions. They are not replaced: where none is below zero, an impossible
// branch may be once they are constants.
Nodes subtracted(const Model &m) {
  Nodes seen, in_them, fields;
  auto look = [&](Expr e) {
    each_node(e.node(), seen, [&](std::uint32_t n) {
      if (node(Expr(n)).op == Op::sub) add_fields(n, in_them, fields);
    });
  };
  for (const Instance &i : m.instances) {
    for (const Guard &g : i.guards) look(g.holds);
    for (const Update &u : i.updates) look(u.value);
  }
  return fields;
}

}  // namespace

ConstantFields::ConstantFields(const Model &m) {
  const State initial = m.initial();
  const Nodes not_replaced = subtracted(m);
  for (Field f = 0; f < m.schema.size(); ++f)
    if (!not_replaced.contains(f)) values_.fields.emplace(f, constant(m.schema.get(initial, f)));
  for (bool changed = true; changed;) {
    std::vector<Field> vary;
    for (const Instance &i : m.instances) {
      if (never_steps(i)) continue;
      for (const Update &u : i.updates)
        if (holds(u.field) && !fold(u.value).same(values_.fields.at(u.field)))
          vary.push_back(u.field);
    }
    for (Field f : vary) values_.fields.erase(f);
    values_.done.clear();
    changed = !vary.empty();
  }
}

bool ConstantFields::never_steps(const Instance &i) {
  return std::any_of(i.guards.begin(), i.guards.end(),
                     [&](const Guard &g) { return fold(g.holds).is(0); });
}

}  // namespace ptmc::checker
