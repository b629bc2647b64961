// Z3 and exploration decide every property alike: all designs, one thread, the default profile.
#include <doctest/doctest.h>

#include "checker/prove.hpp"
#include "tests/exploring.hpp"

namespace ptmc::tests {
namespace {

using namespace exploring;
using checker::Verdict;

TEST_CASE("both engines decide every property of every design") {
  for (std::string_view design : kDesigns) {
    const auto m = make(design, "default", 1);
    const checker::ExploreResult explored = checker::explore(*m, {});
    const checker::ProveResult proved = checker::prove(*m, {});
    REQUIRE(proved.proofs.size() == explored.properties.size());
    for (std::size_t k = 0; k < proved.proofs.size(); ++k) {
      const checker::Proof &p = proved.proofs[k];
      INFO(design, ": ", p.property->id, ": ", p.how);
      CHECK(p.property == explored.properties[k].property);
      CHECK(p.verdict == explored.properties[k].verdict);
    }
    CHECK(proved.slowest < 60);
    MESSAGE(design, ": ", proved.lemmas.size(), " lemmas, ", proved.questions, " questions, ",
            proved.seconds, " s");
  }
}

}  // namespace
}  // namespace ptmc::tests
