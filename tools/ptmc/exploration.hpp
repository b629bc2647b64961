// An exploration as check and the main job run it: what is explored, how it is watched and stopped,
// and the sentence that says what was covered.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "checker/explore.hpp"
#include "model/designs.hpp"
#include "tools/command_line/command_line.hpp"

namespace ptmc::tools {

struct Subject {
  model::DesignSpec spec;
  const model::Profile *profile;
  int threads;
  std::vector<model::Sig> signals = {};  // that strangers send; empty: the profile's
  int processes = 1;
  bool any_threads = false;  // --threads any: `threads` means nothing
  bool any_options = false;  // --options any: the spec's mean nothing
  model::Config config() const { return model::explored_config(spec, *profile, signals); }
  model::Shape shape() const { return model::explored_shape(config(), threads, processes); }
};
// The same on the command line (subject.cpp).
struct SubjectOptions {
  std::string design = "linux-3.4", profile, threads = "1";
  std::optional<std::string> options, signals;
  std::optional<int> processes;
  bool any = false;  // --threads and --options may be "any"
};
// any: --threads and --options may be "any".
void add_subject(Command &command, SubjectOptions &options, bool any = false);
// Both throw InputError.
Subject subject_of(const SubjectOptions &options);
const model::Property &find_property(const std::string &id, const model::Config &config);
// "default" for one thread, "pair" for two, "stops" for more.
const model::Profile &usual_profile(int threads);

// What bounds a search, on the command line.
struct Bounds {
  std::optional<std::string> max_memory;
  std::optional<int> jobs;
  double time_limit = 0;
};
// jobs, time: what they are said to be.
void add_bounds(Command &command, Bounds &bounds, const std::string &jobs, const std::string &time);

// All that is left to choose: with a progress line on a terminal, ended by SIGINT and SIGTERM.
// InputError.
checker::ExploreOptions watched_options(const Bounds &bounds = {});
checker::ExploreResult explore_watched(const model::Model &model,
                                       const checker::ExploreOptions &options);
// Three quarters of the machine's.
std::size_t usual_memory();
bool interrupted();
// The first SIGINT or SIGTERM interrupts, the second ends the program.
void catch_signals();

std::string covered(const Subject &subject, const checker::ExploreResult &result);
// Why a real design breaks the property in this configuration; nullptr: not known to.
const model::KnownViolation *known_violation(const model::Property &property,
                                             const Subject &subject);

std::vector<std::string_view> option_names(const model::Config &config);

}  // namespace ptmc::tools
