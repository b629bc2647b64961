// A path through a model, and how it is shown: a numbered step for each rule, with what it changed
// instead of whole states.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "model/interp.hpp"
#include "model/property.hpp"

namespace ptmc::checker {

// From the initial state: instances[i] leads from states[i] to states[i + 1].
struct Counterexample {
  std::vector<std::size_t> instances;
  std::vector<model::State> states;
  // Of an `eventually` (lasso.hpp): what follows this state is repeated for ever; or it is the
  // last, in which all that should go on is stuck.
  std::optional<std::size_t> repeats_from = {};
};

struct TraceChange {
  std::string field;     // "t1.loc", "group_exit"
  std::string from, to;  // by name where there is one
};

struct TraceStep {
  int number = 0;  // from 1
  std::string actor, rule, parameters, effect;
  std::vector<std::string> functions;
  std::vector<TraceChange> changes;
  std::vector<std::string> stop_kinds;  // of each thread, after the step
};

std::vector<TraceStep> trace_steps(const model::Model &model, const Counterexample &trace);
std::string trace_text(const std::vector<TraceStep> &steps);

// A field's value by name: "sig_trap", "SIGSTOP", "seized"; a number where there is none.
std::string value_text(const model::Schema &schema, model::Field field, model::Value value);
// "t1.loc", "p1.jobs" (of the first process: "jobs"): one for each field.
std::string field_text(const model::Schema &schema, model::Field field);

// Takes each step. Throws std::logic_error where the trace is none.
void replay(const model::Interpreter &interpreter, const Counterexample &trace);

}  // namespace ptmc::checker
