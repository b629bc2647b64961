// Traps: who may sleep in one, what its entry does, what ends it, and that no request for one and
// no report of one is lost.

#include "model/property_parts.hpp"

namespace ptmc::model {
namespace {

using enum Feature;

// The thread can take a step of its own.
Expr goes_on(const View &v, int t) {
  Expr any = truth(false);
  for (const Instance &i : v.m.instances) {
    // These two are the tracer's, though nobody chooses them.
    const bool tracers = i.rule->id == "attach.wakes" || i.rule->id == "tracer.exit.unlink";
    if (i.thread != t || i.rule->actor != Actor::kernel || tracers) continue;
    Expr enabled = i.enabled;
    for (const Guard &g : i.guards) enabled = enabled && g.holds;
    any = any || enabled;
  }
  return any;
}

}  // namespace

void trap_laws(Laws &all) {
  state_law(
      all,
      {"trap.traced", "A thread sleeps in a trap only while it is traced", "A thread is in a trap",
       "ptrace_stop, __ptrace_unlink, 6.1; semantics 4.2", anywhere, anywhere},
      [](const View &v, int t) { return v.in_trap(t); },
      [](const View &v, int t) { return v.traced(t); });

  state_law(
      all,
      {"listening.trapped",
       "A listening thread is a tracee in a trap of do_jobctl_trap, with PTRACE_EVENT_STOP unless "
       "the design listens by option",
       "A thread is listening", "ptrace_request, ptrace_stop, 6.1; semantics I1", where({seize}),
       can_listen},
      [](const View &v, int t) { return v.get(v.t(t).listening); },
      [](const View &v, int t) {
        const Expr bare = v.m.on(stop_options) && v.at(t, {Loc::group_trap});
        return v.traced(t) && (v.at(t, {Loc::event_trap}) || bare);
      });

  state_law(
      all,
      {"trapping.traps",
       "While TRAPPING is set the thread is a live tracee on its way to a trap, TRAP_STOP is "
       "pending, and its attacher sleeps or is dead",
       "TRAPPING is set", "ptrace_set_stopped, task_clear_jobctl_trapping, 6.12; semantics I2",
       anywhere, anywhere},
      [](const View &v, int t) { return v.get(v.t(t).trapping); },
      [](const View &v, int t) {
        const Expr sleeps = eq(v.tracer_of(t, &TracerFields::attaching), static_cast<Value>(t + 1));
        return v.traced(t) && v.get(v.t(t).trap_stop) && !v.dying(t) &&
               v.at(t, {Loc::relock, Loc::loop}) && (sleeps || v.tracer_of(t, &TracerFields::dead));
      });

  state_law(
      all,
      {"trapping.ends",
       "While an attacher sleeps, TRAPPING is over or the thread can take a step of its own",
       "An attacher sleeps", "ptrace_attach, 6.12; R11", anywhere, anywhere},
      [](const View &v, int t) {
        return eq(v.tracer_of(t, &TracerFields::attaching), static_cast<Value>(t + 1));
      },
      [](const View &v, int t) { return !v.get(v.t(t).trapping) || goes_on(v, t); });

  // I6 and I7 are one: a stop without siginfo is the legacy group-stop.
  state_law(
      all,
      {"group_trap.attached",
       "Only a tracee that was not seized has a stop without siginfo, the legacy group-stop",
       "A tracee is in a legacy group-stop", "do_jobctl_trap, 6.1; semantics I6, I7",
       [](const Config &c) { return !c[stop_options]; }, anywhere},
      [](const View &v, int t) { return v.at(t, {Loc::group_trap}); },
      [](const View &v, int t) {
        return v.tracing_is(t, Traced::attached) && eq(v.get(v.t(t).info), 0);
      });

  state_law(
      all,
      {"event_trap.seized", "Only a seized tracee stops with PTRACE_EVENT_STOP",
       "A tracee is in PTRACE_EVENT_STOP", "do_jobctl_trap, 6.1; semantics 0", where({hidden_bit}),
       can_interrupt},
      [](const View &v, int t) { return v.at(t, {Loc::event_trap}); },
      [](const View &v, int t) { return v.tracing_is(t, Traced::seized); });

  state_law(
      all,
      {"trap_notify.seized", "TRAP_NOTIFY is set for seized tracees only", "TRAP_NOTIFY is set",
       "WARN_ON_ONCE in ptrace_trap_notify, 6.1; semantics 1.1", where({hidden_bit}), can_notify},
      [](const View &v, int t) { return v.get(v.t(t).trap_notify); },
      [](const View &v, int t) { return v.tracing_is(t, Traced::seized); });

  state_law(
      all,
      {"untraced.clean", "A thread without a tracer has no trap pending, no option and no SYSCALL",
       "A thread is not traced", "__ptrace_unlink, 6.1; R18", anywhere, anywhere},
      [](const View &v, int t) { return !v.traced(t); },
      [](const View &v, int t) {
        const ThreadFields &f = v.t(t);
        Expr clean = truth(true);
        for (Field bit : {f.trap_stop, f.trap_notify, f.trapping, f.listening, f.systrace})
          clean = clean && !v.get(bit);
        for (Field option : f.option) clean = clean && !v.get(option);
        return clean;
      });

  state_law(
      all,
      {"jobctl_trap.signal",
       "A trap of do_jobctl_trap shows a stop signal; SIGTRAP where the stop is flagged, or by the "
       "RFC's options",
       "A tracee is in a trap of do_jobctl_trap", "WARN_ON_ONCE(!signr) in do_jobctl_trap, 6.1",
       anywhere, anywhere},
      [](const View &v, int t) {
        return v.at(t, {Loc::event_trap, Loc::group_trap});
      },
      [](const View &v, int t) {
        const Expr plain = v.at(t, {Loc::event_trap}) || v.m.on(stop_options);
        return v.is_stop_signal(v.t(t).sig) || (plain && eq(v.get(v.t(t).sig), TRAP));
      });

  step_law(
      all,
      {"trap.entry",
       "Entering a trap publishes its report, and clears TRAP_STOP and TRAPPING; PTRACE_EVENT_STOP "
       "also clears TRAP_NOTIFY, and a trap of do_jobctl_trap STOP_PENDING",
       "A thread enters a trap", "ptrace_stop, 6.1; R91", anywhere, anywhere},
      [](const StepView &s, int t) { return !s.before.in_trap(t) && s.after.in_trap(t); },
      [](const StepView &s, int t) {
        const View &v = s.after;
        const ThreadFields &f = v.t(t);
        const Expr notify = v.at(t, {Loc::event_trap}) && v.get(f.trap_notify);
        const Expr stop = v.at(t, {Loc::event_trap, Loc::group_trap}) && v.get(f.stop_pending);
        return v.get(f.report) && !v.get(f.listening) && !v.get(f.trap_stop) &&
               !v.get(f.trapping) && !notify && !stop;
      });

  step_law(
      all,
      {"jobctl_trap.kind",
       "do_jobctl_trap flags the stop of a tracee that was seized, or whose options ask for it, "
       "and no other's",
       "A tracee enters a trap of do_jobctl_trap", "do_jobctl_trap, 6.1; R64, R65, RFC (1)",
       anywhere, anywhere},
      [](const StepView &s, int t) {
        return s.enters(t, {Loc::event_trap, Loc::group_trap});
      },
      [](const StepView &s, int t) {
        return ite(s.before.flagged(t), s.after.at(t, {Loc::event_trap}),
                   s.after.at(t, {Loc::group_trap}));
      });

  step_law(
      all,
      {"event_stop.signal",
       "PTRACE_EVENT_STOP shows the stop signal if its group stops or is stopped when it is "
       "entered, and SIGTRAP if not",
       "A tracee enters PTRACE_EVENT_STOP", "do_jobctl_trap, 6.1; R64, semantics 5.3",
       where({seize}), can_interrupt},
      [](const StepView &s, int t) { return s.enters(t, {Loc::event_trap}); },
      [](const StepView &s, int t) {
        const ThreadFields &f = s.after.t(t);
        const Expr shown = eq(s.after.get(f.sig), s.before.get(f.stopsig));
        return ite(s.before.group_stops(), shown && s.after.is_stop_signal(f.sig),
                   eq(s.after.get(f.sig), TRAP));
      });

  step_law(
      all,
      {"stop.lasts",
       "A thread leaves a trap by a request that resumes, DETACH, the tracer's death, SIGKILL "
       "(PTRACE_KILL, group exit, a sibling's exec) only; if it is listening also by INTERRUPT, "
       "SIGCONT and a group-stop, and by LISTEN itself with a notification due",
       "A thread leaves a trap", "ptrace_stop, 6.1; semantics 3.4", anywhere, anywhere},
      [](const StepView &s, int t) { return s.before.in_trap(t) && !s.same(s.before.t(t).loc); },
      [](const StepView &s, int t) {
        const ThreadFields &f = s.before.t(t);
        bool resumed = s.is("tracer.exit.unlink", t) || s.is("kill.resume", t);
        for (Action a : {Action::cont, Action::syscall, Action::singlestep, Action::sysemu,
                         Action::sysemu_singlestep, Action::detach})
          resumed = resumed || s.succeeds(a, t);
        const Expr retraps =
            truth(s.succeeds(Action::interrupt, t) || s.sends(CONT)) || s.after.get(f.consume);
        const Expr notified = truth(s.succeeds(Action::listen, t)) && s.before.get(f.trap_notify);
        return truth(resumed) || s.after.killed(t) || notified ||
               (s.before.get(f.listening) && retraps);
      });

  step_law(
      all,
      {"report.once",
       "wait takes the report of a stop, and only the start of another stop makes a new one",
       "A report is made or taken", "wait_task_stopped, ptrace_stop, 6.1; R134, semantics P1",
       anywhere, anywhere},
      [](const StepView &s, int t) {
        return truth(s.is("wait.stop", t)) ||
               (!s.before.get(s.before.t(t).report) && s.after.get(s.after.t(t).report));
      },
      [](const StepView &s, int t) {
        const Field report = s.before.t(t).report;
        if (s.is("wait.stop", t)) return s.before.get(report) && !s.after.get(report);
        return !s.before.in_trap(t) && s.after.in_trap(t);
      });

  step_law(
      all,
      {"report.lasts",
       "The report of a stop goes by wait, by LISTEN, or when the thread leaves the stop only",
       "A report goes", "wait_task_stopped, ptrace_resume, 6.1; R23, R93, R134", anywhere,
       anywhere},
      [](const StepView &s, int t) {
        return s.before.get(s.before.t(t).report) && !s.after.get(s.after.t(t).report);
      },
      [](const StepView &s, int t) {
        return truth(s.is("wait.stop", t) || s.succeeds(Action::listen, t)) ||
               !s.same(s.before.t(t).loc);
      });

  step_law(
      all,
      {"trap_stop.kept",
       "A trap that was asked for (TRAP_STOP) is given up only for another trap, for the loss of "
       "the tracer, for death, or for an exec that has other threads to kill",
       "TRAP_STOP is cleared", "ptrace_stop, __ptrace_unlink, zap_other_threads, 6.1; P3", anywhere,
       anywhere},
      [](const StepView &s, int t) {
        return s.before.get(s.before.t(t).trap_stop) && !s.after.get(s.after.t(t).trap_stop);
      },
      [](const StepView &s, int t) {
        return (!s.before.in_trap(t) && s.after.in_trap(t)) || !s.after.traced(t) ||
               s.after.dying(t) || truth(s.step.rule->id == "exec.begin");
      });

  step_law(
      all,
      {"trap_notify.kept",
       "A notification (TRAP_NOTIFY) goes by a trap of do_jobctl_trap, the loss of the tracer, "
       "death or an exec that has other threads to kill only",
       "TRAP_NOTIFY is cleared", "ptrace_stop, __ptrace_unlink, zap_other_threads, 6.1; P4",
       where({seize}), can_notify},
      [](const StepView &s, int t) {
        return s.before.get(s.before.t(t).trap_notify) && !s.after.get(s.after.t(t).trap_notify);
      },
      [](const StepView &s, int t) {
        const Expr bare = s.before.m.on(stop_options) && s.enters(t, {Loc::group_trap});
        return s.enters(t, {Loc::event_trap}) || bare || !s.after.traced(t) || s.after.dying(t) ||
               truth(s.step.rule->id == "exec.begin");
      });
}

}  // namespace ptmc::model
