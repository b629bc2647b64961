// The data files that ptmc comes with: scenarios, and which rules a real kernel was seen to take.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "traces/replay.hpp"
#include "traces/scenario.hpp"

namespace ptmc::tools {

// share/ptmc beside the installed program, or the source tree's traces/.
std::string data_directory();

std::vector<traces::Scenario> all_scenarios();
// By the name of one that ptmc comes with, else a file. InputError.
traces::Scenario find_scenario(const std::string &name_or_file);

// What ptmc replay --summary writes: of how many traces, and how many witnessed each rule.
void write_summary(const std::string &file, const std::vector<traces::ReplayResult> &results);
std::map<std::string, std::size_t> read_summary();

// InputError.
void write_file(const std::string &file, const std::string &text);

}  // namespace ptmc::tools
