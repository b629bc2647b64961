// Replay of an open world: only the tracer was recorded. Each tracee is followed by itself, in the
// set of states that it may be in, while strangers, siblings and its own code do what they like
// (model/rules_open_world.cpp).
#pragma once

#include "traces/replay.hpp"

namespace ptmc::traces {

// Fills events, max_states, mean_allowed_next, divergence, accepted, gave_up and explained.
void replay_open_world(const Trace &trace, const model::DesignSpec &spec,
                       const ReplayOptions &options, Models &models, ReplayResult &result);

}  // namespace ptmc::traces
