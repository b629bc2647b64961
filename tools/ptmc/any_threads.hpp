// ptmc check --threads any: what Z3 proves for every number of threads.
#pragma once

#include "tools/ptmc/exploration.hpp"
#include "tools/ptmc/verb.hpp"

namespace ptmc::tools {

// Prints each property with its verdict and lemmas; the exit code. Throws InputError for a property
// that is not among them, and for two processes.
int check_any_threads(const Subject &subject, const checker::ExploreOptions &how, bool json);

}  // namespace ptmc::tools
