// ptmc claims: the RFC, claim by claim, decided by exploration and by Z3, and tried on the running
// kernel.

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <memory>

#include "checker/claim.hpp"
#include "tools/ptmc/claim_evidence.hpp"
#include "tools/ptmc/data.hpp"
#include "tools/ptmc/exploration.hpp"
#include "tools/ptmc/sequence.hpp"
#include "tools/ptmc/verb.hpp"

namespace ptmc::tools {
namespace {

using checker::Answer;
using checker::Claim;
using checker::ClaimVerdict;
using checker::Decided;
using checker::Part;

struct ClaimsOptions {
  std::string format = "text";
  std::vector<std::string> ids;
  std::optional<int> jobs;
  double limit = 20;
  bool no_kernel = false;
};

constexpr std::string_view kKernelVerdicts[] = {"seen", "not contradicted", "unavailable"};

struct Row {
  Decided decided;
  KernelEvidence kernel;
  // Of a claim about the proposal that fails: what would make it hold.
  std::optional<std::string> change;
};

bool lacks_a_change(const Row &row) {
  return row.decided.verdict == ClaimVerdict::fails && about_the_proposal(*row.decided.claim);
}

std::string_view verdict(const Row &row) {
  return checker::kClaimVerdictNames[static_cast<std::size_t>(row.decided.verdict)];
}

std::string_view truth(const Part &part, checker::Verdict answer) {
  if (answer == checker::Verdict::unknown) return "unknown";
  return is_true(part, answer) ? "true" : "false";
}

// ---- JSON ---------------------------------------------------------------------------------------

Json answer_json(const Part &part, const Answer &answer) {
  Json json{
      {"verdict", truth(part, answer.verdict)}, {"how", answer.how}, {"seconds", answer.seconds}};
  for (const auto &trace : answer.traces) json["traces"].push_back({{"steps", steps_json(trace)}});
  return json;
}

// One engine, over all parts that decide.
Json engine_json(const Row &row, Answer checker::Answers::*engine) {
  double seconds = 0;
  std::size_t decided = 0, all = 0;
  for (std::size_t k = 0; k < row.decided.answers.size(); ++k) {
    const Answer &a = row.decided.answers[k].*engine;
    seconds += a.seconds;
    if (!row.decided.claim->parts[k].decides) continue;
    ++all;
    decided += a.verdict != checker::Verdict::unknown;
  }
  return {{"decided", decided}, {"of", all}, {"seconds", seconds}};
}

Json row_json(const Row &row) {
  const Claim &claim = *row.decided.claim;
  Json json{{"id", claim.id},
            {"kind", checker::kClaimKindNames[static_cast<std::size_t>(claim.kind)]},
            {"statement", claim.statement},
            {"source", claim.source},
            {"verdict", verdict(row)}};
  if (!row.decided.condition.empty()) json["condition"] = row.decided.condition;
  if (row.change) json["smallest_change"] = *row.change;
  json["parts"] = Json::array();
  for (std::size_t k = 0; k < claim.parts.size(); ++k) {
    const Part &p = claim.parts[k];
    const checker::Answers &a = row.decided.answers[k];
    json["parts"].push_back({{"statement", p.statement},
                             {"verdict", truth(p, a.verdict())},
                             {"decides", p.decides},
                             {"under", p.under},
                             {"world", text(p.question.world)},
                             {"explicit", answer_json(p, a.explored)},
                             {"z3", answer_json(p, a.proved)}});
  }
  Json kernel{{"verdict", kKernelVerdicts[static_cast<std::size_t>(row.kernel.verdict)]}};
  if (row.kernel.runs) kernel["runs"] = row.kernel.runs;
  if (!row.kernel.reason.empty()) kernel["reason"] = row.kernel.reason;
  json["evidence"] = {{"explicit", engine_json(row, &checker::Answers::explored)},
                      {"z3", engine_json(row, &checker::Answers::proved)},
                      {"kernel", kernel}};
  return json;
}

// ---- Text ---------------------------------------------------------------------------------------

void print_row(const Row &row, bool full) {
  const Claim &claim = *row.decided.claim;
  fmt::print("{:<10} {:<27} {}{}\n", verdict(row), claim.id,
             claim.kind == checker::ClaimKind::definition ? "(definition) " : "", claim.statement);
  if (!row.decided.condition.empty()) fmt::print("{:>11}if {}\n", "", row.decided.condition);
  if (lacks_a_change(row))
    fmt::print("{:>11}smallest change: {}\n", "",
               row.change.value_or("none of what the RFC leaves open, and no set of options"));
  if (!full) return;
  fmt::print("{:>11}{}\n", "", claim.source);
  for (std::size_t k = 0; k < claim.parts.size(); ++k) {
    const Part &p = claim.parts[k];
    const checker::Answers &a = row.decided.answers[k];
    fmt::print("\n  {:<7} {}{}{}\n", truth(p, a.verdict()), p.statement,
               p.under.empty() ? "" : " [" + p.under + "]", p.decides ? "" : " (told only)");
    fmt::print("          in     {}\n", text(p.question.world));
    fmt::print("          states {} ({}, {:.1f} s)\n", truth(p, a.explored.verdict), a.explored.how,
               a.explored.seconds);
    fmt::print("          z3     {} ({}, {:.1f} s)\n", truth(p, a.proved.verdict), a.proved.how,
               a.proved.seconds);
    for (const auto &trace : a.explored.traces) {
      fmt::print("          a shortest run:\n");
      fmt::print("{}", sequence_text(trace, "          "));
    }
  }
  fmt::print("\n  kernel  {}{}{}\n\n",
             kKernelVerdicts[static_cast<std::size_t>(row.kernel.verdict)],
             row.kernel.runs ? fmt::format(", {} runs", row.kernel.runs) : "",
             row.kernel.reason.empty() ? "" : ": " + row.kernel.reason);
}

void print_markdown(const std::vector<Row> &rows) {
  fmt::print(
      "| claim | source | verdict | statement | states | Z3 | kernel |\n"
      "|---|---|---|---|---|---|---|\n");
  for (const Row &row : rows) {
    const Json explored = engine_json(row, &checker::Answers::explored),
               proved = engine_json(row, &checker::Answers::proved);
    fmt::print("| `{}` | {} | {}{} | {} | {} of {} | {} of {} | {} |\n", row.decided.claim->id,
               row.decided.claim->source, verdict(row),
               row.decided.condition.empty() ? "" : ": " + row.decided.condition,
               row.decided.claim->statement, explored["decided"].get<std::size_t>(),
               explored["of"].get<std::size_t>(), proved["decided"].get<std::size_t>(),
               proved["of"].get<std::size_t>(),
               kKernelVerdicts[static_cast<std::size_t>(row.kernel.verdict)]);
  }
}

// ---- The verb -----------------------------------------------------------------------------------

bool wanted(const ClaimsOptions &options, const std::string &id) {
  return options.ids.empty() ||
         std::find(options.ids.begin(), options.ids.end(), id) != options.ids.end();
}

std::vector<Claim> all_claims() {
  std::vector<Claim> all = checker::claims();
  for (Claim &c : checker::loop_claims(tracers_directory())) all.push_back(std::move(c));
  return all;
}

void know_all(const std::vector<std::string> &ids, const std::vector<Claim> &all) {
  for (const std::string &id : ids) {
    const auto is = [&](const auto &one) { return one.id == id; };
    if (std::none_of(all.begin(), all.end(), is)) refuse("unknown claim '" + id + "'");
  }
}

int run_claims(const ClaimsOptions &options) {
  const std::vector<Claim> all = all_claims();
  know_all(options.ids, all);
  const checker::ExploreOptions usual = watched_options();
  checker::AskOptions how;
  how.jobs = options.jobs.value_or(usual.jobs);
  how.time_limit = options.limit;
  how.interrupted = usual.interrupted;
  std::vector<Row> rows;
  for (const Claim &claim : all) {
    if (!wanted(options, claim.id)) continue;
    if (interrupted()) break;
    Row row{decide(claim, how), {}, {}};
    if (lacks_a_change(row)) row.change = smallest_change(claim, how);
    if (options.no_kernel)
      row.kernel.reason = "--no-kernel";
    else
      row.kernel = kernel_evidence(row.decided);
    if (options.format == "text") {
      print_row(row, !options.ids.empty());
      std::fflush(stdout);
    }
    rows.push_back(std::move(row));
  }
  if (options.format == "json") {
    Json list = Json::array();
    for (const Row &row : rows) list.push_back(row_json(row));
    print_json({{"claims", list}});
  } else if (options.format == "markdown") {
    print_markdown(rows);
  }
  const bool all_decided =
      !interrupted() && std::none_of(rows.begin(), rows.end(), [](const Row &row) {
        return row.decided.verdict == ClaimVerdict::undecided;
      });
  return all_decided ? kYes : kGaveUp;
}

}  // namespace

void claims_table(double part_limit) {
  ClaimsOptions options;
  options.limit = part_limit;
  run_claims(options);
}

Command claims_verb() {
  auto o = std::make_shared<ClaimsOptions>();
  return {.name = "claims",
          .about = "the RFC, claim by claim: verdict and evidence",
          .options = {{.name = "ID",
                       .about = "a claim, told with all its parts and runs; else all, a line each",
                       .sets = &o->ids,
                       .type = "ID",
                       .may_lack = true},
                      {.name = "--jobs", .about = "threads", .sets = &o->jobs, .range = {{1, 256}}},
                      {.name = "--part-limit",
                       .about = "seconds that each engine has for one part",
                       .sets = &o->limit,
                       .type = "SECONDS",
                       .above_zero = true},
                      {.name = "--no-kernel",
                       .about = "runs nothing on the running kernel",
                       .sets = &o->no_kernel},
                      {.name = "--format",
                       .about = "text, for people; json, for programs; or markdown",
                       .sets = &o->format,
                       .type = "text|json|markdown",
                       .one_of = {"text", "json", "markdown"}}},
          .run = [=] { return run_claims(*o); }};
}

}  // namespace ptmc::tools
