#include "checker/compare.hpp"

#include <algorithm>
#include <chrono>
#include <exception>
#include <functional>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "checker/congruence.hpp"
#include "checker/determinised.hpp"
#include "checker/state_hash.hpp"

namespace ptmc::checker {
namespace {

using Node = Determinised::Node;
using Edges = std::vector<Determinised::Edge>;
constexpr std::uint32_t kNone = UINT32_MAX;
constexpr std::size_t kChunk = 2048;  // pairs between two looks at the limits

struct Pair {
  Node left, right;
  std::uint32_t parent, observation;  // of the common numbering
};

class Comparison {
 public:
  Comparison(const model::Model &left, const model::Model &right, const Tester &tester,
             const CompareOptions &options)
      : options_(options),
        left_(left, tester, share(), options.fast_left),
        right_(right, tester, share(), options.fast_right) {}

  CompareResult run() {
    const auto begin = std::chrono::steady_clock::now();
    const auto seconds = [&] {
      return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    };
    try {
      add(left_.initial(), right_.initial(), kNone, kNone);
      std::size_t done = 0, level_end = 1;
      for (; done < pairs_.size();) {
        if (done == level_end) ++result_.depth, level_end = pairs_.size();
        if (options_.limit && result_.differences.size() >= options_.limit)
          throw Determinised::Full("enough differences");
        if (options_.interrupted && *options_.interrupted) throw Determinised::Full("interrupted");
        if (options_.time_limit > 0 && seconds() > options_.time_limit)
          throw Determinised::Full("time limit");
        if (options_.max_memory && memory() > options_.max_memory)
          throw Determinised::Full("memory limit");
        const std::size_t end = std::min(level_end, done + kChunk);
        expand(done, end);
        for (; done < end; ++done)
          look_at(done, edges_left_[done % kChunk], edges_right_[done % kChunk]);
      }
      result_.complete = true;
    } catch (const Determinised::Full &full) {
      result_.why_incomplete = full.what();
    }
    result_.verdict = !result_.differences.empty() ? Equivalence::different
                      : result_.complete           ? Equivalence::equivalent
                                                   : Equivalence::unknown;
    result_.left_states = left_.states(), result_.right_states = right_.states();
    result_.left_nodes = left_.nodes(), result_.right_nodes = right_.nodes();
    result_.memory_bytes = memory();
    result_.seconds = seconds();
    return std::move(result_);
  }

 private:
  std::size_t share() const { return options_.max_memory / 2; }
  std::size_t memory() const {
    return left_.memory() + right_.memory() + congruence_.memory() +
           known_.size() * (sizeof(Pair) + 2 * sizeof(std::uint64_t) + sizeof(void *));
  }

  void add(Node left, Node right, std::uint32_t parent, std::uint32_t observation) {
    if (!known_.insert(std::uint64_t{left} << 32 | right).second) return;
    const auto l = left_.members(left), r = right_.members(right);
    if (congruence_.holds(l, r)) return;
    congruence_.add(l, r);
    pairs_.push_back({left, right, parent, observation});
  }

  void expand(std::size_t begin, std::size_t end) {
    std::exception_ptr failed[2];
    const auto side = [&](int which) {
      try {
        for (std::size_t n = begin; n < end; ++n)
          if (which)
            right_.edges(pairs_[n].right, edges_right_[n % kChunk]);
          else
            left_.edges(pairs_[n].left, edges_left_[n % kChunk]);
      } catch (...) {
        failed[which] = std::current_exception();
      }
    };
    if (options_.jobs > 1)
      in_parallel(2, side);
    else
      side(0), side(1);
    for (const std::exception_ptr &e : failed)
      if (e) std::rethrow_exception(e);
  }

  std::uint32_t common(const Determinised &side, std::vector<std::uint32_t> &numbers,
                       std::uint32_t observation) {
    if (numbers.size() <= observation) numbers.resize(observation + 1, kNone);
    std::uint32_t &n = numbers[observation];
    if (n == kNone) {
      const auto [it, fresh] = ids_.try_emplace(side.observation(observation), all_.size());
      if (fresh) all_.push_back(it->first), in_right_.push_back(kNone);
      n = it->second;
    }
    return n;
  }

  void look_at(std::size_t at, const Edges &left, const Edges &right) {
    ++result_.pairs;
    for (const auto &e : right) in_right_[number_right(e.observation)] = e.to;
    std::vector<std::uint32_t> left_only, right_only;
    // The least observation of a kind tells of it, and pairs are numbered alike for all --jobs.
    for (const auto &e : left) {
      const std::uint32_t o = common(left_, numbers_left_, e.observation);
      if (in_right_[o] == kNone) {
        left_only.push_back(o);
      } else {
        add(e.to, in_right_[o], static_cast<std::uint32_t>(at), o);
        in_right_[o] = kNone;
      }
    }
    for (const auto &e : right) {
      const std::uint32_t o = number_right(e.observation);
      if (std::exchange(in_right_[o], kNone) != kNone) right_only.push_back(o);
    }
    report(at, left_only, true, left, right);
    report(at, right_only, false, left, right);
  }
  std::uint32_t number_right(std::uint32_t o) { return common(right_, numbers_right_, o); }

  void report(std::size_t at, std::vector<std::uint32_t> &only, bool on_left, const Edges &left,
              const Edges &right) {
    std::sort(only.begin(), only.end(),
              [&](std::uint32_t a, std::uint32_t b) { return all_[a] < all_[b]; });
    for (const std::uint32_t o : only) {
      Observation kind = all_[o];
      kind.label.options = kind.label.arg = 0;
      if (!seen_.emplace(kind, on_left).second) continue;
      if (options_.limit && result_.differences.size() == options_.limit) return;
      Difference d;
      d.left = on_left;
      d.trace = {all_[o]};
      for (std::size_t p = at; pairs_[p].parent != kNone; p = pairs_[p].parent)
        d.trace.insert(d.trace.begin(), all_[pairs_[p].observation]);
      const auto may = [&](const Determinised &side, const Edges &edges) {
        std::vector<Observation> shows;
        for (const auto &e : edges)
          if (side.observation(e.observation).same_call(all_[o]))
            shows.push_back(side.observation(e.observation));
        std::sort(shows.begin(), shows.end());
        return shows;
      };
      d.left_may = may(left_, left);
      d.right_may = may(right_, right);
      result_.differences.push_back(std::move(d));
    }
  }

  const CompareOptions &options_;
  Determinised left_, right_;
  std::vector<Edges> edges_left_{kChunk}, edges_right_{kChunk};
  std::vector<Pair> pairs_;
  std::unordered_set<std::uint64_t> known_;
  Congruence congruence_;
  std::map<Observation, std::uint32_t> ids_;
  std::vector<Observation> all_;
  std::vector<Node> in_right_;  // by observation: the edge of the pair that is being looked at
  std::vector<std::uint32_t> numbers_left_, numbers_right_;
  std::set<std::pair<Observation, bool>> seen_;
  CompareResult result_;
};

}  // namespace

CompareResult compare(const model::Model &left, const model::Model &right, const Tester &tester,
                      const CompareOptions &options) {
  return Comparison(left, right, tester, options).run();
}

// ---- Runs ---------------------------------------------------------------------------------------

namespace {

struct Reached {
  model::State state;
  std::size_t from, instance;  // in the list of all
};

// The states of a part of a trace: those after an observation, and where hidden steps lead.
class Runs {
 public:
  Runs(const model::Model &model, const Tester &tester)
      : model_(model), observer_(model, tester), interpreter_(model) {}

  // last: where it is to end; nullptr: anywhere.
  std::optional<Counterexample> find(const std::vector<Observation> &trace,
                                     const model::State *last) {
    all_ = {{model_.initial(), SIZE_MAX, 0}};
    std::size_t begin = 0;
    for (const Observation &o : trace) {
      close(begin);
      const std::size_t end = all_.size();
      seen_.clear();
      for (std::size_t n = begin; n < end; ++n) {
        const model::State from = all_[n].state;
        if (o.blocks && blocks(from, o)) add(from, n, SIZE_MAX);
        if (!o.blocks)
          each(from, [&](std::size_t i, const model::State &to) {
            if (shows(i, from, o)) add(to, n, i);
          });
      }
      if (all_.size() == end) return std::nullopt;
      begin = end;
    }
    if (last) {
      close(begin);
      while (begin < all_.size() && all_[begin].state != *last) ++begin;
      if (begin == all_.size()) return std::nullopt;
    }
    Counterexample run;
    for (std::size_t n = begin; n != SIZE_MAX; n = all_[n].from) {
      const bool step = all_[n].from != SIZE_MAX && all_[n].instance != SIZE_MAX;
      if (step) run.instances.push_back(all_[n].instance);
      if (step || all_[n].from == SIZE_MAX) run.states.push_back(all_[n].state);
    }
    std::reverse(run.instances.begin(), run.instances.end());
    std::reverse(run.states.begin(), run.states.end());
    return run;
  }

 private:
  void each(const model::State &from,
            const std::function<void(std::size_t, const model::State &)> &visit) {
    model::State to;
    for (std::size_t i = 0; i < model_.instances.size(); ++i)
      if (interpreter_.step(i, from, to)) visit(i, to);
  }
  void add(const model::State &s, std::size_t from, std::size_t instance) {
    if (seen_.insert(s).second) all_.push_back({s, from, instance});
  }
  void close(std::size_t begin) {
    seen_.clear();
    for (std::size_t n = begin; n < all_.size(); ++n) seen_.insert(all_[n].state);
    for (std::size_t n = begin; n < all_.size(); ++n)
      each(model::State(all_[n].state), [&](std::size_t i, const model::State &to) {
        if (observer_.hidden(i)) add(to, n, i);
      });
  }
  bool shows(std::size_t i, const model::State &from, const Observation &o) const {
    if (observer_.hidden(i) || observer_.left_out(i)) return false;
    const model::Value output = model_.instances[i].output ? interpreter_.output(i, from) : 0;
    for (const Observation &one : observer_.of(i, output, from))
      if (one == o) return true;
    return false;
  }
  bool blocks(const model::State &from, const Observation &o) {
    std::unordered_set<model::State, StateHash> seen{from};
    std::vector<model::State> all{from};
    for (std::size_t n = 0; n < all.size(); ++n) {
      bool nothing = false;
      const model::State s = all[n];
      each(s, [&](std::size_t i, const model::State &to) {
        if (observer_.hidden(i) && seen.insert(to).second) all.push_back(to);
        if (observer_.hidden(i) || observer_.left_out(i)) return;
        const model::Value output = model_.instances[i].output ? interpreter_.output(i, s) : 0;
        for (const Observation &one : observer_.of(i, output, s))
          nothing = nothing || Observer::blocking(one) == o;
      });
      if (!nothing) return false;
    }
    return true;
  }

  const model::Model &model_;
  const Observer observer_;
  const model::Interpreter interpreter_;
  std::vector<Reached> all_;
  std::unordered_set<model::State, StateHash> seen_;
};

}  // namespace

std::optional<Counterexample> run_of(const model::Model &model, const Tester &tester,
                                     const std::vector<Observation> &trace) {
  return Runs(model, tester).find(trace, nullptr);
}

std::optional<Counterexample> run_to(const model::Model &model, const Tester &tester,
                                     const std::vector<Observation> &trace,
                                     const model::State &last) {
  return Runs(model, tester).find(trace, &last);
}

}  // namespace ptmc::checker
