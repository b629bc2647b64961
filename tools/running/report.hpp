// What a run of vectors has shown, for people and for other programs.
#pragma once

#include <array>
#include <iosfwd>
#include <string>
#include <string_view>
#include <vector>

#include "traces/vector_run.hpp"

namespace ptmc::tools {

inline constexpr std::array<std::string_view, 3> kReportFormats{"tap", "json", "junit"};

// TAP 14, the design contract's JSON, or JUnit's XML. An inconclusive vector is a TODO or skipped.
void report(std::ostream &out, std::string_view format, const traces::Vectors &vectors,
            const std::vector<traces::VectorResult> &results);

std::size_t count(const std::vector<traces::VectorResult> &results,
                  traces::VectorResult::Verdict verdict);

}  // namespace ptmc::tools
