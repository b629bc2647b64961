// The RFC's five options as unknowns: one model for all 32 sets, and Z3's verdicts of all of them.
#pragma once

#include <array>
#include <cstdint>

#include "checker/prove.hpp"
#include "checker/synthesis.hpp"

namespace ptmc::checker {

// A design whose first step chooses the options that SEIZE is given. The rules are built with the
// features of the five options left open, and those are then fields, which nothing changes later.
class AnyOptions {
 public:
  // Of the configuration the five options do not matter.
  AnyOptions(const model::Shape &shape, const model::Config &config);

  const model::Model &model() const { return model_; }
  // Of a property, over the chosen options too. Of a `sometimes`: that it does not occur.
  struct Claim {
    const model::Property *property = nullptr;
    std::uint32_t applies = 0;  // to which sets, bit by OptionSet
    std::optional<model::Expr> state;
    std::vector<std::pair<std::size_t, model::Expr>> steps;  // instance, claim
  };
  // Nothing: it applies to no set.
  std::optional<Claim> claim(const model::Property &p);
  // They have been chosen, and are one of these sets.
  model::Expr among(std::uint32_t sets) const;
  // The sets under which the path of a violation is one too.
  std::uint32_t violated_by(const Claim &claim, const Counterexample &trace) const;

 private:
  model::Expr folded(model::Expr e) const { return substitute(e, features_); }

  const model::Config config_;
  model::Model open_;   // its rules, with the features left open
  model::Model model_;  // the same with fields
  model::Field chosen_ = 0;
  std::array<model::Field, model::kRfcOptions.size()> options_{};
  mutable model::Substitution features_;
};

// By induction where a property holds under all sets that are left, and else by a path, which shows
// some sets more under which it does not.
std::vector<OptionVerdicts> prove_any_options(const model::Shape &shape,
                                              const model::Config &config,
                                              const ProveOptions &options);

}  // namespace ptmc::checker
