// execve (fs/exec.c: de_thread, begin_new_exec, exec_binprm, 6.12). A thread that execs kills the
// others, waits until they are released, and then has the leader's id. Attaching waits meanwhile
// (cred_guard_mutex).

#include "model/kernel.hpp"

namespace ptmc::model {
namespace {

void begin(Model &m) {
  const Rule *rule = m.family({"exec.begin",
                               Actor::kernel,
                               "execs: kills the other threads, and waits for their end",
                               {"de_thread", "zap_other_threads"},
                               {"R111"},
                               "",
                               ""});
  const Rule *fails = m.family({"exec.fails",
                                Actor::kernel,
                                "does not exec: the group is in exit, or another thread execs",
                                {"de_thread"},
                                {"R111", "R112"},
                                "",
                                "",
                                "what makes it fail has killed the thread, whose execve neither "
                                "returns nor stops: it ends as if it had made no call"});
  for (int t = 0; t < m.threads(); ++t) {
    for (const Rule *r : {rule, fails}) {
      Step s(m, r, t, tname(t));
      const ThreadFields &f = s.t(t);
      s.needs(Feature::execs);
      s.at("it is in the system call", f.loc, static_cast<Value>(Loc::body));
      s.at("it calls execve", f.call, static_cast<Value>(SysCall::exec));
      const Expr refused = s.get(s.p->group_exit) || ne(s.get(s.p->exec_task), 0);
      s.guard(r == rule ? "the group lives" : "the group is in exit or execs",
              r == rule ? !refused : refused);
      if (r == fails) {
        s.set(f.call, static_cast<Value>(SysCall::plain));
        m.add(std::move(s));
        continue;
      }
      go(s, t, Loc::exec_wait);
      s.clear(f.sigpending);
      s.when(!alone(s, t), [&] {
        s.set(s.p->exec_task, static_cast<Value>(1 + t));
        s.set(s.p->stop_count, 0);
        for (int u : s.group()) clear_pending(s, u);
        for (int u : s.group()) {
          if (u == t) continue;
          s.when(exists(s, u) && !exiting(s, u), [&] {  // a dying thread has no use for it
            s.raise(s.t(u).pend[KILL]);
            wake_resume(s, u);
          });
        }
      });
      m.add(std::move(s));
    }
  }
}

// The leader's task goes, and its id is the thread's (R113).
void take_over(Step &s, int t) {
  const int leader = s.leader();
  std::vector<std::pair<Field, Field>> all;
  for (Field f = 0; f < s.schema.size(); ++f)
    if (s.schema[f].thread == leader) all.emplace_back(f, f + s.t(t).loc - s.t(leader).loc);
  for (auto [to, from] : all) {
    s.set(to, s.get(from));
    s.set(from, 0);
  }
  go(s, t, Loc::dead);
}

// New image: handlers are gone, what was blocked stays blocked (flush_signal_handlers).
void new_image(Step &s, int t) {
  for (Sig sig : s.schema.shape.signals) {
    if (!is_blockable(sig)) continue;
    const ThreadFields &f = s.t(t);
    s.set(f.mask[sig], blocked(s, t, sig));
    s.clear(f.handling[sig]);
    const Field disposition = s.p->disposition[sig];
    s.when(eq(s.get(disposition), 2), [&] { s.set(disposition, 0); });
  }
  s.clear(s.t(t).vforked);
  s.set(s.t(t).again, 0);
  s.set(s.t(t).flags, 0);
  s.clear(s.p->clone_child);  // the exit signal is SIGCHLD again
}

void finish(Model &m) {
  const Rule *done = m.family({"exec.done",
                               Actor::kernel,
                               "the other threads are gone: it runs the new program as the leader",
                               {"de_thread", "begin_new_exec"},
                               {"R113"},
                               "",
                               ""});
  const Rule *killed_first = m.family({"exec.killed",
                                       Actor::kernel,
                                       "SIGKILL ends its wait for the other threads",
                                       {"de_thread"},
                                       {"R112"},
                                       "",
                                       ""});
  for (int t = 0; t < m.threads(); ++t) {
    Step s(m, done, t, tname(t));
    s.needs(Feature::execs);
    s.at("it execs", s.t(t).loc, static_cast<Value>(Loc::exec_wait));
    Expr gone = truth(true);
    for (int u : s.group())
      if (u != t)
        gone = gone && (!exists(s, u) || (truth(u == s.leader()) && at_loc(s, u, Loc::zombie)));
    s.guard("the other threads are gone", gone);
    s.guard("SIGKILL is not pending", !killed(s, t));
    const int leader = s.leader();
    if (t != leader) take_over(s, t);
    s.set(s.p->exec_task, 0);
    new_image(s, leader);
    s.set(s.t(leader).message, static_cast<Value>(1 + t));
    go(s, leader, Loc::execed);
    m.add(std::move(s));

    Step k(m, killed_first, t, tname(t));
    k.needs(Feature::execs);
    k.at("it execs", k.t(t).loc, static_cast<Value>(Loc::exec_wait));
    k.guard("SIGKILL is pending", killed(k, t));
    k.set(k.p->exec_task, 0);
    k.set(k.t(t).call, 0);
    go(k, t, Loc::relock);
    m.add(std::move(k));
  }
}

void report(Model &m) {
  const Rule *event = m.family({"exec.event",
                                Actor::kernel,
                                "stops in PTRACE_EVENT_EXEC; the message is its former id",
                                {"exec_binprm", "ptrace_event"},
                                {"R110"},
                                "",
                                ""});
  const Rule *traps = m.family({"exec.sigtrap",
                                Actor::kernel,
                                "without TRACEEXEC an attached tracee sends itself SIGTRAP",
                                {"exec_binprm", "ptrace_event"},
                                {"R110"},
                                "",
                                ""});
  const Rule *quiet = m.family({"exec.quiet",
                                Actor::kernel,
                                "returns into the new program",
                                {"exec_binprm"},
                                {"R110"},
                                "",
                                ""});
  for (int t = 0; t < m.threads(); ++t) {
    if (!m.schema.is_leader(t)) continue;
    auto start = [&](const Rule *rule, std::string more = "") {
      Step s(m, rule, t, tname(t) + more);
      s.needs(Feature::execs);
      s.at("its execve has succeeded", s.t(t).loc, static_cast<Value>(Loc::execed));
      return s;
    };
    auto reports = [&](const Step &s) { return traced(s, t) && s.get(s.t(t).option[TRACEEXEC]); };
    auto sends = [&](const Step &s) {
      const Expr attached = eq(s.get(s.t(t).tracing), static_cast<Value>(Traced::attached));
      return traced(s, t) && !s.get(s.t(t).option[TRACEEXEC]) &&
             (attached || s.on(Feature::exec_traps_seized));
    };
    auto dead = [&](const Step &s) { return s.on(Feature::killed_never_stops) && killed(s, t); };
    Step e = start(event);
    e.guard("TRACEEXEC asks for a stop", reports(e) && !dead(e));
    e.set(e.t(t).event, PTRACE_EXEC);
    enter_trap(e, t, Loc::ptrace_event_trap, constant(NONE), false);
    m.add(std::move(e));
    for (const Target &to : targets(m, t, false)) {
      Step s = start(traps, to.pick < 0 ? ", not woken" : "");
      s.guard("SIGTRAP is sent", sends(s));
      end_body(s, t);
      send(s, TRAP, to, Info::user, truth(true));
      m.add(std::move(s));
    }
    Step q = start(quiet);
    q.guard("nothing tells of it", !sends(q) && (!reports(q) || dead(q)));
    end_body(q, t);
    m.add(std::move(q));
  }
}

}  // namespace

void exec_rules(Model &m) {
  begin(m);
  finish(m);
  report(m);
}

}  // namespace ptmc::model
