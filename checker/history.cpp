#include "checker/history.hpp"

#include <algorithm>
#include <bit>
#include <chrono>
#include <deque>
#include <optional>
#include <set>
#include <unordered_map>

#include "checker/determinised.hpp"
#include "model/interp.hpp"

namespace ptmc::checker {

using model::Action;
using model::Expr;
using model::Value;

namespace {

// Each stop, seen by wait and not resumed.
Expr waited_for(const model::Model &m, const StopOf &stop) {
  return stop.is(m) &&
         !m.schema.read(m.schema.thread[static_cast<std::size_t>(stop.thread)].report);
}

bool reads_siginfo(const Observation &o, const std::vector<StopOf> &stops) {
  return o.label.action == Action::getsiginfo && o.label.err != model::Err::esrch &&
         std::any_of(stops.begin(), stops.end(),
                     [&](const StopOf &s) { return s.thread == o.label.thread; });
}

}  // namespace

std::vector<model::Property> seen_and_possible(model::Model &m, const std::vector<StopOf> &stops,
                                               const Mistakable &mistakable) {
  static const std::string kSeen = "it is what was seen next";
  const std::vector<Observation> &seen = mistakable.seen;
  Tester tester;
  tester.tracer_alone = true;
  const Observer observer(m, tester);
  const model::State any = m.initial();  // observations of outputs alone
  const model::Field field = m.schema.add("seen", static_cast<int>(std::bit_width(seen.size())));
  const Expr so_far = m.schema.read(field);
  for (std::size_t i = 0; i < m.instances.size(); ++i) {
    if (observer.hidden(i)) continue;
    model::Instance &instance = m.instances[i];
    Expr next = model::truth(false);
    for (Value k = 0; k < seen.size(); ++k) {
      const auto shown = observer.of(i, seen[k].output.value_or(0), any);
      if (std::find(shown.begin(), shown.end(), seen[k]) == shown.end()) continue;
      const Expr same =
          instance.output ? eq(*instance.output, *seen[k].output) : model::truth(true);
      next = next || (eq(so_far, k) && same);
    }
    instance.guards.push_back({kSeen, next});
    instance.updates.push_back({field, so_far + model::constant(1)});
  }
  const Expr all = eq(so_far, static_cast<Value>(seen.size()));
  std::vector<model::Property> both;
  for (const std::size_t stop : {mistakable.one, mistakable.other})
    both.push_back({stop == mistakable.one ? "one" : "other",
                    model::PropertyKind::sometimes,
                    "",
                    "",
                    {},
                    [e = all && waited_for(m, stops[stop])](const model::Model &) { return e; },
                    {}});
  return both;
}

Histories confused_by_history(const model::Model &m, const std::vector<StopOf> &stops,
                              std::size_t limit, bool fast, double time_limit) {
  using Clock = std::chrono::steady_clock;
  using Node = Determinised::Node;
  const auto start = Clock::now();
  Histories result;
  const auto seconds = [&] { return std::chrono::duration<double>(Clock::now() - start).count(); };
  Tester tester;
  tester.tracer_alone = true;
  Determinised sets(m, tester, std::size_t{1} << 30, fast);

  model::Tape tape(m.schema);
  std::vector<model::Tape::Slot> slots;
  for (const StopOf &s : stops) slots.push_back(tape.add(waited_for(m, s)));
  std::vector<Value> regs(tape.registers());
  struct From {
    Node before;
    std::uint32_t observation;
  };
  std::unordered_map<Node, From> known{{sets.initial(), {sets.initial(), 0}}};
  std::deque<Node> queue{sets.initial()};
  std::set<std::pair<std::size_t, std::size_t>> found;
  // Pairs of stops that are possible in the node, and not found yet.
  const auto look = [&](Node node, const From &from) {
    std::vector<std::optional<model::State>> of(stops.size());
    for (const Index k : sets.members(node)) {
      const model::State s = sets.state(k);
      std::uint32_t done = 0;
      tape.run(done, static_cast<std::uint32_t>(tape.registers()), regs.data(), s, s);
      for (std::size_t n = 0; n < stops.size(); ++n)
        if (regs[slots[n].at] && !of[n]) of[n] = s;
    }
    for (std::size_t one = 0; one < stops.size(); ++one)
      for (std::size_t other = one + 1; of[one] && other < stops.size(); ++other) {
        if (!of[other] || !found.emplace(one, other).second) continue;
        std::vector<Observation> seen{sets.observation(from.observation)};
        for (Node n = from.before; n != sets.initial(); n = known.at(n).before)
          seen.push_back(sets.observation(known.at(n).observation));
        std::reverse(seen.begin(), seen.end());
        result.confused.push_back({one, other, std::move(seen), *of[one], *of[other]});
      }
  };
  const auto finish = [&](std::string how) {
    result.how = std::move(how) + ", " + std::to_string(known.size()) + " sets of " +
                 std::to_string(sets.states()) + " states";
    result.seconds = seconds();
    return result;
  };
  const std::size_t pairs = stops.size() * (stops.size() - 1) / 2;
  if (limit == 0) limit = pairs;
  std::vector<Determinised::Edge> edges;
  try {
    for (; !queue.empty(); queue.pop_front()) {
      if (time_limit > 0 && seconds() > time_limit) return finish("time limit");
      const Node node = queue.front();
      edges.clear();
      sets.edges(node, edges);
      for (const auto &e : edges) {
        if (reads_siginfo(sets.observation(e.observation), stops))
          look(e.to, {node, e.observation});
        if (result.confused.size() >= limit)
          return finish("both are possible after all that was seen");
        if (known.try_emplace(e.to, From{node, e.observation}).second) queue.push_back(e.to);
      }
    }
  } catch (const Determinised::Full &full) {
    return finish(full.what());
  }
  result.complete = true;
  return finish("never both after all that was seen");
}

}  // namespace ptmc::checker
