// The verbs of ptmc: each in a file of its name, added to the command line by one function.
#pragma once

#include <functional>
#include <string>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

namespace ptmc::tools {

// Exit codes (design contract). When several apply: 2, 4, 1, 3.
enum Exit : int { kYes = 0, kNo = 1, kUsage = 2, kGaveUp = 3, kCannot = 4 };

struct Verb {
  CLI::App *command;
  std::function<int()> run;  // the exit code
};
Verb check_verb(CLI::App &program);
Verb scenario_verb(CLI::App &program);
Verb replay_verb(CLI::App &program);
Verb explain_verb(CLI::App &program);
Verb next_verb(CLI::App &program);
Verb rules_verb(CLI::App &program);
Verb graph_verb(CLI::App &program);
Verb export_verb(CLI::App &program);
int main_job();

// Keys in the order of the contract.
using Json = nlohmann::ordered_json;

// --format text|json
void add_format(CLI::App &command, bool &json);
// --design, for the verbs that take it by default as linux-3.4
void add_design(CLI::App &command, std::string &design);
void print_json(const Json &json);

}  // namespace ptmc::tools
