// ptmc compare: what is equivalent, what is not, and that a difference is one: its trace is a run
// of the one side, and no run of the other, by a walk over sets of states of its own.
#include "checker/compare.hpp"

#include <doctest/doctest.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "tests/exploring.hpp"
#include "tests/mutations.hpp"

using namespace ptmc;
using namespace ptmc::exploring;
using checker::Difference;
using checker::Equivalence;
using checker::Observation;

namespace {

checker::CompareResult compared(const Model &l, const Model &r,
                                checker::CompareOptions options = {}) {
  options.fast_left = options.fast_right = false;
  return checker::compare(l, r, checker::Tester(l, r), options);
}

// ---- A walk of its own --------------------------------------------------------------------------

using States = std::set<State, Less>;

class Walk {
 public:
  explicit Walk(const Model &m) : m_(m), run_(m) {}

  bool has(const std::vector<Observation> &trace) const {
    States now{m_.initial()};
    for (const Observation &o : trace) {
      States next;
      for (const State &s : closed(now)) {
        if (o.blocks && silent(s, o)) next.insert(s);
        if (!o.blocks)
          each(s, [&](const Instance &i, Value output, const State &to) {
            if (shows(i, output, o)) next.insert(to);
          });
      }
      now = next;
    }
    return !now.empty();
  }

 private:
  template <class Visit>
  void each(const State &s, Visit &&visit) const {
    State to;
    for (std::size_t i = 0; i < m_.instances.size(); ++i)
      if (run_.step(i, s, to)) visit(m_.instances[i], run_.output(i, s), to);
  }
  States closed(States all) const {
    std::vector<State> queue(all.begin(), all.end());
    while (!queue.empty()) {
      const State s = queue.back();
      queue.pop_back();
      each(s, [&](const Instance &i, Value, const State &to) {
        if (i.label.action == Action::hidden && all.insert(to).second) queue.push_back(to);
      });
    }
    return all;
  }
  static bool is_report(const Instance &i) {
    return i.label.action == Action::wait && i.label.err == Err::ok && !(i.label.options & kNohang);
  }
  // A report holds for every call of at least its options.
  static bool covers(const Instance &i, int given) { return !(i.label.options & ~given); }
  static bool shows(const Instance &i, Value output, const Observation &o) {
    Label mine = i.label, theirs = o.label;
    if (i.rule->actor != o.actor || mine.action == Action::hidden) return false;
    if (is_report(i)) {
      if (!covers(i, theirs.options) || theirs.options & kNohang) return false;
      mine.options = theirs.options = 0;
    }
    return mine == theirs && (!i.output || output == o.output.value_or(0));
  }
  // Nothing that the wait could report ever comes of itself.
  bool silent(const State &s, const Observation &o) const {
    bool silent = true;
    for (const State &later : closed({s}))
      each(later, [&](const Instance &i, Value, const State &) {
        const bool same = i.rule->actor == o.actor && i.label.action == Action::wait &&
                          (o.label.thread < 0 || i.label.thread == o.label.thread ||
                           (i.label.err != Err::ok && i.label.thread < 0));
        if (!same) return;
        if (is_report(i) && covers(i, o.label.options)) silent = false;
        if (i.label.err == Err::echild && i.label.thread == o.label.thread &&
            i.label.options == (o.label.options & (kExited | kNormal | kClone | kThreads)))
          silent = false;
      });
    return silent;
  }

  const Model &m_;
  const Interpreter run_;
};

void are_differences(const Model &l, const Model &r, const checker::CompareResult &found) {
  const Walk left(l), right(r);
  const checker::Tester tester(l, r);
  for (const Difference &d : found.differences) {
    CAPTURE(checker::call_text(d.trace.back()));
    CAPTURE(checker::result_text(d.trace.back()));
    CHECK((d.left ? left : right).has(d.trace));
    CHECK(!(d.left ? right : left).has(d.trace));
    const Model &side = d.left ? l : r;
    const auto run = checker::run_of(side, tester, d.trace);
    REQUIRE(run);
    checker::replay(Interpreter(side), *run);
    // Both have all before it.
    const std::vector<Observation> before(d.trace.begin(), d.trace.end() - 1);
    CHECK((d.left ? right : left).has(before));
  }
}

int code_of(const std::string &arguments) {
  const int status =
      std::system((PTMC_PROGRAM " compare " + arguments + " >/dev/null 2>/dev/null").c_str());
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

}  // namespace

TEST_CASE("a design is equivalent to itself") {
  for (const std::string_view design : {"legacy", "linux-3.4"}) {
    const auto m = make(design, "group-stop", 1, {STOP});
    const auto found = compared(*m, *m);
    CHECK(found.complete);
    CHECK(found.verdict == Equivalence::equivalent);
    CHECK(found.differences.empty());
  }
}

// Who only uses ATTACH sees no difference: PT_SEIZED is not set (semantics, ATTACH).
TEST_CASE("legacy is linux-3.4 without SEIZE") {
  const auto l = make("legacy", "group-stop", 1, {STOP}),
             r = make("linux-3.4", "group-stop", 1, {STOP});
  CHECK(compared(*l, *r).verdict == Equivalence::equivalent);
  const checker::Tester tester(*l, *r);
  CHECK(tester.left_only.empty());
  std::set<Action> only;
  for (const checker::Call &c : tester.right_only) only.insert(c.action);
  CHECK(only == std::set{Action::seize, Action::interrupt, Action::listen});
}

// 3.1's SEIZE traps with the hidden bit; without the RFC's (1) a seized tracee stops as an
// attached.
TEST_CASE("a seized tracee's group-stop has no event without TRACESTOP") {
  const auto l = make("linux-3.4", "group-stop", 1, {STOP}),
             r = make("seize-options+LISTEN", "group-stop", 1, {STOP});
  const auto found = compared(*l, *r);
  REQUIRE(found.verdict == Equivalence::different);
  are_differences(*l, *r, found);
  CHECK(std::any_of(found.differences.begin(), found.differences.end(), [](const Difference &d) {
    return d.trace.back().label.action == Action::wait && d.left &&
           d.trace.back().output == Value{128 << 16 | 19 << 8 | 0x7f};
  }));
}

TEST_CASE("one rule's changed effect is found, from either side") {
  const auto l = make("linux-3.4", "group-stop", 1, {STOP}),
             r = make("linux-3.4", "group-stop", 1, {STOP});
  for (Instance &i : r->instances)
    if (i.rule->id == "wait.stop")
      std::erase_if(i.updates,
                    [&](const Update &u) { return u.field == r->schema.thread[0].report; });
  for (const auto &[a, b] : {std::pair(&*l, &*r), std::pair(&*r, &*l)}) {
    checker::CompareOptions few;
    few.limit = 3;
    const auto found = compared(*a, *b, few);
    REQUIRE(found.verdict == Equivalence::different);
    are_differences(*a, *b, found);
    for (std::size_t k = 1; k < found.differences.size(); ++k)
      CHECK(found.differences[k - 1].trace.size() <= found.differences[k].trace.size());
  }
}

TEST_CASE("the result does not depend on --jobs, nor on the emitted code") {
  const auto l = make("linux-3.4", "group-stop", 1, {STOP}),
             r = make("seize-3.1", "group-stop", 1, {STOP});
  checker::CompareOptions two;
  two.jobs = 2;
  const auto one = compared(*l, *r), other = compared(*l, *r, two);
  const auto fast = checker::compare(*l, *r, checker::Tester(*l, *r), {});
  for (const auto *found : {&other, &fast}) {
    CHECK(found->verdict == one.verdict);
    CHECK(found->complete == one.complete);
    CHECK(found->pairs == one.pairs);
    CHECK(found->left_states == one.left_states);
    REQUIRE(found->differences.size() == one.differences.size());
    for (std::size_t k = 0; k < one.differences.size(); ++k)
      CHECK(found->differences[k].trace.size() == one.differences[k].trace.size());
  }
}

TEST_CASE("a limit that ends it leaves it unknown") {
  const auto m = make("linux-3.4", "group-stop", 1);
  checker::CompareOptions options;
  options.max_memory = 1 << 20;
  const auto found = compared(*m, *m, options);
  CHECK(!found.complete);
  CHECK(found.verdict == Equivalence::unknown);
  CHECK(found.why_incomplete == "memory limit");
}

TEST_CASE("exit codes") {
  CHECK(code_of("legacy linux-3.4 --profile group-stop --signals STOP") == 0);
  CHECK(code_of("linux-3.4 seize-options+LISTEN --profile group-stop --signals STOP") == 1);
  CHECK(code_of("linux-3.4 linux-3.4 --max-memory 1M") == 3);
  CHECK(code_of("linux-3.4") == 2);
  CHECK(code_of("linux-3.4 linux-9") == 2);
  CHECK(code_of("linux-3.4 legacy --profile none") == 2);
  CHECK(code_of("linux-3.4 linux-3.4+TRACESTOP") == 2);
  CHECK(code_of("linux-3.4 linux-3.4~seize") == 2);
}

TEST_CASE("of two kernels: each row that changed, and what it does alone") {
  const std::string file = "rows.json";
  const std::string command = PTMC_PROGRAM
                              " compare linux-3.4@5.10 linux-3.4@6.18 --limit 1 --time-limit 300 "
                              "--format json >" +
                              file;
  REQUIRE(WEXITSTATUS(std::system(command.c_str())) == 1);
  std::ifstream text(file);
  const auto rows = nlohmann::json::parse(text).at("rows");
  const Config old = base_config(parse_design("linux-3.4@5.10"));
  const Config now = base_config(parse_design("linux-3.4@6.18"));
  std::size_t differ = 0;
  for (const KernelFeature &k : kernel_features()) differ += old[k.feature] != now[k.feature];
  CHECK(rows.size() == differ);
  for (const auto &row : rows) {
    INFO(row.at("row").get<std::string>());
    if (!row.at("compared").get<bool>()) continue;
    CHECK(row.at("verdict") == "different");
    CHECK(row.at("differences").size() == 1);
  }
}
