// A run as a message sequence: a column for each who acts, and for each thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "checker/counterexample.hpp"
#include "tools/ptmc/verb.hpp"

namespace ptmc::tools {

// A line a step: what is done in the column of who does it, and in a thread's the stop that it then
// is in, where that is new; "<" there: it is acted upon.
std::string sequence_text(const std::vector<checker::TraceStep> &steps, std::string_view indent);
// Every run in every verb's JSON.
Json steps_json(const std::vector<checker::TraceStep> &steps);

}  // namespace ptmc::tools
