#include "tools/ptmc/any_threads.hpp"

#include <fmt/format.h>
#include <sys/resource.h>
#include <nlohmann/json.hpp>

#include <algorithm>

#include "checker/any_threads.hpp"
#include "tools/ptmc/verb.hpp"

namespace ptmc::tools {
namespace {

using checker::CrowdProof;
using checker::CrowdProperty;
using checker::CrowdResult;
using checker::Verdict;

std::string covered(const Subject &subject, const CrowdResult &r) {
  return fmt::format(
      "{} under profile '{}', one process of any number of threads (below 2^30): rules unrolled "
      "for "
      "up to {} threads, {} instances up to renaming; {} side conditions ({} of symmetry, {} of "
      "leaving a thread out, {} of claims), {} failed; {} instances need no witness among the "
      "other "
      "threads, {} one, {} two. That the loops of the rules treat every further thread as the last "
      "one unrolled is taken for granted. {:.1f} s.",
      subject.spec.name(), subject.profile->name, r.largest, r.instances,
      r.symmetries + r.leaving_out + r.claims, r.symmetries, r.leaving_out, r.claims,
      r.failed.size(), r.witnesses[0], r.witnesses[1], r.witnesses[2], r.seconds);
}

Json crowd_proof_json(const CrowdProof &p) {
  return {{"id", p.of.property.id},
          {"kind", model::kPropertyKindNames[static_cast<std::size_t>(p.of.property.kind)]},
          {"statement", p.of.property.statement},
          {"source", p.of.property.source},
          {"verdict", name(p.verdict)},
          {"known", false},
          {"engine", "z3"},
          {"lemma", p.of.role == CrowdProperty::lemma},
          {"proof",
           {{"how", p.verdict == Verdict::holds ? "induction, for any number of threads" : p.why},
            {"lemmas", p.lemmas},
            {"obligations", p.obligations},
            {"seconds", p.seconds},
            {"slowest", p.slowest}}}};
}

Json to_json(const Subject &subject, const CrowdResult &r, const std::vector<CrowdProof> &shown) {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  Json properties = Json::array();
  for (const CrowdProof &p : shown) properties.push_back(crowd_proof_json(p));
  return {{"design", subject.spec.name()},
          {"options", option_names(subject.config())},
          {"profile", subject.profile->name},
          {"threads", "any"},
          {"processes", subject.processes},
          {"tracer", "any"},
          {"engine", "z3"},
          {"states", 0},
          {"transitions", 0},
          {"depth", 0},
          {"complete", r.proved()},
          {"covered", covered(subject, r)},
          {"rules_fired", Json::object()},
          {"seconds", r.seconds},
          {"peak_memory_bytes", static_cast<std::size_t>(usage.ru_maxrss) << 10},
          {"properties", properties},
          {"side_conditions",
           {{"symmetry", r.symmetries},
            {"leaving_out", r.leaving_out},
            {"claims", r.claims},
            {"failed", r.failed},
            {"lemmas", r.lemmas}}}};
}

void print_text(const Subject &subject, const CrowdResult &r,
                const std::vector<CrowdProof> &shown) {
  for (bool lemmas : {false, true}) {
    if (lemmas) fmt::print("\nlemmas, proved together with what uses them:\n");
    for (const CrowdProof &p : shown) {
      if ((p.of.role == CrowdProperty::lemma) != lemmas) continue;
      fmt::print("{:<9} {}  {}\n", name(p.verdict), p.of.property.id, p.of.property.statement);
      if (!p.why.empty()) fmt::print("{:<9} {}\n", "", p.why);
      fmt::print("{:<9} {} obligations, {:.1f} s, the longest {:.2f} s; with {}\n", "",
                 p.obligations, p.seconds, p.slowest,
                 p.lemmas.empty() ? "no lemma" : fmt::format("{}", fmt::join(p.lemmas, ", ")));
    }
  }
  fmt::print("\nthe side conditions use {}\n",
             r.lemmas.empty() ? "no lemma" : fmt::format("{}", fmt::join(r.lemmas, ", ")));
  for (const std::string &f : r.failed) fmt::print("side condition fails: {}\n", f);
  fmt::print("{}\n", covered(subject, r));
}

}  // namespace

int check_any_threads(const Subject &subject, const checker::ExploreOptions &how, bool json) {
  if (subject.processes > 1) refuse("--threads any: of one process only");
  const model::Config config = subject.config();
  const auto known = checker::crowd_properties(config);
  for (const std::string &id : how.property_ids)
    if (std::none_of(known.begin(), known.end(),
                     [&](const CrowdProperty &p) { return p.property.id == id; }))
      refuse("property '" + id + "' is not shown for any number of threads");
  const CrowdResult result = checker::any_threads(
      *checker::crowd_text([&](int threads) { return checker::unrolled(config, threads); }),
      {.jobs = how.jobs, .time_limit = how.time_limit, .interrupted = how.interrupted});
  std::vector<CrowdProof> shown;
  for (const CrowdProof &p : result.proofs)
    if (how.property_ids.empty() || std::find(how.property_ids.begin(), how.property_ids.end(),
                                              p.of.property.id) != how.property_ids.end())
      shown.push_back(p);
  if (json)
    print_json(to_json(subject, result, shown));
  else
    print_text(subject, result, shown);
  return std::all_of(shown.begin(), shown.end(),
                     [](const CrowdProof &p) { return p.verdict == Verdict::holds; })
             ? kYes
             : kGaveUp;
}

}  // namespace ptmc::tools
