// Explicit exploration (checker/explore.hpp) and its parts. What it finds is compared with a search
// of a few lines over the plain interpreter, and its forms and numbers of workers with each other.

#include "checker/explore.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <thread>

#include "checker/fast.hpp"
#include "checker/store.hpp"
#include "checker/watch.hpp"
#include "model/input_error.hpp"

using namespace ptmc;
using namespace ptmc::checker;
using namespace ptmc::model;

namespace {

std::unique_ptr<Model> make(std::string_view design, std::string_view profile, int threads,
                            std::vector<Sig> signals = {}) {
  const Config config = explored_config(parse_design(design), find_profile(profile), signals);
  return std::make_unique<Model>(Shape{threads, explored_signals()}, &config);
}

constexpr std::string_view kDesigns[] = {"legacy", "seize-3.1", "seize-options", "linux-3.4"};

struct Less {
  bool operator()(const State &a, const State &b) const { return a.w < b.w; }
};

struct Bfs {
  std::map<State, std::size_t, Less> depth;
  std::vector<State> order;
  std::uint64_t transitions = 0;
};
// Until there are `limit` states.
Bfs bfs(const Model &m, std::size_t limit = SIZE_MAX) {
  Bfs b;
  const Interpreter interpreter(m);
  b.order.push_back(m.initial());
  b.depth.emplace(m.initial(), 0);
  State next;
  for (std::size_t k = 0; k < b.order.size() && b.order.size() < limit; ++k) {
    const State s = b.order[k];
    for (std::size_t i = 0; i < m.instances.size(); ++i) {
      if (!interpreter.step(i, s, next)) continue;
      ++b.transitions;
      if (b.depth.emplace(next, b.depth[s] + 1).second) b.order.push_back(next);
    }
  }
  return b;
}

using Successors = std::set<std::pair<std::size_t, std::vector<std::uint64_t>>>;
Successors successors(Expander &e, const State &s, std::size_t words) {
  Successors all;
  e.expand(s.w.data());
  for (std::size_t k = 0; k < e.count(); ++k)
    CHECK(all.emplace(e.instance(k), std::vector(e.successor(k), e.successor(k) + words)).second);
  return all;
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

// ---- The forms of the rules
// ----------------------------------------------------------------------

TEST_CASE("every explored model of one or two threads has a fast form") {
  for (std::string_view design : kDesigns) {
    for (const Profile &profile : profiles()) {
      for (int threads : {1, 2}) {
        CAPTURE(design);
        CAPTURE(profile.name);
        CHECK(fast_form(*make(design, profile.name, threads)));
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
      CHECK_NOTHROW(replay(*m, *found.trace));
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

// ---- The store
// -----------------------------------------------------------------------------------

TEST_CASE("packing keeps every bit that varies, with and without BMI2") {
  std::mt19937_64 random(1);
  for (int threads : {1, 2, 3, 4}) {
    for (std::string_view design : kDesigns) {
      const auto m = make(design, "default", threads);
      const Layout bmi2(*m), portable(*m, false);
      const std::size_t words = bmi2.state_words();
      REQUIRE(bmi2.words() == portable.words());
      for (int round = 0; round < 1000; ++round) {
        State s, one, two;
        for (std::size_t w = 0; w < words; ++w)
          s.w[w] = (random() & bmi2.kept(w)) | bmi2.constant(w);
        std::vector<std::uint64_t> a(bmi2.words()), b(bmi2.words());
        bmi2.pack(s.w.data(), a.data());
        portable.pack(s.w.data(), b.data());
        REQUIRE(a == b);
        bmi2.unpack(a.data(), one.w.data());
        portable.unpack(a.data(), two.w.data());
        REQUIRE(one == s);
        REQUIRE(two == s);
      }
    }
  }
}

TEST_CASE("no bit outside of the layout varies in a reachable state") {
  for (std::string_view profile : {"pair", "dispositions", "siginfo", "sigchld", "options"}) {
    CAPTURE(profile);
    const auto m = make("linux-3.4", profile, 1);
    const Layout layout(*m);
    std::size_t outside = 0;
    for (const State &s : bfs(*m, 30000).order)
      for (std::size_t w = 0; w < layout.state_words(); ++w)
        outside += (s.w[w] & ~layout.kept(w)) != layout.constant(w);
    CHECK(outside == 0);
  }
}

TEST_CASE("colliding hashes merge no states") {
  std::mt19937_64 random(2);
  // No hash at all; eight places and no tag; tags only.
  for (std::uint64_t mask : {std::uint64_t{0}, std::uint64_t{7}, ~std::uint64_t{0} << 32}) {
    Store store(2, 1, 0, mask);
    Store::Lane lane;
    std::set<std::array<std::uint64_t, 2>> seen;
    for (int i = 0; i < 4000; ++i) {
      const std::array<std::uint64_t, 2> record{random() % 40, random() % 40};
      const Store::Added added = store.add(lane, record.data(), store.hash(record.data()));
      CHECK(added == (seen.insert(record).second ? Store::Added::yes : Store::Added::no));
    }
    std::size_t records = 0;
    for (const Range &r : store.take(lane))
      for (Index i = r.first; i < r.first + r.count; ++i)
        records += seen.erase({store.record(i)[0], store.record(i)[1]});
    CHECK(seen.empty());
    CHECK(records <= 1600);
  }
}

TEST_CASE("workers that add the same records at the same time add each once") {
  constexpr int kWorkers = 3;
  constexpr std::uint64_t kRecords = 200000;
  Store store(3, kWorkers, 0);
  std::vector<Store::Lane> lanes(kWorkers);
  std::vector<std::uint64_t> next(kWorkers), added(kWorkers);
  auto done = [&] {
    return std::all_of(next.begin(), next.end(), [](auto n) { return n == kRecords; });
  };
  while (!done()) {
    in_parallel(kWorkers, [&](int w) {
      for (; next[w] < kRecords && !store.crowded(); ++next[w]) {
        const std::uint64_t n = next[w];
        const std::array<std::uint64_t, 3> record{n % 7, n / 7, 5};
        added[w] +=
            store.add(lanes[w], record.data(), store.hash(record.data())) == Store::Added::yes;
      }
    });
    if (store.crowded()) REQUIRE(store.grow(kWorkers, [] { return false; }));
  }
  std::uint64_t records = 0;
  std::set<std::uint64_t> seen;
  for (Store::Lane &lane : lanes)
    for (const Range &r : store.take(lane))
      for (Index i = r.first; i < r.first + r.count; ++i, ++records)
        seen.insert(store.record(i)[0] + 7 * store.record(i)[1]);
  CHECK(records == kRecords);
  CHECK(seen.size() == kRecords);
  CHECK(added[0] + added[1] + added[2] == kRecords);
}

TEST_CASE("a growing table stays within the memory, or as it was") {
  Store store(1, 1, std::size_t{2} << 20);
  Store::Lane lane;
  std::uint64_t n = 0;
  bool full = false;
  while (!full) {
    full = store.crowded() ? !store.grow(1, [] { return false; })
                           : store.add(lane, &n, store.hash(&n)) == Store::Added::full;
    n += !full;
    REQUIRE(store.memory() <= std::size_t{2} << 20);
  }
  CHECK(store.peak_memory() <= std::size_t{2} << 20);
  CHECK(store.peak_memory() > std::size_t{1} << 20);
  const std::uint64_t known = 17;
  CHECK(store.add(lane, &known, store.hash(&known)) == Store::Added::no);
}

// ---- Properties and traces
// -----------------------------------------------------------------------

TEST_CASE("sliced expressions have the values of plain ones") {
  const auto m = make("linux-3.4", "default", 1);
  const Layout layout(*m);
  const Bfs b = bfs(*m, 4000);
  const Interpreter interpreter(*m);
  for (std::size_t i = 0; i < m->instances.size(); ++i) {
    const Instance &instance = m->instances[i];
    CAPTURE(instance.name());
    // Over the state: that the instance is enabled. Over the step: a sum over all that changes.
    Expr enabled = truth(true), same = truth(true), sum = constant(0);
    for (const Guard &g : instance.guards) enabled = enabled && g.holds;
    for (const Update &u : instance.updates) {
      same = same && eq(m->schema.read(u.field), m->schema.read_primed(u.field));
      sum = sum + m->schema.read_primed(u.field);
    }
    const Expr odd = same || less(constant(9), sum) || eq(sum, 7);

    Sliced sliced(m->schema, layout);
    Sliced::Step none, step;
    for (const Update &u : instance.updates) step.updates.emplace(u.field, u.value);
    for (const Guard &g : instance.guards) sliced.assume(g.holds, step);
    Sliced::Literal on = sliced.add(enabled, none), condition = sliced.add(odd, step);
    sliced.keep({&on, &condition});

    Sliced::Values values;
    std::vector<std::uint64_t> words(Sliced::kStates * layout.state_words());
    std::size_t different = 0;
    for (std::size_t from = 0; from + Sliced::kStates <= b.order.size(); from += Sliced::kStates) {
      for (std::size_t k = 0; k < Sliced::kStates; ++k)
        std::copy_n(b.order[from + k].w.begin(), layout.state_words(),
                    &words[k * layout.state_words()]);
      sliced.run(words.data(), values);
      for (std::size_t k = 0; k < Sliced::kStates; ++k) {
        const State &s = b.order[from + k];
        State next;
        const bool fires = interpreter.step(i, s, next);
        different += (Sliced::value(values, on) >> k & 1) != fires;
        if (fires)
          different +=
              (Sliced::value(values, condition) >> k & 1) != evaluate(m->schema, odd, s, next);
      }
    }
    CHECK(different == 0);
  }
}

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
  Counterexample trace = *result_of(r, "sometimes.found").trace;
  CHECK_NOTHROW(replay(*m, trace));
  Counterexample wrong = trace;
  wrong.states.back() = m->initial();
  CHECK_THROWS_AS(replay(*m, wrong), std::logic_error);
  wrong = trace;
  std::swap(wrong.instances.front(), wrong.instances.back());
  CHECK_THROWS_AS(replay(*m, wrong), std::logic_error);
  wrong = trace;
  wrong.states.pop_back();
  CHECK_THROWS_AS(replay(*m, wrong), std::logic_error);
}
