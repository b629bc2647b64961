// What an observer remembers of a run: fields beside the kernel's, which no rule reads.
#pragma once

#include <functional>
#include <string>

#include "model/property_parts.hpp"

namespace ptmc::model {

// The value after a step: over the kernel's fields before and after it, and what is remembered
// before it.
using After = std::function<Expr(const StepView &step, Expr before)>;

// Adds such a field to the model, 0 in the initial state. The model's emitted code does not know
// it: explore it with the plain interpreter.
Field remember(Model &model, const std::string &name, int bits, const After &after);

// Such a field, by its name; throws std::out_of_range.
Field field_named(const Schema &schema, const std::string &name);
Expr remembered(const Model &model, const std::string &name);

}  // namespace ptmc::model
