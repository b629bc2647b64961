// A scenario of many processes and threads, all traced, one after the other at work: what replay of
// a large closed world is measured with.
#pragma once

#include "traces/scenario.hpp"

namespace ptmc::bench {

// So many processes with so many threads each (1 to 4), stopped but for one at a time; each round
// makes eight calls about a thread.
traces::Scenario crowd(int processes, int threads, int rounds);

}  // namespace ptmc::bench
