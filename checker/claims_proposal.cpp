// The proposal: (b) to (e), and its options (1) to (5).

#include "checker/claim_parts.hpp"

namespace ptmc::checker {
namespace {

using namespace model;
using enum Feature;

std::string named(const char *design, const char *options) {
  return std::string(design) + "+" + options;
}

Claim plain_seize() {
  const std::vector<Feature> may{use_seize, cont, Feature::detach, inspect, tracer_waits};
  Claim claim{
      "b.plain-seize",
      ClaimKind::definition,
      "SEIZE without options of a thread that is not stopped changes nothing but who traces it, "
      "and leaves it traced as ATTACH does",
      "RFC: (b) without any options, make SEIZE just do \"ATTACH sans SIGSTOP\" thing, nothing "
      "more.",
      {}};
  const World world{"seize-options+", {STOP, CONT}, may};
  claim.parts.push_back({"SEIZE changes only who traces it, as ATTACH does",
                         always_step(world, each_step([](const StepView &s, int t) {
                                       const ThreadFields &f = s.before.t(t);
                                       return implies(truth(s.succeeds(Action::seize, t)) &&
                                                          !s.before.at(t, {Loc::stopped}),
                                                      s.same_all({f.tracing, f.by}) &&
                                                          s.after.tracing_is(t, Traced::attached));
                                     }))});
  claim.parts.push_back({"linux-3.4's SEIZE with 0 is the same for a tester",
                         {{"linux-3.4", {STOP, CONT}, may},
                          {},
                          Equal{.right = {"seize-options@6.18+", {STOP, CONT}, may}}},
                         Verdict::holds,
                         {},
                         false});
  return claim;
}

const char *const kEachCause = "each cause by itself";
const char *const kGroups =
    "the stops of SEIZE of a stopped thread, and of a group-stop that SIGCONT has ended, counted "
    "as "
    "the group's";

Claim flags_stops() {
  Claim claim{"c1.flags-stops",
              ClaimKind::consequence,
              "With (1) the causes of a stop whose status has PTRACE_EVENT_STOP are the group, "
              "INTERRUPT and SIGCONT, and auto-attach if and only if (4) is set",
              "RFC: (1) \"flag stops with PTRACE_EVENT_STOP event value in waitpid status\"",
              {}};
  const auto part = [&](const World &world, Cause cause, const char *what,
                        bool expected) -> Part & {
    const auto by = some([cause](const View &v, int t) {
      return v.at(t, {Loc::event_trap}) && caused_by(v.m, t, {cause});
    });
    return claim.parts.emplace_back(Part{
        std::string("such a stop ") + (expected ? "can be" : "is never") + " caused by " + what,
        expected ? sometimes(world, by) : never(world, by)});
  };
  const World world{"seize-options+TRACESTOP,INTERRUPT,LISTEN",
                    {STOP, CONT},
                    {use_seize, interrupt, Feature::listen, cont, tracer_waits, causes}};
  part(world, Cause::group, "the group", true);
  part(world, Cause::interrupt, "INTERRUPT", true);
  part(world, Cause::sigcont, "SIGCONT", true);
  part(world, Cause::none, "nothing", false);
  part(world, Cause::attach, "SEIZE of a stopped thread", false).under = kEachCause;
  part(world, Cause::stale, "a group-stop that is over", false).under = kEachCause;
  for (const bool childstop : {false, true}) {
    const World clones{childstop ? "seize-options+TRACESTOP,CHILDSTOP" : "seize-options+TRACESTOP",
                       {},
                       {use_seize, cont, tracer_waits, Feature::clones, causes},
                       {TRACECLONE},
                       2};
    Part &p = part(clones, Cause::auto_attach, "auto-attach", childstop);
    p.statement = (childstop ? "with (4): " : "without (4): ") + p.statement;
    p.under = kGroups;
    claim.parts.push_back(p);
    claim.parts.back().under = kEachCause;
  }
  return claim;
}

Claim interrupt_stops() {
  Claim claim{"c2.interrupt",
              ClaimKind::consequence,
              "INTERRUPT is followed (i) by some stop or death of the tracee, unless the tracing "
              "ends first, (ii) by a stop that it caused",
              "RFC: (2) \"enable PTRACE_INTERRUPT. It either causes PTRACE_EVENT_STOP with "
              "sig=SIGTRAP if (1) is enabled, or creates a group-stop with sig=SIGTRAP otherwise\"",
              {},
              {"interrupt-syscall-exit", "vfork-interrupt"}};
  const std::vector<Feature> may{attach,  use_seize,    interrupt, cont,
                                 syscall, tracer_waits, exits,     causes};
  for (const char *design : {"linux-3.4", "seize-options"}) {
    const World world{design, {STOP, CONT, USR1}, may};
    const std::string some = "(i) some stop or death", own = "(ii) a stop that it caused";
    const std::string in = std::string(design) + ": ";
    claim.parts.push_back(
        {in + "what INTERRUPT has asked for is dropped by a stop, a death or the end of tracing "
              "only",
         always_step(world, each_step([](const StepView &s, int t) {
                       const Field asked = s.before.t(t).trap_stop;
                       const Expr over =
                           s.after.in_trap(t) || s.after.dying(t) || !s.after.traced(t);
                       return implies(s.before.get(asked) && !s.after.get(asked), over);
                     })),
         Verdict::holds, some});
    claim.parts.push_back(
        {in + "while it is asked for, the tracee is on its way to look, or in a stop",
         always(world, each([](const View &v, int t) {
                  const ThreadFields &f = v.t(t);
                  return implies(v.get(f.trap_stop) && v.at(t, {Loc::user, Loc::body}),
                                 v.get(f.sigpending));
                })),
         Verdict::holds, some});
    claim.parts.push_back(
        {in + "the stop that ends what INTERRUPT has asked for is INTERRUPT's",
         always_step(world, each_step([](const StepView &s, int t) {
                       const ThreadFields &f = s.before.t(t);
                       const Expr asked =
                           s.before.get(f.trap_stop) &&
                           eq(s.before.get(f.trap_cause), static_cast<Value>(Cause::interrupt));
                       const Expr stops = s.after.in_trap(t) && !s.before.in_trap(t);
                       const Expr its =
                           eq(s.after.get(f.cause), static_cast<Value>(Cause::interrupt));
                       return implies(asked && stops, its);
                     })),
         Verdict::holds, own});
  }
  return claim;
}

Claim without_flag() {
  Claim claim{"c2.without-1",
              ClaimKind::consequence,
              "Without (1), read as 'a group-stop with sig=SIGTRAP': a stop with SIGTRAP whose "
              "GETSIGINFO fails is INTERRUPT's. Read as '(2) requires (1)': INTERRUPT fails "
              "with EIO",
              "RFC: (2) \"enable PTRACE_INTERRUPT. It either causes PTRACE_EVENT_STOP with "
              "sig=SIGTRAP if (1) is enabled, or creates a group-stop with sig=SIGTRAP otherwise\" "
              "[if the second part is too weird to implement, make (2) require (1)]",
              {}};
  const std::vector<Feature> may{use_seize, interrupt,    Feature::listen, cont,
                                 inspect,   tracer_waits, causes};
  const auto world = [&](const char *options, const std::vector<Feature> &more = {}) {
    return with({named("seize-options", options), {STOP, CONT}, may}, more);
  };
  interrupt_alone(claim.parts, world("INTERRUPT"), "(2) alone");
  World children = world("INTERRUPT,CHILDSTOP", {Feature::clones});
  children.signals = {};
  children.options = {TRACECLONE};
  children.threads = 2;
  interrupt_alone(claim.parts, children, "(2) and (4)");
  for (const SigcontReport &r : sigcont_reports())
    if (!r.features.empty())
      interrupt_alone(claim.parts, world("INTERRUPT,LISTEN", r.features), "(2) and (3), " + r.what);
  const World one{"seize-options+INTERRUPT",
                  {STOP, CONT, TRAP},
                  {use_seize, interrupt, cont, inspect, tracer_waits, causes, siginfo}};
  const auto by_interrupt = [](const Model &m) {
    return jobctl_stop(m, 0) && caused_by(m, 0, {Cause::interrupt});
  };
  const auto any_other = [](const Model &m) {
    return !(jobctl_stop(m, 0) && caused_by(m, 0, {Cause::interrupt}));
  };
  for (const auto &[level, by] : {std::pair(Confused::Level::status, "the status"),
                                  std::pair(Confused::Level::siginfo, "status and GETSIGINFO")})
    claim.parts.push_back({std::string("INTERRUPT's stop is confused with another by ") + by,
                           {one, {}, Confused{level, by_interrupt, any_other}},
                           Verdict::holds,
                           {},
                           false});
  claim.parts.push_back(
      {"read as '(2) requires (1)': no INTERRUPT succeeds",
       never_step(with(one, {interrupt_needs_tracestop}), some_step([](const StepView &s, int t) {
                    return truth(s.succeeds(Action::interrupt, t));
                  })),
       Verdict::holds,
       {},
       false});
  return claim;
}

const std::vector<Feature> kListening{use_seize, interrupt, Feature::listen,
                                      cont,      inspect,   tracer_waits};

Claim listens() {
  Claim claim{"c3.listen",
              ClaimKind::consequence,
              "LISTEN ends the ptrace-stop without ending the group-stop: a listening tracee runs "
              "no user code, and reports SIGCONT",
              "RFC: (3) \"enable PTRACE_LISTEN. Works on group-stops even without any other "
              "options\" [...] This ends ptrace-stop, but does _not_ end group-stop",
              {},
              {"listen-sigcont", "listen-group-stop"}};
  for (const char *design :
       {"seize-3.1", "linux-3.4", "seize-options+TRACESTOP,INTERRUPT,LISTEN"}) {
    std::vector<Part> parts;
    listen_parts(parts, {design, {STOP, CONT, KILL}, kListening}, {});
    for (Part &p : parts) {
      p.statement = std::string(design) + ": " + p.statement;
      claim.parts.push_back(std::move(p));
    }
  }
  return claim;
}

Claim listens_alone() {
  Claim claim{
      "c3.alone",
      ClaimKind::consequence,
      "The same with (3) only, for each thing that SIGCONT may then report",
      "RFC: (3) \"enable PTRACE_LISTEN. Works on group-stops even without any other options\"",
      {}};
  for (const SigcontReport &r : sigcont_reports())
    listen_parts(claim.parts,
                 with({"seize-options+LISTEN", {STOP, CONT, KILL}, kListening}, r.features),
                 r.what);
  return claim;
}

Claim children() {
  Claim claim{"c4.children",
              ClaimKind::consequence,
              "With (4) the first stop of an auto-attached child looks like no signal's, by status "
              "and GETSIGINFO",
              "RFC: (4) \"make auto-attached children stop a-la INTERRUPT, not with SIGSTOP\"",
              {}};
  const auto first = [](const Model &m) {
    return jobctl_stop(m, 1) && caused_by(m, 1, {Cause::auto_attach});
  };
  const auto signals = [](const Model &m) { return View(m).at(1, {Loc::sig_trap}); };
  for (const char *options : {"CHILDSTOP", "TRACESTOP,CHILDSTOP"}) {
    const World world{named("seize-options", options),
                      {TRAP},
                      {use_seize, cont, inspect, tracer_waits, Feature::clones, causes},
                      {TRACECLONE},
                      2};
    claim.parts.push_back({std::string("with ") + options + ": such a stop can be reported",
                           sometimes(world, [first](const View &v) { return first(v.m); })});
    for (const auto level : {Confused::Level::status, Confused::Level::siginfo}) {
      const bool status = level == Confused::Level::status;
      claim.parts.push_back({std::string("with ") + options +
                                 ": it is confused with a signal's by " +
                                 (status ? "the status" : "status and GETSIGINFO"),
                             {world, {}, Confused{level, first, signals, 1, 1}},
                             Verdict::violated,
                             {},
                             !status});
    }
  }
  return claim;
}

Claim errors() {
  Claim claim{"c5.errors",
              ClaimKind::consequence,
              "A request that fails with ESRCH tells that the tracee is gone: it is not one of the "
              "caller's that is not stopped",
              "RFC: (5) \"enable saner error codes\"",
              {}};
  for (const bool sane : {false, true}) {
    const World world{sane ? "seize-options+SANEERR" : "seize-options+",
                      {STOP, CONT, KILL},
                      {use_seize, cont, inspect, setoptions, tracer_waits, exits}};
    claim.parts.push_back(
        {"ESRCH is never given for a tracee of the caller's that exists",
         always_step(world, each_step([](const StepView &s, int t) {
                       const Label &l = s.step.label;
                       const bool fails = s.step.rule->actor == Actor::tracer &&
                                          l.err == Err::esrch && l.thread == t;
                       return implies(truth(fails), !(s.before.traced(t) && s.before.exists(t)));
                     })),
         Verdict::holds, sane ? "with (5)" : "without (5)"});
  }
  return claim;
}

Claim no_hidden_bit() {
  Claim claim{
      "d.no-hidden-bit",
      ClaimKind::consequence,
      "SEIZE with (1) to (4) is equal to seize-3.1's SEIZE, for a tester that never touches the "
      "bits",
      "RFC: (d) Remove magic hidden 'I was SEIZEd, not ATTACHed' bit in kernel code. Use bits "
      "1,2,3,4 instead of it.",
      {}};
  struct Case {
    const char *what;
    std::vector<Sig> signals;
    std::vector<Feature> features;
    std::vector<Option> options;
    int threads;
  };
  const std::vector<Case> cases{
      {"job control",
       {STOP, CONT, USR1},
       {use_seize, interrupt, Feature::listen, cont, Feature::detach, inspect, tracer_waits},
       {},
       1},
      {"death",
       {STOP, CONT, KILL},
       {use_seize, interrupt, Feature::listen, cont, tracer_waits, parent_waits, exits},
       {},
       1},
      {"execve", {STOP}, {use_seize, interrupt, cont, tracer_waits, execs}, {}, 1}};
  for (const Case &c : cases)
    for (const bool sane : {false, true}) {
      const std::string options = sane ? "TRACESTOP,INTERRUPT,LISTEN,CHILDSTOP,SANEERR"
                                       : "TRACESTOP,INTERRUPT,LISTEN,CHILDSTOP";
      claim.parts.push_back(
          {std::string(c.what) + (sane ? ": with (5) too, whatever errno says" : ": equal"),
           {{"seize-3.1", c.signals, c.features, c.options, c.threads},
            {},
            Equal{{"seize-options+" + options, c.signals, c.features, c.options, c.threads},
                  sane,
                  {}}},
           Verdict::holds,
           {},
           !sane});
    }
  return claim;
}

}  // namespace

void proposal_claims(std::vector<Claim> &all) {
  all.push_back(plain_seize());
  all.push_back(flags_stops());
  all.push_back(interrupt_stops());
  all.push_back(without_flag());
  all.push_back(listens());
  all.push_back(listens_alone());
  all.push_back(children());
  all.push_back(errors());
  all.push_back(no_hidden_bit());
}

}  // namespace ptmc::checker
