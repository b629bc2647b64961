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

// Where the tracer programs lie that ptmc comes with.
std::string tracers_directory();
// By the name of one of those, else a file. InputError.
std::string find_tracer(const std::string &name_or_file);

std::vector<traces::Scenario> all_scenarios();
// By the name of one that ptmc comes with, else a file. InputError.
traces::Scenario find_scenario(const std::string &name_or_file);

// How many recordings of a kernel a design explains, and how many of them witnessed each rule, and
// each pair of a rule and a stop kind: by the rule's id, then the kind's name.
struct Summary {
  std::string kernel;
  std::size_t runs = 0;
  std::map<std::string, std::size_t> rules;
  std::map<std::string, std::map<std::string, std::size_t>> pairs;
};
Summary summary_of(const std::vector<traces::ReplayResult> &results);
// A file of them by design. What ptmc replay --summary puts there replaces that of the design.
void write_summary(const std::string &file, const std::string &design, const Summary &summary);
// Of what tools/witness has recorded; linux-3.4's for a design that this kernel does not offer.
Summary read_summary(const std::string &design);

// InputError.
void write_file(const std::string &file, const std::string &text);

}  // namespace ptmc::tools
