// Laws about children and new programs: fork, vfork, clone, execve, seccomp and single steps.

#include "model/property_parts.hpp"

namespace ptmc::model {
namespace {

using enum Feature;

bool can_start(const Config &c) { return c[forks] || c[clones]; }
bool can_clone_stopped(const Config &c) { return c[clones] && (c[sig_STOP] || c[attach]); }
bool can_flag_children(const Config &c) { return can_start(c) && c[clone_flags]; }
bool can_report(const Config &c) {
  return can_start(c) && c[setoptions] && (c[opt_tracefork] || c[opt_traceclone]);
}

// t is the child of this step, of the thread `parent`.
bool is_child(const StepView &s, int t, int &parent) {
  parent = s.step.thread;
  return s.step.label.action == Action::fork && s.step.label.arg == t;
}

// The option that asks for the event of a ptrace_event_trap.
Expr asked_for(const View &v, int t) {
  constexpr std::pair<Value, Option> kEvents[] = {{1, TRACEFORK},      {2, TRACEVFORK},
                                                  {3, TRACECLONE},     {4, TRACEEXEC},
                                                  {5, TRACEVFORKDONE}, {7, TRACESECCOMP}};
  Expr e = truth(false);
  for (auto [event, option] : kEvents)
    e = e || (eq(v.get(v.t(t).event), event) && v.get(v.t(t).option[option]));
  return e;
}

}  // namespace

void process_laws(Laws &all) {
  step_law(
      all,
      {"event.asked_for", "A stop for an event happens only to a tracee whose options ask for it",
       "A stop for an event", "ptrace_event, 6.12; semantics 6",
       [](const Config &c) { return c[forks] || c[clones] || c[execs] || c[filters]; },
       [](const Config &c) {
         return c[setoptions] &&
                (c[opt_tracefork] || c[opt_traceclone] || c[opt_traceexec] || c[opt_traceseccomp]);
       }},
      [](const StepView &s, int t) { return s.enters(t, {Loc::ptrace_event_trap}); },
      [](const StepView &s, int t) { return s.after.traced(t) && asked_for(s.after, t); });

  step_law(
      all,
      {"fork.same_tracer",
       "A child is traced as its parent is, with the same options, or not at all",
       "A child is traced", "ptrace_init_task, 6.12; R107", can_start, can_report},
      [](const StepView &s, int t) {
        int parent;
        return truth(is_child(s, t, parent)) && s.after.traced(t);
      },
      [](const StepView &s, int t) {
        int parent;
        if (!is_child(s, t, parent)) return truth(true);
        const View &v = s.after;
        Expr same = eq(v.get(v.t(t).tracing), v.get(v.t(parent).tracing));
        for (int o = 0; o < OPTION_COUNT; ++o)
          same = same && eq(v.get(v.t(t).option[o]), v.get(v.t(parent).option[o]));
        return same;
      });

  step_law(
      all,
      {"fork.first_stop", "A child that is traced has a trap or SIGSTOP pending before it runs",
       "A child is traced", "ptrace_init_task, 6.12; R107", can_start, can_report},
      [](const StepView &s, int t) {
        int parent;
        return truth(is_child(s, t, parent)) && s.after.traced(t);
      },
      [](const StepView &s, int t) {
        const View &v = s.after;
        return v.get(v.t(t).trap_stop) || v.get(v.t(t).pend[STOP]);
      });

  const auto flagged = [](Value flags, bool wanted) {
    return [=](const StepView &s, int t) {
      int parent;
      if (!is_child(s, t, parent)) return truth(false);
      const Expr given = eq(s.before.get(s.before.t(parent).flags), flags);
      return given && (truth(!wanted) || s.before.traced(parent));
    };
  };
  step_law(
      all,
      {"fork.clone_untraced", "A child made with CLONE_UNTRACED is not traced, and not reported",
       "A child is made with CLONE_UNTRACED", "kernel_clone, 6.12; R106", can_flag_children,
       can_flag_children},
      flagged(kCloneUntraced, false), [](const StepView &s, int t) {
        int parent;
        if (!is_child(s, t, parent)) return truth(true);
        return !s.after.traced(t) && eq(s.after.get(s.after.t(parent).event), 0);
      });

  step_law(
      all,
      {"fork.clone_ptrace",
       "A tracee's child made with CLONE_PTRACE is traced, also with CLONE_UNTRACED, which then "
       "keeps it from being reported only",
       "A tracee makes a child with CLONE_PTRACE and CLONE_UNTRACED",
       "ptrace_init_task, kernel_clone, 6.12; R106, R107", can_flag_children, can_flag_children},
      flagged(kCloneUntraced | kClonePtrace, true), [](const StepView &s, int t) {
        int parent;
        if (!is_child(s, t, parent)) return truth(true);
        return s.after.traced(t) && eq(s.after.get(s.after.t(parent).event), 0);
      });

  step_law(
      all,
      {"clone.joins_stop", "A thread that is started in a group that stops or is stopped stops too",
       "A thread is started in a group that stops or is stopped", "task_join_group_stop, 6.12; R84",
       where({clones}), can_clone_stopped},
      [](const StepView &s, int t) {
        int parent;
        const bool sibling =
            is_child(s, t, parent) && s.m.schema.process_of(parent) == s.m.schema.process_of(t);
        return truth(sibling) && s.before.group_stops();
      },
      [](const StepView &s, int t) { return s.after.get(s.after.t(t).stop_pending); });

  step_law(
      all,
      {"vfork.waits", "The parent of a vfork goes on when its child has left its memory, or killed",
       "The parent of a vfork goes on", "wait_for_vfork_done, 6.12; R109", where({forks}),
       where({forks})},
      [](const StepView &s, int t) {
        return s.before.at(t, {Loc::vfork_wait}) && !s.after.at(t, {Loc::vfork_wait});
      },
      [](const StepView &s, int t) {
        const View &v = s.before;
        Expr sharing = truth(false);
        for (int u = 0; u < s.m.threads(); ++u)
          sharing = sharing ||
                    (eq(v.get(v.t(t).message), static_cast<Value>(1 + u)) && v.get(v.t(u).vforked));
        return !sharing || v.killed(t);
      });

  state_law(
      all,
      {"exec.waits",
       "group_exec_task is the thread in de_thread, unless that is its process's only",
       "A thread is in de_thread", "de_thread, 6.12; R111", where({execs}), where({execs})},
      [](const View &v, int t) {
        return v.at(t, {Loc::exec_wait}) || eq(v.get(v.p->exec_task), static_cast<Value>(1 + t));
      },
      [](const View &v, int t) {
        return v.at(t, {Loc::exec_wait}) &&
               (eq(v.get(v.p->exec_task), static_cast<Value>(1 + t)) || v.alone(t));
      });

  state_law(
      all,
      {"exec.alone", "A thread whose execve has succeeded is its process's leader and only thread",
       "An execve has succeeded", "de_thread, 6.12; R113", where({execs}), where({execs})},
      [](const View &v, int t) { return v.at(t, {Loc::execed}); },
      [](const View &v, int t) { return truth(v.m.schema.is_leader(t)) && v.alone(t); });

  step_law(
      all,
      {"seccomp.order",
       "PTRACE_EVENT_SECCOMP comes before the syscall-entry-stop until 4.7, and after it since",
       "A syscall-entry-stop follows a PTRACE_EVENT_SECCOMP",
       "syscall_trace_enter, 4.7; R100, R101",
       [](const Config &c) { return c[filters] && !c[seccomp_after_entry]; },
       [](const Config &c) { return c[opt_traceseccomp] && c[setoptions] && c[syscall]; }},
      [](const StepView &s, int t) {
        return truth(s.is("seccomp.entry", t)) && s.enters(t, {Loc::entry_trap});
      },
      [](const StepView &s, int t) {
        return !s.before.at(t, {Loc::seccomp}) && s.after.traced(t);
      });

  step_law(
      all,
      {"step.traps", "A single step ends in SIGTRAP", "A single step",
       "force_sig_info_to_task, 6.12; R105", where({steps}), where({steps})},
      [](const StepView &s, int t) { return truth(s.is("step", t)); },
      [](const StepView &s, int t) {
        const View &v = s.after;
        return v.get(v.t(t).pend[TRAP]) || v.get(v.p->group_exit);
      });
}

}  // namespace ptmc::model
