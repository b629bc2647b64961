// Requests: what each does to the tracee when it succeeds, and that one that fails does nothing.

#include "model/property_parts.hpp"

namespace ptmc::model {
namespace {

using enum Feature;

}  // namespace

void request_laws(Laws &all) {
  step_law(
      all,
      {"failure.no_change", "A call that fails changes nothing", "A call fails",
       "sys_ptrace, ptrace_check_attach, 6.1; R13 to R17, R22", anywhere, anywhere},
      [](const StepView &s, int) { return truth(s.step.label.err != Err::ok); },
      [](const StepView &s, int) { return s.same_all(); });

  step_law(
      all,
      {"attach.sends_sigstop",
       "ATTACH leaves the thread traced, without options, and with SIGSTOP pending for it unless "
       "it "
       "exits",
       "ATTACH succeeds", "ptrace_attach, 6.12; R9", where({attach}), anywhere},
      [](const StepView &s, int t) { return truth(s.succeeds(Action::attach, t)); },
      [](const StepView &s, int t) {
        const View &v = s.after;
        Expr plain = truth(true);
        for (Field option : v.t(t).option) plain = plain && !v.get(option);
        return plain && v.tracing_is(t, Traced::attached) &&
               (v.get(v.t(t).pend[STOP]) || v.get(v.p->group_exit) || v.exiting(t));
      });

  step_law(
      all,
      {"seize.runs_on", "SEIZE of a thread that is not STOPPED changes its tracer and options only",
       "SEIZE of a thread that is not STOPPED succeeds", "ptrace_attach, 6.1; R10, semantics 2.3",
       where({seize, use_seize}), anywhere},
      [](const StepView &s, int t) {
        return truth(s.succeeds(Action::seize, t) && s.step.label.options == 0) &&
               !s.before.at(t, {Loc::stopped});
      },
      [](const StepView &s, int t) {
        const ThreadFields &f = s.before.t(t);
        std::vector<Field> assigned{f.tracing, f.by};
        assigned.insert(assigned.end(), f.option.begin(), f.option.end());
        return s.same_all(assigned) && s.after.traced(t);
      });

  step_law(
      all,
      {"attach.traps_stopped",
       "ATTACH and SEIZE of a STOPPED thread set it on its way to a trap, and sleep until it is "
       "there",
       "ATTACH or SEIZE of a STOPPED thread succeeds", "ptrace_set_stopped, 6.12; R11", anywhere,
       anywhere},
      [](const StepView &s, int t) {
        return truth(s.succeeds(Action::attach, t) || s.succeeds(Action::seize, t)) &&
               s.before.at(t, {Loc::stopped});
      },
      [](const StepView &s, int t) {
        const View &v = s.after;
        return !v.at(t, {Loc::stopped}) && v.get(v.t(t).trap_stop) && v.get(v.t(t).trapping) &&
               eq(v.tracer_of(t, &TracerFields::attaching), static_cast<Value>(t + 1));
      });

  step_law(
      all,
      {"interrupt.traps",
       "INTERRUPT of a live tracee leaves TRAP_STOP set, the tracee not listening, and awake "
       "enough "
       "to look",
       "INTERRUPT of a live tracee succeeds", "ptrace_request, 6.1; R26, semantics P3",
       where({seize, interrupt}), can_interrupt},
      [](const StepView &s, int t) {
        return truth(s.succeeds(Action::interrupt, t)) && !s.before.killed(t) &&
               !s.before.exiting(t);
      },
      [](const StepView &s, int t) {
        const View &v = s.after;
        const Expr looks = !v.at(t, {Loc::user, Loc::body}) || v.get(v.t(t).sigpending);
        return v.get(v.t(t).trap_stop) && !v.get(v.t(t).listening) && looks;
      });

  step_law(
      all,
      {"listen.parks",
       "LISTEN keeps the tracee in its trap, listening, or with a notification due makes it leave",
       "LISTEN succeeds", "ptrace_request, 6.1; R28, semantics P4", where({seize, listen}),
       can_listen},
      [](const StepView &s, int t) { return truth(s.succeeds(Action::listen, t)); },
      [](const StepView &s, int t) {
        const ThreadFields &f = s.before.t(t);
        const Expr parked = s.same(f.loc) && s.after.get(f.listening);
        return ite(s.before.get(f.trap_notify), !s.after.in_trap(t), parked) &&
               s.same(f.trap_notify) && s.same(f.trap_stop);
      });

  step_law(
      all,
      {"resume.ends_stop",
       "CONT, SYSCALL and DETACH end the stop and its report, whether or not wait has seen it",
       "CONT, SYSCALL or DETACH succeeds", "ptrace_resume, ptrace_detach, 6.1; R17, R23", anywhere,
       anywhere},
      [](const StepView &s, int t) {
        return truth(s.succeeds(Action::cont, t) || s.succeeds(Action::syscall, t) ||
                     s.succeeds(Action::detach, t));
      },
      [](const StepView &s, int t) {
        const bool syscalls = s.succeeds(Action::syscall, t),
                   leaves = s.succeeds(Action::detach, t);
        const View &v = s.after;
        return s.before.in_trap(t) && !v.in_trap(t) && !v.get(v.t(t).report) &&
               eq(v.get(v.t(t).systrace), truth(syscalls)) && eq(v.traced(t), truth(!leaves));
      });

  step_law(
      all,
      {"kill.kills", "PTRACE_KILL that succeeds leaves a live tracee dying",
       "PTRACE_KILL of a live tracee succeeds", "ptrace_request, 6.1; R29, ptrace(2)",
       where({ptrace_kill}), anywhere},
      [](const StepView &s, int t) {
        return truth(s.succeeds(Action::kill, t)) && !s.before.exits(t);
      },
      [](const StepView &s, int t) {
        const View &v = s.after;
        const Expr injected = v.at(t, {Loc::sig_woken, Loc::entry_woken, Loc::exit_woken}) &&
                              eq(v.get(v.t(t).sig), KILL);
        return v.dying(t) || injected;
      });
}

}  // namespace ptmc::model
