#include "checker/lockstep.hpp"

#include <algorithm>
#include <chrono>
#include <deque>
#include <map>
#include <tuple>
#include <unordered_set>

#include "checker/constant_fields.hpp"
#include "checker/prove.hpp"
#include "checker/state_hash.hpp"
#include "model/interp.hpp"
#include "model/property_parts.hpp"

namespace ptmc::checker {

using namespace model;  // NOLINT: names of the whole file
using Clock = std::chrono::steady_clock;

namespace {

const std::string kOneOf = "one of the refusals that look alike applies";

// The steps of one side, by what must be the same on the other.
using Key = std::tuple<std::string, int, int, int, int, int, int, int>;

class Side {
 public:
  Side(const Model &m, const Tester &tester);
  std::map<Key, std::vector<const Instance *>> steps;

 private:
  std::deque<Instance> merged_;
};

Side::Side(const Model &m, const Tester &tester) {
  const Observer observer(m, tester);
  std::map<Key, Instance *> refusals;
  for (std::size_t k = 0; k < m.instances.size(); ++k) {
    const Instance &i = m.instances[k];
    if (observer.left_out(k)) continue;
    const Label &l = i.label;
    // Where errors look alike, so do the rules of those that change nothing.
    const bool alike =
        tester.errors_alike && l.err != Err::ok && i.updates.empty() && !observer.hidden(k);
    const Key key{alike ? "" : i.name(),
                  static_cast<int>(l.action),
                  l.thread,
                  l.arg,
                  alike ? -1 : static_cast<int>(l.err),
                  l.options,
                  l.tracer,
                  static_cast<int>(i.rule->actor)};
    if (!alike) {
      steps[key].push_back(&i);
      continue;
    }
    Instance *&one = refusals[key];
    if (!one) {
      one = &merged_.emplace_back(i);
      one->guards = {{kOneOf, truth(false)}};
      steps[key].push_back(one);
    }
    one->guards[0].holds = one->guards[0].holds || can(i);
  }
}

class Lockstep {
 public:
  Lockstep(const Model &left, const Model &right, const Tester &tester,
           const LockstepOptions &options)
      : left_(left), options_(options), left_side_(left, tester), right_side_(right, tester) {
    right_initial_ = right.initial();
    const State initial = left.initial();
    for (Field f = 0; f < left.schema.size(); ++f)
      if (left.schema.get(initial, f) != left.schema.get(right_initial_, f)) own_.insert(f);
  }
  LockstepResult run();

 private:
  // The two sides as one model.
  struct Joint {
    std::unique_ptr<Model> model;
    std::vector<Expr> answered;  // per instance
    // Per instance: of the fields that both sides share, those that its step may leave different.
    std::vector<std::vector<std::pair<Field, Expr>>> same;
  };
  Joint join() const;
  bool look(const Joint &joint);
  bool over() const {
    return (options_.interrupted && *options_.interrupted) ||
           (options_.time_limit > 0 && seconds() > options_.time_limit);
  }
  double seconds() const { return std::chrono::duration<double>(Clock::now() - start_).count(); }

  const Model &left_;
  const LockstepOptions &options_;
  const Clock::time_point start_ = Clock::now();
  Side left_side_, right_side_;
  State right_initial_;
  std::set<Field> own_;
  LockstepResult result_;
};

Lockstep::Joint Lockstep::join() const {
  Joint joint;
  joint.model = std::make_unique<Model>(left_.schema.shape, &*left_.config,
                                        std::initializer_list<Model::Area>{});
  Model &m = *joint.model;
  const State initial = left_.initial();
  for (auto f = static_cast<Field>(m.schema.size()); f < left_.schema.size(); ++f)
    m.schema.add(left_.schema[f].name, left_.schema[f].bits, left_.schema.get(initial, f));
  Substitution to_right;
  std::map<Field, Field> field_of_right;
  for (Field f : own_) {
    const Field mine = m.schema.add("right." + field_text(left_.schema, f), left_.schema[f].bits,
                                    left_.schema.get(right_initial_, f));
    field_of_right[f] = mine;
    to_right.fields.emplace(f, m.schema.read(mine));
  }
  const auto as_right = [&](Expr e) { return substitute(e, to_right); };
  const auto add = [&](const Instance &i, std::vector<Guard> guards, std::vector<Update> updates,
                       Expr answered, std::vector<std::pair<Field, Expr>> same) {
    Instance one;
    one.rule = i.rule, one.parameters = i.parameters, one.label = i.label, one.thread = i.thread;
    one.guards = std::move(guards), one.updates = std::move(updates);
    m.instances.push_back(std::move(one));
    joint.answered.push_back(answered);
    joint.same.push_back(std::move(same));
  };
  const auto pair = [&](const Instance &a, const Instance &b) {
    std::map<Field, Expr> by_left, by_right;
    for (const Update &u : a.updates) by_left.emplace(u.field, u.value);
    for (const Update &u : b.updates) by_right.emplace(u.field, as_right(u.value));
    std::vector<Guard> guards_of_b;
    for (const Guard &g : b.guards) guards_of_b.push_back({g.name, as_right(g.holds)});
    std::vector<Update> updates = a.updates;
    std::vector<std::pair<Field, Expr>> same;
    std::set<Field> written;
    for (const auto *side : {&by_left, &by_right})
      for (const auto &[f, value] : *side) written.insert(f);
    for (Field f : written) {
      const auto l = by_left.find(f), r = by_right.find(f);
      if (const auto mine = field_of_right.find(f); mine != field_of_right.end()) {
        if (r != by_right.end()) updates.push_back({mine->second, r->second});
        continue;
      }
      const Expr before = left_.schema.read(f);
      const Expr alike =
          eq(l == by_left.end() ? before : l->second, r == by_right.end() ? before : r->second);
      if (!alike.is(1)) same.emplace_back(f, alike);
    }
    const Expr left = can(a), right = as_right(can(b));
    Expr answered = right;
    if (a.output || b.output)
      answered =
          answered && (a.output && b.output ? eq(*a.output, as_right(*b.output)) : truth(false));
    add(a, a.guards, updates, left.same(right) && answered.same(right) ? truth(true) : answered,
        same);
    if (!left.same(right)) add(b, guards_of_b, updates, left, {});
  };
  for (const auto *side : {&left_side_, &right_side_}) {
    const bool is_left = side == &left_side_;
    const auto &other = (is_left ? right_side_ : left_side_).steps;
    for (const auto &[key, instances] : side->steps) {
      const auto it = other.find(key);
      for (std::size_t k = 0; k < instances.size(); ++k) {
        const Instance &i = *instances[k];
        if (it != other.end() && k < it->second.size()) {
          if (is_left) pair(i, *it->second[k]);
          continue;
        }
        std::vector<Guard> guards = i.guards;
        if (!is_left)
          for (Guard &g : guards) g.holds = as_right(g.holds);
        add(i, guards, {}, truth(false), {});  // it must never be taken
      }
    }
  }
  // What never changes is a value.
  ConstantFields constants(m);
  for (std::size_t k = 0; k < m.instances.size(); ++k) {
    for (Guard &g : m.instances[k].guards) g.holds = constants.fold(g.holds);
    for (Update &u : m.instances[k].updates) u.value = constants.fold(u.value);
    joint.answered[k] = constants.fold(joint.answered[k]);
    for (auto &[f, alike] : joint.same[k]) alike = constants.fold(alike);
  }
  return joint;
}

// Looks at joint states: false if a shared field was seen to differ, which is shared no more, or if
// the sides part.
bool Lockstep::look(const Joint &joint) {
  const Model &m = *joint.model;
  const Interpreter interpreter(m);
  std::vector<Expr> claims;
  for (std::size_t k = 0; k < m.instances.size(); ++k) {
    claims.push_back(joint.answered[k]);
    for (const auto &[f, alike] : joint.same[k]) claims.back() = claims.back() && alike;
  }
  std::unordered_set<State, StateHash> seen{m.initial()};
  std::deque<State> queue{m.initial()};
  State next;
  while (!queue.empty() && !over()) {
    const State s = queue.front();
    queue.pop_front();
    for (std::size_t k = 0; k < m.instances.size(); ++k) {
      if (!interpreter.step(k, s, next)) continue;
      if (!claims[k].is(1) && !evaluate(m.schema, claims[k], s, s)) {
        if (!evaluate(m.schema, joint.answered[k], s, s)) {
          result_.how = "the sides part where one takes " + m.instances[k].name();
          return false;
        }
        for (const auto &[f, alike] : joint.same[k])
          if (!evaluate(m.schema, alike, s, s)) own_.insert(f);
        return false;
      }
      if (seen.size() < options_.samples && seen.insert(next).second) queue.push_back(next);
    }
  }
  return true;
}

LockstepResult Lockstep::run() {
  Joint joint = join();
  while (!look(joint)) {
    if (!result_.how.empty() || over()) {
      if (result_.how.empty()) result_.how = "time limit";
      result_.seconds = seconds();
      return result_;
    }
    joint = join();
  }
  const Model &m = *joint.model;
  std::map<std::string, std::map<std::size_t, Expr>> of_rule;
  for (std::size_t k = 0; k < m.instances.size(); ++k) {
    Expr claim = joint.answered[k];
    for (const auto &[f, alike] : joint.same[k]) claim = claim && alike;
    if (!claim.is(1)) of_rule[m.instances[k].rule->id].emplace(k, claim);
  }
  std::vector<Property> properties;
  for (const auto &[rule, claims] : of_rule)
    properties.push_back({"lockstep." + rule,
                          PropertyKind::always,
                          "The other side takes the same step of " + rule,
                          "",
                          anywhere,
                          {},
                          [&m, &claims = claims](const Model &, const Instance &i) {
                            const auto it =
                                claims.find(static_cast<std::size_t>(&i - m.instances.data()));
                            return it == claims.end() ? std::nullopt : std::optional(it->second);
                          }});
  for (Field f : own_) result_.own.push_back(field_text(left_.schema, f));
  result_.pairs = m.instances.size();
  result_.verdict = Verdict::holds;
  if (!properties.empty()) {
    ProveOptions how;
    how.jobs = options_.jobs;
    how.question_limit = options_.question_limit;
    how.time_limit = options_.time_limit > 0 ? std::max(options_.time_limit - seconds(), 0.1) : 0;
    how.depth = 0;
    how.samples = options_.samples;
    how.fast = false;
    how.interrupted = options_.interrupted;
    how.properties = &properties;
    const ProveResult proved = prove(m, how);
    for (const Proof &p : proved.proofs)
      if (p.verdict != Verdict::holds && result_.verdict == Verdict::holds) {
        result_.verdict = Verdict::unknown;
        result_.how = "not proved that each step of " + p.property->id.substr(9) +
                      " has its answer: " + p.how;
      }
    for (const Lemma &l : proved.lemmas)
      result_.lemmas.push_back(l.name(m.schema) + ": " + l.statement(m.schema));
    result_.slowest = proved.slowest;
  }
  if (result_.verdict == Verdict::holds)
    result_.how = std::to_string(result_.pairs) + " steps, each answered by the other side; " +
                  std::to_string(result_.own.size()) + " fields of their own, " +
                  std::to_string(result_.lemmas.size()) + " lemmas";
  result_.seconds = seconds();
  return result_;
}

}  // namespace

LockstepResult lockstep(const Model &left, const Model &right, const Tester &tester,
                        const LockstepOptions &options) {
  if (left.schema.size() != right.schema.size()) {
    LockstepResult none;
    none.how = "their states have different fields";
    return none;
  }
  return Lockstep(left, right, tester, options).run();
}

}  // namespace ptmc::checker
