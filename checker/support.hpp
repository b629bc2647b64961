// The fields that expressions read.
#pragma once

#include <set>

#include "model/expr_graph.hpp"

namespace ptmc::checker {

class Support {
 public:
  void of(model::Expr e) {
    model::each_node(e.node(), seen_, [&](std::uint32_t at) {
      const model::Node n = node(model::Expr(at));
      if (n.op == model::Op::field) before.insert(static_cast<model::Field>(n.a));
      if (n.op == model::Op::primed) after.insert(static_cast<model::Field>(n.a));
    });
  }
  std::set<model::Field> before, after;

 private:
  model::Nodes seen_;
};

}  // namespace ptmc::checker
