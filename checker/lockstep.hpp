// Z3's side of comparing two designs: a relation between their states that is inductive.
//
// The two run in lockstep: every step of the one, hidden or seen, is answered by the step of the
// other that has the same rule, parameters, call and result. They share their state but for the
// fields that were seen to differ, which the right side has a second time ("right.t0.traced"). What
// is to be proved is that each step has its answer: the other's guards hold, both show the same,
// and both leave the same in what they share. It is a property of the joint model, so its proof is
// an induction as every other (prove.hpp), and the lemmas say how the sides' own fields go
// together. If it holds, the two are bisimilar, hence equal for every tester. Sufficient, not
// necessary.
#pragma once

#include <string>
#include <vector>

#include "checker/explore.hpp"
#include "checker/lemma.hpp"
#include "checker/observation.hpp"

namespace ptmc::checker {

struct LockstepOptions {
  int jobs = 1;
  double question_limit = 60;     // seconds of one question to the solver
  double time_limit = 0;          // seconds, of all; 0: none
  std::size_t samples = 100'000;  // joint states that are looked at before anything is proved
  const std::atomic<bool> *interrupted = nullptr;
};

struct LockstepResult {
  Verdict verdict = Verdict::unknown;  // holds or unknown
  std::string how;                     // one line
  std::vector<std::string> own;        // the fields that each side has for itself
  std::vector<std::string> lemmas;     // ids and statements: the relation between them
  std::size_t pairs = 0;               // of steps
  double seconds = 0;
  double slowest = 0;  // seconds of the longest proof
};

// The models have one schema.
LockstepResult lockstep(const model::Model &left, const model::Model &right, const Tester &tester,
                        const LockstepOptions &options);

}  // namespace ptmc::checker
