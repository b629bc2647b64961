// The message sequence chart of a trace: one page of HTML that needs nothing else.
#pragma once

#include <string>

#include "traces/lint.hpp"

namespace ptmc::tools {

// A column for each thread of a tracer, each tracee, and all others; an arrow for each call from
// who makes it to whom it is about, of a report from the tracee to who waits; the stop kinds that
// the tracee may be in beside its line; what was done wrong in red.
std::string chart_html(const traces::Trace &trace, const traces::Lint &lint);

}  // namespace ptmc::tools
