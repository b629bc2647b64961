// Traces of what a search has found, from its levels alone: going back level by level, all states
// of a level are expanded again, and for each wanted state of the next level the least predecessor
// is kept (by packed state, then by instance). One pass serves all traces.
#pragma once

#include <atomic>

#include "checker/counterexample.hpp"
#include "checker/store.hpp"
#include "checker/watch.hpp"

namespace ptmc::checker {

struct Search {
  const model::Model &model;
  const Layout &layout;
  const Store &store;
  const FastForm *fast;                    // or nullptr
  std::vector<std::vector<Range>> levels;  // the records of each depth
};

struct Goal {
  std::size_t depth;
  Find find;
};

// A trace for each goal; empty if *interrupted became true.
std::vector<Counterexample> trace_back(const Search &search, const std::vector<Goal> &goals,
                                       int workers, const std::atomic<bool> *interrupted);

}  // namespace ptmc::checker
