#include "tools/ptmc/proofs.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <stdexcept>

namespace ptmc::tools {

using checker::Proof;
using checker::ProveResult;
using checker::Verdict;

checker::ProveOptions prove_options(const checker::ExploreOptions &how) {
  checker::ProveOptions options;
  options.jobs = how.jobs;
  options.time_limit = how.time_limit;
  options.interrupted = how.interrupted;
  // A state and its share of the table take less.
  if (how.max_memory) options.reach = std::min(options.reach, how.max_memory / 64);
  options.property_ids = how.property_ids;
  options.properties = how.properties;
  options.fast = how.fast;
  if (how.progress)
    options.progress = [](const std::string &text) { fmt::print(stderr, "\rz3: {}\033[K", text); };
  return options;
}

ProveResult prove_watched(const model::Model &model, const checker::ExploreOptions &how) {
  const ProveResult result = checker::prove(model, prove_options(how));
  if (how.progress) fmt::print(stderr, "\r\033[K");
  return result;
}

Verdict agreed(const std::string &id, Verdict explored, Verdict proved) {
  if (explored == Verdict::unknown) return proved;
  if (proved != Verdict::unknown && proved != explored)
    throw std::logic_error("the engines disagree on " + id);
  return explored;
}

namespace {

checker::Counterexample path(const checker::Cti &cti) {
  return {{cti.instance}, {cti.before, cti.after}};
}

// The fields that are not zero.
std::vector<std::pair<std::string, std::string>> shown(const model::Schema &schema,
                                                       const model::State &s) {
  std::vector<std::pair<std::string, std::string>> all;
  for (model::Field f = 0; f < schema.size(); ++f)
    if (const model::Value v = schema.get(s, f))
      all.emplace_back(checker::field_text(schema, f), checker::value_text(schema, f, v));
  return all;
}

}  // namespace

Json proof_json(const model::Model &model, const Proof &proof) {
  Json json{{"how", proof.how},
            {"lemmas", proof.lemmas},
            {"behind", proof.behind},
            {"seconds", proof.seconds}};
  if (proof.cti && proof.verdict != Verdict::holds) {
    Json state = Json::object();
    for (const auto &[field, value] : shown(model.schema, proof.cti->before)) state[field] = value;
    json["counterexample_to_induction"] = {{"state", state},
                                           {"trace", trace_json(model, path(*proof.cti))}};
  }
  return json;
}

std::string proof_text(const model::Model &model, const Proof &proof) {
  std::string text = "z3: " + proof.how;
  if (!proof.lemmas.empty())
    text +=
        fmt::format(", with {} ({} behind it)", fmt::join(proof.lemmas, ", "), proof.behind.size());
  text = fmt::format("{:<9} {}\n", "", text);
  if (!proof.cti || proof.verdict != Verdict::unknown) return text;
  text += fmt::format("{:<9} nothing known excludes this state, in which it holds:\n      ", "");
  for (const auto &[field, value] : shown(model.schema, proof.cti->before))
    text += " " + field + "=" + value;
  return text + "\n" + checker::trace_text(checker::trace_steps(model, path(*proof.cti)));
}

std::string lemmas_text(const model::Model &model, const ProveResult &result) {
  if (result.lemmas.empty()) return "";
  std::string text = "\nlemmas, proved by induction together with the properties that use them:\n";
  for (const checker::Lemma &l : result.lemmas)
    text += l.name(model.schema) + ": " + l.statement(model.schema) + "\n";
  return text;
}

Json lemmas_json(const model::Model &model, const ProveResult &result) {
  Json all = Json::array();
  for (const checker::Lemma &l : result.lemmas)
    all.push_back({{"id", l.name(model.schema)}, {"statement", l.statement(model.schema)}});
  return all;
}

std::string covered_by_proofs(const ProveResult &result) {
  const auto unknown = std::count_if(result.proofs.begin(), result.proofs.end(),
                                     [](const Proof &p) { return p.verdict == Verdict::unknown; });
  return fmt::format(
      "Z3: {} of {} properties decided, by induction over all type-correct states or by a replayed "
      "path; {} questions, {} lemmas (read off {} explored states), {:.1f} s, the longest proof "
      "{:.1f} s.",
      result.proofs.size() - static_cast<std::size_t>(unknown), result.proofs.size(),
      result.questions, result.lemmas.size(), result.samples, result.seconds, result.slowest);
}

}  // namespace ptmc::tools
