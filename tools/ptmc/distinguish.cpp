// ptmc distinguish: which stops a tracer can tell apart, by the status that wait reports, by that
// and GETSIGINFO, and by all that it saw before.

#include "checker/distinguish.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

#include "tools/ptmc/exploration.hpp"
#include "tools/ptmc/sequence.hpp"
#include "tools/ptmc/verb.hpp"

namespace ptmc::tools {
namespace {

using checker::Distinction;
using checker::Distinctions;
using checker::StopClass;
using checker::Verdict;

struct DistinguishVerb {
  bool json = false;
  std::string design = "linux-3.4";
  std::optional<int> jobs;
  double limit = 30;
};

constexpr std::array<std::string_view, 3> kLevels{"status", "siginfo", "history"};

std::string name(const StopClass &s) { return s.kind + " (" + s.cause + ")"; }
std::string_view told(Verdict confused) {
  return confused == Verdict::holds      ? "confused"
         : confused == Verdict::violated ? "told apart"
                                         : "unknown";
}

Json observations_json(const std::vector<checker::Observation> &seen) {
  Json all = Json::array();
  for (const checker::Observation &o : seen)
    all.push_back({{"call", checker::call_text(o)}, {"result", checker::result_text(o)}});
  return all;
}

Json pair_json(const Distinctions &all, const Distinction &d) {
  const auto stop = [&](std::size_t k) {
    return Json{{"kind", all.stops[k].kind}, {"cause", all.stops[k].cause}};
  };
  Json json{{"one", stop(d.one)}, {"other", stop(d.other)}};
  for (std::size_t level = 0; level < kLevels.size(); ++level)
    json[std::string(kLevels[level])] = told(d.confused[level]);
  if (d.view) json["view"] = text(*d.view, d.confused[1] == Verdict::holds);
  if (!d.seen.empty()) json["seen"] = observations_json(d.seen);
  if (d.runs) {
    const auto run = [&](const checker::Sighting &s) {
      return Json{{"world", all.worlds[s.world].name}, {"steps", steps_json(s.run)}};
    };
    json["witness"] = {{"one", run(d.runs->first)}, {"other", run(d.runs->second)}};
  }
  return json;
}

Json to_json(const std::string &design, const Distinctions &all) {
  Json stops = Json::array(), pairs = Json::array(), worlds = Json::array();
  for (const StopClass &s : all.stops) stops.push_back({{"kind", s.kind}, {"cause", s.cause}});
  for (const Distinction &d : all.pairs) pairs.push_back(pair_json(all, d));
  for (std::size_t w = 0; w < all.covered.size(); ++w)
    worlds.push_back({{"name", all.worlds[w].name},
                      {"world", text(all.worlds[w].world)},
                      {"covered", all.covered[w]}});
  return {{"design", design}, {"stops", stops},           {"pairs", pairs},
          {"worlds", worlds}, {"complete", all.complete}, {"seconds", all.seconds}};
}

void print_text(const std::string &design, const Distinctions &all) {
  fmt::print("{}: {} kinds and causes of stops, {} pairs\n", design, all.stops.size(),
             all.pairs.size());
  std::size_t width = 0;
  for (const StopClass &s : all.stops) width = std::max(width, name(s).size());
  fmt::print("\n{:<{}}  {:<{}}  {:<10}  {:<10}  {}\n", "", width, "", width, "status", "siginfo",
             "history");
  for (const Distinction &d : all.pairs)
    if (d.confused[0] != Verdict::violated)
      fmt::print("{:<{}}  {:<{}}  {:<10}  {:<10}  {}\n", name(all.stops[d.one]), width,
                 name(all.stops[d.other]), width, told(d.confused[0]), told(d.confused[1]),
                 told(d.confused[2]));
  const auto apart = std::count_if(all.pairs.begin(), all.pairs.end(), [](const Distinction &d) {
    return d.confused[0] == Verdict::violated;
  });
  fmt::print("the other {} pairs are told apart by the status alone\n", apart);
  for (const Distinction &d : all.pairs) {
    if (!d.runs) continue;
    fmt::print("\n{} and {}: {}\n", name(all.stops[d.one]), name(all.stops[d.other]),
               text(*d.view, d.confused[1] == Verdict::holds));
    if (!d.seen.empty()) {
      fmt::print("  all that the tracer saw, in either:");
      for (const checker::Observation &o : d.seen)
        fmt::print("{} {} = {}", &o == &d.seen[0] ? "" : ";", checker::call_text(o),
                   checker::result_text(o));
      fmt::print("\n");
    }
    for (const auto *run : {&d.runs->first, &d.runs->second})
      fmt::print("{}{}", run == &d.runs->first ? "" : "  or\n", sequence_text(run->run, "  "));
  }
  fmt::print("\n");
  for (std::size_t w = 0; w < all.covered.size(); ++w)
    fmt::print("{}: {}\n  {}\n", all.worlds[w].name, text(all.worlds[w].world), all.covered[w]);
  fmt::print("{}, {:.1f} s\n", all.complete ? "complete" : "incomplete", all.seconds);
}

int run_distinguish(const DistinguishVerb &options) {
  model::parse_design(options.design);
  const checker::ExploreOptions usual = watched_options();
  checker::DistinguishOptions how;
  how.jobs = options.jobs.value_or(usual.jobs);
  how.time_limit = options.limit;
  how.interrupted = usual.interrupted;
  const Distinctions all = checker::distinguish(options.design, how);
  if (options.json)
    print_json(to_json(options.design, all));
  else
    print_text(options.design, all);
  return all.complete ? kYes : kGaveUp;
}

}  // namespace

Command distinguish_verb() {
  auto o = std::make_shared<DistinguishVerb>();
  return {.name = "distinguish",
          .about = "which stops a tracer can tell apart, and by what",
          .options = {design_option(o->design),
                      {.name = "--jobs", .about = "threads", .sets = &o->jobs, .range = {{1, 256}}},
                      {.name = "--world-limit",
                       .about = "seconds for what may be thought after all that was seen, of each "
                                "world",
                       .sets = &o->limit,
                       .type = "SECONDS",
                       .above_zero = true},
                      format_option(o->json)},
          .run = [=] { return run_distinguish(*o); }};
}

}  // namespace ptmc::tools
