// What the tests of vectors share.
#pragma once

#include <doctest/doctest.h>

#include <functional>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "model/designs.hpp"
#include "tools/vectors/generate.hpp"
#include "tools/vectors/rival.hpp"
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

// Where a changed model is tried, and what is covered there.
struct World {
  World(const model::Config &c, int threads, vectors::Cover cover = vectors::Cover::transitions)
      : config(c),
        threads(threads),
        cover(cover),
        truth(std::make_unique<model::Model>(model::explored_shape(config, threads), &config)),
        rival(std::make_unique<vectors::Rival>(*truth)) {}
  model::Config config;
  int threads;
  vectors::Cover cover;
  std::unique_ptr<model::Model> truth;
  std::unique_ptr<vectors::Rival> rival;  // the true model
};

// Some vectors of the changed model that the true one fails are run; one of them that fails here,
// or "" if there are none or none does. Nothing: this machine does not permit it.
inline std::optional<std::string> caught(const World &world,
                                         const std::function<void(model::Model &)> &change) {
  constexpr std::size_t kRun = 20;
  std::vector<Vector> wrong;
  for (Vector &v : vectors_of(world.config, world.threads, world.cover, change))
    if (wrong.size() < kRun && world.rival->fails(v)) wrong.push_back(std::move(v));
  const auto results = run_here(wrong, {.until_failure = true});
  if (!results) return {};
  for (std::size_t k = 0; k < wrong.size(); ++k)
    if ((*results)[k].verdict == Verdict::failed) return wrong[k].id;
  return "";
}

}  // namespace ptmc::tests
