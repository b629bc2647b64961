// ptmc VERB: reads the command line, runs the verb, turns what went wrong into one line on stderr
// and the contract's exit code. Without a verb it does the main job.

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <exception>
#include <new>

#include "model/input_error.hpp"
#include "tools/ptmc/verb.hpp"
#include "traces/stage.hpp"

namespace ptmc::tools {
namespace {

int fail(int code, std::string what) {
  std::replace(what.begin(), what.end(), '\n', ' ');
  std::fflush(stdout);
  fmt::print(stderr, "ptmc: {}\n", what);
  return code;
}

int run(int argc, char **argv) {
  CLI::App program(
      "A model checker for the stop states of Linux ptrace. Without a verb: checks "
      "all designs, then replays recordings of this kernel.",
      "ptmc");
  program.require_subcommand(0, 1);
  const std::array verbs{check_verb(program),   scenario_verb(program), replay_verb(program),
                         explain_verb(program), next_verb(program),     rules_verb(program),
                         graph_verb(program),   export_verb(program)};
  try {
    program.parse(argc, argv);
  } catch (const CLI::ParseError &e) {
    if (e.get_exit_code() == 0) return program.exit(e);  // --help
    const bool verb = !program.get_subcommands().empty();
    if (!verb && argv[1][0] != '-')
      return fail(kUsage, fmt::format("unknown verb '{}', see ptmc --help", argv[1]));
    return fail(kUsage, e.what());
  }
  for (const Verb &verb : verbs)
    if (*verb.command) return verb.run();
  return main_job();
}

}  // namespace
}  // namespace ptmc::tools

int main(int argc, char **argv) {
  using namespace ptmc::tools;
  try {
    const int code = run(argc, argv);
    if (std::fflush(stdout) != 0 || std::ferror(stdout)) return fail(kCannot, "cannot write");
    return code;
  } catch (const ptmc::InputError &e) {
    return fail(kUsage, e.what());
  } catch (const ptmc::traces::NotReached &e) {
    return fail(kGaveUp, e.what());
  } catch (const ptmc::traces::NotPossible &e) {
    return fail(kCannot, e.what());
  } catch (const std::bad_alloc &) {
    return fail(kGaveUp, "out of memory");
  } catch (const std::exception &e) {
    return fail(kCannot, e.what());
  }
}
