#include "checker/trace_back.hpp"

#include <algorithm>
#include <bitset>
#include <map>
#include <set>

namespace ptmc::checker {
namespace {

using Packed = std::vector<std::uint64_t>;

struct Parent {
  Packed packed;
  std::size_t instance = 0;
  auto operator<=>(const Parent &) const = default;
};
using Parents = std::map<Packed, Parent>;  // of the wanted states of a level

// Which states may be wanted: few are, and most successors are told apart by one look.
class Filter {
 public:
  void add(const std::uint64_t *packed, std::size_t words) { bits_.set(place(packed, words)); }
  bool test(const std::uint64_t *packed, std::size_t words) const {
    return bits_.test(place(packed, words));
  }

 private:
  static constexpr int kBits = 14;
  static std::size_t place(const std::uint64_t *packed, std::size_t words) {
    std::uint64_t h = 0;
    for (std::size_t w = 0; w < words; ++w) h = (h ^ packed[w]) * 0x9e3779b97f4a7c15u;
    return h >> (64 - kBits);
  }
  std::bitset<std::size_t{1} << kBits> bits_;
};

// The least parents of the wanted states among the states of `level`.
Parents parents_in(const Search &s, const std::vector<Range> &level, const std::set<Packed> &wanted,
                   int workers, const std::atomic<bool> *interrupted) {
  const std::size_t words = s.layout.words();
  Filter filter;
  for (const Packed &packed : wanted) filter.add(packed.data(), words);
  std::vector<Parents> found(static_cast<std::size_t>(workers));
  std::atomic<std::size_t> next{0};
  in_parallel(level.size() < 2 ? 1 : workers, [&](int worker) {
    Expander expander(s.model, s.fast);
    Parents &mine = found[static_cast<std::size_t>(worker)];
    model::State state;
    Packed packed(words);
    for (std::size_t r; (r = next++) < level.size();) {
      for (Index i = level[r].first; i < level[r].first + level[r].count; ++i) {
        if (interrupted && *interrupted) return;
        const std::uint64_t *record = s.store.record(i);
        s.layout.unpack(record, state.w.data());
        expander.expand(state.w.data());
        for (std::size_t k = 0; k < expander.count(); ++k) {
          s.layout.pack(expander.successor(k), packed.data());
          if (!filter.test(packed.data(), words) || !wanted.contains(packed)) continue;
          Parent parent{{record, record + words}, expander.instance(k)};
          auto [it, fresh] = mine.try_emplace(packed, parent);
          if (!fresh && parent < it->second) it->second = std::move(parent);
        }
      }
    }
  });
  for (std::size_t w = 1; w < found.size(); ++w) {
    for (auto &[packed, parent] : found[w]) {
      auto [it, fresh] = found[0].try_emplace(packed, parent);
      if (!fresh && parent < it->second) it->second = std::move(parent);
    }
  }
  return std::move(found[0]);
}

}  // namespace

std::vector<Counterexample> trace_back(const Search &s, const std::vector<Goal> &goals, int workers,
                                       const std::atomic<bool> *interrupted) {
  std::size_t depth = 0;
  for (const Goal &g : goals) depth = std::max(depth, g.depth);
  std::vector<Parents> parents(depth + 1);  // of the states of each level
  std::set<Packed> wanted;
  for (std::size_t d = depth; d > 0; --d) {
    for (const Goal &g : goals)
      if (g.depth == d) wanted.insert(g.find.packed);
    parents[d] = parents_in(s, s.levels[d - 1], wanted, workers, interrupted);
    if (interrupted && *interrupted) return {};
    wanted.clear();
    for (const auto &[packed, parent] : parents[d]) wanted.insert(parent.packed);
  }

  const model::Interpreter interpreter(s.model);
  std::vector<Counterexample> traces;
  for (const Goal &g : goals) {
    Counterexample &c = traces.emplace_back();
    auto put = [&](const Packed &packed) {
      s.layout.unpack(packed.data(), c.states.emplace_back().w.data());
    };
    put(g.find.packed);
    const Packed *at = &g.find.packed;
    for (std::size_t d = g.depth; d > 0; --d) {
      const Parent &parent = parents[d].at(*at);
      c.instances.push_back(parent.instance);
      put(parent.packed);
      at = &parent.packed;
    }
    std::reverse(c.states.begin(), c.states.end());
    std::reverse(c.instances.begin(), c.instances.end());
    if (g.find.instance == kNoInstance) continue;
    model::State next;
    interpreter.step(g.find.instance, c.states.back(), next);
    c.instances.push_back(g.find.instance);
    c.states.push_back(next);
  }
  return traces;
}

}  // namespace ptmc::checker
