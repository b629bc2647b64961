// ptmc explain: a trace call by call, each with the stop kinds that the tracee may have been in
// before and after it, and the rules that may have made it what it was.

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <map>
#include <memory>

#include "tools/ptmc/replayed.hpp"

namespace ptmc::tools {
namespace {

struct ExplainOptions {
  bool json = false;
  traces::ReplayOptions replay;
  std::string file;
};

struct Line {
  std::size_t event;
  const traces::Event *call;
  const traces::Explained *explained;  // null: without meaning for the model, or never over
};

// The calls in the order of the trace, those of a rejected one up to the divergence.
std::vector<Line> lines(const traces::Trace &trace, const traces::ReplayResult &result) {
  std::map<std::size_t, const traces::Explained *> explained;
  for (const traces::Explained &e : result.explained) explained[e.event] = &e;
  const std::size_t last = result.divergence ? result.divergence->event : trace.events.size() - 1;
  std::vector<Line> all;
  for (std::size_t i = 0; i < trace.events.size() && i <= last; ++i) {
    auto it = explained.find(i);
    all.push_back({i, &trace.events[i], it == explained.end() ? nullptr : it->second});
  }
  return all;
}

std::string alternatives(const char *what, const std::vector<std::string> &all) {
  return all.empty() ? "" : fmt::format("      {:<7} {}\n", what, fmt::join(all, " | "));
}

Json to_json(const traces::ReplayResult &result, const std::vector<Line> &all) {
  Json calls = Json::array();
  for (const Line &line : all) {
    Json call{
        {"event", line.event}, {"line", line.call->line}, {"call", traces::describe(*line.call)}};
    if (const traces::Explained *e = line.explained) {
      call["before"] = e->before;
      call["rules"] = e->rules;
      call["after"] = e->after;
    }
    calls.push_back(call);
  }
  Json json = verdict_json(result);
  json["calls"] = calls;
  return json;
}

int run_explain(ExplainOptions &options) {
  options.replay.explain = true;
  const traces::Trace trace = traces::read_trace(options.file);
  const traces::ReplayResult result = traces::replay(trace, options.replay);
  print_notes(result);
  if (options.json)
    print_json(to_json(result, lines(trace, result)));
  else
    fmt::print("{}", explained_text(trace, result));
  return exit_code({result});
}

}  // namespace

std::string explained_text(const traces::Trace &trace, const traces::ReplayResult &result) {
  std::string text =
      fmt::format("{}: {} under kernel {}\n", result.file, result.design, result.kernel);
  for (const Line &line : lines(trace, result)) {
    text += fmt::format("{:>4}  {}\n", line.call->line, traces::describe(*line.call));
    if (!line.explained) continue;
    const traces::Explained &e = *line.explained;
    text += alternatives("before", e.before) + alternatives("by", e.rules) +
            alternatives("after", e.after);
  }
  return text + fmt::format("{}\n{}", verdict(result), reason_text(result));
}

Command explain_verb() {
  auto options = std::make_shared<ExplainOptions>();
  Command command{
      .name = "explain",
      .about = "a trace, each call with the tracee's possible stops before and after it",
      .options = replay_options(options->replay, options->json),
      .run = [=] { return run_explain(*options); }};
  command.options.push_back(
      {.name = "TRACE", .about = "a ptmc-trace file or strace log", .sets = &options->file});
  return command;
}

}  // namespace ptmc::tools
