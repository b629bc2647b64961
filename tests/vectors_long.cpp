// The vectors of every wrong model of mutations.hpp fail on this kernel.
#include <set>

#include "tests/mutations.hpp"
#include "tests/vectoring.hpp"

namespace ptmc::tests {
namespace {

struct World {
  Config config;
  int threads;
};

// Small ones in which the mistakes show: the first of these does for most.
std::vector<World> worlds() {
  const DesignSpec spec = parse_design("linux-3.4");
  std::vector<World> all{{mutated_config(1), 1}};
  for (const char *name : {"pair", "exitkill", "sigchld", "siginfo", "masks", "inject"})
    all.push_back({explored_config(spec, find_profile(name), {STOP, CONT, KILL, USR1}), 1});
  Config two = base_config(spec);
  for (Feature f :
       {Feature::use_seize, Feature::attach, Feature::cont, Feature::exits, Feature::tracer_waits,
        Feature::parent_waits, Feature::inspect, Feature::sig_STOP, Feature::sig_CONT,
        Feature::sig_KILL, Feature::sig_USR1, Feature::masks})
    two[f] = true;
  all.push_back({two, 2});
  return all;
}

TEST_CASE("the vectors of a wrong model fail on this kernel") {
  std::size_t found = 0;
  for (const Mutation &m : mutations()) {
    std::string by;
    for (const World &w : worlds()) {
      const auto id = caught(w.config, w.threads, m.mutate);
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
