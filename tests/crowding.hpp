// What the tests of proofs for any number of threads share.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "checker/any_threads.hpp"
#include "tests/exploring.hpp"

namespace ptmc::tests {

using namespace exploring;
using checker::CrowdOptions;
using checker::CrowdProof;
using checker::CrowdProperty;
using checker::CrowdResult;
using checker::Verdict;

using Mutate = std::function<void(Model &)>;

inline Config config_of(std::string_view design) {
  return explored_config(parse_design(design), find_profile("group-stop"), {});
}

inline std::shared_ptr<const checker::CrowdText> text_of(std::string_view design,
                                                         const Mutate &mutate = {}) {
  return checker::crowd_text([&](int threads) {
    auto m = checker::unrolled(config_of(design), threads);
    if (mutate) mutate(*m);
    return m;
  });
}

// The properties that are refuted in the questions asked, or "side" for a side condition.
inline std::vector<std::string> failures(const CrowdResult &r) {
  std::vector<std::string> all;
  if (!r.failed.empty()) all.push_back("side");
  for (const CrowdProof &p : r.proofs)
    if (p.why.find("nothing known excludes") != std::string::npos ||
        p.why.find("does not follow") != std::string::npos)
      all.push_back(p.of.property.id);
  return all;
}

}  // namespace ptmc::tests
