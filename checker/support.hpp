// The fields that expressions read.
#pragma once

#include <set>

#include "model/expr.hpp"

namespace ptmc::checker {

class Support {
 public:
  void of(model::Expr e) {
    if (!seen_.insert(e.node()).second) return;
    const model::Node n = node(e);
    switch (n.op) {
      case model::Op::constant:
      case model::Op::config:
        return;
      case model::Op::field:
        before.insert(static_cast<model::Field>(n.a));
        return;
      case model::Op::primed:
        after.insert(static_cast<model::Field>(n.a));
        return;
      case model::Op::ite:
        of(model::Expr(n.c));
        [[fallthrough]];
      default:
        of(model::Expr(n.a));
        if (n.op != model::Op::negate) of(model::Expr(n.b));
    }
  }
  std::set<model::Field> before, after;

 private:
  std::set<std::uint32_t> seen_;
};

}  // namespace ptmc::checker
