// Group-stop: how threads take part, and the traps of do_jobctl_trap (kernel/signal.c:
// do_signal_stop, task_participate_group_stop, do_jobctl_trap, 6.12). Where a group-stop starts, at
// the delivery of a stop signal, is in rules_delivery.cpp and start_group_stop (kernel.cpp).

#include "model/kernel.hpp"
#include "model/sigchld.hpp"

namespace ptmc::model {
namespace {

void in_loop(Step &s, int t) {
  s.guard("it is in get_signal",
          at_loc(s, t, Loc::loop) || (at_loc(s, t, Loc::relock) && eq(s.get(s.p->cld), 0)));
  s.guard("it has made its notifications", may_act(s, t));
  s.guard("the group is not in exit", !(s.on(Feature::loop_sees_group_exit) && group_ends(s)));
}

void stop(Model &m) {
  const Rule *rule = m.family({"group_stop.join",
                               Actor::kernel,
                               "an untraced thread stops; the last one tells the real parent",
                               {"do_signal_stop", "task_participate_group_stop"},
                               {"R62", "R80", "R81", "R85"},
                               "",
                               ""});
  for (int t = 0; t < m.threads(); ++t) {
    Step s(m, rule, t, tname(t));
    in_loop(s, t);
    s.at("it is not traced", s.t(t).tracing, 0);
    s.at("a group-stop is pending", s.t(t).stop_pending, 1);
    const Expr done = participate(s, t);
    go(s, t, Loc::stopped);
    s.when(done && tells_parent(s, m.schema.process_of(t)), [&] { s.raise(s.t(t).owes_parent); });
    m.add(std::move(s));
  }
}

void trap(Model &m) {
  const Rule *flagged =
      m.family({"trap.event_stop",
                Actor::kernel,
                "traps with PTRACE_EVENT_STOP: the stop signal while the group is "
                "stopping or stopped, else SIGTRAP",
                {"do_jobctl_trap", "ptrace_stop"},
                {"R63", "R64", "R91", "5.3"},
                "3.1",
                ""});
  const Rule *legacy = m.family({"trap.legacy",
                                 Actor::kernel,
                                 "traps with the last stop signal, and without a siginfo",
                                 {"do_jobctl_trap", "ptrace_stop"},
                                 {"R63", "R65", "R91", "5.3"},
                                 "",
                                 ""});
  for (int t = 0; t < m.threads(); ++t) {
    for (const Rule *rule : {flagged, legacy}) {
      Step s(m, rule, t, tname(t));
      const ThreadFields &f = s.t(t);
      in_loop(s, t);
      s.guard("it is traced", traced(s, t));
      s.guard(rule == flagged ? "its stops are flagged" : "its stops are not flagged",
              rule == flagged ? flags_stops(s, t) : !flags_stops(s, t));
      s.guard("a trap is due", s.get(f.stop_pending) || s.get(f.trap_stop) || s.get(f.trap_notify));
      if (rule == flagged) {
        const Expr sig = ite(group_stopping(s), s.get(f.stopsig), constant(TRAP));
        enter_trap(s, t, Loc::event_trap, sig, true);
      } else {
        // RFC (2) without (1): "creates a group-stop with sig=SIGTRAP".
        const Expr interrupted =
            interruptible(s, t) && !group_stopping(s) && !s.on(Feature::interrupt_marks);
        const Expr plain = s.on(Feature::sigcont_plain_trap) && eq(s.get(f.stopsig), TRAP);
        const Expr sig = ite(interrupted, constant(TRAP), s.get(f.stopsig));
        enter_trap(s, t, Loc::group_trap, sig, true);
        s.set(f.info, ite(plain, constant(1), constant(0)));
        s.clear(f.trap_notify);
      }
      m.add(std::move(s));
    }
  }
}

// Notification is a critical section of its own, after the stop is visible (R92).
void notify(Model &m) {
  const Rule *tracer = m.family({"notify.tracer",
                                 Actor::kernel,
                                 "tells the tracer of the stop",
                                 {"ptrace_stop", "do_notify_parent_cldstop"},
                                 {"R92"},
                                 "",
                                 ""});
  const Rule *parent = m.family({"notify.parent",
                                 Actor::kernel,
                                 "tells the real parent that the group has stopped",
                                 {"do_notify_parent_cldstop"},
                                 {"R62", "R92"},
                                 "",
                                 ""});
  for (int t = 0; t < m.threads(); ++t) {
    Step s(m, tracer, t, tname(t));
    s.needs(Feature::sigchld);
    s.at("it has not told the tracer", s.t(t).owes_tracer, 1);
    settle(s, t);
    m.add(std::move(s));
    Step p(m, parent, t, tname(t));
    p.needs(tells_parent(p, m.schema.process_of(t)));
    p.at("it has told the tracer", p.t(t).owes_tracer, 0);
    p.at("it has not told the real parent", p.t(t).owes_parent, 1);
    sigchld(p, false, p.leader(), kCldStopped, signal_status(p.get(p.p->stop_code)));
    p.clear(p.t(t).owes_parent);
    m.add(std::move(p));
  }
}

// Before 5.19 a killed thread still shows its stop, and cannot sleep in it (R90).
void refuse(Model &m) {
  const Rule *rule = m.family({"trap.killed",
                               Actor::kernel,
                               "a killed thread cannot sleep in a trap",
                               {"ptrace_stop", "signal_pending_state"},
                               {"R90"},
                               "",
                               "5.18"});
  for (int t = 0; t < m.threads(); ++t) {
    Step s(m, rule, t, tname(t));
    s.needs(!s.on(Feature::killed_never_stops));
    s.guard("it is in a trap", in_trap(s, t));
    s.at("SIGKILL is pending", s.t(t).pend[KILL], 1);
    s.guard("it has made its notifications", may_act(s, t));
    leave_trap(s, t, unread_code(s, t));
    m.add(std::move(s));
  }
}

}  // namespace

void group_stop_rules(Model &m) {
  stop(m);
  trap(m);
  notify(m);
  refuse(m);
}

}  // namespace ptmc::model
