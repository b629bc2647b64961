#include "tests/symbolic_agreement.hpp"

#include <algorithm>

#include "checker/counterexample.hpp"

namespace ptmc::tests {

using namespace model;  // NOLINT: names of the whole file
using checker::Reachable;
using checker::Terms;

namespace {

std::uint64_t hash(const State &s) {
  std::uint64_t h = 0;
  for (std::uint64_t w : s.w) h = (h ^ w) * 0xff51afd7ed558ccdu, h ^= h >> 29;
  return h;
}

}  // namespace

Agreement::Agreement(const Model &plain, const Model &symbolic)
    : plain_(plain),
      symbolic_(symbolic),
      interpreter_(plain),
      fields_(checker::state_constants(context_, symbolic.schema, "")) {
  for (Field f = 0; f < symbolic.schema.size(); ++f)
    inputs_.emplace(fields_[f].decl().name().str(), f);
  codes_.reserve(symbolic.instances.size());
  checker::Translator translate(context_, symbolic.schema, fields_);
  for (const Instance &i : symbolic.instances) {
    Code &code = codes_.emplace_back(Code{TermTape(inputs_), 0, 0, {}});
    code.enabled = code.tape.add(checker::enabled_term(translate, i));
    code.end = code.tape.size();
    const Terms next = checker::next_terms(translate, i, fields_);
    for (Field f = 0; f < next.size(); ++f)
      if (!z3::eq(next[f], fields_[f])) code.next.emplace_back(f, code.tape.add(next[f]));
  }
}

std::string Agreement::by_tape(const std::vector<State> &states) {
  const Schema &schema = plain_.schema;
  std::vector<Lanes> inputs(schema.size()), registers;
  for (const Code &c : codes_) registers.resize(std::max(registers.size(), c.tape.size()));
  State plain, terms;
  for (std::size_t first = 0; first < states.size(); first += kLanes) {
    const std::size_t count = std::min(kLanes, states.size() - first);
    for (Field f = 0; f < schema.size(); ++f)
      for (std::size_t k = 0; k < count; ++k) inputs[f][k] = schema.get(states[first + k], f);
    for (std::size_t i = 0; i < codes_.size(); ++i) {
      const Code &c = codes_[i];
      c.tape.run(0, c.end, inputs, registers);
      bool ran = false;
      for (std::size_t k = 0; k < count; ++k) {
        const State &s = states[first + k];
        const bool by_terms = registers[c.enabled][k] != 0;
        const bool by_plain = interpreter_.step(i, s, plain);
        ++compared, enabled += by_plain;
        if (by_terms != by_plain) return difference(i, s, by_plain, by_terms, plain, s);
        if (!by_plain) continue;
        if (!ran) c.tape.run(c.end, c.tape.size(), inputs, registers);
        ran = true;
        terms = s;
        for (const auto &[f, at] : c.next) schema.set(terms, f, registers[at][k]);
        if (terms != plain) return difference(i, s, true, true, plain, terms);
      }
    }
  }
  return "";
}

std::string Agreement::by_solver(std::size_t instance, const std::vector<State> &states) {
  const Schema &schema = plain_.schema;
  checker::Translator translate(context_, schema, fields_);
  const Instance &i = symbolic_.instances[instance];
  z3::solver solver(context_, "QF_FD");
  const Terms next = checker::next_terms(translate, i, fields_);
  const Terms post = checker::state_constants(context_, schema, "'");
  solver.add(checker::enabled_term(translate, i));
  for (Field f = 0; f < schema.size(); ++f) solver.add(post[f] == next[f]);
  const auto check = [&](std::initializer_list<z3::expr> all) {
    solver.push();
    for (const z3::expr &e : all) solver.add(e);
    const z3::check_result result = solver.check();
    std::optional<State> found;
    if (result == z3::sat) found = checker::state_in(solver.get_model(), schema, fields_);
    solver.pop();
    return found;
  };
  State plain;
  for (const State &s : states) {
    const bool by_plain = interpreter_.step(instance, s, plain);
    ++compared, enabled += by_plain;
    const z3::expr here = checker::is_state(schema, fields_, s);
    const bool by_terms = check({here}).has_value();
    if (by_terms != by_plain) return difference(instance, s, by_plain, by_terms, plain, s);
    if (!by_plain) continue;
    const z3::expr there = checker::is_state(schema, post, plain);
    if (!check({here, there}) || check({here, !there}))
      return difference(instance, s, true, true, plain, s);
    const std::optional<State> from = check({there});
    State again;
    if (!from || !interpreter_.step(instance, *from, again) || again != plain)
      return difference(instance, from.value_or(s), true, true, plain, plain);
  }
  return "";
}

std::string Agreement::difference(std::size_t instance, const State &s, bool by_plain,
                                  bool by_terms, const State &plain, const State &terms) const {
  const Schema &schema = plain_.schema;
  std::string text = plain_.instances[instance].name() + ": ";
  if (by_plain != by_terms) {
    text += by_plain ? "only the interpreter" : "only the solver";
    text += " has it enabled;";
  }
  for (Field f = 0; f < schema.size(); ++f) {
    const auto shown = [&](const State &of) {
      return checker::value_text(schema, f, schema.get(of, f));
    };
    if (by_plain && by_terms && schema.get(plain, f) != schema.get(terms, f))
      text += " " + checker::field_text(schema, f) + " becomes " + shown(plain) + ", not " +
              shown(terms) + ";";
  }
  text += " in";
  for (Field f = 0; f < schema.size(); ++f)
    if (const Value v = schema.get(s, f))
      text += " " + checker::field_text(schema, f) + "=" + checker::value_text(schema, f, v);
  return text;
}

std::vector<State> sample(const Reachable &all, std::size_t count) {
  std::vector<State> states;
  if (all.size() <= count) count = all.size();
  for (std::size_t k = 0; k < count; ++k) states.push_back(all[k * all.size() / count]);
  return states;
}

Unreachable::Unreachable(const Schema &schema, const Reachable &all) : schema_(schema), all_(all) {
  for (std::size_t k = 0; k < all.size(); ++k) hashes_.push_back(hash(all[k]));
  std::sort(hashes_.begin(), hashes_.end());
}

std::vector<State> Unreachable::sample(std::size_t count) {
  std::vector<State> states;
  const auto change = [&](State &s, Field f) {
    schema_.set(s, f, static_cast<Value>(random_()) & ((Value{1} << schema_[f].bits) - 1));
  };
  while (states.size() < count) {
    State s;
    if (states.size() % 2) {
      for (Field f = 0; f < schema_.size(); ++f) change(s, f);
    } else {
      s = all_[random_() % all_.size()];
      for (auto k = random_() % 8 + 1; k > 0; --k)
        change(s, static_cast<Field>(random_() % schema_.size()));
    }
    if (!std::binary_search(hashes_.begin(), hashes_.end(), hash(s))) states.push_back(s);
  }
  return states;
}

}  // namespace ptmc::tests
