// The parts of explicit exploration: how states are packed and stored (layout.hpp, store.hpp), and
// expressions in many states at once (sliced.hpp).

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <random>
#include <set>

#include "checker/sliced.hpp"
#include "checker/store.hpp"
#include "tests/exploring.hpp"

using namespace ptmc;
using namespace ptmc::checker;
using namespace ptmc::exploring;

// ---- The store ----------------------------------------------------------------------------------

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
