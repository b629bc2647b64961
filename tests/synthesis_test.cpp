// Option synthesis: which sets are minimal, and for the model what the RFC's text says of its
// options.

#include "checker/synthesis.hpp"

#include <doctest/doctest.h>

#include "checker/any_options.hpp"
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

Config group_stop(const DesignSpec &spec) {
  return explored_config(spec, find_profile("group-stop"), {});
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
    const Config config = group_stop(spec);
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

// The model of all sets at once has the states of each of the 32 models, and the one in which none
// is chosen yet.
TEST_CASE("options as unknowns: no state and no step is lost or new") {
  const Config config = group_stop(parse_design("seize-options"));
  AnyOptions any(explored_shape(config, 1), config);
  ExploreOptions how;
  how.fast = false;
  how.properties = nullptr;
  how.property_ids = {"stop.lasts"};
  const ExploreResult together = explore(any.model(), how);
  std::uint64_t states = 1, transitions = 32;
  for (OptionSet set = 0; set < 32; ++set) {
    DesignSpec spec = parse_design("seize-options");
    spec.options = rfc_options(set);
    const Config one = group_stop(spec);
    const Model m(explored_shape(one, 1), &one);
    const ExploreResult r = explore(m, how);
    states += r.states;
    transitions += r.transitions;
  }
  CHECK(together.states == states);
  CHECK(together.transitions == transitions);
}

TEST_CASE("Z3 with the options as unknowns gives the verdicts of each set") {
  const Config config = group_stop(parse_design("seize-options"));
  ProveOptions how;
  how.property_ids = {"listen.parks", "listen.parks.occurs", "interrupt.traps.occurs",
                      "event_stop.signal.occurs"};
  const auto proved = prove_any_options(explored_shape(config, 1), config, how);
  REQUIRE(proved.size() == how.property_ids.size());
  const auto explored = over_option_sets(5, [&](OptionSet set) {
    DesignSpec spec = parse_design("seize-options");
    spec.options = rfc_options(set);
    const Config one = group_stop(spec);
    const Model m(explored_shape(one, 1), &one);
    ExploreOptions e;
    e.properties = &asked_everywhere();
    for (const std::string &id : how.property_ids)
      for (const Property &p : asked_everywhere())
        if (p.id == id && p.applies(one)) e.property_ids.push_back(id);
    Verdicts verdicts;
    for (const PropertyResult &r : explore(m, e).properties)
      verdicts.emplace_back(r.property, r.verdict);
    return verdicts;
  });
  for (const OptionVerdicts &p : proved)
    for (const OptionVerdicts &e : explored) {
      if (p.property != e.property) continue;
      INFO(p.property->id);
      CHECK(p.by_set == e.by_set);
      CHECK(!p.anywhere(Verdict::unknown));
    }
}
