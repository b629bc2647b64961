// wait and SIGCHLD: that each call has one result, what it takes, and whom a stop or death tells.

#include "model/property_parts.hpp"
#include "model/sigchld.hpp"

namespace ptmc::model {
namespace {

using enum Feature;

bool is_wait(const Instance &i) { return i.label.action == Action::wait; }
bool is_nothing(const Instance &i) {
  return is_wait(i) && i.label.err == Err::ok && (i.label.options & kNohang);
}
bool is_report(const Instance &i) {
  return is_wait(i) && i.label.err == Err::ok && !(i.label.options & kNohang);
}
bool is_echild(const Instance &i) { return is_wait(i) && i.label.err == Err::echild; }
bool takes(const Instance &i) { return is_report(i) && !(i.label.options & kNowait); }

bool one_caller(const Instance &a, const Instance &b) {
  return a.rule->actor == b.rule->actor && a.label.arg == b.label.arg &&
         a.label.tracer == b.label.tracer;
}
constexpr int kSight = kNormal | kClone | kThreads;

// The report may be the result of the call.
bool answers(const Instance &report, const Instance &call) {
  const int asks = report.label.options & ~kNowait, given = call.label.options;
  if (!is_report(report) || !one_caller(report, call)) return false;
  if (call.label.thread >= 0 && call.label.thread != report.label.thread) return false;
  if (is_nothing(call)) return (asks & given) == asks;
  // ECHILD is for calls that look at least for what it names.
  if ((asks & kSight & given) != (asks & kSight)) return false;
  if (asks & kExited) return given & kExited;
  return !(asks & kContinued) || given & (kExited | kContinued);
}

// A call without WNOHANG and with it fail alike.
bool same_call(const Instance &echild, const Instance &nothing) {
  const int none = echild.label.options, given = nothing.label.options;
  return is_echild(echild) && one_caller(echild, nothing) &&
         echild.label.thread == nothing.label.thread && (none & kSight) == (given & kSight) &&
         (given & kExited ? none & kExited
                          : !(none & kExited) && (none & kContinued) == (given & kContinued));
}

// The caller of this instance is there, and makes calls.
Expr may_call(const View &v, const Instance &i) {
  if (i.rule->actor == Actor::parent)
    return eq(v.get(v.m.schema.parent.state), static_cast<Value>(Parent::lives));
  if (i.rule->actor == Actor::tracee) {
    const ThreadFields &f = v.t(i.label.arg);
    Expr told = truth(true);
    for (std::size_t k = 1; k < v.m.schema.process.size(); ++k)
      told = told && !v.get(v.m.schema.process[k].notice);
    return told && eq(v.get(f.call), 0) && v.at(i.label.arg, {Loc::user}) && !v.get(f.systrace) &&
           !v.get(f.emulate) && !v.get(f.step);
  }
  const TracerFields &tracer = v.m.schema.tracers[static_cast<std::size_t>(i.label.tracer)];
  return !v.get(tracer.dead) && eq(v.get(tracer.attaching), 0);
}

// Its tracer is (a thread of) its real parent.
Expr own_child(const View &v, int t) {
  return v.m.on(parent_is_tracer) && truth(v.m.schema.process_of(t) == 0) &&
         (truth(v.m.schema.shape.tracer_threads) || eq(v.get(v.t(t).by), 0));
}

Expr parent_is_gone(const View &v) {
  return eq(v.get(v.m.schema.parent.state), static_cast<Value>(Parent::gone));
}

// A SIGCHLD is there after the step; with this content, unless one was there before.
Expr told(const StepView &s, const SigchldFields &f, int t, Expr code, Expr status) {
  const View &v = s.after;
  const Expr fresh = eq(v.get(f.code), code) && eq(v.get(f.status), status) &&
                     eq(v.get(f.thread), static_cast<Value>(t));
  return ite(ne(s.before.get(f.code), 0), ne(v.get(f.code), 0), fresh);
}
Expr tells_parent(const StepView &s, int t, Expr code, Expr status) {
  const Schema &schema = s.m.schema;
  return ite(s.m.on(parent_is_tracer),
             s.before.get(schema.tracer.dead) || told(s, schema.tracer.chld, t, code, status),
             parent_is_gone(s.before) || told(s, schema.parent.chld, t, code, status));
}
Expr tells_tracer(const StepView &s, int t, Expr code, Expr status) {
  Expr e = truth(true);
  for (int k = 0; k < s.m.schema.shape.tracers; ++k) {
    const TracerFields &tracer = s.m.schema.tracers[static_cast<std::size_t>(k)];
    e = e && implies(eq(s.before.get(s.before.t(t).by), static_cast<Value>(k)),
                     s.before.get(tracer.dead) || told(s, tracer.chld, t, code, status));
  }
  return e;
}

Expr status_of(Expr sig) {
  return ite(eq(sig, NONE), constant(0), sig + constant(killed_by(NONE)));
}
Expr death_code(Expr status) {
  return ite(less(status, constant(kExitCodes)), constant(kCldExited), constant(kCldKilled));
}

bool first_process(const StepView &s, int t) { return s.m.schema.process_of(t) == 0; }
bool tells(const Config &c) { return c[sigchld]; }
bool told_of_death(const Config &c) { return c[sigchld] && can_die(c); }

// The options without which a call does not see the thread, __WNOTHREAD apart.
Expr sees_just(const StepView &s, int t, int sight) {
  const View &v = s.before;
  const Expr clone = truth(!s.m.schema.is_leader(t)) ||
                     v.get(s.m.schema.process[s.m.schema.process_of(t)].clone_child);
  const Expr tracee =
      s.step.rule->actor != Actor::tracer
          ? truth(false)
          : v.traced(t) && (truth(s.m.schema.shape.tracer_threads) ||
                            eq(v.get(v.t(t).by), static_cast<Value>(s.step.label.tracer)));
  return ite(tracee && s.m.on(wait_any_tracee), truth(sight == 0),
             ite(clone, truth(sight == kClone), truth(sight == kNormal)));
}

void results(Laws &all) {
  step_law(
      all,
      {"wait.sees",
       "A wait reports a tracee whatever its exit signal since 4.7; else a child of SIGCHLD "
       "without "
       "__WCLONE, and another child or thread with __WCLONE or __WALL only",
       "A wait reports somebody", "eligible_child, 6.12; wait(2), Linux notes; R132", anywhere,
       [](const Config &c) { return c[tracer_waits] || c[parent_waits]; }},
      [](const StepView &s, int t) { return truth(is_report(s.step) && s.step.label.thread == t); },
      [](const StepView &s, int t) {
        return sees_just(s, t, s.step.label.options & (kNormal | kClone));
      });

  step_law(
      all,
      {"wait.one_result",
       "A wait that finds nothing to report, or nobody, could have reported nothing",
       "A wait finds nothing", "do_wait, wait_consider_task, 6.12; R132 to R137", anywhere,
       [](const Config &c) { return c[tracer_waits]; }},
      [](const StepView &s, int) { return truth(is_nothing(s.step) || is_echild(s.step)); },
      [](const StepView &s, int) {
        Expr none = truth(true);
        for (const Instance &i : s.m.instances)
          if (answers(i, s.step) || (is_nothing(s.step) && same_call(i, s.step)))
            none = none && !can(i);
        return none;
      });

  step_law(
      all,
      {"wait.least",
       "A report for which fewer options are enough does not need more, and a thread's death and "
       "stop are reported before SIGCONT",
       "A wait reports", "wait_consider_task, eligible_child, 6.12; R132 to R136", anywhere,
       [](const Config &c) { return c[tracer_waits]; }},
      [](const StepView &s, int) { return truth(is_report(s.step)); },
      [](const StepView &s, int) {
        Expr none = truth(true);
        const Label &l = s.step.label;
        for (const Instance &i : s.m.instances) {
          if (!is_report(i) || !one_caller(i, s.step) || i.label.thread != l.thread) continue;
          const bool fewer = i.rule == s.step.rule && i.label.options != l.options &&
                             (i.label.options & l.options) == i.label.options &&
                             (i.label.options & kNowait) == (l.options & kNowait);
          const bool first = l.options & kContinued && !(i.label.options & (kContinued | kNowait));
          if (fewer || first) none = none && !can(i);
        }
        return none;
      });

  state_law(
      all,
      {"wait.answered", "Every wait with WNOHANG of one that may call has a result",
       "The tracer may call", "do_wait, 6.12; R132 to R137", where({tracer_waits}), anywhere},
      [](const View &, int) { return truth(true); },
      [](const View &v, int t) {
        Expr all = truth(true);
        if (t) return all;
        for (const Instance &call : v.m.instances) {
          if (!is_nothing(call)) continue;
          Expr any = can(call);
          for (const Instance &i : v.m.instances)
            if (answers(i, call) || same_call(i, call)) any = any || can(i);
          all = all && implies(call.enabled && may_call(v, call), any);
        }
        return all;
      });
}

void effects(Laws &all) {
  step_law(
      all,
      {"child.waits",
       "A process waits for the child that it has forked by system calls of its own, and after "
       "the SIGCHLD of what it reports",
       "A process waits for its child", "do_notify_parent under tasklist_lock, 6.12; R137",
       where({reaps}), [](const Config &c) { return c[forks]; }},
      [](const StepView &s, int t) {
        return truth(is_wait(s.step) && s.step.rule->actor == Actor::tracee &&
                     s.step.label.arg == t);
      },
      [](const StepView &s, int t) {
        const View &v = s.before;
        const ThreadFields &f = v.t(t);
        Expr told = truth(true);
        for (std::size_t k = 1; k < s.m.schema.process.size(); ++k)
          told = told && !v.get(s.m.schema.process[k].notice);
        const Expr unseen = !v.get(f.systrace) && !v.get(f.emulate) && !v.get(f.step);
        return told &&
               ((v.at(t, {Loc::user}) && eq(v.get(f.call), 0) && unseen) ||
                (v.at(t, {Loc::body}) && eq(v.get(f.call), static_cast<Value>(SysCall::plain))));
      });

  step_law(
      all,
      {"wait.leaves", "A wait that reports nothing, or with WNOWAIT, changes nothing",
       "A wait takes nothing", "wait_task_stopped, wait_task_zombie, 6.12; R133 to R137", anywhere,
       [](const Config &c) { return c[tracer_waits]; }},
      [](const StepView &s, int) { return truth(is_wait(s.step) && !takes(s.step)); },
      [](const StepView &s, int) { return s.same_all(); });

  step_law(
      all,
      {"wait.takes",
       "wait takes what it reports and nothing else: a stop's report, the real parent's, that of "
       "SIGCONT",
       "A wait reports a stop or SIGCONT",
       "wait_task_stopped, wait_task_continued, 6.12; R134 to R136", anywhere,
       [](const Config &c) { return c[tracer_waits]; }},
      [](const StepView &s, int t) {
        return truth(takes(s.step) && s.step.thread == t && !(s.step.label.options & kExited));
      },
      [](const StepView &s, int t) {
        const int options = s.step.label.options;
        const Field taken = options & kUntraced    ? s.after.p->stop_code
                            : options & kContinued ? s.after.p->jobs
                                                   : s.after.t(t).report;
        const Expr was =
            options & kContinued ? s.before.jobs_are(Jobs::continued) : ne(s.before.get(taken), 0);
        return was && eq(s.after.get(taken), 0) && s.same_all({taken});
      });

  step_law(
      all,
      {"wait.reaps",
       "A wait for a zombie takes it away; a tracer's wait for a leader that is another's child "
       "leaves the zombie, untraced, to its real parent",
       "A wait reaps", "wait_task_zombie, 6.12; R133", anywhere, can_die},
      [](const StepView &s, int t) {
        return truth(takes(s.step) && s.step.thread == t && (s.step.label.options & kExited));
      },
      [](const StepView &s, int t) {
        const Expr gone = s.after.at(t, {Loc::dead});
        const Expr passes =
            s.before.traced(t) && !own_child(s.before, t) && truth(s.m.schema.is_leader(t));
        const Expr ignored = s.before.get(s.m.schema.parent.ignores) || truth(!first_process(s, t));
        const Expr left = s.after.at(t, {Loc::zombie}) && !s.after.traced(t);
        return s.before.at(t, {Loc::zombie}) && ite(passes, left || (gone && ignored), gone);
      });

  step_law(
      all,
      {"wait.traced_child",
       "The real parent's wait for a death needs one that no other traces, and leaves a "
       "group-stop's report of a tracee to its tracer",
       "The real parent waits for its child", "wait_consider_task, 6.12; R131, R133, R135",
       anywhere, [](const Config &c) { return c[parent_waits] || c[parent_is_tracer]; }},
      [](const StepView &s, int t) {
        const bool own =
            s.step.rule->id.ends_with(".reap") || s.step.rule->id.ends_with(".untraced");
        return truth(is_report(s.step) && own && s.step.thread == t);
      },
      [](const StepView &s, int t) {
        const bool dies = s.step.label.options & kExited;
        const bool tracers = s.step.rule->actor == Actor::tracer;
        Expr right = truth(s.m.schema.is_leader(t)) && s.before.exists(t);
        if (dies || tracers)
          right = right && !(s.before.traced(t) && (truth(dies) || own_child(s.before, t)));
        if (!dies) right = right && s.before.jobs_are(Jobs::stopped);
        return right;
      });
}

void notices(Laws &all) {
  step_law(
      all,
      {"sigchld.taken",
       "Who takes a SIGCHLD had one, and has none; who is told that there is none "
       "has none",
       "A SIGCHLD is taken", "do_sigtimedwait, 6.12; semantics 8", where({sigchld}), tells},
      [](const StepView &s, int) { return truth(s.step.label.action == Action::sigchld); },
      [](const StepView &s, int) {
        const bool parents = s.step.rule->actor == Actor::parent;
        const Label &l = s.step.label;
        const SigchldFields &f = parents
                                     ? s.m.schema.parent.chld
                                     : s.m.schema.tracers[static_cast<std::size_t>(l.tracer)].chld;
        if (l.err != Err::ok) return eq(s.before.get(f.code), 0) && s.same_all();
        Expr taken = ne(s.before.get(f.code), 0);
        for (Field part : {f.code, f.status, f.thread}) taken = taken && eq(s.after.get(part), 0);
        return taken && s.same_all({f.code, f.status, f.thread});
      });

  state_law(
      all,
      {"sigchld.answered", "Who may call learns whether a SIGCHLD is pending",
       "The tracer may call", "do_sigtimedwait, 6.12; semantics 8", where({sigchld, tracer_waits}),
       tells},
      [](const View &v, int) {
        return !v.get(v.m.schema.tracer.dead) && eq(v.get(v.m.schema.tracer.attaching), 0);
      },
      [](const View &v, int t) {
        Expr all = truth(true);
        if (t) return all;
        for (const Instance &one : v.m.instances) {
          if (one.label.action != Action::sigchld || one.label.err != Err::ok) continue;
          Expr any = truth(false);
          for (const Instance &i : v.m.instances)
            if (i.label.action == Action::sigchld && one_caller(i, one)) any = any || can(i);
          all = all && implies(one.enabled && may_call(v, one), any);
        }
        return all;
      });

  step_law(
      all,
      {"sigchld.merges",
       "A SIGCHLD that is pending stays as it is until it is taken, or its process ignores it or "
       "dies",
       "A SIGCHLD is pending", "legacy_queue, 6.12; R47, semantics 8", where({sigchld}), tells},
      [](const StepView &s, int t) {
        const Action a = s.step.label.action;
        Expr any = ne(s.before.get(s.m.schema.parent.chld.code), 0);
        for (const TracerFields &tracer : s.m.schema.tracers)
          any = any || ne(s.before.get(tracer.chld.code), 0);
        return truth(t == 0 && a != Action::sigchld && a != Action::tracer_exit &&
                     s.step.rule->id != "parent.sigaction" &&
                     s.step.rule->id != "parent.exit.reparent") &&
               any;
      },
      [](const StepView &s, int) {
        auto kept = [&](const SigchldFields &f) {
          return implies(ne(s.before.get(f.code), 0),
                         s.same(f.code) && s.same(f.status) && s.same(f.thread));
        };
        Expr all = kept(s.m.schema.parent.chld);
        for (const TracerFields &tracer : s.m.schema.tracers) all = all && kept(tracer.chld);
        return all;
      });

  step_law(
      all,
      {"sigchld.gone", "Of a dead process no SIGCHLD is left, nor of one that begins to ignore it",
       "A tracer or real parent dies, or begins to ignore SIGCHLD",
       "do_exit, do_sigaction, 6.12; semantics 8", where({sigchld}),
       [](const Config &c) {
         return c[sigchld] && (c[tracer_dies] || c[parent_dies] || c[parent_ignores]);
       }},
      [](const StepView &s, int t) {
        return truth(
            t == 0 &&
            ((s.step.label.action == Action::tracer_exit && !s.m.schema.shape.tracer_threads) ||
             (s.step.label.arg == 1 && s.step.label.action == Action::tracer_exit) ||
             s.step.rule->id == "parent.sigaction" || s.step.rule->id == "parent.exit.reparent"));
      },
      [](const StepView &s, int) {
        const Schema &schema = s.m.schema;
        auto none = [&](const SigchldFields &f) {
          return eq(s.after.get(f.code), 0) && eq(s.after.get(f.status), 0) &&
                 eq(s.after.get(f.thread), 0);
        };
        if (s.step.rule->id == "parent.sigaction")
          return ite(s.m.on(parent_is_tracer), none(schema.tracer.chld), none(schema.parent.chld));
        if (s.step.rule->id == "parent.exit.reparent") return none(schema.parent.chld);
        Expr all = truth(true);
        for (std::size_t k = 0; k < schema.tracers.size(); ++k)
          if (schema.shape.tracer_threads || static_cast<int>(k) == s.step.label.tracer)
            all = all && none(schema.tracers[k].chld);
        return all;
      });

  step_law(
      all,
      {"sigchld.of_stop",
       "The tracer is told of a stop: CLD_TRAPPED with its code, of the traps of job control "
       "CLD_STOPPED with the signal that waits for the real parent",
       "A stop is told to the tracer", "do_notify_parent_cldstop, 6.12; R92, semantics 8",
       where({sigchld}), tells},
      [](const StepView &s, int t) {
        const ThreadFields &f = s.before.t(t);
        return s.before.get(f.owes_tracer) && !s.after.get(f.owes_tracer) &&
               s.same(s.before.p->stop_code) &&
               !(own_child(s.before, t) && s.before.get(s.m.schema.parent.ignores));
      },
      [](const StepView &s, int t) {
        const View &v = s.before;
        const ThreadFields &f = v.t(t);
        const Expr jobctl = v.at(t, {Loc::event_trap, Loc::group_trap});
        const Expr code = ite(jobctl, constant(kCldStopped), constant(kCldTrapped));
        const Expr own =
            ite(v.get(f.report), ite(v.at(t, {Loc::sig_trap}), v.get(f.sig), constant(TRAP)),
                constant(NONE));
        return tells_tracer(s, t, code, status_of(ite(jobctl, v.get(v.p->stop_code), own)));
      });

  step_law(
      all,
      {"sigchld.owed", "Every stop is told to the tracer", "A thread enters a trap",
       "ptrace_stop, 6.12; R92", where({sigchld}), tells},
      [](const StepView &s, int t) { return !s.before.in_trap(t) && s.after.in_trap(t); },
      [](const StepView &s, int t) { return s.after.get(s.after.t(t).owes_tracer); });

  step_law(
      all,
      {"sigchld.of_group_stop",
       "Who completes a group-stop tells the real parent, unless that is its tracer",
       "A thread completes a group-stop",
       "do_signal_stop, ptrace_stop, exit_signals, 6.12; R81, R92", where({sigchld}), tells},
      [](const StepView &s, int t) {
        return truth(s.step.thread == t && s.step.rule->actor == Actor::kernel &&
                     first_process(s, t)) &&
               !s.before.jobs_are(Jobs::stopped) && s.after.jobs_are(Jobs::stopped);
      },
      [](const StepView &s, int t) {
        const Expr hidden = s.after.in_trap(t) && own_child(s.after, t);
        return eq(s.after.get(s.after.t(t).owes_parent), !hidden) &&
               eq(s.after.get(s.after.p->cld), 0);
      });

  step_law(
      all,
      {"sigchld.group_stop_told",
       "The real parent gets CLD_STOPPED of the leader for a group-stop, CLD_CONTINUED or "
       "CLD_STOPPED for its end",
       "The real parent is told of a group-stop, or of its end",
       "do_notify_parent_cldstop, 6.12; R60, R92", where({sigchld}), tells},
      [](const StepView &s, int t) {
        return truth(first_process(s, t) && s.step.thread == t &&
                     (s.is("notify.parent", t) || s.is("loop.notify", t))) &&
               !s.before.get(s.m.schema.parent.ignores);
      },
      [](const StepView &s, int t) {
        const View &v = s.before;
        const int leader = s.m.schema.leader(0);
        const Expr stopped = status_of(v.get(v.p->stop_code));
        if (s.is("notify.parent", t))
          return v.get(v.t(t).owes_parent) && !s.after.get(v.t(t).owes_parent) &&
                 tells_parent(s, leader, constant(kCldStopped), stopped);
        const Expr continued = eq(v.get(v.p->cld), static_cast<Value>(Jobs::continued));
        const Expr code = ite(continued, constant(kCldContinued), constant(kCldStopped));
        const Expr status = ite(continued, constant(killed_by(CONT)), stopped);
        return ne(v.get(v.p->cld), 0) && eq(s.after.get(v.p->cld), 0) &&
               tells_parent(s, leader, code, status) &&
               implies(v.traced(leader) && !own_child(v, leader),
                       tells_tracer(s, leader, code, status));
      });

  step_law(
      all,
      {"sigchld.of_sigcont", "SIGCONT that ends a group-stop has the real parent told",
       "SIGCONT ends a group-stop", "prepare_signal, 6.12; R44, R60", where({sigchld, sig_CONT}),
       tells},
      [](const StepView &s, int t) {
        return truth(t == 0 && s.sends(CONT)) && s.before.group_stops() &&
               !s.before.get(s.before.p->group_exit);
      },
      [](const StepView &s, int) {
        const Jobs how[] = {Jobs::stopped, Jobs::continued};
        return eq(s.after.get(s.after.p->cld),
                  ite(s.before.jobs_are(Jobs::stopped), constant(static_cast<Value>(how[1])),
                      constant(static_cast<Value>(how[0]))));
      });

  step_law(
      all,
      {"sigchld.of_death",
       "A death is told to the tracer, or of an untraced leader without threads to its real "
       "parent, with its status",
       "A thread becomes a zombie", "exit_notify, do_notify_parent, 6.12; R116, R119, R133",
       where({sigchld}), told_of_death},
      [](const StepView &s, int t) {
        const Expr enters = s.enters(t, {Loc::zombie});
        return truth(first_process(s, t) && s.step.thread == t) &&
               ((enters && (s.before.traced(t) || truth(s.m.schema.is_leader(t)))) ||
                (s.before.at(t, {Loc::zombie}) && s.before.traced(t) && !s.after.traced(t) &&
                 s.after.at(t, {Loc::zombie})));
      },
      [](const StepView &s, int t) {
        const Expr status = s.before.get(s.before.t(t).status);
        const Expr code = death_code(status);
        return ite(s.after.traced(t), tells_tracer(s, t, code, status),
                   !s.before.alone(t) || s.before.get(s.m.schema.parent.ignores) ||
                       tells_parent(s, t, code, status));
      });
}

}  // namespace

void wait_laws(Laws &all) {
  results(all);
  effects(all);
  notices(all);
}

}  // namespace ptmc::model
