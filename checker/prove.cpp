#include "checker/prove.hpp"

#include <algorithm>
#include <map>
#include <mutex>
#include <set>

#include "checker/bounded.hpp"
#include "checker/fast.hpp"
#include "model/input_error.hpp"
#include "model/interp.hpp"

namespace ptmc::checker {
namespace {

using model::Instance;
using model::Model;
using model::Property;
using model::PropertyKind;
using Clock = std::chrono::steady_clock;

double since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

Obligation obligation_of(const Model &model, const Property &p) {
  Obligation goal{&p, std::nullopt, {}};
  if (p.over_state) goal.state = p.over_state(model);
  for (std::size_t i = 0; p.over_step && i < model.instances.size(); ++i)
    if (const auto e = p.over_step(model, model.instances[i]))
      if (!e->is(1) || p.kind == PropertyKind::sometimes) goal.steps.emplace_back(i, *e);
  return goal;
}

// All that is wanted, and the invariants beside it, which may serve as hypotheses.
std::vector<const Property *> wanted(const Model &model, const ProveOptions &options, bool ids) {
  const std::vector<Property> &all = options.properties ? *options.properties : model::properties();
  std::vector<const Property *> chosen;
  for (const Property &p : all) {
    const auto &list = options.property_ids;
    const bool named = list.empty() || std::find(list.begin(), list.end(), p.id) != list.end();
    const bool helps = p.kind == PropertyKind::always && p.over_state;
    if (p.applies(*model.config) && (named || (!ids && helps))) chosen.push_back(&p);
  }
  return chosen;
}

class Prover {
 public:
  Prover(const Model &model, const ProveOptions &options);
  ProveResult run();

 private:
  // A goal: of a property, or a lemma of the pool.
  struct Id {
    bool lemma = false;
    std::size_t number = 0;
    auto operator<=>(const Id &) const = default;
  };
  struct State {
    bool tried = false, proved = false;
    std::vector<Id> used;
    std::vector<std::size_t> rows;  // of each when it was used: a lemma may have become weaker
    std::optional<Cti> cti;
    std::string why;
    double seconds = 0;
  };
  State &state(Id h) { return (h.lemma ? of_lemma_ : of_goal_)[h.number]; }
  std::size_t rows(Id h) const { return h.lemma ? known_.lemmas[h.number].rows.size() : 0; }
  std::string name(Id h) const {
    return h.lemma ? known_.lemmas[h.number].name(model_.schema)
                   : known_.goals[h.number].property->id;
  }
  bool is_wanted(const Property *p) const {
    return std::find(properties_.begin(), properties_.end(), p) != properties_.end();
  }
  bool over() const {
    return Clock::now() > limits_.end || (options_.interrupted && *options_.interrupted);
  }
  std::set<Id> behind(std::vector<Id> goals);
  std::vector<Id> open();
  void inductions();
  void merge(Id goal, const Attempt &attempt, double seconds);
  void search(std::vector<Proof> &proofs);
  void look(Bounded &bounded, std::vector<const Obligation *> &open);
  void search_known_lengths();
  // It was too hard at the length that is known.
  bool given_up(const Property *p) const {
    return !gave_up_.empty() && options_.lengths.contains(p->id);
  }
  void k_inductions(std::vector<Proof> &proofs);

  const Model &model_;
  const ProveOptions &options_;
  const Clock::time_point start_ = Clock::now();
  const Reachable reachable_;
  const Samples samples_;
  Knowledge known_;
  Limits limits_;
  std::vector<const Property *> properties_;  // wanted
  std::vector<State> of_goal_, of_lemma_;
  std::size_t questions_ = 0;
  std::size_t clear_ = 0;  // paths of fewer steps show nothing of what is still open
  std::set<Id> used_;      // by the proofs
  std::map<const Property *, Counterexample> found_;  // violations and witnesses
  std::string gave_up_;                               // why no more of known lengths are
};

Prover::Prover(const Model &model, const ProveOptions &options)
    : model_(model),
      options_(options),
      reachable_(model,
                 !options.induction                 ? 1
                 : options.fast && fast_form(model) ? std::max(options.samples, options.reach)
                                                    : options.samples,
                 options.fast),
      samples_(model.schema, reachable_, options.samples),
      known_{model, samples_, {}, {}, {}, true},
      properties_(wanted(model, options, true)) {
  limits_.check_milliseconds = static_cast<unsigned>(options.question_limit * 1000);
  limits_.interrupted = options.interrupted;
  known_.finds_lemmas = options.lemmas;
  if (options.time_limit > 0)
    limits_.end = start_ + std::chrono::duration_cast<Clock::duration>(
                               std::chrono::duration<double>(options.time_limit));
  const model::State initial = model.initial();
  for (const Property *p : wanted(model, options, false)) {
    const Obligation &goal = known_.goals.emplace_back(obligation_of(model, *p));
    known_.usable.push_back(p->kind == PropertyKind::always && goal.state &&
                            evaluate(model.schema, *goal.state, initial, initial));
  }
  of_goal_.resize(known_.goals.size());
}

// These goals, what their proofs use, what the proofs of that use, and so on.
std::set<Prover::Id> Prover::behind(std::vector<Id> goals) {
  std::set<Id> all;
  while (!goals.empty()) {
    const Id h = goals.back();
    goals.pop_back();
    if (all.insert(h).second) goals.insert(goals.end(), state(h).used.begin(), state(h).used.end());
  }
  return all;
}

// What must be tried: what is wanted, and what that rests on.
std::vector<Prover::Id> Prover::open() {
  // A proof from what has failed, or become weaker, is none.
  for (std::vector<State> *all : {&of_goal_, &of_lemma_})
    for (State &s : *all)
      for (std::size_t k = 0; k < s.used.size(); ++k) {
        const State &used = state(s.used[k]);
        if (s.rows[k] == rows(s.used[k]) && (!used.tried || used.proved)) continue;
        s.tried = s.proved = false;
        s.used.clear(), s.rows.clear();
        break;
      }
  std::vector<Id> wanted, open;
  for (std::size_t g = 0; g < known_.goals.size(); ++g)
    if (const Property *p = known_.goals[g].property;
        p->kind != PropertyKind::sometimes && is_wanted(p) && !found_.contains(p))
      wanted.push_back({false, g});
  for (Id h : behind(wanted))
    if (!state(h).tried) open.push_back(h);
  return open;
}

void Prover::merge(Id goal, const Attempt &a, double seconds) {
  questions_ += a.questions;
  State s = state(goal);
  s.tried = true;
  s.proved = a.proved;
  s.cti = a.cti;
  s.why = a.why;
  s.seconds += seconds;
  for (std::size_t g : a.properties) {
    s.used.push_back({false, g});
    s.rows.push_back(0);
  }
  for (const Lemma &l : a.lemmas) {
    const auto same = std::find_if(known_.lemmas.begin(), known_.lemmas.end(),
                                   [&](const Lemma &k) { return k.fields == l.fields; });
    s.used.push_back({true, static_cast<std::size_t>(same - known_.lemmas.begin())});
    s.rows.push_back(l.rows.size());
    if (same != known_.lemmas.end()) continue;
    known_.lemmas.push_back(l);
    of_lemma_.emplace_back();
  }
  if (a.weaker) known_.lemmas[goal.number] = *a.weaker;
  if (!a.proved && !goal.lemma) known_.usable[goal.number] = false;
  state(goal) = std::move(s);
}

// Rounds: what was found in one is known in the next. So the result does not depend on the jobs.
void Prover::inductions() {
  for (std::vector<Id> goals = open(); !goals.empty() && !over(); goals = open()) {
    std::vector<Attempt> attempts(goals.size());
    std::vector<double> seconds(goals.size());
    std::atomic<std::size_t> next{0};
    in_parallel(options_.jobs, [&](int) {
      for (std::size_t k = next++; k < goals.size(); k = next++) {
        const auto start = Clock::now();
        const Id h = goals[k];
        static const Obligation kLemma;
        attempts[k] = h.lemma ? attempt(known_, kLemma, h.number, limits_)
                              : attempt(known_, known_.goals[h.number], std::nullopt, limits_);
        seconds[k] = since(start);
      }
    });
    for (std::size_t k = 0; k < goals.size(); ++k) merge(goals[k], attempts[k], seconds[k]);
    if (options_.progress)
      options_.progress(std::to_string(goals.size()) + " goals tried, " +
                        std::to_string(known_.lemmas.size()) + " lemmas");
  }
}

void Prover::look(Bounded &bounded, std::vector<const Obligation *> &open) {
  for (auto &[goal, trace] : bounded.look(open)) {
    std::erase(open, goal);
    found_.emplace(goal->property, std::move(trace));
  }
  if (options_.progress)
    options_.progress("depth " + std::to_string(bounded.depth()) + ", " +
                      std::to_string(open.size()) + " properties open");
}

void Prover::search_known_lengths() {
  std::map<std::size_t, std::vector<const Obligation *>> by_length;
  for (const Obligation &g : known_.goals)
    if (const auto it = options_.lengths.find(g.property->id);
        it != options_.lengths.end() && is_wanted(g.property))
      by_length[it->second].push_back(&g);
  Bounded bounded(model_, limits_);
  for (auto &[length, goals] : by_length) {
    while (bounded.depth() < length) bounded.unroll();
    look(bounded, goals);
    if (bounded.why().empty()) continue;
    gave_up_ = bounded.why() + " at depth " + std::to_string(length);
    return;
  }
}

// Violations and witnesses, shortest first.
void Prover::search(std::vector<Proof> &proofs) {
  std::vector<const Obligation *> open;
  for (const Proof &p : proofs)
    if (p.verdict == Verdict::unknown)
      for (const Obligation &g : known_.goals)
        if (g.property == p.property && !found_.contains(p.property) && !given_up(p.property))
          open.push_back(&g);
  std::string why;
  if (!open.empty()) {
    Bounded bounded(model_, limits_);
    for (;;) {
      look(bounded, open);
      if (bounded.why().empty()) clear_ = bounded.depth() + 1;
      if (open.empty() || !bounded.why().empty() ||
          static_cast<int>(bounded.depth()) >= options_.depth)
        break;
      bounded.unroll();
    }
    why = bounded.why().empty()
              ? "no path of " + std::to_string(options_.depth) + " steps or less shows it"
              : bounded.why() + " at depth " + std::to_string(bounded.depth());
  }
  for (Proof &p : proofs) {
    if (p.verdict != Verdict::unknown) continue;
    if (const auto it = found_.find(p.property); it != found_.end()) {
      const bool always = p.property->kind != PropertyKind::sometimes;
      p.verdict = always ? Verdict::violated : Verdict::holds;
      p.how = (always ? "violated after " : "shown after ") +
              std::to_string(it->second.instances.size()) + " steps";
      p.trace = it->second;
    } else {
      p.how += (p.how.empty() ? "" : "; ") + (given_up(p.property) ? gave_up_ : why);
    }
  }
}

// That no path of up to `depth` steps breaks it, the search has shown.
void Prover::k_inductions(std::vector<Proof> &proofs) {
  std::vector<std::pair<Proof *, const Obligation *>> open;
  for (Proof &p : proofs)
    if (p.verdict == Verdict::unknown && p.property->kind == PropertyKind::always)
      for (const Obligation &g : known_.goals)
        if (g.property == p.property) open.emplace_back(&p, &g);
  if (open.empty() || over()) return;
  std::vector<Id> ids;
  std::vector<model::Expr> invariants;
  const auto proved = [&](Id id) {
    const std::set<Id> all = behind({id});
    return std::all_of(all.begin(), all.end(),
                       [&](Id h) { return state(h).tried && state(h).proved; });
  };
  for (std::size_t g = 0; g < known_.goals.size(); ++g)
    if (const Id id{false, g}; known_.usable[g] && proved(id)) {
      ids.push_back(id);
      invariants.push_back(*known_.goals[g].state);
    }
  for (std::size_t l = 0; l < known_.lemmas.size(); ++l)
    if (const Id id{true, l}; proved(id)) {
      ids.push_back(id);
      invariants.push_back(known_.lemmas[l].expr(model_.schema));
    }
  Bounded step(model_, limits_, std::move(invariants));
  while (step.depth() < std::min<std::size_t>(static_cast<std::size_t>(options_.k), clear_) &&
         !open.empty() && step.why().empty() && !over()) {
    step.unroll();
    std::erase_if(open, [&](const auto &one) {
      std::vector<std::size_t> used;
      if (!step.follows(*one.second, used)) return false;
      Proof &p = *one.first;
      p.verdict = Verdict::holds;
      p.how = "by k-induction, k = " + std::to_string(step.depth());
      p.lemmas.clear(), p.behind.clear();
      std::vector<Id> from;
      for (std::size_t k : used) {
        from.push_back(ids[k]);
        p.lemmas.push_back(name(ids[k]));
      }
      for (Id h : behind(from)) {
        p.behind.push_back(name(h));
        used_.insert(h);
      }
      return true;
    });
  }
}

ProveResult Prover::run() {
  if (!options_.lengths.empty()) search_known_lengths();
  if (options_.induction) inductions();
  ProveResult result;
  for (std::size_t g = 0; g < known_.goals.size(); ++g) {
    const Id id{false, g};
    const Property *p = known_.goals[g].property;
    if (!is_wanted(p)) continue;
    Proof &proof = result.proofs.emplace_back();
    proof.property = p;
    if (p->kind == PropertyKind::sometimes) continue;
    const State &s = state(id);
    proof.seconds = s.seconds;
    proof.cti = s.cti;
    if (found_.contains(p)) continue;
    const std::set<Id> behind_it = behind({id});
    const bool all = std::all_of(behind_it.begin(), behind_it.end(),
                                 [&](Id h) { return state(h).tried && state(h).proved; });
    if (all) {
      proof.verdict = Verdict::holds;
      proof.how =
          p->ending ? "each fair step lowers the number of " + p->ending->measure + ", by induction"
                    : "by induction";
      for (Id h : s.used) proof.lemmas.push_back(name(h));
      for (Id h : behind_it)
        if (h != id) proof.behind.push_back(name(h));
      used_.insert(behind_it.begin(), behind_it.end());
    } else {
      proof.how = !s.why.empty() ? s.why
                  : s.cti        ? "induction fails"
                  : s.tried      ? "a proof that it rests on was not completed"
                                 : "not tried";
    }
  }
  for (const std::vector<State> *all : {&of_goal_, &of_lemma_})
    for (const State &s : *all) result.slowest = std::max(result.slowest, s.seconds);
  search(result.proofs);
  if (options_.induction) k_inductions(result.proofs);
  for (Id h : used_)
    if (h.lemma) result.lemmas.push_back(known_.lemmas[h.number]);
  result.questions = questions_;
  result.samples = samples_.size();
  result.seconds = since(start_);
  return result;
}

}  // namespace

ProveResult prove(const Model &model, const ProveOptions &options) {
  return Prover(model, options).run();
}

}  // namespace ptmc::checker
