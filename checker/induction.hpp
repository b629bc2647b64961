// One step of a proof by induction: that what is to be shown holds after every step from a state in
// which it and its hypotheses hold. Instance by instance, over all type-correct states; an instance
// that writes none of its fields cannot break it.
#pragma once

#include <atomic>
#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "checker/lemma.hpp"

namespace ptmc::checker {

// What is to be shown.
struct Obligation {
  const model::Property *property = nullptr;               // or a lemma
  std::optional<model::Expr> state;                        // of an invariant
  std::vector<std::pair<std::size_t, model::Expr>> steps;  // of a step property: instance, claim
};

// A counterexample to induction: nothing known excludes `before`, and the step breaks the goal.
struct Cti {
  std::size_t instance = 0;
  model::State before, after;
};

struct Limits {
  unsigned check_milliseconds = 60'000;  // of one question to the solver
  std::chrono::steady_clock::time_point end = std::chrono::steady_clock::time_point::max();
  const std::atomic<bool> *interrupted = nullptr;
};

// What the attempts of a round have in common; none of them changes it.
struct Knowledge {
  const model::Model &model;
  const Samples &samples;
  std::vector<Obligation> goals;  // of properties
  std::vector<bool> usable;       // by goal: an invariant not known to fail
  std::vector<Lemma> lemmas;      // the pool
  bool finds_lemmas = true;       // new ones
};

struct Attempt {
  bool proved = false;
  std::vector<std::size_t> properties;  // the goals that the proof uses
  std::vector<Lemma> lemmas;            // and the lemmas, of the pool and new ones
  std::optional<Lemma> weaker;          // the goal, a lemma, holds so only
  std::optional<Cti> cti;
  std::string why;  // neither proved nor refuted
  std::size_t questions = 0;
};

// goal: what to show; its own hypothesis too, if it is an invariant. lemma: the goal is this lemma
// of the pool. Deterministic: a function of what it is given, as long as no limit is met.
Attempt attempt(const Knowledge &known, const Obligation &goal, std::optional<std::size_t> lemma,
                const Limits &limits);

}  // namespace ptmc::checker
