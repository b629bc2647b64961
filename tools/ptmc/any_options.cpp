#include "tools/ptmc/any_options.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>

#include "tools/ptmc/proofs.hpp"
#include "tools/ptmc/verb.hpp"

namespace ptmc::tools {
namespace {

using checker::OptionSet;
using checker::OptionVerdicts;
using checker::Verdict;

Json sets_json(const std::vector<OptionSet> &sets) {
  Json all = Json::array();
  for (OptionSet set : sets) {
    Json names = Json::array();
    for (model::Option o : checker::rfc_options(set)) names.push_back(model::kOptionNames[o]);
    all.push_back(names);
  }
  return all;
}

std::string sets_text(const std::vector<OptionSet> &sets) {
  std::vector<std::string> all;
  for (OptionSet set : sets) {
    all.push_back(set ? checker::option_text(set, "+") : "none");
  }
  return fmt::format("{}", fmt::join(all, ", "));
}

std::vector<OptionSet> sets_with(const OptionVerdicts &v, Verdict verdict) {
  std::vector<OptionSet> all;
  for (OptionSet set = 0; set < v.by_set.size(); ++set)
    if (v.is(set, verdict)) all.push_back(set);
  return all;
}

std::string answer(const OptionVerdicts &v) {
  if (v.anywhere(Verdict::unknown))
    return "unknown under " + sets_text(sets_with(v, Verdict::unknown));
  if (v.everywhere(Verdict::holds)) return "holds under every set";
  if (v.everywhere(Verdict::violated)) return "holds under none";
  std::string text = "holds with " + sets_text(v.minimal());
  if (const auto spoilt = v.spoilt(); !spoilt.empty())
    text += ", but not with " + sets_text(spoilt);
  return text;
}

Verdict overall(const OptionVerdicts &v) {
  return v.anywhere(Verdict::violated)  ? Verdict::violated
         : v.anywhere(Verdict::unknown) ? Verdict::unknown
                                        : Verdict::holds;
}

std::string covered(const Subject &subject, double seconds) {
  constexpr std::size_t kCount = model::kRfcOptions.size();
  return fmt::format(
      "{}{} under profile '{}', kernel {}.{}, {} process{} of {} thread{}, under each of the {} "
      "sets of {}, constant. {:.1f} s.",
      interrupted() ? "interrupted: " : "", subject.spec.design->name, subject.profile->name,
      subject.spec.major, subject.spec.minor, subject.processes, subject.processes == 1 ? "" : "es",
      subject.threads, subject.threads == 1 ? "" : "s", 1u << kCount,
      sets_text({(1u << kCount) - 1}), seconds);
}

Json to_json(const Subject &subject, const std::string &engine,
             const std::vector<OptionVerdicts> &all, const Explorations &sum, double seconds) {
  Json properties = Json::array();
  for (const OptionVerdicts &v : all)
    properties.push_back(
        {{"id", v.property->id},
         {"kind", model::kPropertyKindNames[static_cast<std::size_t>(v.property->kind)]},
         {"statement", v.property->statement},
         {"verdict", name(overall(v))},
         {"minimal", sets_json(v.minimal())},
         {"spoilt", sets_json(v.spoilt())},
         {"holds", sets_json(sets_with(v, Verdict::holds))},
         {"violated", sets_json(sets_with(v, Verdict::violated))},
         {"unknown", sets_json(sets_with(v, Verdict::unknown))}});
  return {{"design", subject.spec.design->name},
          {"options", sets_json({(1u << model::kRfcOptions.size()) - 1})[0]},
          {"any_options", true},
          {"profile", subject.profile->name},
          {"threads", subject.threads},
          {"processes", subject.processes},
          {"tracer", "any"},
          {"engine", engine},
          {"states", sum.states},
          {"transitions", sum.transitions},
          {"depth", sum.depth},
          {"complete",
           sum.complete && !interrupted() &&
               std::none_of(all.begin(), all.end(),
                            [](const OptionVerdicts &v) { return v.anywhere(Verdict::unknown); })},
          {"rules_fired", sum.fired},
          {"peak_memory_bytes", sum.peak_memory_bytes},
          {"covered", covered(subject, seconds)},
          {"seconds", seconds},
          {"properties", properties}};
}

// What either engine has found; of each property under each set they must not disagree.
void join(std::vector<OptionVerdicts> &all, const std::vector<OptionVerdicts> &proved) {
  for (const OptionVerdicts &p : proved) {
    const auto same = std::find_if(
        all.begin(), all.end(), [&](const OptionVerdicts &v) { return v.property == p.property; });
    if (same == all.end()) {
      all.push_back(p);
      continue;
    }
    for (OptionSet set = 0; set < p.by_set.size(); ++set)
      if (same->by_set[set] && p.by_set[set])
        same->by_set[set] = agreed(p.property->id + " with " + sets_text({set}), *same->by_set[set],
                                   *p.by_set[set]);
  }
}

void print_text(const Subject &subject, const std::vector<OptionVerdicts> &all, double seconds) {
  std::size_t width = 0;
  for (const OptionVerdicts &v : all) width = std::max(width, v.property->id.size());
  for (const OptionVerdicts &v : all) fmt::print("{:<{}}  {}\n", v.property->id, width, answer(v));
  fmt::print("{}\n", covered(subject, seconds));
}

}  // namespace

int check_any_options(const Subject &subject, const std::string &engine,
                      const DecideSubject &explore, const ProveAll &prove, const Explorations &sum,
                      bool json) {
  if (!subject.config()[model::Feature::stop_options])
    refuse(fmt::format("--options any: design '{}' has none of them", subject.spec.design->name));
  const auto begin = std::chrono::steady_clock::now();
  std::vector<OptionVerdicts> all;
  if (explore)
    all =
        checker::over_option_sets(static_cast<int>(model::kRfcOptions.size()), [&](OptionSet set) {
          if (interrupted()) return checker::Verdicts{};
          Subject one = subject;
          one.spec.options = checker::rfc_options(set);
          return explore(one);
        });
  if (prove) join(all, prove());
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  if (json)
    print_json(to_json(subject, engine, all, sum, seconds));
  else
    print_text(subject, all, seconds);
  const auto some = [&](Verdict verdict) {
    return std::any_of(all.begin(), all.end(),
                       [=](const OptionVerdicts &v) { return overall(v) == verdict; });
  };
  return some(Verdict::violated) ? kNo : some(Verdict::unknown) || interrupted() ? kGaveUp : kYes;
}

}  // namespace ptmc::tools
