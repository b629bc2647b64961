#include "tools/vectors/generate.hpp"

#include <algorithm>
#include <set>
#include <unordered_map>

#include "model/property.hpp"
#include "tools/vectors/settled.hpp"
#include "tools/vectors/walk.hpp"

namespace ptmc::vectors {

using model::Action;
using model::Actor;
using model::Instance;
using model::State;
using traces::Outcome;
using traces::Vector;
using traces::VectorStep;
using Place = Settled::Place;

namespace {

constexpr std::size_t kTries = 3;  // runs to a goal, where the first does not make a vector

std::uint64_t mixed(std::uint64_t h, std::uint64_t x) {
  h = (h ^ x) * 0xff51afd7ed558ccdu;
  return h ^ h >> 32;
}

void add_missing(std::vector<State> &all, const std::vector<State> &more) {
  for (const State &s : more)
    if (std::find(all.begin(), all.end(), s) == all.end()) all.push_back(s);
}

class Generator {
 public:
  Generator(const model::Model &model, const std::string &name, const GenerateOptions &options)
      : m_(model),
        name_(name),
        options_(options),
        settled_(model, options.fast),
        walk_(model, settled_),
        last_observations_(observations()) {}

  Generated generate() {
    find_goals();
    std::vector<bool> covered(goals_.size());
    for (std::uint32_t g = 0; g < goals_.size() && result_.complete; ++g) {
      if (covered[g]) continue;
      std::string why;
      for (const Seen &seen : goals_[g].seen) {
        if (auto made = make(g, seen, why)) {
          for (const std::uint32_t other : made->second) covered[other] = true;
          made_.push_back(std::move(*made));
          break;
        }
      }
      if (!covered[g]) ++result_.uncovered[why];
      check_interrupted();
    }
    leave_out_needless();
    result_.goals = goals_.size();
    result_.covered = static_cast<std::size_t>(std::count(covered.begin(), covered.end(), true));
    result_.states = settled_.size();
    std::set<std::string> rules;
    for (auto &[v, goals] : made_) {
      rules.insert(v.covers.begin(), v.covers.end());
      result_.vectors.push_back(std::move(v));
    }
    result_.rules.assign(rules.begin(), rules.end());
    return std::move(result_);
  }

 private:
  // A step that reaches a goal: the state that it is taken in, and the instance; where a step
  // before it counts too, that one, taken in the state before.
  struct Seen {
    Place place;
    std::size_t instance;
    std::optional<std::size_t> before = {};
  };
  struct Goal {
    std::vector<Seen> seen;
  };
  using Made = std::pair<Vector, Goals>;

  void check_interrupted() {
    if (options_.interrupted && *options_.interrupted) result_.complete = false;
  }

  // ---- Goals

  std::uint64_t situation(const State &s, const Instance &i) const {
    std::uint64_t h = 0;
    for (int t = 0; t < m_.threads(); ++t) {
      const model::ThreadFields &f = m_.schema.thread[static_cast<std::size_t>(t)];
      h = mixed(h, static_cast<std::uint64_t>(stop_kind(m_.schema, s, t)) << 8 |
                       m_.schema.get(s, f.tracing));
    }
    return mixed(h, options_of(s, i));
  }
  // The options of the thread that acts or is acted upon, bit by Option.
  std::uint64_t options_of(const State &s, const Instance &i) const {
    const model::ThreadFields &f =
        m_.schema.thread[static_cast<std::size_t>(std::max(i.thread, 0))];
    std::uint64_t bits = 0;
    for (int o = 0; o < model::OPTION_COUNT; ++o)
      bits |= std::uint64_t{m_.schema.get(s, f.option[static_cast<std::size_t>(o)])} << o;
    return bits;
  }
  std::string situation_text(const State &s, const Instance &i) const {
    std::string all;
    for (int t = 0; t < m_.threads(); ++t) {
      static constexpr std::string_view kTraced[] = {"", " attached", " seized"};
      const model::ThreadFields &f = m_.schema.thread[static_cast<std::size_t>(t)];
      all +=
          (t ? ", " : "") + std::string("t") + std::to_string(t) + " " +
          std::string(model::kStopKindNames[static_cast<std::size_t>(stop_kind(m_.schema, s, t))]) +
          std::string(kTraced[m_.schema.get(s, f.tracing)]);
    }
    for (int o = 0; o < model::OPTION_COUNT; ++o)
      if (options_of(s, i) >> o & 1)
        all += " " + std::string(model::kOptionNames[static_cast<std::size_t>(o)]);
    return all;
  }

  std::uint64_t key(const State &s, std::size_t instance) const {
    const Instance &i = m_.instances[instance];
    if (options_.cover == Cover::transitions) return mixed(situation(s, i), instance);
    return static_cast<std::uint64_t>(i.rule->number);
  }

  void find_goals() {
    const bool whole = settled_.explore([&](Place p, const State &s, std::size_t i) {
      note(key(s, i), {p, i});
      if (p % 4096 == 0) check_interrupted();
      return result_.complete;
    });
    result_.complete = whole;
  }

  void note(std::uint64_t key, Seen seen) {
    const auto [it, fresh] = goal_ids_.try_emplace(key, static_cast<std::uint32_t>(goals_.size()));
    if (fresh) goals_.emplace_back();
    std::vector<Seen> &all = goals_[it->second].seen;
    if (all.size() < kTries) all.push_back(seen);
  }

  std::optional<std::uint32_t> goal_of(const State &s, std::size_t instance) const {
    const auto it = goal_ids_.find(key(s, instance));
    if (it == goal_ids_.end()) return std::nullopt;
    return it->second;
  }

  // ---- Vectors

  // How a state in which the kernel has nothing left to do is come to, by one call after another.
  struct Known {
    const Known *before = nullptr;  // nullptr: at the beginning
    VectorStep step;
    std::vector<State> states;  // that it may be
    Goals certain;
    std::string why_not;
  };

  // The states from the last one before `to` in which a call was made: that one, then the instances
  // taken from there.
  struct Stretch {
    Place from;
    std::vector<std::size_t> instances;
  };
  Stretch last_stretch(Place to) const {
    Stretch s{to, {}};
    while (settled_.from(s.from) != Settled::kNone) {
      s.instances.push_back(settled_.by(s.from));
      s.from = settled_.from(s.from);
      if (!settled_.own(s.instances.back())) break;
    }
    std::reverse(s.instances.begin(), s.instances.end());
    return s;
  }

  const Known &known(Place p) {
    const auto [it, fresh] = known_.try_emplace(p);
    Known &k = it->second;
    if (!fresh) return k;
    if (settled_.from(p) == Settled::kNone) {
      k.states = {settled_.state(p)};
      return k;
    }
    const Stretch s = last_stretch(p);
    const Known &before = known(s.from);
    follow(k, before, settled_.state(s.from), s.instances, settled_.state(p));
    return k;
  }

  // One call more, and what then comes of itself, to this state; or by another way to the goal.
  void follow(Known &k, const Known &before, const State &from,
              const std::vector<std::size_t> &instances, const State &to,
              std::optional<std::uint32_t> goal = {}) {
    k.before = &before;
    if (!before.why_not.empty()) {
      k.why_not = before.why_not;
      return;
    }
    Applied applied = walk_.apply(before.states, instances.front(),
                                  [&](const State &s, std::size_t i) { return goal_of(s, i); });
    if (!applied.why_not.empty()) {
      k.why_not = applied.why_not;
      return;
    }
    const Branch *wanted = applied.find(
        walk_.outcome(from, instances.front(), to, {instances.begin() + 1, instances.end()}));
    if (!wanted) {
      k.why_not = "what it shows cannot be told";
      return;
    }
    const auto reaches = [&](const Branch &b) {
      return goal && std::binary_search(b.certain.begin(), b.certain.end(), *goal);
    };
    k.step.call = applied.call;
    k.certain = wanted->certain;
    for (const Branch &b : applied.branches) {
      const bool on = &b == wanted || (reaches(b) && reaches(*wanted));
      k.step.outcomes.push_back(b.outcome);
      k.step.outcomes.back().next = on ? Outcome::kPassed : Outcome::kAside;
      if (!on) continue;
      k.certain = common(k.certain, b.certain);
      add_missing(k.states, b.states);
    }
  }

  std::optional<Made> make(std::uint32_t goal, const Seen &seen, std::string &why) {
    State s = settled_.state(seen.place);
    const Instance &i = m_.instances[seen.instance];
    const std::string situation = situation_text(s, i);
    Stretch stretch{seen.place, {}};
    if (settled_.own(seen.instance)) stretch = last_stretch(seen.place);
    if (settled_.own(seen.instance) && stretch.instances.empty()) {
      why = "it comes before the first call";
      return std::nullopt;
    }
    stretch.instances.push_back(seen.instance);
    State to = s;
    walk_.interpreter().step(seen.instance, s, to);
    const std::vector<std::size_t> rest = walk_.settle(to);
    stretch.instances.insert(stretch.instances.end(), rest.begin(), rest.end());
    Known last;
    follow(last, known(stretch.from), settled_.state(stretch.from), stretch.instances, to, goal);
    if (!last.why_not.empty()) {
      why = last.why_not;
      return std::nullopt;
    }
    if (!std::binary_search(last.certain.begin(), last.certain.end(), goal)) {
      why = "the same is shown without it";
      return std::nullopt;
    }
    return vector_of(last, i, situation);
  }

  Made vector_of(const Known &last, const Instance &purpose, const std::string &situation) {
    Made made;
    Vector &v = made.first;
    v.threads = m_.schema.shape.threads;
    v.started = std::min(v.threads, m_.schema.shape.started);
    v.filtered = (*m_.config)[model::Feature::filters];
    v.tracer_is_parent = (*m_.config)[model::Feature::parent_is_tracer];
    v.orphaned = (*m_.config)[model::Feature::orphaned];
    const bool rules = options_.cover == Cover::rules;
    v.id = name_ + "/" + (rules ? purpose.rule->id : purpose.name() + "@" + situation);
    v.about = purpose.name() + " where " + situation + ": " + purpose.rule->effect;
    v.semantics = purpose.rule->semantics;
    std::set<std::uint32_t> goals;
    for (const Known *k = &last; k->before; k = k->before) {
      v.steps.push_back(k->step);
      goals.insert(k->certain.begin(), k->certain.end());
    }
    std::reverse(v.steps.begin(), v.steps.end());
    observe(v, last.states, goals);
    // An outcome that goes on goes to the next step.
    for (std::size_t s = 0; s + 1 < v.steps.size(); ++s)
      for (Outcome &o : v.steps[s].outcomes)
        if (o.next == Outcome::kPassed) o.next = static_cast<int>(s + 1);
    made.second.assign(goals.begin(), goals.end());
    std::set<std::string> ids;
    for (const std::uint32_t g : made.second)
      ids.insert(m_.instances[goals_[g].seen.front().instance].rule->id);
    v.covers.assign(ids.begin(), ids.end());
    return made;
  }

  // Looks at what has come of it, where that changes nothing that is still to be seen.
  void observe(Vector &v, std::vector<State> states, std::set<std::uint32_t> &goals) {
    for (const std::size_t i : last_observations_) {
      Applied applied =
          walk_.apply(states, i, [&](const State &s, std::size_t j) { return goal_of(s, j); });
      if (!applied.why_not.empty() || applied.branches.empty()) continue;
      Goals certain = applied.branches.front().certain;
      VectorStep step{applied.call, {}};
      states.clear();
      for (Branch &b : applied.branches) {
        certain = common(certain, b.certain);
        b.outcome.next = Outcome::kPassed;
        step.outcomes.push_back(std::move(b.outcome));
        add_missing(states, b.states);
      }
      goals.insert(certain.begin(), certain.end());
      v.steps.push_back(std::move(step));
    }
  }

  // Of each thread: what wait has to report, GETSIGINFO, GETEVENTMSG; and what the real parent
  // sees.
  std::vector<std::size_t> observations() const {
    std::vector<std::size_t> all;
    const auto add = [&](auto &&is) {
      std::optional<std::size_t> best;  // of waits the one with the most options
      for (std::size_t i = 0; i < m_.instances.size(); ++i)
        if (is(m_.instances[i]) &&
            (!best || m_.instances[i].label.options > m_.instances[*best].label.options))
          best = i;
      if (best) all.push_back(*best);
    };
    for (int t = 0; t < m_.threads(); ++t) {
      const auto nothing_there = [t](const Instance &i, Actor actor) {
        return i.rule->actor == actor && i.label.action == Action::wait && i.label.thread == t &&
               i.label.tracer == 0 && (i.label.options & model::kNohang) &&
               !(i.label.options & model::kNowait);
      };
      add([&](const Instance &i) { return nothing_there(i, Actor::tracer); });
      for (const Action action : {Action::getsiginfo, Action::geteventmsg})
        add([&](const Instance &i) {
          return i.label.action == action && i.label.thread == t && i.label.tracer == 0;
        });
      if (m_.schema.is_leader(t))
        add([&](const Instance &i) { return nothing_there(i, Actor::parent); });
    }
    return all;
  }

  // Vectors all of whose goals others reach too; long ones first.
  void leave_out_needless() {
    std::vector<std::uint32_t> times(goals_.size());
    for (const auto &[v, goals] : made_)
      for (const std::uint32_t g : goals) ++times[g];
    std::stable_sort(made_.begin(), made_.end(), [](const Made &a, const Made &b) {
      return a.first.steps.size() < b.first.steps.size();
    });
    for (auto it = made_.rbegin(); it != made_.rend(); ++it) {
      const Goals &goals = it->second;
      if (!std::all_of(goals.begin(), goals.end(), [&](std::uint32_t g) { return times[g] > 1; }))
        continue;
      for (const std::uint32_t g : goals) --times[g];
      it->first.steps.clear();
    }
    std::erase_if(made_, [](const Made &m) { return m.first.steps.empty(); });
  }

  const model::Model &m_;
  const std::string name_;
  const GenerateOptions &options_;
  Settled settled_;
  Walk walk_;
  const std::vector<std::size_t> last_observations_;
  std::vector<Goal> goals_;
  std::unordered_map<std::uint64_t, std::uint32_t> goal_ids_;
  std::unordered_map<Place, Known> known_;  // their addresses stay
  std::vector<Made> made_;
  Generated result_;
};

}  // namespace

Generated generate(const model::Model &model, const std::string &name,
                   const GenerateOptions &options) {
  return Generator(model, name, options).generate();
}

}  // namespace ptmc::vectors
