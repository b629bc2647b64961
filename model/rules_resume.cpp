// CONT and SYSCALL (kernel/ptrace.c: ptrace_resume, 6.12): the stop ends, whether or not its report
// was waited for; what the signal then means is decided where the tracee wakes up.

#include "model/requests.hpp"

namespace ptmc::model {

void resume_rules(Model &m) {
  struct Request {
    const char *id;
    Action action;
    Feature needed;
    const char *effect;
  };
  for (const Request &r :
       {Request{"cont", Action::cont, Feature::cont, "ends the stop, with a signal"},
        Request{"syscall", Action::syscall, Feature::syscall,
                "ends the stop, with a signal; stop at the next system call's entry or exit"}}) {
    const Rule *ok =
        m.family({r.id, Actor::tracer, r.effect, {"ptrace_resume"}, {"R22", "R23"}, "", ""});
    const Rule *gone = m.family({std::string(r.id) + ".esrch",
                                 Actor::tracer,
                                 "is not a stopped tracee",
                                 {"ptrace_check_attach"},
                                 {"R13"},
                                 "",
                                 ""});
    for (int t = 0; t < m.threads(); ++t) {
      for (Sig sig : injectable(m)) {
        Step s(m, ok, t, tname(t) + ", " + sname(sig), {r.action, t, sig, Err::ok, 0});
        s.needs(r.needed);
        stop_required(s, t);
        may_inject(s, t, sig);
        s.set(s.t(t).systrace, r.action == Action::syscall ? 1 : 0);
        leave_trap(s, t, constant(sig));
        m.add(std::move(s));
      }
      refuse_unless_stopped(m, gone, t, r.action, r.needed);
    }
  }
}

}  // namespace ptmc::model
