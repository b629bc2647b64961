#include "checker/ways.hpp"

#include <algorithm>
#include <chrono>
#include <map>
#include <set>
#include <unordered_map>

#include "checker/state_hash.hpp"
#include "model/interp.hpp"
#include "model/property_parts.hpp"

namespace ptmc::checker {

using model::Actor;
using model::State;
using model::Value;

namespace {

struct Graph {
  std::vector<State> states;
  std::vector<std::pair<std::uint32_t, std::uint32_t>> parent;  // state and instance
  struct Edge {
    std::uint32_t to, from, instance;
    auto operator<=>(const Edge &) const = default;
  };
  std::vector<Edge> edges;  // of tracer and kernel only
};

bool acts_alone(const model::Instance &i) {
  return i.rule->actor == Actor::tracer || i.rule->actor == Actor::kernel;
}

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

constexpr std::uint32_t kNever = UINT32_MAX;  // steps to go

// As many states as possible like this one, none of them with a way.
Cube common(const model::Model &m, const Graph &g, std::uint32_t one,
            const std::vector<std::uint32_t> &left) {
  Cube cube;
  for (model::Field f = 0; f < m.schema.size(); ++f)
    cube.emplace_back(f, m.schema.get(g.states[one], f));
  for (std::size_t c = cube.size(); c-- > 0;) {
    Cube less = cube;
    less.erase(less.begin() + static_cast<std::ptrdiff_t>(c));
    bool none = true;
    for (std::size_t k = 0; k < g.states.size() && none; ++k)
      none = left[k] == kNever || std::any_of(less.begin(), less.end(), [&](const auto &v) {
               return m.schema.get(g.states[k], v.first) != v.second;
             });
    if (none) cube = std::move(less);
  }
  return cube;
}

// The instances that shorten most ways first; and those states only that the ways lead through.
std::vector<std::vector<std::size_t>> shortening(const Graph &g, std::vector<bool> asked,
                                                 const std::vector<std::uint32_t> &left) {
  std::uint32_t most = 0;
  for (std::size_t k = 0; k < asked.size(); ++k)
    if (asked[k]) most = std::max(most, left[k]);
  std::vector<std::vector<std::size_t>> all(most);
  for (std::uint32_t n = most; n > 0; --n) {
    std::map<std::uint32_t, std::vector<const Graph::Edge *>> by;  // instance
    std::size_t open = 0;
    for (std::size_t k = 0; k < asked.size(); ++k) open += asked[k] && left[k] == n;
    for (const Graph::Edge &e : g.edges)
      if (asked[e.from] && left[e.from] == n && left[e.to] == n - 1) by[e.instance].push_back(&e);
    std::set<std::uint32_t> done;
    while (done.size() < open) {
      std::pair<std::size_t, std::uint32_t> best{};
      for (const auto &[instance, edges] : by) {
        const auto fresh = std::count_if(edges.begin(), edges.end(),
                                         [&](const auto *e) { return !done.contains(e->from); });
        best = std::max(best, {static_cast<std::size_t>(fresh), instance});
      }
      all[n - 1].push_back(best.second);
      for (const Graph::Edge *e : by[best.second])
        if (done.insert(e->from).second) asked[e->to] = true;
    }
  }
  return all;
}

// A step that the model does not have.
model::Instance asking(model::Model &m, const char *id) {
  model::Instance i;
  i.rule = m.family({id, Actor::world, "is asked about", {}, {}, "", ""});
  return i;
}

}  // namespace

model::Property a_way_is_open(model::Model &m, const Leads &asks, const Ways &ways) {
  model::Expr open = asks.to(m);
  for (const std::vector<std::size_t> &instances : ways.shortening) {
    const model::Expr nearer = open;
    for (const std::size_t k : instances) {
      model::Substitution after;
      for (const model::Update &u : m.instances[k].updates) after.fields.emplace(u.field, u.value);
      open = open || (can(m.instances[k]) && substitute(nearer, after));
    }
  }
  static const std::string kAsked = "it is asked about";
  model::Instance look = asking(m, "way.look");
  look.guards.push_back({kAsked, asks.from(m)});
  m.instances.push_back(std::move(look));
  const std::size_t number = m.instances.size() - 1;
  model::Property p{"way.open", model::PropertyKind::always, "a way is open", "", {}, {}, {}};
  p.over_step = [open, number](const model::Model &of, const model::Instance &i) {
    return &i == &of.instances[number] ? std::optional(open) : std::nullopt;
  };
  return p;
}

std::vector<model::Property> no_way_is_open(model::Model &m, const Leads &asks, const Ways &ways) {
  const model::Field alone = m.schema.add("alone", 1);
  const model::Expr is_alone = m.schema.read(alone), goal = asks.to(m);
  static const std::string kOthers = "tracer and kernel are not alone", kSo = "it is as is asked";
  for (model::Instance &i : m.instances)
    if (!acts_alone(i)) i.guards.push_back({kOthers, !is_alone});
  model::Instance leave = asking(m, "way.alone");
  model::Expr so = asks.from(m) && !is_alone;
  for (const auto &[f, v] : ways.without) so = so && eq(m.schema.read(f), v);
  leave.guards.push_back({kSo, so});
  leave.updates.push_back({alone, model::constant(1)});
  m.instances.push_back(std::move(leave));
  const auto over = [](const char *id, model::PropertyKind kind, model::Expr e) {
    return model::Property{id, kind, id, "", {}, [e](const model::Model &) { return e; }, {}};
  };
  return {over("way.alone", model::PropertyKind::sometimes, is_alone),
          over("way.none", model::PropertyKind::always, implies(is_alone, !goal))};
}

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
      if (acts_alone(m.instances[i])) g.edges.push_back({to, k, static_cast<std::uint32_t>(i)});
    }
  }
  std::sort(g.edges.begin(), g.edges.end());
  model::Tape tape(m.schema);
  const auto from = tape.add(asks.from(m)), goal = tape.add(asks.to(m));
  std::vector<Value> regs(tape.registers());
  std::vector<std::uint32_t> left(g.states.size(), kNever);  // steps
  std::vector<bool> asked(g.states.size());
  std::vector<std::uint32_t> queue;
  for (std::uint32_t k = 0; k < g.states.size(); ++k) {
    std::uint32_t done = 0;
    tape.run(done, std::max(from.end, goal.end), regs.data(), g.states[k], g.states[k]);
    asked[k] = regs[from.at];
    if (regs[goal.at]) left[k] = 0, queue.push_back(k);
  }
  for (std::size_t n = 0; n < queue.size(); ++n) {
    const std::uint32_t to = queue[n];
    for (auto e = std::lower_bound(g.edges.begin(), g.edges.end(), Graph::Edge{to, 0, 0});
         e != g.edges.end() && e->to == to; ++e)
      if (left[e->from] == kNever) left[e->from] = left[to] + 1, queue.push_back(e->from);
  }
  ways.complete = true;
  ways.seconds = seconds();
  for (std::uint32_t k = 0; k < g.states.size(); ++k)
    if (asked[k] && left[k] == kNever) {
      ways.none = run_to(g, k);
      ways.without = common(m, g, k, left);
      ways.how = "no way out of some, all " + std::to_string(g.states.size()) + " states";
      return ways;
    }
  ways.shortening = shortening(g, std::move(asked), left);
  ways.how = "a way out of each, all " + std::to_string(g.states.size()) + " states";
  return ways;
}

}  // namespace ptmc::checker
