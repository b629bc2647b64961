#include "checker/exercise.hpp"

#include <algorithm>
#include <set>
#include <unordered_map>

#include "checker/state_hash.hpp"
#include "checker/support.hpp"
#include "model/interp.hpp"

namespace ptmc::checker {

using model::State;

namespace {

// The step says something of its own about it: a state law's, if it writes what that reads.
bool could_break(const model::Model &m, const model::Property &p,
                 const std::set<model::Field> &read, const model::Instance &i) {
  if (p.over_state)
    return std::any_of(i.updates.begin(), i.updates.end(),
                       [&](const model::Update &u) { return read.contains(u.field); });
  const auto e = p.over_step(m, i);
  return e && !e->is(1);
}

bool begins(const Counterexample &a, const Counterexample &b) {
  return a.instances.size() < b.instances.size() &&
         std::equal(a.instances.begin(), a.instances.end(), b.instances.begin());
}

}  // namespace

std::vector<Counterexample> exercises(const model::Model &m,
                                      const std::vector<const model::Property *> &properties,
                                      std::size_t most_states) {
  std::vector<bool> wanted(m.instances.size());
  for (const model::Property *p : properties) {
    Support support;
    if (p->over_state) support.of(p->over_state(m));
    for (std::size_t i = 0; i < wanted.size(); ++i)
      wanted[i] = wanted[i] || could_break(m, *p, support.before, m.instances[i]);
  }
  std::set<const model::Rule *> open;
  for (std::size_t i = 0; i < wanted.size(); ++i)
    if (wanted[i]) open.insert(m.instances[i].rule);
  struct From {
    std::size_t state, instance;
  };
  std::vector<State> states{m.initial()};
  std::vector<From> from{{0, 0}};
  std::unordered_map<State, std::size_t, StateHash> known{{states[0], 0}};
  const model::Interpreter plain(m);
  std::vector<Counterexample> all;
  State next;
  for (std::size_t k = 0; k < states.size() && k < most_states && !open.empty(); ++k) {
    const State s = states[k];
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      if (!plain.step(i, s, next)) continue;
      if (wanted[i] && open.erase(m.instances[i].rule)) {
        Counterexample run{{i}, {next, s}};
        for (std::size_t at = k; at; at = from[at].state) {
          run.instances.push_back(from[at].instance);
          run.states.push_back(states[from[at].state]);
        }
        std::reverse(run.instances.begin(), run.instances.end());
        std::reverse(run.states.begin(), run.states.end());
        all.push_back(std::move(run));
      }
      if (known.try_emplace(next, states.size()).second) {
        states.push_back(next);
        from.push_back({k, i});
      }
    }
  }
  std::vector<Counterexample> longest;
  for (const Counterexample &a : all)
    if (std::none_of(all.begin(), all.end(), [&](const auto &b) { return begins(a, b); }))
      longest.push_back(a);
  return longest;
}

}  // namespace ptmc::checker
