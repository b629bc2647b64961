// Designs, kernel versions and profiles: which features are on (design contract, "design",
// "profile"). All three are tables; no rule names one of them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "model/config.hpp"
#include "model/state.hpp"

namespace ptmc::model {

struct Design {
  std::string_view name;
  std::string_view about;
  std::string_view base;  // kernel version it stands on without @VERSION
  std::vector<Feature> features;
};
const std::vector<Design> &designs();

struct KernelFeature {
  Feature feature;
  int major, minor;                    // since
  std::string_view shown = "default";  // the profile under which it makes a difference
};
const std::vector<KernelFeature> &kernel_features();
constexpr std::string_view feature_name(Feature f) {
  return kFeatures[static_cast<std::size_t>(f)].name;
}

struct Profile {
  std::string_view name;
  std::string_view about;
  int max_threads;  // more are not known to complete
  std::vector<Sig> signals;
  std::vector<Feature> features;
  std::vector<Option> options;  // beside those that the design's default holds
  int processes = 1;            // that it is meant for, at least
};
const std::vector<Profile> &profiles();

// The signals of every exploration; a profile says which of them strangers send.
const std::vector<Sig> &explored_signals();

// "linux-3.4", "seize-options@6.18", "linux-3.4@5.10~exec_unreaped",
// "seize-options+TRACESTOP,LISTEN": a design, its kernel, the rows of kernel_features() in which it
// is the other way, the options that SEIZE is given. Throws InputError (no file) for what it does
// not know.
struct DesignSpec {
  const Design *design = nullptr;
  int major = 0, minor = 0;  // of the kernel profile; the newest where the design says so
  std::vector<Feature> flipped;
  std::vector<Option> options;
  std::string name() const;
};
DesignSpec parse_design(std::string_view text);
std::vector<Option> parse_options(std::string_view list);
std::vector<Sig> parse_signals(std::string_view list);
const Profile &find_profile(std::string_view name);
// Replaces the kernel version of a spec by "6.18", "5.10.262", ... (InputError).
void set_kernel(DesignSpec &spec, std::string_view version);

// The design's features and its kernel's, nothing of a profile.
Config base_config(const DesignSpec &spec);
// The same under a profile, strangers sending `signals` only (empty: the profile's).
Config explored_config(const DesignSpec &spec, const Profile &profile,
                       const std::vector<Sig> &signals);
// The shape of an exploration: `threads` a process; where threads are started, the first has one.
Shape explored_shape(const Config &config, int threads, int processes = 1);
// Everything that may happen at all, and that a recorded trace may hold.
Config whole_config(const DesignSpec &spec, bool parent_is_tracer);

}  // namespace ptmc::model
