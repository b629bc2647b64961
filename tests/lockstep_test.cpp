// Z3's side of comparing designs: what it proves equivalent, exploration does not tell apart, and a
// model with a mistake is never proved equal to the one without.
#include "checker/lockstep.hpp"

#include <doctest/doctest.h>

#include "checker/compare.hpp"
#include "tests/exploring.hpp"
#include "tests/mutations.hpp"

namespace ptmc::tests {
namespace {

using namespace exploring;
using checker::Equivalence;
using checker::LockstepResult;
using checker::Tester;
using checker::Verdict;

LockstepResult proved(const Model &l, const Model &r) {
  return checker::lockstep(l, r, Tester(l, r), {});
}
Equivalence explored(const Model &l, const Model &r) {
  checker::CompareOptions how;
  how.limit = 1;
  how.fast_left = how.fast_right = false;
  return checker::compare(l, r, Tester(l, r), how).verdict;
}

// The RFC: options (1) to (4) do what the hidden bit does, for who never touches the bits.
TEST_CASE("the hidden bit and the options that replace it: a relation, found and proved") {
  const auto bit = make("seize-3.1", "group-stop", 1);
  const auto options = make("seize-options+TRACESTOP,INTERRUPT,LISTEN,CHILDSTOP", "group-stop", 1);
  const LockstepResult r = proved(*bit, *options);
  CHECK(r.verdict == Verdict::holds);
  // The sides differ in how the tracee is traced, and in nothing but that and the options.
  CHECK(r.own == std::vector<std::string>{"t0.traced", "t0.option.TRACESTOP", "t0.option.INTERRUPT",
                                          "t0.option.LISTEN", "t0.option.CHILDSTOP"});
  CHECK(r.lemmas.size() > 5);
  CHECK(explored(*bit, *options) == Equivalence::equivalent);
}

TEST_CASE("the engines do not contradict each other") {
  struct {
    const char *left, *right;
  } const pairs[] = {{"seize-3.1", "seize-options"},
                     {"seize-3.1", "seize-options+TRACESTOP,INTERRUPT"},
                     {"linux-3.4", "seize-options@6.18"},
                     {"linux-3.4@5.10", "linux-3.4"},
                     {"linux-3.4@4.4", "linux-3.4@5.10"}};
  std::size_t equal = 0, different = 0;
  for (const auto &[left, right] : pairs) {
    INFO(left, " and ", right);
    const auto l = make(left, "group-stop", 1), r = make(right, "group-stop", 1);
    const Equivalence by_states = explored(*l, *r);
    const LockstepResult by_proof = proved(*l, *r);
    INFO(by_proof.how);
    if (by_states == Equivalence::different) CHECK(by_proof.verdict == Verdict::unknown);
    equal += by_proof.verdict == Verdict::holds;
    different += by_states == Equivalence::different;
  }
  CHECK(equal > 0);
  CHECK(different > 0);
}

// Of each mutation: proved equal only if exploration finds no difference either.
TEST_CASE("no mistake is proved to be none") {
  std::size_t tried = 0, equal = 0;
  const Config config = mutated_config(2);
  const Model right({1, {CONT, STOP}}, &config);
  for (const Mutation &mutation : mutations()) {
    INFO(mutation.name);
    Model wrong({1, {CONT, STOP}}, &config);
    mutation.mutate(wrong);
    const LockstepResult r = proved(wrong, right);
    ++tried;
    if (r.verdict != Verdict::holds) continue;
    ++equal;
    CHECK(explored(wrong, right) == Equivalence::equivalent);
  }
  CHECK(tried > 40);
  CHECK(equal < tried);
  CHECK(equal > 0);
}

}  // namespace
}  // namespace ptmc::tests
