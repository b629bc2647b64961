// What the properties are made of: the state before and after a step, and laws.
//
// A law says what holds (its claim) of something that happens (its subject). It becomes two
// properties: `always` subject implies claim, for every thread, and `sometimes` the subject occurs.
// Nothing here uses the helpers of the rules (kernel.hpp): a mistake there must not be shared.
#pragma once

#include <initializer_list>
#include <vector>

#include "model/property.hpp"

namespace ptmc::model {

// The fields before a step, or after it.
class View {
 public:
  explicit View(const Model &m) : m(m), p(m.schema.process) {}
  // After a step of the instance. What it does not assign keeps its value, and reads as before.
  View(const Model &m, const Instance &step);

  Expr get(Field f) const;
  const ThreadFields &t(int thread) const { return m.schema.thread[thread]; }
  int threads() const { return m.threads(); }

  Expr at(int thread, std::initializer_list<Loc> any) const;
  Expr in_trap(int thread) const;  // asleep in ptrace_stop
  Expr exists(int thread) const;
  Expr exiting(int thread) const;      // PF_EXITING
  Expr begins_exit(int thread) const;  // it cannot return to user mode
  Expr killed(int thread) const { return get(t(thread).pend[KILL]); }
  Expr dying(int thread) const { return killed(thread) || begins_exit(thread); }
  Expr traced(int thread) const { return ne(get(t(thread).tracing), 0); }
  Expr tracing_is(int thread, Traced how) const;
  Expr flagged(int thread) const;         // its job control traps carry PTRACE_EVENT_STOP
  Expr group_stopping() const;            // group_stop_count > 0 or SIGNAL_STOP_STOPPED
  Expr jobs_are(Jobs flags) const;        //
  Expr stop_signal(Field f) const;        // the field holds one of the four
  Expr is_pending(Sig sig) const;         // in any queue
  Expr stop_is_pending() const;           // one of the four, in any queue
  Expr blocked(int thread, Sig sig) const;

  const Model &m;
  const ProcessFields &p;

 private:
  std::vector<bool> assigned_;  // empty: before the step
};

struct StepView {
  const Model &m;
  const Instance &step;
  View before, after;

  bool is(std::string_view rule) const { return step.rule->id == rule; }
  bool is(std::string_view rule, int thread) const { return is(rule) && step.thread == thread; }
  // A call of the tracer on this thread, which succeeds.
  bool succeeds(Action action, int thread) const;
  bool sends(Sig sig) const;  // __send_signal_locked is called; EXITKILL: see sends_exitkill
  Expr unchanged(Field f) const { return eq(before.get(f), after.get(f)); }
  Expr becomes(Expr was, Expr is) const { return !was && is; }
};

struct Law {
  std::string id;
  std::string statement;
  std::string witness;  // the sentence of the `sometimes`
  std::string source;
  std::function<bool(const Config &)> applies;
  std::function<bool(const Config &)> reached;  // where the subject can occur
};

using Laws = std::vector<Property>;
void state_law(Laws &all, Law law, std::function<Expr(const View &, int)> subject,
               std::function<Expr(const View &, int)> claim);
void step_law(Laws &all, Law law, std::function<Expr(const StepView &, int)> subject,
              std::function<Expr(const StepView &, int)> claim);

}  // namespace ptmc::model
