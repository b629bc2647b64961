// What the tester sees of a step: the call, its result and what it shows; hidden are the kernel's
// own steps alone. Two rules of one observation look the same.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "model/interp.hpp"

namespace ptmc::checker {

struct Observation {
  model::Actor actor = model::Actor::kernel;
  model::Label label;
  std::optional<model::Value> output;
  // A wait without WNOHANG that never returns, whatever the kernel does by itself.
  bool blocks = false;

  auto key() const {
    return std::make_tuple(actor, label.action, label.tracer, label.thread, label.arg,
                           label.options, label.err, output, blocks);
  }
  bool operator<(const Observation &o) const { return key() < o.key(); }
  bool operator==(const Observation &o) const { return key() == o.key(); }
  // One call, whatever it shows. WNOHANG does not count: a wait shows 0 or a report.
  bool same_call(const Observation &o) const;
};

std::string call_text(const Observation &o);
std::string result_text(const Observation &o);

// A call that a design has: who makes it, which one, with what.
struct Call {
  model::Actor actor;
  model::Action action;
  int arg;
  auto operator<=>(const Call &) const = default;
};
std::string text(const Call &call);

// What two designs are compared by.
struct Tester {
  Tester() = default;
  // All that both have: a request that a design only refuses is one that it lacks.
  Tester(const model::Model &left, const model::Model &right);
  // A call that the tester does not make, as the model has it.
  void leave_out(model::Action action, const model::Model &model);
  std::set<Call> left_only, right_only;
  // Where a kernel's last message (GETEVENTMSG) is not kept by the model, none is compared.
  bool messages = true, syscall_messages = true;
  // It is a tracer, which sees its own calls only.
  bool tracer_alone = false;
  bool errors_alike = false;  // that a call fails is seen, but not with which errno
};

// The observations of a model's instances.
class Observer {
 public:
  Observer(const model::Model &model, const Tester &tester);
  bool hidden(std::size_t instance) const { return kinds_[instance] == Kind::hidden; }
  // A call that only one design has.
  bool left_out(std::size_t instance) const { return kinds_[instance] == Kind::left_out; }
  // All that the step may be seen as; several, as a report is shown to calls of several options.
  std::vector<Observation> of(std::size_t instance, model::Value output,
                              const model::State &before) const;
  // Whether they depend on more than the output.
  bool needs_state(std::size_t instance) const;
  // Of "nothing there": the same call without WNOHANG, which blocks.
  static std::optional<Observation> blocking(const Observation &nothing);

 private:
  enum class Kind : std::uint8_t { hidden, left_out, seen };
  const model::Model &model_;
  const Tester &tester_;
  std::vector<Kind> kinds_;
};

}  // namespace ptmc::checker
