// Walks over the nodes of an expression.
#pragma once

#include <cstdint>
#include <unordered_set>

#include "model/expr.hpp"

namespace ptmc::model {

inline int arity(Op op) {
  switch (op) {
    case Op::constant:
    case Op::field:
    case Op::primed:
    case Op::config:
      return 0;
    case Op::negate:
      return 1;
    case Op::ite:
      return 3;
    default:
      return 2;
  }
}

template <class Visit>
void each_operand(std::uint32_t at, Visit &&visit) {
  const Node n = node(Expr(at));
  const int count = arity(n.op);
  if (count > 0) visit(n.a);
  if (count > 1) visit(n.b);
  if (count > 2) visit(n.c);
}

inline bool is_leaf(std::uint32_t at) { return arity(node(Expr(at)).op) == 0; }

using Nodes = std::unordered_set<std::uint32_t>;

// Every node of the expression that is not in `seen`.
template <class Visit>
void each_node(std::uint32_t at, Nodes &seen, Visit &&visit) {
  if (!seen.insert(at).second) return;
  visit(at);
  each_operand(at, [&](std::uint32_t operand) { each_node(operand, seen, visit); });
}

// Adds the fields of the expression's nodes that are not in `seen`.
inline void add_fields(std::uint32_t at, Nodes &seen, Nodes &fields) {
  each_node(at, seen, [&](std::uint32_t n) {
    if (node(Expr(n)).op == Op::field) fields.insert(node(Expr(n)).a);
  });
}

}  // namespace ptmc::model
