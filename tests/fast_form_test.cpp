// The forms of the rules (fast.hpp) agree: what ptmc-emit wrote, and the plain interpreter.

#include <doctest/doctest.h>

#include <set>

#include "checker/fast.hpp"
#include "tests/exploring.hpp"

using namespace ptmc;
using namespace ptmc::checker;
using namespace ptmc::exploring;

namespace {

using Successors = std::set<std::pair<std::size_t, std::vector<std::uint64_t>>>;
Successors successors(Expander &e, const State &s, std::size_t words) {
  Successors all;
  e.expand(s.w.data());
  for (std::size_t k = 0; k < e.count(); ++k)
    CHECK(all.emplace(e.instance(k), std::vector(e.successor(k), e.successor(k) + words)).second);
  return all;
}

bool is_emitted(const Shape &shape) {
  return shape.tracers == 1 && shape.signals == explored_signals();
}

void compare_forms(const Model &m, const std::vector<State> &states) {
  const std::optional<FastForm> form = fast_form(m);
  REQUIRE(form);
  Expander fast(m, &*form), plain(m, nullptr);
  std::size_t different = 0;
  for (const State &s : states)
    different += successors(fast, s, m.schema.words()) != successors(plain, s, m.schema.words());
  CHECK(different == 0);
  for (std::size_t i = 0; i < m.instances.size(); ++i) {
    CAPTURE(m.instances[i].name());
    CHECK(fast.fired(i) == plain.fired(i));
  }
}

}  // namespace

TEST_CASE("every explored model of one or two threads has a fast form") {
  for (std::string_view design : kDesigns) {
    for (const Profile &profile : profiles()) {
      for (int threads : {1, 2}) {
        CAPTURE(design);
        CAPTURE(profile.name);
        const auto m = make(design, profile.name, threads);
        CHECK(fast_form(*m).has_value() == is_emitted(m->schema.shape));
      }
    }
  }
  CHECK_FALSE(fast_form(*make("legacy", "group-stop", 3)));
}

TEST_CASE("fast and plain form agree on every reachable state of one thread") {
  for (std::string_view design : kDesigns) {
    CAPTURE(design);
    const auto m = make(design, "pair", 1);
    compare_forms(*m, bfs(*m).order);
  }
}

TEST_CASE("fast and plain form agree where other features are on") {
  for (const Profile &profile : profiles()) {
    CAPTURE(profile.name);
    const auto m = make("seize-options@6.18", profile.name, 1);
    if (!is_emitted(m->schema.shape)) continue;
    compare_forms(*m, bfs(*m, 3000).order);
  }
}

TEST_CASE("fast and plain form agree on 50,000 states of two threads") {
  const auto m = make("linux-3.4", "pair", 2);
  std::vector<State> states = bfs(*m, 100000).order;
  // Those of the last levels: the first levels hold few of the locations.
  states.erase(states.begin(), states.end() - 50000);
  compare_forms(*m, states);
}
