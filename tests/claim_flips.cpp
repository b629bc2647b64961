#include "tests/claim_flips.hpp"

#include "tests/mutations.hpp"

namespace ptmc::tests {
namespace {

// The instance never takes its step.
void never(Edit &e) {
  static const std::string kNever = "never";
  e.i.guards.push_back({kNever, constant(0)});
}

bool names(const Edit &e, std::string_view what) {
  return e.i.parameters.find(what) != std::string::npos;
}

// The child that this step of fork makes; -1: it is not in the model.
int child_of(const Edit &e) { return e.i.label.arg; }

void set_options(Edit &e, Value value) {
  for (const Option o : {TRACEEXEC, TRACECLONE, TRACEFORK, TRACEVFORK})
    e.set(e.f().option[o], constant(value));
}

Expr right_for_listen(const Edit &e) {
  const Expr cause = e.old(e.f().cause);
  return (e.at(e.t, Loc::event_trap) || e.at(e.t, Loc::group_trap)) &&
         (eq(cause, static_cast<Value>(Cause::group)) ||
          eq(cause, static_cast<Value>(Cause::attach)));
}

Expr has(const Edit &e, Option option) { return e.old(e.f().option[option]); }
Expr is_seized(const Edit &e) {
  return eq(e.old(e.f().tracing), static_cast<Value>(Traced::seized));
}

// The request fails with EIO there too; not_allowed: the guard of that.
void refuse(Model &m, std::string_view request, std::string_view not_allowed,
            const std::function<Expr(const Edit &)> &where) {
  static const std::string kElsewhere = "it is not refused";
  each(m, {request}, [&](Edit &e) { e.i.guards.push_back({kElsewhere, !where(e)}); });
  each(m, {std::string(request) + ".eio"}, [&](Edit &e) {
    for (Guard &g : e.i.guards)
      if (g.name == not_allowed) g.holds = g.holds || where(e);
  });
}
void refuse_listen(Model &m, const std::function<Expr(const Edit &)> &where) {
  refuse(m, "listen", "LISTEN is not allowed in this stop", where);
}

void no_flip(Model &m) {
  each(m, {"setoptions"}, [](Edit &e) {
    if (e.i.label.arg >= kFlip) never(e);
  });
}

// After ATTACH, and without (3): only where LISTEN is always allowed does it succeed.
void no_other_listen(Model &m) {
  refuse_listen(m, [](const Edit &e) { return !is_seized(e) && !has(e, LISTEN); });
}

}  // namespace

const std::vector<Flip> &flips() {
  static const std::vector<Flip> all{
      {"quirk.attach-sigstop", "ATTACH's SIGSTOP takes the place of one that is pending",
       [](Model &m) {
         each(m, {"attach"}, [](Edit &e) {
           e.set(e.f().kinfo[STOP], constant(static_cast<Value>(Info::kernel)));
         });
       }},
      {"quirk.attach-other-signal", "no signal but SIGSTOP stops a tracee",
       [](Model &m) {
         each(m, {"deliver.trap", "attach"}, [](Edit &e) {
           if (names(e, "SIG") && !names(e, "SIGSTOP")) never(e);
         });
       }},
      {"quirk.exec-sigtrap", "execve sends no SIGTRAP",
       [](Model &m) { each(m, {"exec.sigtrap"}, never); }},
      {"quirk.autoattach-sigstop", "an auto-attached child has no SIGSTOP",
       [](Model &m) {
         each(m, {"fork"}, [](Edit &e) {
           if (child_of(e) >= 0) e.keep(e.f(child_of(e)).pend[STOP]);
         });
       }},
      {"seize.overloaded", "SETOPTIONS clears the hidden bit",
       [](Model &m) {
         each(m, {"setoptions"}, [](Edit &e) {
           e.set(e.f().tracing, constant(static_cast<Value>(Traced::attached)));
         });
       }},
      {"seize.no-options-at-attach", "SEIZE sets options",
       [](Model &m) { each(m, {"seize"}, [](Edit &e) { set_options(e, 1); }); }},
      {"seize.exec-race", "execve sends SIGTRAP to attached tracees only",
       [](Model &m) {
         each(m, {"exec.sigtrap"}, [](Edit &e) {
           e.assume_in_guard("SIGTRAP is sent", e.f().tracing, static_cast<Value>(Traced::no));
         });
       }},
      {"a.options-at-attach", "SEIZE sets no options",
       [](Model &m) {
         each(m, {"seize"}, [](Edit &e) {
           for (const Option o : {TRACEEXEC, TRACECLONE, TRACEFORK, TRACEVFORK})
             e.keep(e.f().option[o]);
         });
       }},
      {"c1.flags-stops", "a stop with PTRACE_EVENT_STOP has no cause",
       [](Model &m) {
         each(m, {"trap.event_stop"}, [](Edit &e) { e.set(e.f().cause, constant(0)); });
       }},
      {"c2.interrupt", "INTERRUPT does not make the tracee look",
       [](Model &m) { each(m, {"interrupt"}, [](Edit &e) { e.keep(e.f().sigpending); }); }},
      {"c2.without-1", "every trap without a siginfo has SIGTRAP",
       [](Model &m) {
         each(m, {"trap.legacy"}, [](Edit &e) { e.set(e.f().sig, constant(TRAP)); });
       }},
      {"c3.listen", "SIGCONT gives no notification",
       [](Model &m) {
         each_send(m, CONT, [](Edit &e) {
           for (int t = 0; t < e.m.threads(); ++t) e.keep(e.f(t).trap_notify);
         });
       }},
      {"c3.alone", "with (3) alone LISTEN never succeeds",
       [](Model &m) {
         refuse_listen(m, [](const Edit &e) {
           return has(e, LISTEN) && !has(e, TRACESTOP) && !has(e, INTERRUPT);
         });
       }},
      {"c4.children", "an auto-attached child does not stop by itself",
       [](Model &m) {
         each(m, {"fork"}, [](Edit &e) {
           if (child_of(e) >= 0) e.keep(e.f(child_of(e)).trap_stop);
         });
       }},
      {"c5.errors", "(5) changes no errno",
       [](Model &m) {
         for (Instance &i : m.instances)
           if (i.label.err == Err::ebusy) i.label.err = Err::esrch;
       }},
      {"d.no-hidden-bit", "in a stop, INTERRUPT looks at the hidden bit alone",
       [](Model &m) {
         refuse(m, "interrupt", "INTERRUPT is not allowed", [](const Edit &e) {
           return e.in_trap(e.t) && !e.old(e.f().listening) && !is_seized(e);
         });
       }},
      {"r.event-stop-asymmetry", "execve is always reported",
       [](Model &m) {
         each(m, {"exec.event"}, [](Edit &e) { e.drop_guard("TRACEEXEC asks for a stop"); });
       }},
      {"r.interrupt-always-allowed", "every trap without a siginfo has SIGTRAP",
       [](Model &m) {
         each(m, {"trap.legacy"}, [](Edit &e) { e.set(e.f().sig, constant(TRAP)); });
       }},
      {"r.listen-always-allowed", "LISTEN succeeds only with (3), or after SEIZE", no_other_listen},
      {"r.getsiginfo-check", "GETSIGINFO succeeds in every stop",
       [](Model &m) {
         each(m, {"getsiginfo"}, [](Edit &e) { e.drop_guard("the stop has a siginfo"); });
       }},
      {"r.saves-one-call", "no stop is flagged",
       [](Model &m) {
         each(m, {"trap.event_stop"},
              [](Edit &e) { e.set(e.f().loc, constant(static_cast<Value>(Loc::group_trap))); });
       }},
      {"r.listen-wrong-stop", "LISTEN's guard is on the cause of the trap",
       [](Model &m) {
         if (!(*m.config)[Feature::causes]) return;  // the model does not have it
         static const std::string kRight = "it is a right stop", kWrong = "it is a wrong stop";
         each(m, {"listen"}, [](Edit &e) {
           e.drop_guard("LISTEN is allowed in this stop");
           e.i.guards.push_back({kRight, right_for_listen(e)});
         });
         each(m, {"listen.eio"}, [](Edit &e) {
           e.drop_guard("LISTEN is not allowed in this stop");
           e.i.guards.push_back({kWrong, !right_for_listen(e)});
         });
       }},
      {"r.new-kernel-flag", "LISTEN succeeds only with (3), or after SEIZE", no_other_listen},
      {"r.setoptions-first-stop", "a child does not inherit its parent's options",
       [](Model &m) {
         each(m, {"fork"}, [](Edit &e) {
           if (child_of(e) < 0) return;
           for (const Field option : e.f(child_of(e)).option) e.keep(option);
         });
       }},
      {"d.bits-1234", "with (4) and without (5) LISTEN never succeeds",
       [](Model &m) {
         refuse_listen(m, [](const Edit &e) { return has(e, CHILDSTOP) && !has(e, SANEERR); });
       }},
      {"e.settable", "SETOPTIONS changes no bit", no_flip},
      {"objection.clearing", "SETOPTIONS changes no bit", no_flip},
      {"loop.strace.legacy",
       "no signal comes before ATTACH's SIGSTOP, SIGCONT leaves it pending, SYSCALL listens in a "
       "group-stop, and execve sends no SIGTRAP",
       [](Model &m) {
         each_send(m, CONT, [](Edit &e) { e.keep(e.f(0).pend[STOP]); });
         each(m, {"exec.sigtrap"}, never);
         each(m, {"attach"}, [](Edit &e) {
           if (names(e, "SIG")) never(e);
         });
         each(m, {"syscall"}, [](Edit &e) {
           const Expr group_stop = e.at(e.t, Loc::group_trap);
           e.keep_everything_where(group_stop);
           e.set_where(group_stop, e.f().listening, constant(1));
         });
       }},
      {"loop.strace.seize-3.1", "execve sends no SIGTRAP to seized tracees",
       [](Model &m) {
         each(m, {"exec.sigtrap"}, [](Edit &e) {
           e.assume_in_guard("SIGTRAP is sent", e.f().tracing, static_cast<Value>(Traced::no));
         });
       }},
      {"loop.strace.options", "LISTEN resumes the tracee",
       [](Model &m) { each(m, {"listen"}, [](Edit &e) { e.wake_where(constant(1), e.t); }); }},
      {"loop.strace.linux-3.4", "LISTEN resumes the tracee",
       [](Model &m) { each(m, {"listen"}, [](Edit &e) { e.wake_where(constant(1), e.t); }); }},
  };
  return all;
}

}  // namespace ptmc::tests
