// ptmc explain: a trace call by call, each with the stop kinds that the tracee may have been in
// before and after it, and the rules that may have made it what it was; of each stop that was
// reported what it was, why, what its tracer could know; and what that then did wrong.

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <array>
#include <map>
#include <memory>

#include "tools/ptmc/chart.hpp"
#include "tools/ptmc/replayed.hpp"

namespace ptmc::tools {
namespace {

struct ExplainOptions {
  std::string format = "text";
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

constexpr std::array kKnownBy{"status", "siginfo", "history"};

// By event: the stop that it reported, and what was wrong with it.
struct Told {
  const traces::Stop *stop = nullptr;
  std::vector<const traces::Finding *> findings;
};
std::map<std::size_t, Told> told_by(const traces::Lint &lint) {
  std::map<std::size_t, Told> all;
  for (const traces::Stop &s : lint.stops) all[s.report].stop = &s;
  for (const traces::Finding &f : lint.findings) all[f.event].findings.push_back(&f);
  return all;
}

std::string told_text(const traces::Trace &trace, const Told &told) {
  std::string text;
  const auto add = [&](const char *what, const std::string &said) {
    text += fmt::format("      {:<7} {}\n", what, said);
  };
  if (const traces::Stop *s = told.stop) {
    for (std::size_t k = 0; k < s->kinds.size(); ++k)
      add(k ? "or" : "stop", s->kinds[k] + (s->why[k].empty() ? std::string() : ": " + s->why[k]));
    add("known", fmt::format("by its status {}; with GETSIGINFO {}; by all before {}",
                             fmt::join(s->known[0], " | "), fmt::join(s->known[1], " | "),
                             fmt::join(s->known[2], " | ")));
    add("ended",
        s->ended ? fmt::format("line {}", trace.events[*s->ended].line) : std::string("never"));
  }
  for (const traces::Finding *f : told.findings) add("wrong", finding_text(*f));
  return text;
}

Json to_json(const traces::Trace &trace, const traces::Lint &lint) {
  Json calls = Json::array();
  std::map<std::size_t, Told> told = told_by(lint);
  for (const Line &line : lines(trace, lint.replay)) {
    Json call{
        {"event", line.event}, {"line", line.call->line}, {"call", traces::describe(*line.call)}};
    if (const traces::Explained *e = line.explained) {
      call["before"] = e->before;
      call["rules"] = e->rules;
      call["after"] = e->after;
    }
    if (const traces::Stop *s = told[line.event].stop) {
      Json stop{{"tid", s->tid}, {"kinds", s->kinds}, {"why", s->why}};
      for (std::size_t level = 0; level < kKnownBy.size(); ++level)
        stop["known"][kKnownBy[level]] = s->known[level];
      if (s->ended) stop["ended"] = trace.events[*s->ended].line;
      call["stop"] = stop;
    }
    calls.push_back(call);
  }
  Json json = verdict_json(lint.replay);
  json["calls"] = calls;
  json["findings"] = findings_json(trace, lint);
  return json;
}

std::string all_text(const traces::Trace &trace, const traces::ReplayResult &result,
                     const std::map<std::size_t, Told> &told) {
  std::string text =
      fmt::format("{}: {} under kernel {}\n", result.file, result.design, result.kernel);
  for (const Line &line : lines(trace, result)) {
    text += fmt::format("{:>4}  {}\n", line.call->line, traces::describe(*line.call));
    if (line.explained) {
      const traces::Explained &e = *line.explained;
      text += alternatives("before", e.before) + alternatives("by", e.rules) +
              alternatives("after", e.after);
    }
    if (const auto it = told.find(line.event); it != told.end())
      text += told_text(trace, it->second);
  }
  return text + fmt::format("{}\n{}", verdict(result), reason_text(result));
}

int run_explain(ExplainOptions &options) {
  options.replay.explain = true;
  const traces::Trace trace = traces::read_trace(options.file);
  const traces::Lint lint = traces::lint(trace, options.replay);
  print_notes(lint.replay);
  if (options.format == "json")
    print_json(to_json(trace, lint));
  else if (options.format == "html")
    fmt::print("{}", chart_html(trace, lint));
  else
    fmt::print("{}", all_text(trace, lint.replay, told_by(lint)));
  return exit_code({lint.replay});
}

}  // namespace

std::string explained_text(const traces::Trace &trace, const traces::ReplayResult &result) {
  return all_text(trace, result, {});
}

Command explain_verb() {
  auto options = std::make_shared<ExplainOptions>();
  bool json = false;  // of three formats here
  Command command{
      .name = "explain",
      .about = "a trace, each call with the tracee's possible stops, and what its tracer did wrong",
      .options = replay_options(options->replay, json),
      .run = [=] { return run_explain(*options); }};
  command.options.back() = {.name = "--format",
                            .about = "text; json; html: a message sequence chart",
                            .sets = &options->format,
                            .type = "text|json|html",
                            .one_of = {"text", "json", "html"}};
  command.options.push_back(
      {.name = "TRACE", .about = "a ptmc-trace file or strace log", .sets = &options->file});
  return command;
}

}  // namespace ptmc::tools
