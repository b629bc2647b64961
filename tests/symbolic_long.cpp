// The Z3 terms of every rule and its plain interpretation agree: a million reachable states of each
// design with one thread, 100,000 with two, as many unreachable ones, and by the solver 1,000
// states of each rule.
#include <doctest/doctest.h>

#include "tests/exploring.hpp"
#include "tests/symbolic_agreement.hpp"

namespace ptmc::tests {
namespace {

using namespace exploring;

constexpr std::size_t kOne = 1'000'000, kTwo = 100'000, kOthers = 100'000;
constexpr std::size_t kSearched = 6'000'000;  // of two threads: the states that are sampled
constexpr std::size_t kOfRule = 1000;         // by the solver

void check_by_tape(const Model &m, std::size_t states, const checker::Reachable &all) {
  Agreement agreement(m, m);
  CHECK(agreement.by_tape(sample(all, states)) == "");
  CHECK(agreement.by_tape(Unreachable(m.schema, all).sample(kOthers)) == "");
  MESSAGE(agreement.compared, " pairs of a state and an instance, ", agreement.enabled, " enabled");
}

// Half of a rule's states are such that one of its instances is enabled, where there are so many.
void check_by_solver(const Model &m, const checker::Reachable &all) {
  const Interpreter interpreter(m);
  Agreement agreement(m, m);
  for (const Rule &rule : m.rules) {
    std::vector<std::size_t> instances;
    for (std::size_t i = 0; i < m.instances.size(); ++i)
      if (m.instances[i].rule == &rule) instances.push_back(i);
    if (instances.empty()) continue;
    std::vector<std::vector<State>> states(instances.size());
    std::size_t enabled = 0, others = 0;
    std::mt19937_64 random(static_cast<std::uint64_t>(rule.number));
    for (std::size_t tries = 0; tries < 100 * kOfRule && enabled + others < kOfRule; ++tries) {
      const State s = all[random() % all.size()];
      const std::size_t k = random() % instances.size();
      std::size_t &count = interpreter.enabled(instances[k], s) ? enabled : others;
      if (count == kOfRule / 2 && tries < 90 * kOfRule) continue;
      ++count;
      states[k].push_back(s);
    }
    CHECK(enabled + others == kOfRule);
    for (std::size_t k = 0; k < instances.size(); ++k)
      CHECK(agreement.by_solver(instances[k], states[k]) == "");
  }
  MESSAGE(agreement.compared, " pairs by the solver, ", agreement.enabled, " enabled");
}

TEST_CASE("the terms of every design agree with the interpreter") {
  for (std::string_view design : kDesigns) {
    INFO(design);
    {
      const auto m = make(design, "default", 1);
      const checker::Reachable all(*m, SIZE_MAX);
      check_by_tape(*m, kOne, all);
      check_by_solver(*m, all);
    }
    const auto m = make(design, "pair", 2);
    check_by_tape(*m, kTwo, checker::Reachable(*m, kSearched));
  }
}

TEST_CASE("and those of every other profile, for some states") {
  for (const Profile &p : profiles()) {
    INFO(p.name);
    const Config config = explored_config(parse_design("linux-3.4"), p, {});
    const Model m(explored_shape(config, p.max_threads > 2 ? 3 : p.max_threads, p.processes),
                  &config);
    check_by_tape(m, 20'000, checker::Reachable(m, 200'000));
  }
}

}  // namespace
}  // namespace ptmc::tests
