// Bounded model checking: the transition relation unrolled from the initial state. What it finds is
// replayed by the plain interpreter before anyone sees it. And the step of k-induction: unrolled
// from any state in which the known invariants hold.
#pragma once

#include "checker/explore.hpp"
#include "checker/induction.hpp"

namespace ptmc::checker {

class Bounded {
 public:
  Bounded(const model::Model &model, const Limits &limits);
  Bounded(const model::Model &model, const Limits &limits, std::vector<model::Expr> known);

  // A goal occurs if its property is broken (`always`), or shown (`sometimes`). Looks at all paths
  // of exactly `depth` steps, which it has unrolled so far, and returns those that occur with their
  // traces.
  using Found = std::pair<const Obligation *, Counterexample>;
  std::vector<Found> look(const std::vector<const Obligation *> &goals);
  // Of an `always`: after `depth` steps that keep it, from a state that the invariants allow, it
  // holds once more. used: by which of them.
  bool follows(const Obligation &goal, std::vector<std::size_t> &used);
  void unroll();  // one step more
  std::size_t depth() const { return states_.size() - 1; }
  const std::string &why() const { return why_; }  // it gave up

 private:
  z3::expr occurs(const Obligation &goal, std::size_t at);  // after so many steps
  void allow(const Terms &state);
  bool limit();  // of the next question
  z3::expr repeats(const model::Ending &ending);
  Counterexample trace(const z3::model &found, const Obligation &goal) const;

  const model::Model &model_;
  const Limits &limits_;
  z3::context context_;
  z3::solver solver_;
  const std::vector<model::Expr> known_;
  std::vector<z3::expr> selectors_;  // of those
  // The fields that no path so far can have changed; of paths from the initial state.
  std::unordered_map<model::Field, model::Expr> unchanged_;
  std::vector<Terms> states_;
  std::vector<std::vector<z3::expr>> takes_;  // by step, by instance
  std::vector<z3::expr> choices_;
  std::string why_;
};

}  // namespace ptmc::checker
