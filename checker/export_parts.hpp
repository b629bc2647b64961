// What the exports share: the model as it is written, and how expressions are printed.
#pragma once

#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "checker/export.hpp"

namespace ptmc::checker {

struct Claim {
  const model::Property *property;
  model::Expr holds;
};

// The model without the fields that never leave their initial value, nor the instances that are
// then impossible. Primed fields are replaced by what the step assigns.
struct ExportedModel {
  ExportedModel(const model::Model &model, const Properties &properties);

  struct Step {
    const model::Instance *instance;
    model::Expr guard;
    std::vector<model::Update> updates;
    std::vector<Claim> claims;  // in the state before the step
  };
  std::string name(model::Field f) const;  // an identifier: "t0_loc"
  model::Value initial(model::Field f) const;

  const model::Model &model;
  std::vector<model::Field> fields;  // that can change
  std::vector<Step> steps;
  std::vector<Claim> invariants;
};
std::string identifier(std::string_view text);

// How a language writes expressions.
struct Syntax {
  bool prefix;  // (op a b); else (a op b)
  const char *negate, *conj, *disj, *equal, *less, *then, *otherwise, *add, *sub;
  const char *no, *yes;     // truth values
  bool truths_are_numbers;  // no conversion is needed
};

// Prints expressions. Those that share() was told of have their common parts in locals.
class Writer {
 public:
  Writer(const ExportedModel &exported, const Syntax &syntax);

  struct Local {
    std::string name, value;
    bool truth;
    model::Value most;  // no value is greater
  };
  // The locals, each over those before it. What is `forced` becomes one in any case. They last
  // until the next call.
  const std::vector<Local> &share(const std::vector<model::Expr> &roots,
                                  const std::vector<model::Expr> &forced = {});
  std::string text(model::Expr e, bool truth) const;
  std::string value(const model::Update &u) const;
  // The updates whose values must be read before other fields are assigned.
  static std::vector<model::Expr> overlapping(const std::vector<model::Update> &updates);

 private:
  std::string bare(std::uint32_t node) const;
  void operands(std::uint32_t node, model::Op chain, std::vector<std::string> &into) const;
  void count(std::uint32_t node);
  void name(std::uint32_t node);
  model::Value most(std::uint32_t node);

  const ExportedModel &exported_;
  const Syntax &syntax_;
  std::unordered_map<std::uint32_t, int> uses_;
  std::unordered_set<std::uint32_t> forced_, visited_;
  std::unordered_map<std::uint32_t, std::string> named_;
  std::unordered_map<std::uint32_t, model::Value> most_;
  std::vector<Local> locals_;
};

}  // namespace ptmc::checker
