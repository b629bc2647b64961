// The real parent: its disposition of SIGCHLD, its death, and init in its place (kernel/exit.c:
// forget_original_parent, 6.12). Of the first process it is outside of the model; of the second it
// is the first, whose SIGCHLD is a signal of its own.

#include <algorithm>

#include "model/kernel.hpp"

namespace ptmc::model {
namespace {

// SIG_IGN for SIGCHLD: no signal, no zombie. Where tracer and parent are one, it is the tracer's.
void parent_disposition(Model &m) {
  const Rule *rule = m.family({"parent.sigaction",
                               Actor::parent,
                               "ignores SIGCHLD, or takes it by default again",
                               {"do_sigaction", "do_notify_parent"},
                               {"R116", "R133"},
                               "",
                               ""});
  for (Value how : {0u, 1u}) {
    Step s(m, rule, -1, how ? "ignore" : "default",
           {Action::sigaction, -1, static_cast<int>(CHLD << 2 | how), Err::ok, 0});
    s.needs(Feature::parent_ignores);
    s.guard("the parent lives", !(s.on(Feature::parent_is_tracer) && s.get(s.tracer.dead)));
    s.at("the parent has not exited", s.schema.parent.state, static_cast<Value>(Parent::lives));
    s.set(s.schema.parent.ignores, how);
    const Expr one = s.on(Feature::parent_is_tracer);
    // Both ignore it: what is pending is flushed.
    s.when(one, [&] { clear_sigchld(s, s.tracer.chld); });
    s.when(!one, [&] { clear_sigchld(s, s.schema.parent.chld); });
    m.add(std::move(s));
  }
}

// Between the two a TRACEME does nothing (R2).
void death(Model &m) {
  const Rule *exits = m.family({"parent.exit",
                                Actor::parent,
                                "the real parent exits (PF_EXITING)",
                                {"do_exit", "exit_signals"},
                                {"R2", "R145"},
                                "",
                                ""});
  const Rule *gone = m.family({"parent.exit.reparent",
                               Actor::kernel,
                               "the dead parent's children are init's",
                               {"forget_original_parent"},
                               {"R145"},
                               "",
                               ""});
  auto parent_is = [](Step &s, Parent state) {
    s.needs(Feature::parent_dies);
    s.needs(!s.on(Feature::parent_is_tracer));
    s.at("the real parent's state", s.schema.parent.state, static_cast<Value>(state));
  };
  Step e(m, exits, -1, "", {Action::parent_exit, -1, 0, Err::ok, 0});
  parent_is(e, Parent::lives);
  e.set(e.schema.parent.state, static_cast<Value>(Parent::exiting));
  m.add(std::move(e));
  Step g(m, gone, -1, "");
  parent_is(g, Parent::exiting);
  g.set(g.schema.parent.state, static_cast<Value>(Parent::gone));
  g.clear(g.schema.parent.ignores);
  clear_sigchld(g, g.schema.parent.chld);
  m.add(std::move(g));
}

void init(Model &m) {
  const Rule *rule = m.family({"init.reap",
                               Actor::kernel,
                               "init reaps a process whose real parent has died",
                               {"wait_task_zombie", "forget_original_parent"},
                               {"R145"},
                               "",
                               ""});
  for (int k = 0; k < m.processes(); ++k) {
    const int t = m.schema.leader(k);
    Step s(m, rule, t, tname(t));
    s.needs(k == 0 ? Feature::parent_dies : Feature::reaps);
    s.at("it is a zombie", s.t(t).loc, static_cast<Value>(Loc::zombie));
    const int place = m.schema.shape.init;
    s.guard("no other tracer has it",
            !traced(s, t) || (truth(place >= 0) && had_by(s, t, std::max(place, 0))));
    s.guard("it has no threads", alone(s, t));
    s.guard("its real parent has died", parent_gone(s, k));
    release(s, t);
    m.add(std::move(s));
  }
}

// The SIGCHLD of the second process to the first, which complete_signal gives to a thread.
void child_signal(Model &m) {
  const Rule *rule = m.family({"child.sigchld",
                               Actor::kernel,
                               "sends SIGCHLD to the process that forked",
                               {"do_notify_parent", "do_notify_parent_cldstop"},
                               {"R92", "R116", "8"},
                               "",
                               ""});
  if (!m.has(CHLD)) return;
  for (int k = 1; k < m.processes(); ++k) {
    for (const Target &to : targets(m, 0, true)) {
      Step s(m, rule, 0,
             tname(m.schema.leader(k)) + (to.pick < 0 ? "" : ", wakes " + tname(to.pick)));
      s.needs(Feature::reaps);
      s.at("a SIGCHLD is on its way", m.schema.process[k].notice, 1);
      s.clear(m.schema.process[k].notice);
      send(s, CHLD, to, Info::kernel, !parent_gone(s, k));
      m.add(std::move(s));
    }
  }
}

}  // namespace

void parent_rules(Model &m) {
  parent_disposition(m);
  death(m);
  init(m);
  child_signal(m);
}

}  // namespace ptmc::model
