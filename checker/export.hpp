// The transition relation for other checkers: Promela (Spin), Murphi (Rumur), constrained Horn
// clauses (Z3) and an explicit LTS (Aldebaran). All are written from the rules' own expressions.
//
// An `always` property becomes an assertion: over the states, or inside the steps that it is about.
#pragma once

#include <iosfwd>
#include <vector>

#include "model/property.hpp"

namespace ptmc::checker {

using Properties = std::vector<const model::Property *>;

// The model is one of a configuration; the properties are `always` and apply to it.
void export_promela(std::ostream &out, const model::Model &model, const Properties &properties);
void export_murphi(std::ostream &out, const model::Model &model, const Properties &properties);
void export_smt2(std::ostream &out, const model::Model &model, const Properties &properties);

// Every reachable state. A transition's label is what the tester sees (label_text), "i" is a hidden
// step. Throws std::bad_alloc where the states need more than `max_memory` bytes (0: no limit).
void export_aut(std::ostream &out, const model::Model &model, std::size_t max_memory = 0);
// The call, its result and what it showed. Not the rule: two rules of one label look the same.
std::string label_text(const model::Instance &instance, model::Value output);
std::string label_call(model::Actor actor, const model::Label &label);

}  // namespace ptmc::checker
