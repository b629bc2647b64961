// What the tests of explicit exploration share: models, and a search of a few lines.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "model/designs.hpp"
#include "model/interp.hpp"

namespace ptmc::exploring {

using namespace model;

inline std::unique_ptr<Model> make(std::string_view design, std::string_view profile, int threads,
                                   std::vector<Sig> signals = {}) {
  const Config config = explored_config(parse_design(design), find_profile(profile), signals);
  return std::make_unique<Model>(explored_shape(config, threads), &config);
}

inline constexpr std::string_view kDesigns[] = {"legacy", "seize-3.1", "seize-options",
                                                "linux-3.4"};

struct Less {
  bool operator()(const State &a, const State &b) const { return a.w < b.w; }
};

struct Bfs {
  std::map<State, std::size_t, Less> depth;
  std::vector<State> order;
  std::uint64_t transitions = 0;
};
// Until there are `limit` states.
inline Bfs bfs(const Model &m, std::size_t limit = SIZE_MAX) {
  Bfs b;
  const Interpreter interpreter(m);
  b.order.push_back(m.initial());
  b.depth.emplace(m.initial(), 0);
  State next;
  for (std::size_t k = 0; k < b.order.size() && b.order.size() < limit; ++k) {
    const State s = b.order[k];
    for (std::size_t i = 0; i < m.instances.size(); ++i) {
      if (!interpreter.step(i, s, next)) continue;
      ++b.transitions;
      if (b.depth.emplace(next, b.depth[s] + 1).second) b.order.push_back(next);
    }
  }
  return b;
}

}  // namespace ptmc::exploring
