#include "tools/ptmc/exploration.hpp"
#include "tools/ptmc/verb.hpp"

#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <thread>

namespace ptmc::tools {
namespace {

std::atomic<bool> stopped{false};

void stop(int) { stopped = true; }

}  // namespace

void catch_signals() {
  struct sigaction action {};
  action.sa_handler = stop;
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

namespace {

// Called about twice a second; what is over within one second says nothing.
void print_progress(const checker::Progress &p) {
  fmt::print(stderr, "\r{} states, {:.0f}/s, depth {}, queue {}, {} MiB\033[K", p.states,
             p.states_per_second, p.depth, p.queue, p.memory_bytes >> 20);
}

// The features of the profile that a name helps to understand, those on or those off.
std::vector<std::string_view> profile_features(const model::Config &config, bool on) {
  std::vector<std::string_view> names;
  for (std::size_t f = 0; f < model::kFeatureCount; ++f) {
    const std::string_view name = model::kFeatures[f].name;
    const bool listed_apart = name.starts_with("sig_") || name.starts_with("opt_");
    if (model::kFeatures[f].group == 'p' && !listed_apart && config.on[f] == on)
      names.push_back(name);
  }
  return names;
}

std::string joined(const std::vector<std::string_view> &names) {
  return names.empty() ? "none" : fmt::format("{}", fmt::join(names, ", "));
}

}  // namespace

const model::Profile &usual_profile(int threads) {
  return model::find_profile(threads == 1 ? "default" : threads == 2 ? "pair" : "stops");
}

std::size_t usual_memory() {
  return static_cast<std::size_t>(sysconf(_SC_PHYS_PAGES)) *
         static_cast<std::size_t>(sysconf(_SC_PAGESIZE)) / 4 * 3;
}

namespace {

std::size_t parse_size(const std::string &text) {
  static constexpr std::string_view kUnits = "KMGT";
  std::size_t number = 0;
  const char *end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, number);
  const std::size_t unit = rest == end ? 0 : kUnits.find(*rest) + 1;
  const bool well_formed = error == std::errc() && number > 0 && end - rest <= 1 &&
                           (rest == end || unit > 0) && number <= (SIZE_MAX >> 10 * unit);
  if (!well_formed) refuse("--max-memory: '" + text + "' is no size such as 512M or 16G");
  return number << 10 * unit;
}

}  // namespace

checker::ExploreOptions watched_options(const Bounds &bounds) {
  catch_signals();
  checker::ExploreOptions options;
  options.jobs =
      bounds.jobs.value_or(static_cast<int>(std::max(1u, std::thread::hardware_concurrency())));
  options.max_memory = bounds.max_memory ? parse_size(*bounds.max_memory) : usual_memory();
  options.time_limit = bounds.time_limit;
  options.interrupted = &stopped;
  if (isatty(STDERR_FILENO))
    options.progress = [calls = 0](const checker::Progress &p) mutable {
      if (++calls > 1) print_progress(p);
    };
  return options;
}

checker::ExploreResult explore_watched(const model::Model &model,
                                       const checker::ExploreOptions &options) {
  const checker::ExploreResult result = checker::explore(model, options);
  if (options.progress) fmt::print(stderr, "\r\033[K");
  return result;
}

bool interrupted() { return stopped; }

std::vector<std::string_view> option_names(const model::Config &config) {
  std::vector<std::string_view> names;
  for (int o = 0; o < model::OPTION_COUNT; ++o)
    if (config[model::option_feature(static_cast<model::Option>(o))])
      names.push_back(model::kOptionNames[static_cast<std::size_t>(o)]);
  return names;
}

std::string covered(const Subject &subject, const checker::ExploreResult &result) {
  const model::Config config = subject.config();
  std::vector<std::string_view> sent;
  for (model::Sig s : model::explored_signals())
    if (config[model::signal_feature(s)]) sent.push_back(model::kSignals[s].name);
  std::string text;
  if (result.complete)
    text = fmt::format("complete: all {} reachable states", result.states);
  else
    text = fmt::format("incomplete ({}): {} states, {} of depth {}", result.why_incomplete,
                       result.states, result.depth ? "all of lesser depth and some" : "those",
                       result.depth);
  text += fmt::format(
      ", exact (full states compared, no symmetry reduction); {}, kernel {}.{}; {} process{} of "
      "{} thread{}; profile {}; strangers send {}; options {}; may happen: {}; left out: {}",
      subject.spec.design->name, subject.spec.major, subject.spec.minor, subject.processes,
      subject.processes == 1 ? "" : "es", subject.threads, subject.threads == 1 ? "" : "s",
      subject.profile->name, joined(sent), joined(option_names(config)),
      joined(profile_features(config, true)), joined(profile_features(config, false)));
  if (subject.threads > subject.profile->max_threads)
    text += fmt::format("; the profile is meant for at most {}", subject.profile->max_threads);
  return text + ".";
}

const model::KnownViolation *known_violation(const model::Property &property,
                                             const Subject &subject) {
  const model::Config config = subject.config();
  for (const model::KnownViolation &k : model::known_violations())
    if (k.property == property.id && k.breaks(config) && subject.threads >= k.threads) return &k;
  return nullptr;
}

}  // namespace ptmc::tools
