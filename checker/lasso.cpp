#include "checker/lasso.hpp"

#include <algorithm>
#include <deque>
#include <unordered_map>

#include "checker/state_hash.hpp"
#include "model/interp.hpp"

namespace ptmc::checker {

using model::Ending;
using model::Interpreter;
using model::Model;
using model::Property;
using model::State;

namespace {

class Lassos {
 public:
  explicit Lassos(const Model &m) : m_(m), plain_(m) {}
  void explore();
  std::optional<Counterexample> of(const Ending &ending, int thread);

 private:
  using Node = std::uint32_t;
  struct Edge {
    Node to;
    std::uint32_t instance;
  };
  template <class Each>
  void each_step(Node n, Each &&each) const {
    State next;
    for (std::size_t i = 0; i < m_.instances.size(); ++i)
      if (const State s = states_[n]; plain_.step(i, s, next))
        each(next, static_cast<std::uint32_t>(i));
  }
  std::vector<Node> components(const std::vector<std::vector<Edge>> &edges) const;

  const Model &m_;
  const Interpreter plain_;
  std::vector<State> states_;
  std::vector<Edge> parents_;  // to: the parent
  std::unordered_map<State, Node, StateHash> numbers_;
};

void Lassos::explore() {
  const auto add = [&](const State &s, Edge from) {
    if (!numbers_.try_emplace(s, static_cast<Node>(states_.size())).second) return;
    states_.push_back(s);
    parents_.push_back(from);
  };
  add(m_.initial(), {0, 0});
  for (Node n = 0; n < states_.size(); ++n)
    each_step(n, [&](const State &next, std::uint32_t i) { add(next, {n, i}); });
}

// Strongly connected components (Tarjan), by the number of each node's.
std::vector<Lassos::Node> Lassos::components(const std::vector<std::vector<Edge>> &edges) const {
  constexpr Node kNone = UINT32_MAX;
  std::vector<Node> of(edges.size(), kNone), order(edges.size(), kNone), low(edges.size());
  std::vector<Node> open;
  std::vector<std::pair<Node, std::size_t>> path;  // a node, and its next edge
  Node next_order = 0, next_component = 0;
  for (Node root = 0; root < edges.size(); ++root) {
    if (order[root] != kNone) continue;
    path.emplace_back(root, 0);
    while (!path.empty()) {
      auto &[n, e] = path.back();
      if (e == 0 && order[n] == kNone) {
        order[n] = low[n] = next_order++;
        open.push_back(n);
      }
      if (e < edges[n].size()) {
        const Node to = edges[n][e++].to;
        if (order[to] == kNone)
          path.emplace_back(to, 0);
        else if (of[to] == kNone)
          low[n] = std::min(low[n], order[to]);
        continue;
      }
      const Node done = n;
      path.pop_back();
      if (!path.empty()) low[path.back().first] = std::min(low[path.back().first], low[done]);
      if (low[done] != order[done]) continue;
      Node member;
      do {
        member = open.back();
        open.pop_back();
        of[member] = next_component;
      } while (member != done);
      ++next_component;
    }
  }
  return of;
}

std::optional<Counterexample> Lassos::of(const Ending &ending, int thread) {
  const model::Expr lasts = ending.lasts(m_, thread);
  std::vector<bool> in(states_.size());
  for (Node n = 0; n < states_.size(); ++n)
    in[n] = evaluate(m_.schema, lasts, states_[n], states_[n]) != 0;
  std::vector<std::vector<Edge>> edges(states_.size());
  for (Node n = 0; n < states_.size(); ++n)
    if (in[n])
      each_step(n, [&](const State &next, std::uint32_t i) {
        if (const Node to = numbers_.at(next); in[to]) edges[n].push_back({to, i});
      });
  const std::vector<Node> component = components(edges);
  for (Node from = 0; from < states_.size(); ++from)
    for (const Edge &fair : edges[from]) {
      if (component[from] != component[fair.to] ||
          !ending.is_fair(m_.instances[fair.instance], thread))
        continue;
      // From its end back to its beginning.
      std::unordered_map<Node, Edge> reached{{fair.to, {fair.to, 0}}};
      std::deque<Node> queue{fair.to};
      while (!reached.contains(from)) {
        const Node n = queue.front();
        queue.pop_front();
        for (const Edge &e : edges[n])
          if (component[e.to] == component[from] &&
              reached.try_emplace(e.to, Edge{n, e.instance}).second)
            queue.push_back(e.to);
      }
      std::vector<Edge> back;  // each with the node that it comes from
      for (Node n = from; n != fair.to; n = reached.at(n).to) back.push_back(reached.at(n));
      std::vector<Edge> way;
      for (Node n = from; n != 0; n = parents_[n].to) way.push_back(parents_[n]);
      Counterexample lasso;
      const auto walk = [&](const std::vector<Edge> &steps) {
        for (auto it = steps.rbegin(); it != steps.rend(); ++it) {
          lasso.states.push_back(states_[it->to]);
          lasso.instances.push_back(it->instance);
        }
      };
      walk(way);
      lasso.repeats_from = lasso.instances.size();
      walk({{from, fair.instance}});
      walk(back);
      lasso.states.push_back(states_[from]);
      return lasso;
    }
  return {};
}

}  // namespace

std::optional<std::size_t> repeats_from(const Model &m, const Property &property,
                                        const Counterexample &path) {
  const State &last = path.states.back();
  if (!evaluate(m.schema, property.over_state(m), last, last)) return path.states.size() - 1;
  for (int t = 0; t < m.threads(); ++t) {
    const model::Expr lasts = property.ending->lasts(m, t);
    bool fair = false;
    for (std::size_t k = path.states.size() - 1;
         k > 0 && evaluate(m.schema, lasts, path.states[k], path.states[k]);) {
      --k;
      fair = fair || property.ending->is_fair(m.instances[path.instances[k]], t);
      if (fair && path.states[k] == last) return k;
    }
  }
  return {};
}

std::optional<Counterexample> find_lasso(const Model &m, const Property &property) {
  Lassos lassos(m);
  lassos.explore();
  for (int t = 0; t < m.threads(); ++t)
    if (auto lasso = lassos.of(*property.ending, t)) return lasso;
  return {};
}

}  // namespace ptmc::checker
