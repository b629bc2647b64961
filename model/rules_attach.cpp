// Attaching and leaving: TRACEME, ATTACH, SEIZE, DETACH, the tracer's death
// (kernel/ptrace.c: ptrace_traceme, ptrace_attach, ptrace_detach, exit_ptrace, __ptrace_unlink).
//
// A tracer that attaches to a stopped thread sleeps until that thread has moved from STOPPED to its
// trap (TRAPPING); until then it makes no other call.

#include "model/kernel.hpp"
#include "model/requests.hpp"

namespace ptmc::model {
namespace {

// What SEIZE and SETOPTIONS can be given: the profile's set, or the shape's explicit ones.
void set_options(Step &s, int t, int set) {
  for (int o = 0; o < OPTION_COUNT; ++o) {
    const Expr bit = set == kProfileOptions ? s.on(option_feature(static_cast<Option>(o)))
                                            : truth((set >> o & 1) != 0);
    s.set(s.t(t).option[o], bit);
  }
}

void become_tracee(Step &s, int t, Expr how) {
  s.set(s.t(t).tracing, how);
  s.set(s.t(t).by, static_cast<Value>(s.acting));
}

void become_seized(Step &s, int t, int set) {
  become_tracee(s, t,
                ite(s.on(Feature::hidden_bit), constant(static_cast<Value>(Traced::seized)),
                    constant(static_cast<Value>(Traced::attached))));
  s.set(s.p->company, static_cast<Value>(Company::traced));
  s.when(s.on(Feature::seize_options), [&] { set_options(s, t, set); });
}

// ptrace_set_stopped (R11, R12): a STOPPED thread moves to a trap while its tracer sleeps.
void set_stopped(Step &s, int t) {
  const ThreadFields &f = s.t(t);
  s.when(at_loc(s, t, Loc::stopped) && !dying(s, t), [&] {
    s.raise(f.trap_stop);
    s.raise(f.trapping);
    s.when(s.on(Feature::causes), [&] { s.set(f.trap_cause, static_cast<Value>(Cause::attach)); });
    go(s, t, Loc::relock);
    s.set(s.tracer.attaching, static_cast<Value>(t + 1));
  });
}

Expr no_more(const Step &s, int t) {  // exit_state is set
  return at_loc(s, t, Loc::zombie) || at_loc(s, t, Loc::unreleased);
}
Expr alive(const Step &s, int t) { return exists(s, t) && !no_more(s, t); }

// cred_guard_mutex: attaching sleeps while a thread of the process is inside execve.
Expr may_attach(const Step &s, int t) {
  Expr execs = truth(false);
  for (int u : s.schema.group(s.schema.process_of(t)))
    execs = execs || at_loc(s, u, Loc::exec_wait) ||
            (at_loc(s, u, Loc::body) && eq(s.get(s.t(u).call), static_cast<Value>(SysCall::exec)));
  return !execs;
}

void attach(Model &m) {
  const Rule *ok =
      m.family({"attach",
                Actor::tracer,
                "traces the thread and sends it SIGSTOP; a stopped thread moves to a trap, and one "
                "that dequeues a signal meanwhile stops for that",
                {"ptrace_attach", "ptrace_set_stopped"},
                {"R9", "R11", "R12", "R68", "2.3"},
                "",
                ""});
  const Rule *refused = m.family({"attach.eperm",
                                  Actor::tracer,
                                  "refuses a zombie or a tracee",
                                  {"ptrace_attach"},
                                  {"R7"},
                                  "",
                                  ""});
  const Rule *gone =
      m.family({"attach.esrch", Actor::tracer, "no such thread", {"sys_ptrace"}, {"R4"}, "", ""});
  for (int t = 0; t < m.threads(); ++t) {
    auto request = [&](const Rule *rule, Err err) {
      Step s(m, rule, t, tname(t), {Action::attach, t, 0, err, 0});
      s.needs(Feature::attach);
      tracer_is_free(s);
      return s;
    };
    for (const Target &to : targets(m, t, false)) {
      Step s = request(ok, Err::ok);
      s.guard("no thread of it execs", may_attach(s, t));
      s.guard("it lives", alive(s, t));
      s.at("it is not traced", s.t(t).tracing, 0);
      become_tracee(s, t, constant(static_cast<Value>(Traced::attached)));
      s.set(s.p->company, static_cast<Value>(Company::traced));
      send(s, STOP, to, Info::kernel, truth(true));
      set_stopped(s, t);
      m.add(std::move(s));
    }
    // siglock is not held where ptrace_attach sets task->ptrace: before SIGSTOP is sent, the thread
    // may dequeue another signal, and stop for it.
    for (Sig sig : m.signals()) {
      for (bool shared : {false, true}) {
        if (sig == KILL || !m.has(STOP)) continue;
        Step s(m, ok, t, tname(t) + ", " + sname(sig) + (shared ? " of the process" : ""),
               {Action::attach, t, 0, Err::ok, 0});
        s.needs(Feature::attach);
        s.needs(!s.on(Feature::open_world));
        tracer_is_free(s);
        s.guard("no thread of it execs", may_attach(s, t));
        s.at("it is not traced", s.t(t).tracing, 0);
        may_dequeue(s, t, sig, shared);
        become_tracee(s, t, constant(static_cast<Value>(Traced::attached)));
        stop_before(s, t, sig, shared);
        send(s, STOP, {t, false, -1}, Info::kernel, truth(true));
        m.add(std::move(s));
      }
    }
    Step s = request(refused, Err::eperm);
    s.guard("it exists", exists(s, t));
    s.guard("it is traced or a zombie", traced(s, t) || no_more(s, t));
    m.add(std::move(s));
    Step e = request(gone, Err::esrch);
    e.guard("it is released", !exists(e, t));
    m.add(std::move(e));
  }
}

void seize(Model &m) {
  const Rule *ok = m.family({"seize",
                             Actor::tracer,
                             "traces the thread, which runs on; a stopped thread moves to a trap",
                             {"ptrace_attach", "ptrace_set_stopped"},
                             {"R10", "R11", "R12", "2.3"},
                             "3.1",
                             ""});
  const Rule *refused = m.family({"seize.eperm",
                                  Actor::tracer,
                                  "refuses a zombie or a tracee",
                                  {"ptrace_attach"},
                                  {"R7"},
                                  "3.1",
                                  ""});
  const Rule *invalid = m.family({"seize.eio",
                                  Actor::tracer,
                                  "refuses an address or an unknown option",
                                  {"ptrace_attach"},
                                  {"R5"},
                                  "3.1",
                                  ""});
  const Rule *gone =
      m.family({"seize.esrch", Actor::tracer, "no such thread", {"sys_ptrace"}, {"R4"}, "3.1", ""});
  std::vector<int> sets{kProfileOptions};
  sets.insert(sets.end(), m.schema.shape.option_sets.begin(), m.schema.shape.option_sets.end());
  for (int t = 0; t < m.threads(); ++t) {
    auto request = [&](const Rule *rule, Err err, int set) {
      Step s(m, rule, t, tname(t) + options_text(set), {Action::seize, t, set, err, 0});
      s.needs(Feature::seize);
      s.needs(Feature::use_seize);
      tracer_is_free(s);
      return s;
    };
    for (int set : sets) {
      Step s = request(ok, Err::ok, set);
      s.guard("no thread of it execs", may_attach(s, t));
      s.guard("it lives", alive(s, t));
      s.at("it is not traced", s.t(t).tracing, 0);
      become_seized(s, t, set);
      set_stopped(s, t);
      m.add(std::move(s));
    }
    // siglock is not held where ptrace_attach sets task->ptrace. prepare_signal looks at it twice:
    // a thread that is not traced has no TRAP_NOTIFY to be given, but a tracee ignores no signal.
    for (int set : sets) {
      for (bool shared : {false, true}) {
        if (!m.has(CONT) || (shared && !m.schema.is_leader(t))) continue;
        Step s(
            m, ok, t,
            tname(t) + options_text(set) + ", SIGCONT is sent" + (shared ? " to the process" : ""),
            {Action::seize, t, set, Err::ok, kMeanwhile});
        s.needs(Feature::seize);
        s.needs(Feature::use_seize);
        s.needs(Feature::seize_race);
        tracer_is_free(s);
        s.guard("no thread of it execs", may_attach(s, t));
        s.guard("it lives", alive(s, t) && !exiting(s, t) && !s.get(s.p->group_exit));
        s.at("it is not traced", s.t(t).tracing, 0);
        s.guard("it ignores SIGCONT", ignores(s, CONT) && !blocked(s, t, CONT));
        s.at("SIGCONT is not pending", shared ? s.p->pend[CONT] : s.t(t).pend[CONT], 0);
        become_seized(s, t, set);
        s.raise(shared ? s.p->pend[CONT] : s.t(t).pend[CONT]);
        if (!shared)
          s.when(s.on(Feature::siginfo),
                 [&] { s.set(s.t(t).kinfo[CONT], static_cast<Value>(Info::tkill)); });
        wake(s, t);
        m.add(std::move(s));
      }
    }
    Step s = request(refused, Err::eperm, kProfileOptions);
    s.guard("it exists", exists(s, t));
    s.guard("it is traced or a zombie", traced(s, t) || no_more(s, t));
    m.add(std::move(s));
    Step i = request(invalid, Err::eio, kInvalidOptions);
    i.needs(Feature::inspect);
    i.needs(Feature::seize_options);
    i.guard("it exists", exists(i, t));
    m.add(std::move(i));
    Step e = request(gone, Err::esrch, kProfileOptions);
    e.guard("it is released", !exists(e, t));
    m.add(std::move(e));
  }
}

void attached(Model &m) {
  const Rule *rule = m.family({"attach.wakes",
                               Actor::kernel,
                               "the attacher's call returns: the thread is in its trap",
                               {"ptrace_attach", "task_clear_jobctl_trapping"},
                               {"R11"},
                               "",
                               ""});
  for (int t = 0; t < m.threads(); ++t) {
    Step s(m, rule, t, tname(t));
    s.at("the attacher sleeps for it", s.tracer.attaching, static_cast<Value>(t + 1));
    s.guard("TRAPPING is over", !s.get(s.t(t).trapping));
    s.set(s.tracer.attaching, 0);
    m.add(std::move(s));
  }
}

void traceme(Model &m) {
  const Rule *ok = m.family({"traceme",
                             Actor::tracee,
                             "makes its real parent its tracer",
                             {"ptrace_traceme"},
                             {"R3"},
                             "",
                             ""});
  const Rule *orphan = m.family({"traceme.orphan",
                                 Actor::tracee,
                                 "succeeds and does nothing: its real parent is exiting",
                                 {"ptrace_traceme"},
                                 {"R2"},
                                 "",
                                 "",
                                 "only by luck: nothing in user space keeps a parent between "
                                 "PF_EXITING and the reparenting, and TRACEME succeeds after it "
                                 "too, when init is the parent"});
  const Rule *init = m.family({"traceme.init",
                               Actor::tracee,
                               "makes init its tracer: its own parent is dead",
                               {"ptrace_traceme", "forget_original_parent"},
                               {"R3", "R145"},
                               "",
                               ""});
  const Rule *refused = m.family(
      {"traceme.eperm", Actor::tracee, "is traced already", {"ptrace_traceme"}, {"R1"}, "", ""});
  for (int t = 0; t < m.threads(); ++t) {
    for (const Rule *rule : {ok, refused}) {
      Step s(m, rule, t, tname(t), {Action::traceme, t, 0, rule == ok ? Err::ok : Err::eperm, 0});
      s.needs(Feature::traceme);
      if (rule == ok) {
        s.needs(Feature::parent_is_tracer);
        s.guard("its parent lives", !s.get(s.tracer.dead));
      }
      in_own_call(s, t);
      if (rule == ok) {
        s.at("it is not traced", s.t(t).tracing, 0);
        s.guard("it is the child itself",
                ne(s.get(s.p->company), static_cast<Value>(Company::lost)));
        become_tracee(s, t, constant(static_cast<Value>(Traced::attached)));
      } else {
        s.guard("it is traced", traced(s, t));
      }
      m.add(std::move(s));
    }
    if (const int place = m.schema.shape.init; place >= 0) {
      Step i(m, init, t, tname(t), {Action::traceme, t, 0, Err::ok, 0});
      i.needs(Feature::traceme);
      i.guard("its real parent has died", parent_gone(i, m.schema.process_of(t)));
      in_own_call(i, t);
      i.at("it is not traced", i.t(t).tracing, 0);
      become_tracee(i, t, constant(static_cast<Value>(Traced::attached)));
      i.set(i.t(t).by, static_cast<Value>(place));
      m.add(std::move(i));
    }
    Step s(m, orphan, t, tname(t), {Action::traceme, t, 0, Err::ok, 0});
    s.needs(Feature::traceme);
    const Expr dies = ite(s.on(Feature::parent_is_tracer), s.get(s.tracer.dead),
                          eq(s.get(s.schema.parent.state), static_cast<Value>(Parent::exiting)));
    s.guard("its parent is exiting", dies);
    in_own_call(s, t);
    s.at("it is not traced", s.t(t).tracing, 0);
    m.add(std::move(s));
  }
}

void detach(Model &m) {
  const Rule *ok = m.family({"detach",
                             Actor::tracer,
                             "lets the tracee go, with a signal; in a stopped group it stops again",
                             {"ptrace_detach", "__ptrace_unlink"},
                             {"R17", "R18", "R85"},
                             "",
                             ""});
  const Rule *gone = not_stopped(m, "detach");
  for (int t = 0; t < m.threads(); ++t) {
    for (Sig sig : injectable(m)) {
      Step s(m, ok, t, tname(t) + ", " + sname(sig), {Action::detach, t, sig, Err::ok, 0});
      s.needs(Feature::detach);
      stop_required(s, t);
      may_inject(s, t, sig);
      s.clear(s.t(t).step);  // ptrace_disable; a tracer's death leaves it on
      unlink(s, t, constant(sig));
      m.add(std::move(s));
    }
    refuse_unless_stopped(m, gone, t, Action::detach, Feature::detach);
  }
}

void tracer_death(Model &m) {
  const Rule *dies =
      m.family({"tracer.exit", Actor::tracer, "the tracer exits", {"do_exit"}, {"R144"}, "", ""});
  Step d(m, dies, -1, "", {Action::tracer_exit, -1, 0, Err::ok, 0});
  d.needs(Feature::tracer_dies);
  d.at("the tracer lives", d.tracer.dead, 0);
  d.raise(d.tracer.dead);
  d.set(d.tracer.attaching, 0);
  if (!m.schema.shape.tracer_threads) clear_sigchld(d, d.tracer.chld);
  m.add(std::move(d));
  if (m.schema.shape.tracer_threads && m.acting == 0) {
    Step all(m, dies, -1, "all its threads", {Action::tracer_exit, -1, 1, Err::ok, 0});
    all.needs(Feature::tracer_dies);
    Expr lives = truth(false);
    for (const TracerFields &thread : m.schema.tracers) {
      lives = lives || !all.get(thread.dead);
      all.raise(thread.dead);
      all.set(thread.attaching, 0);
      clear_sigchld(all, thread.chld);
    }
    all.guard("one of them lives", lives);
    m.add(std::move(all));
  }

  const Rule *left =
      m.family({"tracer.exit.unlink",
                Actor::kernel,
                "a dead tracer's tracee goes free, or dies of EXITKILL; the code of a "
                "stop that nobody waited for stays",
                {"exit_ptrace", "__ptrace_detach", "__ptrace_unlink"},
                {"R19", "R20", "R117", "R118"},
                "",
                ""});
  for (int t = 0; t < m.threads(); ++t) {
    // EXITKILL's SIGKILL picks the thread itself whenever that can still die.
    for (const Target &to : targets(m, t, false)) {
      Step s(m, left, t, tname(t) + (to.pick < 0 ? "" : ", EXITKILL"));
      s.at("the tracer is dead", s.tracer.dead, 1);
      s.guard("it is a tracee", is_tracee(s, t));
      if (to.pick >= 0) s.at("EXITKILL is set", s.t(t).option[EXITKILL], 1);
      const Expr own = own_child(s, t) && s.get(s.schema.parent.ignores);
      send(s, KILL, to, Info::kernel, s.get(s.t(t).option[EXITKILL]));
      unlink(s, t, unread_code(s, t));
      s.when(at_loc(s, t, Loc::zombie), [&] {
        if (s.is_leader(t))
          s.when(alone(s, t), [&] {
            s.when(own, [&] { release(s, t); });
            s.when(!own, [&] { notify_exit(s, t); });
          });
        else
          release(s, t);
      });
      m.add(std::move(s));
    }
    // Before 5.19 one that is not yet asleep in its syscall-stop finds itself untraced, and drops
    // the code that would else become a SIGTRAP.
    Step s(m, left, t, tname(t) + ", before it sleeps");
    s.needs(!s.on(Feature::dead_tracer_keeps_code));
    s.at("the tracer is dead", s.tracer.dead, 1);
    s.guard("it is a tracee", is_tracee(s, t));
    s.guard("it is in a syscall-stop",
            at_loc(s, t, Loc::entry_trap) || at_loc(s, t, Loc::exit_trap));
    s.at("nobody has waited for it", s.t(t).report, 1);
    s.at("EXITKILL is not set", s.t(t).option[EXITKILL], 0);
    unlink(s, t, constant(NONE));
    m.add(std::move(s));
  }
}

}  // namespace

void attach_rules(Model &m) {
  attach(m);
  seize(m);
  attached(m);
  if (m.acting == 0) traceme(m);
  detach(m);
  tracer_death(m);
}

}  // namespace ptmc::model
