// What may follow a trace (ReplayOptions::next).
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "traces/plan.hpp"
#include "traces/replay.hpp"

namespace ptmc::traces {

// The outcomes of one call at one process, in the order in which they are found.
class Outcomes {
 public:
  Outcomes(const Event &call, const Names &names) : call_(call), names_(names) {}
  // path: the hidden steps before it, called for an outcome that is new.
  template <class Path>
  void add(const model::Instance &instance, model::Value output, Path &&path) {
    const auto [it, fresh] = places_.try_emplace(outcome_key(instance, output), found.size());
    if (fresh)
      found.push_back({outcome(instance, output, names_),
                       observations(call_, instance, output, names_),
                       {},
                       path()});
    std::vector<std::string> &by = found[it->second].by;
    const std::string name = instance.name();
    for (const std::string &known : by)
      if (known == name) return;
    by.push_back(name);
  }
  std::vector<Possible> found;

 private:
  const Event &call_;
  const Names &names_;
  std::map<std::uint64_t, std::size_t> places_;
};

// Of a call that concerns several processes: what each has to report, and nothing if none has.
std::vector<Possible> of_all(std::vector<std::vector<Possible>> of_each);

}  // namespace ptmc::traces
