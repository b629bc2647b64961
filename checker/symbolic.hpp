// The rules as Z3 terms: a walk over the same nodes that every interpretation walks.
//
// A field is a constant of its width, a truth value a Bool. Type-correct is what fits: each field
// may have any value of its bits. Values are computed as wide as they can become, a difference in
// 32 bits as in the interpreter; what is assigned to a field is cut to the field's width.
#pragma once

#include <z3++.h>

#include <optional>
#include <unordered_map>
#include <vector>

#include "model/rule.hpp"

namespace ptmc::checker {

// One term for each field of a state: Bool for a truth value, else a bit-vector of the field's
// bits.
using Terms = std::vector<z3::expr>;

// Constants named after the fields: "t0.loc" + suffix.
Terms state_constants(z3::context &context, const model::Schema &schema, const std::string &suffix);
z3::expr value_term(z3::context &context, const model::FieldInfo &field, model::Value value);
// The state is this one.
z3::expr is_state(const model::Schema &schema, const Terms &terms, const model::State &state);

// Expressions over the states that `pre` and, for primed fields, `post` stand for; both outlive it.
class Translator {
 public:
  Translator(z3::context &context, const model::Schema &schema, const Terms &pre,
             const Terms *post = nullptr)
      : context_(context), schema_(schema), pre_(pre), post_(post) {}

  z3::expr term(model::Expr e);                       // Bool for a truth value, else a bit-vector
  z3::expr holds(model::Expr e);                      // Bool
  z3::expr bits(model::Expr e, unsigned width);       // cut or extended to so many bits
  z3::expr value(model::Field field, model::Expr e);  // as the field is

 private:
  z3::expr make(const model::Node &n);
  z3::expr wide(model::Expr e);  // a bit-vector, as wide as it is

  z3::context &context_;
  const model::Schema &schema_;
  const Terms &pre_;
  const Terms *post_;
  std::unordered_map<std::uint32_t, z3::expr> done_;
};

// An instance over the state that the translator's `pre` stands for.
z3::expr enabled_term(Translator &translate, const model::Instance &instance);
// The state after it: the updates, every other field as before.
Terms next_terms(Translator &translate, const model::Instance &instance, const Terms &pre);

// One of the two can take its step and the other not, or both can and get to different states.
z3::expr steps_differ(Translator &translate, const model::Instance &a, const model::Instance &b,
                      const Terms &pre);

// The state that a model of the solver gives to the constants; what it leaves open is 0.
model::State state_in(const z3::model &model, const model::Schema &schema, const Terms &constants);

}  // namespace ptmc::checker
