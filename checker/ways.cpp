#include "checker/ways.hpp"

#include <algorithm>
#include <chrono>
#include <unordered_map>

#include "checker/state_hash.hpp"
#include "model/interp.hpp"

namespace ptmc::checker {

using model::Actor;
using model::State;
using model::Value;

namespace {

struct Graph {
  std::vector<State> states;
  std::vector<std::pair<std::uint32_t, std::uint32_t>> parent;  // state and instance
  std::vector<std::pair<std::uint32_t, std::uint32_t>> edges;   // to, from: tracer and kernel only
};

Counterexample run_to(const Graph &g, std::uint32_t k) {
  Counterexample run;
  for (; k; k = g.parent[k].first) {
    run.states.push_back(g.states[k]);
    run.instances.push_back(g.parent[k].second);
  }
  run.states.push_back(g.states[0]);
  std::reverse(run.states.begin(), run.states.end());
  std::reverse(run.instances.begin(), run.instances.end());
  return run;
}

}  // namespace

Ways ways_out(const model::Model &m, const Leads &asks, std::size_t most_states,
              double time_limit) {
  using Clock = std::chrono::steady_clock;
  const auto start = Clock::now();
  const auto seconds = [&] { return std::chrono::duration<double>(Clock::now() - start).count(); };
  Ways ways;
  Graph g;
  const model::Interpreter plain(m);
  std::unordered_map<State, std::uint32_t, StateHash> number;
  const auto add = [&](const State &s, std::uint32_t from, std::size_t by) {
    const auto [it, fresh] = number.try_emplace(s, static_cast<std::uint32_t>(g.states.size()));
    if (fresh) {
      g.states.push_back(s);
      g.parent.emplace_back(from, static_cast<std::uint32_t>(by));
    }
    return it->second;
  };
  add(m.initial(), 0, 0);
  State next;
  for (std::uint32_t k = 0; k < g.states.size(); ++k) {
    const bool late = time_limit > 0 && k % 1024 == 0 && seconds() > time_limit;
    if (g.states.size() > most_states || late) {
      ways.how = "incomplete: " + std::to_string(g.states.size()) + " states";
      ways.seconds = seconds();
      return ways;
    }
    const State s = g.states[k];  // the vector grows
    for (std::size_t i = 0; i < m.instances.size(); ++i) {
      if (!plain.step(i, s, next)) continue;
      const std::uint32_t to = add(next, k, i);
      const Actor actor = m.instances[i].rule->actor;
      if (actor == Actor::tracer || actor == Actor::kernel) g.edges.emplace_back(to, k);
    }
  }
  std::sort(g.edges.begin(), g.edges.end());
  model::Tape tape(m.schema);
  const auto from = tape.add(asks.from(m)), goal = tape.add(asks.to(m));
  std::vector<Value> regs(tape.registers());
  std::vector<bool> can(g.states.size()), asked(g.states.size());
  std::vector<std::uint32_t> queue;
  for (std::uint32_t k = 0; k < g.states.size(); ++k) {
    std::uint32_t done = 0;
    tape.run(done, std::max(from.end, goal.end), regs.data(), g.states[k], g.states[k]);
    asked[k] = regs[from.at];
    if (regs[goal.at]) can[k] = true, queue.push_back(k);
  }
  while (!queue.empty()) {
    const std::uint32_t to = queue.back();
    queue.pop_back();
    for (auto e = std::lower_bound(g.edges.begin(), g.edges.end(), std::pair(to, 0u));
         e != g.edges.end() && e->first == to; ++e)
      if (!can[e->second]) can[e->second] = true, queue.push_back(e->second);
  }
  ways.complete = true;
  ways.seconds = seconds();
  for (std::uint32_t k = 0; k < g.states.size(); ++k)
    if (asked[k] && !can[k]) {
      ways.none = run_to(g, k);
      ways.how = "no way out of some, all " + std::to_string(g.states.size()) + " states";
      return ways;
    }
  ways.how = "a way out of each, all " + std::to_string(g.states.size()) + " states";
  return ways;
}

}  // namespace ptmc::checker
