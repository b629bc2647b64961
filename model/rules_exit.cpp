// Death: do_group_exit, do_exit, exit_signals, exit_notify (kernel/exit.c, kernel/signal.c, 6.12).
// A thread passes group_exit (if the whole group is to die), exiting, exit_event, PTRACE_EVENT_EXIT
// if asked for, exit_signals, exit_notify.

#include "model/kernel.hpp"
#include "model/sigchld.hpp"

namespace ptmc::model {
namespace {

// do_exit was entered: quick_threads no longer counts the thread.
Expr past_sync(const Step &s, int t) {
  return !exists(s, t) || at_loc(s, t, Loc::exit_event) || at_loc(s, t, Loc::exit_event_trap) ||
         at_loc(s, t, Loc::exit_signals) || exiting(s, t);
}

// Its death is by a signal that dumps core, and others have to stop for that (do_coredump).
Expr dumps_core(const Step &s, int t) {
  Expr by_core = truth(false);
  for (Sig sig : s.schema.shape.signals)
    if (s.schema.shape.action(sig) == Default::core)
      by_core = by_core || eq(s.get(s.t(t).status), killed_by(sig));
  return by_core && !s.on(Feature::open_world) && !group_ends(s) && !alone(s, t);
}
Expr in_dump(const Step &s, int t) { return eq(s.get(s.p->core), static_cast<Value>(1 + t)); }
// coredump_task_exit, in do_exit before EVENT_EXIT; until 5.16 exit_mm, after it.
Expr waits_for_dump(const Step &s, int t) {
  return ite(s.on(Feature::dump_before_exit_event), at_loc(s, t, Loc::exit_event),
             at_loc(s, t, Loc::exit_notify));
}
Expr past_dump(const Step &s, int t) {
  const Expr over = at_loc(s, t, Loc::exit_event_trap) || at_loc(s, t, Loc::exit_signals) ||
                    at_loc(s, t, Loc::exit_notify);
  return !exists(s, t) || at_loc(s, t, Loc::zombie) || at_loc(s, t, Loc::unreleased) ||
         (s.on(Feature::dump_before_exit_event) && over);
}
void no_dump(Step &s, Expr waits) {
  s.guard("no core dump is to be waited for", !waits || eq(s.get(s.p->core), 0));
}

void core_dump(Model &m) {
  const Rule *start = m.family({"core.start",
                                Actor::kernel,
                                "a signal dumps core: the group is in exit, and the others are "
                                "killed and waited for",
                                {"do_coredump", "zap_threads"},
                                {"R77", "R45"},
                                "",
                                ""});
  const Rule *end = m.family({"core.end",
                              Actor::kernel,
                              "the core dump is over",
                              {"coredump_finish", "do_group_exit"},
                              {"R115"},
                              "",
                              ""});
  for (int t = 0; t < m.threads(); ++t) {
    if (m.schema.group(m.schema.process_of(t)).size() == 1) continue;
    Step s(m, start, t, tname(t));
    s.at("it dies by a signal", s.t(t).loc, static_cast<Value>(Loc::group_exit));
    s.guard("the signal dumps core", dumps_core(s, t));
    s.raise(s.p->group_exit);
    s.set(s.p->death, s.get(s.t(t).status));
    s.set(s.p->core, static_cast<Value>(1 + t));
    for (Field f : {s.p->jobs, s.p->cld, s.p->stop_count, s.p->stop_code}) s.set(f, 0);
    for (int u : s.group()) {
      const Expr dies = truth(u != t) && !past_dump(s, u) && !exiting(s, u);
      clear_pending(s, u);
      s.when(dies, [&] {
        s.raise(s.t(u).pend[KILL]);
        wake_resume(s, u);
      });
    }
    m.add(std::move(s));

    Step e(m, end, t, tname(t));
    e.guard("it dumps core", in_dump(e, t));
    Expr wait_over = truth(true);
    for (int u : e.group())
      if (u != t) wait_over = wait_over && (past_dump(e, u) || waits_for_dump(e, u));
    e.guard("every other thread waits for it", wait_over);
    e.set(e.p->core, 0);
    m.add(std::move(e));
  }
}

void group_exit(Model &m) {
  const Rule *rule =
      m.family({"exit.group",
                Actor::kernel,
                "puts the group into exit, unless it is, and kills the other threads",
                {"do_group_exit", "zap_other_threads"},
                {"R120"},
                "",
                ""});
  for (int t = 0; t < m.threads(); ++t) {
    Step s(m, rule, t, tname(t));
    s.at("it is in do_group_exit", s.t(t).loc, static_cast<Value>(Loc::group_exit));
    s.guard("it dumps no core", !dumps_core(s, t) && !in_dump(s, t));
    const Expr already = group_ends(s);
    s.when(already, [&] {
      s.set(s.t(t).status, ite(s.get(s.p->group_exit), s.get(s.p->death), constant(0)));
    });
    s.when(!already, [&] { group_kill(s, s.get(s.t(t).status), t); });
    go(s, t, Loc::exiting);
    m.add(std::move(s));
  }
}

void event(Model &m) {
  const Rule *sync = m.family({"exit.sync",
                               Actor::kernel,
                               "enters do_exit; the last thread to do so puts the group into exit",
                               {"do_exit", "synchronize_group_exit"},
                               {"R115"},
                               "",
                               ""});
  const Rule *stops = m.family({"exit.event",
                                Actor::kernel,
                                "stops in PTRACE_EVENT_EXIT",
                                {"do_exit", "ptrace_event"},
                                {"R115", "R91"},
                                "",
                                ""});
  const Rule *passes = m.family({"exit.no_event",
                                 Actor::kernel,
                                 "no PTRACE_EVENT_EXIT: not asked for, or the thread is killed",
                                 {"do_exit", "ptrace_stop"},
                                 {"R90", "R115"},
                                 "",
                                 ""});
  for (int t = 0; t < m.threads(); ++t) {
    Step s(m, sync, t, tname(t));
    s.at("it is in do_exit", s.t(t).loc, static_cast<Value>(Loc::exiting));
    Expr last = s.on(Feature::last_exit_is_group_exit) && !s.get(s.p->group_exit);
    for (int u : s.group())
      if (u != t) last = last && past_sync(s, u);
    s.when(last, [&] {
      s.raise(s.p->group_exit);
      s.set(s.p->death, s.get(s.t(t).status));
      for (Field f : {s.p->jobs, s.p->cld, s.p->stop_count, s.p->stop_code}) s.set(f, 0);
      for (int u : s.group()) clear_stop_pending(s, u);
    });
    go(s, t, Loc::exit_event);
    m.add(std::move(s));
    for (const Rule *rule : {stops, passes}) {
      Step e(m, rule, t, tname(t));
      e.at("it is in do_exit", e.t(t).loc, static_cast<Value>(Loc::exit_event));
      no_dump(e, e.on(Feature::dump_before_exit_event));
      const Expr stop = traced(e, t) && e.get(e.t(t).option[TRACEEXIT]) &&
                        !(e.on(Feature::killed_never_stops) && killed(e, t));
      e.guard(rule == stops ? "TRACEEXIT asks for a stop" : "there is no stop",
              rule == stops ? stop : !stop);
      if (rule == stops)
        enter_trap(e, t, Loc::exit_event_trap, constant(NONE), false);
      else
        go(e, t, Loc::exit_signals);
      m.add(std::move(e));
    }
  }
}

void last_steps(Model &m) {
  const Rule *signals = m.family({"exit.signals",
                                  Actor::kernel,
                                  "is marked as exiting, and leaves a pending group-stop",
                                  {"exit_signals"},
                                  {"R83"},
                                  "",
                                  ""});
  const Rule *notify = m.family({"exit.notify",
                                 Actor::kernel,
                                 "becomes a zombie, or one that nobody reaps",
                                 {"exit_notify"},
                                 {"R116"},
                                 "",
                                 ""});
  const Rule *gone = m.family({"exit.release",
                               Actor::kernel,
                               "is released without having been reaped",
                               {"exit_notify", "release_task"},
                               {"R116", "R119"},
                               "",
                               ""});
  for (int t = 0; t < m.threads(); ++t) {
    Step s(m, signals, t, tname(t));
    const ThreadFields &f = s.t(t);
    s.at("it is past PTRACE_EVENT_EXIT", f.loc, static_cast<Value>(Loc::exit_signals));
    s.guard("it has made its notifications", may_act(s, t));
    const Expr leaves = !alone(s, t) && !s.get(s.p->group_exit) && s.get(f.stop_pending);
    // Shared signals that it would have taken go to another thread.
    for (Sig sig : m.signals()) s.when(!blocked(s, t, sig), [&] { retarget(s, t, sig); });
    Expr done = truth(false);
    s.when(leaves, [&] { done = participate(s, t); });
    s.when(leaves && done && tells_parent(s, m.schema.process_of(t)),
           [&] { s.raise(f.owes_parent); });
    go(s, t, Loc::exit_notify);
    // Nobody reads these any more.
    clear_pending(s, t);
    s.set(f.stopsig, NONE);
    for (Field gone : {f.systrace, f.emulate, f.step, f.vforked}) s.clear(gone);
    for (Sig sig : m.signals()) empty_queue(s, sig, t);
    m.add(std::move(s));

    Step n(m, notify, t, tname(t));
    n.at("it is marked as exiting", n.t(t).loc, static_cast<Value>(Loc::exit_notify));
    n.guard("it has made its notifications", may_act(n, t));
    no_dump(n, !n.on(Feature::dump_before_exit_event));
    const Expr is_tracee = traced(n, t);
    go(n, t, Loc::zombie);
    n.when(is_tracee || (truth(n.is_leader(t)) && alone(n, t)), [&] { notify_exit(n, t); });
    if (!n.is_leader(t)) n.when(!is_tracee, [&] { reap_itself(n, t); });
    m.add(std::move(n));

    Step r(m, gone, t, tname(t));
    r.at("nobody reaps it", r.t(t).loc, static_cast<Value>(Loc::unreleased));
    release(r, t);
    m.add(std::move(r));
  }
}

}  // namespace

void exit_rules(Model &m) {
  core_dump(m);
  group_exit(m);
  event(m);
  last_steps(m);
}

}  // namespace ptmc::model
