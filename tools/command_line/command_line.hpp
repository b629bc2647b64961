// Command lines of the tools. CLI11 stays in command_line.cpp: each file that includes it takes ten
// seconds to compile.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace ptmc::tools {

// Where an option's value goes; a bool is a flag.
using Target = std::variant<bool *, int *, std::size_t *, double *, std::string *,
                            std::optional<int> *, std::optional<std::string> *,
                            std::vector<std::string> *, std::function<void(const std::string &)>>;

struct Option {
  std::string name;  // "--design"; without dashes: by position, and required
  std::string about;
  Target sets;
  std::string type = {};  // what --help calls the value
  std::vector<std::string> one_of = {};
  std::optional<std::pair<int, int>> range = {};
  bool above_zero = false;
  bool one_value = false;     // each time that the option is given
  std::string excludes = {};  // an option listed before
  bool may_lack = false;      // by position, and not required
};

struct Command {
  std::string name, about;
  std::vector<Option> options = {};
  std::vector<Command> verbs = {};
  std::function<int()> run = {};  // the exit code; none: a verb has to follow
};

// Reads the command line and runs what it says, or prints the help that it asks for. A mistake is
// told to `refuse`, which returns the exit code.
int run_command(const Command &program, int argc, char **argv,
                const std::function<int(const std::string &)> &refuse);

}  // namespace ptmc::tools
