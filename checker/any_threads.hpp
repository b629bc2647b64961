// Group-level properties for any number of threads, by a thread-modular argument.
//
// The text of the rules is unrolled for a few threads. What is shown of N threads, for every N:
//
// A state property here says something of each thread, beside the process and the tracers: P(s) is
// p(t) for all threads t. One of them is about a sum: group_stop_count is the number of threads
// with STOP_CONSUME. The unrolled threads stand for some of the N; R, an integer of 0 or more, is
// how many of the others have STOP_CONSUME. So the count of a crowd (crowd.hpp) is the real one,
// and count - R is what its threads owe.
//
// A step of N threads names some of them: the leader, who acts or is acted upon, whom the signal
// wakes. Take any further thread. Of all others, one can be left out as long as more than
// `witnesses` remain, without changing what the step does to those that are kept, in the fields
// that the properties speak of. So what the step does to the kept ones is a step of the unrolling
// for the named ones, the further one and the witnesses. There Z3 proves each property after the
// step from all of them before it: hence it holds for the further thread, which was any, and for
// the named.
//
// Z3 checks these side conditions, for each instance of a rule; where one fails nothing is proved:
//   symmetry    the instance for other threads is the instance for these, renamed; and it does not
//               tell the threads apart that it does not name;
//   leaving out one of the threads beyond the kept ones can be left out, as above. The count then
//               moves with the old count, and the one left out keeps its STOP_CONSUME; or it is set
//               anew, and is higher by the STOP_CONSUME that the one left out has after the step;
//   claims      a property for n + 1 threads is that for n, whomever is left out.
// The properties hold initially, and of all fewer threads than the unrolling has they are proved
// directly.
//
// Not covered: the side conditions compare unrollings of up to seven threads. That the loops of the
// text go on in the same way for the eighth is taken for granted. N is below 2^30, where the count
// cannot wrap; the kernel's limit is 2^22. Two processes, and profiles in which threads are started
// (a clone takes the first free place, which tells threads apart), are refused by the conditions.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "checker/explore.hpp"

namespace ptmc::checker {

// One of the properties: an invariant of each thread, or a claim about each step.
struct CrowdProperty {
  model::Property property;
  enum Role : std::uint8_t {
    group,        // what is to be shown
    lemma,        // what is needed for it
    consequence,  // of the others in each state
  } role = group;
  bool sum = false;  // compares group_stop_count with what the threads owe
};
// Those that apply to the configuration.
std::vector<CrowdProperty> crowd_properties(const model::Config &config);

// The model for so many threads, with the signals that the configuration lets strangers send, and
// SIGKILL.
std::unique_ptr<model::Model> unrolled(const model::Config &config, int threads);

using Unroll = std::function<std::unique_ptr<model::Model>(int threads)>;

struct CrowdOptions {
  int jobs = 1;
  unsigned question_milliseconds = 60'000;
  double time_limit = 0;  // seconds, of all; 0: none
  const std::atomic<bool> *interrupted = nullptr;
  std::vector<std::string> without = {};  // properties neither assumed nor shown
  // Only the questions about these rules, and those about the properties alone; then nothing is
  // proved, but what fails is seen. Empty: all.
  std::vector<std::string> rules = {};
};

struct CrowdProof {
  CrowdProperty of;
  Verdict verdict = Verdict::unknown;  // holds or unknown
  std::string why;                     // unknown: the reason
  std::vector<std::string> lemmas;     // the properties that the proof uses, itself not among them
  std::size_t obligations = 0;
  double seconds = 0, slowest = 0;  // of the solver; of one obligation
};

struct CrowdResult {
  std::vector<CrowdProof> proofs;
  std::vector<std::string> lemmas;                          // that the side conditions use
  std::vector<std::string> failed;                          // side conditions, with the reason
  std::size_t instances = 0;                                // up to renaming
  std::size_t symmetries = 0, leaving_out = 0, claims = 0;  // side conditions asked
  std::vector<std::size_t> witnesses;  // how many instances need 0, 1... of them
  int largest = 0;                     // threads of the largest unrolling
  double seconds = 0;
  bool proved() const;  // all of them
};

class CrowdText;
// The unrollings; for several runs.
std::shared_ptr<const CrowdText> crowd_text(const Unroll &unroll);
CrowdResult any_threads(const CrowdText &text, const CrowdOptions &options);

}  // namespace ptmc::checker
