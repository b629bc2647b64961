// ptmc replay: does the model explain what a real kernel did?

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <memory>

#include "tools/ptmc/data.hpp"
#include "tools/ptmc/replayed.hpp"
#include "traces/models.hpp"

namespace ptmc::tools {

using traces::ReplayResult;

std::vector<Option> replay_options(traces::ReplayOptions &options, bool &json) {
  return {design_option(options.design),
          {.name = "--kernel",
           .about = "the kernel, e.g. 6.18; else the trace's",
           .sets = &options.kernel,
           .type = "V"},
          format_option(json)};
}

std::string_view verdict(const ReplayResult &result) {
  if (!result.gave_up.empty()) return "unknown";
  return result.accepted ? "accepted" : "rejected";
}

Json verdict_json(const ReplayResult &result) {
  Json json{{"file", result.file},
            {"design", result.design},
            {"kernel", result.kernel},
            {"world", result.world == traces::World::open ? "open" : "closed"},
            {"verdict", verdict(result)},
            {"events", result.events},
            {"max_states", result.max_states},
            {"mean_allowed_next", result.mean_allowed_next},
            {"witnessed", result.witnessed}};
  for (const auto &[rule, kind] : result.pairs)
    json["pairs"][rule].push_back(model::kStopKindNames[static_cast<std::size_t>(kind)]);
  if (!result.gave_up.empty()) json["reason"] = result.gave_up;
  if (!result.notes.empty()) json["notes"] = result.notes;
  if (result.divergence) {
    const traces::Divergence &d = *result.divergence;
    Json blocked = Json::array();
    for (const traces::Blocked &b : d.blocked_by)
      blocked.push_back({{"rule", b.rule}, {"guard", b.guard}});
    json["divergence"] = {{"event", d.event},
                          {"line", d.line},
                          {"observed", d.observed},
                          {"allowed", d.allowed},
                          {"blocked_by", blocked}};
  }
  return json;
}

std::string reason_text(const ReplayResult &result) {
  if (!result.gave_up.empty()) return fmt::format("  gave up: {}\n", result.gave_up);
  if (!result.divergence) return "";
  const traces::Divergence &d = *result.divergence;
  std::string text =
      fmt::format("  line {}: event {}\n  observed: {}\n", d.line, d.event, d.observed);
  text += fmt::format("  allowed:  {}\n", d.allowed.empty()
                                              ? "nothing that this call can show"
                                              : fmt::format("{}", fmt::join(d.allowed, "; ")));
  for (const traces::Blocked &b : d.blocked_by)
    text += fmt::format("  blocked:  {}: not \"{}\"\n", b.rule, b.guard);
  return text;
}

void print_notes(const ReplayResult &result) {
  for (const std::string &note : result.notes) fmt::print(stderr, "ptmc: {}\n", note);
}

int exit_code(const std::vector<ReplayResult> &results) {
  int code = kYes;
  for (const ReplayResult &r : results) {
    if (!r.gave_up.empty() && code == kYes) code = kGaveUp;
    if (r.gave_up.empty() && !r.accepted) code = kNo;
  }
  return code;
}

namespace {

struct ReplayOptions {
  bool json = false;
  traces::ReplayOptions replay;
  std::string summary;
  std::vector<std::string> files;
};

void print_text(const ReplayResult &r) {
  fmt::print("{} {}: {} events, {} under kernel {}, at most {} states, {:.2f} allowed on average\n",
             verdict(r), r.file, r.events, r.design, r.kernel, r.max_states, r.mean_allowed_next);
  fmt::print("{}", reason_text(r));
}

int run_replay(const ReplayOptions &options) {
  // What is malformed ends it before anything is said.
  std::vector<ReplayResult> results;
  traces::Models models({.signals = {}, .siginfos = {}, .masks = {}, .exit_codes = {}});
  traces::ReplayOptions how = options.replay;
  how.models = &models;
  if (how.design.empty() && !options.summary.empty()) how.design = "linux-3.4";
  how.witness = options.json || !options.summary.empty();
  how.pairs = how.witness;
  for (const std::string &file : options.files) results.push_back(traces::replay_file(file, how));

  for (const ReplayResult &result : results) print_notes(result);
  Json json = Json::array();
  for (const ReplayResult &result : results)
    if (options.json)
      json.push_back(verdict_json(result));
    else
      print_text(result);
  if (options.json) print_json({{"traces", json}});
  if (!options.summary.empty())
    write_summary(options.summary, results.front().design, summary_of(results));
  return exit_code(results);
}

}  // namespace

Command replay_verb() {
  auto options = std::make_shared<ReplayOptions>();
  Command command{.name = "replay",
                  .about = "holds recorded traces against the model",
                  .options = replay_options(options->replay, options->json),
                  .run = [=] { return run_replay(*options); }};
  command.options.push_back(
      {.name = "--summary",
       .about = "puts into FILE how many of the traces witnessed each rule of the design",
       .sets = &options->summary,
       .type = "FILE"});
  command.options.push_back(
      {.name = "TRACE", .about = "ptmc-trace files or strace logs", .sets = &options->files});
  return command;
}

}  // namespace ptmc::tools
