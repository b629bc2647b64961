// Explicit exploration (checker/explore.hpp), compared with a search of a few lines over the plain
// interpreter; its parts are in explore_parts_test.cpp.

#include "checker/explore.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "model/input_error.hpp"
#include "tests/exploring.hpp"

using namespace ptmc;
using namespace ptmc::checker;
using namespace ptmc::exploring;

namespace {

Property property(std::string id, PropertyKind kind, std::function<Expr(const Model &)> over_state,
                  std::function<std::optional<Expr>(const Model &, const Instance &)> over_step) {
  Property p;
  p.id = p.statement = std::move(id);
  p.kind = kind;
  p.applies = [](const Config &) { return true; };
  p.over_state = std::move(over_state);
  p.over_step = std::move(over_step);
  return p;
}

Expr at(const Model &m, Loc l) {
  return eq(m.schema.read(m.schema.thread[0].loc), static_cast<Value>(l));
}

// Of each kind: what holds and what does not.
const std::vector<Property> &samples() {
  using enum PropertyKind;
  auto leaves_loop = [](Loc to) {
    return [to](const Model &m, const Instance &) -> std::optional<Expr> {
      const Field loc = m.schema.thread[0].loc;
      return at(m, Loc::loop) && eq(m.schema.read_primed(loc), static_cast<Value>(to));
    };
  };
  static const std::vector<Property> all{
      property("always.broken", always, [](const Model &m) { return !at(m, Loc::zombie); }, {}),
      property("always.true", always,
               [](const Model &m) {
                 return less(m.schema.read(m.schema.thread[0].loc),
                             constant(static_cast<Value>(Loc::COUNT)));
               },
               {}),
      property("sometimes.found", sometimes, [](const Model &m) { return at(m, Loc::dead); }, {}),
      property("sometimes.never", sometimes, [](const Model &m) { return at(m, Loc::none); }, {}),
      property("step.always.broken", always, {},
               [=](const Model &m, const Instance &i) -> std::optional<Expr> {
                 return !*leaves_loop(Loc::group_exit)(m, i);
               }),
      property("step.sometimes.found", sometimes, {}, leaves_loop(Loc::stopped)),
      property("step.sometimes.never", sometimes, {}, leaves_loop(Loc::zombie)),
      // The subject is a step that changes nothing.
      property("step.refused", sometimes, {},
               [](const Model &m, const Instance &i) -> std::optional<Expr> {
                 if (i.rule->id != "detach.esrch") return std::nullopt;
                 return at(m, Loc::stopped);
               }),
  };
  return all;
}

ExploreOptions with_samples(int jobs = 1, bool fast = true) {
  ExploreOptions o;
  o.jobs = jobs;
  o.fast = fast;
  o.properties = &samples();
  return o;
}

const PropertyResult &result_of(const ExploreResult &r, std::string_view id) {
  for (const PropertyResult &p : r.properties)
    if (p.property->id == id) return p;
  FAIL("no result for " << id);
  std::abort();
}

}  // namespace

// ---- The search
// ----------------------------------------------------------------------------------

TEST_CASE("counts are those of a simple search") {
  const auto m = make("linux-3.4", "pair", 1);
  const Bfs b = bfs(*m);
  const ExploreResult r = explore(*m, with_samples());
  CHECK(r.complete);
  CHECK(r.fast);
  CHECK(r.states == b.order.size());
  CHECK(r.transitions == b.transitions);
  CHECK(r.depth == b.depth.at(b.order.back()));
}

TEST_CASE("counts, verdicts and traces depend neither on the workers nor on the form") {
  const auto m = make("seize-options", "pair", 1);
  const ExploreResult one = explore(*m, with_samples());
  for (int jobs : {1, 2, 3}) {
    for (bool fast : {true, false}) {
      CAPTURE(jobs);
      CAPTURE(fast);
      const ExploreResult r = explore(*m, with_samples(jobs, fast));
      CHECK(r.fast == fast);
      CHECK(r.complete);
      CHECK(r.states == one.states);
      CHECK(r.transitions == one.transitions);
      CHECK(r.depth == one.depth);
      CHECK(r.fired == one.fired);
      REQUIRE(r.properties.size() == one.properties.size());
      for (std::size_t p = 0; p < one.properties.size(); ++p) {
        const PropertyResult &mine = r.properties[p], &other = one.properties[p];
        CHECK(mine.verdict == other.verdict);
        REQUIRE(mine.trace.has_value() == other.trace.has_value());
        if (!mine.trace) continue;
        CHECK(mine.trace->instances == other.trace->instances);
        CHECK(mine.trace->states == other.trace->states);
      }
    }
  }
}

TEST_CASE("verdicts, and traces that are shortest") {
  const auto m = make("legacy", "pair", 1);
  const ExploreResult r = explore(*m, with_samples(2));
  const Bfs b = bfs(*m);
  const Interpreter interpreter(*m);
  for (const Property &p : samples()) {
    CAPTURE(p.id);
    const bool occurs = p.kind == PropertyKind::sometimes;
    // The least depth at which the property is decided.
    std::size_t least = SIZE_MAX;
    for (const State &s : b.order) {
      const std::size_t depth = b.depth.at(s);
      if (depth >= least) break;
      if (p.over_state) {
        if (evaluate(m->schema, p.over_state(*m), s, s) == Value{occurs}) least = depth;
        continue;
      }
      State next;
      for (std::size_t i = 0; i < m->instances.size(); ++i) {
        const std::optional<Expr> e = p.over_step(*m, m->instances[i]);
        if (e && interpreter.step(i, s, next) && evaluate(m->schema, *e, s, next) == Value{occurs})
          least = depth + 1;
      }
    }
    const PropertyResult &found = result_of(r, p.id);
    CHECK(found.verdict == ((least == SIZE_MAX) == occurs ? Verdict::violated : Verdict::holds));
    CHECK(found.trace.has_value() == (least != SIZE_MAX));
    if (found.trace) {
      CHECK(found.trace->instances.size() == least);
      CHECK_NOTHROW(replay(interpreter, *found.trace));
    }
  }
  CHECK(result_of(r, "always.broken").verdict == Verdict::violated);
  CHECK(result_of(r, "always.true").verdict == Verdict::holds);
  CHECK(result_of(r, "sometimes.found").verdict == Verdict::holds);
  CHECK(result_of(r, "sometimes.never").verdict == Verdict::violated);
  CHECK(result_of(r, "step.always.broken").verdict == Verdict::violated);
  CHECK(result_of(r, "step.sometimes.found").verdict == Verdict::holds);
  CHECK(result_of(r, "step.sometimes.never").verdict == Verdict::violated);
  CHECK(result_of(r, "step.refused").verdict == Verdict::holds);
}

TEST_CASE("properties are chosen by id, and by what they apply to") {
  const auto m = make("legacy", "group-stop", 1);
  ExploreOptions o = with_samples();
  o.property_ids = {"always.true", "step.sometimes.found"};
  const ExploreResult r = explore(*m, o);
  REQUIRE(r.properties.size() == 2);
  CHECK(r.properties[0].property->id == "always.true");
  o.property_ids = {"nonsense"};
  CHECK_THROWS_AS(explore(*m, o), InputError);

  std::vector<Property> seize_only = samples();
  seize_only[0].applies = [](const Config &c) { return c[Feature::seize]; };
  o.properties = &seize_only;
  o.property_ids.clear();
  CHECK(explore(*m, o).properties.size() == samples().size() - 1);
}

// ---- Limits
// --------------------------------------------------------------------------------------

TEST_CASE("the memory limit holds, and what it leaves open is unknown") {
  const auto m = make("linux-3.4", "pair", 2);
  for (int jobs : {1, 3}) {
    for (std::size_t limit : {std::size_t{1}, std::size_t{1} << 20, std::size_t{12} << 20}) {
      CAPTURE(limit);
      ExploreOptions o = with_samples(jobs);
      o.max_memory = limit;
      const ExploreResult r = explore(*m, o);
      CHECK_FALSE(r.complete);
      CHECK(r.why_incomplete == "memory limit");
      CHECK(result_of(r, "always.true").verdict == Verdict::unknown);
      CHECK(result_of(r, "sometimes.never").verdict == Verdict::unknown);
      if (limit > 2 << 20) {
        CHECK(r.peak_memory_bytes <= limit);
        CHECK(r.states > 100000);
        CHECK(result_of(r, "step.always.broken").verdict == Verdict::violated);
        CHECK(result_of(r, "step.always.broken").trace);
      }
    }
  }
}

TEST_CASE("the time limit ends the search") {
  const auto m = make("linux-3.4", "pair", 2);
  for (bool fast : {true, false}) {
    ExploreOptions o = with_samples(2, fast);
    o.time_limit = 0.3;
    const ExploreResult r = explore(*m, o);
    CHECK_FALSE(r.complete);
    CHECK(r.why_incomplete == "time limit");
    CHECK(r.seconds >= 0.3);
    CHECK(r.seconds < 3);
    CHECK(r.states > 10);
    CHECK(result_of(r, "always.true").verdict == Verdict::unknown);
  }
}

TEST_CASE("an interrupted search returns what it has, and reports its progress") {
  const auto m = make("linux-3.4", "pair", 2);
  std::atomic<bool> interrupted = false;
  ExploreOptions o = with_samples(2);
  o.interrupted = &interrupted;
  o.progress = [&](const Progress &p) {
    CHECK(p.states > 0);
    CHECK(p.queue <= p.states);
    CHECK(p.memory_bytes > 0);
    interrupted = true;
  };
  const ExploreResult r = explore(*m, o);
  CHECK_FALSE(r.complete);
  CHECK(r.why_incomplete == "interrupted");
  CHECK(r.states > 0);
  CHECK(interrupted);
}

// ---- Traces
// --------------------------------------------------------------------------------------

TEST_CASE("a trace is shown by its rules and by what they change") {
  const auto m = make("legacy", "pair", 1);
  const ExploreResult r = explore(*m, with_samples());
  const Counterexample &trace = *result_of(r, "step.sometimes.found").trace;
  const std::vector<TraceStep> steps = trace_steps(*m, trace);
  REQUIRE(steps.size() == trace.instances.size());
  CHECK(steps[0].number == 1);
  CHECK(steps.back().actor == "kernel");
  CHECK(steps.back().stop_kinds == std::vector<std::string>{"stopped"});
  const auto moved = std::find_if(steps.back().changes.begin(), steps.back().changes.end(),
                                  [](const TraceChange &c) { return c.field == "t0.loc"; });
  REQUIRE(moved != steps.back().changes.end());
  CHECK(moved->from == "loop");
  CHECK(moved->to == "stopped");
  const std::string text = trace_text(steps);
  CHECK(text.find("   1. ") == 0);
  CHECK(text.find("t0.loc: loop -> stopped") != std::string::npos);
  CHECK(text.find("pending.SIGSTOP: 0 -> 1") != std::string::npos);
}

TEST_CASE("a trace that is none is noticed") {
  const auto m = make("legacy", "pair", 1);
  const ExploreResult r = explore(*m, with_samples());
  const Interpreter interpreter(*m);
  Counterexample trace = *result_of(r, "sometimes.found").trace;
  CHECK_NOTHROW(replay(interpreter, trace));
  Counterexample wrong = trace;
  wrong.states.back() = m->initial();
  CHECK_THROWS_AS(replay(interpreter, wrong), std::logic_error);
  wrong = trace;
  std::swap(wrong.instances.front(), wrong.instances.back());
  CHECK_THROWS_AS(replay(interpreter, wrong), std::logic_error);
  wrong = trace;
  wrong.states.pop_back();
  CHECK_THROWS_AS(replay(interpreter, wrong), std::logic_error);
}
