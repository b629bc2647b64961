// ptmc check: explores every reachable state of a design under a profile, and tells which
// properties hold; or proves it with Z3, or both. What is violated comes with a shortest
// counterexample; the last line says what was covered.

#include <fmt/format.h>
#include <sys/resource.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <fstream>
#include <memory>

#include "checker/any_options.hpp"
#include "checker/claim_parts.hpp"
#include "checker/synthesis.hpp"
#include "checker/tracer_program.hpp"
#include "tools/ptmc/any_options.hpp"
#include "tools/ptmc/any_threads.hpp"
#include "tools/ptmc/data.hpp"
#include "tools/ptmc/proofs.hpp"
#include "tools/ptmc/sequence.hpp"
#include "tools/ptmc/verb.hpp"
#include "traces/scenario.hpp"
#include "traces/staging.hpp"

namespace ptmc::tools {

Json trace_json(const model::Model &model, const checker::Counterexample &trace) {
  Json json{{"steps", steps_json(trace_steps(model, trace))}};
  if (trace.repeats_from) json["repeats_from"] = *trace.repeats_from;
  return json;
}

namespace {

using checker::ExploreResult;
using checker::PropertyResult;
using checker::Verdict;

struct CheckOptions {
  bool json = false;
  SubjectOptions subject;
  std::string tracer = "any", engine;  // empty: the usual one
  Bounds bounds;
  std::vector<std::string> properties;
  std::string scenario;  // a file
};

checker::ExploreOptions explore_options(const CheckOptions &options) {
  checker::ExploreOptions all = watched_options(options.bounds);
  all.property_ids = options.properties;
  return all;
}

// ---- JSON ---------------------------------------------------------------------------------------

// What the engines that ran have found.
struct Result {
  std::optional<ExploreResult> explored;
  std::optional<checker::ProveResult> proved;

  struct One {
    const model::Property *property;
    Verdict verdict;
    const PropertyResult *explored;  // or nullptr
    const checker::Proof *proof;     // or nullptr
    const std::optional<checker::Counterexample> &trace() const {
      return explored && explored->trace ? explored->trace : proof ? proof->trace : explored->trace;
    }
    const char *engine() const {  // which decided it
      const bool z3 = proof && proof->verdict != Verdict::unknown;
      const bool other = explored && explored->verdict != Verdict::unknown;
      return z3 == other ? (explored && proof ? "both"
                            : proof           ? "z3"
                                              : "explicit")
             : z3        ? "z3"
                         : "explicit";
    }
  };
  std::vector<One> all() const {
    std::vector<One> all;
    if (explored)
      for (const PropertyResult &r : explored->properties)
        all.push_back({r.property, r.verdict, &r, nullptr});
    for (std::size_t k = 0; proved && k < proved->proofs.size(); ++k) {
      const checker::Proof &p = proved->proofs[k];
      if (!explored) {
        all.push_back({p.property, p.verdict, nullptr, &p});
      } else {
        all[k].proof = &p;  // both in the order of the list
        all[k].verdict = agreed(p.property->id, all[k].verdict, p.verdict);
      }
    }
    return all;
  }
  std::string covered_text(const Subject &subject) const {
    std::string text = explored ? covered(subject, *explored) : "";
    if (proved) text += (text.empty() ? "" : " ") + covered_by_proofs(*proved);
    return text;
  }
};

std::size_t memory_used() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<std::size_t>(usage.ru_maxrss) << 10;
}

Json property_json(const Subject &subject, const model::Model &model, const Result::One &r) {
  const model::Property &p = *r.property;
  Json json{{"id", p.id},
            {"kind", model::kPropertyKindNames[static_cast<std::size_t>(p.kind)]},
            {"statement", p.statement},
            {"source", p.source},
            {"verdict", name(r.verdict)},
            {"known", known_violation(p, subject) != nullptr},
            {"engine", r.engine()}};
  if (r.trace()) json["trace"] = trace_json(model, *r.trace());
  if (r.proof) json["proof"] = proof_json(model, *r.proof);
  return json;
}

Json to_json(const Subject &subject, const model::Model &model, const std::string &engine,
             const std::string &tracer, const Result &result, bool complete) {
  const ExploreResult none, &explored = result.explored ? *result.explored : none;
  Json fired = Json::object(), properties = Json::array();
  for (std::size_t i = 0; i < explored.fired.size(); ++i) {
    const std::string &rule = model.instances[i].rule->id;
    fired[rule] = fired.value(rule, std::uint64_t{0}) + explored.fired[i];
  }
  for (const Result::One &r : result.all()) properties.push_back(property_json(subject, model, r));
  Json json{{"design", subject.spec.name()},
            {"options", option_names(*model.config)},
            {"profile", subject.profile->name},
            {"threads", subject.threads},
            {"processes", subject.processes},
            {"tracer", tracer},
            {"engine", engine},
            {"states", explored.states},
            {"transitions", explored.transitions},
            {"depth", explored.depth},
            {"complete", complete},
            {"covered", result.covered_text(subject)},
            {"rules_fired", fired},
            {"seconds", explored.seconds + (result.proved ? result.proved->seconds : 0)},
            {"peak_memory_bytes", result.proved ? memory_used() : explored.peak_memory_bytes},
            {"bytes_per_state", explored.bytes_per_state},
            {"properties", properties}};
  if (result.proved) json["lemmas"] = lemmas_json(model, *result.proved);
  return json;
}

// ---- Text ---------------------------------------------------------------------------------------

std::string ending_text(const checker::Counterexample &trace) {
  if (!trace.repeats_from) return "";
  if (*trace.repeats_from + 1 == trace.states.size())
    return "  there it stays, if nobody else does anything\n";
  return fmt::format("  and so on for ever, from step {}\n", *trace.repeats_from + 1);
}

void print_text(const Subject &subject, const model::Model &model, const Result &result) {
  const std::vector<Result::One> all = result.all();
  std::size_t width = 0;
  for (const Result::One &r : all) width = std::max(width, r.property->id.size());
  for (const Result::One &r : all) {
    const model::KnownViolation *known = known_violation(*r.property, subject);
    fmt::print("{:<9} {:<{}}  {}\n", name(r.verdict), r.property->id, width, r.property->statement);
    if (r.verdict == Verdict::violated && known)
      fmt::print("{:<9} known: {} ({})\n", "", known->reason, known->source);
    if (r.proof) fmt::print("{}", proof_text(model, *r.proof));
  }
  for (const Result::One &r : all) {
    if (r.verdict != Verdict::violated) continue;
    fmt::print("\n{} is violated: {}\n", r.property->id, r.property->statement);
    if (r.trace())
      fmt::print("{}{}", checker::trace_text(checker::trace_steps(model, *r.trace())),
                 ending_text(*r.trace()));
    else
      fmt::print("  {}\n", r.property->kind == model::PropertyKind::sometimes
                               ? "no reachable state or step shows it"
                               : "interrupted before its counterexample was made");
  }
  if (result.proved) fmt::print("{}", lemmas_text(model, *result.proved));
  if (const auto &e = result.explored)
    fmt::print("\n{} transitions, depth {}, {:.1f} s, {} MiB, {:.1f} bytes a state\n",
               e->transitions, e->depth, e->seconds, e->peak_memory_bytes >> 20,
               e->bytes_per_state);
  fmt::print("{}\n", result.covered_text(subject));
}

Result found(const CheckOptions &options, const checker::ExploreOptions &how,
             const model::Model &model) {
  Result result;
  if (options.engine != "z3") result.explored = explore_watched(model, how);
  if (options.engine != "explicit") result.proved = prove_watched(model, how);
  return result;
}

// Under one of the sets of options: what of the asked for applies there.
checker::Verdicts verdicts(const CheckOptions &options, checker::ExploreOptions how,
                           const Subject &subject, Explorations &sum) {
  const model::Config config = subject.config();
  how.properties = &checker::asked_everywhere();
  std::erase_if(how.property_ids, [&](const std::string &id) {
    return std::none_of(how.properties->begin(), how.properties->end(),
                        [&](const model::Property &p) { return p.id == id && p.applies(config); });
  });
  if (how.property_ids.empty() && !options.properties.empty()) return {};
  const model::Model model(subject.shape(), &config);
  const Result result = found(options, how, model);
  const ExploreResult &explored = *result.explored;
  sum.states += explored.states;
  sum.transitions += explored.transitions;
  sum.depth = std::max(sum.depth, explored.depth);
  sum.complete = sum.complete && explored.complete;
  sum.peak_memory_bytes = std::max(sum.peak_memory_bytes, explored.peak_memory_bytes);
  for (std::size_t i = 0; i < explored.fired.size(); ++i)
    sum.fired[model.instances[i].rule->id] += explored.fired[i];
  checker::Verdicts all;
  for (const Result::One &one : result.all()) all.emplace_back(one.property, one.verdict);
  return all;
}

// The first run that is shown, as a script for a kernel.
void write_scenario(const std::string &file, const Subject &subject, const model::Model &model,
                    const Result &result) {
  for (const Result::One &r : result.all()) {
    if (!r.trace()) continue;
    const traces::Staged staged =
        traces::staged(model, r.trace()->instances, r.trace()->states, r.property->id,
                       std::string(subject.spec.design->name));
    if (!staged.why_not.empty())
      throw std::runtime_error("--scenario: " + r.property->id + ": " + staged.why_not);
    std::ofstream out(file);
    out << traces::to_jsonl(staged.scenario);
    if (!out.flush()) throw std::runtime_error(file + ": cannot be written");
    fmt::print(stderr, "{}: {}{}\n", file, r.property->id,
               staged.raced ? "; what the kernel does at one place in it, its timing decides" : "");
    return;
  }
  refuse("--scenario: no run was shown");
}

int tell(const CheckOptions &options, const Subject &subject, const model::Model &model,
         const Result &result) {
  const std::vector<Result::One> all = result.all();
  const auto some = [&](Verdict v) {
    return std::any_of(all.begin(), all.end(),
                       [&](const Result::One &r) { return r.verdict == v; });
  };
  const bool complete = result.explored ? result.explored->complete : !some(Verdict::unknown);
  if (options.json)
    print_json(to_json(subject, model, options.engine, options.tracer, result, complete));
  else
    print_text(subject, model, result);
  if (!options.scenario.empty()) write_scenario(options.scenario, subject, model, result);
  return some(Verdict::violated) ? kNo : complete ? kYes : kGaveUp;
}

// The product of a design and a tracer's program, and what the tracer's user would state.
int check_tracer(CheckOptions &options, const Subject &subject) {
  if (subject.any_threads || subject.any_options) refuse("--tracer: not with any");
  if (options.engine.empty()) options.engine = "explicit";
  const checker::TracerProgram program = checker::read_tracer(find_tracer(options.tracer));
  const std::vector<model::Property> properties = checker::tracer_properties(program);
  checker::ExploreOptions how = explore_options(options);
  how.properties = &properties;
  how.fast = false;
  model::Config config = subject.config();
  if (program.waits != checker::Waits::blocking) config[model::Feature::sigchld] = true;
  for (const checker::TracerRule &r : program.rules)
    if (r.call == model::Action::send)
      config[model::Feature::thread_directed] = config[model::Feature::sig_STOP] = true;
  model::Model model(subject.shape(), &config);
  checker::remember_own({checker::Own::attach, checker::Own::child, checker::Own::exec})(model);
  checker::run_by(model, program);
  return tell(options, subject, model, found(options, how, model));
}

int run_check(CheckOptions options) {
  const Subject subject = subject_of(options.subject);
  if (options.tracer != "any") return check_tracer(options, subject);
  if (subject.any_threads) {
    if (!options.engine.empty() && options.engine != "z3")
      refuse("--threads any: only Z3 can tell of any number of threads");
    return check_any_threads(subject, explore_options(options), options.json);
  }
  if (options.engine.empty()) options.engine = "explicit";
  const model::Config config = subject.config();
  // Before an exploration of hours, not after it.
  for (const std::string &id : options.properties) find_property(id, config);
  const checker::ExploreOptions how = explore_options(options);
  if (subject.any_options) {
    CheckOptions explored = options;
    explored.engine = "explicit";
    Explorations sum;
    DecideSubject explore = [&](const Subject &one) { return verdicts(explored, how, one, sum); };
    ProveAll prove = [&] {
      return checker::prove_any_options(subject.shape(), config, prove_options(how));
    };
    return check_any_options(subject, options.engine, options.engine == "z3" ? nullptr : explore,
                             options.engine == "explicit" ? nullptr : prove, sum, options.json);
  }
  const model::Model model(subject.shape(), &config);
  return tell(options, subject, model, found(options, how, model));
}

}  // namespace

Command check_verb() {
  auto o = std::make_shared<CheckOptions>();
  Command command{.name = "check",
                  .about = "explores a design, and tells what holds",
                  .options = {{.name = "--tracer",
                               .about = "any, or a program: a file, or one that ptmc comes with",
                               .sets = &o->tracer,
                               .type = "any|NAME|FILE"},
                              {.name = "--engine",
                               .about = "explores (as usual), proves with Z3, or both",
                               .sets = &o->engine,
                               .type = "explicit|z3|both",
                               .one_of = {"explicit", "z3", "both"}},
                              {.name = "--property",
                               .about = "only this one; may be given again",
                               .sets = &o->properties,
                               .type = "ID",
                               .one_value = true},
                              {.name = "--scenario",
                               .about = "writes the first run that is shown as a scenario",
                               .sets = &o->scenario,
                               .type = "FILE"},
                              format_option(o->json)},
                  .run = [=] { return run_check(*o); }};
  add_bounds(command, o->bounds, "worker threads; else one a processor",
             "of the search, and of Z3's");
  add_subject(command, o->subject, true);
  return command;
}

}  // namespace ptmc::tools
