// The recorded traces that a design explains, and what a mutant makes of them.
#pragma once

#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "tools/mutating/mutant.hpp"
#include "tools/mutating/states.hpp"
#include "traces/models.hpp"
#include "traces/replay.hpp"

namespace ptmc::mutate {

class Corpus {
 public:
  // Of the traces, those that the model without mistakes accepts under this design.
  Corpus(const std::string &design, const std::vector<traces::Trace> &traces);

  struct Examined {
    std::string rejected;  // the first trace that the mutant rejects
    // One at whose calls the mutant allows more observations: one that the model does not list is
    // accepted.
    std::string imprecise;
    bool present = false;  // some model has the mutant's rule and part
  };
  Examined examine(const Mutant &mutant);
  std::vector<const model::Model *> models() const;
  std::size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    std::string name;
    traces::Trace trace;
    double allowed;  // ReplayResult::mean_allowed_next
    // In which of a machine's states its replay has looked at an instance.
    std::map<traces::Machine *, std::unordered_map<std::size_t, std::vector<std::uint32_t>>> looked;
  };
  struct Changed;
  traces::ReplayResult replay(const traces::Trace &trace);
  bool tells(const Entry &entry, traces::Machine &machine, std::vector<Changed> &changed) const;
  std::string design_;
  traces::Models models_;
  std::vector<Entry> entries_;
  std::map<const traces::Machine *, StateSet> states_;
};

}  // namespace ptmc::mutate
