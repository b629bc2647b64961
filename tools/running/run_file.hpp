// The command that runs a file of vectors: `ptmc vectors run`, and the static program ptmc-run.
#pragma once

#include "tools/command_line/command_line.hpp"
#include "traces/vector_run.hpp"

namespace ptmc::tools {

// What there is to say of a failed vector beyond the report, in lines; may be empty.
using Account =
    std::function<std::string(const traces::Vectors &, std::size_t vector, int failed_step)>;
Command run_vectors_command(std::string name, Account account = {});

}  // namespace ptmc::tools
