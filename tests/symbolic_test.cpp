// The Z3 terms of every rule and its plain interpretation agree: a sample of each design (all of it
// in symbolic_long.cpp), and a mistake made in one of them only is seen.
#include <doctest/doctest.h>

#include "tests/exploring.hpp"
#include "tests/mutations.hpp"
#include "tests/symbolic_agreement.hpp"

namespace ptmc::tests {
namespace {

using namespace exploring;

constexpr std::size_t kStates = 4000;     // of each design and kind
constexpr std::size_t kSearched = 20000;  // states from which they are taken

void check_agreement(std::string_view design, std::string_view profile, int threads) {
  INFO(design, ", ", profile, ", ", threads, " threads");
  const auto m = make(design, profile, threads);
  const checker::Reachable all(*m, kSearched);
  Agreement agreement(*m, *m);
  CHECK(agreement.by_tape(sample(all, kStates)) == "");
  CHECK(agreement.by_tape(Unreachable(m->schema, all).sample(kStates)) == "");
  CHECK(agreement.enabled > kStates);
}

TEST_CASE("the terms give the interpreter's successors in reachable and in other states") {
  for (std::string_view design : kDesigns) {
    check_agreement(design, "default", 1);
    check_agreement(design, "pair", 2);
  }
}

TEST_CASE("so does the solver, for some states of each instance") {
  const auto m = make("linux-3.4", "default", 1);
  const checker::Reachable all(*m, kSearched);
  const std::vector<State> states = sample(all, 5), others = Unreachable(m->schema, all).sample(5);
  Agreement agreement(*m, *m);
  for (std::size_t i = 0; i < m->instances.size(); ++i) {
    CHECK(agreement.by_solver(i, states) == "");
    CHECK(agreement.by_solver(i, others) == "");
  }
}

void listen_when_dying(Model &m) {
  each(m, {"listen"}, [](Edit &e) { e.i.guards.clear(); });
}

TEST_CASE("a mistake in one interpretation only is seen") {
  const auto right = make("linux-3.4", "default", 1);
  const checker::Reachable all(*right, kSearched);
  const std::vector<State> states = sample(all, kSearched);
  const auto caught = [&](void (*mutate)(Model &), std::string_view rule, std::string_view how) {
    const auto mistaken = make("linux-3.4", "default", 1);
    mutate(*mistaken);
    for (const std::string &text : {Agreement(*right, *mistaken).by_tape(states),
                                    Agreement(*mistaken, *right).by_tape(states)}) {
      CHECK(text.find(rule) == 0);
      CHECK(text.find(how) != text.npos);
    }
    Agreement agreement(*right, *mistaken);
    std::string by_solver;
    for (std::size_t i = 0; i < right->instances.size() && by_solver.empty(); ++i)
      if (right->instances[i].rule->id == rule)
        by_solver = agreement.by_solver(i, sample(all, 2000));
    CHECK(by_solver != "");
  };
  caught(stop_is_reported_twice, "wait.stop", "t0.report becomes");
  caught(event_stop_shows_sigtrap, "trap.event_stop", "t0.sig becomes");
  caught(listen_when_dying, "listen", "has it enabled");
}

}  // namespace
}  // namespace ptmc::tests
