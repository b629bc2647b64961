// Death: group exit is final, takes every thread, and ends job control; who reaps.

#include "model/property_parts.hpp"

namespace ptmc::model {
namespace {

using enum Feature;

bool can_reap(const Config &c) { return can_die(c) && c[tracer_waits] && c[parent_waits]; }

// In the order in which a thread passes them.
constexpr Loc kDeath[] = {Loc::group_exit,      Loc::exiting,      Loc::exit_event,
                          Loc::exit_event_trap, Loc::exit_signals, Loc::exit_notify,
                          Loc::zombie,          Loc::unreleased,   Loc::dead};

// In do_exit: waits for the core dump of its group, or has passed the place.
Expr waits_for_dump(const View &v, int t) {
  return ite(v.m.on(dump_before_exit_event), v.at(t, {Loc::exit_event}),
             v.at(t, {Loc::exit_notify}));
}
Expr past_dump(const View &v, int t) {
  return v.from(t, Loc::zombie) ||
         (v.m.on(dump_before_exit_event) &&
          v.at(t, {Loc::exit_event_trap, Loc::exit_signals, Loc::exit_notify}));
}

}  // namespace

void exit_laws(Laws &all) {
  step_law(
      all,
      {"group_exit.final",
       "Group exit is final, and its status unless SIGKILL comes during a core dump",
       "A group is in exit", "do_group_exit, complete_signal, 6.1; R45, R49, R120", anywhere,
       can_die},
      // The place of a process that has been released may be another's.
      [](const StepView &s, int t) {
        return s.before.get(s.before.p->group_exit) && s.before.exists(t);
      },
      [](const StepView &s, int) {
        const Field death = s.after.p->death;
        const Expr kills =
            ne(s.before.get(s.before.p->core), 0) && eq(s.after.get(death), killed_by(KILL));
        return s.after.get(s.after.p->group_exit) && (s.same(death) || kills);
      });

  state_law(
      all,
      {"core.dumper",
       "Who dumps core has put its group into exit, and has not entered do_exit itself",
       "A thread dumps core while others are waited for", "do_coredump, zap_threads, 6.12; R77",
       where({Feature::clones, sig_TRAP}), anywhere},
      [](const View &v, int t) { return eq(v.get(v.p->core), static_cast<Value>(1 + t)); },
      [](const View &v, int t) { return v.get(v.p->group_exit) && v.at(t, {Loc::group_exit}); });

  step_law(
      all,
      {"core.starts",
       "A core dump puts the group into exit with the signal's status, and kills each other thread "
       "that has not passed the place where it is to wait",
       "A core dump starts", "zap_threads, zap_process, 6.12; R77",
       where({Feature::clones, sig_TRAP}), anywhere},
      [](const StepView &s, int) {
        return eq(s.before.get(s.before.p->core), 0) && ne(s.after.get(s.before.p->core), 0);
      },
      [](const StepView &s, int t) {
        const View &v = s.before;
        const Expr dumper = eq(s.after.get(v.p->core), static_cast<Value>(1 + t));
        const Expr past = v.exiting(t) || past_dump(v, t);
        return !v.get(v.p->group_exit) && eq(v.get(v.p->exec_task), 0) &&
               implies(dumper, eq(v.get(v.t(t).status), killed_by(TRAP)) &&
                                   eq(s.after.get(v.p->death), killed_by(TRAP))) &&
               implies(!dumper && v.exists(t), ite(past, s.same(v.t(t).loc), s.after.killed(t)));
      });

  step_law(
      all,
      {"core.waits",
       "While core is dumped no other thread gets to EVENT_EXIT (until 5.16: becomes a zombie), "
       "and the dump waits for all of them",
       "A thread is there while its group dumps core",
       "coredump_wait, coredump_task_exit, 5.16; R115", where({Feature::clones, sig_TRAP}),
       anywhere},
      [](const StepView &s, int t) {
        const View &v = s.before;
        return ne(v.get(v.p->core), 0) && ne(v.get(v.p->core), static_cast<Value>(1 + t)) &&
               v.exists(t);
      },
      [](const StepView &s, int t) {
        return implies(waits_for_dump(s.before, t), s.same(s.before.t(t).loc)) &&
               implies(eq(s.after.get(s.after.p->core), 0),
                       waits_for_dump(s.before, t) || past_dump(s.before, t));
      });

  state_law(
      all,
      {"core.ends", "A core dump for which no thread is to be waited ends",
       "A thread dumps core while others are waited for", "coredump_finish, 6.12; R115",
       where({Feature::clones, sig_TRAP}), anywhere},
      [](const View &v, int t) { return eq(v.get(v.p->core), static_cast<Value>(1 + t)); },
      [](const View &v, int t) {
        Expr any = truth(false);
        for (int u : v.group())
          if (u != t) any = any || !(!v.exists(u) || waits_for_dump(v, u) || past_dump(v, u));
        for (const Instance &i : v.m.instances)
          if (i.rule->id == "core.end" && i.thread == t) any = any || can(i);
        return any;
      });

  // Rules read these of all threads of a group: what is left would be taken for a live one's.
  state_law(
      all,
      {"released.empty",
       "Of a thread that has been released nothing is left: no signal, mask, flag, option or "
       "tracer",
       "A thread has been released", "release_task, __exit_signal, flush_sigqueue, 6.12; R119",
       anywhere, can_reap},
      [](const View &v, int t) { return !v.exists(t); },
      [](const View &v, int t) {
        Expr empty = truth(true);
        for (Field f = 0; f < v.m.schema.size(); ++f)
          if (v.m.schema[f].thread == t && f != v.t(t).loc) empty = empty && eq(v.get(f), 0);
        return empty;
      });

  state_law(
      all,
      {"group_exit.no_job_control",
       "A group in exit has no job control flags, no group_stop_count, no signal for the real "
       "parent and no thread with STOP_PENDING or STOP_CONSUME, nor one that SIGKILL is to end and "
       "that has STOP_DEQUEUED",
       "A group is in exit", "complete_signal, zap_other_threads, 6.1; semantics 1.2, R49, R120",
       anywhere, can_die},
      [](const View &v, int) { return v.get(v.p->group_exit); },
      [](const View &v, int) {
        Expr none = truth(true);
        for (Field f : {v.p->jobs, v.p->cld, v.p->stop_count, v.p->stop_code})
          none = none && eq(v.get(f), 0);
        for (int u : v.group())
          none = none && !v.get(v.t(u).stop_pending) && !v.get(v.t(u).consume) &&
                 !(v.killed(u) && v.get(v.t(u).dequeued));
        return none;
      });

  state_law(
      all,
      {"group_exit.kills_all", "In a group in exit each thread exits, or has SIGKILL pending",
       "A thread is in a group in exit", "complete_signal, zap_other_threads, 6.1; R49, R115, R120",
       anywhere, can_die},
      [](const View &v, int t) { return v.get(v.p->group_exit) && v.exists(t); },
      [](const View &v, int t) { return v.dying(t); });

  state_law(
      all,
      {"exiting.clean",
       "A thread that is PF_EXITING, a zombie or dead has no jobctl bit and no private signal",
       "A thread is PF_EXITING", "exit_signals, task_set_jobctl_pending, 6.1; R83", anywhere,
       can_die},
      [](const View &v, int t) { return v.exiting(t); },
      [](const View &v, int t) {
        const ThreadFields &f = v.t(t);
        Expr clean = eq(v.get(f.stopsig), NONE);
        for (Field bit : {f.stop_pending, f.consume, f.dequeued, f.trap_stop, f.trap_notify,
                          f.trapping, f.listening})
          clean = clean && !v.get(bit);
        for (Sig sig : v.m.signals()) clean = clean && !v.get(f.pend[sig]);
        return clean;
      });

  step_law(
      all,
      {"death.final", "A thread that exits goes on to its death, and never back",
       "A thread that exits takes a step", "do_exit, exit_notify, release_task, 6.1; R115, R116",
       anywhere, can_die},
      [](const StepView &s, int t) {
        return s.before.exists(t) && s.before.exits(t) && !s.same(s.before.t(t).loc);
      },
      [](const StepView &s, int t) {
        Expr later = truth(true), reached = truth(false);
        for (Loc l : kDeath) {
          reached = reached || s.before.at(t, {l});
          later = later && implies(s.after.at(t, {l}), reached);
        }
        return later && s.after.exits(t);
      });

  // Who takes away a zombie: its tracer, or the real parent of a leader that has none; its tracer's
  // death, if it is no leader. No zombie: an untraced thread that is no leader, and an untraced
  // leader whose real parent ignores SIGCHLD.
  step_law(
      all,
      {"reap.by_wait",
       "A leader goes by a wait for it or, if it has no tracer (any more), because its real "
       "parent ignores SIGCHLD or has died; another thread by a wait for it, by its own exit if it "
       "has no "
       "tracer, or by its tracer's death",
       "A thread is released, or only waits for it",
       "wait_task_zombie, exit_notify, __ptrace_detach, 6.1; R20, R116, R133", anywhere, can_reap},
      [](const StepView &s, int t) {
        const auto gone = [t](const View &v) { return v.at(t, {Loc::unreleased, Loc::dead}); };
        return s.before.exists(t) && !gone(s.before) && gone(s.after);
      },
      [](const StepView &s, int t) {
        const bool waits = s.step.label.action == Action::wait && s.step.thread == t;
        const bool tracer_dies = s.is("tracer.exit.unlink", t);
        const Expr zombie = s.before.at(t, {Loc::zombie}), untraced = !s.before.traced(t);
        const bool first = s.m.schema.process_of(t) == 0;
        const Expr ignored = first ? s.before.get(s.m.schema.parent.ignores)
                                   : eq(s.before.get(s.m.schema.process[0].disposition[CHLD]), 1);
        const bool init = s.is("init.reap", t);
        if (s.m.schema.is_leader(t))
          return (truth(waits || init) && zombie) || (ignored && (untraced || truth(tracer_dies)));
        return (truth(waits || tracer_dies) && zombie) ||
               (truth(s.is("exit.notify", t)) && untraced);
      });
}

}  // namespace ptmc::model
