// Z3's verdicts: those of exploration, by proofs whose lemmas hold; on models with a mistake too.
#include "checker/prove.hpp"

#include <doctest/doctest.h>

#include <map>

#include "tests/exploring.hpp"
#include "tests/mutations.hpp"

namespace ptmc::tests {
namespace {

using namespace exploring;
using checker::Proof;
using checker::ProveOptions;
using checker::ProveResult;
using checker::Verdict;

constexpr auto kSmall = "group-stop";

const Proof &proof_of(const ProveResult &r, std::string_view id) {
  for (const Proof &p : r.proofs)
    if (p.property->id == id) return p;
  throw std::out_of_range(std::string(id));
}

TEST_CASE("every property is decided, and as exploration does") {
  for (std::string_view design : {"seize-options", "linux-3.4"}) {
    INFO(design);
    const auto m = make(design, kSmall, 1);
    const checker::ExploreResult explored = checker::explore(*m, {});
    const ProveResult proved = checker::prove(*m, {});
    REQUIRE(proved.proofs.size() == explored.properties.size());
    std::vector<Property> lemmas;
    for (const checker::Lemma &l : proved.lemmas) lemmas.push_back(property_of(l, m->schema));
    for (const checker::PropertyResult &e : explored.properties) {
      const Proof &p = proof_of(proved, e.property->id);
      INFO(p.property->id, ": ", p.how);
      CHECK(p.verdict == e.verdict);
      CHECK(p.trace.has_value() == e.trace.has_value());
      if (e.trace) CHECK(p.trace->instances.size() == e.trace->instances.size());
    }
    // None of the lemmas is false in a reachable state.
    CHECK(lemmas.size() > 5);
    checker::ExploreOptions o;
    o.properties = &lemmas;
    for (const checker::PropertyResult &l : checker::explore(*m, o).properties) {
      INFO(l.property->id);
      CHECK(l.verdict == Verdict::holds);
    }
  }
}

TEST_CASE("the proofs do not depend on --jobs; a time limit leaves them unknown") {
  const auto m = make("linux-3.4", kSmall, 1);
  ProveOptions o;
  o.property_ids = {"stopped.untraced", "stop_count.consumers"};
  const ProveResult one = checker::prove(*m, o);
  o.jobs = 2;
  const ProveResult two = checker::prove(*m, o);
  for (std::size_t k = 0; k < one.proofs.size(); ++k) {
    CHECK(one.proofs[k].verdict == Verdict::holds);
    CHECK(one.proofs[k].behind == two.proofs[k].behind);
    CHECK(one.proofs[k].lemmas == two.proofs[k].lemmas);
  }
  CHECK(one.questions == two.questions);
  o.time_limit = 1e-9;
  const ProveResult none = checker::prove(*m, o);
  CHECK(none.proofs[0].verdict == Verdict::unknown);
  CHECK(none.proofs[0].how != "");
}

TEST_CASE("what is false is unknown with a counterexample to induction, until a path shows it") {
  const auto m = make("linux-3.4", kSmall, 1);
  const std::vector<Property> own{{"never.stopped",
                                   PropertyKind::always,
                                   "No thread stops",
                                   "false",
                                   [](const Config &) { return true; },
                                   [](const Model &of) {
                                     return !at_loc(of.schema.read(of.schema.thread[0].loc),
                                                    Loc::stopped);
                                   },
                                   {}}};
  ProveOptions o;
  o.properties = &own;
  o.depth = 0;
  const ProveResult unknown = checker::prove(*m, o);
  const Proof &p = unknown.proofs[0];
  CHECK(p.verdict == Verdict::unknown);
  CHECK(p.how.find("induction fails") == 0);
  REQUIRE(p.cti);
  const Interpreter interpreter(*m);
  State after;
  REQUIRE(interpreter.step(p.cti->instance, p.cti->before, after));
  CHECK(after == p.cti->after);
  CHECK(m->schema.loc(after, 0) == Loc::stopped);
  CHECK(m->schema.loc(p.cti->before, 0) != Loc::stopped);
  o.depth = 6;
  const ProveResult found = checker::prove(*m, o);
  CHECK(found.proofs[0].verdict == Verdict::violated);
  CHECK(m->schema.loc(found.proofs[0].trace->states.back(), 0) == Loc::stopped);
}

// A counter that goes round below 4, and two numbers that nothing leads to: 5 to 6 to 7.
TEST_CASE("k-induction shows what induction alone does not") {
  const Config config = explored_config(parse_design("linux-3.4"), find_profile(kSmall), {});
  Model m({1, {CONT}}, &config, {});
  const Field counter = m.schema.add("counter", 3);
  const Rule *rule = m.family({"count", Actor::kernel, "counts", {}, {}, "", ""});
  const Expr now = m.schema.read(counter);
  const auto add = [&](Value from, Value to) {
    static const std::string kThere = "it is there";
    Instance i;
    i.rule = rule;
    i.parameters = std::to_string(from);
    i.guards.push_back({kThere, eq(now, from)});
    i.updates.push_back({counter, constant(to)});
    m.instances.push_back(std::move(i));
  };
  for (Value v = 0; v < 4; ++v) add(v, (v + 1) % 4);
  add(5, 6), add(6, 7);
  const auto never = [&](Value v) {
    return Property{"never." + std::to_string(v),
                    PropertyKind::always,
                    "it never gets there",
                    "",
                    [](const Config &) { return true; },
                    [=](const Model &) { return ne(now, v); },
                    {}};
  };
  const std::vector<Property> own{never(7), never(3)};
  ProveOptions o;
  o.properties = &own;
  o.fast = o.lemmas = false;
  const ProveResult r = checker::prove(m, o);
  CHECK(r.proofs[0].verdict == Verdict::holds);
  CHECK(r.proofs[0].how == "by k-induction, k = 3");
  CHECK(r.proofs[1].verdict == Verdict::violated);
  o.k = 2;
  CHECK(checker::prove(m, o).proofs[0].verdict == Verdict::unknown);
  o.k = 4;
  o.depth = 1;  // paths of two steps were not looked at: k may be 2 at most
  CHECK(checker::prove(m, o).proofs[0].verdict == Verdict::unknown);
  o.lemmas = true;
  CHECK(checker::prove(m, o).proofs[0].how == "by induction");
  // A length that is known is looked at, whatever the depth; a wrong one shows nothing.
  o.depth = 0;
  CHECK(checker::prove(m, o).proofs[1].verdict == Verdict::unknown);
  o.lengths = {{"never.3", 2}};
  CHECK(checker::prove(m, o).proofs[1].verdict == Verdict::unknown);
  o.lengths = {{"never.3", 7}};
  CHECK(checker::prove(m, o).proofs[1].how == "violated after 7 steps");
}

// Fields of the two that have one name would be one constant: then no state has a process and none.
TEST_CASE("two processes have each their own fields") {
  const Config config = explored_config(parse_design("linux-3.4"), find_profile("forks"), {});
  const Model m(explored_shape(config, 1, 2), &config);
  ProveOptions o;
  o.induction = false;
  o.property_ids = {"fork.begins.occurs", "fork.child.occurs"};
  for (const Proof &p : checker::prove(m, o).proofs) {
    INFO(p.property->id, ": ", p.how);
    CHECK(p.verdict == Verdict::holds);
  }
}

TEST_CASE("the violations that mistakes in the model cause are found") {
  std::size_t found = 0;
  for (const Mutation &mutation : mutations()) {
    if (mutation.property.empty()) continue;
    INFO(mutation.name, ": ", mutation.property);
    const Config config = mutated_config(mutation.threads);
    Model m({mutation.threads, {KILL, CONT, STOP}}, &config);
    mutation.mutate(m);
    ProveOptions o;
    o.property_ids = {mutation.property};
    o.induction = false;
    o.fast = false;
    o.depth = 16;
    const ProveResult r = checker::prove(m, o);
    CHECK(r.proofs[0].verdict == Verdict::violated);
    ++found;
  }
  CHECK(found >= 20);
}

}  // namespace
}  // namespace ptmc::tests
