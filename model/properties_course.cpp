// The course of a thread inside the kernel: what get_signal, a system call, a stop's end and a
// death leave behind.

#include <algorithm>
#include <optional>

#include "model/property_parts.hpp"

namespace ptmc::model {
namespace {

using enum Feature;

bool starts(const StepView &s, int t, std::string_view prefix) {
  return s.step.thread == t && s.step.rule->id.starts_with(prefix);
}

// get_signal ignores a signal, or takes its default action; but SIGSTOP's is another.
bool acts_on_signal(const StepView &s, int t) {
  const std::string &id = s.step.rule->id;
  return (starts(s, t, "deliver.") || starts(s, t, "inject.")) &&
         (id.ends_with(".ignore") || id.ends_with(".tty") || id.ends_with(".fatal"));
}

// A stranger's signal reaches this thread, or its process.
bool is_sent(const StepView &s, int t) {
  return s.step.label.action == Action::send && s.step.label.err == Err::ok && s.step.thread == t;
}
// ... or that of its child's death or stop does.
struct Sent {
  Sig sig;
  bool shared;
};
std::optional<Sent> what_is_sent(const StepView &s, int t) {
  if (s.is("child.sigchld", t)) return Sent{CHLD, true};
  if (!is_sent(s, t)) return std::nullopt;
  // A child's is for the whole process.
  const int arg = s.step.label.arg;
  return Sent{static_cast<Sig>(arg & ~kOfChild), s.step.label.thread < 0 || (arg & kOfChild) != 0};
}

// The signal that the instance's name has.
Sig signal_of(const Instance &i) {
  for (int sig = 1; sig < SIG_COUNT; ++sig)
    if (i.parameters.find(kSignals[static_cast<std::size_t>(sig)].name) != std::string::npos)
      return static_cast<Sig>(sig);
  return NONE;
}
// Strangers send others than SIGKILL.
bool can_signal(const Config &c) {
  bool any = false;
  for (Sig sig : explored_signals()) any = any || (sig != KILL && c[signal_feature(sig)]);
  return any;
}
bool can_return(const Config &c) {
  return c[syscall] || c[plain_syscalls] || c[forks] || c[clones] || c[execs] || c[filters];
}
bool can_call(const Config &c) { return can_return(c) || c[exits]; }

bool of_process(const Instance &i) {
  return i.parameters.find("of the process") != std::string::npos;
}

Expr calls(const View &v, int t, std::initializer_list<SysCall> any) {
  Expr e = truth(false);
  for (SysCall c : any) e = e || eq(v.get(v.t(t).call), static_cast<Value>(c));
  return e;
}
Expr makes_child(const View &v, int t) {
  return calls(v, t, {SysCall::fork, SysCall::vfork, SysCall::clone, SysCall::spawn});
}

// Something for get_signal to do.
Expr has_work(const View &v, int t) {
  const ThreadFields &f = v.t(t);
  Expr work = v.get(f.stop_pending) || v.get(f.trap_stop) || v.get(f.trap_notify) || v.killed(t);
  for (Sig sig : v.m.signals())
    work = work || ((v.get(f.pend[sig]) || v.get(v.p->pend[sig])) && !v.blocked(t, sig));
  return work;
}

// Both have a handler and can take it: what a thread does when it is awake and not inside a stop.
Expr awake(const View &v, int t) {
  return v.exists(t) && !v.exiting(t) && !v.in_trap(t) && !v.at(t, {Loc::stopped});
}

// A signal of the process that this thread no longer takes, and another thread can, is looked for
// by one of those.
Expr looked_for(const StepView &s, int t, Sig sig) {
  const View &v = s.after;
  Expr one = truth(false), looks = truth(false);
  for (int u : v.group()) {
    if (u == t) continue;
    const Expr takes = s.before.exists(u) && !s.before.exiting(u) && !s.before.blocked(u, sig);
    one = one || takes;
    looks =
        looks || (takes && (!s.before.at(u, {Loc::user, Loc::body}) || v.get(v.t(u).sigpending)));
  }
  return implies(v.get(v.p->pend[sig]) && !s.before.blocked(t, sig) && one, looks);
}

void delivery(Laws &all) {
  step_law(
      all,
      {"deliver.dequeues",
       "A signal that is delivered was pending and not blocked, and leaves its queue; no other "
       "comes or goes, but that a death takes SIGKILL out",
       "A signal is dequeued", "dequeue_signal, get_signal, 6.12; R68", anywhere, anywhere},
      [](const StepView &s, int t) { return truth(starts(s, t, "deliver.")); },
      [](const StepView &s, int t) {
        const Sig sig = signal_of(s.step);
        const ThreadFields &f = s.before.t(t);
        const bool shared = of_process(s.step), dies = s.step.rule->id == "deliver.fatal";
        Expr right = !s.before.blocked(t, sig);
        for (Sig other : s.m.signals()) {
          const Field own = f.pend[other], processes = s.before.p->pend[other];
          auto taken = [&](Field queue) { return s.before.get(queue) && !s.after.get(queue); };
          const bool its = other == sig;
          right = right && (its && shared ? taken(processes) : s.same(processes));
          if (other == KILL && dies)
            right = right && !s.after.get(own);
          else
            right = right && (its && !shared ? taken(own) : s.same(own));
        }
        return right;
      });

  step_law(
      all,
      {"deliver.siginfo",
       "A signal-delivery-stop shows the siginfo that was queued with the signal, and from which "
       "queue it is",
       "A tracee enters signal-delivery-stop", "dequeue_signal, ptrace_stop, 6.12; R69", anywhere,
       anywhere},
      [](const StepView &s, int t) { return s.enters(t, {Loc::sig_trap}); },
      [](const StepView &s, int t) {
        const ThreadFields &f = s.before.t(t);
        const Sig sig = signal_of(s.step);
        const bool shared = of_process(s.step);
        const Expr info =
            shared ? constant(static_cast<Value>(Info::user)) : s.before.get(f.kinfo[sig]);
        return eq(s.after.get(f.info), info) && eq(s.after.get(f.shared), truth(shared)) &&
               eq(s.after.get(f.sig), sig) && s.after.get(f.dequeued);
      });

  step_law(
      all,
      {"attach.race",
       "A signal that stops the tracee during ATTACH, before SIGSTOP is sent, is the one that the "
       "thread was about to dequeue: nothing else is to be done first, and no signal comes before "
       "it",
       "A thread dequeues another signal than ATTACH's", "ptrace_attach, get_signal, 6.12; R9, R68",
       where({attach}), [](const Config &c) { return c[attach] && can_signal(c); }},
      [](const StepView &s, int t) {
        return truth(s.step.label.action == Action::attach) && s.enters(t, {Loc::sig_trap});
      },
      [](const StepView &s, int t) {
        const View &v = s.before;
        const ThreadFields &f = v.t(t);
        const Sig sig = signal_of(s.step);
        const bool shared = of_process(s.step);
        Expr right = v.at(t, {Loc::relock, Loc::loop}) && !v.get(f.owes_tracer) &&
                     !v.get(f.owes_parent) && !v.get(f.stop_pending) && !v.get(f.trap_stop) &&
                     !v.get(f.trap_notify) &&
                     implies(v.at(t, {Loc::relock}), eq(v.get(v.p->cld), 0)) &&
                     implies(s.m.on(loop_sees_group_exit), !v.get(v.p->group_exit)) &&
                     !v.blocked(t, sig) && v.get(shared ? v.p->pend[sig] : f.pend[sig]);
        // Its own ones first, of a queue SIGTRAP, then the lowest number.
        const auto rank = [](Sig x) { return x == TRAP ? 0 : kSignals[x].number; };
        for (Sig other : s.m.signals()) {
          if (other == sig) continue;
          const bool first = rank(other) < rank(sig);
          if (shared || first) right = right && !(v.get(f.pend[other]) && !v.blocked(t, other));
          if (shared && first) right = right && !(v.get(v.p->pend[other]) && !v.blocked(t, other));
        }
        if (shared) right = right && !v.get(f.pend[sig]);
        return right;
      });

  step_law(
      all,
      {"deliver.tty_window",
       "While the kernel asks whether the group is orphaned, a stop signal has been dequeued and "
       "is "
       "remembered",
       "A SIGTSTP or the like is about to stop the group", "get_signal, 6.12; R75", anywhere,
       where({sig_TSTP})},
      [](const StepView &s, int t) {
        return truth(starts(s, t, "deliver.")) && s.enters(t, {Loc::tty_window});
      },
      [](const StepView &s, int t) {
        return s.after.get(s.after.t(t).dequeued) &&
               eq(s.after.get(s.after.t(t).sig), signal_of(s.step));
      });

  step_law(
      all,
      {"deliver.handler",
       "A handler runs with its signal blocked, no other mask changed, and not restarting its "
       "system call; under a single step it stops at its first instruction, and steps no more; "
       "else it looks for what is left to it, and another thread for what it now blocks",
       "A handler runs", "handle_signal, signal_setup_done, 6.12; R74", anywhere,
       where({sig_USR1})},
      [](const StepView &s, int t) {
        return truth(s.step.label.action == Action::handler && s.step.thread == t);
      },
      [](const StepView &s, int t) {
        const ThreadFields &f = s.before.t(t);
        const auto ran = static_cast<Sig>(s.step.label.arg);
        Expr right = eq(s.before.get(s.before.p->disposition[ran]), 2) && !s.before.blocked(t, ran);
        for (Sig sig : s.m.signals())
          right = right && s.same(f.mask[sig]) &&
                  (sig == ran ? s.after.get(f.handling[sig]) : s.same(f.handling[sig]));
        const Expr stops = s.before.get(f.step) && s.before.traced(t);
        return right && eq(s.after.get(f.call), 0) && !s.after.get(f.step) &&
               ite(stops, s.after.at(t, {Loc::step_trap}),
                   s.after.at(t, {Loc::user}) &&
                       eq(s.after.get(f.sigpending), has_work(s.after, t))) &&
               looked_for(s, t, ran);
      });

  step_law(
      all,
      {"deliver.disposition",
       "A signal is ignored, or takes its default action, as its disposition says",
       "A signal is acted on", "get_signal, 6.12; R73, R75, R77", anywhere, can_signal},
      [](const StepView &s, int t) { return truth(acts_on_signal(s, t)); },
      [](const StepView &s, int) {
        const Sig sig = signal_of(s.step);
        const std::string &id = s.step.rule->id;
        const Expr how = s.before.get(s.before.p->disposition[sig]);
        if (id.ends_with(".ignore"))
          return eq(how, 1) ||
                 (eq(how, 0) && truth(s.m.schema.shape.action(sig) == Default::ignore));
        return eq(how, 0) || truth(sig == KILL);
      });

  step_law(
      all,
      {"deliver.goes_on",
       "An ignored signal leaves the thread in get_signal's loop, a tty stop signal in the window "
       "for the orphan check, a fatal one on its way to group exit, with its status",
       "A signal is acted on", "get_signal, 6.12; R73, R75, R77", anywhere, can_signal},
      [](const StepView &s, int t) { return truth(acts_on_signal(s, t)); },
      [](const StepView &s, int t) {
        const std::string &id = s.step.rule->id;
        const ThreadFields &f = s.after.t(t);
        const Sig sig = signal_of(s.step);
        if (id.ends_with(".ignore")) return s.after.at(t, {Loc::loop});
        if (id.ends_with(".tty"))
          return s.after.at(t, {Loc::tty_window}) && eq(s.after.get(f.sig), sig);
        return s.after.at(t, {Loc::group_exit}) && eq(s.after.get(f.status), killed_by(sig)) &&
               !s.after.killed(t);
      });

  step_law(
      all,
      {"deliver.none",
       "A thread goes back to user mode from get_signal when it has nothing left to look for",
       "A thread goes to user mode with nothing left", "get_signal, 6.12; R67", anywhere, anywhere},
      [](const StepView &s, int t) { return truth(s.is("loop.none", t)); },
      [](const StepView &s, int t) {
        return !has_work(s.before, t) && s.after.at(t, {Loc::user}) &&
               !s.after.get(s.after.t(t).sigpending);
      });

  step_law(
      all,
      {"sigpending.cause", "A thread comes to look for work (TIF_SIGPENDING) only when it has some",
       "TIF_SIGPENDING is set", "recalc_sigpending_tsk, signal_wake_up, 6.12; semantics 1.1",
       anywhere, anywhere},
      [](const StepView &s, int t) {
        const Field f = s.before.t(t).sigpending;
        return !s.before.get(f) && s.after.get(f);
      },
      [](const StepView &s, int t) { return has_work(s.after, t); });

  step_law(
      all,
      {"user.looks",
       "A thread enters get_signal from user mode because it has something to look for, or after "
       "a single step",
       "A thread enters get_signal from user mode", "exit_to_user_mode_loop, 6.12; R104, R105",
       anywhere, anywhere},
      [](const StepView &s, int t) {
        return s.before.at(t, {Loc::user}) && s.after.at(t, {Loc::relock});
      },
      [](const StepView &s, int t) {
        return s.before.get(s.before.t(t).sigpending) || truth(s.is("step", t));
      });

  step_law(
      all,
      {"injection.once", "What the tracer left in a signal-delivery-stop is acted on once",
       "A thread goes on from a signal-delivery-stop", "ptrace_signal, 6.12; R70 to R77", anywhere,
       anywhere},
      [](const StepView &s, int t) {
        return s.before.at(t, {Loc::sig_woken}) && truth(starts(s, t, "inject."));
      },
      [](const StepView &s, int t) {
        const ThreadFields &f = s.after.t(t);
        const Expr over =
            eq(s.after.get(f.info), 0) && !s.after.get(f.shared) &&
            (eq(s.after.get(f.sig), NONE) || s.after.at(t, {Loc::tty_window, Loc::step_trap}));
        return !s.after.at(t, {Loc::sig_woken}) && over;
      });

  step_law(
      all,
      {"injection.requeues",
       "An injected signal that is blocked, and since 5.17 that of a killed thread, is pending "
       "again: since 5.17 in the queue that it came from, with its siginfo where it does not merge",
       "A blocked signal is injected", "ptrace_signal, 6.12; R72", anywhere,
       [](const Config &c) { return (c[inject_any] && c[sig_USR1]) || (c[forges] && c[siginfo]); }},
      [](const StepView &s, int t) {
        if (!s.is("inject.requeue", t)) return truth(false);
        // One that its tracer has let go ignores signals again.
        const Expr heard = s.before.traced(t) || s.before.blocked(t, signal_of(s.step));
        return heard && !s.before.get(s.before.p->group_exit);
      },
      [](const StepView &s, int t) {
        const Sig sig = signal_of(s.step);
        const ThreadFields &f = s.before.t(t);
        const Expr shared = s.m.on(requeue_keeps_queue) && s.before.get(f.shared);
        const Expr info = ite(s.before.get(f.pend[sig]), s.before.get(f.kinfo[sig]),
                              ite(s.m.on(siginfo), s.before.get(f.info), constant(0)));
        const Expr asked =
            s.before.blocked(t, sig) || (s.before.killed(t) && s.m.on(requeue_keeps_queue));
        return asked && s.after.at(t, {Loc::loop}) &&
               ite(shared, s.after.get(s.after.p->pend[sig]) && s.same(f.pend[sig]),
                   s.after.get(f.pend[sig]) && s.same(s.after.p->pend[sig]) &&
                       implies(s.m.on(siginfo), eq(s.after.get(f.kinfo[sig]), info)));
      });

  step_law(
      all,
      {"injection.blocked", "An injected signal that is blocked is not acted on",
       "An injected signal is acted on", "ptrace_signal, 6.12; R72", anywhere, anywhere},
      [](const StepView &s, int t) {
        const std::string &id = s.step.rule->id;
        return truth(starts(s, t, "inject.") && id != "inject.none" && id != "inject.requeue");
      },
      [](const StepView &s, int t) {
        const Sig sig = signal_of(s.step);
        return eq(s.before.get(s.before.t(t).sig), sig) && !s.before.killed(t) &&
               (!s.before.blocked(t, sig) || truth(sig == KILL || sig == STOP));
      });

  step_law(
      all,
      {"group_stop.starts",
       "A stop signal that is acted on starts a group-stop which every live thread that is not "
       "STOPPED is to join, unless SIGCONT, group exit or execve came first",
       "A stop signal is acted on", "do_signal_stop, 6.12; R76, R82", anywhere, anywhere},
      [](const StepView &s, int t) {
        const std::string &id = s.step.rule->id;
        return truth(s.step.thread == t &&
                     (id == "deliver.stop" || id == "inject.stop" || id == "tty.stop"));
      },
      [](const StepView &s, int t) {
        const View &v = s.before;
        const ThreadFields &f = v.t(t);
        const bool dequeues = s.step.rule->id == "deliver.stop";
        const Expr may = (truth(dequeues) || v.get(f.dequeued)) && !v.get(v.p->group_exit) &&
                         eq(v.get(v.p->exec_task), 0) && !v.dying(t);
        Expr joined = truth(true);
        const Expr sig = s.step.rule->id == "tty.stop" ? v.get(f.sig) : constant(signal_of(s.step));
        for (int u : v.group()) {
          if (u == t) continue;
          const Expr joins =
              v.exists(u) && !v.killed(u) && !v.exiting(u) && !v.at(u, {Loc::stopped});
          joined = joined &&
                   implies(joins, s.after.get(v.t(u).consume) && s.after.get(v.t(u).stop_pending) &&
                                      eq(s.after.get(v.t(u).stopsig), sig) &&
                                      !s.after.get(v.t(u).listening));
        }
        const Expr own =
            ite(v.traced(t),
                s.after.at(t, {Loc::loop}) && s.after.get(f.trap_stop) && s.after.get(f.consume),
                s.after.at(t, {Loc::stopped}) && !s.after.get(f.consume));
        const Expr armed = ite(v.jobs_are(Jobs::stopped), s.same(v.p->stop_code),
                               eq(s.after.get(v.p->stop_code), sig));
        const Expr starts_it = own && joined && armed && eq(s.after.get(f.stopsig), sig);
        const Expr cancelled =
            s.after.at(t, {Loc::loop}) && s.same(v.p->stop_count) && s.same(v.p->stop_code);
        return implies(!v.get(f.stop_pending), ite(may, starts_it, cancelled));
      });

  step_law(
      all,
      {"tty.orphaned", "In an orphaned process group SIGTSTP, SIGTTIN and SIGTTOU stop nobody",
       "A tty stop signal comes to an orphaned process group", "get_signal, 6.12; R75",
       where({orphaned}), where({sig_TSTP})},
      [](const StepView &s, int t) {
        return s.before.at(t, {Loc::tty_window}) && !s.same(s.before.t(t).sig);
      },
      [](const StepView &s, int t) {
        return s.after.at(t, {Loc::relock}) && s.same_all({s.before.t(t).loc, s.before.t(t).sig});
      });
}

void sending(Laws &all) {
  step_law(
      all,
      {"send.queued",
       "A signal that is sent is pending after it, unless it kills the group, is ignored, or the "
       "group or the thread exits",
       "A signal is sent", "__send_signal_locked, sig_ignored, 6.12; R45 to R47", anywhere,
       can_signal},
      [](const StepView &s, int t) {
        return truth(is_sent(s, t) && what_is_sent(s, t)->sig != KILL);
      },
      [](const StepView &s, int t) {
        const auto [sig, shared] = *what_is_sent(s, t);
        const View &v = s.before;
        const Field queue = shared ? v.p->pend[sig] : v.t(t).pend[sig];
        const Expr how = v.get(v.p->disposition[sig]);
        const Expr by_disposition =
            eq(how, 1) || (eq(how, 0) && truth(s.m.schema.shape.action(sig) == Default::ignore));
        const Expr ignored =
            by_disposition && !v.blocked(t, sig) && !v.traced(t) && truth(sig != STOP);
        const Expr dropped = v.get(v.p->group_exit) || (truth(!shared) && v.exiting(t)) || ignored;
        return v.exists(t) && (dropped || s.after.get(queue) || s.after.get(v.p->group_exit)) &&
               implies(ignored, s.same(queue));
      });

  step_law(
      all,
      {"stop_dequeued.arises",
       "Only a thread that dequeues a signal gets STOP_DEQUEUED, without which it starts no "
       "group-stop",
       "A thread gets STOP_DEQUEUED", "dequeue_signal, ptrace_signal, 6.12; R41, R82", anywhere,
       anywhere},
      [](const StepView &s, int t) {
        const Field f = s.before.t(t).dequeued;
        return !s.before.get(f) && s.after.get(f);
      },
      [](const StepView &s, int t) {
        return truth(starts(s, t, "deliver.")) ||
               (truth(s.succeeds(Action::attach, t)) && s.enters(t, {Loc::sig_trap}));
      });

  step_law(
      all,
      {"send.wakes",
       "A signal for the process, its child's SIGCHLD too, that some thread at work could take "
       "makes "
       "one such thread look for it",
       "A signal comes for a thread at work", "complete_signal, wants_signal, 6.12; R50, R51",
       anywhere, can_signal},
      [](const StepView &s, int t) {
        const std::optional<Sent> sent = what_is_sent(s, t);
        if (!sent || sent->sig == KILL) return truth(false);
        const auto [sig, shared] = *sent;
        const Field queue = shared ? s.before.p->pend[sig] : s.before.t(t).pend[sig];
        Expr wanted = truth(false);
        for (int u : s.before.group())
          if (shared || u == t)
            wanted =
                wanted || (s.before.at(u, {Loc::user, Loc::body}) && !s.before.blocked(u, sig));
        return !s.before.get(queue) && s.after.get(queue) && wanted;
      },
      [](const StepView &s, int t) {
        const auto [sig, shared] = *what_is_sent(s, t);
        Expr looks = s.after.get(s.after.p->group_exit);
        for (int u : s.before.group()) {
          if (!shared && u != t) continue;
          // SIGCONT has woken who was listening.
          const Expr on_its_way = awake(s.after, u) && (!s.after.at(u, {Loc::user, Loc::body}) ||
                                                        s.after.get(s.after.t(u).sigpending));
          looks = looks || (on_its_way && !s.before.blocked(u, sig));
        }
        return looks;
      });

  step_law(
      all,
      {"send.kills",
       "A signal that is fatal by default and not for the tracer to see first puts the group into "
       "exit with its status; another does not",
       "A signal is sent to a live group", "complete_signal, 6.12; R49", anywhere, anywhere},
      [](const StepView &s, int t) {
        return truth(is_sent(s, t)) && !s.before.get(s.before.p->group_exit);
      },
      [](const StepView &s, int t) {
        const auto [sig, shared] = *what_is_sent(s, t);
        const View &v = s.before;
        const Expr dies = s.after.get(v.p->group_exit);
        const bool deadly = s.m.schema.shape.action(sig) == Default::fatal;
        const Expr right = truth(deadly) && (truth(sig == KILL) ||
                                             (!v.traced(t) && eq(v.get(v.p->disposition[sig]), 0)));
        Expr wanted = truth(false), free = truth(false);
        for (int u : v.group())
          if (shared || u == t) {
            const Expr takes = v.exists(u) && !v.exiting(u) && !v.blocked(u, sig);
            wanted = wanted || takes;
            free = free || (takes && (truth(sig == KILL) || (v.at(u, {Loc::user, Loc::body}) &&
                                                             !v.get(v.t(u).sigpending))));
          }
        const Field queue = shared ? v.p->pend[sig] : v.t(t).pend[sig];
        return implies(dies, right && wanted && eq(s.after.get(v.p->death), killed_by(sig))) &&
               implies(right && free && !v.get(queue), dies);
      });
}

void siginfos(Laws &all) {
  step_law(
      all,
      {"send.siginfo",
       "A signal that is queued for a thread has the siginfo of who sent it; one that was pending "
       "keeps its own",
       "A signal is queued for a thread", "__send_signal_locked, 6.12; R9, R47, R94, R110",
       where({siginfo}), anywhere},
      [](const StepView &s, int t) {
        const std::string &id = s.step.rule->id;
        const bool sends = s.succeeds(Action::attach, t) || s.is("syscall.resumed", t) ||
                           s.is("exec.sigtrap", t) || (id == "send.thread" && s.step.thread == t);
        return truth(sends);
      },
      [](const StepView &s, int t) {
        const std::string &id = s.step.rule->id;
        const Info info = id == "send.thread"    ? Info::tkill
                          : id == "exec.sigtrap" ? Info::user
                                                 : Info::kernel;
        Expr right = truth(true);
        for (Sig sig : s.m.signals()) {
          const Field queue = s.before.t(t).pend[sig], kind = s.before.t(t).kinfo[sig];
          // ATTACH's SIGSTOP may take the place of one that is dequeued at the same time.
          const Expr taken = truth(s.succeeds(Action::attach, t)) && s.enters(t, {Loc::sig_trap}) &&
                             !s.after.get(s.after.t(t).shared) &&
                             eq(s.after.get(s.after.t(t).sig), sig);
          const Expr was = s.before.get(queue) && !taken;
          if (sig != KILL)
            right = right &&
                    implies(!was && s.after.get(queue),
                            eq(s.after.get(kind), static_cast<Value>(info))) &&
                    implies(was && s.after.get(queue), s.same(kind));
        }
        return right;
      });

  step_law(
      all,
      {"attach.waits_for_exec",
       "Nobody attaches to a process while a thread of it is inside execve",
       "ATTACH or SEIZE succeeds", "ptrace_attach: cred_guard_mutex, 6.12; semantics 2.3",
       where({execs}), anywhere},
      [](const StepView &s, int t) {
        return truth(s.succeeds(Action::attach, t) || s.succeeds(Action::seize, t));
      },
      [](const StepView &s, int) {
        Expr none = truth(true);
        for (int u : s.before.group())
          none = none && !s.before.at(u, {Loc::exec_wait}) &&
                 !(s.before.at(u, {Loc::body}) && calls(s.before, u, {SysCall::exec}));
        return none;
      });
}

// The step of which the other laws about threads say nothing.
void take_over(Laws &all) {
  Property moves{"exec.takes_over",
                 PropertyKind::always,
                 "A thread that execs goes on in its leader's place with all that is its own but "
                 "handlers, and nothing is left in its former place",
                 "de_thread, begin_new_exec, 6.12; R113",
                 [](const Config &c) { return c[execs] && !c[open_world]; },
                 {},
                 {}};
  Property occurs = moves;
  occurs.id += ".occurs";
  occurs.kind = PropertyKind::sometimes;
  occurs.statement = "An execve succeeds";
  moves.over_step = [=](const Model &m, const Instance &i) -> std::optional<Expr> {
    if (i.rule->id != "exec.done") return std::nullopt;
    const int t = i.thread, leader = m.schema.leader(m.schema.process_of(t));
    const View before(m), after(m, i);
    const ThreadFields &from = m.schema.thread[static_cast<std::size_t>(t)],
                       &to = m.schema.thread[static_cast<std::size_t>(leader)];
    std::vector<Field> others{to.loc, to.vforked, to.message};
    Expr right = before.at(t, {Loc::exec_wait}) && after.at(leader, {Loc::execed}) &&
                 (after.at(t, {Loc::dead}) || truth(t == leader)) && !after.get(to.vforked) &&
                 eq(after.get(to.message), static_cast<Value>(1 + t));
    for (Sig sig : m.signals()) {
      if (sig == KILL || sig == STOP) continue;
      others.push_back(to.mask[sig]), others.push_back(to.handling[sig]);
      right = right && !after.get(to.handling[sig]) &&
              eq(after.get(to.mask[sig]), before.blocked(t, sig));
    }
    for (Field f = 0; f < m.schema.size() && t != leader; ++f) {
      if (m.schema[f].thread != leader) continue;
      const Field own = f + from.loc - to.loc;
      if (std::find(others.begin(), others.end(), f) == others.end())
        right = right && eq(after.get(f), before.get(own));
      if (own != from.loc) right = right && eq(after.get(own), 0);
    }
    return right;
  };
  occurs.over_step = [](const Model &, const Instance &i) -> std::optional<Expr> {
    return i.rule->id == "exec.done" ? std::optional(truth(true)) : std::nullopt;
  };
  all.push_back(std::move(moves));
  all.push_back(std::move(occurs));
}

void resumption(Laws &all) {
  step_law(
      all,
      {"resume.asks",
       "A resumed tracee is to stop at system calls, to skip them, to step: as its last resume "
       "asked, and nothing more",
       "A tracee is resumed", "ptrace_resume, 6.12; R23", anywhere, anywhere},
      [](const StepView &s, int t) {
        Expr any = truth(false);
        for (Action a : {Action::cont, Action::syscall, Action::singlestep, Action::sysemu,
                         Action::sysemu_singlestep, Action::detach})
          any = any || truth(s.succeeds(a, t));
        return any;
      },
      [](const StepView &s, int t) {
        const ThreadFields &f = s.after.t(t);
        const auto is = [&](Action a) { return s.succeeds(a, t); };
        const bool emulates = is(Action::sysemu) || is(Action::sysemu_singlestep);
        return eq(s.after.get(f.systrace), truth(is(Action::syscall))) &&
               eq(s.after.get(f.emulate), truth(emulates)) &&
               eq(s.after.get(f.step),
                  truth(is(Action::singlestep) || is(Action::sysemu_singlestep)));
      });

  step_law(
      all,
      {"resume.signal",
       "The signal of a resume is acted on after a signal-delivery-stop, sent after a "
       "syscall-stop, and lost after any other",
       "A tracee that is not killed leaves its trap by a resume", "ptrace_stop, 6.12; R93 to R95",
       anywhere, anywhere},
      [](const StepView &s, int t) {
        Expr any = truth(false);
        for (Action a : {Action::cont, Action::syscall, Action::singlestep, Action::sysemu,
                         Action::sysemu_singlestep, Action::detach})
          any = any || truth(s.succeeds(a, t));
        return any && !s.before.killed(t);
      },
      [](const StepView &s, int t) {
        const ThreadFields &f = s.after.t(t);
        const Expr asked = eq(s.after.get(f.sig), static_cast<Value>(s.step.label.arg));
        const Expr kept = s.same(f.info) && s.same(f.shared);
        const Expr suppressed = truth(s.step.label.arg == NONE);
        const Expr by_tracer =
            eq(s.after.get(f.info), static_cast<Value>(Info::tracer)) && s.same(f.shared);
        const Expr same_signal = eq(s.before.get(f.sig), static_cast<Value>(s.step.label.arg));
        const Expr from = s.before.at(t, {Loc::sig_trap});
        return ite(
            from,
            s.after.at(t, {Loc::sig_woken}) && asked &&
                implies(eq(s.before.get(f.forged), 0) && !suppressed,
                        ite(same_signal, kept, by_tracer)),
            ite(s.before.at(t, {Loc::entry_trap}), s.after.at(t, {Loc::entry_woken}) && asked,
                ite(s.before.at(t, {Loc::exit_trap}), s.after.at(t, {Loc::exit_woken}) && asked,
                    eq(s.after.get(f.sig), NONE) &&
                        !s.after.at(t, {Loc::sig_woken, Loc::entry_woken, Loc::exit_woken}))));
      });

  step_law(
      all,
      {"trap.leaves_nothing",
       "Nothing of a stop is left when it is over: no report, no forged siginfo, no LISTENING, no "
       "notice that is owed to the tracer",
       "A thread leaves a trap", "ptrace_stop, 6.12; R93", anywhere, anywhere},
      [](const StepView &s, int t) { return s.before.in_trap(t) && !s.after.in_trap(t); },
      [](const StepView &s, int t) {
        const ThreadFields &f = s.after.t(t);
        Expr none = truth(true);
        for (Field left : {f.report, f.forged, f.listening, f.good, f.owes_tracer})
          none = none && eq(s.after.get(left), 0);
        return none;
      });

  step_law(
      all,
      {"syscall_stop.sends",
       "The signal of a resumed syscall-stop is pending for the thread, or has killed its group",
       "A syscall-stop is resumed with a signal", "ptrace_report_syscall, send_sig, 6.12; R94",
       anywhere, where({syscall, inject_any})},
      [](const StepView &s, int t) {
        return s.before.at(t, {Loc::entry_woken, Loc::exit_woken}) &&
               ne(s.before.get(s.before.t(t).sig), NONE) &&
               truth(s.step.thread == t && s.is("syscall.resumed", t)) &&
               !s.before.get(s.before.p->group_exit);
      },
      [](const StepView &s, int t) {
        const Sig sig = signal_of(s.step);
        const View &v = s.before;
        const Expr how = v.get(v.p->disposition[sig]);
        const Expr ignored =
            (eq(how, 1) ||
             (eq(how, 0) && truth(s.m.schema.shape.action(sig) == Default::ignore))) &&
            !v.blocked(t, sig) && !v.traced(t) && truth(sig != STOP);
        return eq(v.get(v.t(t).sig), sig) &&
               (s.after.get(v.t(t).pend[sig]) || s.after.get(v.p->group_exit) || ignored);
      });

  step_law(
      all,
      {"mask.set", "SETSIGMASK sets the mask, and only that", "SETSIGMASK succeeds",
       "ptrace_request, 6.12; R33", where({forges, signal_mask}), anywhere},
      [](const StepView &s, int t) { return truth(s.succeeds(Action::setsigmask, t)); },
      [](const StepView &s, int t) {
        const ThreadFields &f = s.after.t(t);
        Expr set = truth(true);
        std::vector<Field> masks;
        for (Sig sig : s.m.signals()) {
          if (sig == KILL || sig == STOP) continue;
          const bool on =
              s.m.schema.shape.masks[static_cast<std::size_t>(s.step.label.arg)] >> sig & 1;
          set = set && eq(s.after.get(f.mask[sig]), truth(on));
          masks.push_back(f.mask[sig]);
        }
        return set && s.same_all(masks);
      });

  step_law(
      all,
      {"siginfo.set", "SETSIGINFO replaces the stop's siginfo, and only that",
       "SETSIGINFO succeeds", "ptrace_setsiginfo, 6.12; semantics 2.4", where({forges}), anywhere},
      [](const StepView &s, int t) { return truth(s.succeeds(Action::setsiginfo, t)); },
      [](const StepView &s, int t) {
        const Field f = s.after.t(t).forged;
        return eq(s.after.get(f), static_cast<Value>(1 + s.step.label.arg)) && s.same_all({f});
      });

  step_law(
      all,
      {"inspect.leaves", "A request that only reads changes nothing", "The tracer reads",
       "ptrace_request, 6.12; R30 to R34", where({inspect}), anywhere},
      [](const StepView &s, int t) {
        Expr any = truth(false);
        for (Action a : {Action::getsiginfo, Action::geteventmsg, Action::syscall_info,
                         Action::sigmask, Action::peeksiginfo})
          any = any || truth(s.succeeds(a, t));
        return any;
      },
      [](const StepView &s, int) { return s.same_all(); });

  step_law(
      all,
      {"options.set", "SETOPTIONS replaces the options, and changes nothing else",
       "SETOPTIONS succeeds", "ptrace_setoptions, 6.12; R16", where({setoptions}), anywhere},
      [](const StepView &s, int t) { return truth(s.succeeds(Action::setoptions, t)); },
      [](const StepView &s, int t) {
        const ThreadFields &f = s.after.t(t);
        const int arg = s.step.label.arg;
        Expr set = truth(true);
        for (int o = 0; o < OPTION_COUNT; ++o) {
          const Expr now = s.after.get(f.option[o]), was = s.before.get(f.option[o]);
          if (arg >= kFlip)
            set = set && eq(now, o == arg - kFlip ? !was : was);
          else if (arg < 0)
            set = set && eq(now, s.m.on(option_feature(static_cast<Option>(o))));
          else
            set = set && eq(now, truth((arg >> o & 1) != 0));
        }
        return set && s.same_all({f.option.begin(), f.option.end()});
      });

  step_law(
      all,
      {"tracer_death.frees",
       "The death of a tracer leaves its tracee without one, on its own way; it dies of EXITKILL "
       "only, and its single step stays",
       "A tracee loses its tracer by death", "exit_ptrace, __ptrace_detach, 6.12; R19, R20, R117",
       where({tracer_dies}), anywhere},
      [](const StepView &s, int t) { return truth(s.is("tracer.exit.unlink", t)); },
      [](const StepView &s, int t) {
        const View &v = s.before;
        const ThreadFields &f = v.t(t);
        const Expr lives = v.exists(t) && !v.exits(t);
        const Expr killed = v.killed(t) || v.get(v.p->group_exit);
        const Expr right = ite(v.get(f.option[EXITKILL]),
                               s.after.killed(t) || s.after.exits(t) || v.get(v.p->group_exit),
                               s.same(f.pend[KILL]) && s.same(v.p->group_exit));
        // The code of a stop that nobody has waited for stays.
        const Expr code =
            implies(v.at(t, {Loc::sig_trap}) && !killed && !s.after.killed(t),
                    eq(s.after.get(f.sig), ite(v.get(f.report), v.get(f.sig), constant(NONE))));
        const Expr ends =
            implies(!s.same(v.p->group_exit), eq(s.after.get(v.p->death), killed_by(KILL)));
        return ends && !s.after.traced(t) && !s.after.get(f.systrace) && !s.after.get(f.emulate) &&
               implies(lives, right && s.same(f.step) && code) &&
               eq(v.tracer_of(t, &TracerFields::dead), truth(true));
      });

  step_law(
      all,
      {"attach.returns", "The attacher goes on when its tracee is trapped, or cannot trap any more",
       "An attacher goes on", "ptrace_attach, task_clear_jobctl_trapping, 6.12; R11", anywhere,
       anywhere},
      [](const StepView &s, int t) { return truth(s.is("attach.wakes", t)); },
      [](const StepView &s, int t) {
        const Field f = s.m.schema.tracers[static_cast<std::size_t>(s.step.label.tracer)].attaching;
        return eq(s.before.get(f), static_cast<Value>(1 + t)) && eq(s.after.get(f), 0) &&
               !s.before.get(s.before.t(t).trapping) && s.same_all({f});
      });
}

void system_calls(Laws &all) {
  step_law(
      all,
      {"call.seen",
       "Under SYSCALL, SYSEMU or a single step a thread in user mode makes no system call that "
       "its tracer does not see, and runs no further",
       "A thread in user mode runs on", "syscall_trace_enter, exc_debug, 6.12; R100, R105",
       anywhere, anywhere},
      [](const StepView &s, int t) {
        const Action a = s.step.label.action;
        const bool own = a == Action::sigprocmask || a == Action::sigaction ||
                         a == Action::traceme || a == Action::sigreturn || a == Action::user;
        return truth(own && s.step.thread == t && s.step.rule->actor == Actor::tracee) &&
               s.before.at(t, {Loc::user});
      },
      [](const StepView &s, int t) {
        const ThreadFields &f = s.before.t(t);
        const bool runs = s.step.label.action == Action::user;
        return eq(s.before.get(f.call), 0) && !s.before.get(f.step) &&
               (truth(runs) || (!s.before.get(f.systrace) && !s.before.get(f.emulate)));
      });

  step_law(
      all,
      {"sigprocmask.sets",
       "A thread that blocks or unblocks a signal changes no other; it looks for what is left to "
       "it, and another thread for what it now blocks",
       "A thread sets its mask", "set_current_blocked, __set_task_blocked, 6.12; semantics 4",
       where({masks}), [](const Config &c) { return c[masks] && can_signal(c); }},
      [](const StepView &s, int t) {
        return truth(s.step.label.action == Action::sigprocmask && s.step.thread == t);
      },
      [](const StepView &s, int t) {
        const ThreadFields &f = s.after.t(t);
        const auto sig = static_cast<Sig>(s.step.label.arg >> 1);
        const bool block = s.step.label.arg & 1;
        std::vector<Field> changed{f.mask[sig], f.sigpending};
        for (int u : s.after.group())
          if (u != t) changed.push_back(s.after.t(u).sigpending);
        return eq(s.after.get(f.mask[sig]), truth(block)) &&
               eq(s.after.get(f.sigpending), has_work(s.after, t)) && s.same_all(changed) &&
               (block ? looked_for(s, t, sig) : truth(true));
      });

  step_law(
      all,
      {"sigreturn.unblocks",
       "Who returns from a handler was in it, and no longer has its signal blocked",
       "A thread returns from a handler", "rt_sigreturn, 6.12; R74", anywhere, where({sig_USR1})},
      [](const StepView &s, int t) {
        return truth(s.step.label.action == Action::sigreturn && s.step.thread == t);
      },
      [](const StepView &s, int t) {
        const auto back = static_cast<Sig>(s.step.label.arg);
        const ThreadFields &f = s.before.t(t);
        Expr right = s.before.get(f.handling[back]) && !s.after.get(f.handling[back]);
        for (Sig sig : s.m.signals())
          right = right && s.same(f.mask[sig]) && (truth(sig == back) || s.same(f.handling[sig]));
        return right && (s.before.at(t, {Loc::user}) || calls(s.before, t, {SysCall::sigreturn}));
      });

  step_law(
      all,
      {"syscall.enters",
       "Who makes a system call makes what was asked for, and under SYSCALL or SYSEMU stops at its "
       "entry, unless it is killed; SYSEMU lets none happen",
       "A thread makes a system call", "syscall_trace_enter, 6.12; R100", anywhere, can_call},
      [](const StepView &s, int t) {
        return truth((s.is("syscall.enter", t) || s.is("syscall.restart", t)));
      },
      [](const StepView &s, int t) {
        const View &v = s.before;
        const ThreadFields &f = v.t(t);
        const bool again = s.is("syscall.restart", t);
        const auto call = static_cast<Value>(s.step.label.arg & 0xff);
        const auto code = static_cast<Value>(s.step.label.arg >> 8);
        const bool exits = call == static_cast<Value>(SysCall::exit) ||
                           call == static_cast<Value>(SysCall::exit_group);
        const bool filter = call == static_cast<Value>(SysCall::filtered);
        Expr handles = truth(false);
        for (Sig sig : s.m.signals()) handles = handles || v.get(f.handling[sig]);
        const bool returns = !again && call == static_cast<Value>(SysCall::sigreturn);
        const Expr asked = again ? v.get(f.call) : constant(call);
        const Expr stops =
            (v.get(f.systrace) || v.get(f.emulate)) && !(v.killed(t) && s.m.on(killed_never_stops));
        const Expr made = ite(v.get(f.emulate), calls(s.after, t, {SysCall::plain}),
                              eq(s.after.get(f.call), asked));
        const Expr first = truth(filter) && !s.m.on(seccomp_after_entry);
        const Expr status =
            again || !exits
                ? truth(true)
                : eq(s.after.get(f.status), ite(v.get(f.emulate), constant(0), constant(code)));
        const Expr made_it = exits ? s.after.exits(t) && eq(s.after.get(f.call), 0)
                                   : eq(s.after.get(f.call), asked) &&
                                         s.after.at(t, {filter ? Loc::seccomp : Loc::body});
        const Expr on =
            ite(v.get(f.emulate), calls(s.after, t, {SysCall::plain}) && s.after.at(t, {Loc::body}),
                made_it);
        return (truth(!returns) || handles) &&
               (again ? makes_child(v, t) || calls(v, t, {SysCall::pause, SysCall::sleep})
                      : eq(v.get(f.call), 0)) &&
               v.at(t, {Loc::user}) &&
               (first || ite(stops,
                             s.after.at(t, {Loc::entry_trap}) && made && status &&
                                 eq(s.after.get(f.good), s.before.get(f.option[SYSGOOD])),
                             on && (v.get(f.emulate) || status)));
      });

  step_law(
      all,
      {"syscall.returns",
       "A system call ends when it is over: execve by its own rules, one that sleeps or makes a "
       "child early only for a signal; under SYSCALL it stops at its exit, under a single step it "
       "leaves SIGTRAP",
       "A system call ends", "syscall_exit_work, 6.12; R102 to R105", anywhere, can_return},
      [](const StepView &s, int t) { return truth(s.is("syscall.exit", t)); },
      [](const StepView &s, int t) {
        const View &v = s.before;
        const ThreadFields &f = v.t(t);
        const bool returns = s.step.label.action == Action::sigreturn;
        const bool came = s.step.parameters.ends_with("has come");
        const Expr sleeps = calls(v, t, {SysCall::pause, SysCall::sleep});
        const Expr over =
            !calls(v, t, {SysCall::exec}) &&
            eq(calls(v, t, {SysCall::sigreturn}), truth(returns)) &&
            implies(makes_child(v, t), has_work(v, t)) &&
            (came ? calls(v, t, {SysCall::sleep}) : implies(sleeps, v.get(f.sigpending)));
        const Expr steps = v.get(f.step) && !v.get(f.emulate);
        const Expr stops =
            v.get(f.systrace) && !steps && !(v.killed(t) && s.m.on(killed_never_stops));
        const Expr again = (makes_child(v, t) || sleeps) && truth(!came);
        const Expr traps = s.after.get(f.pend[TRAP]) || v.get(v.p->group_exit);
        return over && v.at(t, {Loc::body}) &&
               ite(again, s.same(f.call), eq(s.after.get(f.call), 0)) &&
               ite(stops,
                   s.after.at(t, {Loc::exit_trap}) &&
                       eq(s.after.get(f.good), v.get(f.option[SYSGOOD])),
                   s.after.at(t, {Loc::user, Loc::relock}) &&
                       implies(steps, traps && s.after.at(t, {Loc::relock})) &&
                       implies(!steps, s.same(f.pend[TRAP])));
      });

  step_law(
      all,
      {"syscall.goes_on",
       "After an event inside a system call, or what needs none, the call is over but for its exit",
       "A system call goes on after its event", "ptrace_event, end of fork, execve, seccomp, 6.12",
       [](const Config &c) { return c[forks] || c[clones] || c[execs] || c[filters]; }, anywhere},
      [](const StepView &s, int t) {
        return s.before.at(t, {Loc::forked, Loc::forking, Loc::vfork_wait, Loc::seccomp,
                               Loc::execed, Loc::ptrace_event_trap}) &&
               s.enters(t, {Loc::body});
      },
      [](const StepView &s, int t) {
        const ThreadFields &f = s.after.t(t);
        const Expr old = s.before.at(t, {Loc::ptrace_event_trap}) && !s.m.on(seccomp_after_entry) &&
                         calls(s.after, t, {SysCall::filtered});
        return (calls(s.after, t, {SysCall::plain}) || old) && eq(s.after.get(f.event), 0) &&
               eq(s.after.get(f.message), 0) &&
               implies(has_work(s.after, t), s.after.get(f.sigpending));
      });

  step_law(
      all,
      {"course.moves",
       "A thread that takes a step inside the kernel, other than of a core dump, is elsewhere "
       "after it",
       "A thread takes a step inside the kernel", "get_signal, do_exit, kernel_clone, 6.12",
       anywhere, anywhere},
      [](const StepView &s, int t) {
        const std::string &id = s.step.rule->id;
        const bool own = s.step.thread == t && s.step.rule->actor == Actor::kernel &&
                         !id.starts_with("notify.") && !id.starts_with("core.") &&
                         id != "loop.notify" && id != "attach.wakes" &&
                         id != "tracer.exit.unlink" && id != "child.sigchld" && id != "init.reap";
        return truth(own) &&
               s.before.at(
                   t, {Loc::entry_woken, Loc::exit_woken, Loc::sig_woken, Loc::tty_window,
                       Loc::seccomp, Loc::forking, Loc::forked, Loc::vfork_wait, Loc::exec_wait,
                       Loc::execed, Loc::group_exit, Loc::exiting, Loc::exit_event,
                       Loc::exit_signals, Loc::exit_notify, Loc::unreleased});
      },
      [](const StepView &s, int t) { return !s.same(s.before.t(t).loc); });

  step_law(
      all,
      {"step.heard", "The SIGTRAP of a single step is neither blocked nor ignored", "A single step",
       "force_sig_info_to_task, 6.12; R52", where({steps}), where({steps})},
      [](const StepView &s, int t) { return truth(s.is("step", t)); },
      [](const StepView &s, int t) {
        const View &v = s.after;
        const ThreadFields &f = v.t(t);
        Expr rest = truth(true);
        for (Sig sig : s.m.signals())
          if (sig != TRAP) rest = rest && s.same(f.mask[sig]) && s.same(f.handling[sig]);
        return rest && !v.blocked(t, TRAP) && ne(v.get(v.p->disposition[TRAP]), 1) &&
               s.before.get(f.step) && !s.before.get(f.sigpending);
      });

  step_law(
      all,
      {"exec.fails",
       "An execve fails when its group is in exit or another thread execs, and else does not",
       "An execve fails", "de_thread, 6.12; R111", where({execs}), where({execs})},
      [](const StepView &s, int t) {
        return truth(s.is("exec.fails", t) || s.is("exec.begin", t));
      },
      [](const StepView &s, int t) {
        const View &v = s.before;
        const Expr ends = v.get(v.p->group_exit) || ne(v.get(v.p->exec_task), 0);
        const bool fails = s.is("exec.fails", t);
        return v.at(t, {Loc::body}) && calls(v, t, {SysCall::exec}) && eq(ends, truth(fails)) &&
               (fails ? calls(s.after, t, {SysCall::plain}) : s.after.at(t, {Loc::exec_wait}));
      });

  step_law(
      all,
      {"fork.child",
       "A new child has no signal pending but the SIGSTOP of an automatic attach, no stop asked "
       "for by a resume, and its parent's mask and, as a process, dispositions; vfork's shares "
       "memory",
       "A child is made", "copy_process, 6.12; R107",
       [](const Config &c) { return c[forks] || c[clones]; },
       [](const Config &c) { return c[forks] || c[clones]; }},
      [](const StepView &s, int t) {
        return truth(s.step.label.action == Action::fork && s.step.label.arg == t);
      },
      [](const StepView &s, int t) {
        const int parent = s.step.thread;
        if (parent < 0 || s.step.label.arg != t) return truth(true);
        const View &v = s.after;
        const ThreadFields &f = v.t(t);
        const bool process = s.m.schema.process_of(parent) != s.m.schema.process_of(t);
        const ProcessFields &parents =
            s.m.schema.process[static_cast<std::size_t>(s.m.schema.process_of(parent))];
        Expr right = s.after.at(parent, {Loc::forked}) && v.at(t, {Loc::relock}) &&
                     !v.get(f.step) && !v.get(f.systrace) && !v.get(f.emulate) &&
                     eq(v.get(v.t(parent).message), static_cast<Value>(1 + t));
        for (Sig sig : s.m.signals()) {
          if (sig != STOP) right = right && !v.get(f.pend[sig]);
          if (process) right = right && !v.get(v.p->pend[sig]);
          if (sig == KILL || sig == STOP) continue;
          right = right && eq(v.blocked(t, sig), s.before.blocked(parent, sig));
          if (process)
            right = right &&
                    eq(v.get(v.p->disposition[sig]), s.before.get(parents.disposition[sig])) &&
                    eq(v.get(f.handling[sig]), s.before.get(s.before.t(parent).handling[sig]));
          else
            right = right && !v.get(f.handling[sig]);
        }
        right = right && eq(v.get(f.pend[STOP]), v.traced(t) && !v.get(f.trap_stop));
        right = right && eq(v.get(f.vforked), calls(s.before, parent, {SysCall::vfork}));
        if (process)
          right = right && eq(v.get(v.p->clone_child), calls(s.before, parent, {SysCall::spawn})) &&
                  !v.get(v.p->group_exit) && eq(v.get(v.p->jobs), 0) &&
                  eq(v.get(v.p->stop_count), 0) && eq(v.get(v.p->stop_code), 0) &&
                  eq(v.get(v.p->exec_task), 0);
        return right && !s.before.exists(t) && s.before.at(parent, {Loc::forking}) &&
               !s.before.killed(parent);
      });

  step_law(
      all,
      {"fork.begins", "A system call makes a child when no signal is to be looked at first",
       "A child is about to be made", "copy_process, 6.12; R108",
       [](const Config &c) { return c[forks] || c[clones]; },
       [](const Config &c) { return c[forks] || c[clones]; }},
      [](const StepView &s, int t) { return truth(s.is("fork.begin", t)); },
      [](const StepView &s, int t) {
        return makes_child(s.before, t) && !has_work(s.before, t) && s.after.at(t, {Loc::forking});
      });

  step_law(
      all,
      {"fork.killed_makes_none", "A thread that is killed while it makes a child makes none",
       "A thread is killed before its child is there", "copy_process, 6.12; R108",
       [](const Config &c) { return (c[forks] || c[clones]) && c[sig_KILL]; },
       [](const Config &c) { return (c[forks] || c[clones]) && c[sig_KILL]; }},
      [](const StepView &s, int t) { return truth(s.is("fork.killed", t)); },
      [](const StepView &s, int t) {
        return s.before.killed(t) && s.before.at(t, {Loc::forking}) && s.after.at(t, {Loc::body});
      });

  step_law(
      all,
      {"sigaction.sets",
       "A disposition that is set is the only one to change; a signal that it ignores leaves every "
       "queue, and no other does",
       "A disposition is set", "do_sigaction, flush_sigqueue_mask, 6.12; R46",
       where({dispositions}), anywhere},
      [](const StepView &s, int t) {
        return truth(s.step.label.action == Action::sigaction && s.step.thread == t);
      },
      [](const StepView &s, int) {
        const auto sig = static_cast<Sig>(s.step.label.arg >> 2);
        const Value how = s.step.label.arg & 3;
        Expr right = eq(s.after.get(s.after.p->disposition[sig]), how);
        const bool ignored =
            how == 1 || (how == 0 && s.m.schema.shape.action(sig) == Default::ignore);
        std::vector<Field> changed{s.after.p->disposition[sig], s.after.p->pend[sig]};
        right =
            right && (ignored ? !s.after.get(s.after.p->pend[sig]) : s.same(s.after.p->pend[sig]));
        for (int u : s.after.group()) {
          changed.push_back(s.after.t(u).pend[sig]);
          changed.push_back(s.after.t(u).kinfo[sig]);
          right = right &&
                  (ignored ? !s.after.get(s.after.t(u).pend[sig]) : s.same(s.after.t(u).pend[sig]));
        }
        return right && s.same_all(changed);
      });

  step_law(
      all,
      {"traceme.result",
       "TRACEME makes a thread that has no tracer its real parent's tracee, without options, if "
       "that lives; fails with EPERM for a tracee; and changes nothing else",
       "TRACEME is called", "ptrace_traceme, 6.12; R1 to R3", where({traceme}), anywhere},
      [](const StepView &s, int t) {
        return truth(s.step.label.action == Action::traceme && s.step.thread == t);
      },
      [](const StepView &s, int t) {
        const ThreadFields &f = s.after.t(t);
        if (s.step.label.err != Err::ok) return s.before.traced(t) && s.same_all();
        const Expr dies =
            ite(s.m.on(parent_is_tracer), s.before.get(s.m.schema.tracer.dead),
                ne(s.before.get(s.m.schema.parent.state), static_cast<Value>(Parent::lives)));
        return !s.before.traced(t) &&
               ite(dies, s.same_all(),
                   s.after.tracing_is(t, Traced::attached) && eq(s.after.get(f.by), 0) &&
                       s.same_all({f.tracing, f.by}));
      });
}

void deaths(Laws &all) {
  step_law(
      all,
      {"group_exit.found",
       "A thread that finds its group in exit, or another's execve, is on its way out, without "
       "SIGKILL in its queue, with the group's status or 0",
       "A thread finds its group in exit", "get_signal, 6.12; R61", where({loop_sees_group_exit}),
       [](const Config &c) { return can_send_sigkill(c) || c[sig_TERM] || c[execs]; }},
      [](const StepView &s, int t) { return truth(s.is("loop.group_exit", t)); },
      [](const StepView &s, int t) {
        const View &v = s.before;
        const ThreadFields &f = v.t(t);
        Expr rest = truth(true);
        for (Sig sig : s.m.signals())
          if (sig != KILL) rest = rest && s.same(f.pend[sig]);
        return rest && (v.get(v.p->group_exit) || ne(v.get(v.p->exec_task), 0)) &&
               s.after.at(t, {Loc::group_exit}) && !s.after.killed(t) &&
               eq(s.after.get(f.call), 0) &&
               eq(s.after.get(f.status),
                  ite(v.get(v.p->group_exit), v.get(v.p->death), constant(0)));
      });

  step_law(
      all,
      {"group_exit.status",
       "A thread that ends its group gives it its status, unless the group ends already: then it "
       "takes that",
       "A thread ends its group", "do_group_exit, 6.12; R120", anywhere, can_die},
      [](const StepView &s, int t) { return truth(s.is("exit.group", t)); },
      [](const StepView &s, int t) {
        const View &v = s.before;
        const Field status = v.t(t).status, death = v.p->death;
        const Expr exec = ne(v.get(v.p->exec_task), 0);
        return ite(v.get(v.p->group_exit), eq(s.after.get(status), v.get(death)),
                   ite(exec, eq(s.after.get(status), 0) && !s.after.get(v.p->group_exit),
                       s.same(status) && s.after.get(v.p->group_exit) &&
                           eq(s.after.get(death), v.get(status))));
      });

  step_law(
      all,
      {"last_exit.status",
       "The last thread to enter do_exit ends its group with its status (6.1); another does not",
       "A thread enters do_exit", "synchronize_group_exit, 6.1; R115", anywhere, can_die},
      [](const StepView &s, int t) { return truth(s.is("exit.sync", t)); },
      [](const StepView &s, int t) {
        const View &v = s.before;
        Expr last = s.m.on(last_exit_is_group_exit) && !v.get(v.p->group_exit);
        for (int u : v.group())
          if (u != t)
            last = last && (!v.exists(u) ||
                            v.at(u, {Loc::exit_event, Loc::exit_event_trap, Loc::exit_signals}) ||
                            v.exiting(u));
        return ite(last,
                   s.after.get(v.p->group_exit) &&
                       eq(s.after.get(v.p->death), v.get(v.t(t).status)),
                   s.same(v.p->group_exit) && s.same(v.p->death)) &&
               s.same(v.t(t).status);
      });

  step_law(
      all,
      {"exit_event.asked_for",
       "A tracee that asked for it, and is not killed, stops in PTRACE_EVENT_EXIT; nobody else "
       "does",
       "A thread passes PTRACE_EVENT_EXIT", "ptrace_event, do_exit, 6.12; R115", anywhere, can_die},
      [](const StepView &s, int t) {
        return s.before.at(t, {Loc::exit_event}) && !s.same(s.before.t(t).loc);
      },
      [](const StepView &s, int t) {
        const Expr asked = s.before.traced(t) && s.before.get(s.before.t(t).option[TRACEEXIT]) &&
                           !(s.before.killed(t) && s.m.on(killed_never_stops));
        return ite(asked, s.after.at(t, {Loc::exit_event_trap}),
                   s.after.at(t, {Loc::exit_signals}));
      });

  step_law(
      all,
      {"exit.leaves_stop",
       "A thread that becomes PF_EXITING leaves a group-stop that was to include it, and what it "
       "would have taken from the process's queue another looks for; vfork's parent goes on",
       "A thread becomes PF_EXITING", "exit_signals, retarget_shared_pending, 6.12; R83", anywhere,
       can_die},
      [](const StepView &s, int t) { return s.enters(t, {Loc::exit_notify}); },
      [](const StepView &s, int t) {
        Expr right = !s.after.get(s.after.t(t).vforked);
        for (Sig sig : s.m.signals()) right = right && looked_for(s, t, sig);
        return right;
      });

  step_law(
      all,
      {"exit.becomes",
       "A thread that has exited is a zombie for its tracer; without one a leader is a zombie, and "
       "another thread, or a leader whose real parent ignores it, is not",
       "A thread exits", "exit_notify, 6.12; R116", anywhere, can_die},
      [](const StepView &s, int t) { return truth(s.is("exit.notify", t)); },
      [](const StepView &s, int t) {
        const bool first = s.m.schema.process_of(t) == 0;
        const Expr zombie = s.after.at(t, {Loc::zombie}), gone = s.after.at(t, {Loc::unreleased});
        const Expr ignored = first ? s.before.get(s.m.schema.parent.ignores)
                                   : eq(s.before.get(s.m.schema.process[0].disposition[CHLD]), 1);
        if (!s.m.schema.is_leader(t)) return ite(s.before.traced(t), zombie, gone);
        return ite(s.before.traced(t) || !s.before.alone(t) || !ignored, zombie, zombie || gone);
      });
}

}  // namespace

void course_laws(Laws &all) {
  delivery(all);
  sending(all);
  siginfos(all);
  take_over(all);
  resumption(all);
  system_calls(all);
  deaths(all);
}

}  // namespace ptmc::model
