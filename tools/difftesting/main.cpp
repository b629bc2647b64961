// ptmc-difftest: random programs on this kernel, each recording held against the model.

#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <cstdio>

#include "tools/command_line/command_line.hpp"
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
  const tools::Command program{
      .name = "ptmc-difftest",
      .about = "Random differential testing of the model against this kernel.",
      .options =
          {{.name = "--seconds", .about = "how long", .sets = &options.seconds, .above_zero = true},
           {.name = "--seed",
            .about = "the same seed gives the same programs",
            .sets = &options.seed},
           {.name = "--jobs",
            .about = "programs at once",
            .sets = &options.jobs,
            .range = {{1, 64}}},
           {.name = "--programs", .about = "ends after so many", .sets = &options.programs},
           {.name = "--directory",
            .about = "where the rejected programs go",
            .sets = &options.directory},
           {.name = "--uniform",
            .about = "does not prefer what was seen least",
            .sets = &options.uniform}},
      .run = [&] { return run(options); }};
  try {
    return tools::run_command(program, argc, argv,
                              [](const std::string &what) { return fail(kUsage, what); });
  } catch (const std::exception &e) {
    return fail(kCannot, e.what());
  }
}
