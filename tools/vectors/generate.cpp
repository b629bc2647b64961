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

constexpr std::size_t kTries = 8;  // runs to a goal, where the first does not make a vector

std::uint64_t mixed(std::uint64_t h, std::uint64_t x) {
  h = (h ^ x) * 0xff51afd7ed558ccdu;
  return h ^ h >> 32;
}

class Generator {
 public:
  Generator(const model::Model &model, const std::string &name, const GenerateOptions &options)
      : m_(model),
        name_(name),
        options_(options),
        own_(model),
        settled_(model, own_, options.fast),
        walk_(model, own_),
        last_observations_(observations()) {}

  Generated generate() {
    find_goals();
    std::vector<bool> covered(goals_.size());
    for (std::uint32_t g = 0; g < goals_.size() && result_.complete; ++g) {
      if (covered[g]) continue;
      std::string why;
      std::optional<Made> best;
      for (const Seen &seen : goals_[g]) {
        auto made = make(g, seen, why);
        if (made && (!best || !is_left_to_luck(made->first))) best = std::move(made);
        if (best && !is_left_to_luck(best->first)) break;
      }
      // Where so much is asked for, what luck alone can reach is not.
      if (best && options_.cover == Cover::transitions && is_left_to_luck(best->first)) {
        best.reset();
        why = "only the kernel's timing brings it about";
      }
      if (best) {
        for (const std::uint32_t other : best->second) covered[other] = true;
        made_.push_back(std::move(*best));
      }
      if (!covered[g]) ++result_.uncovered[why];
      check_interrupted();
    }
    leave_out_needless();
    result_.goals = goals_.size();
    result_.covered = static_cast<std::size_t>(std::count(covered.begin(), covered.end(), true));
    for (auto &[v, goals] : made_) result_.vectors.push_back(std::move(v));
    return std::move(result_);
  }

 private:
  // A step that reaches a goal: the state that it is taken in, and the instance; or that one and
  // the next.
  struct Seen {
    Place place;
    std::size_t instance;
    std::optional<std::size_t> then = {};  // taken after it
  };
  using Made = std::pair<Vector, Goals>;

  // The kernel may leave the purpose.
  static bool is_left_to_luck(const Vector &v) {
    return std::any_of(v.steps.begin(), v.steps.end(), [](const VectorStep &step) {
      return std::any_of(step.outcomes.begin(), step.outcomes.end(),
                         [](const Outcome &o) { return o.next == Outcome::kAside; });
    });
  }

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

  // Rules count from 1: 0 is none.
  int rule(std::size_t instance) const { return m_.instances[instance].rule->number + 1; }
  std::uint64_t key(const Believed &s, std::size_t instance) const {
    const auto mine = static_cast<std::uint64_t>(rule(instance));
    if (options_.cover == Cover::transitions)
      return mixed(situation(s.state, m_.instances[instance]), instance);
    return mine << 32 | static_cast<std::uint64_t>(s.last);
  }

  void find_goals() {
    const bool pairs = options_.cover == Cover::pairs;
    std::vector<std::set<int>> rules;  // that may be used, by place
    result_.complete = settled_.explore([&](Place p, const State &s, std::size_t i) {
      if (pairs) {
        if (rules.size() <= p) rules.resize(p + 1);
        rules[p].insert(rule(i));
      } else {
        note(key({s}, i), {p, i});
      }
      if (p % 4096 == 0) check_interrupted();
      return result_.complete;
    });
    if (!pairs || !result_.complete) return;
    rules.resize(settled_.size());
    result_.complete = settled_.explore([&](Place p, const State &s, std::size_t i) {
      State to;
      walk_.interpreter().step(i, s, to);
      find_pairs(p, i, to, rules[settled_.place(to)]);
      if (p % 4096 == 0) check_interrupted();
      return result_.complete;
    });
  }

  void find_pairs(Place p, std::size_t i, const State &to, const std::set<int> &rules) {
    for (const int second : rules) {
      const std::uint64_t pair =
          static_cast<std::uint64_t>(second) << 32 | static_cast<std::uint64_t>(rule(i));
      const auto known = goal_ids_.find(pair);
      if (known != goal_ids_.end() && goals_[known->second].size() >= kTries) continue;
      for (std::size_t j = 0; j < m_.instances.size(); ++j)
        if (rule(j) == second && walk_.interpreter().enabled(j, to)) {
          note(pair, {p, i, j});
          break;
        }
    }
  }

  void note(std::uint64_t key, Seen seen) {
    const auto [it, fresh] = goal_ids_.try_emplace(key, static_cast<std::uint32_t>(goals_.size()));
    if (fresh) goals_.emplace_back();
    std::vector<Seen> &all = goals_[it->second];
    if (all.size() < kTries) all.push_back(seen);
  }

  Purpose purpose_of(const Believed &s, std::size_t instance) const {
    Purpose purpose;
    if (options_.cover == Cover::pairs) purpose.last = rule(instance);
    if (const auto it = goal_ids_.find(key(s, instance)); it != goal_ids_.end())
      purpose.goal = it->second;
    return purpose;
  }

  // ---- Vectors

  // How a state in which the kernel has nothing left to do is come to, by one call after another.
  struct Known {
    const Known *before = nullptr;  // nullptr: at the beginning
    VectorStep step;
    Beliefs states;
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
      if (!own_.is[s.instances.back()]) break;
    }
    std::reverse(s.instances.begin(), s.instances.end());
    return s;
  }

  const Known &known(Place p) {
    const auto [it, fresh] = known_.try_emplace(p);
    Known &k = it->second;
    if (!fresh) return k;
    if (settled_.from(p) == Settled::kNone) {
      k.states = {{settled_.state(p)}};
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
    Applied applied = apply(before.states, instances.front());
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

  Applied apply(const Beliefs &states, std::size_t instance) {
    return walk_.apply(states, instance,
                       [&](const Believed &s, std::size_t i) { return purpose_of(s, i); });
  }

  std::optional<Made> make(std::uint32_t goal, const Seen &seen, std::string &why) {
    Stretch stretch{seen.place, {}};
    if (own_.is[seen.instance]) stretch = last_stretch(seen.place);
    if (own_.is[seen.instance] && stretch.instances.empty()) {
      why = "it comes before the first call";
      return std::nullopt;
    }
    const Known *before = &known(stretch.from);
    State from = settled_.state(stretch.from);
    stretch.instances.push_back(seen.instance);
    State to;
    walk_.interpreter().step(seen.instance, settled_.state(seen.place), to);
    Known first;
    if (seen.then && !own_.is[*seen.then]) {  // another call
      follow(first, *before, from, stretch.instances, to);
      before = &first;
      from = to;
      stretch.instances.clear();
    }
    if (seen.then) {
      stretch.instances.push_back(*seen.then);
      walk_.interpreter().step(*seen.then, State(to), to);
    }
    const std::vector<std::size_t> rest = walk_.settle(to);
    stretch.instances.insert(stretch.instances.end(), rest.begin(), rest.end());
    Known last;
    follow(last, *before, from, stretch.instances, to, goal);
    if (!last.why_not.empty()) {
      why = last.why_not;
      return std::nullopt;
    }
    if (!std::binary_search(last.certain.begin(), last.certain.end(), goal)) {
      why = "the same is shown without it";
      return std::nullopt;
    }
    return vector_of(last, seen);
  }

  std::string id(const Seen &seen, const std::string &situation) const {
    const Instance &i = m_.instances[seen.instance];
    if (options_.cover == Cover::rules) return i.rule->id;
    if (seen.then) return i.rule->id + "," + m_.instances[*seen.then].rule->id;
    return i.name() + "@" + situation;
  }

  Made vector_of(const Known &last, const Seen &seen) {
    const std::string situation =
        situation_text(settled_.state(seen.place), m_.instances[seen.instance]);
    const Instance &purpose = m_.instances[seen.then.value_or(seen.instance)];
    Made made;
    Vector &v = made.first;
    v.threads = m_.schema.shape.threads;
    v.started = std::min(v.threads, m_.schema.shape.started);
    v.reaped = (*m_.config)[model::Feature::parent_dies];
    v.filtered = (*m_.config)[model::Feature::filters];
    v.tracer_is_parent = (*m_.config)[model::Feature::parent_is_tracer];
    v.orphaned = (*m_.config)[model::Feature::orphaned];
    v.id = name_ + "/" + id(seen, situation);
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
    for (const std::uint32_t g : made.second) {
      const Seen &one = goals_[g].front();
      ids.insert(m_.instances[one.instance].rule->id);
      if (one.then) ids.insert(m_.instances[*one.then].rule->id);
    }
    v.covers.assign(ids.begin(), ids.end());
    return made;
  }

  // Looks at what has come of it, where that changes nothing that is still to be seen.
  void observe(Vector &v, Beliefs states, std::set<std::uint32_t> &goals) {
    for (const std::size_t i : last_observations_) {
      Applied applied = apply(states, i);
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
      // What was reported is not reported again.
      add([&](const Instance &i) { return nothing_there(i, Actor::tracer); });
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
  const OwnSteps own_;
  Settled settled_;
  Walk walk_;
  const std::vector<std::size_t> last_observations_;
  std::vector<std::vector<Seen>> goals_;  // ways to each
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
