// fork, vfork and clone (kernel/fork.c: kernel_clone, copy_process; ptrace_init_task; 6.12). A
// clone is a thread of the same process, a fork the leader of the next one. The child runs before
// its parent reports it. Where the model has one process only, the children are outside of it.

#include "model/kernel.hpp"
#include "model/requests.hpp"

namespace ptmc::model {
namespace {

struct Kind {
  SysCall call;
  Event event;
  Option option;
  const char *name;
};
constexpr Kind kKinds[] = {{SysCall::fork, PTRACE_FORK, TRACEFORK, "fork"},
                           {SysCall::vfork, PTRACE_VFORK, TRACEVFORK, "vfork"},
                           {SysCall::clone, PTRACE_CLONE, TRACECLONE, "clone"},
                           {SysCall::spawn, PTRACE_CLONE, TRACECLONE, "spawn"}};

Expr needed(const Model &m, SysCall call) {
  if (call == SysCall::clone) return m.on(Feature::clones);
  return m.on(Feature::forks) && (truth(call != SysCall::spawn) || m.on(Feature::clone_flags));
}

// A flag of the system call.
Expr flag(const Step &s, int t, CloneFlag bit) {
  Expr set = truth(false);
  for (Value v = 0; v < kCloneFlags; ++v)
    if (v & bit) set = set || eq(s.get(s.t(t).flags), v);
  return set;
}

Expr calls(const Step &s, int t, SysCall call) {
  return eq(s.get(s.t(t).call), static_cast<Value>(call));
}

// ptrace_init_task: the child has its parent's tracer and options, but not what the last resume
// asked for (R107). RFC (4): "make auto-attached children stop a-la INTERRUPT, not with SIGSTOP".
void attach_child(Step &s, int t, int u) {
  const ThreadFields &f = s.t(t), &c = s.t(u);
  s.set(c.tracing, s.get(f.tracing));
  s.set(c.by, s.get(f.by));
  for (int o = 0; o < OPTION_COUNT; ++o) s.set(c.option[o], s.get(f.option[o]));
  const Expr traps =
      (s.on(Feature::hidden_bit) && eq(s.get(f.tracing), static_cast<Value>(Traced::seized))) ||
      (s.on(Feature::stop_options) && s.get(f.option[CHILDSTOP]));
  s.when(traps, [&] {
    s.raise(c.trap_stop);
    s.when(s.on(Feature::causes),
           [&] { s.set(c.trap_cause, static_cast<Value>(Cause::auto_attach)); });
    s.when(!flags_stops(s, u) && !s.get(c.stop_pending), [&] { s.set(c.stopsig, constant(TRAP)); });
  });
  s.when(!traps, [&] { s.raise(c.pend[STOP]); });
}

// task_join_group_stop (R84).
void join_group_stop(Step &s, int t, int u) {
  const ThreadFields &c = s.t(u);
  const Expr stopping = ne(s.get(s.p->stop_count), 0);
  s.when(stopping || stopped_flag(s), [&] {
    s.set(c.stopsig, s.get(s.t(t).stopsig));
    s.raise(c.stop_pending);
  });
  s.when(stopping, [&] {
    s.raise(c.consume);
    s.set(s.p->stop_count, s.get(s.p->stop_count) + constant(1));
  });
}

void new_thread(Step &s, int t, int u) {
  // A handler that calls clone never returns in the new thread, which keeps its mask.
  for (Sig sig : s.schema.shape.signals)
    if (is_blockable(sig)) s.set(s.t(u).mask[sig], blocked(s, t, sig));
  join_group_stop(s, t, u);
}

void new_process(Step &s, int t, int u, SysCall call) {
  const ProcessFields &mine = *s.p;
  for (Sig sig : s.schema.shape.signals) {
    if (!is_blockable(sig)) continue;
    s.set(s.t(u).mask[sig], s.get(s.t(t).mask[sig]));
    s.set(s.t(u).handling[sig], s.get(s.t(t).handling[sig]));
  }
  s.inside(s.schema.process_of(u), [&] {
    for (Sig sig : s.schema.shape.signals) {
      empty_queue(s, sig);
      if (is_blockable(sig)) s.set(s.p->disposition[sig], s.get(mine.disposition[sig]));
    }
    for (Field f : {s.p->jobs, s.p->cld, s.p->group_exit, s.p->stop_count, s.p->stop_code,
                    s.p->death, s.p->exec_task, s.p->core})
      s.set(f, 0);
    s.set(s.p->clone_child, ite(flag(s, t, kCloneParent), s.get(mine.clone_child),
                                truth(call == SysCall::spawn) || flag(s, t, kOtherSignal)));
    if (call == SysCall::vfork) s.raise(s.t(u).vforked);
  });
}

// Where a child of this kind can be; -1: outside of the model.
std::vector<int> places(const Model &m, int t, SysCall call) {
  std::vector<int> all;
  const Schema &schema = m.schema;
  if (call == SysCall::clone) {
    for (int u : schema.group(schema.process_of(t)))
      if (u != t) all.push_back(u);
  } else {
    for (int k = 1; k < m.processes(); ++k)
      if (k != schema.process_of(t)) all.push_back(schema.leader(k));
    if (m.processes() == 1) all.push_back(-1);
  }
  return all;
}

Expr is_free(const Step &s, int t, int u) {
  if (s.schema.process_of(u) == s.schema.process_of(t)) return !exists(s, u);
  Expr none = truth(true);
  for (int v : s.schema.group(s.schema.process_of(u))) none = none && !exists(s, v);
  return none;
}

void create(Model &m) {
  const Rule *begin = m.family({"fork.begin",
                                Actor::kernel,
                                "decides whether it will report its child: CLONE_UNTRACED never",
                                {"kernel_clone", "copy_process"},
                                {"R106"},
                                "",
                                ""});
  const Rule *fork = m.family({"fork",
                               Actor::tracee,
                               "makes a child, which runs, and is traced if it is to be reported, "
                               "or with CLONE_PTRACE",
                               {"copy_process", "ptrace_init_task", "task_join_group_stop"},
                               {"R84", "R106", "R107"},
                               "",
                               ""});
  const Rule *killed_first = m.family({"fork.killed",
                                       Actor::kernel,
                                       "makes no child: SIGKILL is pending",
                                       {"copy_process"},
                                       {"R108"},
                                       "",
                                       "",
                                       "its fork has no report, no child and no return, as one "
                                       "that the same SIGKILL interrupts before it begins"});
  for (int t = 0; t < m.threads(); ++t) {
    for (const Kind &k : kKinds) {
      const Expr on = needed(m, k.call);
      const std::string who = tname(t) + ", " + k.name;
      Step b(m, begin, t, who);
      const ThreadFields &f = b.t(t);
      b.needs(on);
      b.at("it is in the system call", f.loc, static_cast<Value>(Loc::body));
      b.at("it makes a child", f.call, static_cast<Value>(k.call));
      b.guard("no signal interrupts it", !has_work(b, t) && !killed(b, t));
      b.clear(f.sigpending);
      b.when(traced(b, t) && b.get(f.option[k.option]) && !flag(b, t, kCloneUntraced),
             [&] { b.set(f.event, k.event); });
      go(b, t, Loc::forking);
      m.add(std::move(b));

      Step d(m, killed_first, t, who);
      d.needs(on);
      d.at("it is to make a child", d.t(t).loc, static_cast<Value>(Loc::forking));
      d.at("it makes a child", d.t(t).call, static_cast<Value>(k.call));
      d.guard("SIGKILL is pending", killed(d, t));
      end_body(d, t);
      m.add(std::move(d));

      for (int u : places(m, t, k.call)) {
        Step s(m, fork, t, who + (u < 0 ? "" : ", " + tname(u)), {Action::fork, t, u, Err::ok, 0});
        s.needs(on);
        s.at("it is to make a child", f.loc, static_cast<Value>(Loc::forking));
        s.at("it makes a child", f.call, static_cast<Value>(k.call));
        s.guard("SIGKILL is not pending", !killed(s, t));
        go(s, t, Loc::forked);
        if (u >= 0) {
          s.guard("the child is new", is_free(s, t, u));
          s.set(f.message, static_cast<Value>(1 + u));
          go(s, u, Loc::relock);
          if (k.call == SysCall::clone)
            new_thread(s, t, u);
          else
            new_process(s, t, u, k.call);
          s.when(traced(s, t) && (ne(s.get(f.event), 0) || flag(s, t, kClonePtrace)),
                 [&] { attach_child(s, t, u); });
        }
        s.set(f.flags, 0);
        m.add(std::move(s));
      }
    }
  }
}

void report(Model &m) {
  const Rule *event = m.family({"fork.event",
                                Actor::kernel,
                                "stops to report its child",
                                {"ptrace_event_pid"},
                                {"R106"},
                                "",
                                ""});
  const Rule *quiet = m.family({"fork.quiet",
                                Actor::kernel,
                                "goes on without a report; vfork waits for the child",
                                {"kernel_clone", "wait_for_vfork_done"},
                                {"R106", "R109"},
                                "",
                                ""});
  for (int t = 0; t < m.threads(); ++t) {
    for (const Kind &k : kKinds) {
      Step s(m, event, t, tname(t) + ", " + k.name);
      const ThreadFields &f = s.t(t);
      s.needs(needed(m, k.call));
      s.at("its child runs", f.loc, static_cast<Value>(Loc::forked));
      s.at("it has made a child", f.call, static_cast<Value>(k.call));
      s.at("it is to report it", f.event, k.event);
      s.guard("the tracer wants it", traced(s, t) && s.get(f.option[k.option]) &&
                                         !(s.on(Feature::killed_never_stops) && killed(s, t)));
      enter_trap(s, t, Loc::ptrace_event_trap, constant(NONE), false);
      m.add(std::move(s));
    }
    Step q(m, quiet, t, tname(t));
    const ThreadFields &f = q.t(t);
    q.needs(q.on(Feature::clones) || q.on(Feature::forks));
    q.at("its child runs", f.loc, static_cast<Value>(Loc::forked));
    Expr wanted = truth(false);
    for (const Kind &k : kKinds)
      wanted = wanted || (eq(q.get(f.event), k.event) && q.get(f.option[k.option]));
    q.guard("nobody wants a report",
            !(wanted && traced(q, t)) || (q.on(Feature::killed_never_stops) && killed(q, t)));
    const Expr waits = calls(q, t, SysCall::vfork);
    q.when(waits, [&] {
      q.set(f.event, 0);
      go(q, t, Loc::vfork_wait);
    });
    q.when(!waits, [&] { end_body(q, t); });
    m.add(std::move(q));
  }
}

// The child has left its parent's memory by exec or exit (R109).
void vfork_done(Model &m) {
  const Rule *event = m.family({"vfork.event",
                                Actor::kernel,
                                "vfork's child is gone: stops to report that",
                                {"kernel_clone", "ptrace_event_pid"},
                                {"R109"},
                                "",
                                ""});
  const Rule *quiet = m.family({"vfork.done",
                                Actor::kernel,
                                "vfork's child is gone, or SIGKILL ends the wait",
                                {"wait_for_vfork_done"},
                                {"R109"},
                                "",
                                ""});
  for (int t = 0; t < m.threads(); ++t) {
    for (const Rule *rule : {event, quiet}) {
      Step s(m, rule, t, tname(t));
      const ThreadFields &f = s.t(t);
      s.needs(Feature::forks);
      s.at("it waits for vfork's child", f.loc, static_cast<Value>(Loc::vfork_wait));
      Expr done = truth(true);
      for (int k = 1; k < m.processes(); ++k) {
        const int u = m.schema.leader(k);
        done = done && !(eq(s.get(f.message), static_cast<Value>(1 + u)) && s.get(s.t(u).vforked));
      }
      const Expr wanted = traced(s, t) && s.get(f.option[TRACEVFORKDONE]);
      s.guard("the child has left its memory", done || (truth(rule == quiet) && killed(s, t)));
      if (rule == event) {
        s.guard("the tracer wants it", wanted && !killed(s, t));
        s.set(f.event, PTRACE_VFORKDONE);
        enter_trap(s, t, Loc::ptrace_event_trap, constant(NONE), false);
      } else {
        s.guard("nobody wants a report", !wanted || killed(s, t));
        end_body(s, t);
      }
      m.add(std::move(s));
    }
  }
}

}  // namespace

void fork_rules(Model &m) {
  create(m);
  report(m);
  vfork_done(m);
}

}  // namespace ptmc::model
