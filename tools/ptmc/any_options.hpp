// ptmc check --options any: under which of the RFC's options each property holds.
#pragma once

#include <map>
#include <string>

#include "checker/synthesis.hpp"
#include "tools/ptmc/exploration.hpp"

namespace ptmc::tools {

// By exploration: verdicts for the subject as it is, of the properties that are asked for, in the
// list's order. By Z3: for all sets at once.
using DecideSubject = std::function<checker::Verdicts(const Subject &)>;
using ProveAll = std::function<std::vector<checker::OptionVerdicts>()>;
// What the explorations came to together.
struct Explorations {
  std::uint64_t states = 0, transitions = 0, depth = 0;  // the depth of the deepest
  bool complete = true;
  std::size_t peak_memory_bytes = 0;
  std::map<std::string, std::uint64_t> fired;  // by rule
};
// By those that there are. Exit code: 0: each property holds under every set, 1: not so, 3: not all
// was decided. InputError.
int check_any_options(const Subject &subject, const std::string &engine,
                      const DecideSubject &explore, const ProveAll &prove, const Explorations &sum,
                      bool json);

}  // namespace ptmc::tools
