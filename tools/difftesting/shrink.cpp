#include "tools/difftesting/shrink.hpp"

#include <algorithm>
#include <set>

namespace ptmc::difftest {
namespace {

using traces::Scenario;
using traces::Step;
namespace who = traces::who;

// Whose fork step is gone does nothing any more.
void drop_unmade(Scenario &scenario) {
  std::set<pid_t> made;
  for (pid_t role = who::t0; role < who::t0 + scenario.threads; ++role) made.insert(role);
  std::erase_if(scenario.steps, [&](const Step &step) {
    const bool absent = traces::is_tracee(step.event.pid) && made.count(step.event.pid) == 0;
    if (!absent && step.event.call == traces::Call::fork) made.insert(step.event.child);
    return absent;
  });
}

// Without some steps: large pieces first, then single ones, until none can go.
Scenario with_fewer_steps(Scenario scenario, const Fails &fails) {
  std::size_t piece = (scenario.steps.size() + 1) / 2;
  while (piece > 0) {
    bool removed = false;
    for (std::size_t at = 0; at < scenario.steps.size();) {
      Scenario smaller = scenario;
      const auto first = smaller.steps.begin() + static_cast<std::ptrdiff_t>(at);
      const std::size_t end = std::min(at + piece, smaller.steps.size());
      smaller.steps.erase(first, smaller.steps.begin() + static_cast<std::ptrdiff_t>(end));
      drop_unmade(smaller);
      if (!smaller.steps.empty() && fails(smaller)) {
        scenario = std::move(smaller);
        removed = true;
      } else {
        at = end;
      }
    }
    if (!removed || piece > scenario.steps.size()) piece /= 2;
  }
  return scenario;
}

// Each call awaited, all at once if that still fails: then nothing races, and it always fails.
Scenario with_fewer_races(Scenario scenario, const Fails &fails) {
  Scenario calm = scenario;
  for (Step &step : calm.steps) step.async = false;
  if (fails(calm)) return calm;
  for (std::size_t i = 0; i < scenario.steps.size(); ++i) {
    if (!scenario.steps[i].async) continue;
    calm = scenario;
    calm.steps[i].async = false;
    if (fails(calm)) scenario = calm;
  }
  return scenario;
}

Scenario with_fewer_threads(Scenario scenario, const Fails &fails) {
  pid_t last = who::t0;
  for (const Step &step : scenario.steps)
    for (const pid_t role : {step.event.pid, step.event.target, step.event.tgid})
      if (role < who::t0 + scenario.threads) last = std::max(last, role);
  while (who::t0 + scenario.threads - 1 > last) {
    Scenario smaller = scenario;
    --smaller.threads;
    if (!fails(smaller)) break;
    scenario = smaller;
  }
  return scenario;
}

}  // namespace

Scenario shrink(const Scenario &failing, const Fails &fails) {
  return with_fewer_threads(with_fewer_races(with_fewer_steps(failing, fails), fails), fails);
}

}  // namespace ptmc::difftest
