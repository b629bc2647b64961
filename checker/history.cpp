#include "checker/history.hpp"

#include <chrono>
#include <deque>
#include <set>

#include "checker/determinised.hpp"
#include "model/interp.hpp"

namespace ptmc::checker {

using model::Action;
using model::Expr;
using model::Value;

namespace {

// Each stop, seen by wait and not resumed.
Expr waited_for(const model::Model &m, const Confused::Stop &stop, int thread) {
  return stop(m) && !m.schema.read(m.schema.thread[static_cast<std::size_t>(thread)].report);
}

bool reads_siginfo(const Observation &o, const Confused &asks) {
  return o.label.action == Action::getsiginfo && o.label.err != model::Err::esrch &&
         (o.label.thread == asks.thread || o.label.thread == asks.other_thread);
}

}  // namespace

History confused_by_history(const model::Model &m, const Confused &asks, bool fast,
                            double time_limit) {
  using Clock = std::chrono::steady_clock;
  const auto start = Clock::now();
  History result;
  const auto seconds = [&] { return std::chrono::duration<double>(Clock::now() - start).count(); };
  Tester tester;
  tester.tracer_alone = true;
  Determinised sets(m, tester, std::size_t{1} << 30, fast);

  model::Tape tape(m.schema);
  const auto one = tape.add(waited_for(m, asks.one, asks.thread));
  const auto other = tape.add(waited_for(m, asks.other, asks.other_thread));
  std::vector<Value> regs(tape.registers());
  const auto mixed = [&](Determinised::Node node) {
    bool either = false, or_other = false;
    for (const Index k : sets.members(node)) {
      const model::State s = sets.state(k);
      std::uint32_t done = 0;
      tape.run(done, other.end, regs.data(), s, s);
      either = either || regs[one.at];
      or_other = or_other || regs[other.at];
      if (either && or_other) return true;
    }
    return false;
  };

  std::set<Determinised::Node> known{sets.initial()};
  std::deque<Determinised::Node> queue(known.begin(), known.end());
  std::vector<Determinised::Edge> edges;
  const auto finish = [&](std::string how) {
    result.how = std::move(how) + ", " + std::to_string(known.size()) + " sets of " +
                 std::to_string(sets.states()) + " states";
    result.seconds = seconds();
    return result;
  };
  try {
    for (; !queue.empty(); queue.pop_front()) {
      if (time_limit > 0 && seconds() > time_limit) return finish("time limit");
      edges.clear();
      sets.edges(queue.front(), edges);
      for (const auto &e : edges) {
        if (reads_siginfo(sets.observation(e.observation), asks) && mixed(e.to)) {
          result.confused = true;
          return finish("both are possible after all that was seen");
        }
        if (known.insert(e.to).second) queue.push_back(e.to);
      }
    }
  } catch (const Determinised::Full &full) {
    return finish(full.what());
  }
  result.complete = true;
  return finish("never both after all that was seen");
}

}  // namespace ptmc::checker
