#include <fmt/format.h>

#include "tools/ptmc/exploration.hpp"
#include "tools/ptmc/verb.hpp"

namespace ptmc::tools {

void add_subject(Command &command, SubjectOptions &options, bool any) {
  options.any = any;
  std::vector<std::string> threads;
  for (int n = 1; n <= model::kMaxThreads; ++n) threads.push_back(std::to_string(n));
  if (any) threads.emplace_back("any");
  std::vector<Option> all{
      design_option(options.design),
      {.name = "--options",
       .about = any ? "what SEIZE and SETOPTIONS set, beside the profile's; any: "
                      "under which of the RFC's each property holds"
                    : "what SEIZE and SETOPTIONS set, beside the profile's",
       .sets = &options.options,
       .type = "LIST"},
      {.name = "--profile",
       .about = "what may happen; default, pair or group-stop by threads",
       .sets = &options.profile,
       .type = "NAME"},
      {.name = "--threads",
       .about =
           any ? "of the tracee; any: proofs for every number of them" : "threads of the tracee",
       .sets = &options.threads,
       .type = fmt::format("{}", fmt::join(threads, "|")),
       .one_of = threads},
      {.name = "--processes",
       .about = "of so many threads each; fork makes the second",
       .sets = &options.processes,
       .range = {{1, model::kMaxProcesses}}},
      {.name = "--signals",
       .about = "that strangers send; else the profile's",
       .sets = &options.signals,
       .type = "LIST"}};
  command.options.insert(command.options.begin(), all.begin(), all.end());
}

void add_bounds(Command &command, Bounds &bounds, const std::string &jobs,
                const std::string &time) {
  const std::vector<Option> all{
      {.name = "--jobs", .about = jobs, .sets = &bounds.jobs, .range = {{1, 256}}},
      {.name = "--max-memory",
       .about = "e.g. 16G; else three quarters of the machine's",
       .sets = &bounds.max_memory,
       .type = "SIZE"},
      {.name = "--time-limit",
       .about = time,
       .sets = &bounds.time_limit,
       .type = "SECONDS",
       .above_zero = true}};
  command.options.insert(command.options.end(), all.begin(), all.end());
}

Subject subject_of(const SubjectOptions &options) {
  const bool any = options.threads == "any";
  Subject subject{model::parse_design(options.design), nullptr,
                  any ? model::kMaxThreads : std::stoi(options.threads)};
  subject.any_threads = any;
  subject.any_options = options.any && options.options == "any";
  if (options.options && !subject.any_options)
    subject.spec.options = model::parse_options(*options.options);
  const model::Config base = model::base_config(subject.spec);
  for (model::Option o : subject.spec.options)
    if (o >= model::TRACESTOP && o <= model::SANEERR && !base[model::Feature::stop_options])
      refuse(fmt::format("design '{}' has no option {}", subject.spec.design->name,
                         model::kOptionNames[o]));
  const bool several = options.processes.value_or(1) > 1;
  subject.profile = !options.profile.empty() ? &model::find_profile(options.profile)
                    : several                ? &model::find_profile("families")
                                             : &usual_profile(subject.threads);
  subject.processes = options.processes.value_or(subject.profile->processes);
  if (subject.processes < subject.profile->processes)
    refuse(fmt::format("--processes: profile '{}' needs {}", subject.profile->name,
                       subject.profile->processes));
  if (options.signals) subject.signals = model::parse_signals(*options.signals);
  if (options.signals && subject.signals.empty()) refuse("--signals: names no signal");
  return subject;
}

const model::Property &find_property(const std::string &id, const model::Config &config) {
  for (const model::Property &p : model::properties()) {
    if (p.id != id) continue;
    if (!p.applies(config)) refuse("property '" + id + "' does not apply to this configuration");
    return p;
  }
  refuse("unknown property '" + id + "'");
}

}  // namespace ptmc::tools
