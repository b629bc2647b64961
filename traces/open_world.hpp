// Replay of an open world: only the tracer was recorded. Each tracee is followed by itself, in the
// set of states that it may be in, while strangers, siblings and its own code do what they like
// (model/rules_open_world.cpp).
#pragma once

#include "traces/replay.hpp"
#include "traces/source.hpp"

namespace ptmc::traces {

// Fills events, max_states, mean_allowed_next, divergence, accepted, gave_up, explained and next.
// Goes through the trace twice. For explained and next it must be in memory (Source::whole).
void replay_open_world(Source &source, const model::DesignSpec &spec, const ReplayOptions &options,
                       Models &models, ReplayResult &result);

}  // namespace ptmc::traces
