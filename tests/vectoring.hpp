// What the tests of vectors share.
#pragma once

#include <doctest/doctest.h>

#include <functional>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "model/designs.hpp"
#include "tools/vectors/generate.hpp"
#include "traces/vector_run.hpp"

namespace ptmc::tests {

using traces::Vector;
using traces::VectorResult;
using Verdict = VectorResult::Verdict;

inline std::vector<Vector> vectors_of(const model::Config &config, int threads,
                                      vectors::Cover cover,
                                      const std::function<void(model::Model &)> &change = {}) {
  model::Model m(model::explored_shape(config, threads), &config);
  if (change) change(m);
  return vectors::generate(m, "test", {.cover = cover, .fast = !change}).vectors;
}

inline std::string as_text(const Vector &v) {
  std::ostringstream out;
  traces::Vectors one;
  one.all = {v};
  write_vectors(out, one);
  return out.str();
}

// Nothing: this machine does not permit it.
inline std::optional<std::vector<VectorResult>> run_here(const std::vector<Vector> &all,
                                                         const traces::VectorRunOptions &options) {
  try {
    return traces::run_vectors(all, options);
  } catch (const traces::NotPossible &e) {
    MESSAGE("skipped: ", e.what());
    return {};
  }
}

// Where a changed model is tried, and the vectors of the true one.
struct World {
  World(const model::Config &c, int t) : config(c), threads(t) {
    for (const Vector &v : vectors_of(config, threads, vectors::Cover::transitions))
      known.insert(as_text(v));
  }
  model::Config config;
  int threads;
  std::set<std::string> known;
};

// The vectors of the changed model that are none of the true one's; one of them that fails here, or
// "" if none does. Nothing: this machine does not permit it.
inline std::optional<std::string> caught(const World &world,
                                         const std::function<void(model::Model &)> &change) {
  std::vector<Vector> fresh;
  for (Vector &v : vectors_of(world.config, world.threads, vectors::Cover::transitions, change))
    if (!world.known.contains(as_text(v))) fresh.push_back(std::move(v));
  const auto results = run_here(fresh, {.until_failure = true});
  if (!results) return {};
  for (std::size_t k = 0; k < fresh.size(); ++k)
    if ((*results)[k].verdict == Verdict::failed) return fresh[k].id;
  return "";
}

}  // namespace ptmc::tests
