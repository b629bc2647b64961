// What the running kernel shows of a claim: its scenarios are run, recorded, and replayed with a
// model that cannot do what the claim is about.
#pragma once

#include <string>

#include "checker/claim.hpp"

namespace ptmc::tools {

struct KernelEvidence {
  // seen: recordings that the model accepts cannot do without it. not contradicted: a claim of what
  // never happens, and in no recording it had to; `runs` counts those that the model accepts.
  // unavailable: no kernel has the design, or nothing was run.
  enum class Verdict { seen, not_contradicted, unavailable } verdict = Verdict::unavailable;
  std::size_t runs = 0;
  std::string reason;  // which recording showed it; why there is none
};
KernelEvidence kernel_evidence(const checker::Decided &decided);

}  // namespace ptmc::tools
