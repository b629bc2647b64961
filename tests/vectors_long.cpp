// The vectors of every wrong model of mutations.hpp fail on this kernel.
#include "tests/mutations.hpp"
#include "tests/vectoring.hpp"

namespace ptmc::tests {
namespace {

using vectors::Cover;

// Small ones in which the mistakes show: the first does for most.
std::vector<World> worlds() {
  const DesignSpec spec = parse_design("linux-3.4");
  std::vector<World> all;
  const auto add = [&](const char *profile, std::vector<Sig> signals,
                       Cover cover = Cover::transitions) {
    all.emplace_back(explored_config(spec, find_profile(profile), signals), 1, cover);
  };
  const auto add_of = [&](int threads, std::initializer_list<Feature> features,
                          Cover cover = Cover::transitions) {
    Config config = base_config(spec);
    for (Feature f : {Feature::cont, Feature::tracer_waits, Feature::parent_waits})
      config[f] = true;
    for (Feature f : features) config[f] = true;
    all.emplace_back(config, threads, cover);
  };
  all.emplace_back(mutated_config(1), 1);
  add("exitkill", {STOP, KILL});
  add("sigchld", {STOP, CONT});
  add("siginfo", {STOP, USR1});
  add("masks", {USR1});
  add_of(2, {Feature::use_seize, Feature::exits, Feature::sig_STOP, Feature::sig_CONT});
  add_of(2, {Feature::use_seize, Feature::masks, Feature::sig_USR1, Feature::sig_KILL});
  add_of(2, {Feature::use_seize, Feature::sig_TERM});
  add("inject", {KILL});
  // Where the state matters in which a call is made, and not only what it looks like.
  add("default", {STOP, CONT}, Cover::states);
  add("options", {STOP}, Cover::states);
  add("masks", {USR1}, Cover::states);
  add_of(1,
         {Feature::use_seize, Feature::inject_any, Feature::masks, Feature::sig_STOP,
          Feature::sig_USR1},
         Cover::states);
  add_of(2, {Feature::use_seize, Feature::exits, Feature::sig_STOP, option_feature(TRACEEXIT)},
         Cover::states);
  add_of(2, {Feature::attach, Feature::sig_STOP, Feature::sig_CONT}, Cover::states);
  return all;
}

TEST_CASE("the vectors of a wrong model fail on this kernel") {
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
    CHECK(!by.empty());
    MESSAGE(m.name, ": ", by);
  }
}

}  // namespace
}  // namespace ptmc::tests
