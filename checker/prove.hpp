// Z3's verdicts on the properties of a model: proofs by induction over all type-correct states,
// with lemmas; counterexamples and witnesses by bounded model checking.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "checker/explore.hpp"
#include "checker/induction.hpp"

namespace ptmc::checker {

struct ProveOptions {
  int jobs = 1;
  double time_limit = 0;       // seconds, of all; 0: none
  double question_limit = 60;  // of one question to the solver
  int depth = 12;              // of counterexamples and witnesses looked for
  // Lemmas are read off so many states, taken evenly from so many explored ones; of a model without
  // emitted code from the first ones.
  std::size_t samples = 2'000'000, reach = 100'000'000;
  bool fast = true;       // the emitted code, for those; not for a model that was changed
  bool induction = true;  // false: only look for counterexamples and witnesses
  bool lemmas = true;     // false: no other hypotheses than the properties themselves
  int k = 4;              // of k-induction, for what is neither proved nor violated
  // Of runs that are known from elsewhere, by property: how long. All paths of that length are
  // looked at before anything else is tried.
  std::map<std::string, std::size_t> lengths = {};
  const std::atomic<bool> *interrupted = nullptr;
  std::vector<std::string> property_ids;                     // empty: all that apply
  const std::vector<model::Property> *properties = nullptr;  // nullptr: model::properties()
  std::function<void(const std::string &)> progress;
};

struct Proof {
  const model::Property *property = nullptr;
  Verdict verdict = Verdict::unknown;
  std::string how;                      // "induction", "at depth 5"; unknown: the reason
  std::vector<std::string> lemmas;      // ids that the proof uses itself: lemmas, other properties
  std::vector<std::string> behind;      // and those that their proofs use in turn
  std::optional<Counterexample> trace;  // of a violation, or a witness; replayed
  std::optional<Cti> cti;               // why induction failed
  double seconds = 0;                   // of the solver's work on it alone
};

struct ProveResult {
  std::vector<Proof> proofs;
  std::vector<Lemma> lemmas;  // all that the proofs use
  std::size_t questions = 0;  // to the solver, for the inductions
  std::size_t samples = 0;
  double seconds = 0;
  double slowest = 0;  // seconds of the longest obligation: one goal, all its instances
};

ProveResult prove(const model::Model &model, const ProveOptions &options);

}  // namespace ptmc::checker
