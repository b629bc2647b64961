// The steps of the model that explain a call (ask.hpp), in order, and when it is over.
#pragma once

#include <array>
#include <functional>
#include <string>
#include <vector>

#include "model/interp.hpp"
#include "traces/ask.hpp"

namespace ptmc::traces {

// One stage of a call: one of these instances fires, with the output that was observed.
struct Stage {
  std::vector<std::size_t> instances;
  std::function<bool(const model::Instance &, model::Value output)> shows;  // empty: whatever
};

// Whether a thread there sleeps in TASK_TRACED or TASK_STOPPED, or is about to.
constexpr bool in_stop(model::Loc loc) {
  return loc >= model::Loc::entry_trap && loc <= model::Loc::stopped;
}

struct Plan : Ask {
  std::vector<Stage> stages;
  // The same inside a system call that SYSCALL traces: entered first, then the stages.
  std::vector<Stage> traced_stages;
  std::function<bool(const model::State &)> holds;  // Kind::state
  // All instances of the same call, whatever it returns: for what else was allowed.
  std::vector<std::size_t> alternatives;
};

// Whether the tracer sees the system calls of this thread: SYSCALL, SYSEMU, a step.
bool shows_calls(const model::Schema &schema, const model::State &s, int thread);
// Whether the caller is where this stage of its own call happens: in user mode, or inside the
// system call that SYSCALL traces; what follows an execve, in the new program.
bool happens_here(const Plan &plan, std::size_t stage, bool inside, const model::Schema &schema,
                  const model::State &s);
// Whether the process of the thread that has called execve is in the new program, its own code.
bool runs_new_program(const Plan &plan, const model::Schema &schema, const model::State &s);
// Whether the thread that the instance acts upon is the one that the call names (Step::execed).
bool is_there(const Plan &plan, const model::Instance &instance, const model::Schema &schema,
              const model::State &s);
// No dead tracer has a tracee.
bool dead_trace_nobody(const model::Schema &schema, const model::State &s);

// Finds instances by what an observer sees.
class Index {
 public:
  explicit Index(const model::Model &model);
  std::vector<std::size_t> find(model::Action action, model::Actor actor,
                                const std::function<bool(const model::Label &)> &matches) const;
  const std::vector<std::size_t> &hidden() const { return hidden_; }
  const model::Model &model;

 private:
  std::vector<std::size_t> hidden_;
};

// Some instances, by where their thread must be: only few can fire at one control location.
class ByLocation {
 public:
  ByLocation(const model::Model &model, const std::vector<std::size_t> &instances);
  template <class Visit>
  void each(const model::State &s, Visit &&visit) const {
    for (std::size_t t = 0; t < at_.size(); ++t)
      for (std::size_t i :
           at_[t][static_cast<std::size_t>(model_->schema.loc(s, static_cast<int>(t)))])
        visit(i);
  }

 private:
  const model::Model *model_;
  std::vector<std::array<std::vector<std::size_t>, static_cast<std::size_t>(model::Loc::COUNT)>>
      at_;
};

Plan plan(const Ask &ask, const Index &index);
inline Plan plan(const Event &event, const Names &names, const Index &index) {
  return plan(ask(event, names), index);
}
// What tells one outcome of a call from another.
std::uint64_t outcome_key(const model::Instance &instance, model::Value output);
// An outcome of a call as text: "ret 0", "-1 ESRCH", "status 0x80057f".
std::string outcome(const model::Instance &instance, model::Value output, const Names &names);
// The call with results that show this outcome, each of which does.
std::vector<Event> observations(const Event &call, const model::Instance &instance,
                                model::Value output, const Names &names);

}  // namespace ptmc::traces
