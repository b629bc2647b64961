// What the RFC says, as questions that both engines answer; the verdict follows from the answers.
#pragma once

#include <string>
#include <vector>

#include "checker/question.hpp"

namespace ptmc::checker {

// One of the questions that a claim is made of.
struct Part {
  std::string statement;  // true if the answer is `expects`
  Question question;
  Verdict expects = Verdict::holds;  // holds or violated
  // Counts only under this condition, a behaviour that the RFC leaves open, or a level; empty:
  // always.
  std::string under = {};
  bool decides = true;  // false: it is told, and does not count for the verdict
  int only_if = -1;     // counts only if this part of the claim is true
};

enum class ClaimKind : std::uint8_t { definition, consequence };
inline constexpr std::array<std::string_view, 2> kClaimKindNames{"definition", "consequence"};

struct Claim {
  std::string id;
  ClaimKind kind;
  std::string statement;  // formal, one sentence
  std::string source;     // the RFC's own words, or who says it
  std::vector<Part> parts;
  std::vector<std::string> scenarios = {};  // that may show it on a kernel
  bool one_is_enough = false;               // it holds if one of the parts is true
};

// All but the loops, in the order of the RFC. Built when first asked for.
const std::vector<Claim> &claims();
// The RFC's wait loop under each design, from the programs in this directory. Throws InputError.
std::vector<Claim> loop_claims(const std::string &directory);

enum class ClaimVerdict : std::uint8_t { holds, fails, holds_if, undecided };
inline constexpr std::array<std::string_view, 4> kClaimVerdictNames{"holds", "fails", "holds-if",
                                                                    "undecided"};

struct Decided {
  const Claim *claim = nullptr;
  std::vector<Answers> answers;  // by part
  ClaimVerdict verdict = ClaimVerdict::undecided;
  std::string condition;  // of holds_if
};
bool is_true(const Part &part, Verdict answer);
// told: asks the parts that are told only, too.
Decided decide(const Claim &claim, const AskOptions &options, bool told = true);
// Of a claim about the proposal that fails: the smallest change to the proposal with which it
// holds, or does under some condition. One of the features that the RFC leaves open is turned on,
// or other options are given to SEIZE; by exploration. Nothing: none of these helps.
std::optional<std::string> smallest_change(const Claim &claim, const AskOptions &options);
bool about_the_proposal(const Claim &claim);
// From the answers alone.
Decided judge(const Claim &claim, std::vector<Answers> answers);

// The claims by subject; each in its file.
void quirk_claims(std::vector<Claim> &all);
void seize_claims(std::vector<Claim> &all);
void proposal_claims(std::vector<Claim> &all);
void settable_claims(std::vector<Claim> &all);
void rationale_claims(std::vector<Claim> &all);

}  // namespace ptmc::checker
