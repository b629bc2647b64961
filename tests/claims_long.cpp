// The rule on which a claim depends, changed: its verdict changes, and at least 80 % of the others
// stay as they are.

#include <doctest/doctest.h>

#include <map>

#include "checker/claim.hpp"
#include "tests/claim_flips.hpp"

using namespace ptmc;
using checker::AskOptions;
using checker::Claim;
using checker::ClaimVerdict;

TEST_CASE("a changed rule changes the verdict that depends on it, and few others") {
  std::vector<Claim> all = checker::claims();
  for (Claim &c : checker::loop_claims(PTMC_SOURCE_DIR "/checker/tracers"))
    all.push_back(std::move(c));
  const auto verdicts = [&](const std::function<void(model::Model &)> &change) {
    std::map<std::string, ClaimVerdict> by_id;
    for (const Claim &c : all) {
      AskOptions options;
      options.jobs = 2;
      options.proves = false;
      options.mutate = change;
      by_id[c.id] = checker::decide(c, options, false).verdict;
    }
    return by_id;
  };
  const auto before = verdicts({});
  for (const tests::Flip &f : tests::flips()) {
    CAPTURE(f.claim);
    CAPTURE(f.what);
    std::size_t others = 0, stay = 0;
    std::string changed;
    for (const auto &[id, verdict] : verdicts(f.change)) {
      if (id == f.claim) continue;
      ++others;
      if (verdict == before.at(id))
        ++stay;
      else
        changed += " " + id;
    }
    MESSAGE(f.claim, ": ", stay, " of ", others, " others stay, not", changed);
    CHECK(stay * 10 >= others * 8);
  }
}
