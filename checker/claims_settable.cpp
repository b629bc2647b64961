// (e): "Make these bits settable with SETOPTIONS too", and the objection to clearing them.

#include "checker/claim_parts.hpp"

namespace ptmc::checker {
namespace {

using namespace model;
using enum Feature;

enum class Changes : std::uint8_t { none, sets, clears };

// SETOPTIONS changes (1), (2) and (3) only, and in one direction.
Remember only(Changes changes) {
  return [changes](Model &m) {
    static const std::string kOneWay = "the bit goes this way";
    for (Instance &i : m.instances) {
      if (i.label.action != Action::setoptions || i.label.arg < kFlip) continue;
      const int option = i.label.arg - kFlip;
      const bool asked = option == TRACESTOP || option == INTERRUPT || option == LISTEN;
      const Field bit = m.schema.thread[static_cast<std::size_t>(i.label.thread)]
                            .option[static_cast<std::size_t>(option)];
      const Expr now = m.schema.read(bit);
      i.guards.push_back({kOneWay, truth(asked) && (changes == Changes::clears ? now
                                                    : changes == Changes::sets ? !now
                                                                               : truth(false))});
    }
  };
}

World world(Changes changes, bool listening) {
  std::vector<Feature> may{use_seize, interrupt,    Feature::listen, cont,
                           inspect,   tracer_waits, change_options};
  if (listening) may.push_back(setoptions_while_listening);
  return {changes == Changes::sets ? "seize-options+" : "seize-options", {STOP, CONT}, may};
}

// Stuck: a tracee that no tracer can get to run. Lost: a SIGCONT that a listening tracee does not
// report. Ambiguous: a group-stop that looks like another stop.
std::vector<Part> parts_of(Changes changes, bool listening, const std::string &under) {
  const std::string name = std::to_string(static_cast<int>(changes)) + (listening ? "l" : "");
  const auto asked = [&](Question q) {
    q.world = world(changes, listening);
    q.remember = only(changes);
    q.remembers = name;
    return q;
  };
  std::vector<Part> parts;
  const auto add = [&](const char *statement, Question q, Verdict expects) {
    parts.push_back({statement, asked(std::move(q)), expects, under});
  };
  const auto stopped = [](const Model &m) {
    const View v(m);
    return v.traced(0) && v.in_trap(0);
  };
  const auto runs = [](const Model &m) { return View(m).at(0, {Loc::user}); };
  add("stuck: from every stop, listening too, its tracer can get the tracee to run",
      {{}, {}, Leads{stopped, runs}, {}}, Verdict::holds);
  add("lost: SIGCONT makes a listening tracee stop and report again, unless it dies",
      sigcont_reported({}), Verdict::holds);
  const auto group = [](const Model &m) {
    return jobctl_stop(m, 0) && ne(m.schema.read(m.schema.thread[0].sig), TRAP);
  };
  const auto other = [](const Model &m) { return !jobctl_stop(m, 0); };
  add("ambiguous: a group-stop is confused with another stop by status and GETSIGINFO",
      {{}, {}, Confused{Confused::Level::siginfo, group, other}, {}}, Verdict::violated);
  return parts;
}

void append(std::vector<Part> &all, std::vector<Part> more, const char *how) {
  for (Part &p : more) {
    p.statement = std::string(how) + ": " + p.statement;
    all.push_back(std::move(p));
  }
}

}  // namespace

void settable_claims(std::vector<Claim> &all) {
  Claim settable{"e.settable",
                 ClaimKind::consequence,
                 "Changing bits (1) to (3) by SETOPTIONS leaves no tracee stuck, no SIGCONT lost, "
                 "and makes no group-stop look like another stop",
                 "RFC: (e) Make these bits settable with SETOPTIONS too, to keep API complete.",
                 {}};
  const std::string one_way[] = {"bits are not changed", "bits are only set",
                                 "bits are only cleared"};
  for (const Changes c : {Changes::none, Changes::sets, Changes::clears})
    for (const bool listening : {false, true}) {
      if (c == Changes::none && listening) continue;
      const std::string under = one_way[static_cast<std::size_t>(c)] +
                                (listening ? ", also while the tracee listens" : "");
      append(settable.parts, parts_of(c, listening, under), under.c_str());
    }
  all.push_back(std::move(settable));

  Claim objection{"objection.clearing",
                  ClaimKind::consequence,
                  "e.settable has a counterexample in which each change of a bit is from 1 to 0",
                  "Tejun Heo to Denys Vlasenko, LKML, 18 May 2011 (in our words): clearing such an "
                  "option while "
                  "attached would open new issues",
                  {}};
  objection.one_is_enough = true;
  for (const bool listening : {false, true}) {
    std::vector<Part> parts = parts_of(Changes::clears, listening, {});
    for (Part &p : parts) {
      p.expects = p.expects == Verdict::holds ? Verdict::violated : Verdict::holds;
      p.statement =
          std::string(listening ? "also while it listens, not so: " : "not so: ") + p.statement;
      objection.parts.push_back(std::move(p));
    }
  }
  all.push_back(std::move(objection));
}

}  // namespace ptmc::checker
