// Calls: who can make one, and that each request has one result.

#include <map>

#include "model/property_parts.hpp"
#include "model/requests.hpp"  // kInvalidOptions only

namespace ptmc::model {
namespace {

bool is_request(const Instance &i, int t) {
  const Label &l = i.label;
  return i.rule->actor == Actor::tracer && l.thread == t && l.action >= Action::attach &&
         (l.action <= Action::invalid || l.action == Action::peeksiginfo);
}

// The tracee was not stopped, or not the caller's.
bool unstopped(const Instance &i) { return i.label.err == Err::esrch || i.label.err == Err::ebusy; }

// What a request is given: its options are valid or not, its argument is good or bad. ESRCH and
// EBUSY come for all.
bool one_request(const Instance &a, const Instance &b) {
  if (a.label.action != b.label.action || a.label.tracer != b.label.tracer) return false;
  if (a.label.action == Action::peeksiginfo && !unstopped(a) && !unstopped(b))
    return a.label.arg == b.label.arg;
  return (a.label.arg == kInvalidOptions) == (b.label.arg == kInvalidOptions) ||
         (a.label.action != Action::seize && (unstopped(a) || unstopped(b)));
}

// A step of the thread itself that nobody chooses. A SIGCHLD comes from another process.
bool own_course(const Instance &i, int t) {
  return i.thread == t && i.rule->actor == Actor::kernel && i.rule->id != "attach.wakes" &&
         i.rule->id != "tracer.exit.unlink" && i.rule->id != "child.sigchld" &&
         i.rule->id != "init.reap";
}

// Which thread a signal wakes is free: each is an instance of its own.
bool sends(const Instance &i) {
  return i.rule->id == "syscall.resumed" || i.rule->id == "inject.requeue" ||
         i.rule->id == "exec.sigtrap";
}

bool by_tracer(const Instance &i) {
  return i.rule->actor == Actor::tracer && i.label.action != Action::hidden;
}
// The tracer that makes this step.
const TracerFields &caller(const StepView &s) {
  return s.m.schema.tracers[static_cast<std::size_t>(s.step.label.tracer)];
}

}  // namespace

void call_laws(Laws &all) {
  step_law(
      all,
      {"call.tracer_lives", "A tracer that is dead calls nothing", "The tracer makes a call",
       "do_exit, exit_ptrace, 6.12; R59", anywhere, anywhere},
      [](const StepView &s, int) {
        return truth(by_tracer(s.step) &&
                     !(s.step.label.action == Action::tracer_exit && s.step.label.arg));
      },
      [](const StepView &s, int) { return !s.before.get(caller(s).dead); });

  step_law(
      all,
      {"call.parent_lives",
       "A real parent that has died calls nothing, nor does a dead tracer exit",
       "The real parent makes a call", "do_exit, forget_original_parent, 6.12; R145", anywhere,
       where({Feature::parent_waits})},
      [](const StepView &s, int) {
        return truth(
            (s.step.rule->actor == Actor::parent && s.step.label.action != Action::hidden) ||
            (s.step.label.action == Action::tracer_exit && s.step.label.arg));
      },
      [](const StepView &s, int) {
        const Expr tracer_dead = s.before.get(s.m.schema.tracer.dead);
        if (s.step.label.action == Action::tracer_exit) {
          Expr lives = truth(false);
          for (const TracerFields &tracer : s.m.schema.tracers)
            lives = lives || !s.before.get(tracer.dead);
          return lives;
        }
        return eq(s.before.get(s.m.schema.parent.state), static_cast<Value>(Parent::lives)) &&
               !(s.m.on(Feature::parent_is_tracer) && tracer_dead);
      });

  step_law(
      all,
      {"call.tracer_awake",
       "A tracer that sleeps in ATTACH or SEIZE until the tracee is trapped makes no other call",
       "The tracer makes a call", "ptrace_attach: wait_on_bit(JOBCTL_TRAPPING_BIT), 6.12; R11",
       anywhere, anywhere},
      [](const StepView &s, int) {
        return truth(by_tracer(s.step) && s.step.label.action != Action::tracer_exit);
      },
      [](const StepView &s, int) { return eq(s.before.get(caller(s).attaching), 0); });

  step_law(
      all,
      {"request.one_result", "A request has one result: where it has this one, it has no other",
       "A request is made", "sys_ptrace, ptrace_check_attach, 6.12; R13 to R17", anywhere,
       anywhere},
      [](const StepView &s, int t) { return truth(is_request(s.step, t)); },
      [](const StepView &s, int t) {
        Expr none = truth(true);
        for (const Instance &i : s.m.instances)
          if (is_request(i, t) && one_request(i, s.step) && i.label.err != s.step.label.err)
            none = none && !can(i);
        return none;
      });

  state_law(
      all,
      {"request.answered",
       "Every request of a tracer that may call has a result, unless its stop is not complete yet",
       "The tracer may call", "sys_ptrace, ptrace_check_attach, 6.12; R13 to R17",
       where({Feature::inspect, Feature::kill_sends_sigkill}), anywhere},
      [](const View &v, int t) {
        const TracerFields &tracer = v.m.schema.tracer;
        return !v.get(tracer.dead) && eq(v.get(tracer.attaching), 0) &&
               !v.get(v.t(t).owes_tracer) && !v.get(v.t(t).owes_parent);
      },
      [](const View &v, int t) {
        std::map<std::pair<Action, int>, Expr> results;
        std::map<Action, Expr> refusals;
        for (const Instance &i : v.m.instances)
          // Without SEIZE these three are unknown requests, of which the model has ESRCH only.
          if (is_request(i, t) && i.label.tracer == 0 &&
              (v.m.on(Feature::seize).is(1) ||
               (i.label.action != Action::seize && i.label.action != Action::interrupt &&
                i.label.action != Action::listen))) {
            if (unstopped(i)) {
              Expr &any = refusals.try_emplace(i.label.action, truth(false)).first->second;
              any = any || can(i);
            } else {
              const bool resumes =
                  i.label.action >= Action::cont && i.label.action <= Action::detach;
              Expr &any =
                  results.try_emplace({i.label.action, resumes ? 0 : i.label.arg}, truth(false))
                      .first->second;
              any = any || can(i);
            }
          }
        Expr all = truth(true);
        for (const auto &[request, any] : results) {
          const auto refused = refusals.find(request.first);
          all = all && (refused == refusals.end() ? any : any || refused->second);
        }
        return all;
      });

  step_law(
      all,
      {"request.after_notice",
       "A request that needs a stop succeeds only when the tracer has been notified of the stop",
       "The tracer makes a tracee leave its trap",
       "ptrace_stop, ptrace_check_attach: tasklist_lock, wait_task_inactive, 6.12; R13", anywhere,
       anywhere},
      [](const StepView &s, int t) {
        return truth(is_request(s.step, t) && s.step.label.action != Action::attach &&
                     s.step.label.action != Action::seize && s.step.label.action != Action::kill &&
                     s.step.label.action != Action::interrupt && s.step.label.err == Err::ok) &&
               s.before.in_trap(t);
      },
      [](const StepView &s, int t) { return !s.before.get(s.before.t(t).owes_tracer); });

  step_law(
      all,
      {"notice.of_trap", "The tracer comes to be owed a notice only when a thread enters a trap",
       "The tracer comes to be owed a notice", "ptrace_stop, 6.12; R36", anywhere,
       where({Feature::sigchld})},
      [](const StepView &s, int t) {
        const Field owes = s.before.t(t).owes_tracer;
        return !s.before.get(owes) && s.after.get(owes);
      },
      [](const StepView &s, int t) { return !s.before.in_trap(t) && s.after.in_trap(t); });

  step_law(
      all,
      {"call.own_code",
       "A thread makes a call from its own code: from user mode or inside a system call",
       "A thread makes a call", "entry_SYSCALL_64, exit_to_user_mode_loop, 6.12", anywhere,
       anywhere},
      [](const StepView &s, int t) {
        // A wait's thread is the child.
        return truth(s.step.rule->actor == Actor::tracee && s.step.thread == t &&
                     s.step.label.action != Action::wait);
      },
      [](const StepView &s, int t) {
        // A fork has begun before its child is there.
        return s.before.at(t, {Loc::user, Loc::body, Loc::forking});
      });

  step_law(
      all,
      {"course.one_step",
       "Inside the kernel a thread's next step is determined: where it takes one, it could take no "
       "other",
       "A thread takes a step inside the kernel", "get_signal, do_exit, 6.12: straight code",
       anywhere, anywhere},
      [](const StepView &s, int t) {
        return truth(own_course(s.step, t)) && !s.before.at(t, {Loc::user, Loc::body});
      },
      [](const StepView &s, int t) {
        Expr none = truth(true);
        for (const Instance &i : s.m.instances)
          if (&i != &s.step && own_course(i, t) && !(i.rule == s.step.rule && sends(i)))
            none = none && !can(i);
        return none;
      });

  state_law(
      all,
      {"course.goes_on",
       "Inside the kernel a thread that neither sleeps nor waits for a core dump has a next step",
       "A thread is inside the kernel, and neither sleeps nor waits for a core dump",
       "get_signal, do_exit, 6.12", anywhere, anywhere},
      [](const View &v, int t) {
        using enum Loc;
        const Expr waits =
            ne(v.get(v.p->core), 0) && v.at(t, {group_exit, exit_event, exit_notify});
        return v.at(t, {entry_woken, exit_woken, sig_woken, relock, loop, tty_window, execed,
                        group_exit, exiting, exit_event, exit_signals, exit_notify}) &&
               !waits;
      },
      [](const View &v, int t) {
        Expr any = truth(false);
        for (const Instance &i : v.m.instances)
          if (own_course(i, t)) any = any || can(i);
        return any;
      });
}

}  // namespace ptmc::model
