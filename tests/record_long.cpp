// Every scenario, recorded from outside as ptmc record sees it: an open world with the kernel's own
// events, which the model explains.
#include <nlohmann/json.hpp>

#include "tests/program.hpp"
#include "traces/replay.hpp"

namespace ptmc::tests {
namespace {

TEST_CASE("scenarios from outside") {
  // Without CAP_SYS_ADMIN they have no PID namespace, which the recorder would not look into.
  const std::string without = "setpriv --bounding-set=-sys_admin --inh-caps=-sys_admin ";
  const TempDirectory dir;
  const std::string file = (dir.path / "t.jsonl").string();
  const std::string to = "record --kernel-events -o " + file + " -- " + without;
  if (run(to + "true").code != 0) {
    MESSAGE("skipped: no record --kernel-events here, or no setpriv");
    return;
  }
  const Result list = run("scenario list --format json");
  REQUIRE(list.code == 0);
  std::size_t recorded = 0, events = 0;
  const nlohmann::json all = nlohmann::json::parse(list.out);
  for (const auto &scenario : all["scenarios"]) {
    const std::string name = scenario["name"];
    INFO(name);
    if (run(to + PTMC_PROGRAM + " scenario run -o /dev/null " + name).code != 0) continue;
    const traces::ReplayResult result = traces::replay(traces::read_trace(file), {});
    CHECK_MESSAGE(result.accepted, result.gave_up,
                  result.divergence ? result.divergence->observed : "");
    ++recorded, events += result.events;
  }
  CHECK(recorded > 350);
  MESSAGE(recorded, " recorded, ", events, " events");
}

}  // namespace
}  // namespace ptmc::tests
