// ptmc VERB: reads the command line, runs the verb, turns what went wrong into one line on stderr
// and the contract's exit code. Without a verb it does the main job.

#include <fmt/format.h>

#include <algorithm>
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
  const Command program{
      .name = "ptmc",
      .about =
          "A model checker for the stop states of Linux ptrace. Without a verb: checks all "
          "designs, then replays recordings of this kernel.",
      .verbs = {check_verb(), claims_verb(), compare_verb(), distinguish_verb(), scenario_verb(),
                record_verb(), replay_verb(), explain_verb(), lint_verb(), next_verb(),
                rules_verb(), graph_verb(), export_verb(), vectors_verb()},
      .run = main_job};
  return run_command(program, argc, argv,
                     [](const std::string &what) { return fail(kUsage, what); });
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
