// Option synthesis: which sets are minimal, and for the model what the RFC's text says of its
// options.

#include "checker/synthesis.hpp"

#include <doctest/doctest.h>

#include "model/designs.hpp"
#include "tests/exploring.hpp"

using namespace ptmc;
using namespace ptmc::checker;
using namespace ptmc::exploring;

namespace {

// The verdicts of a made-up property, by a formula over three options.
template <class Formula>
OptionVerdicts of(Formula formula) {
  static const Property made_up;
  const auto all = over_option_sets(3, [&](OptionSet set) {
    const bool holds = formula((set & 1) != 0, (set & 2) != 0, (set & 4) != 0);
    return std::vector{std::pair{&made_up, holds ? Verdict::holds : Verdict::violated}};
  });
  REQUIRE(all.size() == 1);
  return all[0];
}

}  // namespace

TEST_CASE("minimal sets are those of the formula") {
  const auto either = of([](bool a, bool b, bool c) { return (a && b) || c; });
  CHECK(either.minimal() == std::vector<OptionSet>{3, 4});
  CHECK(either.spoilt().empty());
  const auto always = of([](bool, bool, bool) { return true; });
  CHECK(always.minimal() == std::vector<OptionSet>{0});
  CHECK(always.everywhere(Verdict::holds));
  const auto never = of([](bool, bool, bool) { return false; });
  CHECK(never.minimal().empty());
  CHECK(never.everywhere(Verdict::violated));
  const auto harmed = of([](bool a, bool b, bool) { return a && !b; });
  CHECK(harmed.minimal() == std::vector<OptionSet>{1});
  CHECK(harmed.spoilt() == std::vector<OptionSet>{3, 7});
}

// What the options enable (the RFC, (c) (1) to (4)) can be seen with them and only with them.
TEST_CASE("what an option enables needs just that option") {
  const auto all = over_option_sets(5, [&](OptionSet set) {
    DesignSpec spec = parse_design("seize-options");
    spec.options = rfc_options(set);
    const Config config = explored_config(spec, find_profile("group-stop"), {});
    const Model m(explored_shape(config, 1), &config);
    ExploreOptions how;
    how.properties = &asked_everywhere();
    Verdicts verdicts;
    for (const PropertyResult &r : explore(m, how).properties)
      verdicts.emplace_back(r.property, r.verdict);
    return verdicts;
  });
  const auto least = [&](std::string_view id) {
    for (const OptionVerdicts &v : all)
      if (v.property->id == id) return v.minimal();
    FAIL("no property ", id);
    return std::vector<OptionSet>{};
  };
  CHECK(least("listen.parks.occurs") == std::vector<OptionSet>{4});
  CHECK(least("interrupt.traps.occurs") == std::vector<OptionSet>{2});
}
