// What a recorded call asks of the model: the steps that explain it, in order, and when it is over.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "model/interp.hpp"
#include "traces/trace.hpp"

namespace ptmc::traces {

// The numbers of a trace as the model has them: threads, exit codes, signals, option sets.
struct Names {
  explicit Names(const Trace &trace);  // closed worlds
  // One process of an open world, by itself: exit codes and most signals are only "some other".
  Names(pid_t tracer, pid_t tracee, std::vector<int> option_sets, bool one_process);

  int thread(pid_t tid) const;  // -1: none of the tracee's
  model::Sig signal(int number) const;
  std::optional<model::Value> exit_code(int code) const;  // its index; none: no such exit
  // A wait status, an event message or a death's si_status in the model's words.
  std::optional<model::Value> status(int word) const;
  int option_set(std::uint64_t data) const;  // kInvalidOptions where a bit is unknown

  static model::Default default_action(int number);

  std::vector<pid_t> threads;
  model::Default other_default = model::Default::fatal;  // of the signal that OTHER stands for
  int other = 0;                                         // that signal; closed worlds
  std::uint64_t tracer_ends = UINT64_MAX;                // it may be dead from then on
  std::vector<int> codes;                                // codes[i] is the exit code with index i
  std::vector<int> option_sets;
  bool open = false;
  bool one_process = false;  // the tracer is the real parent
  pid_t tracer = 0, parent = 0, tracee = 0;
};

model::Shape shape_of(const Trace &trace, const Names &names);
// The arguments of SEIZE and SETOPTIONS that occur.
std::vector<int> option_sets_of(const Trace &trace);
// The shape of each process of an open world.
model::Shape open_shape(const Trace &trace);

// One stage of a call: one of these instances fires, with the output that was observed.
struct Stage {
  std::vector<std::size_t> instances;
  std::function<bool(const model::Instance &, model::Value output)> shows;  // empty: whatever
};

enum class Ends : std::uint8_t {
  at_once,   // after its last stage
  attached,  // when the tracer no longer sleeps in its attach
  in_user,   // when its thread is back in user mode, in no handler
  never,     // it does not return
  exited,    // when the dead tracer has no tracee any more
};

struct Plan {
  enum class Kind : std::uint8_t {
    nothing,     // no effect on the model, and nothing to check
    impossible,  // no model state shows this
    steps,       // stages
    state,       // an observation of the state alone
    handler,     // the run of a handler that was entered before
  };
  Kind kind = Kind::nothing;
  std::vector<Stage> stages;
  // The same inside a system call that SYSCALL traces: entered first, then the stages.
  std::vector<Stage> traced_stages;
  Ends ends = Ends::at_once;
  int thread = -1;          // the tracee's thread that makes the call
  bool by_main = false;     // the thread's main program makes it: not while a handler runs
  bool lingers = false;     // what it does may also come after its return
  bool asks_where = false;  // its stages do not: see happens_here
  std::function<bool(const model::State &)> holds;  // Kind::state
  model::Sig handled = model::NONE;                 // Kind::handler
  // All instances of the same call, whatever it returns: for what else was allowed.
  std::vector<std::size_t> alternatives;
  std::string unmodelled;  // not empty: the model does not cover this call
};

// Whether the tracer sees the system calls of this thread: SYSCALL, SYSEMU, a step.
bool shows_calls(const model::Schema &schema, const model::State &s, int thread);
// Whether the caller is where this stage of its own call happens: in user mode, or inside the
// system call that SYSCALL traces.
bool happens_here(const Plan &plan, std::size_t stage, bool inside, const model::Schema &schema,
                  const model::State &s);
bool nobody_is_traced(const model::Schema &schema, const model::State &s);

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

Plan plan(const Event &event, const Names &names, const Index &index);
// What tells one outcome of a call from another.
std::uint64_t outcome_key(const model::Instance &instance, model::Value output);
// An outcome of a call as text: "ret 0", "-1 ESRCH", "status 0x80057f".
std::string outcome(const model::Instance &instance, model::Value output, const Names &names);

}  // namespace ptmc::traces
