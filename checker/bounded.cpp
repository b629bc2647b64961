#include "checker/bounded.hpp"

#include <algorithm>
#include <bit>
#include <stdexcept>

#include "checker/lasso.hpp"
#include "model/interp.hpp"

namespace ptmc::checker {

using namespace model;  // NOLINT: names of the whole file
using Clock = std::chrono::steady_clock;

Bounded::Bounded(const Model &model, const Limits &limits)
    : model_(model), limits_(limits), solver_(context_, "QF_FD") {
  z3::params p(context_);
  p.set("random_seed", 1u);
  solver_.set(p);
  const State initial = model.initial();
  Terms &first = states_.emplace_back();
  for (Field f = 0; f < model.schema.size(); ++f) {
    const Value value = model.schema.get(initial, f);
    first.push_back(value_term(context_, model.schema[f], value));
    unchanged_.emplace(f, constant(value));
  }
}

Bounded::Bounded(const Model &model, const Limits &limits, std::vector<Expr> known)
    : model_(model),
      limits_(limits),
      solver_(context_, "QF_FD"),
      known_(std::move(known)),
      states_{state_constants(context_, model.schema, "@0")} {
  z3::params p(context_);
  p.set("random_seed", 1u);
  solver_.set(p);
  for (std::size_t k = 0; k < known_.size(); ++k)
    selectors_.push_back(context_.bool_const(("known" + std::to_string(k)).c_str()));
  allow(states_[0]);
}

void Bounded::allow(const Terms &state) {
  Translator translate(context_, model_.schema, state);
  for (std::size_t k = 0; k < known_.size(); ++k)
    solver_.add(z3::implies(selectors_[k], translate.holds(known_[k])));
}

bool Bounded::limit() {
  const auto left =
      std::chrono::duration_cast<std::chrono::milliseconds>(limits_.end - Clock::now());
  if (left.count() <= 0 || (limits_.interrupted && *limits_.interrupted)) {
    why_ = "time limit";
    return false;
  }
  z3::params p(context_);
  p.set("timeout",
        static_cast<unsigned>(std::min<std::int64_t>(limits_.check_milliseconds, left.count())));
  solver_.set(p);
  return true;
}

void Bounded::unroll() {
  const Schema &schema = model_.schema;
  const std::string at = "@" + std::to_string(depth() + 1);
  // The instances that a path of so many steps can take next, and what they may change.
  Substitution known{unchanged_, {}, {}, {}};
  std::vector<bool> can_take(model_.instances.size()), written(schema.size());
  for (std::size_t i = 0; i < model_.instances.size(); ++i) {
    const Instance &instance = model_.instances[i];
    can_take[i] = std::none_of(instance.guards.begin(), instance.guards.end(),
                               [&](const Guard &g) { return substitute(g.holds, known).is(0); });
    for (const Update &u : instance.updates)
      if (const auto it = unchanged_.find(u.field);
          can_take[i] && (it == unchanged_.end() || !substitute(u.value, known).same(it->second)))
        written[u.field] = true;
  }
  const Terms fresh = state_constants(context_, schema, at);
  const Terms before = states_.back();
  Terms &after = states_.emplace_back(before);
  for (Field f = 0; f < schema.size(); ++f)
    if (written[f]) {
      after[f] = fresh[f];
      unchanged_.erase(f);
    }
  const auto width = static_cast<unsigned>(std::bit_width(model_.instances.size()));
  choices_.push_back(context_.bv_const(("choice" + at).c_str(), width));
  std::vector<z3::expr> &takes = takes_.emplace_back();
  std::vector<z3::expr_vector> writers;  // copies of one would be one
  for (Field f = 0; f < schema.size(); ++f) writers.emplace_back(context_);
  Translator translate(context_, schema, before);
  z3::expr_vector one(context_);
  for (std::size_t i = 0; i < model_.instances.size(); ++i) {
    if (!can_take[i]) {
      takes.push_back(context_.bool_val(false));
      continue;
    }
    const Instance &instance = model_.instances[i];
    const z3::expr takes_it = choices_.back() == context_.bv_val(static_cast<unsigned>(i), width);
    takes.push_back(takes_it);
    one.push_back(takes_it);
    z3::expr_vector all(context_);
    all.push_back(enabled_term(translate, instance));
    for (const Update &u : instance.updates) {
      if (!written[u.field]) continue;
      all.push_back(after[u.field] == translate.value(u.field, u.value));
      writers[u.field].push_back(takes_it);
    }
    solver_.add(z3::implies(takes_it, z3::mk_and(all)));
  }
  solver_.add(z3::mk_or(one));
  for (Field f = 0; f < schema.size(); ++f)
    if (written[f]) solver_.add(z3::mk_or(writers[f]) || after[f] == before[f]);
  allow(after);
}

z3::expr Bounded::occurs(const Obligation &goal, std::size_t at) {
  const bool breaks = goal.property->kind != PropertyKind::sometimes;
  const auto signed_ = [&](const z3::expr &e) { return breaks ? !e : e; };
  z3::expr any = context_.bool_val(false);
  if (goal.state) {
    Translator translate(context_, model_.schema, states_[at]);
    any = signed_(translate.holds(*goal.state));
  }
  if (goal.property->ending) return any || repeats(*goal.property->ending);
  if (goal.steps.empty() || at == 0) return any;
  Translator translate(context_, model_.schema, states_[at - 1], &states_[at]);
  z3::expr_vector all(context_);
  for (const auto &[instance, claim] : goal.steps)
    all.push_back(takes_[at - 1][instance] && signed_(translate.holds(claim)));
  return any || z3::mk_or(all);
}

// The last state is an earlier one, since which it has lasted and a fair step was taken.
z3::expr Bounded::repeats(const model::Ending &ending) {
  z3::expr_vector any(context_);
  for (int t = 0; t < model_.threads(); ++t) {
    const Expr lasts = ending.lasts(model_, t);
    z3::expr so_far = context_.bool_val(true), fair = context_.bool_val(false);
    for (std::size_t k = depth(); k-- > 0;) {
      Translator translate(context_, model_.schema, states_[k]);
      so_far = so_far && translate.holds(lasts);
      for (std::size_t i = 0; i < model_.instances.size(); ++i)
        if (ending.is_fair(model_.instances[i], t)) fair = fair || takes_[k][i];
      z3::expr_vector same(context_);
      for (Field f = 0; f < model_.schema.size(); ++f)
        same.push_back(states_[k][f] == states_.back()[f]);
      any.push_back(so_far && fair && z3::mk_and(same));
    }
  }
  return z3::mk_or(any);
}

std::vector<Bounded::Found> Bounded::look(const std::vector<const Obligation *> &goals) {
  std::vector<Found> found;
  struct Open {
    const Obligation *goal;
    z3::expr selector, term;
  };
  std::vector<Open> open;
  for (const Obligation *g : goals) {
    const std::string name = g->property->id + "@" + std::to_string(depth());
    open.push_back({g, context_.bool_const(name.c_str()), occurs(*g, depth())});
    solver_.add(z3::implies(open.back().selector, open.back().term));
  }
  while (!open.empty()) {
    if (!limit()) break;
    z3::expr_vector any(context_);
    for (const Open &o : open) any.push_back(o.selector);
    const z3::expr some = context_.bool_const(
        ("any" + std::to_string(depth()) + "," + std::to_string(open.size())).c_str());
    solver_.add(z3::implies(some, z3::mk_or(any)));
    z3::expr_vector assumed(context_);
    assumed.push_back(some);
    const z3::check_result r = solver_.check(assumed);
    if (r == z3::unknown) why_ = "the solver gave up: " + solver_.reason_unknown();
    if (r != z3::sat) break;
    const z3::model model = solver_.get_model();
    std::erase_if(open, [&](const Open &o) {
      if (!model.eval(o.term, true).is_true()) return false;
      found.emplace_back(o.goal, trace(model, *o.goal));
      return true;
    });
  }
  return found;
}

bool Bounded::follows(const Obligation &goal, std::vector<std::size_t> &used) {
  used.clear();
  if (!limit()) return false;
  solver_.push();
  for (std::size_t at = 0; at < depth(); ++at) solver_.add(!occurs(goal, at));
  solver_.add(occurs(goal, depth()));
  z3::expr_vector assumed(context_);
  for (const z3::expr &s : selectors_) assumed.push_back(s);
  const z3::check_result r = solver_.check(assumed);
  if (r == z3::unknown) why_ = "the solver gave up: " + solver_.reason_unknown();
  if (r == z3::unsat) {
    const z3::expr_vector core = solver_.unsat_core();
    for (std::size_t k = 0; k < selectors_.size(); ++k)
      for (unsigned c = 0; c < core.size(); ++c)
        if (z3::eq(core[c], selectors_[k])) used.push_back(k);
  }
  solver_.pop();
  return r == z3::unsat;
}

// The path, by the plain interpreter; throws if that sees another one.
Counterexample Bounded::trace(const z3::model &found, const Obligation &goal) const {
  Counterexample trace;
  for (const Terms &s : states_) trace.states.push_back(state_in(found, model_.schema, s));
  for (const z3::expr &c : choices_)
    trace.instances.push_back(found.eval(c, true).get_numeral_uint());
  replay(Interpreter(model_), trace);
  if (goal.property->ending) {
    trace.repeats_from = repeats_from(model_, *goal.property, trace);
    if (!trace.repeats_from)
      throw std::logic_error("the solver's path is no lasso of " + goal.property->id);
    return trace;
  }
  const State &after = trace.states.back();
  const Value occurs = goal.property->kind == PropertyKind::sometimes;
  bool shown = goal.state && evaluate(model_.schema, *goal.state, after, after) == occurs;
  for (const auto &[instance, e] : goal.steps)
    if (!trace.instances.empty() && trace.instances.back() == instance)
      shown = shown ||
              evaluate(model_.schema, e, trace.states[trace.states.size() - 2], after) == occurs;
  if (!shown)
    throw std::logic_error("the solver's trace of " + goal.property->id + " does not show it");
  return trace;
}

}  // namespace ptmc::checker
