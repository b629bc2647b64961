// The exports, and what Spin, Rumur and Z3 say of them: their verdicts are ours, and Spin and Rumur
// count the states and transitions that our exploration counts. export_long.cpp: larger ones.

#include "checker/export.hpp"

#include <doctest/doctest.h>

#include <deque>
#include <map>
#include <sstream>

#include "checker/explore.hpp"
#include "tests/exploring.hpp"
#include "tests/exporting.hpp"

using namespace ptmc;
using namespace ptmc::exploring;
using namespace ptmc::tests;

namespace {

checker::ExploreResult explored(const Model &model, const std::vector<std::string> &ids) {
  checker::ExploreOptions o;
  o.property_ids = ids;
  const checker::ExploreResult r = explore(model, o);
  REQUIRE(r.complete);
  return r;
}

// One over states, one over steps.
const std::vector<std::string> kBoth{"stop_consume.pending", "stop.lasts"};

}  // namespace

TEST_CASE("what holds, holds for Spin, Rumur and Z3, with the same counts") {
  const auto m = make("linux-3.4", "group-stop", 1);
  const checker::ExploreResult ours = explored(*m, kBoth);
  CHECK(!violated(ours));
  const auto properties = properties_named(kBoth);
  for (const Answer &theirs : {spin(*m, properties), rumur(*m, properties)}) {
    CHECK(!theirs.violated);
    CHECK(theirs.states == ours.states);
    CHECK(theirs.transitions == ours.transitions);
  }
  CHECK(!z3(*m, properties).violated);
}

TEST_CASE("what a design breaks, is broken for Spin and Rumur") {
  const std::vector<std::string> known{"sigkill.wakes"};
  const auto m = make("linux-3.4", "pair", 1, {KILL});
  CHECK(violated(explored(*m, known)));
  const auto properties = properties_named(known);
  const Answer by_spin = spin(*m, properties), by_rumur = rumur(*m, properties);
  CHECK(by_spin.violated);
  CHECK(by_spin.text.find("assertion violated sigkill_wakes") != std::string::npos);
  CHECK(by_rumur.violated);
  CHECK(by_rumur.text.find("sigkill.wakes") != std::string::npos);
}

// ---- aut ----------------------------------------------------------------------------------------

namespace {

struct Lts {
  std::uint64_t states = 0;
  std::map<std::string, std::uint64_t> labels;
  std::vector<std::vector<std::uint64_t>> next;
};

Lts read_aut(const std::string &text) {
  std::istringstream in(text);
  std::string line;
  unsigned long long first = 1, transitions = 0, states = 0, from = 0, to = 0;
  REQUIRE(std::getline(in, line));
  REQUIRE(std::sscanf(line.c_str(), "des (%llu, %llu, %llu)", &first, &transitions, &states) == 3);
  CHECK(first == 0);
  Lts lts{states, {}, {}};
  lts.next.resize(states);
  std::uint64_t seen = 0;
  for (; std::getline(in, line); ++seen) {
    char label[200];
    REQUIRE(std::sscanf(line.c_str(), "(%llu, \"%199[^\"]\", %llu)", &from, label, &to) == 3);
    REQUIRE(from < states);
    REQUIRE(to < states);
    ++lts.labels[label];
    lts.next[from].push_back(to);
  }
  CHECK(seen == transitions);
  return lts;
}

// How many states lie at each distance from the first.
std::map<std::size_t, std::size_t> depths(const Lts &lts) {
  std::vector<std::size_t> depth(lts.states, SIZE_MAX);
  std::deque<std::uint64_t> queue{0};
  std::map<std::size_t, std::size_t> count;
  for (depth[0] = 0; !queue.empty(); queue.pop_front()) {
    ++count[depth[queue.front()]];
    for (std::uint64_t n : lts.next[queue.front()])
      if (depth[n] == SIZE_MAX) depth[n] = depth[queue.front()] + 1, queue.push_back(n);
  }
  return count;
}

}  // namespace

TEST_CASE("aut holds every state and transition, by its label") {
  for (std::string_view design : kDesigns) {
    CAPTURE(design);
    const auto m = make(design, "group-stop", 1);
    std::ostringstream text;
    checker::export_aut(text, *m);
    const Lts lts = read_aut(text.str());

    // Without the fast form and its order.
    const Bfs plain = bfs(*m);
    std::map<std::string, std::uint64_t> labels;
    std::map<std::size_t, std::size_t> depth;
    const Interpreter interpreter(*m);
    for (const State &s : plain.order) {
      ++depth[plain.depth.at(s)];
      for (std::size_t i = 0; i < m->instances.size(); ++i)
        if (interpreter.enabled(i, s))
          ++labels[checker::label_text(m->instances[i], interpreter.output(i, s))];
    }
    CHECK(lts.states == plain.order.size());
    CHECK(depths(lts) == depth);
    CHECK(lts.labels == labels);
  }
}

TEST_CASE("a label is a call with its result, or i") {
  const auto m = make("linux-3.4", "group-stop", 1);
  std::ostringstream text;
  checker::export_aut(text, *m);
  const Lts lts = read_aut(text.str());
  for (const char *label :
       {"i", "tracer seize(t0) = 0", "tracer listen(t0) = 0", "tracer listen(t0) = EIO",
        "tracer cont(t0, SIGSTOP) = 0", "world send(any, SIGCONT) = 0"})
    CHECK_MESSAGE(lts.labels.contains(label), label);
}
