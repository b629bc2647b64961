#include "model/kernel.hpp"

#include <algorithm>

#include "model/sigchld.hpp"

namespace ptmc::model {
namespace {

Expr loc_from(const Step &s, int t, Loc first) {
  return !less(s.get(s.t(t).loc), constant(static_cast<Value>(first)));
}
Expr tracing_is(const Step &s, int t, Traced how) {
  return eq(s.get(s.t(t).tracing), static_cast<Value>(how));
}
Expr option(const Step &s, int t, Option o) { return s.get(s.t(t).option[o]); }

}  // namespace

std::string tname(int thread) { return "t" + std::to_string(thread); }
std::string sname(Sig sig) { return std::string(kSignals[sig].name); }

Expr exists(const Step &s, int t) { return !at_loc(s, t, Loc::none) && !at_loc(s, t, Loc::dead); }
Expr in_trap(const Step &s, int t) {
  return loc_from(s, t, Loc::entry_trap) && !loc_from(s, t, Loc::stopped);
}
Expr exiting(const Step &s, int t) { return loc_from(s, t, Loc::exit_notify); }
Expr killed(const Step &s, int t) { return s.get(s.t(t).pend[KILL]); }
Expr dying(const Step &s, int t) { return killed(s, t) || exiting(s, t); }
Expr traced(const Step &s, int t) { return !tracing_is(s, t, Traced::no); }
Expr blocked(const Step &s, int t, Sig sig) {
  return s.get(s.t(t).mask[sig]) || s.get(s.t(t).handling[sig]);
}
Expr alone(const Step &s, int t) {
  Expr e = truth(true);
  for (int u : s.schema.group(s.schema.process_of(t)))
    if (u != t) e = e && !exists(s, u);
  return e;
}
Expr stopped_flag(const Step &s) { return eq(s.get(s.p->jobs), static_cast<Value>(Jobs::stopped)); }
Expr group_stopping(const Step &s) { return stopped_flag(s) || ne(s.get(s.p->stop_count), 0); }
Expr group_ends(const Step &s) { return s.get(s.p->group_exit) || ne(s.get(s.p->exec_task), 0); }
Expr had_by(const Step &s, int t, int tracer) {
  return eq(s.get(s.t(t).by), static_cast<Value>(tracer));
}
Expr is_tracee(const Step &s, int t) { return traced(s, t) && had_by(s, t, s.acting); }
Expr parent_traces(const Step &s, int process) {
  return s.on(Feature::parent_is_tracer) && truth(process == 0);
}
Expr own_child(const Step &s, int t) {
  return parent_traces(s, s.schema.process_of(t)) &&
         (truth(s.schema.shape.tracer_threads) || had_by(s, t, 0));
}

Expr parent_gone(const Step &s, int process) {
  Expr dead = s.get(s.schema.tracer.dead);
  if (s.schema.shape.tracer_threads)
    for (const TracerFields &thread : s.schema.tracers) dead = dead && s.get(thread.dead);
  if (process == 0)
    return eq(s.get(s.schema.parent.state), static_cast<Value>(Parent::gone)) ||
           (parent_traces(s, process) && dead);
  Expr gone = truth(true);
  for (int u : s.schema.group(0))
    gone = gone && (!exists(s, u) || at_loc(s, u, Loc::zombie) || at_loc(s, u, Loc::unreleased));
  return gone;
}

// A dead parent's children go to one that does not ignore it.
Expr parent_ignores(const Step &s, int process) {
  const Expr ignores = process == 0 ? s.get(s.schema.parent.ignores)
                                    : eq(s.get(s.schema.process[0].disposition[CHLD]), 1);
  return ignores && !parent_gone(s, process);
}

Expr tells_parent(const Step &s, int process) {
  if (process == 0) return s.on(Feature::sigchld);
  return s.on(Feature::reaps) && truth(s.schema.shape.has(CHLD));
}

Expr may_act(const Step &s, int t) {
  return !s.get(s.t(t).owes_tracer) && !s.get(s.t(t).owes_parent);
}

// What the hidden bit decides in 3.1 and since, the RFC's options (1) to (3) decide in its design.
Expr flags_stops(const Step &s, int t) {
  return (s.on(Feature::hidden_bit) && tracing_is(s, t, Traced::seized)) ||
         (s.on(Feature::stop_options) && traced(s, t) && option(s, t, TRACESTOP));
}
Expr notifying(const Step &s, int t) {
  return flags_stops(s, t) || ((s.on(Feature::stop_options) || s.on(Feature::listen_always)) &&
                               traced(s, t) && s.get(s.t(t).listening));
}
Expr interruptible(const Step &s, int t) {
  const Expr by_option = option(s, t, INTERRUPT) &&
                         (!s.on(Feature::interrupt_needs_tracestop) || option(s, t, TRACESTOP));
  return (s.on(Feature::hidden_bit) && tracing_is(s, t, Traced::seized)) ||
         (s.on(Feature::stop_options) && traced(s, t) && by_option) ||
         (s.on(Feature::interrupt_always) && traced(s, t));
}
Expr listenable(const Step &s, int t) {
  return (s.on(Feature::hidden_bit) && tracing_is(s, t, Traced::seized)) ||
         (s.on(Feature::stop_options) && traced(s, t) && option(s, t, LISTEN)) ||
         (s.on(Feature::listen_always) && traced(s, t));
}

Expr acts_by_default(const Step &s, Sig sig) { return eq(s.get(s.p->disposition[sig]), 0); }
Expr handles(const Step &s, Sig sig) { return eq(s.get(s.p->disposition[sig]), 2); }
Expr ignores(const Step &s, Sig sig) {
  const Expr by_default =
      truth(s.schema.shape.action(sig) == Default::ignore) && acts_by_default(s, sig);
  return eq(s.get(s.p->disposition[sig]), 1) || by_default;
}

Expr makes_child(const Step &s, int t) {
  return !less(s.get(s.t(t).call), constant(static_cast<Value>(SysCall::fork)));
}

void no_call(Step &s, int t) {
  for (Field f : {s.t(t).call, s.t(t).flags, s.t(t).again}) s.set(f, 0);
}

void leave_handler(Step &s, int t) {
  const ThreadFields &f = s.t(t);
  Expr outermost = ne(s.get(f.again), 0);
  for (Sig sig : s.schema.shape.signals) outermost = outermost && !s.get(f.handling[sig]);
  s.when(outermost, [&] {
    s.set(f.call, s.get(f.again));
    s.set(f.again, 0);
  });
}

void end_body(Step &s, int t) {
  const ThreadFields &f = s.t(t);
  s.set(f.flags, 0);
  go(s, t, Loc::body);
  s.set(f.call, static_cast<Value>(SysCall::plain));
  s.set(f.event, 0);
  s.set(f.message, 0);
  s.set(f.sigpending, has_work(s, t));
}

Expr restarts(const Step &s, int t) {
  const Expr call = s.get(s.t(t).call);
  return eq(call, static_cast<Value>(SysCall::pause)) ||
         eq(call, static_cast<Value>(SysCall::sleep)) || makes_child(s, t);
}

Expr has_work(const Step &s, int t) {
  const ThreadFields &f = s.t(t);
  Expr work = s.get(f.stop_pending) || s.get(f.trap_stop) || s.get(f.trap_notify);
  for (Sig sig : s.schema.shape.signals)
    work = work || ((s.get(f.pend[sig]) || s.get(s.p->pend[sig])) && !blocked(s, t, sig));
  return work;
}

Expr stop_number(Expr sig) {
  Expr number = constant(status_number(OTHER));
  for (const SigInfo &i : kSignals)
    if (i.sig != OTHER) number = ite(eq(sig, i.sig), constant(status_number(i.sig)), number);
  return number;
}

Expr stop_code_word(const Step &s, int t) {
  const ThreadFields &f = s.t(t);
  const Expr number = stop_number(s.get(f.sig));
  const Expr trap = constant(5);
  const Expr syscall = ite(s.get(f.good), constant(0x85), trap);
  Expr code = ite(at_loc(s, t, Loc::exit_event_trap), constant(6 << 8 | 5), number);
  code = ite(at_loc(s, t, Loc::entry_trap) || at_loc(s, t, Loc::exit_trap), syscall, code);
  code = ite(at_loc(s, t, Loc::step_trap), trap, code);
  Expr event = constant(0);
  for (Value e : kEvents) event = ite(eq(s.get(f.event), e), constant(e << 8 | 5), event);
  code = ite(at_loc(s, t, Loc::ptrace_event_trap), event, code);
  code = ite(at_loc(s, t, Loc::event_trap), number + constant(128 << 8), code);
  return code;
}
Expr signal_status(Expr sig) {
  return ite(eq(sig, NONE), constant(0), sig + constant(killed_by(NONE)));
}

Expr exit_word(Expr status) {
  Expr word = constant(0);
  for (Value v = 1; v < killed_by(SIG_COUNT); ++v)
    word = ite(eq(status, v), constant(exit_word(v)), word);
  return word;
}

Expr death_by(const Step &s, Sig sig) {
  return ite(s.on(Feature::open_world), constant(1), constant(killed_by(sig)));
}

Expr no_cause(const Step &s, int t) {
  const Expr cause = s.get(s.t(t).trap_cause);
  return eq(cause, 0) || eq(cause, static_cast<Value>(Cause::stale));
}

void clear_pending(Step &s, int t) {
  const ThreadFields &f = s.t(t);
  for (Field bit : {f.stop_pending, f.consume, f.dequeued, f.trap_stop, f.trap_notify, f.trapping})
    s.clear(bit);
  s.set(f.trap_cause, 0);
}

void clear_stop_pending(Step &s, int t) {
  const ThreadFields &f = s.t(t);
  for (Field bit : {f.stop_pending, f.consume, f.dequeued}) s.clear(bit);
  // No pending bit is left: an attacher need not wait (task_clear_jobctl_trapping).
  s.when(!s.get(f.trap_stop) && !s.get(f.trap_notify), [&] { s.clear(f.trapping); });
}

void wake(Step &s, int t) {
  const Expr looks = at_loc(s, t, Loc::user) || at_loc(s, t, Loc::body) ||
                     at_loc(s, t, Loc::entry_trap) || at_loc(s, t, Loc::entry_woken);
  s.when(looks, [&] { s.raise(s.t(t).sigpending); });
}

Expr unread_code(const Step &s, int t) {
  const ThreadFields &f = s.t(t);
  const Expr syscall_stop = at_loc(s, t, Loc::entry_trap) || at_loc(s, t, Loc::exit_trap);
  // SIGTRAP | 0x80 is no valid signal: it is dropped.
  const Expr code = ite(syscall_stop, ite(s.get(f.good), constant(NONE), constant(TRAP)),
                        ite(at_loc(s, t, Loc::sig_trap), s.get(f.sig), constant(NONE)));
  return ite(s.get(f.report), code, constant(NONE));
}

void wake_resume(Step &s, int t) {
  wake(s, t);
  s.when(in_trap(s, t), [&] { leave_trap(s, t, unread_code(s, t)); });
  s.when(at_loc(s, t, Loc::stopped), [&] { go(s, t, Loc::relock); });
}

void trap_notify(Step &s, int t) {
  const ThreadFields &f = s.t(t);
  s.when(!dying(s, t) && flags_stops(s, t), [&] {
    s.raise(f.trap_notify);
    s.when(no_cause(s, t) && s.on(Feature::causes),
           [&] { s.set(f.trap_cause, static_cast<Value>(Cause::sigcont)); });
  });
  wake(s, t);
}

Expr participate(Step &s, int t) {
  const ThreadFields &f = s.t(t);
  const Expr consumes = s.get(f.stop_pending) && s.get(f.consume);
  s.when(consumes && ne(s.get(s.p->stop_count), 0),
         [&] { s.set(s.p->stop_count, s.get(s.p->stop_count) - constant(1)); });
  const Expr done = consumes && eq(s.get(s.p->stop_count), 0) && !stopped_flag(s);
  s.when(done, [&] {
    s.set(s.p->jobs, static_cast<Value>(Jobs::stopped));
    s.set(s.p->cld, 0);
  });
  for (Field bit : {f.stop_pending, f.consume, f.dequeued}) s.clear(bit);
  return done;
}

void start_group_stop(Step &s, int t, Expr sig) {
  s.when(!stopped_flag(s), [&] { s.set(s.p->stop_code, sig); });
  s.set(s.p->stop_count, 0);
  for (int u : s.group()) {
    const ThreadFields &f = s.t(u);
    const Expr joins =
        exists(s, u) && !dying(s, u) && (truth(u == t) || !at_loc(s, u, Loc::stopped));
    s.when(joins, [&] {
      s.set(f.stopsig, sig);
      s.raise(f.stop_pending);
      s.raise(f.consume);
      s.set(s.p->stop_count, s.get(s.p->stop_count) + constant(1));
      if (u == t) return;
      const Expr flagged = notifying(s, u);
      s.when(flagged, [&] {
        trap_notify(s, u);
        s.when(s.get(f.listening), [&] { leave_trap(s, u, constant(NONE)); });
      });
      s.when(!flagged, [&] { wake(s, u); });
    });
  }
}

void group_kill(Step &s, Expr status, int but) {
  s.raise(s.p->group_exit);
  s.set(s.p->death, status);
  for (Field f : {s.p->jobs, s.p->cld, s.p->stop_count, s.p->stop_code}) s.set(f, 0);
  for (int u : s.group()) {
    s.when(exists(s, u), [&] {
      clear_pending(s, u);
      if (u == but) return;
      s.when(!exiting(s, u), [&] {
        s.raise(s.t(u).pend[KILL]);
        wake_resume(s, u);
      });
    });
  }
}

void enter_trap(Step &s, int t, Loc trap, Expr sig, bool job_control) {
  const ThreadFields &f = s.t(t);
  if (trap == Loc::event_trap || trap == Loc::group_trap) {
    s.when(s.on(Feature::causes), [&] {
      s.set(f.cause, ite(s.get(f.stop_pending), constant(static_cast<Value>(Cause::group)),
                         s.get(f.trap_cause)));
      s.set(f.trap_cause, 0);
    });
  }
  go(s, t, trap);
  s.set(f.sig, sig);
  s.raise(f.report);
  Expr done = truth(false);
  if (job_control) done = participate(s, t);
  s.clear(f.trap_stop);
  if (trap == Loc::event_trap) s.clear(f.trap_notify);
  s.clear(f.trapping);
  if (trap != Loc::entry_trap) s.clear(f.sigpending);
  s.when(s.on(Feature::sigchld), [&] { s.raise(f.owes_tracer); });
  const int process = s.schema.process_of(t);
  s.when(tells_parent(s, process) && done && !own_child(s, t), [&] { s.raise(f.owes_parent); });
}

void settle(Step &s, int t) {
  const ThreadFields &f = s.t(t);
  const Expr job_control = at_loc(s, t, Loc::event_trap) || at_loc(s, t, Loc::group_trap);
  // A wait that came first has taken the code away.
  const Expr signal =
      ite(s.get(f.report), ite(at_loc(s, t, Loc::sig_trap), s.get(f.sig), constant(TRAP)),
          constant(NONE));
  s.when(s.get(f.owes_tracer), [&] {
    s.when(job_control,
           [&] { sigchld(s, true, t, kCldStopped, signal_status(s.get(s.p->stop_code))); });
    s.when(!job_control, [&] { sigchld(s, true, t, kCldTrapped, signal_status(signal)); });
    s.clear(f.owes_tracer);
  });
}

namespace {

// The system call goes on after its event; vfork has its child to wait for first.
void after_event(Step &s, int t, Expr doomed) {
  const ThreadFields &f = s.t(t);
  const Expr waits = eq(s.get(f.call), static_cast<Value>(SysCall::vfork)) &&
                     eq(s.get(f.event), static_cast<Value>(PTRACE_VFORK)) && !doomed;
  // Before 4.8 the entry-stop comes after the filter's.
  const Expr enters =
      !s.on(Feature::seccomp_after_entry) && eq(s.get(f.event), static_cast<Value>(PTRACE_SECCOMP));
  s.set(f.event, 0);
  s.when(waits, [&] { go(s, t, Loc::vfork_wait); });
  s.when(!waits, [&] { s.set(f.message, 0); });
  s.when(!waits && !doomed, [&] {
    s.when(!enters, [&] { s.set(f.call, static_cast<Value>(SysCall::plain)); });
    s.set(f.sigpending, has_work(s, t));
  });
}

}  // namespace

void leave_trap(Step &s, int t, Expr given) {
  const ThreadFields &f = s.t(t);
  // What wakes a listening tracee leaves its exit_code, unless a wait has taken it. That tells
  // where SETSIGINFO has let LISTEN into another stop.
  const Expr kept = s.get(f.listening) && s.get(f.report);
  const Expr own = ite(at_loc(s, t, Loc::sig_trap), s.get(f.sig),
                       ite(s.get(f.good), constant(NONE), constant(TRAP)));
  const Expr code = ite(kept, own, given);
  settle(s, t);
  const Expr loc = s.get(f.loc);
  auto was = [&](Loc l) { return eq(loc, static_cast<Value>(l)); };
  auto to = [](Loc l) { return constant(static_cast<Value>(l)); };
  const Expr doomed = killed(s, t);  // then nothing looks at the code, unless the group lives on
  const Expr requeues = s.on(Feature::requeue_keeps_queue) && !s.get(s.p->group_exit);
  const Expr delivers = was(Loc::sig_trap) && (!doomed || requeues);
  const Expr sends = (was(Loc::entry_trap) || was(Loc::exit_trap)) && !doomed;
  // The signal that the siginfo names keeps it; another comes from the tracer (R71).
  Expr named = s.get(f.sig);
  for (std::size_t i = 0; i < s.schema.shape.siginfos.size(); ++i)
    named = ite(eq(s.get(f.forged), static_cast<Value>(1 + i)),
                constant(s.schema.shape.siginfos[i].signo), named);
  s.when(delivers && !eq(code, named), [&] { s.set(f.info, static_cast<Value>(Info::tracer)); });
  s.set(f.forged, 0);
  s.when(!delivers || eq(code, NONE), [&] { s.set(f.info, 0); });
  s.set(f.sig, ite(delivers || sends, code, constant(NONE)));
  s.when(!delivers || eq(code, NONE), [&] { s.clear(f.shared); });
  s.when(!delivers && !was(Loc::entry_trap), [&] { s.clear(f.sigpending); });
  s.when(doomed && was(Loc::entry_trap), [&] {
    s.clear(f.sigpending);
    no_call(s, t);
    s.set(f.status, 0);
  });
  s.when(sends && was(Loc::entry_trap),
         [&] { s.set(f.sigpending, s.get(f.sigpending) || has_work(s, t)); });
  go(s, t, Loc::relock);
  s.set(f.loc,
        ite(delivers, to(Loc::sig_woken),
            ite(sends,
                ite(eq(loc, static_cast<Value>(Loc::entry_trap)), to(Loc::entry_woken),
                    to(Loc::exit_woken)),
                ite(was(Loc::exit_event_trap), to(Loc::exit_signals),
                    ite(was(Loc::ptrace_event_trap) && !doomed, to(Loc::body), to(Loc::relock))))));
  s.when(was(Loc::ptrace_event_trap), [&] { after_event(s, t, doomed); });
  for (Field bit : {f.report, f.listening, f.good}) s.clear(bit);
  s.set(f.cause, 0);
}

void keep_company(Step &s, Company company, Expr when) {
  if (!s.m.schema.shape.open) return;
  const Expr more = constant(static_cast<Value>(company));
  s.when(when && less(s.get(s.p->company), more), [&] { s.set(s.p->company, more); });
}

void unlink(Step &s, int t, Expr code) {
  const ThreadFields &f = s.t(t);
  keep_company(s, Company::unseen);
  for (Field work : {f.systrace, f.emulate}) s.clear(work);
  s.set(f.tracing, 0);
  s.set(f.by, 0);
  for (Field o : f.option) s.clear(o);
  for (Field bit : {f.trap_stop, f.trap_notify, f.trapping}) s.clear(bit);
  s.set(f.trap_cause, 0);
  s.when(!exiting(s, t) && group_stopping(s), [&] { s.raise(f.stop_pending); });
  s.when(in_trap(s, t), [&] { leave_trap(s, t, code); });
  s.when(s.get(f.stop_pending), [&] { wake(s, t); });
}

void notify_exit(Step &s, int t) {
  // An ignored SIGCHLD is not sent, and the zombie reaps itself (autoreap).
  const int process = s.schema.process_of(t);
  const Expr other_signal = s.get(s.schema.process[process].clone_child);
  const Expr autoreap = !traced(s, t) && parent_ignores(s, process) && !other_signal;
  const Expr status = s.get(s.t(t).status);
  const Expr by_signal = !less(status, constant(kExitCodes));
  for (bool to_tracer : {true, false}) {
    // The exit signal is the real parent's; a tracer that is not it gets SIGCHLD.
    const Expr other =
        other_signal && truth(s.is_leader(t)) && (truth(!to_tracer) || own_child(s, t));
    s.when((to_tracer ? traced(s, t) : !traced(s, t) && !autoreap) && !other, [&] {
      s.when(by_signal, [&] { sigchld(s, to_tracer, t, kCldKilled, status); });
      s.when(!by_signal, [&] { sigchld(s, to_tracer, t, kCldExited, status); });
    });
  }
  if (s.is_leader(t)) s.when(autoreap, [&] { reap_itself(s, t); });
}

void retarget(Step &s, int t, Sig sig) {
  Expr wanted = s.get(s.p->pend[sig]);
  std::vector<int> others = s.group();
  std::rotate(others.begin(), others.begin() + (t - s.leader()), others.end());
  others.erase(others.begin());
  for (int u : others) {
    const Expr takes = wanted && exists(s, u) && !exiting(s, u) && !blocked(s, u, sig);
    s.when(takes, [&] { wake(s, u); });
    wanted = wanted && !takes;
  }
}

namespace {

void forget(Step &s, int t) {
  const ThreadFields &f = s.t(t);
  s.set(f.tracing, 0);
  s.set(f.by, 0);
  s.set(f.status, 0);
  for (Field work : {f.systrace, f.emulate, f.step}) s.clear(work);
  for (Field o : f.option) s.clear(o);
  for (Sig sig : s.schema.shape.signals) {
    empty_queue(s, sig, t);
    s.clear(f.mask[sig]);
    s.clear(f.handling[sig]);
  }
  s.set(f.again, 0);
  s.set(f.flags, 0);
  s.set(f.stopsig, 0);
  clear_pending(s, t);
}

}  // namespace

void reap_itself(Step &s, int t) {
  forget(s, t);
  go(s, t, Loc::unreleased);
}

void release(Step &s, int t) {
  forget(s, t);
  go(s, t, Loc::dead);
  // The zombie leader is reported when the last other thread is gone (R119).
  const int leader = s.leader();
  if (t != leader)
    s.when(at_loc(s, leader, Loc::zombie) && alone(s, leader), [&] {
      s.when(s.on(Feature::leader_takes_group_code) && s.get(s.p->group_exit),
             [&] { s.set(s.t(leader).status, s.get(s.p->death)); });
      notify_exit(s, leader);
    });
}

void sigchld(Step &s, bool to_tracer, int t, Value code, Expr status) {
  const int process = s.schema.process_of(t);
  // Who ignores SIGCHLD is not told of stops and SIGCONT (do_notify_parent_cldstop).
  const Expr tracer_ignores = s.on(Feature::parent_is_tracer) &&
                              (truth(s.schema.shape.tracer_threads) || had_by(s, t, 0)) &&
                              s.get(s.schema.parent.ignores);
  const Expr ignored =
      truth(code >= kCldTrapped) && (to_tracer ? tracer_ignores : parent_ignores(s, process));
  if (!to_tracer && process > 0) {
    // The signal to the first process is generated by `child.sigchld`, which picks a thread.
    s.when(tells_parent(s, process) && !ignored && !parent_gone(s, process),
           [&] { s.raise(s.schema.process[process].notice); });
    return;
  }
  s.when(s.on(Feature::sigchld) && !ignored, [&] {
    const Expr to_role = truth(!to_tracer) && !parent_traces(s, process);
    auto queue = [&](const SigchldFields &f) {
      s.when(eq(s.get(f.code), 0), [&] {  // a standard signal merges
        s.set(f.code, code);
        s.set(f.status, status);
        s.set(f.thread, static_cast<Value>(t));
      });
    };
    for (int k = 0; k < s.schema.shape.tracers; ++k) {
      const TracerFields &tracer = s.schema.tracers[static_cast<std::size_t>(k)];
      const Expr told = to_tracer ? had_by(s, t, k) : truth(k == 0);
      s.when(!to_role && told && !s.get(tracer.dead), [&] { queue(tracer.chld); });
    }
    s.when(to_role && !parent_gone(s, process), [&] { queue(s.schema.parent.chld); });
  });
}

void clear_sigchld(Step &s, const SigchldFields &f) {
  for (Field part : {f.code, f.status, f.thread}) s.set(part, 0);
}

void force_trap(Step &s, int t) {
  const ThreadFields &f = s.t(t);
  const Field disposition = s.p->disposition[TRAP];
  const Expr unheard = blocked(s, t, TRAP) || eq(s.get(disposition), 1);
  s.when(unheard, [&] {
    s.set(disposition, 0);
    for (Field bit : {f.mask[TRAP], f.handling[TRAP]}) s.clear(bit);
  });
  s.when(!(s.get(s.p->group_exit) && s.on(Feature::dying_drops_signals)) && !s.get(f.pend[TRAP]),
         [&] {
           s.raise(f.pend[TRAP]);
           s.when(s.on(Feature::siginfo),
                  [&] { s.set(f.kinfo[TRAP], static_cast<Value>(Info::step)); });
         });
}

std::vector<Target> targets(const Model &m, int thread, bool shared) {
  std::vector<Target> all{{thread, shared, -1}};
  for (int u : m.schema.group(m.schema.process_of(thread)))
    if (shared || u == thread) all.push_back({thread, shared, u});
  return all;
}

namespace {

// prepare_signal's effects on the group, at generation, whatever becomes of the signal (R40 to
// R44).
void flush(Step &s, Sig sig) {
  auto remove = [&](Sig gone) {
    empty_queue(s, gone);
    for (int u : s.group()) empty_queue(s, gone, u);
  };
  if (is_stop(sig)) remove(CONT);
  if (sig != CONT) return;
  for (Sig stop : {STOP, TSTP, TTIN, TTOU}) remove(stop);
  for (int u : s.group()) {
    const ThreadFields &f = s.t(u);
    s.when(exists(s, u), [&] {
      clear_stop_pending(s, u);
      s.when(s.on(Feature::causes) && eq(s.get(f.trap_cause), static_cast<Value>(Cause::group)),
             [&] { s.set(f.trap_cause, static_cast<Value>(Cause::stale)); });
      const Expr notified = notifying(s, u);
      s.when(notified, [&] {
        trap_notify(s, u);
        s.when(s.get(f.listening), [&] {
          // Without (1) the RFC does not say what a listening tracee then reports.
          s.when(!flags_stops(s, u), [&] {
            const Expr trap =
                s.on(Feature::sigcont_plain_trap) || s.on(Feature::sigcont_einval_trap);
            s.when(!dying(s, u) && (s.on(Feature::sigcont_stale) || trap), [&] {
              s.raise(f.trap_stop);
              s.when(s.on(Feature::causes),
                     [&] { s.set(f.trap_cause, static_cast<Value>(Cause::sigcont)); });
              s.when(trap, [&] { s.set(f.stopsig, constant(TRAP)); });
            });
          });
          leave_trap(s, u, constant(NONE));
        });
      });
      s.when(!notified && at_loc(s, u, Loc::stopped), [&] { go(s, u, Loc::relock); });
    });
  }
  const Expr was_stopped = stopped_flag(s);
  s.when(group_stopping(s), [&] {
    s.when(tells_parent(s, s.schema.process_of(s.leader())), [&] {
      s.set(s.p->cld, ite(was_stopped, constant(static_cast<Value>(Jobs::continued)),
                          constant(static_cast<Value>(Jobs::stopped))));
    });
    s.set(s.p->jobs, static_cast<Value>(Jobs::continued));
    s.set(s.p->stop_count, 0);
    s.set(s.p->stop_code, 0);
  });
}

}  // namespace

void empty_queue(Step &s, Sig sig) {
  s.clear(s.p->pend[sig]);
  if (is_other(sig)) s.set(s.p->more[sig - OTHER], 0);
}
void empty_queue(Step &s, Sig sig, int t) {
  const ThreadFields &f = s.t(t);
  s.clear(f.pend[sig]);
  s.set(f.kinfo[sig], 0);
  if (!is_other(sig)) return;
  s.set(f.more[sig - OTHER], 0);
  for (Field info : f.later[sig - OTHER]) s.set(info, 0);
}

void take_first(Step &s, Sig sig) {
  if (s.schema.shape.most_queued(sig) == 1) return empty_queue(s, sig);
  const Field more = s.p->more[sig - OTHER];
  const Expr last = eq(s.get(more), 0);
  s.when(last, [&] { s.clear(s.p->pend[sig]); });
  s.when(!last, [&] { s.set(more, s.get(more) - constant(1)); });
}
void take_first(Step &s, Sig sig, int t) {
  if (s.schema.shape.most_queued(sig) == 1) return empty_queue(s, sig, t);
  const ThreadFields &f = s.t(t);
  const Field more = f.more[sig - OTHER];
  const Expr last = eq(s.get(more), 0);
  s.when(last, [&] { s.clear(f.pend[sig]); });
  s.when(!last, [&] { s.set(more, s.get(more) - constant(1)); });
  Field before = f.kinfo[sig];
  for (Field info : f.later[sig - OTHER]) {
    s.set(before, s.get(info));
    before = info;
  }
  s.set(before, 0);
}

namespace {

// One more of a real-time signal, behind those that are pending.
void queue_behind(Step &s, Sig sig, const Target &to, Expr info) {
  const int most = s.schema.shape.most_queued(sig);
  if (most == 1) return;
  const std::size_t place = static_cast<std::size_t>(sig - OTHER);
  const Field more = to.shared ? s.p->more[place] : s.t(to.thread).more[place];
  const Expr count = s.get(more);
  for (int n = 0; n + 1 < most; ++n)
    s.when(eq(count, static_cast<Value>(n)), [&] {
      s.set(more, constant(static_cast<Value>(n + 1)));
      if (!to.shared)
        s.when(s.on(Feature::siginfo), [&] { s.set(s.t(to.thread).later[place][n], info); });
    });
}

}  // namespace

void send(Step &s, Sig sig, Target to, Expr info, Expr when) {
  const int p = to.thread;
  // A core dump can be killed.
  const Expr dumps = truth(sig == KILL) && ne(s.get(s.p->core), 0);
  const Expr gone = s.get(s.p->group_exit) && !dumps;
  const Expr too_late = truth(!to.shared) && exiting(s, p) && s.on(Feature::exiting_drops_signals);
  s.when(when && !gone && !too_late, [&] { flush(s, sig); });
  const Expr dropped =
      too_late || (gone && s.on(Feature::dying_drops_signals)) ||
      (!blocked(s, p, sig) && !(traced(s, p) && truth(sig != KILL)) &&
       truth(sig != KILL && sig != STOP) && !s.on(Feature::open_world) && ignores(s, sig));
  const Field queue = to.shared ? s.p->pend[sig] : s.t(p).pend[sig];
  const Expr first = !s.get(queue);
  const Expr queued = when && !dropped && (first || truth(s.schema.shape.most_queued(sig) > 1));

  auto wants = [&](int u) {
    return exists(s, u) && !blocked(s, u, sig) && !exiting(s, u) &&
           (truth(sig == KILL) || (!at_loc(s, u, Loc::stopped) && !in_trap(s, u)));
  };
  // One that has TIF_SIGPENDING is chosen only if it is on a CPU at that moment.
  auto idle = [&](int u) {
    return (at_loc(s, u, Loc::user) || at_loc(s, u, Loc::body)) && !s.get(s.t(u).sigpending);
  };
  auto certain = [&](int u) { return wants(u) && (truth(sig == KILL) || idle(u)); };

  Expr may = truth(true);
  if (to.pick < 0) {
    Expr nobody = truth(true);
    for (const Target &other : targets(s.m, p, to.shared))
      if (other.pick >= 0) nobody = nobody && !certain(other.pick);
    may = !queued || nobody;
  } else {
    may = queued && wants(to.pick);
    if (to.pick != p) may = may && !certain(p);
  }
  s.guard(to.pick < 0 ? "no thread is woken for it" : "complete_signal picks " + tname(to.pick),
          may);

  // Nobody reads the private queue of a thread that is PF_EXITING.
  const Expr kept = queued && (truth(to.shared) || !exiting(s, p));
  s.when(kept && !first, [&] { queue_behind(s, sig, to, info); });
  s.when(kept && first, [&] {
    if (sig != KILL || to.shared) s.raise(queue);
    if (!to.shared && sig != KILL)
      s.when(s.on(Feature::siginfo), [&] { s.set(s.t(p).kinfo[sig], info); });
    // A group that drops every signal never looks at SIGKILL's own bit again.
    if (sig == KILL) s.when(s.on(Feature::dying_drops_signals), [&] { s.clear(queue); });
  });
  if (to.pick < 0) return;
  s.when(queued, [&] {
    const bool deadly = s.schema.shape.action(sig) == Default::fatal;
    const Expr fatal = truth(deadly) && (truth(sig == KILL) || acts_by_default(s, sig)) &&
                       (truth(sig == KILL) || !traced(s, p)) && !gone;
    s.when(fatal, [&] { group_kill(s, death_by(s, sig), -1); });
    s.when(!fatal, [&] {
      if (sig == KILL) {
        s.raise(s.t(to.pick).pend[KILL]);
        wake_resume(s, to.pick);
      } else {
        wake(s, to.pick);
      }
    });
  });
}

}  // namespace ptmc::model
