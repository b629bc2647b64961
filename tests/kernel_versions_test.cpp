// Each kernel feature changes the transition relation: somewhere in a small exploration a step, its
// result or its output exists with it that does not without it, or the other way round.
#include <doctest/doctest.h>

#include <map>
#include <set>
#include <string>
#include <tuple>

#include "model/input_error.hpp"
#include "tests/exploring.hpp"

namespace ptmc::model {
namespace {

// What may happen where the difference is looked for; those not listed: the default profile.
struct Place {
  std::string_view profile;  // or:
  std::vector<Feature> features;
  int threads = 1;
};

const Place &place_of(Feature f) {
  using enum Feature;
  static const Place all{"default", {}};
  static const std::map<Feature, Place> places{
      {seccomp_after_entry, {"filters", {}}},
      {requeue_keeps_queue, {"masks", {}}},
      {exec_unreaped, {"", {use_seize, cont, execs, tracer_waits, opt_traceexec}, 2}},
      {wait_any_tracee, {"", {use_seize, interrupt, tracer_waits}, 2}},
      {exiting_drops_signals, {"", {exits, thread_directed, sig_STOP, sig_CONT}, 2}},
      {leader_takes_group_code, {"", {use_seize, cont, exits, tracer_waits, sig_KILL}, 2}},
      {dump_before_exit_event,
       {"", {use_seize, cont, exits, tracer_waits, thread_directed, sig_TRAP, opt_traceexit}, 2}},
      {last_exit_is_group_exit, {"", {use_seize, cont, exits, tracer_waits}, 2}},
  };
  const auto found = places.find(f);
  return found == places.end() ? all : found->second;
}

using Step = std::tuple<std::string, std::string, int, Value, std::array<std::uint64_t, kMaxWords>>;

std::set<Step> steps_of(const Interpreter &interpreter, const State &s) {
  std::set<Step> all;
  State next;
  for (std::size_t i = 0; i < interpreter.model.instances.size(); ++i) {
    const Instance &instance = interpreter.model.instances[i];
    if (!interpreter.step(i, s, next)) continue;
    all.emplace(instance.rule->id, instance.parameters, instance.label.options,
                interpreter.output(i, s), next.w);
  }
  return all;
}

// The first state, in the order of a search, in which the two relations differ.
bool differ(const Config &with, const Config &without, int threads) {
  const Model a(explored_shape(with, threads), &with),
      b(explored_shape(without, threads), &without);
  const Interpreter ia(a), ib(b);
  for (const Model *m : {&a, &b})
    for (const State &s : exploring::bfs(*m, 60000).order)
      if (steps_of(ia, s) != steps_of(ib, s)) return true;
  return false;
}

TEST_CASE("each kernel feature changes the transition relation somewhere") {
  for (const KernelFeature &k : kernel_features()) {
    const Place &place = place_of(k.feature);
    INFO(kFeatures[static_cast<std::size_t>(k.feature)].name);
    // On the kernel that was the first to have it.
    DesignSpec spec = parse_design("linux-3.4");
    set_kernel(spec, std::to_string(k.major) + "." + std::to_string(k.minor));
    Config with = place.profile.empty() ? base_config(spec)
                                        : explored_config(spec, find_profile(place.profile), {});
    for (Feature f : place.features) with[f] = true;
    for (Feature f : {Feature::forges, Feature::wait_clones}) with[f] = true;
    Config without = with;
    with[k.feature] = true;
    without[k.feature] = false;
    CHECK(differ(with, without, place.threads));
  }
}

TEST_CASE("a kernel has the features of its version") {
  auto config = [](std::string_view design) { return base_config(parse_design(design)); };
  const std::pair<Feature, std::pair<const char *, const char *>> edges[] = {
      {Feature::peek_siginfo, {"linux-3.4@3.9", "linux-3.4@3.10"}},
      {Feature::wait_any_tracee, {"linux-3.4@4.6", "linux-3.4@4.7"}},
      {Feature::seccomp_after_entry, {"linux-3.4@4.7", "linux-3.4@4.8"}},
      {Feature::message_cleared, {"linux-3.4@5.17", "linux-3.4@5.18"}},
      {Feature::dead_tracer_keeps_code, {"linux-3.4@5.18", "linux-3.4@5.19"}},
      // Seen by tools/kernels, whose oldest kernel is 5.10.262.
      {Feature::exec_unreaped, {"linux-3.4@5.9", "linux-3.4@5.10"}},
      {Feature::leader_takes_group_code, {"linux-3.4@6.12", "linux-3.4@6.16"}},
      {Feature::exiting_drops_signals, {"linux-3.4@6.17", "linux-3.4@6.18"}},
      {Feature::exiting_drops_signals, {"linux-3.4@7.1", "linux-3.4@7.2"}},
  };
  for (const auto &[feature, kernels] : edges) {
    CHECK_FALSE(config(kernels.first)[feature]);
    CHECK(config(kernels.second)[feature]);
  }
}

TEST_CASE("a row can be the other way") {
  for (const KernelFeature &k : kernel_features()) {
    const std::string name = "linux-3.4@5.10~" + std::string(feature_name(k.feature));
    const DesignSpec spec = parse_design(name + "+TRACEEXIT");
    CHECK(spec.name() == name);
    CHECK(spec.options == std::vector{TRACEEXIT});
    Config config = base_config(parse_design("linux-3.4@5.10"));
    config[k.feature] = !config[k.feature];
    CHECK(base_config(spec) == config);
    CHECK_NOTHROW(find_profile(k.shown));
  }
  CHECK_THROWS_AS(parse_design("linux-3.4~seize"), InputError);
}

}  // namespace
}  // namespace ptmc::model
