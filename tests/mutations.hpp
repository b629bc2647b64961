// Deliberate mistakes: each changes what one rule of the model says, where its instances say it. A
// recorded trace or a property reveals it (mutation_test.cpp).
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "model/designs.hpp"
#include "model/kernel.hpp"

namespace ptmc::tests {

using namespace ptmc::model;

// ---- How an instance is changed -----------------------------------------------------------------

inline Expr at_loc(Expr loc, Loc l) { return eq(loc, static_cast<Value>(l)); }

class Edit {
 public:
  Edit(Model &m, Instance &i)
      : m(m), i(i), p(m.schema.process[0]), t(i.thread < 0 ? 0 : i.thread) {}

  const ThreadFields &f() const { return m.schema.thread[t]; }  // the thread that it is about
  const ThreadFields &f(int thread) const { return m.schema.thread[thread]; }
  Expr old(Field field) const { return m.schema.read(field); }  // before the step
  Expr now(Field field) const {                                 // after it
    for (const Update &u : i.updates)
      if (u.field == field) return u.value;
    return old(field);
  }
  Expr at(int thread, Loc l) const { return at_loc(old(f(thread).loc), l); }
  Expr in_trap(int thread) const {
    const Expr loc = old(f(thread).loc);
    return !less(loc, constant(static_cast<Value>(Loc::entry_trap))) &&
           less(loc, constant(static_cast<Value>(Loc::stopped)));
  }
  // The thread starts a group-stop.
  Expr starts_stop() const { return now(f().consume) && !old(f().consume); }

  void set(Field field, Expr value) {
    if (field == kNoField) return;
    std::erase_if(i.updates, [&](const Update &u) { return u.field == field; });
    i.updates.push_back({field, value});
  }
  void set_where(Expr where, Field field, Expr value) {
    if (field != kNoField) set(field, ite(where, value, now(field)));
  }
  void keep(Field field) {
    std::erase_if(i.updates, [&](const Update &u) { return u.field == field; });
  }
  void keep_all(std::initializer_list<Field> fields) {
    for (Field field : fields) keep(field);
  }
  void keep_everything() { i.updates.clear(); }
  void keep_everything_where(Expr where) {
    for (Update &u : i.updates) u.value = ite(where, old(u.field), u.value);
  }
  // The thread leaves its trap to look for signals, its report with it.
  void wake_where(Expr where, int thread) {
    const ThreadFields &of = f(thread);
    set_where(where, of.loc, constant(static_cast<Value>(Loc::relock)));
    for (Field field : {of.sig, of.info, of.shared, of.report, of.listening, of.good, of.cause})
      set_where(where, field, constant(0));
  }
  void drop_guard(std::string_view name) {
    std::erase_if(i.guards, [&](const Guard &g) { return g.name == name; });
  }
  // The guard, or what the step does, as if the field had this value.
  void assume_in_guard(std::string_view name, Field field, Value value) {
    for (Guard &g : i.guards)
      if (g.name == name) g.holds = assumed(g.holds, field, value);
  }
  void assume(Field field, Value value) {
    for (Guard &g : i.guards) g.holds = assumed(g.holds, field, value);
    for (Update &u : i.updates) u.value = assumed(u.value, field, value);
  }

  Model &m;
  Instance &i;
  const ProcessFields &p;
  const int t;

 private:
  Expr assumed(Expr e, Field field, Value value) const {
    Substitution s;
    s.fields.emplace(field, m.schema[field].truth ? truth(value != 0) : constant(value));
    return substitute(e, s);
  }
};

// Every instance of these rules.
template <class Change>
void each(Model &m, std::initializer_list<std::string_view> rules, Change &&change) {
  for (Instance &i : m.instances)
    for (std::string_view rule : rules)
      if (i.rule->id == rule) {
        Edit e(m, i);
        change(e);
      }
}
// Every instance that sends this signal.
template <class Change>
void each_send(Model &m, Sig sig, Change &&change) {
  each(m, {"send.process", "send.thread"}, [&](Edit &e) {
    if (e.i.label.arg == sig) change(e);
  });
}
inline void remove(Model &m, std::string_view rule) {
  std::erase_if(m.instances, [&](const Instance &i) { return i.rule->id == rule; });
}

// ---- The mistakes -------------------------------------------------------------------------------

inline void listen_in_signal_stop(Model &m) {
  each(m, {"listen"}, [](Edit &e) { e.drop_guard("LISTEN is allowed in this stop"); });
  each(m, {"listen.eio"}, [](Edit &e) {
    e.i.guards.push_back({"it is in no signal-delivery-stop", !e.at(e.t, Loc::sig_trap)});
  });
}

inline void listen_ignores_notify(Model &m) {
  each(m, {"listen"}, [](Edit &e) {
    e.keep_everything();
    e.set(e.f().listening, constant(1));
  });
}

inline void interrupt_refused_while_trapped(Model &m) {
  each(m, {"interrupt"}, [](Edit &e) {
    e.i.guards.push_back({"it is in no trap", !e.in_trap(e.t)});
  });
  each(m, {"interrupt.eio"}, [](Edit &e) {
    for (Guard &g : e.i.guards)
      if (g.name == "INTERRUPT is not allowed") g.holds = g.holds || e.in_trap(e.t);
  });
}

inline void interrupt_does_not_wake(Model &m) {
  each(m, {"interrupt"}, [](Edit &e) { e.keep(e.f().sigpending); });
}

inline void getsiginfo_in_legacy_group_stop(Model &m) {
  remove(m, "getsiginfo.einval");
  each(m, {"getsiginfo"}, [](Edit &e) { e.drop_guard("the stop has a siginfo"); });
}

inline void group_stop_injects(Model &m) {
  each(m, {"cont", "syscall", "detach"}, [](Edit &e) {
    if (e.i.label.arg == NONE) return;
    const Expr from = e.at(e.t, Loc::event_trap) || e.at(e.t, Loc::group_trap);
    e.set_where(from, e.f().loc, constant(static_cast<Value>(Loc::sig_woken)));
    e.set_where(from, e.f().sig, constant(static_cast<Value>(e.i.label.arg)));
  });
}

inline void cont_ends_group_stop(Model &m) {
  each(m, {"cont"}, [](Edit &e) { e.set(e.p.jobs, constant(0)); });
}

inline void setoptions_is_ignored(Model &m) {
  each(m, {"setoptions"}, [](Edit &e) { e.keep_everything(); });
}

inline void kill_needs_a_trap(Model &m) {
  each(m, {"kill"}, [](Edit &e) { e.keep_everything_where(!e.in_trap(e.t)); });
}

inline void attach_sends_no_sigstop(Model &m) {
  each(m, {"attach"}, [](Edit &e) { e.keep(e.f().pend[STOP]); });
}

inline void attach_leaves_stopped(Model &m) {
  each(m, {"attach"}, [](Edit &e) {
    e.keep_all({e.f().loc, e.f().trap_stop, e.f().trapping, e.f().trap_cause,
                e.m.schema.tracer.attaching});
  });
}

inline void detach_forgets_group_stop(Model &m) {
  each(m, {"detach"}, [](Edit &e) { e.keep(e.f().stop_pending); });
}

inline void exitkill_is_ignored(Model &m) {
  each(m, {"tracer.exit.unlink"}, [](Edit &e) { e.assume(e.f().option[EXITKILL], 0); });
}

inline void tracer_death_injects_waited(Model &m) {
  each(m, {"tracer.exit.unlink"}, [](Edit &e) { e.assume(e.f().report, 1); });
}

inline void sigcont_wakes_legacy_trap(Model &m) {
  each_send(m, CONT, [](Edit &e) {
    for (int u = 0; u < e.m.threads(); ++u) e.wake_where(e.at(u, Loc::group_trap), u);
  });
}

inline void sigcont_wakes_seized_trap(Model &m) {
  each_send(m, CONT, [](Edit &e) {
    for (int u = 0; u < e.m.threads(); ++u) e.wake_where(e.at(u, Loc::event_trap), u);
  });
}

inline void sigcont_notifies_stopped_only(Model &m) {
  each_send(m, CONT, [](Edit &e) {
    const Expr running = eq(e.old(e.p.jobs), 0) && eq(e.old(e.p.stop_count), 0);
    for (int u = 0; u < e.m.threads(); ++u)
      e.set_where(running, e.f(u).trap_notify, e.old(e.f(u).trap_notify));
  });
}

inline void sigcont_keeps_stop_signals(Model &m) {
  each_send(m, CONT, [](Edit &e) {
    for (Sig sig : e.m.signals()) {
      if (!is_stop(sig)) continue;
      e.keep(e.p.pend[sig]);
      for (int u = 0; u < e.m.threads(); ++u) e.keep_all({e.f(u).pend[sig], e.f(u).kinfo[sig]});
    }
  });
}

inline void sigcont_keeps_dequeued(Model &m) {
  each_send(m, CONT, [](Edit &e) {
    for (int u = 0; u < e.m.threads(); ++u) e.keep(e.f(u).dequeued);
  });
}

inline void sigcont_keeps_stop_pending(Model &m) {
  each_send(m, CONT, [](Edit &e) {
    for (int u = 0; u < e.m.threads(); ++u) e.keep(e.f(u).stop_pending);
  });
}

inline void sigstop_keeps_sigcont(Model &m) {
  each_send(m, STOP, [](Edit &e) {
    e.keep(e.p.pend[CONT]);
    for (int u = 0; u < e.m.threads(); ++u) e.keep_all({e.f(u).pend[CONT], e.f(u).kinfo[CONT]});
  });
}

inline void signals_wake_listeners(Model &m) {
  each(m, {"send.process", "send.thread"}, [](Edit &e) {
    if (e.i.label.arg == CONT || e.i.label.arg == KILL) return;
    for (int u = 0; u < e.m.threads(); ++u) e.wake_where(e.old(e.f(u).listening), u);
  });
}

inline void sigkill_spares_traps(Model &m) {
  each_send(m, KILL, [](Edit &e) {
    for (int u = 0; u < e.m.threads(); ++u)
      e.set_where(e.in_trap(u), e.f(u).loc, e.old(e.f(u).loc));
  });
}

inline void sigkill_ends_exit_event(Model &m) {
  each_send(m, KILL, [](Edit &e) {
    for (int u = 0; u < e.m.threads(); ++u) {
      const Expr from = e.at(u, Loc::exit_event_trap);
      e.set_where(from, e.f(u).loc, constant(static_cast<Value>(Loc::exit_signals)));
      e.set_where(from, e.f(u).report, truth(false));
    }
  });
}

inline void only_the_leader_is_woken(Model &m) {
  each(m, {"send.process"}, [](Edit &e) {
    e.drop_guard("no thread is woken for it");
    for (int u = 1; u < e.m.threads(); ++u) e.keep(e.f(u).sigpending);
  });
}

inline void untraced_leader_spares_tracees(Model &m) {
  each(m, {"send.process"}, [](Edit &e) {
    if (e.i.label.arg != TERM) return;
    for (int u = 1; u < e.m.threads(); ++u) {
      const Expr takes = eq(e.old(e.f(0).tracing), 0) && ne(e.old(e.f(u).tracing), 0);
      e.keep_everything_where(takes);
      e.set_where(takes, e.p.pend[TERM], truth(true));
      e.set_where(takes, e.f(u).sigpending, truth(true));
    }
  });
}

inline void blocked_injection_acts(Model &m) {
  remove(m, "inject.requeue");
  each(m, {"inject.ignore", "inject.handler", "inject.fatal"},
       [](Edit &e) { e.drop_guard("it is not blocked"); });
}

inline void group_stop_spares_siblings(Model &m) {
  each(m, {"inject.stop", "deliver.stop", "tty.stop"}, [](Edit &e) {
    for (int u = 0; u < e.m.threads(); ++u)
      if (u != e.t)
        e.keep_all({e.f(u).stopsig, e.f(u).stop_pending, e.f(u).consume, e.f(u).trap_notify,
                    e.f(u).trap_cause, e.f(u).sigpending, e.f(u).loc, e.f(u).listening});
    e.set_where(e.starts_stop(), e.p.stop_count, constant(1));
  });
}

inline void trapped_siblings_do_not_count(Model &m) {
  each(m, {"inject.stop", "tty.stop"}, [](Edit &e) {
    for (int u = 0; u < e.m.threads(); ++u) {
      if (u == e.t) continue;
      const Expr spared = e.in_trap(u) && e.now(e.f(u).consume) && !e.old(e.f(u).consume);
      e.set_where(spared, e.p.stop_count, e.now(e.p.stop_count) - constant(1));
      for (Field field : {e.f(u).stop_pending, e.f(u).consume})
        e.set_where(spared, field, e.old(field));
    }
  });
}

inline void restop_is_reported_again(Model &m) {
  each(m, {"inject.stop"},
       [](Edit &e) { e.set_where(e.starts_stop(), e.p.stop_code, constant(STOP)); });
}

inline void exit_leaves_the_count(Model &m) {
  each(m, {"exit.signals"}, [](Edit &e) { e.keep_all({e.p.stop_count, e.p.jobs}); });
}

inline void event_stop_shows_sigtrap(Model &m) {
  each(m, {"trap.event_stop"}, [](Edit &e) { e.set(e.f().sig, constant(TRAP)); });
}

inline void legacy_trap_has_a_siginfo(Model &m) {
  each(m, {"trap.legacy"}, [](Edit &e) { e.set(e.f().info, constant(1)); });
}

inline void syscall_stop_keeps_trap_stop(Model &m) {
  each(m, {"syscall.exit"}, [](Edit &e) { e.keep_all({e.f().trap_stop, e.f().trap_cause}); });
}

inline void syscall_stop_clears_notify(Model &m) {
  each(m, {"syscall.exit"}, [](Edit &e) {
    e.set_where(at_loc(e.now(e.f().loc), Loc::exit_trap), e.f().trap_notify, truth(false));
  });
}

inline void sysgood_is_ignored(Model &m) {
  each(m, {"syscall.enter", "syscall.restart", "syscall.exit"},
       [](Edit &e) { e.keep(e.f().good); });
}

inline void syscall_signal_is_dropped(Model &m) {
  each(m, {"syscall.resumed"}, [](Edit &e) {
    for (Sig sig : e.m.signals()) e.keep_all({e.f().pend[sig], e.f().kinfo[sig]});
  });
}

inline void exit_event_tells_nothing(Model &m) {
  each(m, {"geteventmsg"}, [](Edit &e) {
    e.i.output = ite(e.at(e.t, Loc::exit_event_trap), constant(0), *e.i.output);
  });
}

inline void group_stop_is_cld_trapped(Model &m) {
  constexpr Value kTrapped = 4, kStopped = 5;
  each(m, {"notify.tracer"}, [](Edit &e) {
    const Expr code = e.now(e.m.schema.tracer.chld.code);
    e.set_where(eq(code, kStopped), e.m.schema.tracer.chld.code, constant(kTrapped));
  });
}

inline void wait_reports_listeners(Model &m) {
  each(m, {"wait.stop"}, [](Edit &e) { e.drop_guard("it is not listening"); });
  each(m, {"wait.nothing"}, [](Edit &e) {
    for (int u = 0; u < e.m.threads(); ++u)
      e.assume_in_guard("no ptrace-stop is to be reported", e.f(u).listening, 0);
  });
}

inline void stop_is_reported_twice(Model &m) {
  each(m, {"wait.stop"}, [](Edit &e) { e.keep(e.f().report); });
}

inline void group_stop_is_reported_twice(Model &m) {
  each(m, {"parent.wait.untraced"}, [](Edit &e) { e.keep(e.p.stop_code); });
}

inline void continued_is_reported_twice(Model &m) {
  each(m, {"parent.wait.continued"}, [](Edit &e) { e.keep(e.p.jobs); });
}

inline void zombie_is_reported_twice(Model &m) {
  each(m, {"wait.exit"}, [](Edit &e) { e.keep_everything(); });
}

inline void parent_reaps_tracees(Model &m) {
  each(m, {"parent.wait.reap"}, [](Edit &e) { e.drop_guard("no tracer has it"); });
  each(m, {"parent.wait.nothing"},
       [](Edit &e) { e.assume_in_guard("nobody has died", e.f(0).tracing, 0); });
}

// ---- The table ----------------------------------------------------------------------------------

struct Mutation {
  std::string name;
  void (*mutate)(Model &);
  std::string trace;     // of tests/traces, that it makes replay reject; or none
  std::string property;  // that it makes fail; or none
  int threads = 1;       // of the exploration that shows it
};

#define M(name) #name, name
inline const std::vector<Mutation> &mutations() {
  static const std::vector<Mutation> all{
      {M(listen_in_signal_stop), "listen-errors", "listening.trapped"},
      {M(listen_ignores_notify), "sigcont-then-listen", "listen.parks"},
      {M(interrupt_refused_while_trapped), "interrupt-collapse", ""},
      {M(interrupt_does_not_wake), "seize-interrupt", "interrupt.traps"},
      {M(getsiginfo_in_legacy_group_stop), "attach-group-stop", ""},
      {M(group_stop_injects), "group-stop-cont", ""},
      {M(cont_ends_group_stop), "group-stop-cont", "stop_code.group"},
      {M(setoptions_is_ignored), "setoptions", ""},
      {M(kill_needs_a_trap), "kill-request", "kill.kills"},
      {M(attach_sends_no_sigstop), "attach-running", "attach.sends_sigstop"},
      {M(attach_leaves_stopped), "attach-stopped", "stopped.untraced"},
      {M(detach_forgets_group_stop), "seize-stopped", "unlink.rejoins"},
      {M(exitkill_is_ignored), "tracer-dies-exitkill", ""},
      {M(tracer_death_injects_waited), "tracer-dies-signal-waited", ""},
      {M(sigcont_wakes_legacy_trap), "attach-group-stop", "stop.lasts"},
      {M(sigcont_wakes_seized_trap), "sigcont-trapped", "stop.lasts"},
      {M(sigcont_notifies_stopped_only), "sigcont-running", "sigcont.notifies"},
      {M(sigcont_keeps_stop_signals), "stop-then-cont-queued", "sigcont.no_stop_signal"},
      {M(sigcont_keeps_dequeued), "sigcont-cancels-stop", ""},
      {M(sigcont_keeps_stop_pending), "", "stop_pending.group"},
      {M(sigstop_keeps_sigcont), "cont-then-stop-queued", "sigcont.no_stop_signal"},
      {M(signals_wake_listeners), "listen-event-stop", "stop.lasts"},
      {M(sigkill_spares_traps), "kill-trapped", "killed.awake"},
      {M(sigkill_ends_exit_event), "exit-event-kill", "stop.lasts"},
      {M(only_the_leader_is_woken), "threads-signal-sibling", ""},
      {M(untraced_leader_spares_tracees), "threads-kill-untraced-leader", ""},
      {M(blocked_injection_acts), "signal-inject-blocked", ""},
      {M(group_stop_spares_siblings), "threads-group-stop", "stop_signal.known", 2},
      {M(trapped_siblings_do_not_count), "threads-blocked-stop", ""},
      {M(restop_is_reported_again), "restop-not-reported", "parent.armed_once"},
      {M(exit_leaves_the_count), "threads-exit-completes-stop", "stop_count.consumers", 2},
      {M(event_stop_shows_sigtrap), "seize-group-stop", "event_stop.signal"},
      {M(legacy_trap_has_a_siginfo), "attach-group-stop", "group_trap.attached"},
      {M(syscall_stop_keeps_trap_stop), "interrupt-syscall-entry", "trap.entry"},
      {M(syscall_stop_clears_notify), "syscall-notify", "trap_notify.kept"},
      {M(sysgood_is_ignored), "syscall-sysgood", ""},
      {M(syscall_signal_is_dropped), "syscall-signal", ""},
      {M(exit_event_tells_nothing), "exit-event-kill", ""},
      {M(group_stop_is_cld_trapped), "sigchld-codes", ""},
      {M(wait_reports_listeners), "listen-unwaited", ""},
      {M(stop_is_reported_twice), "wait-once", "report.once"},
      {M(group_stop_is_reported_twice), "seize-group-stop", ""},
      {M(continued_is_reported_twice), "restop-not-reported", ""},
      {M(zombie_is_reported_twice), "listen-sigkill", ""},
      {M(parent_reaps_tracees), "death-reported-twice", ""},
  };
  return all;
}
#undef M

// What the mutations are tried in. One thread: every request, exits and the tracer's death. Two:
// group-stops and exits.
inline Config mutated_config(int threads) {
  const DesignSpec spec = parse_design("linux-3.4");
  if (threads == 1) return explored_config(spec, find_profile("default"), {STOP, CONT, KILL});
  Config config = base_config(spec);
  for (Feature f :
       {Feature::use_seize, Feature::cont, Feature::exits, Feature::sig_STOP, Feature::sig_CONT})
    config[f] = true;
  return config;
}

}  // namespace ptmc::tests
