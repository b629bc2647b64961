// Proofs for any number of threads in each design, and that each lemma is needed; two threads
// explored in full beside them.
#include <doctest/doctest.h>

#include <map>
#include <set>

#include "tests/crowding.hpp"

namespace ptmc::tests {
namespace {

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

// Each lemma, and rules one of whose proofs fails without it.
const std::map<std::string, std::vector<std::string>> kNeeded{
    {"stop_consume.pending", {"exit.signals"}},
    {"stop_pending.group", {"group_stop.join"}},
    {"stopped.untraced", {"deliver.stop"}},
    {"stop_code.group", {"group_stop.join"}},
    {"group_exit.no_job_control", {"detach"}},
    {"lemma.stop_pending.alive", {"exit.notify"}},
    {"lemma.sigkill.ends_group", {"tracer.exit.unlink"}},
    {"lemma.tracee.exists", {"tracer.exit.unlink"}},
    {"lemma.tty.signal", {"tty.stop"}},
    {"lemma.no_exec", {"tracer.exit.unlink"}},
    {"lemma.owes_nothing", {"group_stop.join"}},
    {"group_exit.kills_all", {"attach"}},
    {"lemma.group_exit.not_dequeued", {"tracer.exit.unlink"}},
    {"lemma.listening.trapped", {"interrupt"}},
};

TEST_CASE("without any one lemma some proof fails") {
  // Those that linux-3.4 needs, and what else seize-3.1 does.
  std::set<std::string> tried;
  for (const char *design : {"linux-3.4", "seize-3.1"}) {
    const auto text = text_of(design);
    for (const CrowdProperty &p : checker::crowd_properties(config_of(design))) {
      if (p.role != CrowdProperty::lemma || !tried.insert(p.property.id).second) continue;
      INFO(std::string(design), ", ", p.property.id);
      REQUIRE(kNeeded.contains(p.property.id));
      CrowdOptions o{.rules = kNeeded.at(p.property.id)};
      CHECK(failures(any_threads(*text, o)).empty());
      o.without = {p.property.id};
      CHECK(!failures(any_threads(*text, o)).empty());
    }
  }
}

TEST_CASE("exploration of two threads, and of four in a smaller profile, finds the same") {
  for (std::string_view design : kDesigns)
    for (const auto &[profile, threads] : {std::pair{"group-stop", 2}, std::pair{"stops", 4}}) {
      if (threads == 4 && design != "linux-3.4") continue;
      INFO(design, ", ", threads, " threads");
      const auto m = make(design, profile, threads);
      std::vector<Property> all;
      for (const checker::CrowdProperty &p : checker::crowd_properties(*m->config))
        all.push_back(p.property);
      checker::ExploreOptions o;
      o.properties = &all;
      const checker::ExploreResult r = checker::explore(*m, o);
      CHECK(r.complete);
      MESSAGE(design, ", ", threads, " threads: ", r.states, " states");
      for (const checker::PropertyResult &p : r.properties) {
        INFO(p.property->id);
        CHECK(p.verdict == Verdict::holds);
      }
    }
}

}  // namespace
}  // namespace ptmc::tests
