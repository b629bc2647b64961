// Open worlds: only the tracer's calls were recorded. What strangers, the tracee's siblings and its
// own code may do at any time is one rule each here; dispositions, masks and queues are unknown, so
// a stranger's signal appears where it is dequeued. Only SIGCONT, SIGKILL and ATTACH's SIGSTOP are
// followed from their generation, because what they do there shows.
//
// fork, clone, execve and seccomp are known by their stops alone.

#include "model/kernel.hpp"

namespace ptmc::model {
namespace {

Step open(Model &m, const Rule *rule, int t, std::string parameters) {
  Step s(m, rule, t, tname(t) + (parameters.empty() ? "" : ", " + parameters));
  s.needs(Feature::open_world);
  return s;
}

void in_company(Step &s) {
  const Expr company = s.get(s.p->company);
  s.guard("it may have siblings", eq(company, static_cast<Value>(Company::unseen)) ||
                                      eq(company, static_cast<Value>(Company::traced)));
}

// A signal arrives from somewhere, or a sibling's wake-up: the thread looks.
void arrive(Model &m) {
  const Rule *looks = m.family({"open.look",
                                Actor::world,
                                "something makes the thread look for work",
                                {"signal_wake_up"},
                                {"R141"},
                                "",
                                ""});
  const Rule *stops =
      m.family({"open.signal",
                Actor::world,
                "a signal that nobody saw sent reaches the tracee: signal-delivery-stop",
                {"get_signal", "ptrace_signal"},
                {"R68", "R69", "R141"},
                "",
                ""});
  const Rule *stopped = m.family({"open.stopped",
                                  Actor::world,
                                  "a stop signal that nobody saw stops the untraced process",
                                  {"get_signal", "do_signal_stop"},
                                  {"R62", "R141"},
                                  "",
                                  ""});
  for (int t = 0; t < m.threads(); ++t) {
    Step l = open(m, looks, t, "");
    l.guard("it is in user mode or in a system call",
            at_loc(l, t, Loc::user) || (at_loc(l, t, Loc::body) && !l.get(l.t(t).systrace)));
    l.clear(l.t(t).sigpending);
    no_call(l, t);
    go(l, t, Loc::relock);
    m.add(std::move(l));
    for (Sig sig : m.signals()) {
      if (sig == KILL || sig == CONT) continue;
      Step s = open(m, stops, t, sname(sig));
      const ThreadFields &f = s.t(t);
      s.guard("it is in get_signal", at_loc(s, t, Loc::loop) || at_loc(s, t, Loc::relock));
      s.guard("it is traced", traced(s, t));
      // The same signal to the thread merges with it, and the thread's queue comes first.
      s.at("none of its own is pending", f.pend[sig], 0);
      s.at("the group is not in exit", s.p->group_exit, 0);
      s.at("no group-stop is pending", f.stop_pending, 0);
      s.at("no stop is asked for", f.trap_stop, 0);
      s.at("no notification is due", f.trap_notify, 0);
      s.raise(f.dequeued);
      enter_trap(s, t, Loc::sig_trap, constant(sig), false);
      m.add(std::move(s));
      if (!is_stop(sig)) continue;
      Step u = open(m, stopped, t, sname(sig));
      u.guard("it is in get_signal", at_loc(u, t, Loc::loop) || at_loc(u, t, Loc::relock));
      u.at("it is not traced", u.t(t).tracing, 0);
      u.at("the group is not in exit", u.p->group_exit, 0);
      u.at("no group-stop is pending", u.t(t).stop_pending, 0);
      start_group_stop(u, t, constant(sig));
      participate(u, t);
      go(u, t, Loc::stopped);
      m.add(std::move(u));
    }
  }
}

void siblings(Model &m) {
  const Rule *stop = m.family({"open.sibling_stop",
                               Actor::world,
                               "a sibling starts a group-stop",
                               {"do_signal_stop"},
                               {"R82"},
                               "",
                               ""});
  const Rule *exit = m.family({"open.sibling_exit",
                               Actor::world,
                               "a sibling ends the whole group, or execs",
                               {"zap_other_threads"},
                               {"R111", "R120"},
                               "",
                               ""});
  const Rule *exec = m.family({"open.sibling_exec",
                               Actor::world,
                               "the thread that execs takes over the dead leader's id",
                               {"de_thread"},
                               {"R113"},
                               "",
                               ""});
  const Rule *lost =
      m.family({"open.exec_lost",
                Actor::world,
                "a thread that nobody traces execs, and takes over the dead leader's id",
                {"de_thread"},
                {"R113"},
                "",
                ""});
  const Rule *gone = m.family({"open.exec_gone",
                               Actor::world,
                               "a thread that execs takes its leader's id: its own is gone",
                               {"de_thread"},
                               {"R113"},
                               "",
                               ""});
  const Rule *survived = m.family({"open.exit_alone",
                                   Actor::world,
                                   "enters do_exit while siblings live: its group is not in exit",
                                   {"do_exit", "synchronize_group_exit"},
                                   {"R115", "R122"},
                                   "",
                                   ""});
  for (int t = 0; t < m.threads(); ++t) {
    Step a = open(m, survived, t, "");
    in_company(a);
    a.at("it is in do_exit", a.t(t).loc, static_cast<Value>(Loc::exiting));
    a.at("the group is not in exit", a.p->group_exit, 0);
    go(a, t, Loc::exit_event);
    m.add(std::move(a));
    for (Sig sig : m.signals()) {
      if (!is_stop(sig)) continue;
      Step s = open(m, stop, t, sname(sig));
      const ThreadFields &f = s.t(t);
      in_company(s);
      s.guard("it lives", exists(s, t) && !dying(s, t));
      s.at("the group is not in exit", s.p->group_exit, 0);
      s.at("no group-stop is pending", f.stop_pending, 0);
      s.guard("it is not stopped", !at_loc(s, t, Loc::stopped));
      s.when(!stopped_flag(s), [&] { s.set(s.p->stop_code, sig); });
      s.set(f.stopsig, sig);
      s.raise(f.stop_pending);
      s.raise(f.consume);
      s.set(s.p->stop_count, 1);
      const Expr flagged = notifying(s, t);
      s.when(flagged, [&] {
        trap_notify(s, t);
        s.when(s.get(f.listening), [&] { leave_trap(s, t, constant(NONE)); });
      });
      s.when(!flagged, [&] { wake(s, t); });
      m.add(std::move(s));
    }
    Step x = open(m, exit, t, "");
    in_company(x);
    x.guard("it lives", exists(x, t) && !exiting(x, t));
    x.at("the group is not in exit", x.p->group_exit, 0);
    group_kill(x, death_by(x, OTHER), -1);
    m.add(std::move(x));
    Step l = open(m, lost, t, "");
    in_company(l);
    l.guard("it has died or is about to", at_loc(l, t, Loc::zombie) || l.get(l.p->group_exit));
    l.guard("it is traced and not trapped", traced(l, t) && !in_trap(l, t));
    const Expr child = l.on(Feature::parent_is_tracer);
    release(l, t);
    l.clear(l.p->group_exit);
    l.set(l.p->death, 0);
    no_call(l, t);
    l.clear(l.t(t).sigpending);
    l.when(child, [&] { go(l, t, Loc::user); });
    l.set(l.p->company, static_cast<Value>(Company::lost));
    m.add(std::move(l));
    Step e = open(m, exec, t, "");
    e.needs(Feature::traced_siblings);
    e.at("it may have traced siblings", e.p->company, static_cast<Value>(Company::traced));
    e.guard("it has died or is about to", at_loc(e, t, Loc::zombie) || e.get(e.p->group_exit));
    e.guard("it is traced and not trapped", traced(e, t) && !in_trap(e, t));
    e.clear(e.p->group_exit);
    e.set(e.p->death, 0);
    e.set(e.t(t).status, 0);
    e.clear(e.t(t).pend[KILL]);
    clear_pending(e, t);
    e.set(e.t(t).call, static_cast<Value>(SysCall::plain));
    e.set(e.p->company, static_cast<Value>(Company::none));
    go(e, t, Loc::body);
    // The options of siblings are taken to be the same.
    e.when(e.get(e.t(t).option[TRACEEXEC]), [&] {
      enter_trap(e, t, Loc::ptrace_event_trap, constant(NONE), false);
      e.set(e.t(t).event, PTRACE_EXEC);
    });
    m.add(std::move(e));
    Step g = open(m, gone, t, "");
    in_company(g);
    g.guard("it is in a system call", at_loc(g, t, Loc::body) || at_loc(g, t, Loc::user));
    g.needs(!g.on(Feature::parent_is_tracer));
    release(g, t);
    no_call(g, t);
    g.clear(g.t(t).sigpending);
    m.add(std::move(g));
  }
}

// fork, vfork, clone, exec, vfork-done, seccomp: stops inside a system call, if asked for (R101,
// R106, R109, R110).
void events(Model &m) {
  struct Event {
    Value number;
    Option option;
    const char *name;
  };
  const Rule *rule = m.family({"open.event",
                               Actor::tracee,
                               "stops for an event that an option asks for",
                               {"ptrace_event"},
                               {"R101", "R106", "R109", "R110"},
                               "",
                               ""});
  for (int t = 0; t < m.threads(); ++t) {
    for (const Event &e :
         {Event{1, TRACEFORK, "FORK"}, Event{2, TRACEVFORK, "VFORK"}, Event{3, TRACECLONE, "CLONE"},
          Event{4, TRACEEXEC, "EXEC"}, Event{5, TRACEVFORKDONE, "VFORK_DONE"},
          Event{7, TRACESECCOMP, "SECCOMP"}}) {
      Step s = open(m, rule, t, e.name);
      const ThreadFields &f = s.t(t);
      s.guard("it is in a system call that SYSCALL has seen entered, or sees none of",
              at_loc(s, t, Loc::body) || (at_loc(s, t, Loc::user) && !s.get(f.systrace)));
      s.guard("it is traced", traced(s, t));
      s.at("the option is set", f.option[e.option], 1);
      s.at("SIGKILL is not pending", f.pend[KILL], 0);
      enter_trap(s, t, Loc::ptrace_event_trap, constant(NONE), false);
      s.set(f.event, e.number);
      keep_company(s, Company::traced, truth(e.option == TRACECLONE));
      if (e.option == TRACEEXEC) s.set(s.p->company, static_cast<Value>(Company::none));
      m.add(std::move(s));
    }
  }
}

}  // namespace

void open_world_rules(Model &m) {
  arrive(m);
  siblings(m);
  events(m);
}

}  // namespace ptmc::model
