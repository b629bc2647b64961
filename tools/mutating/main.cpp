// ptmc-mutate: the mutation score of the recorded traces and the properties.

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "model/input_error.hpp"
#include "tools/command_line/command_line.hpp"
#include "tools/mutating/score.hpp"

namespace {

using namespace ptmc;

enum Exit : int { kYes = 0, kNo = 1, kUsage = 2, kIncomplete = 3, kCannot = 4 };

int run(const mutate::Options &options, bool list, bool verbose) {
  using mutate::Fate;
  const bool terminal = isatty(STDERR_FILENO);
  const mutate::Score s = mutate::score(options, [&](const std::string &what) {
    if (terminal || verbose)
      fmt::print(stderr, "{}{}{}", verbose ? "" : "\r\033[K", what.substr(0, verbose ? 2000 : 100),
                 verbose ? "\n" : "");
  });
  if (terminal) fmt::print(stderr, "\r\033[K");
  if (list)
    for (const mutate::Outcome &o : s.outcomes)
      if (o.fate == Fate::survives || o.fate == Fate::form || o.fate == Fate::equivalent)
        fmt::print("{} {}\n    {}\n", mutate::kFateNames[static_cast<int>(o.fate)], o.mutant.name(),
                   o.why);
  fmt::print("{}: {} mutants, {} traces, {} states, {:.0f} s\n", options.design, s.outcomes.size(),
             s.traces, s.states, s.seconds);
  fmt::print(
      "{:>6} killed by a recorded trace\n{:>6} by a property\n{:>6} by a corrupted trace\n"
      "{:>6} by the normal form only, not counted as killed\n",
      s.count(Fate::trace), s.count(Fate::property), s.count(Fate::corruption),
      s.count(Fate::form));
  fmt::print("{:>6} equivalent, proved\n{:>6} survive\n", s.count(Fate::equivalent),
             s.count(Fate::survives));
  const std::size_t rest = s.count(Fate::not_tried);
  if (rest) fmt::print("{:>6} not tried\n", rest);
  fmt::print("score {:.1f} %\n", 100 * s.value());
  return rest ? kIncomplete : s.value() < 0.95 ? kNo : kYes;
}

int fail(int code, const std::string &what) {
  fmt::print(stderr, "ptmc-mutate: {}\n", what);
  return code;
}

}  // namespace

int main(int argc, char **argv) {
  mutate::Options options;
  options.in_full = 300;
  std::string directory = PTMC_SOURCE_DIR "/tests/traces";
  bool list = false, verbose = false;
  const auto run_it = [&] {
    std::vector<std::string> files;
    for (const auto &file : std::filesystem::directory_iterator(directory))
      if (file.path().extension() == ".jsonl") files.push_back(file.path());
    std::sort(files.begin(), files.end());
    for (const std::string &file : files) options.traces.push_back(traces::read_trace(file));
    options.spaces = mutate::usual_spaces();
    return run(options, list, verbose);
  };
  const tools::Command program{
      .name = "ptmc-mutate",
      .about =
          "Mutation score: how many mistakes in the rules the recorded traces and the "
          "properties reveal.",
      .options =
          {{.name = "--design", .about = "whose rules", .sets = &options.design},
           {.name = "--rule", .about = "only this rule", .sets = &options.rule},
           {.name = "--every",
            .about = "only each how manyth mutant",
            .sets = &options.every,
            .above_zero = true},
           {.name = "--seconds",
            .about = "then the rest is not tried",
            .sets = &options.seconds,
            .above_zero = true},
           {.name = "--in-full",
            .about = "seconds for each profile that is explored in full at the end; 0: none",
            .sets = &options.in_full},
           {.name = "--jobs",
            .about = "processes at once",
            .sets = &options.jobs,
            .range = {{1, 64}}},
           {.name = "--traces", .about = "a directory of recorded traces", .sets = &directory},
           {.name = "--list",
            .about = "the mutants that survive, and the equivalent with their proofs",
            .sets = &list},
           {.name = "--verbose", .about = "each mutant, with what kills it", .sets = &verbose}},
      .run = run_it};
  try {
    return tools::run_command(program, argc, argv,
                              [](const std::string &what) { return fail(kUsage, what); });
  } catch (const InputError &e) {
    return fail(kUsage, e.what());
  } catch (const std::exception &e) {
    return fail(kCannot, e.what());
  }
}
