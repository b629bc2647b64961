// What exploring a design's profiles in full says of the mutants that small spaces do not decide.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tools/mutating/by_laws.hpp"

namespace ptmc::mutate {

// A profile of the design (`ptmc check --profile`), with the properties that are not known to be
// violated there.
struct Whole {
  std::unique_ptr<model::Config> config;
  std::unique_ptr<model::Model> model;
  std::vector<const model::Property *> always;
  std::unique_ptr<ByLaws> by_laws;
};
std::vector<Whole> whole_profiles(const std::string &design);

struct InFull {
  std::string same;     // the profiles that have its part, and take the same steps throughout
  std::string differs;  // the first profile in which a step is not the same
  std::string broken;   // the property that then fails, within some steps
  std::string bounded;  // the profiles that have its part, and were not explored in full
};
// Explores the profiles one by one, `seconds` at most each. That a mutant's steps are the same is a
// property of states there; where the laws show it, it is not asked.
std::vector<InFull> explore_in_full(const std::vector<Whole> &profiles,
                                    const std::vector<Mutant> &mutants, int jobs, double seconds,
                                    const std::function<void(const std::string &)> &progress);

}  // namespace ptmc::mutate
