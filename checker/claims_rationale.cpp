// "In fact, I am unsure why the new ops need enabling": what the RFC gives as reasons.

#include "checker/claim_parts.hpp"

namespace ptmc::checker {
namespace {

using namespace model;
using enum Feature;

Claim asymmetry() {
  Claim claim{
      "r.event-stop-asymmetry",
      ClaimKind::consequence,
      "In seize-3.1 PTRACE_EVENT_STOP is the only event that is reported without an option; "
      "in the proposal none is",
      "RFC: This will remove the asymmetry we just introduced in current SEIZE code: "
      "PTRACE_EVENT_STOP is the only event code which has no corresponding PTRACE_O_TRACESTOP "
      "option - situation which Occam disapproves.",
      {}};
  for (const bool proposal : {false, true}) {
    const std::string design = proposal ? "seize-options+" : "seize-3.1";
    const World alone{design,
                      {STOP, CONT},
                      {use_seize, interrupt, cont, syscall, tracer_waits, execs, filters, exits}};
    const World two{design, {STOP}, {use_seize, interrupt, cont, tracer_waits, forks}, {}, 1, 2};
    const auto others = each([](const View &v, int t) {
      return !v.at(t, {Loc::ptrace_event_trap, Loc::exit_event_trap});
    });
    const auto flagged = some([](const View &v, int t) { return v.at(t, {Loc::event_trap}); });
    claim.parts.push_back(
        {design + ": no execve, filter or exit is reported", always(alone, others)});
    claim.parts.push_back({design + ": no fork or vfork is reported", always(two, others)});
    claim.parts.push_back({design + ": a stop with PTRACE_EVENT_STOP is " +
                               (proposal ? "never reported" : "reported"),
                           proposal ? never(alone, flagged) : sometimes(alone, flagged)});
  }
  return claim;
}

// Runs that do not use what is now always allowed are what they were.
Part unchanged(const World &world, const std::vector<Feature> &allowed, Action request,
               const std::string &name, const std::string &under = {}) {
  return {"for who never calls " + name + ", nothing changes if it is always allowed",
          {world, {}, Equal{.right = with(world, allowed), .without = request}},
          Verdict::holds,
          under};
}

Claim interrupt_allowed() {
  Claim claim{"r.interrupt-always-allowed",
              ClaimKind::consequence,
              "Runs without INTERRUPT are the same if INTERRUPT is always allowed, and a stop with "
              "SIGTRAP whose GETSIGINFO fails is INTERRUPT's for an attached tracee too",
              "RFC: In fact, I am unsure why the new ops (points 2 and 3 above) need enabling. "
              "Maybe they can be simply be always allowed? [...] Re PTRACE_INTERRUPT: "
              "\"old-style\" check for group-stop, namely, \"if ptrace(PTRACE_GETSIGINFO) fails, "
              "then it's group-stop\", works just fine, therefore, from userspace POV there is no "
              "apparent reason why PTRACE_INTERRUPT can't work without \"flag stops with "
              "PTRACE_EVENT_STOP\" thingy: in this case it can create an \"WIFSTOPPED(status) = "
              "true, ptrace(PTRACE_GETSIGINFO) fails\" event which is detectable in userspace.",
              {}};
  const World without{"seize-options+",
                      {STOP, CONT, KILL},
                      {attach, use_seize, interrupt, cont, inspect, tracer_waits}};
  claim.parts.push_back(unchanged(without, {interrupt_always}, Action::interrupt, "INTERRUPT",
                                  "after ATTACH, SIGTRAP in every such trap while the group runs"));
  claim.parts.push_back(unchanged(without, {interrupt_always, interrupt_marks}, Action::interrupt,
                                  "INTERRUPT",
                                  "after ATTACH, SIGTRAP put there by INTERRUPT alone"));
  interrupt_alone(claim.parts,
                  {"seize-options+",
                   {STOP, CONT},
                   {attach, interrupt, cont, inspect, tracer_waits, causes, interrupt_always}},
                  "after ATTACH");
  return claim;
}

void listening_parts(Claim &claim, const World &world) {
  for (const SigcontReport &r : sigcont_reports())
    listen_parts(claim.parts, with(world, r.features), r.what);
}

Claim listen_allowed() {
  Claim claim{"r.listen-always-allowed",
              ClaimKind::consequence,
              "Runs without LISTEN are the same if LISTEN is always allowed, and LISTEN then keeps "
              "what c3.alone says of it",
              "RFC: In fact, I am unsure why the new ops (points 2 and 3 above) need enabling. "
              "Maybe they can be simply be always allowed? [...] Re PTRACE_LISTEN: similarly to "
              "above, we _do_ know when we are in group-stop, even without (1) \"flag stops with "
              "PTRACE_EVENT_STOP\" thingy. Therefore we do know when PTRACE_LISTEN makes sense.",
              {}};
  const World world{"seize-options+",
                    {STOP, CONT, KILL},
                    {use_seize, Feature::listen, cont, inspect, tracer_waits}};
  claim.parts.push_back(unchanged(world, {listen_always}, Action::listen, "LISTEN"));
  listening_parts(claim, with(world, {listen_always}));
  return claim;
}

Claim new_kernel_flag() {
  Claim claim{
      "r.new-kernel-flag",
      ClaimKind::consequence,
      "In linux-3.4 LISTEN could be allowed after ATTACH: runs without it are the same, and "
      "a listening tracee does what c3.alone says",
      "RFC: Here we PTRACE_LISTEN only if use_seize is true, but we use that flag only as "
      "indicator \"this is a new kernel\". It's easy to see that there are no intrisic reasons why "
      "it can't also work on newer kernels, but after using old-style ATTACH.",
      {}};
  const World world{
      "linux-3.4", {STOP, CONT, KILL}, {attach, Feature::listen, cont, inspect, tracer_waits}};
  claim.parts.push_back(unchanged(world, {listen_always}, Action::listen, "LISTEN"));
  listening_parts(claim, with(world, {listen_always}));
  return claim;
}

Claim getsiginfo_check() {
  Claim claim{"r.getsiginfo-check",
              ClaimKind::consequence,
              "GETSIGINFO fails with EINVAL if and only if the cause of the stop is the group's",
              "RFC: \"old-style\" check for group-stop, namely, \"if ptrace(PTRACE_GETSIGINFO) "
              "fails, then it's group-stop\", works just fine",
              {},
              {"attach-stopped", "attach-group-stop", "attached-delivery-kill"}};
  struct Case {
    const char *design, *what;
    Feature how;
  };
  const auto group = [](bool lenient) {
    return [lenient](const View &v, int t) {
      const Expr cause = lenient ? caused_by(v.m, t, {Cause::group, Cause::stale, Cause::attach})
                                 : caused_by(v.m, t, {Cause::group});
      return jobctl_stop(v.m, t) && cause;
    };
  };
  for (const Case &c :
       {Case{"legacy", "legacy", attach}, Case{"linux-3.4", "linux-3.4 after ATTACH", attach},
        Case{"linux-3.4", "linux-3.4 after SEIZE", use_seize},
        Case{"seize-3.1", "seize-3.1 after SEIZE", use_seize},
        Case{"seize-options+", "seize-options without (1)", use_seize}})
    for (const bool lenient : {false, true}) {
      const World world{
          c.design, {STOP, TSTP, CONT, KILL, USR1}, {c.how, cont, inspect, tracer_waits, causes}};
      claim.parts.push_back(
          {"it fails with EINVAL exactly in the group's stops",
           always_step(world, each_step([is = group(lenient)](const StepView &s, int t) {
                         const Label &l = s.step.label;
                         if (l.action != Action::getsiginfo || l.thread != t) return truth(true);
                         if (l.err == Err::einval) return is(s.before, t);
                         if (l.err == Err::ok) return !is(s.before, t);
                         return truth(true);
                       })),
           Verdict::holds,
           c.what + std::string(lenient ? ", stale stops and those of attaching to a stopped "
                                          "thread counted as the group's"
                                        : "")});
    }
  // The last that wait has said of the thread is such a stop, and nobody has resumed it.
  const std::string in_delivery = "delivery";
  Question killed = sometimes_step(
      {"linux-3.4", {STOP, USR1, KILL}, {attach, cont, inspect, tracer_waits, causes}},
      [in_delivery](const StepView &s) {
        const Label &l = s.step.label;
        return truth(l.action == Action::getsiginfo && l.thread == 0 && l.err == Err::esrch) &&
               s.before.traced(0) && remembered(s.m, in_delivery);
      });
  killed.remember = [in_delivery](Model &m) {
    remember(m, in_delivery, 1, [](const StepView &s, Expr before) {
      if (s.step.rule->id == "wait.stop" && s.step.thread == 0)
        return s.before.at(0, {Loc::sig_trap});
      return s.succeeds(Action::cont, 0) ? truth(false) : before;
    });
  };
  claim.parts.push_back(
      {"linux-3.4: it fails (with ESRCH) for a tracee whose signal-delivery-stop was reported, "
       "once "
       "SIGKILL has come",
       std::move(killed),
       Verdict::holds,
       {},
       false});
  return claim;
}

Claim wrong_stop() {
  Claim claim{
      "r.listen-wrong-stop",
      ClaimKind::consequence,
      "LISTEN is accepted exactly in a trap that was entered by taking part in a group-stop, "
      "or again by it, SEIZE of a stopped thread included",
      "RFC: Moreover, we can make it so that kernel errors out if PTRACE_LISTEN is used in a "
      "ptrace stop of a wrong kind.",
      {},
      {"listen-event-stop", "listen-group-stop"}};
  const auto right = [](const View &v, int t) {
    return jobctl_stop(v.m, t) && caused_by(v.m, t, {Cause::group, Cause::attach});
  };
  struct Case {
    const char *design, *what;
    std::vector<Feature> more;
  };
  for (const Case &c :
       {Case{"linux-3.4", "guard as shipped (si_code >> 8 is PTRACE_EVENT_STOP)", {}},
        Case{"seize-options", "guard on the signal of the trap", {listen_right_stop_only}}}) {
    const World world =
        with({c.design,
              {STOP, CONT},
              {use_seize, interrupt, Feature::listen, cont, inspect, tracer_waits, causes}},
             c.more);
    claim.parts.push_back({"where LISTEN succeeds it is a right stop",
                           always_step(world, each_step([right](const StepView &s, int t) {
                                         return implies(truth(s.succeeds(Action::listen, t)),
                                                        right(s.before, t));
                                       })),
                           Verdict::holds, c.what});
    claim.parts.push_back({"where LISTEN fails with EIO it is none",
                           always_step(world, each_step([right](const StepView &s, int t) {
                                         const Label &l = s.step.label;
                                         const bool fails = l.action == Action::listen &&
                                                            l.thread == t && l.err == Err::eio;
                                         return implies(truth(fails), !right(s.before, t));
                                       })),
                           Verdict::holds, c.what});
  }
  return claim;
}

Claim first_stop() {
  Claim claim{
      "r.setoptions-first-stop",
      ClaimKind::consequence,
      "With (a) every tracee has its tracer's options from the start: SETOPTIONS at the first "
      "stop is never needed",
      "RFC: This will remove the need to set options on first ptrace stop. [...] this if() will "
      "not be needed if we set options on attach!",
      {}};
  const auto set = each([](const View &v, int t) {
    const ThreadFields &f = v.t(t);
    return implies(v.traced(t) && !v.exits(t),
                   v.get(f.option[TRACECLONE]) && v.get(f.option[TRACEEXEC]));
  });
  for (const bool proposal : {true, false}) {
    const std::string design = proposal ? "seize-options" : "seize-3.1";
    const World world{design,
                      {STOP},
                      {use_seize, interrupt, cont, setoptions, tracer_waits, Feature::clones},
                      {TRACECLONE, TRACEEXEC},
                      2};
    claim.parts.push_back({design + (proposal ? ": a tracee, auto-attached or not, has the options"
                                              : ": a tracee is without its options at times"),
                           always(world, set),
                           proposal ? Verdict::holds : Verdict::violated,
                           {},
                           proposal});
  }
  return claim;
}

Claim saves_one_call() {
  Claim claim{
      "r.saves-one-call",
      ClaimKind::consequence,
      "With (1) the status alone tells a stop of job control from every other stop; without "
      "(1) the status does not, and one GETSIGINFO does",
      "RFC: PTRACE_EVENT_STOP is not needed for this, it's just a \"nice to have\" thing (it saves "
      "one ptrace call).",
      {}};
  struct Kind {
    const char *what;
    bool trap;  // with SIGTRAP
  };
  for (const Kind &k : {Kind{"a group-stop", false}, Kind{"INTERRUPT's stop", true}}) {
    const auto mine = [trap = k.trap](const Model &m) {
      const Expr sig = m.schema.read(m.schema.thread[0].sig);
      return jobctl_stop(m, 0) && (trap ? eq(sig, TRAP) : ne(sig, TRAP));
    };
    const auto other = [](const Model &m) { return !jobctl_stop(m, 0); };
    const auto part = [&](const char *options, Confused::Level level, const char *by, bool told) {
      const World world{std::string("seize-options+") + options,
                        {STOP, CONT, TRAP},
                        {use_seize, interrupt, cont, inspect, tracer_waits, siginfo}};
      claim.parts.push_back({std::string(k.what) + " with " + options + " is " +
                                 (told ? "told" : "not told") + " from other stops by " + by,
                             {world, {}, Confused{level, mine, other}},
                             told ? Verdict::violated : Verdict::holds});
    };
    part("TRACESTOP,INTERRUPT", Confused::Level::status, "the status", true);
    part("INTERRUPT", Confused::Level::status, "the status", false);
    part("INTERRUPT", Confused::Level::siginfo, "status and GETSIGINFO", true);
  }
  return claim;
}

}  // namespace

void rationale_claims(std::vector<Claim> &all) {
  all.push_back(asymmetry());
  all.push_back(interrupt_allowed());
  all.push_back(listen_allowed());
  all.push_back(getsiginfo_check());
  all.push_back(saves_one_call());
  all.push_back(wrong_stop());
  all.push_back(new_kernel_flag());
  all.push_back(first_stop());
}

}  // namespace ptmc::checker
