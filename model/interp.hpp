// The plain interpreter: runs the rules as they are written, one state at a time. It is the
// reference that every faster or symbolic form is compared with, and what replay, diagnosis and the
// re-execution of counterexamples use.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "model/rule.hpp"

namespace ptmc::model {

// Straight-line code for some expressions of a schema, shared subexpressions computed once.
class Tape {
 public:
  explicit Tape(const Schema &schema) : schema_(&schema) {}
  // Appends e; the result is register number `at` of the run once it has passed position `end`.
  struct Slot {
    std::uint32_t at, end;
  };
  Slot add(Expr e);
  // Computes the instructions up to `end` that `done` has not. regs: registers() values.
  void run(std::uint32_t &done, std::uint32_t end, Value *regs, const State &pre,
           const State &post) const;
  std::size_t registers() const { return code_.size(); }

 private:
  struct Code {
    Op op;
    std::uint8_t word, shift;
    std::uint32_t a, b, c;  // registers; field: a is the mask; constant: a is the value
  };
  const Schema *schema_;
  std::vector<Code> code_;
  std::unordered_map<std::uint32_t, std::uint32_t> register_of_;
};

// One instance as code. It keeps nothing of the instance, which may change or go.
class CompiledInstance {
 public:
  CompiledInstance(const Schema &schema, const Instance &instance);
  // regs: registers() values of scratch. See Interpreter.
  int blocked_by(const State &s, Value *regs) const;
  bool step(const State &s, State &next, Value *regs) const;
  Value output(const State &s, Value *regs) const;
  std::size_t registers() const { return tape_.registers(); }

 private:
  struct Assignment {
    Field field;
    Tape::Slot value;
  };
  const Schema *schema_;
  Tape tape_;
  std::vector<Tape::Slot> guards_;
  std::vector<Assignment> updates_;
  std::optional<Tape::Slot> output_;
};

class Interpreter {
 public:
  explicit Interpreter(const Model &model);
  // Compiles this instance again, which has changed in the model.
  void recompile(std::size_t instance);

  bool enabled(std::size_t instance, const State &s) const { return blocked_by(instance, s) < 0; }
  // The first guard that is false, or -1.
  int blocked_by(std::size_t instance, const State &s) const {
    if (watch) watch(instance, s);
    return compiled_[instance].blocked_by(s, regs_.data());
  }
  // If enabled: the successor.
  bool step(std::size_t instance, const State &s, State &next) const {
    if (watch) watch(instance, s);
    return compiled_[instance].step(s, next, regs_.data());
  }
  // The instance's output in the state before the step (0 if it has none).
  Value output(std::size_t instance, const State &s) const {
    return compiled_[instance].output(s, regs_.data());
  }

  const Model &model;
  // Told of each state in which an instance is looked at, if set.
  std::function<void(std::size_t instance, const State &)> watch;

 private:
  std::vector<CompiledInstance> compiled_;
  mutable std::vector<Value> regs_;  // one interpreter a thread
};

// One expression's value; slow, for properties and diagnosis.
Value evaluate(const Schema &schema, Expr e, const State &pre, const State &post);

}  // namespace ptmc::model
