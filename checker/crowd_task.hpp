// The questions to Z3 of which a proof for any number of threads consists (any_threads.hpp): those
// about one instance of a rule, and those about the properties alone.
#pragma once

#include <set>

#include "checker/any_threads.hpp"
#include "checker/crowd.hpp"

namespace ptmc::checker {

inline constexpr int kSymmetric = 5;  // threads of the larger unrolling in which symmetry is asked
inline constexpr int kMaxWitnesses = 2;
inline constexpr int kLargest = 7;  // threads: leader, actor, woken, kept, two witnesses, left out

// What all tasks read.
class CrowdText {
 public:
  explicit CrowdText(const Unroll &unroll);

  std::vector<std::unique_ptr<Crowd>> crowds;  // by size; [0] is none
  std::vector<CrowdProperty> properties;
  std::vector<std::vector<std::optional<model::Expr>>> states;  // [size][property]
  std::vector<std::map<std::string, std::vector<std::optional<model::Expr>>>> steps;  // [size][key]
  Vocabulary vocabulary;

  const Crowd &crowd(int size) const { return *crowds[static_cast<std::size_t>(size)]; }
  const std::optional<model::Expr> &state(int size, std::size_t property) const {
    return states[static_cast<std::size_t>(size)][property];
  }
  const std::optional<model::Expr> &step(int size, const std::string &key, std::size_t p) const {
    return steps[static_cast<std::size_t>(size)].at(key)[p];
  }
};

// What a run leaves out, and when it ends.
class CrowdLimit {
 public:
  explicit CrowdLimit(const CrowdOptions &options);
  bool over() const;
  bool without(const CrowdProperty &p) const;
  bool asks_about(const model::Instance &i) const;
  unsigned milliseconds() const { return options_.question_milliseconds; }

 private:
  const CrowdOptions &options_;
  std::chrono::steady_clock::time_point end_ = std::chrono::steady_clock::time_point::max();
};

// What a task has found out.
struct CrowdFindings {
  struct Of {
    std::set<std::size_t> uses;  // properties
    std::size_t obligations = 0;
    double seconds = 0, slowest = 0;
    std::string why;  // not proved
  };
  std::vector<Of> proofs;      // by property
  std::set<std::size_t> uses;  // of side conditions
  std::vector<std::string> failed;
  std::size_t symmetries = 0, leaving_out = 0, claims = 0;
  std::vector<std::size_t> witnesses = std::vector<std::size_t>(kMaxWitnesses + 1);
};

// Instances from..to of the unrolling for so many threads, kSymmetric or one less.
CrowdFindings ask_symmetry(const CrowdText &text, int size, std::size_t from, std::size_t to,
                           const CrowdLimit &limit);
// Leaving out, claims, and the proofs of canonical instances.
CrowdFindings ask_instances(const CrowdText &text, const std::vector<std::string> &keys,
                            const CrowdLimit &limit);
// Claims of the state properties, their consequences, the initial states.
CrowdFindings ask_properties(const CrowdText &text, const CrowdLimit &limit);

}  // namespace ptmc::checker
