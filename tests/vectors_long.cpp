// The vectors of every wrong model of mutations.hpp fail on this kernel.
#include <set>

#include "tests/mutations.hpp"
#include "tests/vectoring.hpp"

namespace ptmc::tests {
namespace {

// Small ones in which the mistakes show: the first does for most.
std::vector<World> worlds() {
  const DesignSpec spec = parse_design("linux-3.4");
  std::vector<World> all{{mutated_config(1), 1}};
  const auto add = [&](const char *profile, std::vector<Sig> signals) {
    all.push_back({explored_config(spec, find_profile(profile), signals), 1});
  };
  add("exitkill", {STOP, KILL});
  add("sigchld", {STOP, CONT});
  add("siginfo", {STOP, USR1});
  add("masks", {USR1});
  add("inject", {STOP, USR1});
  Config two = base_config(spec);
  for (Feature f : {Feature::use_seize, Feature::cont, Feature::exits, Feature::tracer_waits,
                    Feature::parent_waits, Feature::sig_STOP, Feature::sig_CONT})
    two[f] = true;
  all.push_back({two, 2});
  two[Feature::exits] = two[Feature::sig_CONT] = two[Feature::sig_STOP] = false;
  for (Feature f : {Feature::masks, Feature::sig_USR1, Feature::sig_KILL}) two[f] = true;
  all.push_back({two, 2});
  return all;
}

TEST_CASE("the vectors of a wrong model fail on this kernel") {
  std::size_t found = 0;
  const std::vector<World> all = worlds();
  for (const Mutation &m : mutations()) {
    std::string by;
    for (const World &w : all) {
      const auto id = caught(w, m.mutate);
      if (!id) return;
      by = *id;
      if (!by.empty()) break;
    }
    INFO(m.name);
    CHECK(by != "");
    MESSAGE(m.name, ": ", by);
    found += !by.empty();
  }
  MESSAGE(found, " of ", mutations().size());
}

}  // namespace
}  // namespace ptmc::tests
