#include "checker/claim.hpp"

#include <algorithm>

#include "checker/synthesis.hpp"

namespace ptmc::checker {

bool is_true(const Part &part, Verdict answer) { return answer == part.expects; }

Decided judge(const Claim &claim, std::vector<Answers> answers) {
  Decided decided{&claim, std::move(answers), ClaimVerdict::undecided, {}};
  std::vector<std::string> conditions;
  for (const Part &p : claim.parts)
    if (p.decides && !p.under.empty() &&
        std::find(conditions.begin(), conditions.end(), p.under) == conditions.end())
      conditions.push_back(p.under);
  if (conditions.empty()) conditions.emplace_back();
  bool some_hold = false, some_fail = false;
  std::string holding;
  for (const std::string &condition : conditions) {
    bool all = true, any = false;
    for (std::size_t k = 0; k < claim.parts.size(); ++k) {
      const Part &p = claim.parts[k];
      if (!p.decides || !(p.under.empty() || p.under == condition)) continue;
      if (p.only_if >= 0) {
        const std::size_t premise = static_cast<std::size_t>(p.only_if);
        const Verdict known = decided.answers[premise].verdict();
        if (known == Verdict::unknown) return decided;
        if (!is_true(claim.parts[premise], known)) continue;
      }
      const Verdict verdict = decided.answers[k].verdict();
      if (verdict == Verdict::unknown) return decided;
      all = all && is_true(p, verdict);
      any = any || is_true(p, verdict);
    }
    if (claim.one_is_enough) all = any;
    (all ? some_hold : some_fail) = true;
    if (all) holding += (holding.empty() ? "" : "; ") + condition;
  }
  decided.verdict = !some_fail   ? ClaimVerdict::holds
                    : !some_hold ? ClaimVerdict::fails
                                 : ClaimVerdict::holds_if;
  if (decided.verdict == ClaimVerdict::holds_if) decided.condition = holding;
  return decided;
}

Decided decide(const Claim &claim, const AskOptions &options, bool told) {
  std::vector<bool> needed(claim.parts.size(), told);
  for (std::size_t k = 0; k < claim.parts.size(); ++k) {
    const Part &p = claim.parts[k];
    if (p.decides) needed[k] = true;
    if (p.only_if >= 0) needed[static_cast<std::size_t>(p.only_if)] = true;
  }
  std::vector<const Question *> questions;
  for (std::size_t k = 0; k < claim.parts.size(); ++k)
    if (needed[k]) questions.push_back(&claim.parts[k].question);
  std::vector<Answers> found = ask(questions, options), answers(claim.parts.size());
  for (std::size_t k = 0, n = 0; k < claim.parts.size(); ++k)
    if (needed[k]) answers[k] = std::move(found[n++]);
  return judge(claim, std::move(answers));
}

namespace {

constexpr std::string_view kProposal = "seize-options";

bool of_proposal(const Part &p) { return p.question.world.design.starts_with(kProposal); }

// The features that a design may have and whose words are the RFC's, but those that make it up.
std::vector<model::Feature> left_open() {
  std::vector<model::Feature> all;
  for (std::size_t f = 0; f < model::kFeatureCount; ++f) {
    const model::FeatureInfo &info = model::kFeatures[f];
    const bool words = info.meaning.starts_with("RFC") || info.meaning.starts_with("the same:");
    const auto feature = static_cast<model::Feature>(f);
    const bool own = feature == model::Feature::hidden_bit ||
                     feature == model::Feature::stop_options ||
                     feature == model::Feature::seize_options;
    if (info.group == 'd' && words && !own) all.push_back(feature);
  }
  return all;
}

}  // namespace

bool about_the_proposal(const Claim &claim) {
  return std::any_of(claim.parts.begin(), claim.parts.end(),
                     [](const Part &p) { return p.decides && of_proposal(p); });
}

std::optional<std::string> smallest_change(const Claim &claim, const AskOptions &options) {
  AskOptions how = options;
  how.proves = false;
  const auto mends = [&](const std::function<void(World &)> &change) {
    Claim changed = claim;
    for (Part &p : changed.parts)
      if (of_proposal(p)) change(p.question.world);
    const ClaimVerdict verdict = decide(changed, how, false).verdict;
    return verdict == ClaimVerdict::holds || verdict == ClaimVerdict::holds_if;
  };
  for (const model::Feature f : left_open()) {
    const model::FeatureInfo &info = model::kFeatures[static_cast<std::size_t>(f)];
    if (mends([f](World &w) { w = with(w, {f}); }))
      return std::string(info.name) + ", " + std::string(info.meaning);
  }
  for (OptionSet set = 0; set < OptionSet{1} << model::kRfcOptions.size(); ++set) {
    const std::string names = option_text(set, ",");
    if (mends([&](World &w) {
          const std::string base = w.design.substr(0, w.design.find('+'));
          w.design = base + "+" + names;
        }))
      return "SEIZE with " + (names.empty() ? "no options" : names);
  }
  return {};
}

const std::vector<Claim> &claims() {
  static const std::vector<Claim> all = [] {
    std::vector<Claim> made;
    quirk_claims(made);
    seize_claims(made);
    proposal_claims(made);
    settable_claims(made);
    rationale_claims(made);
    return made;
  }();
  return all;
}

}  // namespace ptmc::checker
