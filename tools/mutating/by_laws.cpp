#include "tools/mutating/by_laws.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "checker/explore.hpp"
#include "checker/symbolic.hpp"
#include "model/designs.hpp"

namespace ptmc::mutate {

using namespace model;

namespace {

constexpr unsigned kMilliseconds = 10'000;             // of one question
constexpr std::size_t kMemory = std::size_t{8} << 30;  // of the states of one profile

// In this state the mutant takes the steps that the model takes.
Expr same_steps_here(const Mutant &mutant, const Model &m) {
  Expr all = truth(true);
  for (const Instance &before : m.instances) {
    Instance after = before;
    if (!apply(mutant, m.schema, after)) continue;
    Expr would = truth(true), does = truth(true), alike = truth(true);
    for (const Guard &g : before.guards) would = would && g.holds;
    for (const Guard &g : after.guards) does = does && g.holds;
    std::map<Field, std::pair<Expr, Expr>> written;
    const auto values = [&](Field f) -> std::pair<Expr, Expr> & {
      return written.try_emplace(f, m.schema.read(f), m.schema.read(f)).first->second;
    };
    for (const Update &u : before.updates) values(u.field).first = u.value;
    for (const Update &u : after.updates) values(u.field).second = u.value;
    for (const auto &[f, value] : written)
      if (!value.first.same(value.second)) alike = alike && eq(value.first, value.second);
    all = all && ite(would, does && alike, !does);
  }
  return all;
}

}  // namespace

struct ByLaws::Solver {
  explicit Solver(const Schema &schema)
      : state(checker::state_constants(context, schema, "")),
        translate(context, schema, state),
        solver(context, "QF_FD") {
    z3::params p(context);
    p.set("random_seed", 1u);
    p.set("timeout", kMilliseconds);
    solver.set(p);
  }
  z3::context context;
  const checker::Terms state;
  checker::Translator translate;
  z3::solver solver;
};

ByLaws::ByLaws(std::string name, const Model &m, std::vector<const Property *> laws)
    : name_(std::move(name)), model_(m), laws_(std::move(laws)), constants_(m) {}
ByLaws::~ByLaws() = default;

ByLaws::Answer ByLaws::same_steps(const Mutant &mutant) {
  bool present = false;
  for (const Instance &before : model_.instances) {
    if (before.rule->id != mutant.rule) continue;
    Instance after = before;
    if (!apply(mutant, model_.schema, after)) continue;
    present = true;
    if (!same_by_construction(before, after, constants_) && !same(before, after))
      return Answer::unproved;
  }
  return present ? Answer::same : Answer::absent;
}

bool ByLaws::same(const Instance &before, const Instance &after) {
  if (!solver_) {
    solver_ = std::make_unique<Solver>(model_.schema);
    for (const Property *law : laws_)
      solver_->solver.add(solver_->translate.holds(constants_.fold(law->over_state(model_))));
    for (const auto &[f, value] : constants_.values())
      solver_->solver.add(solver_->state[f] == solver_->translate.value(f, value));
  }
  Solver &s = *solver_;
  const z3::expr would = checker::enabled_term(s.translate, before);
  const z3::expr does = checker::enabled_term(s.translate, after);
  const checker::Terms a = checker::next_terms(s.translate, before, s.state);
  const checker::Terms b = checker::next_terms(s.translate, after, s.state);
  z3::expr unlike = s.context.bool_val(false);
  for (Field f = 0; f < model_.schema.size(); ++f)
    if (!z3::eq(a[f], b[f])) unlike = unlike || a[f] != b[f];
  s.solver.push();
  s.solver.add((would != does) || (would && unlike));
  const z3::check_result result = s.solver.check();
  s.solver.pop();
  return result == z3::unsat;
}

Profiles::Profiles(const std::string &design) {
  const DesignSpec spec = parse_design(design);
  for (const Profile &profile : profiles()) {
    configs.push_back(std::make_unique<Config>(explored_config(spec, profile, {})));
    const Config &config = *configs.back();
    const int threads = std::min(profile.max_threads, 2);
    models.push_back(
        std::make_unique<Model>(explored_shape(config, threads, profile.processes), &config));
    std::vector<const Property *> laws;
    for (const Property &p : properties()) {
      const bool known = std::any_of(
          known_violations().begin(), known_violations().end(),
          [&](const KnownViolation &v) { return v.property == p.id && v.breaks(config); });
      if (p.kind == PropertyKind::always && p.over_state && p.applies(config) && !known)
        laws.push_back(&p);
    }
    by_laws.push_back(std::make_unique<ByLaws>(fmt::format("profile {}", profile.name),
                                               *models.back(), std::move(laws)));
  }
}

std::vector<InFull> explore_in_full(Profiles &profiles, const std::vector<Mutant> &mutants,
                                    int jobs, double seconds,
                                    const std::function<void(const std::string &)> &progress) {
  std::vector<InFull> all(mutants.size());
  for (std::size_t k = 0; k < profiles.models.size(); ++k) {
    const Model &m = *profiles.models[k];
    ByLaws &laws = *profiles.by_laws[k];
    const auto also = [&](std::string &list) { list += (list.empty() ? "" : ", ") + laws.name(); };
    std::vector<Property> asked;
    for (std::size_t i = 0; i < mutants.size(); ++i) {
      if (!all[i].differs.empty()) continue;
      const ByLaws::Answer answer = laws.same_steps(mutants[i]);
      if (answer == ByLaws::Answer::same) also(all[i].same);
      if (answer != ByLaws::Answer::unproved) continue;
      Property p;
      p.id = std::to_string(i);
      p.applies = [](const Config &) { return true; };
      p.over_state = [&mutant = mutants[i]](const Model &model) {
        return same_steps_here(mutant, model);
      };
      asked.push_back(std::move(p));
    }
    if (asked.empty()) continue;
    checker::ExploreOptions options;
    options.jobs = jobs;
    options.max_memory = kMemory;
    options.time_limit = seconds;
    options.properties = &asked;
    options.traces = false;
    const checker::ExploreResult result = checker::explore(m, options);
    progress(fmt::format("{}: {} mutants, {} states{}", laws.name(), asked.size(), result.states,
                         result.complete ? "" : ", " + result.why_incomplete));
    for (const checker::PropertyResult &r : result.properties) {
      InFull &in_full = all[std::stoul(r.property->id)];
      also(r.verdict == checker::Verdict::violated ? in_full.differs
           : r.verdict == checker::Verdict::holds  ? in_full.same
                                                   : in_full.bounded);
    }
  }
  return all;
}

}  // namespace ptmc::mutate
