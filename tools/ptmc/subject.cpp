#include <fmt/format.h>

#include "model/input_error.hpp"
#include "tools/ptmc/exploration.hpp"
#include "tools/ptmc/verb.hpp"

namespace ptmc::tools {
namespace {

[[noreturn]] void refuse(const std::string &what) { throw InputError("", 0, what); }

}  // namespace

void add_subject(CLI::App &command, SubjectOptions &options) {
  add_design(command, options.design);
  command
      .add_option("--options", options.options,
                  "what SEIZE and SETOPTIONS set, beside the profile's")
      ->type_name("LIST");
  command
      .add_option("--profile", options.profile,
                  "what may happen; default, pair or group-stop by threads")
      ->type_name("NAME");
  command.add_option("--threads", options.threads, "threads of the tracee")
      ->check(CLI::Range(1, model::kMaxThreads));
  command
      .add_option("--processes", options.processes,
                  "of so many threads each; fork makes the second")
      ->check(CLI::Range(1, model::kMaxProcesses));
  command.add_option("--signals", options.signals, "that strangers send; else the profile's")
      ->type_name("LIST");
}

Subject subject_of(const SubjectOptions &options) {
  Subject subject{model::parse_design(options.design), nullptr, options.threads};
  if (options.options) subject.spec.options = model::parse_options(*options.options);
  const model::Config base = model::base_config(subject.spec);
  for (model::Option o : subject.spec.options)
    if (o >= model::TRACESTOP && o <= model::SANEERR && !base[model::Feature::stop_options])
      refuse(fmt::format("design '{}' has no option {}", subject.spec.design->name,
                         model::kOptionNames[o]));
  const bool several = options.processes.value_or(1) > 1;
  subject.profile = !options.profile.empty() ? &model::find_profile(options.profile)
                    : several                ? &model::find_profile("families")
                                             : &usual_profile(options.threads);
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
