// What replay, explain and lint share: traces replayed under a design, and how a verdict is shown.
#pragma once

#include "tools/ptmc/verb.hpp"
#include "traces/lint.hpp"

namespace ptmc::tools {

// --design, --kernel and --format
std::vector<Option> replay_options(traces::ReplayOptions &options, bool &json);

std::string_view verdict(const traces::ReplayResult &result);  // accepted, rejected, unknown
Json verdict_json(const traces::ReplayResult &result);
// The divergence, or why nothing was decided; empty if the trace was accepted.
std::string reason_text(const traces::ReplayResult &result);
// Call by call, of a replay that explains.
std::string explained_text(const traces::Trace &trace, const traces::ReplayResult &result);
std::string finding_text(const traces::Finding &finding);  // without file and line
Json findings_json(const traces::Trace &trace, const traces::Lint &lint);
// What the reader of a trace left out, on stderr.
void print_notes(const traces::ReplayResult &result);
int exit_code(const std::vector<traces::ReplayResult> &results);

}  // namespace ptmc::tools
