// Lemmas: what a proof by induction needs beside the properties themselves.
//
// A lemma says that some fields together take only certain values: "lemma.t0.loc,t0.traced". Which
// values those are is read off explored states, and so is which fields: a counterexample to
// induction is no reachable state, and a few of its fields show that. This is only where lemmas
// come from: each is proved, by induction together with the others, or not used.
#pragma once

#include <map>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "checker/reachable.hpp"
#include "checker/symbolic.hpp"
#include "model/property.hpp"

namespace ptmc::checker {

using Fields = std::vector<model::Field>;  // ascending
using Row = std::vector<model::Value>;     // a value for each of them
using Cube = std::vector<std::pair<model::Field, model::Value>>;

struct Lemma {
  Fields fields;
  std::set<Row> rows;

  std::string name(const model::Schema &schema) const;
  std::string statement(const model::Schema &schema) const;
  Row row(const model::Schema &schema, const model::State &s) const;
  // It does not hold in any state of the cube.
  bool excludes(const Cube &cube) const;
  z3::expr term(const model::Schema &schema, const Terms &terms) const;
  model::Expr expr(const model::Schema &schema) const;
};
// As a property, which exploration can check like every other.
model::Property property_of(const Lemma &lemma, const model::Schema &schema);

// Explored states, by fields: so many of them, taken evenly.
class Samples {
 public:
  // `all` outlives it.
  Samples(const model::Schema &schema, const Reachable &all, std::size_t limit);

  std::size_t size() const { return size_; }
  Lemma lemma(Fields fields) const;  // with the values that the samples have
  // ... and that all of the explored states have. Looked at once for each set of fields.
  void complete(Lemma &lemma) const;
  // The smallest sets of the cube's fields whose values no state has together; none if a state lies
  // in the cube.
  std::vector<Fields> separating(const Cube &cube) const;

 private:
  const model::Schema &schema_;
  const Reachable &all_;
  std::size_t size_ = 0;
  std::vector<std::vector<std::uint8_t>> columns_;  // by field
  mutable std::mutex mutex_;
  mutable std::map<Fields, std::set<Row>> complete_;
};

}  // namespace ptmc::checker
