#include "checker/synthesis.hpp"

#include <algorithm>

namespace ptmc::checker {
namespace {

bool holds_of(OptionSet all, OptionSet some) { return (all & some) == some; }

}  // namespace

std::vector<model::Option> rfc_options(OptionSet set) {
  std::vector<model::Option> all;
  for (std::size_t k = 0; k < model::kRfcOptions.size(); ++k)
    if (set >> k & 1) all.push_back(model::kRfcOptions[k]);
  return all;
}

std::string option_text(OptionSet set, std::string_view separator) {
  std::string text;
  for (const model::Option o : rfc_options(set)) {
    if (!text.empty()) text += separator;
    text += model::kOptionNames[o];
  }
  return text;
}

bool OptionVerdicts::everywhere(Verdict v) const {
  return std::all_of(by_set.begin(), by_set.end(),
                     [=](const auto &one) { return !one || one == v; });
}
bool OptionVerdicts::anywhere(Verdict v) const {
  return std::find(by_set.begin(), by_set.end(), v) != by_set.end();
}

std::vector<OptionSet> OptionVerdicts::minimal() const {
  std::vector<OptionSet> least;
  for (OptionSet set = 0; set < by_set.size(); ++set) {  // a set comes after those within it
    const bool within =
        std::any_of(least.begin(), least.end(), [=](OptionSet one) { return holds_of(set, one); });
    if (is(set, Verdict::holds) && !within) least.push_back(set);
  }
  return least;
}

std::vector<OptionSet> OptionVerdicts::spoilt() const {
  const std::vector<OptionSet> least = minimal();
  std::vector<OptionSet> all;
  for (OptionSet set = 0; set < by_set.size(); ++set)
    if (is(set, Verdict::violated) &&
        std::any_of(least.begin(), least.end(), [=](OptionSet one) { return holds_of(set, one); }))
      all.push_back(set);
  return all;
}

const std::vector<model::Property> &asked_everywhere() {
  static const std::vector<model::Property> all = [] {
    std::vector<model::Property> made = model::properties();
    for (model::Property &p : made) {
      if (p.kind != model::PropertyKind::sometimes) continue;
      for (const model::Property &of : model::properties())
        if (of.kind != model::PropertyKind::sometimes && of.id + ".occurs" == p.id)
          p.applies = of.applies;
    }
    return made;
  }();
  return all;
}

std::vector<OptionVerdicts> over_option_sets(int options, const Decide &decide) {
  const OptionSet count = OptionSet{1} << options;
  std::vector<OptionVerdicts> all;
  for (OptionSet set = 0; set < count; ++set)
    for (const auto &[property, verdict] : decide(set)) {
      auto at = std::find_if(all.begin(), all.end(),
                             [&, p = property](const auto &one) { return one.property == p; });
      if (at == all.end()) {
        all.push_back({property, {}});
        at = all.end() - 1;
        at->by_set.resize(count);
      }
      at->by_set[set] = verdict;
    }
  return all;
}

}  // namespace ptmc::checker
