// ptmc-difftest: random programs on this kernel, each recording held against the model.

#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>

#include "tools/difftesting/difftest.hpp"
#include "traces/stage.hpp"

namespace {

using namespace ptmc;

enum Exit : int { kYes = 0, kNo = 1, kUsage = 2, kIncomplete = 3, kCannot = 4 };

volatile sig_atomic_t interrupted = 0;

std::string line(const difftest::Totals &t) {
  return fmt::format(
      "{:.0f} s: {} programs, {} calls, {} rejections, {} gave up, {} rules, {} pairs", t.seconds,
      t.programs, t.calls, t.rejections, t.gave_up, t.rules, t.pairs);
}

int run(const difftest::Options &options) {
  struct sigaction action {};
  action.sa_handler = [](int) { interrupted = 1; };
  sigaction(SIGINT, &action, nullptr);
  const bool terminal = isatty(STDERR_FILENO);
  const difftest::Totals t = difftest::run(
      options, [] { return interrupted != 0; },
      [&](const difftest::Totals &so_far) {
        if (terminal) fmt::print(stderr, "\r\033[K{}", line(so_far));
      });
  if (terminal) fmt::print(stderr, "\r\033[K");
  fmt::print("seed {}, {} jobs, {:.0f} s{}\n", options.seed, options.jobs, t.seconds,
             t.interrupted ? ", interrupted" : "");
  fmt::print("{} programs, {} calls recorded ({:.0f} a second), {} not recorded\n", t.programs,
             t.calls, static_cast<double>(t.calls) / t.seconds, t.failed);
  fmt::print("{} rejected, {} gave up\n", t.rejections, t.gave_up);
  if (t.lost) fmt::print(stderr, "ptmc-difftest: {} jobs were killed or have crashed\n", t.lost);
  if (t.kept) fmt::print("{} made small, in {}\n", t.kept, options.directory);
  fmt::print("{:.0f} s generating, {:.0f} recording, {:.0f} replaying, {:.0f} witnessing\n",
             t.generating, t.recording, t.replaying, t.witnessing);
  fmt::print("{} rules witnessed, {} pairs of a rule and a stop kind\n", t.rules, t.pairs);
  return t.rejections ? kNo : t.lost ? kIncomplete : kYes;
}

int fail(int code, const std::string &what) {
  fmt::print(stderr, "ptmc-difftest: {}\n", what);
  return code;
}

}  // namespace

int main(int argc, char **argv) {
  difftest::Options options;
  options.directory = "build/difftest";
  CLI::App program("Random differential testing of the model against this kernel.",
                   "ptmc-difftest");
  program.add_option("--seconds", options.seconds, "how long")->check(CLI::PositiveNumber);
  program.add_option("--seed", options.seed, "the same seed gives the same programs");
  program.add_option("--jobs", options.jobs, "programs at once")->check(CLI::Range(1, 64));
  program.add_option("--programs", options.programs, "ends after so many");
  program.add_option("--directory", options.directory, "where the rejected programs go");
  program.add_flag("--uniform", options.uniform, "does not prefer what was seen least");
  try {
    program.parse(argc, argv);
  } catch (const CLI::ParseError &e) {
    return e.get_exit_code() == 0 ? program.exit(e) : fail(kUsage, e.what());
  }
  try {
    return run(options);
  } catch (const std::exception &e) {
    return fail(kCannot, e.what());
  }
}
