// Bounded model checking: the transition relation unrolled from the initial state. What it finds is
// replayed by the plain interpreter before anyone sees it.
#pragma once

#include "checker/explore.hpp"
#include "checker/induction.hpp"

namespace ptmc::checker {

class Bounded {
 public:
  Bounded(const model::Model &model, const Limits &limits);

  // A goal occurs if its property is broken (`always`), or shown (`sometimes`). Looks at all paths
  // of exactly `depth` steps, which it has unrolled so far, and returns those that occur with their
  // traces.
  using Found = std::pair<const Obligation *, Counterexample>;
  std::vector<Found> look(const std::vector<const Obligation *> &goals);
  void unroll();  // one step more
  std::size_t depth() const { return states_.size() - 1; }
  const std::string &why() const { return why_; }  // it gave up

 private:
  z3::expr occurs(const Obligation &goal);
  Counterexample trace(const z3::model &found, const Obligation &goal) const;

  const model::Model &model_;
  const Limits &limits_;
  z3::context context_;
  z3::solver solver_;
  std::vector<Terms> states_;
  std::vector<std::vector<z3::expr>> takes_;  // by step, by instance
  std::vector<z3::expr> choices_;
  std::string why_;
};

}  // namespace ptmc::checker
