// Group-stop: the count of the threads that still have to stop, the flags, and what the real parent
// is told. The kernel's own assertions (WARN_ON_ONCE in task_participate_group_stop and
// do_jobctl_trap) are among them.

#include "model/property_parts.hpp"

namespace ptmc::model {
namespace {

using enum Feature;

bool can_disarm(const Config &c) { return c[parent_waits] || c[sig_CONT] || can_die(c); }

}  // namespace

void group_stop_laws(Laws &all) {
  // Where all threads are PF_EXITING the count may be stale: the last one leaves no group-stop
  // (exit_signals returns early for an empty group), and nobody reads it any more.
  state_law(
      all,
      {"stop_count.consumers",
       "Outside of group exit, group_stop_count is the number of threads that owe it one stop "
       "(STOP_CONSUME), as long as one thread is not yet PF_EXITING",
       "A thread owes group_stop_count a stop", "task_participate_group_stop, 6.1; semantics I3",
       anywhere, anywhere},
      [](const View &v, int) {
        Expr lives = truth(false), owes = ne(v.get(v.p->stop_count), 0);
        for (int u : v.group()) {
          lives = lives || (v.exists(u) && !v.exiting(u));
          owes = owes || v.get(v.t(u).consume);
        }
        return !v.get(v.p->group_exit) && lives && owes;
      },
      [](const View &v, int) {
        Expr owing = constant(0);
        for (int u : v.group())
          owing = owing + ite(v.get(v.t(u).consume), constant(1), constant(0));
        return eq(owing, v.get(v.p->stop_count));
      });

  state_law(
      all,
      {"stop_consume.pending",
       "A thread that owes group_stop_count a stop has STOP_PENDING, and knows the stop signal",
       "A thread owes group_stop_count a stop",
       "do_signal_stop, task_clear_jobctl_pending, 6.1; semantics 1.1", anywhere, anywhere},
      [](const View &v, int t) { return v.get(v.t(t).consume); },
      [](const View &v, int t) {
        return v.get(v.t(t).stop_pending) && v.is_stop_signal(v.t(t).stopsig);
      });

  state_law(
      all,
      {"stop_pending.group",
       "A thread has STOP_PENDING only while its group stops or is stopped, and not in group exit",
       "STOP_PENDING is set", "do_signal_stop, __ptrace_unlink, prepare_signal, 6.1; R41, R49, R82",
       anywhere, anywhere},
      [](const View &v, int t) { return v.get(v.t(t).stop_pending); },
      [](const View &v, int) { return v.group_stops() && !v.get(v.p->group_exit); });

  step_law(
      all,
      {"stop_pending.unlinked",
       "STOP_PENDING without STOP_CONSUME comes from losing the tracer in a group that stops or is "
       "stopped, or from being started in one that is stopped, and from nothing else",
       "A thread gets STOP_PENDING without STOP_CONSUME",
       "__ptrace_unlink, task_join_group_stop, 6.1; R18, R84, R85", anywhere, anywhere},
      [](const StepView &s, int t) {
        auto alone = [&](const View &v) {
          return v.get(v.t(t).stop_pending) && !v.get(v.t(t).consume);
        };
        return !alone(s.before) && alone(s.after);
      },
      [](const StepView &s, int t) {
        const Expr unlinked = s.before.traced(t) && !s.after.traced(t) && s.before.group_stops();
        return unlinked || (!s.before.exists(t) && s.before.jobs_are(Jobs::stopped));
      });

  step_law(
      all,
      {"unlink.rejoins",
       "A tracee that loses its tracer in a group that stops or is stopped leaves its trap and "
       "joins the stop again",
       "A tracee loses its tracer in a group that stops or is stopped",
       "__ptrace_unlink, 6.1; R18, semantics 2.6", anywhere, anywhere},
      [](const StepView &s, int t) {
        return s.before.traced(t) && !s.after.traced(t) && !s.before.exiting(t) &&
               s.after.group_stops();
      },
      [](const StepView &s, int t) {
        return s.after.get(s.after.t(t).stop_pending) && !s.after.in_trap(t);
      });

  state_law(
      all,
      {"stopped.untraced",
       "A STOPPED thread has no tracer, its group stops or is stopped, and SIGKILL is not pending",
       "A thread is STOPPED", "do_signal_stop, ptrace_set_stopped, 6.1; semantics I4, 1.1",
       anywhere, anywhere},
      [](const View &v, int t) { return v.at(t, {Loc::stopped}); },
      [](const View &v, int t) { return !v.traced(t) && v.group_stops() && !v.killed(t); });

  state_law(
      all,
      {"stop_signal.known",
       "While a group stops or is stopped each of its live threads knows a stop signal, which its "
       "next trap shows",
       "A live thread is in a group that stops or is stopped",
       "WARN_ON_ONCE(!signr) in do_jobctl_trap, 6.1; R82", anywhere, anywhere},
      [](const View &v, int t) { return v.group_stops() && v.exists(t) && !v.exiting(t); },
      [](const View &v, int t) { return v.is_stop_signal(v.t(t).stopsig); });

  state_law(
      all,
      {"stop_code.group",
       "The signal of a group-stop waits for the real parent from the start of the stop, and only "
       "while the group stops or is stopped",
       "The real parent has not been told of a group-stop",
       "do_signal_stop, task_stopped_code, 6.1; semantics 1.2, R82, R135", anywhere, anywhere},
      [](const View &v, int) {
        const Expr starts = ne(v.get(v.p->stop_count), 0) && !v.jobs_are(Jobs::stopped);
        return ne(v.get(v.p->stop_code), 0) || starts;
      },
      [](const View &v, int) { return v.is_stop_signal(v.p->stop_code) && v.group_stops(); });

  // Told at most once: the report is armed once for each stopped period; wait disarms it.
  step_law(
      all,
      {"parent.armed_once",
       "A group-stop that starts while the group is stopped is not reported to the real parent",
       "The report to the real parent is armed", "do_signal_stop, 6.1; R82, semantics P5", anywhere,
       anywhere},
      [](const StepView &s, int) {
        return !s.same(s.after.p->stop_code) && ne(s.after.get(s.after.p->stop_code), 0);
      },
      [](const StepView &s, int) {
        return !s.before.jobs_are(Jobs::stopped) && s.after.group_stops();
      });

  // Told exactly once, if it waits and neither SIGCONT nor death intervenes: armed when the group
  // is stopped, and disarmed by its wait only.
  step_law(
      all,
      {"parent.armed",
       "When the last thread of a group has stopped the signal for the real parent is there",
       "A group-stop is complete", "task_participate_group_stop, 6.1; R81, R92", anywhere,
       anywhere},
      [](const StepView &s, int) {
        return !s.before.jobs_are(Jobs::stopped) && s.after.jobs_are(Jobs::stopped);
      },
      [](const StepView &s, int) { return ne(s.after.get(s.after.p->stop_code), 0); });

  step_law(
      all,
      {"parent.disarmed",
       "The report of a group-stop goes by the real parent's wait, SIGCONT or group exit only",
       "The real parent's report goes", "wait_task_stopped, prepare_signal, 6.1; R44, R49, R135",
       anywhere, can_disarm},
      [](const StepView &s, int) {
        // A fork may put a new process in the place of one that is dead.
        return s.before.exists(s.m.schema.leader(s.before.process())) &&
               ne(s.before.get(s.before.p->stop_code), 0) &&
               eq(s.after.get(s.after.p->stop_code), 0);
      },
      [](const StepView &s, int) {
        const bool waits = s.step.label.action == Action::wait &&
                           s.step.rule->id.ends_with("wait.untraced") &&
                           s.m.schema.process_of(s.step.thread) == s.before.process();
        return truth(s.sends(CONT)) || s.after.get(s.after.p->group_exit) ||
               (truth(waits) && s.before.jobs_are(Jobs::stopped));
      });

  step_law(
      all,
      {"sigcont.wakes",
       "SIGCONT makes an untraced STOPPED thread and a listening tracee leave that stop",
       "SIGCONT is sent to a STOPPED or listening thread",
       "prepare_signal, ptrace_trap_notify, 6.1; R42, R43, semantics 3.4", anywhere,
       where({sig_CONT})},
      [](const StepView &s, int t) {
        return truth(s.sends(CONT)) &&
               (s.before.at(t, {Loc::stopped}) || s.before.get(s.before.t(t).listening));
      },
      [](const StepView &s, int t) {
        return !s.after.at(t, {Loc::stopped}) && !s.after.get(s.after.t(t).listening);
      });

  step_law(
      all,
      {"sigcont.ends_group_stop",
       "SIGCONT discards stop signals and the pending group-stop; a group that stops or is stopped "
       "becomes a continued one",
       "SIGCONT is sent to a group that is not in exit", "prepare_signal, 6.1; R41, R44", anywhere,
       where({sig_CONT})},
      [](const StepView &s, int) {
        return truth(s.sends(CONT)) && !s.before.get(s.before.p->group_exit);
      },
      [](const StepView &s, int) {
        const View &v = s.after;
        Expr ended = !v.stop_signal_pending() && eq(v.get(v.p->stop_count), 0) &&
                     eq(v.get(v.p->stop_code), 0);
        for (int u : v.group()) ended = ended && !v.get(v.t(u).stop_pending);
        return ended && ite(s.before.group_stops(), v.jobs_are(Jobs::continued), s.same(v.p->jobs));
      });

  step_law(
      all,
      {"sigcont.notifies",
       "SIGCONT leaves TRAP_NOTIFY for each live tracee whose stops are flagged, stopped or not",
       "SIGCONT is sent to a live tracee whose stops are flagged",
       "prepare_signal, ptrace_trap_notify, 6.1; R43, semantics P4", where({seize}), can_notify},
      [](const StepView &s, int t) {
        return truth(s.sends(CONT)) && s.before.flagged(t) && !s.before.killed(t) &&
               !s.before.exiting(t) && !s.before.get(s.before.p->group_exit);
      },
      [](const StepView &s, int t) { return s.after.get(s.after.t(t).trap_notify); });
}

}  // namespace ptmc::model
