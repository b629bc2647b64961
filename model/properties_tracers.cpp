// Several tracers: each thread has at most one, whose tracees the others neither command nor lose.

#include "model/property_parts.hpp"

namespace ptmc::model {
namespace {

using enum Feature;

Expr has(const View &v, int t, int tracer) {
  return v.traced(t) && eq(v.get(v.t(t).by), static_cast<Value>(tracer));
}
bool attaches(const StepView &s, int t) {
  return s.succeeds(Action::attach, t) || s.succeeds(Action::seize, t);
}
bool waits(const StepView &s, int t) {
  return s.step.label.action == Action::wait && s.step.label.thread == t &&
         s.step.label.err == Err::ok && !(s.step.label.options & kNohang);
}

}  // namespace

void tracer_laws(Laws &all) {
  step_law(
      all,
      {"tracers.requests", "A request succeeds for the tracer that attached only",
       "A request of the second tracer succeeds", "ptrace_check_attach, 6.12; R13, R14",
       where({second_tracer}), anywhere},
      [](const StepView &s, int t) {
        bool request = false;
        for (int a = static_cast<int>(Action::interrupt); a <= static_cast<int>(Action::setsigmask);
             ++a)
          request = request || s.succeeds(static_cast<Action>(a), t);
        return truth(request && s.step.label.tracer == 1);
      },
      [](const StepView &s, int t) { return has(s.before, t, 1); });

  step_law(
      all,
      {"tracers.one",
       "ATTACH and SEIZE of a thread that has a tracer fail with EPERM, and of another succeed",
       "The second tracer attaches to a thread", "ptrace_attach, 6.12; R7, R146",
       where({second_tracer}), anywhere},
      [](const StepView &s, int t) { return truth(attaches(s, t) && s.step.label.tracer == 1); },
      [](const StepView &s, int t) { return !s.before.traced(t) && has(s.after, t, 1); });

  step_law(
      all,
      {"tracers.death", "A tracer's death frees its own tracees only",
       "The second tracer's death frees a tracee", "exit_ptrace, 6.12; R19, semantics 2.7",
       where({second_tracer, tracer_dies}), anywhere},
      [](const StepView &s, int t) {
        return truth(s.is("tracer.exit.unlink", t) && s.step.label.tracer == 1);
      },
      [](const StepView &s, int t) {
        return has(s.before, t, 1) && s.before.get(s.m.schema.tracers.back().dead) &&
               !s.after.traced(t);
      });

  step_law(
      all,
      {"tracers.wait",
       "wait reports another thread's tracee only to a thread of the same process, and only "
       "without "
       "__WNOTHREAD",
       "wait reports another thread's tracee", "do_wait, is_effectively_child, 6.12; R138",
       where({second_tracer, tracer_waits}), where({tracer_threads})},
      [](const StepView &s, int t) {
        if (!waits(s, t) || s.step.rule->actor != Actor::tracer) return truth(false);
        return s.before.traced(t) && !has(s.before, t, s.step.label.tracer);
      },
      [](const StepView &s, int) {
        return truth(s.m.schema.shape.tracer_threads && (s.step.label.options & kThreads));
      });
}

}  // namespace ptmc::model
