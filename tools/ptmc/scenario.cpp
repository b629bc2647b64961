// ptmc scenario list | run: the scenarios that ptmc comes with, and their run on this kernel.

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <memory>

#include "tools/ptmc/data.hpp"
#include "tools/ptmc/verb.hpp"
#include "traces/stage.hpp"

namespace ptmc::tools {
namespace {

struct ScenarioOptions {
  bool json = false;
  std::string scenario, output;
};

int list(bool json) {
  Json names = Json::array();
  for (const traces::Scenario &s : all_scenarios()) {
    if (json)
      names.push_back({{"name", s.name}, {"about", s.about}, {"semantics", s.semantics}});
    else
      fmt::print("{:<32} {}\n", s.name, s.about);
  }
  if (json) print_json({{"scenarios", names}});
  return kYes;
}

// What did not come as the scenario expects is a finding, not an error: the trace tells it too.
int run_scenario(const ScenarioOptions &options) {
  const traces::Scenario scenario = find_scenario(options.scenario);
  const traces::RunResult result = traces::run_scenario(scenario);
  const std::string text = traces::to_jsonl(result.trace);
  if (options.output.empty())
    fmt::print("{}", text);
  else
    write_file(options.output, text);
  for (const std::string &finding : result.unexpected)
    fmt::print(stderr, "ptmc: unexpected: {}\n", finding);
  return kYes;
}

}  // namespace

Command scenario_verb() {
  auto options = std::make_shared<ScenarioOptions>();
  return {.name = "scenario",
          .about = "runs a scripted scenario on this kernel and records it",
          .verbs = {{.name = "list",
                     .about = "the scenarios that ptmc comes with",
                     .options = {format_option(options->json)},
                     .run = [=] { return list(options->json); }},
                    {.name = "run",
                     .about = "runs one and writes its trace",
                     .options = {{.name = "NAME|FILE",
                                  .about = "a scenario of the list, or a file",
                                  .sets = &options->scenario},
                                 {.name = "-o",
                                  .about = "where the trace goes; else to stdout",
                                  .sets = &options->output,
                                  .type = "TRACE"}},
                     .run = [=] { return run_scenario(*options); }}}};
}

}  // namespace ptmc::tools
