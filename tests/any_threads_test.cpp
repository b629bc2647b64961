// Proofs for any number of threads: they are there, and a mistake in a rule or one that treats a
// thread in its own way is refused. Exploration finds the properties true too.
#include <doctest/doctest.h>

#include <algorithm>

#include "tests/crowding.hpp"
#include "tests/mutations.hpp"

namespace ptmc::tests {
namespace {

TEST_CASE("the properties are proved for any number of threads, with the lemmas that they use") {
  // A group in exit drops signals in the one, and takes them in the other.
  for (const char *design : {"linux-3.4", "seize-3.1"}) {
    const CrowdResult r = any_threads(*text_of(design), {.jobs = 2});
    CHECK(r.failed.empty());
    CHECK(r.instances > 150);
    CHECK(r.symmetries > r.instances);
    for (const CrowdProof &p : r.proofs) {
      INFO(design, ", ", p.of.property.id, ": ", p.why);
      CHECK(p.verdict == Verdict::holds);
      CHECK(p.slowest < 60);
      for (const std::string &lemma : p.lemmas) MESSAGE(p.of.property.id, " uses ", lemma);
    }
  }
}

TEST_CASE("who forgets to decrement group_stop_count is found by the proof") {
  const CrowdOptions o{.rules = {"group_stop.join"}};
  const auto text = text_of("linux-3.4", [](Model &m) {
    each(m, {"group_stop.join"}, [](Edit &e) { e.keep(e.p.stop_count); });
  });
  const CrowdResult r = any_threads(*text, o);
  CHECK(r.failed.empty());
  const auto failed = failures(r);
  CHECK(std::find(failed.begin(), failed.end(), "stop_count.consumers") != failed.end());
}

TEST_CASE("a rule that treats one thread in its own way is refused") {
  // Another thread than the one that acts: it keeps out of the group-stop.
  const CrowdOptions o{.rules = {"deliver.stop"}};
  const auto other = text_of("linux-3.4", [](Model &m) {
    if (m.threads() > 2) each(m, {"deliver.stop"}, [](Edit &e) { e.keep(e.f(2).consume); });
  });
  CHECK(!any_threads(*other, o).failed.empty());
  // The one that acts.
  const CrowdOptions join{.rules = {"group_stop.join"}};
  const auto actor = text_of("linux-3.4", [](Model &m) {
    each(m, {"group_stop.join"}, [](Edit &e) {
      if (e.t == 2) e.keep(e.f(2).stop_pending);
    });
  });
  CHECK(!any_threads(*actor, join).failed.empty());
  // The text says something else of four threads: SIGCONT forgets the last one.
  const CrowdOptions send{.rules = {"send.process"}};
  const auto large = text_of("linux-3.4", [](Model &m) {
    if (m.threads() == 4) each_send(m, CONT, [](Edit &e) { e.keep(e.f(3).consume); });
  });
  CHECK(!any_threads(*large, send).failed.empty());
}

TEST_CASE("exploration finds them true, of one thread and of three") {
  for (int threads : {1, 3}) {
    const Config c = threads == 1
                         ? config_of("linux-3.4")
                         : explored_config(parse_design("linux-3.4"), find_profile("stops"), {});
    std::vector<Property> all;
    for (const CrowdProperty &p : checker::crowd_properties(c)) all.push_back(p.property);
    checker::ExploreOptions o;
    o.properties = &all;
    const checker::ExploreResult r = checker::explore(Model(explored_shape(c, threads), &c), o);
    CHECK(r.complete);
    MESSAGE(threads, " threads: ", r.states, " states");
    for (const checker::PropertyResult &p : r.properties) {
      INFO(p.property->id);
      CHECK(p.verdict == Verdict::holds);
    }
  }
}

TEST_CASE("a time limit leaves everything unknown, with the reason") {
  const CrowdResult r = any_threads(*text_of("legacy"), {.time_limit = 1e-9});
  CHECK(!r.proved());
  for (const CrowdProof &p : r.proofs) CHECK(p.why.find("time limit") != std::string::npos);
}

}  // namespace
}  // namespace ptmc::tests
