// Mutants: a rule of the model with one conjunct of its guard, or one of its effects, dropped or
// negated. They are generated from the rules, none is chosen.
#pragma once

#include <string>
#include <vector>

#include "checker/constant_fields.hpp"
#include "model/rule.hpp"

namespace ptmc::mutate {

enum class Change : std::uint8_t { drop_guard, negate_guard, drop_effect, negate_effect };

struct Mutant {
  std::string rule;
  Change change = Change::drop_guard;
  // The guard's name; or whose field is written: "own loc", "process jobs", "own private (other)".
  std::string part;
  std::string name() const;
  auto operator<=>(const Mutant &) const = default;
};

// All of these models' rules, each once, in the order of the rules. Only of `rule`, if not empty.
std::vector<Mutant> mutants_of(const std::vector<const model::Model *> &models,
                               const std::string &rule);

// Whether the mutant's rule is the instance's and has that part; then it is changed.
bool apply(const Mutant &mutant, const model::Schema &schema, model::Instance &instance);

// Whether both fold to the same guard and effects, once fields that are constants are replaced.
bool same_by_construction(const model::Instance &a, const model::Instance &b,
                          checker::ConstantFields &constants);

// The fields that the mutant is about in this instance: which its guard reads, or its effect
// writes.
std::vector<model::Field> fields_of(const Mutant &mutant, const model::Schema &schema,
                                    const model::Instance &instance);

}  // namespace ptmc::mutate
