// Delivery: the loop of get_signal (kernel/signal.c, 6.12), one rule for each outcome, in the order
// in which the loop looks: notification of the parent, group exit, group-stop, traps, then signals,
// the private queue first, each in number order.

#include "model/kernel.hpp"
#include "model/sigchld.hpp"

namespace ptmc::model {
namespace {

// The loop holds siglock from here: after the CLD flags, with everything notified.
void in_loop(Step &s, int t) {
  s.guard("it is in get_signal",
          at_loc(s, t, Loc::loop) || (at_loc(s, t, Loc::relock) && eq(s.get(s.p->cld), 0)));
  s.guard("it has made its notifications", may_act(s, t));
}

void no_group_exit(Step &s) {
  s.guard("the group is not in exit", !(s.on(Feature::loop_sees_group_exit) && group_ends(s)));
}

void no_trap(Step &s, int t) {
  const ThreadFields &f = s.t(t);
  s.at("no group-stop is pending", f.stop_pending, 0);
  s.at("no stop is asked for", f.trap_stop, 0);
  s.at("no notification is due", f.trap_notify, 0);
}

// To user mode, or to the start of the system call that restarts.
void to_user(Step &s, int t) {
  go(s, t, Loc::user);
  s.set(s.t(t).sigpending, has_work(s, t));
}

// A step ends at the handler's first instruction, with a stop of its own (R74).
void begin_handler(Step &s, int t, Sig sig) {
  const ThreadFields &f = s.t(t);
  s.when(!s.on(Feature::open_world), [&] { s.raise(f.handling[sig]); });
  // An interrupted system call does not restart: EINTR; but one that makes a child always does.
  s.when(makes_child(s, t) && !s.on(Feature::open_world), [&] { s.set(f.again, s.get(f.call)); });
  s.set(f.call, 0);
  s.when(eq(s.get(f.again), 0), [&] { s.set(f.flags, 0); });
  const Expr stops = s.get(f.step) && traced(s, t);
  s.clear(f.step);
  s.when(stops, [&] { enter_trap(s, t, Loc::step_trap, constant(TRAP), false); });
  s.when(!stops, [&] { to_user(s, t); });
  retarget(s, t, sig);
}

// do_signal_stop for the current thread, whose signal is `sig` (R76): false outcome stays in the
// loop, where a traced thread finds TRAP_STOP.
void do_signal_stop(Step &s, int t, Expr sig) {
  const ThreadFields &f = s.t(t);
  const Expr joins = s.get(f.stop_pending);
  const Expr starts =
      !joins && s.get(f.dequeued) && !s.get(s.p->group_exit) && eq(s.get(s.p->exec_task), 0);
  s.when(starts, [&] { start_group_stop(s, t, sig); });
  const Expr stops = s.get(f.stop_pending);  // refused for a dying thread
  s.when((joins || starts) && traced(s, t) && !dying(s, t), [&] {
    s.raise(f.trap_stop);
    s.when(s.on(Feature::causes), [&] { s.set(f.trap_cause, static_cast<Value>(Cause::group)); });
  });
  const Expr sleeps = stops && !traced(s, t);
  go(s, t, Loc::loop);
  s.when(sleeps, [&] {
    const Expr done = participate(s, t);
    go(s, t, Loc::stopped);
    s.when(done && tells_parent(s, s.schema.process_of(t)), [&] { s.raise(f.owes_parent); });
  });
}

// What becomes of a signal that nobody suppressed (R73 to R77). An instance for each outcome.
enum class Outcome { ignore, handle, stop, tty_stop, die };
std::vector<Outcome> outcomes(const Model &m, Sig sig) {
  if (sig == KILL) return {Outcome::die};
  if (sig == STOP) return {Outcome::stop};
  std::vector<Outcome> all{Outcome::ignore, Outcome::handle};
  if (is_stop(sig)) all.push_back(Outcome::tty_stop);
  const Default action = m.schema.shape.action(sig);
  if (action == Default::fatal || action == Default::core) all.push_back(Outcome::die);
  return all;
}

void act(Step &s, int t, Sig sig, Outcome outcome) {
  const ThreadFields &f = s.t(t);
  switch (outcome) {
    case Outcome::ignore:
      s.guard("it is ignored", s.on(Feature::open_world) || ignores(s, sig));
      go(s, t, Loc::loop);
      break;
    case Outcome::handle:
      s.guard("it has a handler", s.on(Feature::open_world) || handles(s, sig));
      begin_handler(s, t, sig);
      break;
    case Outcome::stop:
      do_signal_stop(s, t, constant(sig));
      break;
    case Outcome::tty_stop:
      s.guard("its action is the default", s.on(Feature::open_world) || acts_by_default(s, sig));
      go(s, t, Loc::tty_window);
      s.set(f.sig, sig);
      break;
    case Outcome::die:
      if (sig != KILL)
        s.guard("its action is the default", s.on(Feature::open_world) || acts_by_default(s, sig));
      go(s, t, Loc::group_exit);
      s.set(f.status, death_by(s, sig));
      no_call(s, t);
      s.clear(f.pend[KILL]);
      s.clear(f.trap_stop);
      s.clear(f.trap_notify);
      break;
  }
}

Label label_of(Outcome outcome, int t, Sig sig) {
  if (outcome == Outcome::handle) return {Action::handler, t, sig, Err::ok, 0};
  return {};
}

const char *suffix(Outcome outcome) {
  switch (outcome) {
    case Outcome::ignore:
      return ".ignore";
    case Outcome::handle:
      return ".handler";
    case Outcome::stop:
      return ".stop";
    case Outcome::tty_stop:
      return ".tty";
    case Outcome::die:
      return ".fatal";
  }
  return "";
}

// One family for each outcome, named prefix.ignore, prefix.handler...
struct OutcomeRules {
  OutcomeRules(Model &m, const std::string &prefix, const std::string &first) {
    for (Outcome o :
         {Outcome::ignore, Outcome::handle, Outcome::stop, Outcome::tty_stop, Outcome::die})
      rule.push_back(m.family({prefix + suffix(o),
                               Actor::kernel,
                               first + kEffects[int(o)],
                               {"get_signal"},
                               kRules[int(o)],
                               "",
                               ""}));
  }
  const Rule *operator[](Outcome o) const { return rule[static_cast<std::size_t>(o)]; }
  std::vector<const Rule *> rule;
  static inline const std::vector<std::string> kEffects{
      "it is ignored", "its handler runs", "a group-stop starts, unless SIGCONT came between",
      "siglock is dropped to ask whether the process group is orphaned", "the process dies of it"};
  static inline const std::vector<std::vector<std::string>> kRules{
      {"R73"}, {"R74"}, {"R76", "R82"}, {"R75"}, {"R77"}};
};

Expr no_other_work(const Step &s, int t) {
  Expr none = truth(true);
  for (Sig sig : s.schema.shape.signals)
    none = none && !s.get(s.t(t).pend[sig]) && (truth(sig == CONT) || !s.get(s.p->pend[sig]));
  return none;
}

void loop_start(Model &m) {
  const Rule *enter = m.family({"loop.enter",
                                Actor::kernel,
                                "looks for signals on the way to user mode",
                                {"exit_to_user_mode_loop", "get_signal"},
                                {"R104"},
                                "",
                                ""});
  const Rule *cld = m.family({"loop.notify",
                              Actor::kernel,
                              "tells the real parent, and the leader's tracer, of SIGCONT",
                              {"get_signal", "do_notify_parent_cldstop"},
                              {"R60"},
                              "",
                              ""});
  const Rule *exit = m.family({"loop.group_exit",
                               Actor::kernel,
                               "finds its group in exit, or execing; SIGKILL leaves the queue",
                               {"get_signal"},
                               {"R61"},
                               "5.0",
                               ""});
  const Rule *none = m.family({"loop.none",
                               Actor::kernel,
                               "finds nothing, and goes to user mode",
                               {"get_signal"},
                               {"R67"},
                               "",
                               ""});
  for (int t = 0; t < m.threads(); ++t) {
    Step u(m, enter, t, tname(t));
    u.at("it is in user mode", u.t(t).loc, static_cast<Value>(Loc::user));
    u.at("TIF_SIGPENDING is set", u.t(t).sigpending, 1);
    u.clear(u.t(t).sigpending);
    go(u, t, Loc::relock);
    m.add(std::move(u));

    Step c(m, cld, t, tname(t));
    c.needs(tells_parent(c, m.schema.process_of(t)));
    c.at("it is in get_signal", c.t(t).loc, static_cast<Value>(Loc::relock));
    c.guard("it has made its notifications", may_act(c, t));
    c.guard("a CLD flag is set", ne(c.get(c.p->cld), 0));
    const Expr continued = eq(c.get(c.p->cld), static_cast<Value>(Jobs::continued));
    for (bool to_tracer : {false, true}) {
      const int leader = c.leader();
      const Expr told = to_tracer ? traced(c, leader) && !own_child(c, leader) : truth(true);
      c.when(told && continued,
             [&] { sigchld(c, to_tracer, leader, kCldContinued, constant(killed_by(CONT))); });
      c.when(told && !continued, [&] {
        sigchld(c, to_tracer, leader, kCldStopped, signal_status(c.get(c.p->stop_code)));
      });
    }
    c.set(c.p->cld, 0);
    m.add(std::move(c));

    Step e(m, exit, t, tname(t));
    e.needs(Feature::loop_sees_group_exit);
    in_loop(e, t);
    e.guard("the group is in exit, or another thread execs", group_ends(e));
    e.clear(e.t(t).pend[KILL]);
    clear_pending(e, t);
    e.set(e.t(t).status, ite(e.get(e.p->group_exit), e.get(e.p->death), constant(0)));
    no_call(e, t);
    go(e, t, Loc::group_exit);
    m.add(std::move(e));

    Step s(m, none, t, tname(t));
    in_loop(s, t);
    no_group_exit(s);
    no_trap(s, t);
    Expr work = has_work(s, t);
    if (m.has(CONT))  // which an open world may block
      work = ite(s.on(Feature::open_world) && s.get(s.p->pend[CONT]) && no_other_work(s, t),
                 constant(0), work);
    s.guard("no unblocked signal is pending", !work);
    to_user(s, t);
    m.add(std::move(s));
  }
}

// Which signal is dequeued next: `sig` from this queue, and nothing before it.
void is_next(Step &s, int t, Sig sig, bool shared) {
  const ThreadFields &f = s.t(t);
  s.at("it is pending", shared ? s.p->pend[sig] : f.pend[sig], 1);
  s.guard("it is not blocked", !blocked(s, t, sig));
  Expr first = truth(true);
  const Shape &shape = s.schema.shape;
  // Synchronous ones that the kernel has sent come first, in the order in which they were sent: in
  // any order here.
  const auto by_kernel = [&](Sig of) {
    const Expr info = s.get(f.kinfo[of]);
    return eq(info, static_cast<Value>(Info::kernel)) || eq(info, static_cast<Value>(Info::step));
  };
  for (Sig other : s.schema.shape.signals) {
    if (!shared && other != sig && shape.synchronous(other) && shape.synchronous(sig)) {
      const Expr comes_first =
          !by_kernel(sig) && (by_kernel(other) || truth(shape.before(other, sig)));
      first = first && !(s.get(f.pend[other]) && !blocked(s, t, other) && comes_first);
      continue;
    }
    if (shared || shape.before(other, sig))
      first = first && !(s.get(f.pend[other]) && !blocked(s, t, other));
    if (shared && shape.before(other, sig))
      first = first && !(s.get(s.p->pend[other]) && !blocked(s, t, other));
  }
  s.guard("no other signal comes before it", first);
}

Expr dequeue(Step &s, int t, Sig sig, bool shared) {
  const ThreadFields &f = s.t(t);
  const Expr info = shared ? constant(static_cast<Value>(Info::user)) : s.get(f.kinfo[sig]);
  if (shared)
    take_first(s, sig);
  else
    take_first(s, sig, t);
  if (is_stop(sig)) s.raise(f.dequeued);
  return info;
}

}  // namespace

void may_dequeue(Step &s, int t, Sig sig, bool shared) {
  in_loop(s, t);
  no_group_exit(s);
  no_trap(s, t);
  is_next(s, t, sig, shared);
}

void stop_before(Step &s, int t, Sig sig, bool shared) {
  const Expr info = dequeue(s, t, sig, shared);
  s.raise(s.t(t).dequeued);
  enter_trap(s, t, Loc::sig_trap, constant(sig), false);
  s.set(s.t(t).info, info);
  s.set(s.t(t).shared, truth(shared));
}

namespace {

void dequeue_rules(Model &m) {
  const Rule *trap =
      m.family({"deliver.trap",
                Actor::kernel,
                "a tracee stops before the signal is delivered: signal-delivery-stop",
                {"get_signal", "ptrace_signal", "ptrace_stop"},
                {"R68", "R69", "R91"},
                "",
                ""});
  const OutcomeRules acts(m, "deliver", "no stop precedes it: ");
  auto start = [&](const Rule *rule, int t, Sig sig, bool shared, Label label) {
    Step s(m, rule, t, tname(t) + ", " + sname(sig) + (shared ? " of the process" : ""), label);
    may_dequeue(s, t, sig, shared);
    return s;
  };
  for (int t = 0; t < m.threads(); ++t) {
    for (Sig sig : m.signals()) {
      for (bool shared : {false, true}) {
        if (sig != KILL) {
          Step s = start(trap, t, sig, shared, {});
          s.guard("it is traced", traced(s, t));
          stop_before(s, t, sig, shared);
          m.add(std::move(s));
        }
        for (Outcome o : outcomes(m, sig)) {
          Step s = start(acts[o], t, sig, shared, label_of(o, t, sig));
          if (sig != KILL) s.at("it is not traced", s.t(t).tracing, 0);
          dequeue(s, t, sig, shared);
          act(s, t, sig, o);
          m.add(std::move(s));
        }
      }
    }
  }
}

// After a signal-delivery-stop: exit_code holds what the tracer, or its death, left (R70 to R77).
void injection(Model &m) {
  const Rule *none = m.family({"inject.none",
                               Actor::kernel,
                               "the signal is suppressed",
                               {"ptrace_signal"},
                               {"R70"},
                               "",
                               ""});
  const Rule *requeue = m.family({"inject.requeue",
                                  Actor::kernel,
                                  "the signal is blocked, or the thread is killed: it is "
                                  "generated again",
                                  {"ptrace_signal"},
                                  {"R71", "R72"},
                                  "",
                                  ""});
  const OutcomeRules acts(m, "inject", "the tracer injects the signal: ");
  for (int t = 0; t < m.threads(); ++t) {
    auto start = [&](const Rule *rule, Sig sig, Label label) {
      Step s(m, rule, t, tname(t) + ", " + sname(sig), label);
      s.at("it has left a signal-delivery-stop", s.t(t).loc, static_cast<Value>(Loc::sig_woken));
      s.guard("it has made its notifications", may_act(s, t));
      return s;
    };
    auto forget = [](Step &s, int thread) {
      const ThreadFields &f = s.t(thread);
      s.set(f.sig, NONE);
      s.set(f.info, 0);
      s.clear(f.shared);
    };
    Step n = start(none, NONE, {});
    n.guard("no signal is injected",
            eq(n.get(n.t(t).sig), NONE) || (killed(n, t) && !n.on(Feature::requeue_keeps_queue)));
    forget(n, t);
    go(n, t, Loc::loop);
    m.add(std::move(n));
    for (Sig sig : m.signals()) {
      auto injected = [&](const Rule *rule, Label label) {
        Step s = start(rule, sig, label);
        s.at("it is injected", s.t(t).sig, sig);
        return s;
      };
      for (bool shared : {false, true}) {
        for (const Target &to : targets(m, t, shared)) {
          Step s = injected(requeue, {});
          const Expr dies = killed(s, t) && s.on(Feature::requeue_keeps_queue);
          const Expr masked = truth(is_blockable(sig)) && blocked(s, t, sig) && !killed(s, t);
          s.guard("it is blocked, or the thread is killed", masked || dies);
          const Expr same = s.on(Feature::requeue_keeps_queue) && s.get(s.t(t).shared);
          s.guard(shared ? "it came from the process's queue" : "it goes to the thread's queue",
                  shared ? same : !same);
          if (to.pick >= 0 && to.pick != t)  // itself, which is on its CPU
            s.guard("it is blocked here", blocked(s, t, sig));
          const Expr info = s.get(s.t(t).info);
          forget(s, t);
          go(s, t, Loc::loop);
          send(s, sig, to, info, truth(true));
          m.add(std::move(s));
        }
      }
      for (Outcome o : outcomes(m, sig)) {
        Step s = injected(acts[o], label_of(o, t, sig));
        s.guard("the thread is not killed", !killed(s, t));
        if (is_blockable(sig)) s.guard("it is not blocked", !blocked(s, t, sig));
        forget(s, t);
        act(s, t, sig, o);
        m.add(std::move(s));
      }
    }
  }
}

void tty(Model &m) {
  const Rule *orphan = m.family({"tty.orphaned",
                                 Actor::kernel,
                                 "the process group is orphaned: the signal is discarded",
                                 {"get_signal"},
                                 {"R75"},
                                 "",
                                 ""});
  const Rule *stop = m.family({"tty.stop",
                               Actor::kernel,
                               "starts the group-stop, unless SIGCONT came in the window",
                               {"get_signal", "do_signal_stop"},
                               {"R75", "R76", "R82"},
                               "",
                               ""});
  for (int t = 0; t < m.threads(); ++t) {
    for (const Rule *rule : {orphan, stop}) {
      Step s(m, rule, t, tname(t));
      s.needs(rule == orphan ? s.on(Feature::orphaned) : !s.on(Feature::orphaned));
      s.at("it asks whether the group is orphaned", s.t(t).loc,
           static_cast<Value>(Loc::tty_window));
      const Expr sig = s.get(s.t(t).sig);
      s.set(s.t(t).sig, NONE);
      if (rule == orphan)
        go(s, t, Loc::relock);
      else
        do_signal_stop(s, t, sig);
      m.add(std::move(s));
    }
  }
}

}  // namespace

void delivery_rules(Model &m) {
  loop_start(m);
  dequeue_rules(m);
  injection(m);
  tty(m);
}

}  // namespace ptmc::model
