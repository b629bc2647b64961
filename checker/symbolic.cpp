#include "checker/symbolic.hpp"

#include <algorithm>
#include <bit>
#include <set>
#include <stdexcept>

#include "checker/counterexample.hpp"

namespace ptmc::checker {

using namespace model;  // NOLINT: names of the whole file

namespace {

constexpr unsigned kValueBits = 32;  // of Value

z3::expr number(z3::context &context, Value v) {
  return context.bv_val(v, static_cast<unsigned>(std::max(1, static_cast<int>(std::bit_width(v)))));
}

z3::expr resized(const z3::expr &e, unsigned width) {
  const unsigned have = e.get_sort().bv_size();
  return have < width ? z3::zext(e, width - have) : have > width ? e.extract(width - 1, 0) : e;
}

unsigned width_of(const z3::expr &e) { return e.get_sort().bv_size(); }

}  // namespace

Terms state_constants(z3::context &context, const Schema &schema, const std::string &suffix) {
  Terms terms;
  std::set<std::string> names;  // two fields of one name would be one constant
  for (Field f = 0; f < schema.size(); ++f) {
    const std::string name = field_text(schema, f) + suffix;
    if (!names.insert(name).second) throw std::logic_error("two fields are called " + name);
    terms.push_back(schema[f].truth
                        ? context.bool_const(name.c_str())
                        : context.bv_const(name.c_str(), static_cast<unsigned>(schema[f].bits)));
  }
  return terms;
}

z3::expr value_term(z3::context &context, const FieldInfo &field, Value value) {
  return field.truth ? context.bool_val(value != 0)
                     : context.bv_val(value, static_cast<unsigned>(field.bits));
}

z3::expr is_state(const Schema &schema, const Terms &terms, const State &state) {
  z3::context &context = terms.front().ctx();
  z3::expr_vector all(context);
  for (Field f = 0; f < schema.size(); ++f)
    all.push_back(terms[f] == value_term(context, schema[f], schema.get(state, f)));
  return z3::mk_and(all);
}

z3::expr Translator::term(Expr e) {
  if (const auto it = done_.find(e.node()); it != done_.end()) return it->second;
  const z3::expr made = make(node(e));
  done_.emplace(e.node(), made);
  return made;
}

z3::expr Translator::holds(Expr e) {
  const z3::expr made = term(e);
  return made.is_bool() ? made : made != context_.bv_val(0, width_of(made));
}

z3::expr Translator::wide(Expr e) {
  const z3::expr made = term(e);
  return made.is_bool() ? z3::ite(made, context_.bv_val(1, 1), context_.bv_val(0, 1)) : made;
}

z3::expr Translator::bits(Expr e, unsigned width) { return resized(wide(e), width); }

z3::expr Translator::value(Field field, Expr e) {
  const FieldInfo &f = schema_[field];
  const z3::expr made = term(e);
  if (!f.truth) return bits(e, static_cast<unsigned>(f.bits));
  return made.is_bool() ? made : made.extract(0, 0) == context_.bv_val(1, 1);
}

z3::expr Translator::make(const Node &n) {
  const Expr a(n.a), b(n.b), c(n.c);
  // Both operands in the width of the wider one.
  const auto pair = [&](Expr x, Expr y, unsigned more = 0) {
    const z3::expr l = wide(x), r = wide(y);
    const unsigned width = std::min(std::max(width_of(l), width_of(r)) + more, kValueBits);
    return std::pair(resized(l, width), resized(r, width));
  };
  switch (n.op) {
    case Op::constant:
      return n.truth ? context_.bool_val(n.a != 0) : number(context_, n.a);
    case Op::field:
      return pre_[n.a];
    case Op::primed:
      if (!post_) throw std::logic_error("a primed field where there is no step");
      return (*post_)[n.a];
    case Op::config:
      throw std::logic_error("only a model of one configuration has terms");
    case Op::negate:
      return !holds(a);
    case Op::conj:
      return holds(a) && holds(b);
    case Op::disj:
      return holds(a) || holds(b);
    case Op::equal: {
      if (node(a).truth && node(b).truth) return term(a) == term(b);
      const auto [l, r] = pair(a, b);
      return l == r;
    }
    case Op::less: {
      const auto [l, r] = pair(a, b);
      return z3::ult(l, r);
    }
    case Op::ite: {
      if (n.truth) return z3::ite(holds(a), holds(b), holds(c));
      const auto [l, r] = pair(b, c);
      return z3::ite(holds(a), l, r);
    }
    case Op::add: {
      const auto [l, r] = pair(a, b, 1);
      return l + r;
    }
    case Op::sub: {
      const auto [l, r] = pair(a, b, kValueBits);
      return l - r;
    }
  }
  throw std::logic_error("an operation without a term");
}

z3::expr enabled_term(Translator &translate, const Instance &instance) {
  z3::expr_vector all(translate.holds(instance.enabled).ctx());
  all.push_back(translate.holds(instance.enabled));
  for (const Guard &g : instance.guards) all.push_back(translate.holds(g.holds));
  return z3::mk_and(all);
}

Terms next_terms(Translator &translate, const Instance &instance, const Terms &pre) {
  Terms next = pre;
  for (const Update &u : instance.updates) next[u.field] = translate.value(u.field, u.value);
  return next;
}

z3::expr steps_differ(Translator &translate, const Instance &a, const Instance &b,
                      const Terms &pre) {
  const z3::expr can = enabled_term(translate, a), may = enabled_term(translate, b);
  const Terms to = next_terms(translate, a, pre), as = next_terms(translate, b, pre);
  z3::expr unlike = can.ctx().bool_val(false);
  for (std::size_t f = 0; f < pre.size(); ++f)
    if (!z3::eq(to[f], as[f])) unlike = unlike || to[f] != as[f];
  return (can != may) || (can && unlike);
}

State state_in(const z3::model &model, const Schema &schema, const Terms &constants) {
  State state;
  for (Field f = 0; f < schema.size(); ++f) {
    const z3::expr v = model.eval(constants[f], true);
    schema.set(state, f, v.is_bool() ? v.is_true() : v.get_numeral_uint());
  }
  return state;
}

}  // namespace ptmc::checker
