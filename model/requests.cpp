#include "model/requests.hpp"

namespace ptmc::model {

std::string options_text(int set) {
  if (set == kProfileOptions) return "";
  if (set == kInvalidOptions) return ", invalid";
  std::string text;
  for (int o = 0; o < OPTION_COUNT; ++o)
    if (set >> o & 1) text += (text.empty() ? "" : "|") + std::string(kOptionNames[o]);
  return ", " + (text.empty() ? "0" : text);
}

void tracer_is_free(Step &s) {
  s.at("the tracer lives", s.tracer.dead, 0);
  s.at("the tracer is not asleep in an attach", s.tracer.attaching, 0);
}

namespace {

// looks_like_a_spurious_pid (R114): the id's new thread has not been waited for.
Expr unreaped_exec(const Step &s, int t) {
  const ThreadFields &f = s.t(t);
  return s.on(Feature::exec_unreaped) && at_loc(s, t, Loc::ptrace_event_trap) && s.get(f.report) &&
         eq(s.get(f.event), PTRACE_EXEC) && ne(s.get(f.message), static_cast<Value>(1 + t));
}

Expr stoppable(const Step &s, int t) {
  const Expr fails_killed = s.on(Feature::requests_freeze) && killed(s, t);
  return is_tracee(s, t) && in_trap(s, t) && !s.get(s.t(t).listening) && !fails_killed &&
         !unreaped_exec(s, t);
}

}  // namespace

void stop_required(Step &s, int t) {
  tracer_is_free(s);
  s.guard("it is a tracee", is_tracee(s, t));
  s.guard("it is in a ptrace-stop", in_trap(s, t));
  s.at("it is not listening", s.t(t).listening, 0);
  s.guard("SIGKILL is not pending", !(s.on(Feature::requests_freeze) && killed(s, t)));
  s.guard("its exec under another's id has been waited for", !unreaped_exec(s, t));
  s.guard("it has notified the tracer", may_act(s, t));
}

Expr stop_refused(const Step &s, int t) { return !stoppable(s, t); }

const Rule *not_stopped(Model &m, const std::string &request, const std::string &since) {
  return m.family({request + ".esrch",
                   Actor::tracer,
                   "is not a stopped tracee",
                   {"ptrace_check_attach"},
                   {"R13"},
                   since,
                   ""});
}

void refuse_unless_stopped(Model &m, const Rule *rule, int t, Action action, Feature needed) {
  // RFC (5): "enable saner error codes"; which ones it leaves open: EBUSY for "yours, not stopped".
  for (bool sane : {false, true}) {
    Step s(m, rule, t, tname(t), {action, t, 0, sane ? Err::ebusy : Err::esrch, 0});
    s.needs(needed);
    tracer_is_free(s);
    s.guard("it is not a stopped tracee", stop_refused(s, t));
    const Expr told = s.on(Feature::stop_options) && is_tracee(s, t) && exists(s, t) &&
                      s.get(s.t(t).option[SANEERR]);
    s.guard(sane ? "SANEERR tells that it is a tracee" : "no saner error is asked for",
            sane ? told : !told);
    m.add(std::move(s));
  }
}

std::vector<Sig> injectable(const Model &m) {
  std::vector<Sig> all{NONE};
  for (Sig sig : m.signals()) all.push_back(sig);
  return all;
}

void may_inject(Step &s, int t, Sig sig) {
  if (sig == NONE) return;
  s.guard("the profile injects it",
          s.on(Feature::inject_any) || (at_loc(s, t, Loc::sig_trap) && eq(s.get(s.t(t).sig), sig)));
  if (sig != KILL)
    s.needs(s.on(Feature::inject_any) || s.on(signal_feature(sig)) || truth(sig == STOP));
}

void in_user_code(Step &s, int t) {
  s.at("it is in user mode", s.t(t).loc, static_cast<Value>(Loc::user));
  s.at("it restarts no system call", s.t(t).call, 0);
}

void in_own_call(Step &s, int t) {
  const ThreadFields &f = s.t(t);
  const Expr seen = s.get(f.systrace) || s.get(f.emulate) || s.get(f.step);
  const Expr direct = at_loc(s, t, Loc::user) && eq(s.get(f.call), 0) && !seen;
  const Expr inside =
      at_loc(s, t, Loc::body) && eq(s.get(f.call), static_cast<Value>(SysCall::plain));
  s.guard("it is in user mode or in the traced system call", direct || inside);
}

}  // namespace ptmc::model
