// The rule on which a claim depends, changed: its verdict changes, and at least 80 % of the others
// stay as they are.

#include <doctest/doctest.h>

#include <chrono>
#include <map>

#include "checker/claim.hpp"
#include "model/designs.hpp"
#include "tests/claim_flips.hpp"

using namespace ptmc;
using checker::Answers;
using checker::AskOptions;
using checker::Claim;
using checker::ClaimVerdict;
using checker::Question;
using checker::World;
using Change = std::function<void(model::Model &)>;

namespace {

// Equal for models that are: equal expressions are the same node.
using Print = std::vector<std::uint64_t>;
void add_print(const World &world, const Change &change, Print &print) {
  const model::Config config = config_of(world);
  model::Model m(model::explored_shape(config, world.threads, world.processes), &config);
  if (change) change(m);
  const auto add = [&](auto n) { print.push_back(static_cast<std::uint64_t>(n)); };
  for (const model::Instance &i : m.instances) {
    const model::Label &l = i.label;
    add(i.rule->number), add(i.thread), add(l.action), add(l.thread), add(l.arg), add(l.err);
    add(l.options), add(l.tracer);
    add(i.enabled.node()), add(i.guards.size()), add(i.updates.size());
    for (const model::Guard &g : i.guards) add(g.holds.node());
    for (const model::Update &u : i.updates) add(u.field), add(u.value.node());
    add(i.output ? i.output->node() : 0);
  }
}
Print print_of(const Question &q, const Change &change) {
  Print print;
  add_print(q.world, change, print);
  if (const auto *equal = std::get_if<checker::Equal>(&q.asks))
    add_print(equal->right, change, print);
  return print;
}

// Decides claims of changed models, and asks no part twice of equal ones.
class Deciding {
 public:
  ClaimVerdict verdict(const Claim &claim, const Change &change) {
    std::vector<Answers *> answers(claim.parts.size());
    std::vector<const Question *> open;
    std::vector<Answers *> places;
    const auto need = [&](std::size_t k) {
      if (answers[k]) return;
      const Question &q = claim.parts[k].question;
      const auto [it, fresh] = known_.try_emplace({&q, print_of(q, change)});
      answers[k] = &it->second;
      if (!fresh) return;
      open.push_back(&q);
      places.push_back(answers[k]);
    };
    for (std::size_t k = 0; k < claim.parts.size(); ++k) {
      if (claim.parts[k].decides) need(k);
      if (claim.parts[k].only_if >= 0) need(static_cast<std::size_t>(claim.parts[k].only_if));
    }
    AskOptions options;
    options.jobs = 2;
    options.time_limit = 0;
    options.proves = false;
    options.mutate = change;
    std::vector<Answers> found = ask(open, options);
    asked += open.size();
    for (std::size_t n = 0; n < open.size(); ++n) *places[n] = std::move(found[n]);
    std::vector<Answers> all;
    for (const Answers *a : answers) all.push_back(a ? *a : Answers{});
    return judge(claim, std::move(all)).verdict;
  }
  std::size_t asked = 0;  // parts

 private:
  std::map<std::pair<const Question *, Print>, Answers> known_;
};

}  // namespace

TEST_CASE("a changed rule changes the verdict that depends on it, and few others") {
  std::vector<Claim> all = checker::claims();
  for (Claim &c : checker::loop_claims(PTMC_SOURCE_DIR "/checker/tracers"))
    all.push_back(std::move(c));
  Deciding deciding;
  std::map<std::string, ClaimVerdict> before;
  for (const Claim &c : all) before[c.id] = deciding.verdict(c, {});
  for (const tests::Flip &f : tests::flips()) {
    CAPTURE(f.claim);
    CAPTURE(f.what);
    const auto start = std::chrono::steady_clock::now();
    const std::size_t asked = deciding.asked;
    std::size_t others = 0, stay = 0;
    std::string changed;
    for (const Claim &c : all) {
      if (c.id == f.claim) continue;
      ++others;
      if (deciding.verdict(c, f.change) == before.at(c.id))
        ++stay;
      else
        changed += " " + c.id;
    }
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    MESSAGE(f.claim, ": ", stay, " of ", others, " others stay, not", changed, "; ",
            deciding.asked - asked, " parts asked, ", seconds.count(), " s");
    CHECK(stay * 10 >= others * 8);
  }
}
