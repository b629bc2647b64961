// ptmc lint: what the tracer of a trace did wrong, a line each.

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <memory>

#include "tools/ptmc/replayed.hpp"
#include "traces/lint.hpp"

namespace ptmc::tools {
namespace {

struct LintOptions {
  bool json = false;
  traces::ReplayOptions replay;
  std::string file;
};

int run_lint(const LintOptions &options) {
  const traces::Trace trace = traces::read_trace(options.file);
  const traces::Lint result = traces::lint(trace, options.replay);
  if (options.json) {
    Json json = verdict_json(result.replay);
    json["findings"] = findings_json(trace, result);
    print_json(json);
  } else {
    for (const traces::Finding &f : result.findings)
      fmt::print("{}:{}: {}\n", trace.file, trace.events[f.event].line, finding_text(f));
    if (!result.replay.accepted)
      fmt::print("{}: {}, findings up to there\n{}", trace.file, verdict(result.replay),
                 reason_text(result.replay));
  }
  if (!result.findings.empty()) return kNo;
  return exit_code({result.replay});
}

}  // namespace

std::string finding_text(const traces::Finding &f) {
  return fmt::format("{}: {} [{}]", f.mistake->id, f.text, fmt::join(f.mistake->semantics, ", "));
}

Json findings_json(const traces::Trace &trace, const traces::Lint &result) {
  Json all = Json::array();
  for (const traces::Finding &f : result.findings) {
    Json one{{"id", f.mistake->id}, {"line", trace.events[f.event].line},
             {"event", f.event},    {"tid", f.tid},
             {"text", f.text},      {"semantics", f.mistake->semantics}};
    if (f.report) one["stop"] = trace.events[*f.report].line;
    all.push_back(one);
  }
  return all;
}

Command lint_verb() {
  auto options = std::make_shared<LintOptions>();
  std::string about = "what the tracer of a trace did wrong, a line each";
  Command command{.name = "lint",
                  .about = about,
                  .options = replay_options(options->replay, options->json),
                  .run = [=] { return run_lint(*options); }};
  command.options.push_back(
      {.name = "TRACE", .about = "a ptmc-trace file or strace log", .sets = &options->file});
  return command;
}

}  // namespace ptmc::tools
