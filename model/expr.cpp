#include "model/expr.hpp"

#include <cassert>
#include <utility>

namespace ptmc::model {
namespace {

struct NodeHash {
  std::size_t operator()(const Node &n) const {
    std::uint64_t h = static_cast<std::uint64_t>(n.op) * 0x9e3779b97f4a7c15u;
    for (std::uint64_t x : {n.a, n.b, n.c}) h = (h ^ x) * 0xff51afd7ed558ccdu, h ^= h >> 32;
    return h;
  }
};

struct Graph {
  std::deque<Node> nodes;
  std::unordered_map<Node, std::uint32_t, NodeHash> index;

  Graph() { intern({Op::constant, 0, 0, 0, true}), intern({Op::constant, 1, 0, 0, true}); }
  Expr intern(const Node &n) {
    auto [it, fresh] = index.try_emplace(n, static_cast<std::uint32_t>(nodes.size()));
    if (fresh) nodes.push_back(n);
    return Expr(it->second);
  }
};

Graph &graph() {
  static Graph g;
  return g;
}

bool is_constant(Expr e) { return node(e).op == Op::constant; }
Value value_of(Expr e) { return node(e).a; }
bool complementary(Expr a, Expr b) {
  return (node(a).op == Op::negate && node(a).a == b.node()) ||
         (node(b).op == Op::negate && node(b).a == a.node());
}

}  // namespace

const Node &node(Expr e) { return graph().nodes[e.node()]; }
std::size_t node_count() { return graph().nodes.size(); }

bool Expr::is(Value v) const {
  return model::node(*this).op == Op::constant && model::node(*this).a == v;
}

Expr constant(Value v) { return graph().intern({Op::constant, v, 0, 0, v < 2}); }
Expr field(Field f, bool truth) { return graph().intern({Op::field, f, 0, 0, truth}); }
Expr primed(Field f, bool truth) { return graph().intern({Op::primed, f, 0, 0, truth}); }
Expr config_leaf(std::uint32_t feature, bool truth) {
  return graph().intern({Op::config, feature, 0, 0, truth});
}

Expr operator!(Expr a) {
  assert(node(a).truth);
  if (is_constant(a)) return truth(value_of(a) == 0);
  if (node(a).op == Op::negate) return Expr(node(a).a);
  return graph().intern({Op::negate, a.node(), 0, 0, true});
}

Expr operator&&(Expr a, Expr b) {
  assert(node(a).truth && node(b).truth);
  if (a.is(0) || b.is(0) || complementary(a, b)) return truth(false);
  if (a.is(1) || a.same(b)) return b;
  if (b.is(1)) return a;
  // x == 1 && x == 2 never holds; found often where the rules' cases exclude each other.
  const Node &l = node(a), &r = node(b);
  if (l.op == Op::equal && r.op == Op::equal && l.a == r.a && l.b != r.b &&
      is_constant(Expr(l.b)) && is_constant(Expr(r.b)))
    return truth(false);
  return graph().intern({Op::conj, a.node(), b.node(), 0, true});
}

Expr operator||(Expr a, Expr b) {
  assert(node(a).truth && node(b).truth);
  if (a.is(1) || b.is(1) || complementary(a, b)) return truth(true);
  if (a.is(0) || a.same(b)) return b;
  if (b.is(0)) return a;
  return graph().intern({Op::disj, a.node(), b.node(), 0, true});
}

Expr eq(Expr a, Expr b) {
  if (a.same(b)) return truth(true);
  if (is_constant(a)) std::swap(a, b);
  if (is_constant(a)) return truth(false);
  if (is_constant(b)) {
    if (node(a).truth) return value_of(b) == 1 ? a : value_of(b) == 0 ? !a : truth(false);
    const Node n = node(a);
    if (n.op == Op::ite && (is_constant(Expr(n.b)) || is_constant(Expr(n.c))))
      return ite(Expr(n.a), eq(Expr(n.b), b), eq(Expr(n.c), b));
  }
  return graph().intern({Op::equal, a.node(), b.node(), 0, true});
}

Expr eq(Expr a, Value b) { return eq(a, constant(b)); }

Expr less(Expr a, Expr b) {
  if (a.same(b)) return truth(false);
  if (is_constant(a) && is_constant(b)) return truth(value_of(a) < value_of(b));
  if (is_constant(b) && value_of(b) == 0) return truth(false);
  return graph().intern({Op::less, a.node(), b.node(), 0, true});
}

Expr ite(Expr c, Expr t, Expr f) {
  assert(node(c).truth);
  if (c.is(1)) return t;
  if (c.is(0) || t.same(f)) return f;
  if (node(c).op == Op::negate) return ite(Expr(node(c).a), f, t);
  if (node(t).op == Op::ite && node(t).a == c.node()) return ite(c, Expr(node(t).b), f);
  if (node(f).op == Op::ite && node(f).a == c.node()) return ite(c, t, Expr(node(f).c));
  if (node(t).truth && node(f).truth) {
    if (t.is(1)) return c || f;
    if (t.is(0)) return !c && f;
    if (f.is(0)) return c && t;
    if (f.is(1)) return !c || t;
  }
  return graph().intern({Op::ite, c.node(), t.node(), f.node(), node(t).truth && node(f).truth});
}

Expr operator+(Expr a, Expr b) {
  if (is_constant(a)) std::swap(a, b);
  if (is_constant(b)) {
    if (value_of(b) == 0) return a;
    if (is_constant(a)) return constant(value_of(a) + value_of(b));
  }
  return graph().intern({Op::add, a.node(), b.node(), 0, false});
}

Expr operator-(Expr a, Expr b) {
  if (b.is(0)) return a;
  // A substitution may make b the greater one where no state gets to: then as the interpreter.
  if (is_constant(a) && is_constant(b)) return constant(value_of(a) - value_of(b));
  return graph().intern({Op::sub, a.node(), b.node(), 0, false});
}

Expr substitute(Expr e, Substitution &s) {
  if (auto it = s.done.find(e.node()); it != s.done.end()) return it->second;
  const Node n = node(e);
  auto sub = [&](std::uint32_t operand) { return substitute(Expr(operand), s); };
  auto replaced = [&](const auto &map, auto key) {
    auto it = map.find(key);
    return it == map.end() ? e : it->second;
  };
  Expr result = e;
  switch (n.op) {
    case Op::constant:
      break;
    case Op::field:
      result = replaced(s.fields, static_cast<Field>(n.a));
      break;
    case Op::primed:
      result = replaced(s.primed, static_cast<Field>(n.a));
      break;
    case Op::config:
      result = replaced(s.config, n.a);
      break;
    case Op::negate:
      result = !sub(n.a);
      break;
    case Op::conj:
      result = sub(n.a) && sub(n.b);
      break;
    case Op::disj:
      result = sub(n.a) || sub(n.b);
      break;
    case Op::equal:
      result = eq(sub(n.a), sub(n.b));
      break;
    case Op::less:
      result = less(sub(n.a), sub(n.b));
      break;
    case Op::ite:
      result = ite(sub(n.a), sub(n.b), sub(n.c));
      break;
    case Op::add:
      result = sub(n.a) + sub(n.b);
      break;
    case Op::sub:
      result = sub(n.a) - sub(n.b);
      break;
  }
  s.done.emplace(e.node(), result);
  return result;
}

}  // namespace ptmc::model
