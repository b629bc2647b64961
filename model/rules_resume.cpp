// CONT, SYSCALL, SYSEMU and single steps (kernel/ptrace.c: ptrace_resume, 6.12): the stop ends,
// whether or not its report was waited for; what the signal then means is decided where the tracee
// wakes up.

#include "model/requests.hpp"

namespace ptmc::model {

void resume_rules(Model &m) {
  struct Request {
    const char *id;
    Action action;
    Feature needed;
    bool trace, emulate, step;
    const char *effect;
  };
  for (const Request &r :
       {Request{"cont", Action::cont, Feature::cont, false, false, false,
                "ends the stop, with a signal"},
        Request{"syscall", Action::syscall, Feature::syscall, true, false, false,
                "ends the stop, with a signal; stop at the next system call's entry or exit"},
        Request{"singlestep", Action::singlestep, Feature::steps, false, false, true,
                "ends the stop, with a signal; SIGTRAP after the next instruction or block"},
        Request{"sysemu", Action::sysemu, Feature::steps, false, true, false,
                "ends the stop, with a signal; stop at the next system call, which is skipped"},
        Request{"sysemu_singlestep", Action::sysemu_singlestep, Feature::steps, false, true, true,
                "as SYSEMU, and SIGTRAP after the next instruction that is no system call"}}) {
    const Rule *ok =
        m.family({r.id, Actor::tracer, r.effect, {"ptrace_resume"}, {"R22", "R23"}, "", ""});
    const Rule *gone = not_stopped(m, r.id);
    for (int t = 0; t < m.threads(); ++t) {
      for (Sig sig : injectable(m)) {
        Step s(m, ok, t, tname(t) + ", " + sname(sig), {r.action, t, sig, Err::ok, 0});
        const ThreadFields &f = s.t(t);
        s.needs(r.needed);
        stop_required(s, t);
        may_inject(s, t, sig);
        keep_company(s, Company::unseen, !s.get(f.option[TRACECLONE]));
        s.set(f.systrace, truth(r.trace));
        s.set(f.emulate, truth(r.emulate));
        s.set(f.step, truth(r.step));
        leave_trap(s, t, constant(sig));
        m.add(std::move(s));
      }
      refuse_unless_stopped(m, gone, t, r.action, r.needed);
    }
  }
}

}  // namespace ptmc::model
