// The real parent: what it is told, what becomes of its children when it dies.

#include "model/property_parts.hpp"

namespace ptmc::model {
namespace {

using enum Feature;

// That of t's process has died, and init is it.
Expr parent_is_gone(const View &v, int t) {
  if (v.m.schema.process_of(t) == 0)
    return eq(v.get(v.m.schema.parent.state), static_cast<Value>(Parent::gone)) ||
           (v.m.on(parent_is_tracer) && v.get(v.m.schema.tracer.dead));
  Expr gone = truth(true);
  for (int u : v.m.schema.group(0))
    gone = gone && v.at(u, {Loc::none, Loc::zombie, Loc::unreleased, Loc::dead});
  return gone;
}

bool can_orphan(const Config &c) { return c[parent_dies] || (c[reaps] && c[forks]); }
bool can_tell(const Config &c) { return c[reaps] && c[forks]; }
bool can_tell_of_death(const Config &c) { return can_tell(c) && c[exits]; }

bool is_child(const StepView &s, int t) { return s.m.schema.process_of(t) > 0; }

}  // namespace

void parent_laws(Laws &all) {
  step_law(
      all,
      {"orphan.reaped", "init reaps a zombie leader without a tracer, whose real parent has died",
       "init reaps", "forget_original_parent, wait_task_zombie, 6.12; R145", can_orphan,
       can_orphan},
      [](const StepView &s, int t) { return truth(s.is("init.reap", t)); },
      [](const StepView &s, int t) {
        return s.before.at(t, {Loc::zombie}) && !s.before.traced(t) &&
               parent_is_gone(s.before, t) && s.after.at(t, {Loc::dead}) && s.before.alone(t);
      });

  step_law(
      all,
      {"orphan.reparented",
       "A real parent that exits lives before, and is exiting when init takes its children",
       "init takes the children of a real parent", "forget_original_parent, 6.12; R145",
       where({parent_dies}), [](const Config &c) { return !c[parent_is_tracer]; }},
      [](const StepView &s, int t) {
        return truth(t == 0 && s.step.rule->id == "parent.exit.reparent");
      },
      [](const StepView &s, int) {
        const Field state = s.m.schema.parent.state;
        return eq(s.before.get(state), static_cast<Value>(Parent::exiting)) &&
               eq(s.after.get(state), static_cast<Value>(Parent::gone)) &&
               !s.after.get(s.m.schema.parent.ignores);
      });

  step_law(
      all,
      {"orphan.zombie",
       "An untraced leader whose real parent has died becomes a zombie: init does not ignore "
       "SIGCHLD",
       "An untraced leader dies after its real parent",
       "exit_notify, forget_original_parent, 6.12; R116, R145", can_orphan, can_orphan},
      [](const StepView &s, int t) {
        return truth(s.m.schema.is_leader(t) && s.is("exit.notify", t)) && !s.before.traced(t) &&
               parent_is_gone(s.before, t);
      },
      [](const StepView &s, int t) { return s.after.at(t, {Loc::zombie}); });

  step_law(
      all,
      {"traceme.orphan",
       "TRACEME of a child whose real parent is exiting succeeds, and traces nothing",
       "TRACEME of a child whose real parent is exiting", "ptrace_traceme, 6.12; R2",
       [](const Config &c) { return c[traceme] && c[parent_dies]; }, anywhere},
      [](const StepView &s, int t) {
        const bool call = s.step.label.action == Action::traceme && s.step.thread == t;
        return truth(call && s.step.label.err == Err::ok) && !s.m.on(parent_is_tracer) &&
               !s.before.traced(t);
      },
      [](const StepView &s, int t) {
        const Expr exits =
            eq(s.before.get(s.m.schema.parent.state), static_cast<Value>(Parent::exiting));
        return exits && s.same_all() && !s.after.traced(t);
      });

  step_law(
      all,
      {"child.tells",
       "A leader that dies untraced tells the process that forked it, unless that ignores it or is "
       "dead",
       "A leader that was forked dies untraced", "exit_notify, do_notify_parent, 6.12; R116",
       can_tell, can_tell_of_death},
      [](const StepView &s, int t) {
        return truth(is_child(s, t) && s.m.schema.is_leader(t) && s.is("exit.notify", t) &&
                     s.m.schema.shape.threads == 1) &&
               !s.before.traced(t) && !s.before.get(s.before.p->clone_child);
      },
      [](const StepView &s, int t) {
        const Expr ignored = eq(s.before.get(s.m.schema.process[0].disposition[CHLD]), 1);
        return s.after.get(s.after.p->notice) || ignored || parent_is_gone(s.before, t);
      });

  step_law(
      all,
      {"child.sigchld",
       "The SIGCHLD of a child waits in its parent's queue, unless that is in exit or would ignore "
       "it untraced",
       "A child's SIGCHLD is sent to a process that lives",
       "do_notify_parent, sig_ignored, 6.12; R46, R47", can_tell, can_tell},
      [](const StepView &s, int t) {
        return truth(s.is("child.sigchld", t)) && !s.before.get(s.before.p->group_exit) &&
               !s.before.exits(t);
      },
      [](const StepView &s, int t) {
        Expr notices = truth(false), others = truth(true);
        for (std::size_t k = 1; k < s.m.schema.process.size(); ++k) {
          const Field notice = s.m.schema.process[k].notice;
          notices = notices || (s.before.get(notice) && !s.after.get(notice));
        }
        for (Sig sig : s.m.signals())
          if (sig != CHLD) others = others && s.same(s.after.p->pend[sig]);
        const Expr by_default_ignored = !eq(s.before.get(s.before.p->disposition[CHLD]), 2) &&
                                        !s.before.traced(t) && !s.before.blocked(t, CHLD);
        return notices && others &&
               ite(by_default_ignored, s.same(s.after.p->pend[CHLD]),
                   s.after.get(s.after.p->pend[CHLD]) || by_default_ignored);
      });
}

}  // namespace ptmc::model
