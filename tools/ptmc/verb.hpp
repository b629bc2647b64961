// The verbs of ptmc: each in a file of its name.
#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

#include "tools/command_line/command_line.hpp"

namespace ptmc::tools {

// Exit codes (design contract). When several apply: 2, 4, 1, 3.
enum Exit : int { kYes = 0, kNo = 1, kUsage = 2, kGaveUp = 3, kCannot = 4 };

Command check_verb();
Command claims_verb();
Command compare_verb();
Command distinguish_verb();
Command scenario_verb();
Command record_verb();
Command replay_verb();
Command explain_verb();
Command lint_verb();
Command next_verb();
Command rules_verb();
Command graph_verb();
Command export_verb();
Command vectors_verb();
int main_job();
// The RFC's claims, a line each; each engine has so many seconds for a part.
void claims_table(double part_limit);

// Keys in the order of the contract.
using Json = nlohmann::ordered_json;

// --format text|json
Option format_option(bool &json);
// --design, for the verbs that take it by default as linux-3.4
Option design_option(std::string &design);
void print_json(const Json &json);
// Throws ptmc::InputError: of the command line, no file.
[[noreturn]] void refuse(const std::string &what);

}  // namespace ptmc::tools
