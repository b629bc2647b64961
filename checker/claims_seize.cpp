// "Why we overloaded SEIZE with two functions": SEIZE as it was in 3.1, and proposal (a).

#include <set>

#include "checker/claim_parts.hpp"

namespace ptmc::checker {
namespace {

using namespace model;
using enum Feature;

// Whether the rule would do something else to an attached tracee than to this seized one, or for
// it.
Expr acts_otherwise(const Model &m, const Instance &i) {
  Expr unlike = truth(false);
  for (int t = 0; t < m.threads(); ++t) {
    const Field tracing = m.schema.thread[static_cast<std::size_t>(t)].tracing;
    Substitution seized, attached;
    seized.fields.emplace(tracing, constant(static_cast<Value>(Traced::seized)));
    attached.fields.emplace(tracing, constant(static_cast<Value>(Traced::attached)));
    const auto differs = [&](Expr e) {
      return !eq(substitute(e, seized), substitute(e, attached));
    };
    Expr here = differs(can(i));
    for (const Update &u : i.updates)
      if (u.field != tracing) here = here || (can(i) && differs(u.value));
    if (i.output) here = here || (can(i) && differs(*i.output));
    unlike = unlike || (eq(m.schema.read(tracing), static_cast<Value>(Traced::seized)) && here);
  }
  return unlike;
}

Part rule_differs(const World &world, const std::string &rule, const std::string &effect) {
  return {"to a seized tracee '" + rule + "' is something else than to an attached one: " + effect,
          sometimes(world,
                    [rule](const View &v) {
                      Expr any = truth(false);
                      for (const Instance &i : v.m.instances)
                        if (i.rule->id == rule) any = any || acts_otherwise(v.m, i);
                      return any;
                    }),
          Verdict::holds,
          {},
          false};
}

// The rules that read the hidden bit.
std::vector<const Rule *> readers(const Model &m) {
  std::vector<const Rule *> all;
  std::set<std::string> known;
  for (const Instance &i : m.instances)
    if (!acts_otherwise(m, i).is(0) && known.insert(i.rule->id).second) all.push_back(i.rule);
  return all;
}

Claim overloaded() {
  const std::vector<World> worlds{
      {"seize-3.1",
       {STOP, CONT},
       {attach, use_seize, interrupt, listen, cont, setoptions, tracer_waits}},
      {"seize-3.1", {}, {attach, use_seize, cont, tracer_waits, clones}, {TRACECLONE}, 2}};
  Claim claim{
      "seize.overloaded",
      ClaimKind::consequence,
      "SEIZE changes what later steps do, and no SETOPTIONS sets or clears that",
      "RFC: In effect, SEIZE sets some options. And these \"SEIZE options\" can't be set or "
      "cleared by SETOPTIONS. This is stupid. Why can't we just add more options instead of "
      "inventing new entities? Why we overloaded SEIZE with two functions: \"attach to, but don't "
      "SIGSTOP the tracee\" and \"change behaviour of ptrace on this tracee\"?",
      {}};
  claim.parts.push_back({"SETOPTIONS leaves the hidden bit alone",
                         always_step(worlds[0], each_step([](const StepView &s, int t) {
                                       return implies(
                                           truth(s.step.label.action == Action::setoptions),
                                           s.same(s.before.t(t).tracing));
                                     }))});
  claim.parts.push_back(
      {"some step is another one for a seized tracee", sometimes(worlds[0], [](const View &v) {
         Expr any = truth(false);
         for (const Instance &i : v.m.instances) any = any || acts_otherwise(v.m, i);
         return any;
       })});
  std::set<std::string> told;
  for (const World &world : worlds) {
    const Config config = config_of(world);
    const Model model(explored_shape(config, world.threads, world.processes), &config);
    for (const Rule *r : readers(model))
      if (told.insert(r->id).second) claim.parts.push_back(rule_differs(world, r->id, r->effect));
  }
  return claim;
}

// Since the tracee was attached to, SETOPTIONS has not succeeded on it.
const char *const kSet = "setoptions";
Remember remember_setoptions() {
  return remember_since_attach(
      kSet, [](const StepView &s, int t) { return s.succeeds(Action::setoptions, t); });
}

struct Escapes {
  World world;
  OverStep step;  // of t0, which decides that there is no report that its option asks for
  const char *what;
};
std::vector<Escapes> escapes(const std::string &design) {
  const auto quiet = [](const StepView &s) {
    return truth(s.is("exec.sigtrap", 0) || s.is("exec.quiet", 0));
  };
  const auto begins = [](const StepView &s) {
    return truth(s.is("fork.begin", 0)) && eq(s.after.get(s.after.t(0).event), 0);
  };
  return {{{design, {}, {use_seize, cont, setoptions, tracer_waits, execs}, {TRACEEXEC}},
           quiet,
           "an execve"},
          {{design, {}, {use_seize, cont, setoptions, tracer_waits, clones}, {TRACECLONE}, 2},
           begins,
           "a clone"},
          {{design,
            {},
            {use_seize, cont, setoptions, tracer_waits, forks},
            {TRACEFORK, TRACEVFORK},
            1,
            2},
           begins,
           "a fork"}};
}

void escape_parts(std::vector<Part> &parts, const std::string &design, bool can, bool decides) {
  for (const Escapes &e : escapes(design)) {
    const OverStep escapes = [step = e.step](const StepView &s) {
      return step(s) && s.before.traced(0) && !since_attach(s.m, kSet, 0) && !s.before.killed(0);
    };
    Question q = can ? sometimes_step(e.world, escapes) : never_step(e.world, escapes);
    q.remember = remember_setoptions();
    parts.push_back({design + ": " + e.what + " of a seized tracee before the first SETOPTIONS " +
                         (can ? "can be" : "is never") + " without its report",
                     q,
                     Verdict::holds,
                     {},
                     decides});
  }
}

Part exec_trap(const std::string &design, bool can, bool decides) {
  const World world{design, {}, {use_seize, cont, setoptions, tracer_waits, execs}, {TRACEEXEC}};
  const OverStep traps = [](const StepView &s) { return truth(s.is("exec.sigtrap", 0)); };
  return {design + ": execve sends a seized tracee" + (can ? " SIGTRAP" : " no SIGTRAP"),
          can ? sometimes_step(world, traps) : never_step(world, traps),
          Verdict::holds,
          {},
          decides};
}

}  // namespace

void seize_claims(std::vector<Claim> &all) {
  all.push_back(overloaded());

  Claim none{"seize.no-options-at-attach",
             ClaimKind::consequence,
             "A run exists in which an execve, a clone and a fork between SEIZE and the first "
             "SETOPTIONS make no report, although SETOPTIONS is to ask for it",
             "RFC: If the argument is that we want to set options immediately at attach, then I "
             "completely agree: yes, we do! Moreover, we want to set some _ordinary_ options too, "
             "such as PTRACE_O_TRACEEXEC, and we can't do that even now, in improved API! It needs "
             "more improving.",
             {}};
  escape_parts(none.parts, "seize-3.1", true, true);
  all.push_back(std::move(none));

  all.push_back({"seize.exec-race",
                 ClaimKind::consequence,
                 "An execve after SEIZE and before SETOPTIONS sends the tracee SIGTRAP",
                 "RFC: With this proposal, I'd use all five, *explicitly*, and also use at least "
                 "PTRACE_O_TRACEEXEC, to avoid the possibility SEIZE races with execve and we get "
                 "that pesky SIGTRAP.",
                 {exec_trap("seize-3.1", true, true), exec_trap("linux-3.4", false, false)},
                 {"exec-seized"}});

  Claim a{"a.options-at-attach",
          ClaimKind::consequence,
          "With options at SEIZE no execve, clone or fork of the tracee is without its report, and "
          "no execve sends it SIGTRAP",
          "RFC: (a) make SEIZE take a parameter \"immediately set these options on attach\"",
          {},
          {"exec-event", "clone-thread-event", "fork-event"}};
  escape_parts(a.parts, "seize-options", false, true);
  a.parts.push_back(exec_trap("seize-options", false, true));
  escape_parts(a.parts, "linux-3.4", false, false);
  all.push_back(std::move(a));
}

}  // namespace ptmc::checker
