// Expressions over a state: the language in which every rule and property is written.
//
// An expression is a node of a hash-consed graph, simplified as it is built: equal expressions are
// the same node, and what a design or profile fixes folds away. Values are unsigned; a truth value
// is 0 or 1. Every interpretation (interp.hpp, emit, and what comes later) walks these nodes.
#pragma once

#include <cstdint>
#include <deque>
#include <unordered_map>
#include <vector>

namespace ptmc::model {

using Value = std::uint32_t;
using Field = std::uint16_t;  // index into Schema::fields

enum class Op : std::uint8_t {
  constant,  // value
  field,     // a: field, in the state before the step
  primed,    // a: field, in the state after the step (step properties only)
  config,    // a: feature, not yet known (emitted code only)
  negate,    // !a
  conj,      // a && b
  disj,      // a || b
  equal,     // a == b
  less,      // a < b
  ite,       // a ? b : c
  add,       // a + b
  sub,       // a - b, b <= a
};

struct Node {
  Op op = Op::constant;
  std::uint32_t a = 0, b = 0, c = 0;  // operands' nodes; constant: a is the value
  bool truth = false;                 // 0 or 1 by construction
  bool operator==(const Node &) const = default;
};

class Expr {
 public:
  Expr() = default;  // false
  explicit Expr(std::uint32_t node) : node_(node) {}
  std::uint32_t node() const { return node_; }
  bool is(Value v) const;
  bool operator==(const Expr &) const = delete;  // ambiguous: see same() and eq()
  bool same(Expr other) const { return node_ == other.node_; }

 private:
  std::uint32_t node_ = 0;
};

// All nodes of a process. Nodes 0 and 1 are the constants false and true. Building is not
// thread-safe; reading is.
const Node &node(Expr e);
std::size_t node_count();

Expr constant(Value v);
Expr field(Field f, bool truth);
Expr primed(Field f, bool truth);
Expr config_leaf(std::uint32_t feature, bool truth);
Expr operator!(Expr a);
Expr operator&&(Expr a, Expr b);  // no short cut: both sides are built
Expr operator||(Expr a, Expr b);
Expr eq(Expr a, Expr b);
Expr eq(Expr a, Value b);
Expr less(Expr a, Expr b);
Expr ite(Expr condition, Expr then, Expr otherwise);
Expr operator+(Expr a, Expr b);
Expr operator-(Expr a, Expr b);
inline Expr implies(Expr a, Expr b) { return !a || b; }
inline Expr ne(Expr a, Value b) { return !eq(a, b); }
inline Expr truth(bool b) { return constant(b ? 1 : 0); }

// Rebuilds e with fields, primed fields and features replaced where the maps have an entry.
struct Substitution {
  std::unordered_map<Field, Expr> fields, primed;
  std::unordered_map<std::uint32_t, Expr> config;
  std::unordered_map<std::uint32_t, Expr> done;  // node -> result
};
Expr substitute(Expr e, Substitution &s);

}  // namespace ptmc::model
