// Makes a failing program small: delta debugging over its steps (Zeller and Hildebrandt 2002), then
// over what is left of its races and threads. A program that races fails only sometimes, so the
// caller's predicate tries it more than once.
#pragma once

#include <functional>

#include "traces/scenario.hpp"

namespace ptmc::difftest {

using Fails = std::function<bool(const traces::Scenario &)>;

// `failing` fails. Every smaller program that `fails` was asked about and that is kept, failed.
traces::Scenario shrink(const traces::Scenario &failing, const Fails &fails);

}  // namespace ptmc::difftest
