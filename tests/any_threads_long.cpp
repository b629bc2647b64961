// Proofs for any number of threads in each design; two threads explored in full beside them.
#include <doctest/doctest.h>

#include "checker/any_threads.hpp"
#include "tests/exploring.hpp"

namespace ptmc::tests {
namespace {

using namespace exploring;
using checker::Verdict;

TEST_CASE("each design's group-stop is proved for any number of threads") {
  for (std::string_view design : kDesigns) {
    INFO(design);
    const Config c = explored_config(parse_design(design), find_profile("group-stop"), {});
    const auto text = checker::crowd_text([&](int n) { return checker::unrolled(c, n); });
    const checker::CrowdResult r = any_threads(*text, {.jobs = 2});
    for (const std::string &condition : r.failed) CHECK(condition == "");
    for (const checker::CrowdProof &p : r.proofs) {
      INFO(p.of.property.id, ": ", p.why);
      CHECK(p.verdict == Verdict::holds);
      CHECK(p.slowest < 60);
    }
  }
}

TEST_CASE("exploration of two threads finds the same, lemmas too") {
  for (std::string_view design : kDesigns) {
    INFO(design);
    const auto m = make(design, "group-stop", 2);
    std::vector<Property> all;
    for (const checker::CrowdProperty &p : checker::crowd_properties(*m->config))
      all.push_back(p.property);
    checker::ExploreOptions o;
    o.properties = &all;
    const checker::ExploreResult r = checker::explore(*m, o);
    CHECK(r.complete);
    MESSAGE(design, ": ", r.states, " states");
    for (const checker::PropertyResult &p : r.properties) {
      INFO(p.property->id);
      CHECK(p.verdict == Verdict::holds);
    }
  }
}

}  // namespace
}  // namespace ptmc::tests
