#include "checker/crowd_task.hpp"

#include <algorithm>
#include <numeric>
#include <stdexcept>

#include "checker/counterexample.hpp"
#include "model/interp.hpp"

namespace ptmc::checker {

using namespace model;  // NOLINT: names of the whole file
using Clock = std::chrono::steady_clock;

namespace {

constexpr unsigned kIntegerBits = 32;
constexpr unsigned kMaxRest = 1u << 30;

// The questions of a task share a context.
class Task {
 public:
  Task(const CrowdText &text, const CrowdLimit &limit) : text_(text), limit_(limit) {
    found.proofs.resize(text.properties.size());
  }
  void symmetry(int size, std::size_t instance);
  void instance(const std::string &key);
  void properties();
  CrowdFindings found;

 private:
  // Any state of a crowd, and all properties of it.
  struct Any {
    Any(z3::context &context, const Crowd &crowd)
        : pre(crowd.constants(context)), translate(context, crowd.schema(), pre) {}
    const Terms pre;
    Translator translate;
    std::vector<std::pair<std::size_t, z3::expr>> alone, with_others;  // property, term
  };
  // An instance in a crowd, from the state `pre`.
  struct Side {
    Side(Task &task, const Crowd &crowd, std::size_t instance, const Terms &from);
    const Crowd &crowd;
    const Terms pre;
    z3::expr enabled;
    Terms next;
    z3::expr carries;  // the count moves with the old one
    const z3::expr &count() const { return next[crowd.count()]; }
    const z3::expr &owes(int t, const Terms &terms) const {
      return terms[crowd.schema().thread[static_cast<std::size_t>(t)].consume];
    }
  };
  Side side(const Crowd &crowd, const std::string &key, const Terms &pre) {
    return {*this, crowd, crowd.first.at(key), pre};
  }
  Any &any(const Crowd &crowd);

  z3::expr state(const Crowd &crowd, std::size_t property, Terms terms, const z3::expr &others);
  z3::expr claim(Crowd const &crowd, const std::string &key, std::size_t property, const Terms &pre,
                 const Terms &next);
  z3::solver solver();
  z3::solver solver_with_all(const Crowd &crowd, bool more);
  z3::check_result ask(z3::solver &solver, std::set<std::size_t> *uses = nullptr);
  z3::expr number(const z3::expr &truth) {
    return z3::ite(truth, context_.bv_val(1, kIntegerBits), context_.bv_val(0, kIntegerBits));
  }
  z3::expr others() { return context_.bv_const("others", kIntegerBits); }
  z3::expr nobody() { return context_.bv_val(0, kIntegerBits); }
  bool leaves_out(const std::string &key, const Crowd &big, int witnesses);
  void claims(const std::string &key, const Crowd &big, int named);
  void prove(const std::string &key, const Crowd &crowd, bool more);
  void fail(const std::string &what) {
    found.failed.push_back(what + (gave_up_.empty() ? "" : " (" + gave_up_ + ")"));
  }

  const CrowdText &text_;
  const CrowdLimit &limit_;
  z3::context context_;
  std::map<int, Any> any_;                                 // by size
  std::vector<std::pair<std::size_t, z3::expr>> assumed_;  // property, selector
  std::string gave_up_;
};

Task::Any &Task::any(const Crowd &crowd) {
  const auto found = any_.find(crowd.size);
  if (found != any_.end()) return found->second;
  Any &made = any_.try_emplace(crowd.size, context_, crowd).first->second;
  for (std::size_t p = 0; p < text_.properties.size(); ++p) {
    const CrowdProperty &of = text_.properties[p];
    if (!text_.state(1, p) || of.role == CrowdProperty::consequence || limit_.without(of)) continue;
    made.alone.emplace_back(p, state(crowd, p, made.pre, nobody()));
    made.with_others.emplace_back(p, state(crowd, p, made.pre, others()));
  }
  return made;
}

Task::Side::Side(Task &task, const Crowd &in, std::size_t instance, const Terms &from)
    : crowd(in),
      pre(from),
      enabled(task.context_.bool_val(true)),
      carries(task.context_.bool_val(true)) {
  Any &any = task.any(crowd);
  const Instance &i = crowd.model->instances[instance];
  const bool is_any = std::equal(pre.begin(), pre.end(), any.pre.begin(),
                                 [](const z3::expr &a, const z3::expr &b) { return z3::eq(a, b); });
  Translator own(task.context_, crowd.schema(), pre);
  Translator &translate = is_any ? any.translate : own;
  enabled = enabled_term(translate, i);
  next = crowd.after(translate, instance, pre, task.text_.vocabulary);
  if (z3::eq(count(), pre[crowd.count()])) return;
  Terms one_more = pre;
  const z3::expr one = task.context_.bv_val(1, kIntegerBits);
  one_more[crowd.count()] = pre[crowd.count()] + one;
  Translator translate_more(task.context_, crowd.schema(), one_more);
  for (const Update &u : i.updates)
    if (u.field == crowd.count())
      carries = (translate_more.bits(u.value, kIntegerBits) == count() + one).simplify();
}

z3::solver Task::solver() {
  z3::solver made(context_, "QF_FD");
  z3::params p(context_);
  p.set("random_seed", 1u);
  p.set("timeout", limit_.milliseconds());
  made.set(p);
  return made;
}

// With all properties of any state of the crowd, each behind a selector.
z3::solver Task::solver_with_all(const Crowd &crowd, bool more) {
  z3::solver made = solver();
  made.add(z3::ult(others(), context_.bv_val(kMaxRest, kIntegerBits)));
  assumed_.clear();
  const Any &state = any(crowd);
  for (const auto &[p, term] : more ? state.with_others : state.alone) {
    const std::string name = "use " + text_.properties[p].property.id;
    assumed_.emplace_back(p, context_.bool_const(name.c_str()));
    made.add(z3::implies(assumed_.back().second, term));
  }
  return made;
}

z3::check_result Task::ask(z3::solver &solver, std::set<std::size_t> *uses) {
  gave_up_.clear();
  if (limit_.over()) {
    gave_up_ = "time limit";
    return z3::unknown;
  }
  z3::expr_vector selectors(context_);
  if (uses)
    for (const auto &[property, selector] : assumed_) selectors.push_back(selector);
  const z3::check_result r = solver.check(selectors);
  if (r == z3::unknown) gave_up_ = "the solver gave up: " + solver.reason_unknown();
  if (r == z3::unsat && uses) {
    const z3::expr_vector core = solver.unsat_core();
    for (const auto &[property, selector] : assumed_)
      for (unsigned k = 0; k < core.size(); ++k)
        if (z3::eq(core[k], selector)) uses->insert(property);
  }
  return r;
}

// `others` of the threads outside of the crowd owe a stop.
z3::expr Task::state(const Crowd &crowd, std::size_t property, Terms terms,
                     const z3::expr &others) {
  if (text_.properties[property].sum) terms[crowd.count()] = terms[crowd.count()] - others;
  Translator translate(context_, crowd.schema(), terms);
  return translate.holds(*text_.state(crowd.size, property));
}

z3::expr Task::claim(const Crowd &crowd, const std::string &key, std::size_t property,
                     const Terms &pre, const Terms &next) {
  const std::optional<Expr> &e = text_.step(crowd.size, key, property);
  if (!e) return context_.bool_val(true);
  Translator translate(context_, crowd.schema(), pre, &next);
  return translate.holds(*e);
}

// ---- Symmetry -----------------------------------------------------------------------------------

void Task::symmetry(int size, std::size_t instance) {
  const Crowd &crowd = text_.crowd(size);
  const Role &role = crowd.roles[instance];
  const Instance &i = crowd.model->instances[instance];
  if (!limit_.asks_about(i)) return;
  // The canonical ones are asked in the larger unrolling, which has two that they do not name.
  if (role.canonical() != (size == kSymmetric)) return;
  const auto canonical = crowd.first.find(role.key);
  if (canonical == crowd.first.end())
    return fail(i.name() + ": is there for these threads, and not for others");
  // Thread k of the renamed state is thread renaming[k] here; those not named in both orders.
  std::vector<int> order = role.named;
  for (int t = 0; t < crowd.size; ++t)
    if (std::find(order.begin(), order.end(), t) == order.end()) order.push_back(t);
  std::vector<std::vector<int>> renamings;
  if (!role.canonical()) renamings.push_back(order);
  if (role.canonical())
    for (std::size_t k = role.named.size(); k + 1 < order.size(); ++k) {
      renamings.push_back(order);
      std::swap(renamings.back()[k], renamings.back()[k + 1]);
    }
  const Side here(*this, crowd, instance, any(crowd).pre);
  for (const std::vector<int> &renaming : renamings) {
    ++found.symmetries;
    const Side there(*this, crowd, canonical->second, seen(crowd, here.pre, crowd, renaming));
    const Terms next = seen(crowd, here.next, crowd, renaming);
    const z3::expr alike =
        here.enabled == there.enabled &&
        z3::implies(here.enabled, same(crowd, next, there.next, text_.vocabulary, true));
    z3::solver s = solver();
    s.add(!alike);
    if (ask(s) != z3::unsat)
      return fail(i.name() + (role.canonical() ? ": tells apart threads that it does not name"
                                               : ": is not what it is for other threads"));
  }
}

// ---- Leaving out --------------------------------------------------------------------------------

// One of the threads beyond the named and one more can be left out.
bool Task::leaves_out(const std::string &key, const Crowd &big, int witnesses) {
  const Crowd &small = text_.crowd(big.size - 1);
  const Side all = side(big, key, any(big).pre);
  z3::solver s = solver_with_all(big, true);
  s.add(all.enabled);
  for (int out = big.size - 1 - witnesses; out < big.size; ++out) {
    const std::vector<int> keep = all_but(big.size, out);
    const Side less = side(small, key, seen(big, all.pre, small, keep));
    const z3::expr set = number(all.owes(out, all.next));
    const z3::expr counted =
        z3::ite(less.carries,
                all.count() == less.count() && all.owes(out, all.next) == all.owes(out, all.pre),
                all.count() == less.count() + set);
    const Terms next = seen(big, all.next, small, keep);
    s.add(!(less.enabled && less.carries == all.carries && counted &&
            same(small, next, less.next, text_.vocabulary, false)));
  }
  ++found.leaving_out;
  return ask(s, &found.uses) == z3::unsat;
}

// What is claimed of a step by n + 1 threads is what is claimed of it by n, whomever is left out.
void Task::claims(const std::string &key, const Crowd &big, int named) {
  const Crowd &small = text_.crowd(big.size - 1);
  const Side all = side(big, key, any(big).pre);
  for (std::size_t p = 0; p < text_.properties.size(); ++p) {
    if (!text_.step(big.size, key, p) && !text_.step(small.size, key, p)) continue;
    z3::expr_vector parts(context_);
    for (int out = named; out < big.size; ++out) {
      const std::vector<int> keep = all_but(big.size, out);
      parts.push_back(
          claim(small, key, p, seen(big, all.pre, small, keep), seen(big, all.next, small, keep)));
    }
    z3::solver s = solver();
    s.add(all.enabled);
    s.add(claim(big, key, p, all.pre, all.next) != z3::mk_and(parts));
    ++found.claims;
    if (ask(s) != z3::unsat)
      fail(text_.properties[p].property.id + ": is no claim about each thread, at " + key);
  }
}

// ---- Proofs -------------------------------------------------------------------------------------

void Task::prove(const std::string &key, const Crowd &crowd, bool more) {
  const z3::expr rest = more ? others() : nobody();
  const Side step = side(crowd, key, any(crowd).pre);
  z3::solver s = solver_with_all(crowd, more);
  s.add(step.enabled);
  const z3::expr rest_after = z3::ite(step.carries, rest, nobody());
  for (std::size_t p = 0; p < text_.properties.size(); ++p) {
    const CrowdProperty &of = text_.properties[p];
    if (of.role == CrowdProperty::consequence || limit_.without(of)) continue;
    z3::expr goal = context_.bool_val(true);
    if (of.property.over_state) {
      goal = state(crowd, p, step.next, rest_after);
      const auto is = [&](const std::pair<std::size_t, z3::expr> &before) {
        return z3::eq(before.second, goal);
      };
      const Any &before = any(crowd);
      const auto &all = more ? before.with_others : before.alone;
      if (std::any_of(all.begin(), all.end(), is)) continue;
    } else {
      goal = claim(crowd, key, p, step.pre, step.next);
    }
    goal = goal.simplify();
    if (goal.is_true()) continue;
    CrowdFindings::Of &proof = found.proofs[p];
    const auto start = Clock::now();
    s.push();
    s.add(!goal);
    const z3::check_result r = ask(s, &proof.uses);
    if (r != z3::unsat && proof.why.empty()) {
      proof.why = key + " with " + std::to_string(crowd.size) + " threads" +
                  (more ? " and others: " : ": ");
      if (r == z3::unknown) {
        proof.why += gave_up_;
      } else {
        const z3::model m = s.get_model();
        proof.why += "nothing known excludes";
        for (Field f = 0; f < crowd.schema().size(); ++f) {
          const FieldInfo &info = crowd.schema()[f];
          const auto &names = info.thread < 0 ? text_.vocabulary.common : text_.vocabulary.thread;
          const z3::expr v = m.eval(step.pre[f], true);
          const unsigned value = v.is_bool() ? v.is_true() : v.get_numeral_uint();
          if (value && (names.contains(info.name) || info.thread >= 0))
            proof.why +=
                " " + field_text(crowd.schema(), f) + "=" +
                (f == crowd.count() ? std::to_string(value) : value_text(crowd.schema(), f, value));
        }
        proof.why += more ? " others=" + m.eval(rest, true).to_string() : "";
      }
    }
    s.pop();
    const double took = std::chrono::duration<double>(Clock::now() - start).count();
    ++proof.obligations;
    proof.seconds += took;
    proof.slowest = std::max(proof.slowest, took);
  }
}

void Task::instance(const std::string &key) {
  if (limit_.over()) return fail("time limit");
  const Crowd &most = text_.crowd(kLargest);
  if (!limit_.asks_about(most.model->instances[most.first.at(key)])) return;
  const int named = static_cast<int>(most.roles[most.first.at(key)].named.size());
  const auto have = [&](int n) { return text_.crowd(n).first.contains(key); };
  int kept = 0;
  for (int w = 0; w <= kMaxWitnesses && !kept; ++w) {
    const int n = named + 1 + w;
    if (n + 1 > kLargest || !have(n) || !have(n + 1) || !leaves_out(key, text_.crowd(n + 1), w))
      continue;
    kept = n;
    ++found.witnesses[static_cast<std::size_t>(w)];
  }
  if (!kept) return fail(key + ": depends on more of the other threads");
  for (int n = named; n <= kept; ++n) {
    if (!have(n)) continue;
    prove(key, text_.crowd(n), n == kept);
    if (n > named) claims(key, text_.crowd(n + 1), named);
  }
}

// ---- The properties alone -----------------------------------------------------------------------

void Task::properties() {
  for (std::size_t p = 0; p < text_.properties.size(); ++p) {
    const CrowdProperty &of = text_.properties[p];
    if (!of.property.over_state || limit_.without(of)) continue;
    const bool consequence = of.role == CrowdProperty::consequence;
    for (int n = 1; n <= kSymmetric; ++n) {
      const Crowd &crowd = text_.crowd(n);
      const State initial = crowd.model->initial();
      if (!evaluate(crowd.schema(), *text_.state(n, p), initial, initial))
        found.proofs[p].why = "it does not hold initially";
      const Terms &pre = any(crowd).pre;
      if (consequence && n <= 3) {
        z3::solver s = solver_with_all(crowd, true);
        s.add(!state(crowd, p, pre, nobody()));
        ++found.proofs[p].obligations;
        if (ask(s, &found.proofs[p].uses) != z3::unsat)
          found.proofs[p].why = "does not follow from the others " + gave_up_;
      }
      if (n < 3) continue;
      const Crowd &small = text_.crowd(n - 1);
      z3::expr_vector parts(context_);
      for (int out = 1; out < n; ++out) {
        const Terms less = seen(crowd, pre, small, all_but(n, out));
        const z3::expr &owes = pre[crowd.schema().thread[static_cast<std::size_t>(out)].consume];
        parts.push_back(state(small, p, less, number(owes)));
      }
      const z3::expr whole = state(crowd, p, pre, nobody());
      // What follows from the others needs to be one only where they hold.
      z3::solver s = solver_with_all(crowd, true);
      s.add(z3::mk_and(parts));
      s.add(!whole);
      ++found.claims;
      bool each = ask(s, consequence ? &found.proofs[p].uses : nullptr) == z3::unsat;
      if (!consequence) {
        z3::solver back = solver();
        back.add(whole);
        back.add(!z3::mk_and(parts));
        each = each && ask(back) == z3::unsat;
      }
      if (!each) fail(of.property.id + ": is no claim about each thread");
    }
  }
}

}  // namespace

CrowdText::CrowdText(const Unroll &unroll) {
  crowds.resize(kLargest + 1);
  states.resize(kLargest + 1);
  steps.resize(kLargest + 1);
  for (int n = 1; n <= kLargest; ++n) {
    crowds[static_cast<std::size_t>(n)] = std::make_unique<Crowd>(unroll(n));
    if (crowd(n).size != n) throw std::logic_error("not unrolled for that many threads");
  }
  properties = crowd_properties(*crowd(1).model->config);
  for (int n = 1; n <= kLargest; ++n) {
    const Model &m = *crowd(n).model;
    for (const CrowdProperty &p : properties) {
      auto &all = states[static_cast<std::size_t>(n)];
      all.emplace_back();
      if (p.property.over_state) all.back() = p.property.over_state(m);
    }
    for (const auto &[key, instance] : crowd(n).first) {
      auto &all = steps[static_cast<std::size_t>(n)][key];
      for (const CrowdProperty &p : properties) {
        all.emplace_back();
        if (p.property.over_step) all.back() = p.property.over_step(m, m.instances[instance]);
      }
    }
  }
  const Schema &schema = crowd(kSymmetric).schema();
  vocabulary.common.insert(schema[schema.process[0].stop_count].name);
  vocabulary.thread.insert(schema[schema.thread[0].consume].name);
  for (std::size_t p = 0; p < properties.size(); ++p) {
    if (properties[p].role == CrowdProperty::consequence) continue;
    if (const auto &e = state(kSymmetric, p)) vocabulary.add(schema, *e);
    for (const auto &[key, instance] : crowd(kSymmetric).first)
      if (const auto &e = step(kSymmetric, key, p)) vocabulary.add(schema, *e);
  }
}

CrowdLimit::CrowdLimit(const CrowdOptions &options) : options_(options) {
  if (options.time_limit > 0)
    end_ = Clock::now() + std::chrono::duration_cast<Clock::duration>(
                              std::chrono::duration<double>(options.time_limit));
}
bool CrowdLimit::over() const {
  return Clock::now() > end_ || (options_.interrupted && *options_.interrupted);
}
bool CrowdLimit::without(const CrowdProperty &p) const {
  const auto &all = options_.without;
  return std::find(all.begin(), all.end(), p.property.id) != all.end();
}
bool CrowdLimit::asks_about(const Instance &i) const {
  const auto &all = options_.rules;
  return all.empty() || std::find(all.begin(), all.end(), i.rule->id) != all.end();
}

CrowdFindings ask_symmetry(const CrowdText &text, int size, std::size_t from, std::size_t to,
                           const CrowdLimit &limit) {
  Task task(text, limit);
  for (std::size_t i = from; i < to; ++i) task.symmetry(size, i);
  return std::move(task.found);
}
CrowdFindings ask_instances(const CrowdText &text, const std::vector<std::string> &keys,
                            const CrowdLimit &limit) {
  Task task(text, limit);
  for (const std::string &key : keys) task.instance(key);
  return std::move(task.found);
}
CrowdFindings ask_properties(const CrowdText &text, const CrowdLimit &limit) {
  Task task(text, limit);
  task.properties();
  return std::move(task.found);
}

}  // namespace ptmc::checker
