// The command that runs a file of vectors: `ptmc vectors run`, and the static program ptmc-run.
#pragma once

#include "tools/command_line/command_line.hpp"
#include "traces/vector_run.hpp"

namespace ptmc::tools {

// then: told of what has come of it, before the exit code is returned; may be empty.
Command run_vectors_command(
    std::string name,
    std::function<void(const traces::Vectors &, const std::vector<traces::VectorResult> &)> then =
        {});

}  // namespace ptmc::tools
