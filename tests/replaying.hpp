// What the suites about replay share.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "traces/replay.hpp"

namespace ptmc::traces {

extern const std::filesystem::path kSource;  // of the repository

// Those of a folder of the repository, sorted.
std::vector<std::filesystem::path> files(const std::filesystem::path &directory,
                                         const std::string &extension);
void check_accepted(const ReplayResult &result);
// With models that are kept from one replay to the next.
ReplayResult replayed(const Trace &trace);

}  // namespace ptmc::traces
