// Signals: what the queues may hold, what becomes a signal-delivery-stop, and what SIGKILL does.

#include "model/property_parts.hpp"

namespace ptmc::model {
namespace {

using enum Feature;

}  // namespace

void signal_laws(Laws &all) {
  // A group in exit no longer flushes: before 6.1 it queues everything.
  state_law(
      all,
      {"sigcont.no_stop_signal",
       "SIGCONT and a stop signal are never pending together, in whatever queues of the process, "
       "outside of group exit",
       "SIGCONT is pending", "prepare_signal, 6.1; R40, R41", anywhere, where({sig_CONT})},
      [](const View &v, int) { return v.pending(CONT) && !v.get(v.p->group_exit); },
      [](const View &v, int) { return !v.stop_signal_pending(); });

  state_law(
      all,
      {"sig_trap.signal", "A signal-delivery-stop is for a signal, and SIGKILL never gives one",
       "A tracee is in signal-delivery-stop", "get_signal, 6.1; R69, ptrace(2)", anywhere,
       anywhere},
      [](const View &v, int t) { return v.at(t, {Loc::sig_trap}); },
      [](const View &v, int t) {
        return ne(v.get(v.t(t).sig), NONE) && ne(v.get(v.t(t).sig), KILL);
      });

  step_law(
      all,
      {"sig_trap.dequeued",
       "A signal-delivery-stop takes its signal, which is not blocked, from the queue that it was "
       "pending in",
       "A tracee enters signal-delivery-stop", "dequeue_signal, ptrace_signal, 6.1; R68, R69",
       anywhere, anywhere},
      [](const StepView &s, int t) { return s.enters(t, {Loc::sig_trap}); },
      [](const StepView &s, int t) {
        Expr taken = truth(true);
        for (Sig sig : s.m.signals()) {
          const ThreadFields &f = s.before.t(t);
          // ATTACH's SIGSTOP may take the place of one that is dequeued at the same time.
          const bool again = sig == STOP && s.succeeds(Action::attach, t);
          auto moved = [&](Field queue) {
            return s.before.get(queue) && (truth(again) || !s.after.get(queue));
          };
          const Expr from =
              ite(s.after.get(f.shared), moved(s.before.p->pend[sig]), moved(f.pend[sig]));
          taken = taken && implies(eq(s.after.get(f.sig), sig), from && !s.before.blocked(t, sig));
        }
        return taken;
      });

  state_law(
      all,
      {"sigpending.set",
       "A thread in user mode or in a system call looks for work before it goes on "
       "(TIF_SIGPENDING) while it has STOP_PENDING, TRAP_STOP, TRAP_NOTIFY or an unblocked private "
       "signal",
       "A thread in user mode has work",
       "recalc_sigpending_tsk, signal_wake_up, 6.1; semantics 1.1", anywhere, anywhere},
      [](const View &v, int t) {
        const ThreadFields &f = v.t(t);
        Expr work = v.get(f.stop_pending) || v.get(f.trap_stop) || v.get(f.trap_notify);
        for (Sig sig : v.m.signals()) work = work || (v.get(f.pend[sig]) && !v.blocked(t, sig));
        return work && v.at(t, {Loc::user, Loc::body});
      },
      [](const View &v, int t) { return v.get(v.t(t).sigpending); });

  // Before 5.19 it enters the trap and leaves it at once.
  state_law(
      all,
      {"killed.awake", "A thread with SIGKILL pending sleeps in no trap (5.19)",
       "SIGKILL is pending for a thread", "ptrace_stop, 6.1; R49, R90", where({killed_never_stops}),
       can_send_sigkill},
      [](const View &v, int t) { return v.killed(t); },
      [](const View &v, int t) { return !v.in_trap(t) && !v.get(v.t(t).listening); });

  step_law(
      all,
      {"sigkill.wakes",
       "SIGKILL to a live thread or process, from whomever, leaves none of its threads asleep in a "
       "trap or STOPPED",
       "SIGKILL is sent", "complete_signal, 6.1; R49, R50, signal(7), ptrace(2)", anywhere,
       can_send_sigkill},
      [](const StepView &s, int t) {
        const bool to_process = s.step.rule->id == "send.process";
        Expr lives = s.before.exists(t) && !s.before.exiting(t);
        if (s.sends(KILL) && (to_process || s.step.thread == t)) return lives;
        if (s.is("kill", t)) return lives;
        if (s.is("tracer.exit.unlink", t))
          return lives && s.before.get(s.before.t(t).option[EXITKILL]);
        return truth(false);
      },
      [](const StepView &s, int) {
        Expr awake = truth(true);
        for (int u : s.before.group()) {
          // Before 5.19 a killed thread may be in a trap: it cannot sleep there.
          const Expr passes = !s.m.on(killed_never_stops) && s.after.killed(u);
          awake = awake && !s.after.at(u, {Loc::stopped}) && (!s.after.in_trap(u) || passes);
        }
        return awake;
      });
}

}  // namespace ptmc::model
