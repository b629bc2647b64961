#include "model/remember.hpp"

#include <stdexcept>

namespace ptmc::model {

Field remember(Model &m, const std::string &name, int bits, const After &after) {
  const Field field = m.schema.add(name, bits);
  const Expr before = m.schema.read(field);
  for (Instance &i : m.instances) {
    Substitution step;
    for (const Update &u : i.updates) step.primed.emplace(u.field, u.value);
    const Expr value = substitute(after(StepView(m, i), before), step);
    if (!value.same(before)) i.updates.push_back({field, value});
  }
  return field;
}

Field field_named(const model::Schema &schema, const std::string &name) {
  for (Field f = 0; f < schema.size(); ++f)
    if (schema[f].name == name) return f;
  throw std::out_of_range("no field " + name);
}

Expr remembered(const Model &m, const std::string &name) {
  return m.schema.read(field_named(m.schema, name));
}

}  // namespace ptmc::model
