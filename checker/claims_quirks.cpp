// "Existing ptrace API has unnecessary complications (quirks) such as SIGSTOP on attach, SIGTRAP
// after execve."

#include "checker/claim_parts.hpp"

namespace ptmc::checker {
namespace {

using namespace model;
using enum Feature;

const char *const kQuirks =
    "RFC: Consider the following: one of reasons why we added PTRACE_SEIZE is that existing ptrace "
    "API has unnecessary complications (quirks) such as SIGSTOP on attach, SIGTRAP after execve.";

// At the three levels; that of GETSIGINFO decides.
std::vector<Part> confusions(const World &world, const Remember &remember, Sig sig, int thread,
                             const std::string &whose) {
  const auto mine = [=](const Model &m) {
    return stops_for(m, thread, sig) && own_stop(m, thread);
  };
  const auto sent = [=](const Model &m) {
    return stops_for(m, thread, sig) && !own_stop(m, thread);
  };
  std::vector<Part> parts;
  const auto add = [&](Confused::Level level, const char *by) {
    parts.push_back({whose + " and a sent one are confused by " + by,
                     {world, remember, Confused{level, mine, sent, thread, thread}},
                     Verdict::holds,
                     {},
                     level == Confused::Level::siginfo});
  };
  add(Confused::Level::status, "the status");
  add(Confused::Level::siginfo, "status and GETSIGINFO");
  add(Confused::Level::history, "status, GETSIGINFO and all that was seen before");
  return parts;
}

}  // namespace

void quirk_claims(std::vector<Claim> &all) {
  const World attach{"legacy",
                     {STOP, USR1},
                     {Feature::attach, cont, inspect, tracer_waits, siginfo, thread_directed}};
  all.push_back({"quirk.attach-sigstop",
                 ClaimKind::consequence,
                 "Two reachable stops look the same to the tracer, one for the SIGSTOP of ATTACH, "
                 "the other for a SIGSTOP that somebody else sent alone",
                 kQuirks,
                 confusions(attach, remember_own({Own::attach}), STOP, 0, "ATTACH's SIGSTOP"),
                 {"attach-sigstop-merged"}});

  const auto reported = remember_since_attach("reported", [](const StepView &s, int t) {
    return s.step.rule->id == "wait.stop" && s.step.thread == t;
  });
  Question other = sometimes_step(attach, [](const StepView &s) {
    if (s.step.rule->id != "wait.stop" || s.step.thread != 0) return truth(false);
    const View &v = s.before;
    return !since_attach(s.m, "reported", 0) && v.at(0, {Loc::sig_trap}) &&
           ne(v.get(v.t(0).sig), STOP);
  });
  other.remember = reported;
  all.push_back(
      {"quirk.attach-other-signal",
       ClaimKind::consequence,
       "A run exists in which the first stop that wait reports after ATTACH is of another signal "
       "than SIGSTOP",
       "RFC: Interestingly, the process may stop with STOPSIG equal to some other signal than "
       "SIGSTOP if we happend to attach just before the process takes a signal.",
       {{"the first report is of another signal", other}},
       {"attach-other-signal-first"}});

  const World exec{"legacy",
                   {TRAP},
                   {Feature::attach, cont, inspect, tracer_waits, siginfo, thread_directed, execs}};
  all.push_back({"quirk.exec-sigtrap",
                 ClaimKind::consequence,
                 "Two reachable stops look the same to the tracer, one for the SIGTRAP of execve, "
                 "the other for a SIGTRAP that was sent alone",
                 kQuirks,
                 confusions(exec, remember_own({Own::exec}), TRAP, 0, "execve's SIGTRAP"),
                 {"exec-sigtrap-sent"}});

  const World child{"legacy",
                    {STOP},
                    {Feature::attach, cont, setoptions, inspect, tracer_waits, siginfo, clones},
                    {TRACECLONE},
                    2};
  all.push_back(
      {"quirk.autoattach-sigstop",
       ClaimKind::consequence,
       "Two reachable stops of an auto-attached child look the same to the tracer, one for the "
       "SIGSTOP that it is born with, the other for a SIGSTOP that was sent alone (si_pid, which "
       "the model does not have, is 0 for the first, as for a sender in another PID namespace)",
       "RFC: (4) \"make auto-attached children stop a-la INTERRUPT, not with SIGSTOP\"",
       confusions(child, remember_own({Own::child}), STOP, 1, "an auto-attached child's SIGSTOP"),
       {"clone-sigstop-sent"}});
}

}  // namespace ptmc::checker
