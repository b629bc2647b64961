// System calls and their stops (include/linux/entry-common.h, ptrace_report_syscall, 6.12). The
// flags of PTRACE_SYSCALL and SYSEMU are sampled at entry and again at exit. What fork and execve
// do inside is in rules_fork.cpp and rules_exec.cpp.

#include "model/requests.hpp"

namespace ptmc::model {
namespace {

// What follows the entry: the body, or the way out of the process.
void enter_body(Step &s, int t) {
  const ThreadFields &f = s.t(t);
  const Expr call = s.get(f.call);
  auto is = [&](SysCall c) { return eq(call, static_cast<Value>(c)); };
  go(s, t, Loc::body);
  s.when(is(SysCall::filtered), [&] { go(s, t, Loc::seccomp); });
  s.when(is(SysCall::exit) || is(SysCall::exit_group), [&] {
    s.set(f.call, 0);
    s.clear(f.sigpending);
    go(s, t, Loc::exiting);
    s.when(is(SysCall::exit_group), [&] { go(s, t, Loc::group_exit); });
  });
}

// A stop at entry or exit if the tracer wants one; a killed thread does not stop since 5.19. A step
// over the system call reports at its exit, as a signal (report_single_step, R105).
void enter(Step &s, int t, Loc trap) {
  const ThreadFields &f = s.t(t);
  const bool at_exit = trap == Loc::exit_trap;
  // SYSEMU: the system call does not happen, whatever the stop is left with.
  s.when(truth(!at_exit) && s.get(f.emulate), [&] {
    s.set(f.status, 0);
    s.set(f.flags, 0);
    s.set(f.call, static_cast<Value>(SysCall::plain));
  });
  const Expr wanted = s.get(f.systrace) || (truth(!at_exit) && s.get(f.emulate));
  const Expr steps = truth(at_exit) && s.get(f.step) && !s.get(f.emulate);
  const Expr stops = wanted && !steps && !(s.on(Feature::killed_never_stops) && killed(s, t));
  s.when(!stops, [&] {
    if (at_exit) {
      // Without TIF_SIGPENDING nobody looks for signals, also if a shared one is pending.
      const Expr looks = s.get(f.sigpending) || steps;
      s.clear(f.sigpending);
      s.when(looks, [&] { go(s, t, Loc::relock); });
      s.when(!looks, [&] { go(s, t, Loc::user); });
      s.when(steps, [&] { force_trap(s, t); });
    } else {
      enter_body(s, t);
    }
  });
  s.when(stops, [&] {
    s.set(f.good, s.get(f.option[SYSGOOD]));
    enter_trap(s, t, trap, constant(TRAP), false);
  });
}

std::string flags_text(Value flags) {
  return std::string(flags & kCloneUntraced ? ", CLONE_UNTRACED" : "") +
         (flags & kClonePtrace ? ", CLONE_PTRACE" : "") +
         (flags & kOtherSignal ? ", not SIGCHLD" : "") +
         (flags & kCloneParent ? ", CLONE_PARENT" : "");
}

Expr needed(const Model &m, SysCall call) {
  switch (call) {
    case SysCall::filtered:
      return m.on(Feature::filters);
    case SysCall::exec:
      return m.on(Feature::execs);
    case SysCall::clone:
      return m.on(Feature::clones);
    case SysCall::spawn:
      return m.on(Feature::forks) && m.on(Feature::clone_flags);
    default:
      return m.on(Feature::forks);
  }
}

void entry(Model &m) {
  const Rule *call = m.family({"syscall.enter",
                               Actor::tracee,
                               "makes a system call; stops at its entry under SYSCALL",
                               {"syscall_trace_enter", "ptrace_report_syscall_entry"},
                               {"R100", "R140"},
                               "",
                               ""});
  const Rule *again = m.family({"syscall.restart",
                                Actor::kernel,
                                "a system call that a signal interrupted starts again",
                                {"arch_do_signal_or_restart", "syscall_trace_enter"},
                                {"R67", "R100", "R108"},
                                "",
                                ""});
  for (int t = 0; t < m.threads(); ++t) {
    auto make = [&](SysCall c, const char *name, Value code) {
      const bool exits = c == SysCall::exit || c == SysCall::exit_group;
      Step s(m, call, t,
             tname(t) + ", " + name + (exits ? "(" + std::to_string(code) + ")" : flags_text(code)),
             {Action::enter_syscall, t, static_cast<int>(c) | static_cast<int>(code) << 8, Err::ok,
              0});
      s.at("it is in user mode", s.t(t).loc, static_cast<Value>(Loc::user));
      s.at("it restarts no system call", s.t(t).call, 0);
      if (exits) {
        s.needs(Feature::exits);
        s.set(s.t(t).status, code);
      } else if (c > SysCall::sigreturn) {
        s.needs(needed(m, c));
        if (code) s.needs(Feature::clone_flags);
        if (c >= SysCall::fork) s.at("no fork waits for a handler's end", s.t(t).again, 0);
        s.set(s.t(t).flags, code);
      } else {
        s.needs(s.on(Feature::plain_syscalls) ||
                (s.on(Feature::syscall) && truth(c != SysCall::pause && c != SysCall::sleep)));
        // A call that is not traced shows nothing, unless it sleeps or ends the thread.
        s.guard("the tracer sees it",
                (s.on(Feature::plain_syscalls) && truth(c != SysCall::sigreturn)) ||
                    s.get(s.t(t).systrace) || s.get(s.t(t).emulate) || s.get(s.t(t).step));
      }
      if (c == SysCall::sigreturn) {
        Expr handling = truth(false);
        for (Sig sig : m.signals()) handling = handling || s.get(s.t(t).handling[sig]);
        s.guard("a handler runs", handling);
      }
      s.set(s.t(t).call, static_cast<Value>(c));
      const Expr filter_first =
          truth(c == SysCall::filtered) && !s.on(Feature::seccomp_after_entry);
      s.when(filter_first, [&] { go(s, t, Loc::seccomp); });
      s.when(!filter_first, [&] { enter(s, t, Loc::entry_trap); });
      m.add(std::move(s));
    };
    make(SysCall::plain, "plain", 0);
    make(SysCall::pause, "pause", 0);
    make(SysCall::sleep, "sleeping", 0);
    make(SysCall::sigreturn, "sigreturn", 0);
    make(SysCall::filtered, "filtered", 0);
    make(SysCall::exec, "execve", 0);
    for (Value flags = 0; flags < kCloneFlags; ++flags) {
      const bool outside = flags & (kOtherSignal | kCloneParent);
      if (outside && m.processes() > 1) continue;
      const bool given = flags & kOtherSignal;
      if (!given) make(SysCall::fork, "fork", flags);
      make(SysCall::vfork, "vfork", flags);
      if (!outside) make(SysCall::clone, "clone", flags);
      if (!given) make(SysCall::spawn, "spawn", flags);
    }
    for (Value code : m.schema.shape.exit_codes) {
      make(SysCall::exit, "exit", code);
      make(SysCall::exit_group, "exit_group", code);
    }
    Step s(m, again, t, tname(t));
    s.needs(s.on(Feature::plain_syscalls) || s.on(Feature::forks) || s.on(Feature::clones));
    s.at("it is in user mode", s.t(t).loc, static_cast<Value>(Loc::user));
    s.guard("a system call restarts", restarts(s, t));
    enter(s, t, Loc::entry_trap);
    m.add(std::move(s));
  }
}

void exit(Model &m) {
  const Rule *rule = m.family({"syscall.exit",
                               Actor::tracee,
                               "its system call ends; stops at its exit under SYSCALL",
                               {"syscall_exit_work", "ptrace_report_syscall_exit"},
                               {"R102", "R103", "R104"},
                               "",
                               ""});
  for (int t = 0; t < m.threads(); ++t) {
    std::vector<Sig> returns{NONE};  // NONE: no sigreturn
    for (Sig sig : m.signals())
      if (is_blockable(sig)) returns.push_back(sig);
    for (Sig sig : returns) {
      Step s(m, rule, t, tname(t) + (sig == NONE ? "" : ", sigreturn of " + sname(sig)),
             sig == NONE ? Label{} : Label{Action::sigreturn, t, sig, Err::ok, 0});
      const ThreadFields &f = s.t(t);
      s.at("it is in a system call", f.loc, static_cast<Value>(Loc::body));
      const Expr call = s.get(f.call);
      const Expr returning = eq(call, static_cast<Value>(SysCall::sigreturn));
      const Expr sleeps = eq(call, static_cast<Value>(SysCall::pause)) ||
                          eq(call, static_cast<Value>(SysCall::sleep));
      // fork lets signals go first, and then starts again (copy_process).
      const Expr forks = restarts(s, t) && !sleeps;
      s.guard("its entry is over", s.on(Feature::seccomp_after_entry) ||
                                       !eq(call, static_cast<Value>(SysCall::filtered)));
      s.guard("execve has ended", !eq(call, static_cast<Value>(SysCall::exec)));
      s.guard(sig == NONE ? "it is no sigreturn" : "it is a sigreturn",
              sig == NONE ? !returning : returning);
      if (sig != NONE) {
        s.at("the handler runs", f.handling[sig], 1);
        s.clear(f.handling[sig]);
        s.set(f.sigpending, has_work(s, t));  // the mask has changed
      }
      s.guard("nothing keeps it asleep", !sleeps || s.get(f.sigpending));
      s.guard("it makes no child, or a signal is pending",
              !forks || has_work(s, t) || killed(s, t));
      s.when(forks, [&] { s.set(f.sigpending, has_work(s, t)); });
      s.when(!sleeps && !forks, [&] { s.set(f.call, 0); });
      if (sig != NONE) {
        leave_handler(s, t);
        // It restores the flags of before the step, and under SYSEMU no exit tells of the step.
        s.when(s.get(f.emulate), [&] { s.clear(f.step); });
      }
      enter(s, t, Loc::exit_trap);
      m.add(std::move(s));
    }
    Step s(m, rule, t, tname(t) + ", what it waited for has come");
    s.needs(Feature::plain_syscalls);
    s.at("it is in a system call", s.t(t).loc, static_cast<Value>(Loc::body));
    s.at("it sleeps", s.t(t).call, static_cast<Value>(SysCall::sleep));
    s.set(s.t(t).call, 0);
    enter(s, t, Loc::exit_trap);
    m.add(std::move(s));
  }
}

// The signal that the resume handed over is generated anew, as the kernel's (R94).
void report(Model &m) {
  const Rule *rule = m.family({"syscall.resumed",
                               Actor::kernel,
                               "leaves a syscall-stop; the tracer's signal is sent to the thread",
                               {"ptrace_report_syscall", "send_sig"},
                               {"R94"},
                               "",
                               ""});
  for (int t = 0; t < m.threads(); ++t) {
    for (bool at_entry : {true, false}) {
      for (Sig sig : injectable(m)) {
        for (const Target &to :
             sig == NONE ? std::vector<Target>{{t, false, -1}} : targets(m, t, false)) {
          Step s(m, rule, t,
                 tname(t) + (at_entry ? ", entry" : ", exit") +
                     (sig == NONE ? "" : ", " + sname(sig)));
          const ThreadFields &f = s.t(t);
          s.at("it has left a syscall-stop", f.loc,
               static_cast<Value>(at_entry ? Loc::entry_woken : Loc::exit_woken));
          s.guard("it has made its notifications", may_act(s, t));
          s.at("the signal was handed over", f.sig, sig);
          s.set(f.sig, NONE);
          if (at_entry) {
            if (sig != NONE) send(s, sig, to, Info::kernel, truth(true));
            const Expr skipped = killed(s, t);
            s.when(skipped, [&] {
              no_call(s, t);
              s.set(f.status, 0);
              s.clear(f.sigpending);
              go(s, t, Loc::relock);
            });
            s.when(!skipped, [&] {
              s.set(f.sigpending, s.get(f.sigpending) || has_work(s, t));
              enter_body(s, t);
            });
          } else {
            go(s, t, Loc::relock);
            if (sig != NONE) send(s, sig, to, Info::kernel, truth(true));
          }
          m.add(std::move(s));
        }
      }
    }
  }
}

void seccomp(Model &m) {
  const Rule *event = m.family({"seccomp.event",
                                Actor::kernel,
                                "SECCOMP_RET_TRACE: stops in PTRACE_EVENT_SECCOMP",
                                {"__seccomp_filter", "ptrace_event"},
                                {"R101"},
                                "3.5",
                                ""});
  const Rule *none = m.family({"seccomp.enosys",
                               Actor::kernel,
                               "SECCOMP_RET_TRACE without a tracer that wants it: ENOSYS",
                               {"__seccomp_filter"},
                               {"R101"},
                               "3.5",
                               ""});
  const Rule *after = m.family({"seccomp.entry",
                                Actor::kernel,
                                "its filter has run: the system call's entry-stop, if wanted",
                                {"syscall_trace_enter"},
                                {"R101"},
                                "3.5",
                                "4.7"});
  for (int t = 0; t < m.threads(); ++t) {
    Step a(m, after, t, tname(t));
    a.needs(Feature::filters);
    a.needs(!a.on(Feature::seccomp_after_entry));
    a.at("it is in the system call", a.t(t).loc, static_cast<Value>(Loc::body));
    a.at("its filter has run", a.t(t).call, static_cast<Value>(SysCall::filtered));
    a.set(a.t(t).call, static_cast<Value>(SysCall::plain));
    enter(a, t, Loc::entry_trap);
    m.add(std::move(a));
    for (const Rule *rule : {event, none}) {
      Step s(m, rule, t, tname(t));
      const ThreadFields &f = s.t(t);
      s.needs(Feature::filters);
      s.at("a filter asks for the tracer", f.loc, static_cast<Value>(Loc::seccomp));
      const Expr wanted = traced(s, t) && s.get(f.option[TRACESECCOMP]) &&
                          !(s.on(Feature::killed_never_stops) && killed(s, t));
      s.guard(rule == event ? "TRACESECCOMP asks for a stop" : "nobody wants a stop",
              rule == event ? wanted : !wanted);
      if (rule == event) {
        s.set(f.event, PTRACE_SECCOMP);
        enter_trap(s, t, Loc::ptrace_event_trap, constant(NONE), false);
      } else {
        const Expr looks = s.get(f.sigpending);  // no stop has recomputed it
        end_body(s, t);
        s.set(f.sigpending, looks);
      }
      m.add(std::move(s));
    }
  }
}

// One instruction in user mode under SINGLESTEP (R105).
void step(Model &m) {
  const Rule *rule = m.family({"step",
                               Actor::tracee,
                               "executes one instruction, and takes SIGTRAP for it",
                               {"exc_debug", "force_sig_info_to_task"},
                               {"R52", "R105"},
                               "",
                               ""});
  for (int t = 0; t < m.threads(); ++t) {
    Step s(m, rule, t, tname(t));
    s.needs(Feature::steps);
    s.at("it is in user mode", s.t(t).loc, static_cast<Value>(Loc::user));
    s.at("it steps", s.t(t).step, 1);
    s.at("nothing is to be looked for first", s.t(t).sigpending, 0);
    s.guard("it restarts no system call", !restarts(s, t));
    go(s, t, Loc::relock);
    force_trap(s, t);
    m.add(std::move(s));
  }
}

}  // namespace

void syscall_rules(Model &m) {
  seccomp(m);
  step(m);
  entry(m);
  exit(m);
  report(m);
}

}  // namespace ptmc::model
