#include "checker/induction.hpp"

#include <algorithm>
#include <set>
#include <stdexcept>

#include "checker/support.hpp"
#include "model/interp.hpp"

namespace ptmc::checker {

using namespace model;  // NOLINT: names of the whole file
using Clock = std::chrono::steady_clock;

namespace {

class Induction {
 public:
  Induction(const Knowledge &known, const Obligation &goal, std::optional<std::size_t> lemma,
            const Limits &limits)
      : known_(known),
        schema_(known.model.schema),
        goal_(goal),
        limits_(limits),
        pre_(state_constants(context_, schema_, "")),
        translate_(context_, schema_, pre_),
        number_(lemma) {
    if (lemma) own_ = known.lemmas[*lemma];
    for (std::size_t g = 0; g < known.goals.size(); ++g)
      if (&known.goals[g] == &goal) property_ = g;
  }
  Attempt run();

 private:
  struct Used {
    std::optional<std::size_t> property;  // or a lemma
    Lemma lemma;
    z3::expr selector, term;
    bool needed = false;
  };

  bool show(std::size_t instance, const z3::expr &claim, const std::set<Field> &fields);
  Cube cause(const z3::expr &breaks, const std::set<Field> &fields, const State &s);
  bool exclude(const Cube &cube, const State &s, z3::solver &solver);
  bool excludes(const Cube &cube, const z3::expr &term);
  void use(std::optional<std::size_t> property, const Lemma &lemma, const z3::expr &term,
           z3::solver &solver);
  z3::expr own_term(const Terms &terms) { return own_->term(schema_, terms); }
  z3::check_result ask(z3::solver &solver, const z3::expr_vector &assumed);
  z3::solver make_solver();
  z3::expr in(const Cube &cube);

  const Knowledge &known_;
  const Schema &schema_;
  const Obligation &goal_;
  const Limits &limits_;
  z3::context context_;
  const Terms pre_;
  Translator translate_;
  std::optional<std::size_t> number_, property_;
  std::optional<Lemma> own_;
  std::vector<Used> used_;
  Attempt result_;
};

z3::solver Induction::make_solver() {
  z3::solver solver(context_, "QF_FD");
  z3::params p(context_);
  p.set("random_seed", 1u);
  p.set("timeout", limits_.check_milliseconds);
  solver.set(p);
  return solver;
}

z3::check_result Induction::ask(z3::solver &solver, const z3::expr_vector &assumed) {
  if (Clock::now() > limits_.end || (limits_.interrupted && *limits_.interrupted)) {
    result_.why = "time limit";
    return z3::unknown;
  }
  ++result_.questions;
  const z3::check_result r = solver.check(assumed);
  if (r == z3::unknown) result_.why = "the solver gave up: " + solver.reason_unknown();
  return r;
}

z3::expr Induction::in(const Cube &cube) {
  z3::expr_vector all(context_);
  for (const auto &[f, v] : cube) all.push_back(pre_[f] == value_term(context_, schema_[f], v));
  return z3::mk_and(all);
}

void Induction::use(std::optional<std::size_t> property, const Lemma &lemma, const z3::expr &term,
                    z3::solver &solver) {
  const std::string name = "use" + std::to_string(used_.size());
  used_.push_back({property, lemma, context_.bool_const(name.c_str()), term});
  solver.add(z3::implies(used_.back().selector, term));
}

// The step from `s` breaks the goal; so does that from every state that has these of its values.
Cube Induction::cause(const z3::expr &breaks, const std::set<Field> &fields, const State &s) {
  z3::solver solver = make_solver();
  solver.add(!breaks);
  Cube cube;
  for (Field f : fields) cube.emplace_back(f, schema_.get(s, f));
  const auto still = [&](const Cube &of, Cube *core) {
    z3::expr_vector assumed(context_);
    for (const auto &[f, v] : of) {
      const z3::expr literal = context_.bool_const(("is" + std::to_string(f)).c_str());
      if (core) solver.add(z3::implies(literal, pre_[f] == value_term(context_, schema_[f], v)));
      assumed.push_back(literal);
    }
    if (ask(solver, assumed) != z3::unsat) return false;
    if (!core) return true;
    std::set<std::string> names;
    const z3::expr_vector kept = solver.unsat_core();
    for (unsigned i = 0; i < kept.size(); ++i) names.insert(kept[i].decl().name().str());
    for (const auto &c : of)
      if (names.contains("is" + std::to_string(c.first))) core->push_back(c);
    return true;
  };
  Cube core;
  if (!still(cube, &core)) return {};
  for (std::size_t i = core.size(); i-- > 0 && result_.why.empty();) {
    Cube less = core;
    less.erase(less.begin() + static_cast<std::ptrdiff_t>(i));
    if (still(less, nullptr)) core = less;
  }
  return core;
}

bool Induction::excludes(const Cube &cube, const z3::expr &term) {
  z3::solver solver = make_solver();
  solver.add(in(cube));
  solver.add(term);
  return ask(solver, z3::expr_vector(context_)) == z3::unsat;
}

// Something known, or a new lemma, that no state of the cube fulfils.
bool Induction::exclude(const Cube &cube, const State &s, z3::solver &solver) {
  for (std::size_t g = 0; g < known_.goals.size(); ++g) {
    const Obligation &other = known_.goals[g];
    const bool used =
        std::any_of(used_.begin(), used_.end(), [&](const Used &u) { return u.property == g; });
    if (used || !other.state || !known_.usable[g] || g == property_) continue;
    if (evaluate(schema_, *other.state, s, s)) continue;
    const z3::expr term = translate_.holds(*other.state);
    if (!excludes(cube, term)) continue;
    use(g, {}, term, solver);
    return true;
  }
  for (std::size_t l = 0; l < known_.lemmas.size(); ++l) {
    if (l == number_ || !known_.lemmas[l].excludes(cube)) continue;
    use({}, known_.lemmas[l], known_.lemmas[l].term(schema_, pre_), solver);
    return true;
  }
  if (!known_.finds_lemmas) return false;
  // Of the smallest new ones the strongest.
  std::vector<std::pair<double, Lemma>> found;
  for (const Fields &fields : known_.samples.separating(cube)) {
    Lemma l = known_.samples.lemma(fields);
    double share = static_cast<double>(l.rows.size());
    for (Field f : l.fields) share /= static_cast<double>(std::size_t{1} << schema_[f].bits);
    const bool known = std::any_of(known_.lemmas.begin(), known_.lemmas.end(),
                                   [&](const Lemma &k) { return k.fields == l.fields; });
    if (!known) found.emplace_back(share, std::move(l));
  }
  std::stable_sort(found.begin(), found.end(),
                   [](const auto &a, const auto &b) { return a.first < b.first; });
  for (auto &[share, lemma] : found) {
    known_.samples.complete(lemma);
    if (!lemma.excludes(cube)) continue;  // a state that is no sample lies in the cube
    use({}, lemma, lemma.term(schema_, pre_), solver);
    return true;
  }
  return false;
}

// That the instance leaves the claim true. fields: those before the step that matter.
bool Induction::show(std::size_t instance, const z3::expr &claim, const std::set<Field> &fields) {
  const Instance &i = known_.model.instances[instance];
  const z3::expr breaks = enabled_term(translate_, i) && !claim;
  const z3::expr simple = breaks.simplify();
  if (simple.is_false()) return true;
  z3::solver solver = make_solver();
  solver.add(simple);
  if (goal_.state) solver.add(translate_.holds(*goal_.state));
  if (own_) solver.add(own_term(pre_));
  for (const Used &u : used_) solver.add(z3::implies(u.selector, u.term));
  for (;;) {
    z3::expr_vector assumed(context_);
    for (const Used &u : used_) assumed.push_back(u.selector);
    const z3::check_result r = ask(solver, assumed);
    if (r == z3::unknown) return false;
    if (r == z3::unsat) {
      const z3::expr_vector core = solver.unsat_core();
      for (Used &u : used_)
        for (unsigned k = 0; k < core.size(); ++k) u.needed |= z3::eq(core[k], u.selector);
      return true;
    }
    const State s = state_in(solver.get_model(), schema_, pre_);
    const Cube cube = cause(simple, fields, s);
    if (!result_.why.empty()) return false;
    if (exclude(cube, s, solver)) continue;
    State after;
    const CompiledInstance compiled(schema_, i);
    std::vector<Value> registers(compiled.registers());
    if (!compiled.step(s, after, registers.data()))
      throw std::logic_error("the solver takes a step that the interpreter does not: " + i.name());
    result_.cti = Cti{instance, s, after};
    return false;
  }
}

Attempt Induction::run() {
  const Model &m = known_.model;
  Support own;
  if (goal_.state) own.of(*goal_.state);
  if (own_) own.before.insert(own_->fields.begin(), own_->fields.end());
  const auto fields_of = [&](std::size_t instance, const std::set<Field> &after) {
    const Instance &i = m.instances[instance];
    Support s;
    for (const Guard &g : i.guards) s.of(g.holds);
    std::set<Field> unwritten = after;
    for (const Update &u : i.updates)
      if (unwritten.erase(u.field)) s.of(u.value);
    s.before.insert(unwritten.begin(), unwritten.end());
    return s.before;
  };
  const auto all = [&] {
    if (!goal_.steps.empty()) {
      for (const auto &[instance, claim] : goal_.steps) {
        const Terms next = next_terms(translate_, m.instances[instance], pre_);
        Translator over(context_, schema_, pre_, &next);
        Support s;
        s.of(claim);
        std::set<Field> fields = fields_of(instance, s.after);
        fields.insert(s.before.begin(), s.before.end());
        if (!show(instance, over.holds(claim), fields)) return false;
      }
    }
    if (!goal_.state && !own_) return true;
    for (std::size_t k = 0; k < m.instances.size(); ++k) {
      const Instance &i = m.instances[k];
      if (std::none_of(i.updates.begin(), i.updates.end(),
                       [&](const Update &u) { return own.before.contains(u.field); }))
        continue;
      const Terms next = next_terms(translate_, i, pre_);
      for (;;) {
        Translator over(context_, schema_, next);
        const z3::expr claim = own_ ? own_term(next) : over.holds(*goal_.state);
        if (show(k, claim, fields_of(k, own.before))) break;
        // A lemma that nothing can save says less: the state that it leads to is one more.
        if (!own_ || !result_.cti) return false;
        own_->rows.insert(own_->row(schema_, result_.cti->after));
        result_.weaker = own_;
        result_.cti.reset();
      }
    }
    return true;
  };
  // A goal that became weaker is a weaker hypothesis too: all is shown again.
  std::size_t rows = 0;
  do {
    rows = own_ ? own_->rows.size() : 0;
    for (Used &u : used_) u.needed = false;
    result_.proved = all();
  } while (result_.proved && own_ && own_->rows.size() != rows);
  for (const Used &u : used_) {
    if (!result_.proved || !u.needed) continue;
    if (u.property)
      result_.properties.push_back(*u.property);
    else
      result_.lemmas.push_back(u.lemma);
  }
  return std::move(result_);
}

}  // namespace

Attempt attempt(const Knowledge &known, const Obligation &goal, std::optional<std::size_t> lemma,
                const Limits &limits) {
  return Induction(known, goal, lemma, limits).run();
}

}  // namespace ptmc::checker
