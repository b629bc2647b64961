#include "tools/mutating/by_laws.hpp"

#include "checker/symbolic.hpp"

namespace ptmc::mutate {

using namespace model;

namespace {

constexpr unsigned kMilliseconds = 10'000;  // of one question

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

ByLaws::ByLaws(std::string name, const Model &m, const std::vector<const Property *> &properties)
    : name_(std::move(name)), model_(m), constants_(m) {
  for (const Property *p : properties)
    if (p->kind == PropertyKind::always && p->over_state) laws_.push_back(p);
}
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
  s.solver.push();
  s.solver.add(checker::steps_differ(s.translate, before, after, s.state));
  const z3::check_result result = s.solver.check();
  s.solver.pop();
  return result == z3::unsat;
}

}  // namespace ptmc::mutate
