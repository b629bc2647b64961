// What the properties are made of: the fields before and after a step, and laws.
//
// A law makes a claim about a subject. It becomes two properties: always, whatever thread, the
// subject implies the claim; and sometimes, for some thread, the subject occurs. Nothing here uses
// the helpers of the rules (kernel.hpp): a mistake there must not be shared.
#pragma once

#include <initializer_list>

#include "model/property.hpp"

namespace ptmc::model {

// The fields in a state: before a step, or after it.
class View {
 public:
  explicit View(const Model &m) : m(m), p(&m.schema.process[0]) {}
  // After a step of the instance. What it does not assign keeps its value and reads as before.
  View(const Model &m, const Instance &step);

  // The same, about the process of this thread.
  View about(int thread) const;
  std::vector<int> group() const { return m.schema.group(process_); }
  int process() const { return process_; }

  Expr get(Field f) const;
  const ThreadFields &t(int thread) const { return m.schema.thread[thread]; }

  Expr at(int thread, std::initializer_list<Loc> any) const;
  Expr from(int thread, Loc first) const;  // there or at a later location of the enumeration
  Expr in_trap(int thread) const;          // asleep in ptrace_stop
  Expr exists(int thread) const;
  Expr alone(int thread) const;  // no other thread of its process exists
  Expr exiting(int thread) const { return from(thread, Loc::exit_notify); }  // PF_EXITING
  Expr exits(int thread) const;  // in do_exit or after it, or about to be: no way back to user mode
  Expr killed(int thread) const { return get(t(thread).pend[KILL]); }
  Expr dying(int thread) const { return killed(thread) || exits(thread); }
  Expr tracing_is(int thread, Traced how) const;
  Expr traced(int thread) const { return !tracing_is(thread, Traced::no); }
  Expr tracer_of(int thread, Field TracerFields::*of) const;  // of the one that has it
  Expr flagged(int thread) const;  // its job control traps carry PTRACE_EVENT_STOP
  Expr jobs_are(Jobs flags) const { return eq(get(p->jobs), static_cast<Value>(flags)); }
  Expr group_stops() const;  // group_stop_count > 0 or SIGNAL_STOP_STOPPED
  Expr is_stop_signal(Field sig) const;
  Expr blocked(int thread, Sig sig) const;
  Expr pending(Sig sig) const;  // in any queue
  Expr stop_signal_pending() const;

  const Model &m;
  const ProcessFields *p;

 private:
  int process_ = 0;
  std::vector<bool> assigned_;  // empty: before the step
};

struct StepView {
  StepView(const Model &m, const Instance &i) : StepView(m, i, View(m), View(m, i)) {}
  StepView(const Model &m, const Instance &i, View before, View after)
      : m(m), step(i), before(std::move(before)), after(std::move(after)) {}
  const Model &m;
  const Instance &step;
  View before, after;
  StepView about(int thread) const;

  bool is(std::string_view rule, int thread) const;
  // A call of the tracer on this thread, and it succeeds.
  bool succeeds(Action action, int thread) const;
  // __send_signal_locked, to the process that this is about: kill, tgkill, the signal of a resumed
  // syscall-stop, a requeued one; not PTRACE_KILL's, ATTACH's and EXITKILL's.
  bool sends(Sig sig) const;
  Expr same(Field f) const { return eq(before.get(f), after.get(f)); }
  Expr same_all(const std::vector<Field> &but = {}) const;
  Expr enters(int thread, std::initializer_list<Loc> any) const;
};

// The instance can take its step.
Expr can(const Instance &i);

struct Law {
  std::string id;
  std::string statement;
  std::string witness;  // the statement of the `sometimes`
  std::string source;
  std::function<bool(const Config &)> applies;
  std::function<bool(const Config &)> reached;  // where the subject can occur
};
// applies and reached of laws: everywhere, or where all of these features are on.
bool anywhere(const Config &c);
std::function<bool(const Config &)> where(std::initializer_list<Feature> all);
// What explorations let happen, for `reached`: false only where it cannot, or is hard to tell.
bool can_flag(const Config &c);  // a tracee whose job control traps carry PTRACE_EVENT_STOP
bool can_notify(const Config &c);
bool can_interrupt(const Config &c);
bool can_listen(const Config &c);
bool can_die(const Config &c);  // the process
bool can_send_sigkill(const Config &c);

using Laws = std::vector<Property>;
template <class Over>
using Part = std::function<Expr(const Over &, int thread)>;
void state_law(Laws &all, const Law &law, Part<View> subject, Part<View> claim);
void step_law(Laws &all, const Law &law, Part<StepView> subject, Part<StepView> claim);
void ending_law(Laws &all, const Law &law, const std::vector<std::string> &fair,
                const std::string &measure, Part<View> lasts, Part<View> rank);

// The properties, by what they are about; each in its file.
void group_stop_laws(Laws &all);
void trap_laws(Laws &all);
void signal_laws(Laws &all);
void request_laws(Laws &all);
void call_laws(Laws &all);
void exit_laws(Laws &all);
void process_laws(Laws &all);
void parent_laws(Laws &all);
void tracer_laws(Laws &all);
void wait_laws(Laws &all);
void course_laws(Laws &all);
void normal_form_laws(Laws &all);
void ending_laws(Laws &all);

}  // namespace ptmc::model
