// What an observer remembers of a run: fields beside the kernel's, which no rule reads.
#pragma once

#include <functional>
#include <string>

#include "model/property_parts.hpp"

namespace ptmc::checker {

// The value after a step: over the kernel's fields before and after it, and what is remembered
// before it.
using After = std::function<model::Expr(const model::StepView &step, model::Expr before)>;

// Adds such a field to the model, 0 in the initial state. The model's emitted code does not know
// it: explore it with the plain interpreter.
model::Field remember(model::Model &model, const std::string &name, int bits, const After &after);

// Such a field, by its name; throws std::out_of_range.
model::Field field_named(const model::Schema &schema, const std::string &name);
model::Expr remembered(const model::Model &model, const std::string &name);

}  // namespace ptmc::checker
