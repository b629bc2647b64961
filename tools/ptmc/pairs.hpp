// Which rules a real kernel was seen to take, and in which stop kinds of the thread that took the
// step or was acted upon.
#pragma once

#include <string>
#include <vector>

#include "tools/ptmc/data.hpp"
#include "tools/ptmc/design_rules.hpp"

namespace ptmc::tools {

// "rules of D witnessed: 131 of 135 (97 %)", then those that were not, with the reason.
std::string witnessed_text(const std::string &design, const std::vector<DesignRule> &rules,
                           const Summary &summary);

// The table of pairs, as Markdown: what the profiles of one thread reach, against the recordings.
// The exit code.
int print_pairs(const model::DesignSpec &spec, const Summary &summary);

}  // namespace ptmc::tools
