// ptmc check: explores every reachable state of a design under a profile, and tells which
// properties hold. What is violated comes with a shortest counterexample; the last line says what
// was covered.

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>
#include <memory>

#include "model/input_error.hpp"
#include "tools/ptmc/exploration.hpp"
#include "tools/ptmc/verb.hpp"

namespace ptmc::tools {
namespace {

using checker::ExploreResult;
using checker::PropertyResult;
using checker::Verdict;

struct Options {
  bool json = false;
  SubjectOptions subject;
  std::string tracer = "any", engine = "explicit";
  std::optional<std::string> max_memory;
  std::optional<int> jobs;
  double time_limit = 0;
  std::vector<std::string> properties;
};

[[noreturn]] void refuse(const std::string &what) { throw InputError("", 0, what); }

// "512M": bytes.
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

checker::ExploreOptions explore_options(const Options &options) {
  checker::ExploreOptions all = watched_options();
  if (options.jobs) all.jobs = *options.jobs;
  if (options.max_memory) all.max_memory = parse_size(*options.max_memory);
  all.time_limit = options.time_limit;
  all.property_ids = options.properties;
  return all;
}

// ---- JSON
// ----------------------------------------------------------------------------------------

Json trace_json(const model::Model &model, const checker::Counterexample &trace) {
  Json steps = Json::array();
  for (const checker::TraceStep &s : checker::trace_steps(model, trace)) {
    Json changes = Json::array();
    for (const checker::TraceChange &c : s.changes)
      changes.push_back({{"field", c.field}, {"from", c.from}, {"to", c.to}});
    steps.push_back({{"number", s.number},
                     {"actor", s.actor},
                     {"rule", s.rule},
                     {"parameters", s.parameters},
                     {"effect", s.effect},
                     {"kernel_functions", s.functions},
                     {"changes", changes},
                     {"stop_kinds", s.stop_kinds}});
  }
  return {{"steps", steps}};
}

std::string_view name(Verdict v) { return checker::kVerdictNames[static_cast<std::size_t>(v)]; }

Json property_json(const Subject &subject, const model::Model &model, const PropertyResult &r) {
  const model::Property &p = *r.property;
  Json json{{"id", p.id},
            {"kind", model::kPropertyKindNames[static_cast<std::size_t>(p.kind)]},
            {"statement", p.statement},
            {"source", p.source},
            {"verdict", name(r.verdict)},
            {"known", known_violation(p, subject) != nullptr},
            {"engine", "explicit"}};
  if (r.trace) json["trace"] = trace_json(model, *r.trace);
  return json;
}

Json to_json(const Subject &subject, const model::Model &model, const ExploreResult &result) {
  Json fired = Json::object(), properties = Json::array();
  for (std::size_t i = 0; i < result.fired.size(); ++i) {
    const std::string &rule = model.instances[i].rule->id;
    fired[rule] = fired.value(rule, std::uint64_t{0}) + result.fired[i];
  }
  for (const PropertyResult &r : result.properties)
    properties.push_back(property_json(subject, model, r));
  return {{"design", subject.spec.name()},
          {"options", option_names(*model.config)},
          {"profile", subject.profile->name},
          {"threads", subject.threads},
          {"processes", subject.processes},
          {"tracer", "any"},
          {"engine", "explicit"},
          {"states", result.states},
          {"transitions", result.transitions},
          {"depth", result.depth},
          {"complete", result.complete},
          {"covered", covered(subject, result)},
          {"rules_fired", fired},
          {"seconds", result.seconds},
          {"peak_memory_bytes", result.peak_memory_bytes},
          {"bytes_per_state", result.bytes_per_state},
          {"properties", properties}};
}

// ---- Text
// ----------------------------------------------------------------------------------------

void print_text(const Subject &subject, const model::Model &model, const ExploreResult &result) {
  std::size_t width = 0;
  for (const PropertyResult &r : result.properties) width = std::max(width, r.property->id.size());
  for (const PropertyResult &r : result.properties) {
    const model::KnownViolation *known = known_violation(*r.property, subject);
    fmt::print("{:<9} {:<{}}  {}\n", name(r.verdict), r.property->id, width, r.property->statement);
    if (r.verdict == Verdict::violated && known)
      fmt::print("{:<9} known: {} ({})\n", "", known->reason, known->source);
  }
  for (const PropertyResult &r : result.properties) {
    if (r.verdict != Verdict::violated) continue;
    fmt::print("\n{} is violated: {}\n", r.property->id, r.property->statement);
    if (r.trace)
      fmt::print("{}", checker::trace_text(checker::trace_steps(model, *r.trace)));
    else
      fmt::print("  {}\n", r.property->kind == model::PropertyKind::sometimes
                               ? "no reachable state or step shows it"
                               : "interrupted before its counterexample was made");
  }
  fmt::print("\n{} transitions, depth {}, {:.1f} s, {} MiB, {:.1f} bytes a state\n",
             result.transitions, result.depth, result.seconds, result.peak_memory_bytes >> 20,
             result.bytes_per_state);
  fmt::print("{}\n", covered(subject, result));
}

int run(const Options &options) {
  if (options.engine != "explicit") refuse("--engine: only explicit is available yet");
  if (options.tracer != "any") refuse("--tracer: only any is available yet");
  const Subject subject = subject_of(options.subject);
  const model::Config config = subject.config();
  // Before an exploration of hours, not after it.
  for (const std::string &id : options.properties) find_property(id, config);
  const checker::ExploreOptions how = explore_options(options);
  const model::Model model(subject.shape(), &config);
  const ExploreResult result = explore_watched(model, how);
  if (options.json)
    print_json(to_json(subject, model, result));
  else
    print_text(subject, model, result);
  const bool violated =
      std::any_of(result.properties.begin(), result.properties.end(),
                  [](const PropertyResult &r) { return r.verdict == Verdict::violated; });
  return violated ? kNo : result.complete ? kYes : kGaveUp;
}

}  // namespace

Command check_verb() {
  auto o = std::make_shared<Options>();
  Command command{
      .name = "check",
      .about = "explores a design, and tells what holds",
      .options = {{.name = "--tracer", .about = "any", .sets = &o->tracer, .type = "any"},
                  {.name = "--engine", .about = "explicit", .sets = &o->engine, .type = "explicit"},
                  {.name = "--property",
                   .about = "only this one; may be given again",
                   .sets = &o->properties,
                   .type = "ID",
                   .one_value = true},
                  {.name = "--jobs",
                   .about = "worker threads; else one a processor",
                   .sets = &o->jobs,
                   .range = {{1, 256}}},
                  {.name = "--max-memory",
                   .about = "e.g. 16G; else three quarters of the machine's",
                   .sets = &o->max_memory,
                   .type = "SIZE"},
                  {.name = "--time-limit",
                   .about = "of the search",
                   .sets = &o->time_limit,
                   .type = "SECONDS",
                   .above_zero = true},
                  format_option(o->json)},
      .run = [=] { return run(*o); }};
  add_subject(command, o->subject);
  return command;
}

}  // namespace ptmc::tools
