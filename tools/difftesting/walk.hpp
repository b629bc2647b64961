// A walk: one behaviour of the model, among many. The generator takes it along to guess where a
// program has come to, and what a call would lead to there. The kernel may go elsewhere.
#pragma once

#include <array>
#include <set>
#include <utility>
#include <vector>

#include "model/property.hpp"
#include "tools/difftesting/random.hpp"
#include "traces/models.hpp"
#include "traces/scenario.hpp"

namespace ptmc::difftest {

// A rule by its number, and the stop kind of the thread that takes it or is acted upon.
using Pair = std::pair<int, model::StopKind>;

class Walk {
 public:
  // names: with the symbols of traces::who for pids.
  Walk(const traces::Machine &machine, const traces::Names &names);

  // Whether it has a call under way, or is no more.
  bool busy(pid_t role) const;
  bool in_main(int thread) const;
  bool dead(int thread) const;
  bool tracer_dead() const;
  // Begins a call, and goes on until nothing more happens of itself. Returns what was taken.
  std::set<Pair> make(const traces::Event &event, Random &random);

 private:
  struct Open {
    traces::Event event;
    traces::Plan plan;
    std::size_t stage = 0;
    bool inside = false;  // in a system call that SYSCALL traces
  };
  bool may_begin(const Open &open) const;
  bool over(const Open &open) const;
  bool advance(Open &open, Random &random, std::set<Pair> &taken);
  bool hidden(Random &random, std::set<Pair> &taken);
  void take(std::size_t instance, std::set<Pair> &taken);

  const traces::Machine *machine_;
  const traces::Names *names_;
  model::State state_;
  std::vector<Open> open_;
  std::array<bool, traces::who::count> gone_{};
};

}  // namespace ptmc::difftest
