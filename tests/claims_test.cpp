// The RFC's claims: that all are there, how a verdict follows from the answers, what an observer
// remembers, and that each verdict depends on the rule that it is about.

#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <set>

#include "checker/claim_parts.hpp"
#include "checker/exercise.hpp"
#include "checker/prove.hpp"
#include "checker/ways.hpp"
#include "tests/claim_flips.hpp"
#include "tests/exploring.hpp"

using namespace ptmc;
using namespace ptmc::checker;
using namespace ptmc::exploring;

namespace {

// The ids of the contract.
const std::set<std::string> kIds{"quirk.attach-sigstop",
                                 "quirk.attach-other-signal",
                                 "quirk.exec-sigtrap",
                                 "quirk.autoattach-sigstop",
                                 "seize.overloaded",
                                 "seize.no-options-at-attach",
                                 "seize.exec-race",
                                 "a.options-at-attach",
                                 "b.plain-seize",
                                 "c1.flags-stops",
                                 "c2.interrupt",
                                 "c2.without-1",
                                 "c3.listen",
                                 "c3.alone",
                                 "c4.children",
                                 "c5.errors",
                                 "d.no-hidden-bit",
                                 "d.bits-1234",
                                 "e.settable",
                                 "r.event-stop-asymmetry",
                                 "r.interrupt-always-allowed",
                                 "r.listen-always-allowed",
                                 "r.getsiginfo-check",
                                 "r.saves-one-call",
                                 "r.listen-wrong-stop",
                                 "r.new-kernel-flag",
                                 "r.setoptions-first-stop",
                                 "loop.strace.legacy",
                                 "loop.strace.seize-3.1",
                                 "loop.strace.options",
                                 "loop.strace.linux-3.4",
                                 "objection.clearing"};

const std::string kTracers = PTMC_SOURCE_DIR "/checker/tracers/";

// The loops too.
const std::vector<Claim> &all_claims() {
  static const std::vector<Claim> all = [] {
    std::vector<Claim> made = claims();
    for (Claim &c : loop_claims(kTracers)) made.push_back(std::move(c));
    return made;
  }();
  return all;
}

const Claim &claim(std::string_view id) {
  for (const Claim &c : all_claims())
    if (c.id == id) return c;
  FAIL("no claim " << id);
  std::abort();
}

AskOptions exploring_only() {
  AskOptions options;
  options.jobs = 2;
  options.time_limit = 0;
  options.proves = false;
  return options;
}

std::vector<Verdict> verdicts(const Decided &decided) {
  std::vector<Verdict> all;
  for (const Answers &a : decided.answers) all.push_back(a.verdict());
  return all;
}

Answers answered(Verdict explored, Verdict proved = Verdict::unknown) {
  Answers a;
  a.explored.verdict = explored;
  a.proved.verdict = proved;
  return a;
}

}  // namespace

TEST_CASE("every id of the contract is a claim") {
  std::multiset<std::string> ids;
  for (const Claim &c : all_claims()) ids.insert(c.id);
  CHECK(std::set<std::string>(ids.begin(), ids.end()) == kIds);
  CHECK(ids.size() == kIds.size());
}

TEST_CASE("a claim has its parts, its words and its source") {
  for (const Claim &c : all_claims()) {
    CAPTURE(c.id);
    CHECK(!c.statement.empty());
    CHECK(!c.source.empty());
    CHECK(std::any_of(c.parts.begin(), c.parts.end(),
                      [](const checker::Part &p) { return p.decides; }));
  }
}

// "> ..." is what follows is about: "**id**", in bold.
TEST_CASE("the documentation has each claim below the words that it is about") {
  std::ifstream page(PTMC_SOURCE_DIR "/checker/CLAIMS.md");
  std::map<std::string, std::string> words;
  std::string quote;
  bool quoting = false;
  for (std::string line; std::getline(page, line);) {
    const bool quotes = line.starts_with("> ");
    if (quotes) quote = (quoting ? quote + " " : "") + line.substr(2);
    quoting = quotes;
    if (!line.starts_with("**")) continue;
    for (std::size_t at = 0; (at = line.find("**", at)) != std::string::npos;) {
      const std::size_t end = line.find("**", at + 2);
      REQUIRE(end != std::string::npos);
      words[line.substr(at + 2, end - at - 2)] = quote;
      at = end + 2;
    }
  }
  for (const Claim &c : all_claims()) {
    CAPTURE(c.id);
    CHECK(words[c.id] == c.source);
  }
  CHECK(words.size() == all_claims().size());
}

TEST_CASE("a verdict follows from the answers") {
  Claim made{"made-up", ClaimKind::consequence, "", "", {}};
  const auto part = [](const char *under, bool decides = true) {
    checker::Part p{"", {}, Verdict::holds};
    p.under = under;
    p.decides = decides;
    return p;
  };
  made.parts = {part(""), part("one way"), part("another"), part("", false)};
  const auto verdict = [&](Verdict a, Verdict b, Verdict c, Verdict told) {
    return judge(made, {answered(a), answered(b), answered(c), answered(told)});
  };
  const Verdict yes = Verdict::holds, no = Verdict::violated, open = Verdict::unknown;
  CHECK(verdict(yes, yes, yes, no).verdict == ClaimVerdict::holds);
  CHECK(verdict(no, yes, yes, yes).verdict == ClaimVerdict::fails);
  CHECK(verdict(yes, no, no, yes).verdict == ClaimVerdict::fails);
  CHECK(verdict(yes, open, yes, yes).verdict == ClaimVerdict::undecided);
  CHECK(verdict(yes, yes, yes, open).verdict == ClaimVerdict::holds);
  const Decided some = verdict(yes, no, yes, no);
  CHECK(some.verdict == ClaimVerdict::holds_if);
  CHECK(some.condition == "another");
}

TEST_CASE("a part may count only if another is true, and one may be enough") {
  Claim made{"made-up", ClaimKind::consequence, "", "", {}};
  checker::Part premise{"", {}, Verdict::holds}, then{"", {}, Verdict::holds};
  premise.decides = false;
  then.only_if = 0;
  made.parts = {premise, then};
  const Verdict yes = Verdict::holds, no = Verdict::violated;
  CHECK(judge(made, {answered(yes), answered(no)}).verdict == ClaimVerdict::fails);
  CHECK(judge(made, {answered(no), answered(no)}).verdict == ClaimVerdict::holds);
  CHECK(judge(made, {answered(Verdict::unknown), answered(yes)}).verdict ==
        ClaimVerdict::undecided);
  made.parts = {then, then};
  for (checker::Part &p : made.parts) p.only_if = -1;
  made.one_is_enough = true;
  CHECK(judge(made, {answered(no), answered(yes)}).verdict == ClaimVerdict::holds);
  CHECK(judge(made, {answered(no), answered(no)}).verdict == ClaimVerdict::fails);
}

// By reading: in a trap CONT is a way to user mode; of a listening attached tracee there is none
// but SIGCONT, where INTERRUPT is not allowed.
TEST_CASE("a way out is found, and that there is none") {
  const auto in_trap = [](const Model &m) { return View(m).in_trap(0); };
  const auto runs = [](const Model &m) { return View(m).at(0, {Loc::user}); };
  const auto verdict = [&](const char *design, std::vector<Feature> may) {
    const Question q{{design, {STOP, CONT}, std::move(may)}, {}, Leads{in_trap, runs}, {}};
    const Answers a = ask({&q}, {})[0];
    CHECK(a.proved.verdict == a.explored.verdict);
    return a.explored.verdict;
  };
  CHECK(verdict("legacy", {Feature::attach, Feature::cont, Feature::tracer_waits}) ==
        Verdict::holds);
  CHECK(verdict("seize-options+LISTEN", {Feature::use_seize, Feature::cont, Feature::listen,
                                         Feature::tracer_waits}) == Verdict::violated);
  CHECK(verdict("seize-options+LISTEN,INTERRUPT",
                {Feature::use_seize, Feature::cont, Feature::listen, Feature::interrupt,
                 Feature::tracer_waits}) == Verdict::holds);
}

// A hint that is wrong proves nothing: of a way out that is too short, and of states without one
// from which there is one.
TEST_CASE("what exploration says of ways is proved, not believed") {
  const auto in_trap = [](const Model &m) { return View(m).in_trap(0); };
  const auto runs = [](const Model &m) { return View(m).at(0, {Loc::user}); };
  const Question q{{"legacy", {STOP}, {Feature::attach, Feature::cont, Feature::tracer_waits}},
                   {},
                   Leads{in_trap, runs},
                   {}};
  const Leads &leads = std::get<Leads>(q.asks);
  Ways ways = ways_out(*model_of(q), leads, 100'000, 0);
  REQUIRE(ways.complete);
  REQUIRE(!ways.shortening.empty());
  const auto proved = [&](auto &&make) {
    const auto m = model_of(q);
    std::vector<model::Property> all = make(*m);
    for (model::Property &p : all) p.applies = model::anywhere;
    ProveOptions how;
    how.properties = &all;
    how.fast = false;
    how.samples = how.reach = 100'000;
    std::vector<Verdict> verdicts;
    for (const Proof &p : prove(*m, how).proofs) verdicts.push_back(p.verdict);
    return verdicts;
  };
  const auto way = [&](Model &m) { return std::vector{a_way_is_open(m, leads, ways)}; };
  const auto none = [&](Model &m) { return no_way_is_open(m, leads, ways); };
  CHECK(proved(way) == std::vector{Verdict::holds});
  ways.shortening.pop_back();
  CHECK(proved(way) != std::vector{Verdict::holds});
  CHECK(proved(none) == std::vector{Verdict::holds, Verdict::violated});
}

TEST_CASE("Z3 shows that what exploration has not seen never happens") {
  const World world{"legacy", {STOP}, {Feature::attach, Feature::cont, Feature::tracer_waits}};
  const Question q = sometimes(world, [](const View &v) { return v.at(0, {Loc::event_trap}); });
  const Answers a = ask({&q}, {})[0];
  CHECK(a.explored.verdict == Verdict::violated);
  CHECK(a.proved.verdict == Verdict::violated);
  CHECK(a.proved.traces.empty());
}

TEST_CASE("runs that exercise a property end with a step that could break it") {
  const World world{"linux-3.4",
                    {STOP},
                    {Feature::use_seize, Feature::listen, Feature::cont, Feature::tracer_waits}};
  const auto never = [](Action action) {
    return property_over("never", PropertyKind::always,
                         OverStep(each_step([action](const StepView &s, int t) {
                           return truth(!s.succeeds(action, t));
                         })));
  };
  const auto m = model_of({world, {}, Holds{never(Action::listen)}});
  const model::Property listens = never(Action::listen), interrupts = never(Action::interrupt);
  const std::vector<Counterexample> runs = exercises(*m, {&listens, &interrupts}, 100'000);
  REQUIRE(runs.size() == 1);  // this tracer does not call INTERRUPT
  CHECK(m->instances[runs[0].instances.back()].rule->id == "listen");
  CHECK(runs[0].states.size() == runs[0].instances.size() + 1);
  replay(Interpreter(*m), runs[0]);
  CHECK(exercises(*m, {&interrupts}, 100'000).empty());
}

TEST_CASE("engines that contradict each other are an error, one that does not know is not") {
  CHECK(answered(Verdict::unknown, Verdict::violated).verdict() == Verdict::violated);
  CHECK_THROWS_AS(answered(Verdict::holds, Verdict::violated).verdict(), std::logic_error);
}

TEST_CASE("what is remembered follows the run, step by step") {
  const auto m = make("legacy", "group-stop", 1);
  remember_own({Own::attach})(*m);
  std::size_t attached = 0, cleared = 0;
  const Interpreter plain(*m);
  const Field own = field_named(m->schema, "t0.own.SIGSTOP");
  const Field pending = m->schema.thread[0].pend[STOP];
  State next;
  for (const State &s : bfs(*m).order)
    for (std::size_t i = 0; i < m->instances.size(); ++i) {
      if (!plain.step(i, s, next)) continue;
      const bool attaches = m->instances[i].rule->id == "attach";
      const bool was = m->schema.get(s, own), is = m->schema.get(next, own);
      CHECK(is <= m->schema.get(next, pending));  // nothing of it is left when it is dequeued
      if (attaches) CHECK(is == m->schema.get(next, pending));
      if (!attaches) CHECK(is <= was);
      attached += attaches && is, cleared += was && !is;
    }
  CHECK(attached > 0);
  CHECK(cleared > 0);
}

// By reading the kernel: a legacy group-stop has no siginfo, the stop before SIGSTOP's delivery has
// one; both have SIGSTOP in their status.
TEST_CASE("a group-stop and the delivery of its signal are told apart by GETSIGINFO only") {
  const World world{
      "legacy", {STOP}, {Feature::attach, Feature::cont, Feature::inspect, Feature::tracer_waits}};
  const auto group = [](const Model &m) { return jobctl_stop(m, 0); };
  const auto delivery = [](const Model &m) { return stops_for(m, 0, STOP); };
  for (const auto &[level, expected] : {std::pair(Confused::Level::status, Verdict::holds),
                                        std::pair(Confused::Level::siginfo, Verdict::violated),
                                        std::pair(Confused::Level::history, Verdict::violated)}) {
    const Question q{world, {}, Confused{level, group, delivery}};
    AskOptions options;
    const Answers a = ask({&q}, options)[0];
    CHECK(a.explored.verdict == expected);
    if (level != Confused::Level::history) CHECK(a.proved.verdict == expected);
  }
}

TEST_CASE("each verdict depends on the rule that it is about") {
  std::set<std::string_view> flipped;
  for (const tests::Flip &f : tests::flips()) {
    CAPTURE(f.claim);
    CAPTURE(f.what);
    AskOptions options = exploring_only();
    const Decided before = decide(claim(f.claim), options, false);
    options.mutate = f.change;
    const Decided after = decide(claim(f.claim), options, false);
    // Of a loop the verdict is the conjunction of its parts, which are told one by one.
    const bool loop = f.claim.starts_with("loop.");
    CHECK((before.verdict != after.verdict || before.condition != after.condition ||
           (loop && verdicts(before) != verdicts(after))));
    flipped.insert(f.claim);
  }
  for (const Claim &c : all_claims())
    CHECK((c.kind == ClaimKind::definition || flipped.count(c.id)));
}

// The RFC's (5) is what makes ESRCH tell that the tracee is gone; nothing else does.
TEST_CASE("of a claim that fails the smallest change to the proposal is found") {
  Claim without = claim("c5.errors");
  std::erase_if(without.parts,
                [](const checker::Part &p) { return p.question.world.design != "seize-options+"; });
  REQUIRE(without.parts.size() == 1);
  without.parts[0].under.clear();
  CHECK(about_the_proposal(without));
  CHECK(decide(without, exploring_only()).verdict == ClaimVerdict::fails);
  CHECK(smallest_change(without, exploring_only()) == "SEIZE with SANEERR");
  CHECK(!about_the_proposal(claim("quirk.attach-sigstop")));
  CHECK(!smallest_change(claim("r.listen-wrong-stop"), exploring_only()));
}
