#include "tools/vectors/generate.hpp"

#include <linux/ptrace.h>

#include <algorithm>
#include <set>
#include <unordered_map>

#include "model/property.hpp"
#include "tools/vectors/apart.hpp"
#include "tools/vectors/settled.hpp"
#include "tools/vectors/walk.hpp"
#include "traces/staging.hpp"

namespace ptmc::vectors {

using model::Action;
using model::Actor;
using model::Instance;
using model::State;
using traces::KernelVersion;
using traces::Needs;
using traces::Outcome;
using traces::Vector;
using traces::VectorStep;
using Place = Settled::Place;

namespace {

constexpr std::size_t kTries = 8;  // runs to a goal, where the first does not make a vector
// Cover::states keeps all steps of the exploration, and makes some vectors for each goal.
constexpr std::size_t kMostSettled = 1'000'000, kMostStates = 50'000;

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
        last_observations_(observations()) {
    if (options.cover == Cover::states) apart_.emplace(model, own_, settled_, walk_);
    find_needs_of_calls();
  }

  Generated generate() {
    find_goals();
    std::vector<bool> covered(goals_.size());
    for (std::uint32_t g = 0; g < goals_.size() && result_.complete; ++g) {
      if (covered[g]) continue;
      std::string why;
      std::optional<Made> best;
      for (const Seen &seen : goals_[g]) {
        auto made = make(g, seen, why);
        if (made && (!best || !is_left_to_luck(made->vector))) best = std::move(made);
        if (best && !is_left_to_luck(best->vector)) break;
      }
      // Where so much is asked for, what luck alone can reach is not.
      if (best && asks_for_much() && is_left_to_luck(best->vector)) {
        best.reset();
        why = "only the kernel's timing brings it about";
      }
      if (best) {
        for (const std::uint32_t other : best->goals) covered[other] = true;
        add(std::move(*best));
      }
      if (!covered[g]) ++result_.uncovered[why];
      check_interrupted();
    }
    if (!apart_) leave_out_needless();
    result_.goals = goals_.size();
    result_.covered = static_cast<std::size_t>(std::count(covered.begin(), covered.end(), true));
    for (Made &m : made_) {
      m.vector.needs = needs_of(m.vector);
      result_.vectors.push_back(std::move(m.vector));
    }
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
  struct Made {
    Vector vector;
    Goals goals;
    Beliefs states;  // at its end
  };

  // The kernel may leave the purpose.
  static bool is_left_to_luck(const Vector &v) {
    return std::any_of(v.steps.begin(), v.steps.end(), [](const VectorStep &step) {
      return std::any_of(step.outcomes.begin(), step.outcomes.end(),
                         [](const Outcome &o) { return o.next == Outcome::kAside; });
    });
  }

  bool asks_for_much() const {
    return options_.cover == Cover::transitions || options_.cover == Cover::states;
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
  std::uint64_t key(const Believed &s, std::size_t instance) {
    const auto mine = static_cast<std::uint64_t>(rule(instance));
    if (options_.cover == Cover::transitions)
      return mixed(situation(s.state, m_.instances[instance]), instance);
    if (apart_) return mixed(apart_->class_of(settled_.place(s.state)), instance);
    return mine << 32 | static_cast<std::uint64_t>(s.last);
  }

  void find_goals() {
    if (apart_) return find_states();
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

  void find_states() {
    std::vector<std::pair<Place, std::size_t>> calls;
    result_.complete = settled_.explore([&](Place p, const State &s, std::size_t i) {
      apart_->note(p, s, i);
      if (!own_.is[i]) calls.emplace_back(p, i);
      if (p % 4096 == 0) check_interrupted();
      if (settled_.size() > kMostSettled) give_up("the world is too large for states");
      return result_.complete;
    });
    if (!result_.complete) return;
    apart_->finish();
    for (const auto &[p, i] : calls) note(mixed(apart_->class_of(p), i), {p, i});
    if (goals_.size() > kMostStates) give_up("there are too many calls in states");
  }
  void give_up(const char *why) {
    result_.complete = false;
    result_.uncovered[why] = std::max<std::size_t>(goals_.size(), 1);
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

  Purpose purpose_of(const Believed &s, std::size_t instance) {
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
    std::string run;  // states are known by the calls that lead there
    for (Place p = seen.place; apart_ && settled_.from(p) != Settled::kNone; p = settled_.from(p))
      if (!own_.is[settled_.by(p)]) run = m_.instances[settled_.by(p)].name() + ">" + run;
    return run + i.name() + "@" + situation;
  }

  // An outcome that goes on goes to the next step.
  static void close(Vector &v) {
    for (std::size_t s = 0; s + 1 < v.steps.size(); ++s)
      for (Outcome &o : v.steps[s].outcomes)
        if (o.next == Outcome::kPassed) o.next = static_cast<int>(s + 1);
  }

  Made vector_of(const Known &last, const Seen &seen) {
    const std::string situation =
        situation_text(settled_.state(seen.place), m_.instances[seen.instance]);
    const Instance &purpose = m_.instances[seen.then.value_or(seen.instance)];
    Made made;
    Vector &v = made.vector;
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
    made.states = observe(v, last.states, goals);
    close(v);
    made.goals.assign(goals.begin(), goals.end());
    std::set<std::string> ids;
    for (const std::uint32_t g : made.goals) {
      const Seen &one = goals_[g].front();
      ids.insert(m_.instances[one.instance].rule->id);
      if (one.then) ids.insert(m_.instances[*one.then].rule->id);
    }
    v.covers.assign(ids.begin(), ids.end());
    return made;
  }

  // Looks at what has come of it, where that changes nothing that is still to be seen.
  Beliefs observe(Vector &v, Beliefs states, std::set<std::uint32_t> &goals) {
    for (const std::size_t i : last_observations_) observe(v, states, goals, i);
    return states;
  }
  // Whatever the call shows; false: it may not return.
  bool observe(Vector &v, Beliefs &states, std::set<std::uint32_t> &goals, std::size_t instance) {
    Applied applied = apply(states, instance);
    if (!applied.why_not.empty() || applied.branches.empty()) return false;
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
    return true;
  }

  // The vector; or several, each with calls more by which it is seen which state it has come to.
  void add(Made made) {
    if (!apart_) {
      made_.push_back(std::move(made));
      return;
    }
    std::vector<Calls> suffixes = apart_->telling(settled_.place(made.states.front().state));
    if (suffixes.empty()) suffixes.push_back({});
    for (const Calls &calls : suffixes) {
      Made longer = made;
      std::set<std::uint32_t> goals;
      Beliefs states = made.states;
      for (const std::size_t i : calls) {
        longer.vector.id += ">" + m_.instances[i].name();
        if (!observe(longer.vector, states, goals, i)) break;
      }
      close(longer.vector);
      made_.push_back(std::move(longer));
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

  // ---- What they need

  using CallKind = std::pair<traces::Call, long>;  // and the request of ptrace
  static CallKind kind_of(const traces::Step &call) {
    return {call.event.call, call.event.request};
  }
  Needs needs_of(const model::Rule &rule) const {
    Needs needs{traces::kernel_version(rule.since), traces::kernel_version(rule.until)};
    // What 3.1 had of SEIZE was for tests only.
    const model::Config &config = *m_.config;
    if (config[model::Feature::hidden_bit] && config[model::Feature::seize_options] &&
        needs.since == KernelVersion{3, 1})
      needs.since = {3, 4};
    return needs;
  }
  static void add(Needs &needs, const Needs &more) {
    needs.since = std::max(needs.since, more.since);
    if (more.until == KernelVersion()) return;
    needs.until = needs.until == KernelVersion() ? more.until : std::min(needs.until, more.until);
  }

  // A call needs what all rules need by which it may return.
  void find_needs_of_calls() {
    const State first = m_.initial();
    for (const Instance &i : m_.instances) {
      const traces::StagedCall made = traces::call_of(m_, i, first);
      if (!made.step) continue;
      const Needs needs = needs_of(*i.rule);
      const auto [it, fresh] = needs_of_calls_.try_emplace(kind_of(*made.step), needs);
      if (fresh) continue;
      it->second.since = std::min(it->second.since, needs.since);
      KernelVersion &until = it->second.until;
      const bool ends = until != KernelVersion() && needs.until != KernelVersion();
      until = ends ? std::max(until, needs.until) : KernelVersion();
    }
  }

  Needs needs_of(const Vector &v) const {
    Needs needs;
    needs.seccomp = v.filtered;
    if (v.filtered) needs.since = {3, 5};
    for (const model::Rule &rule : m_.rules)
      if (std::find(v.covers.begin(), v.covers.end(), rule.id) != v.covers.end())
        add(needs, needs_of(rule));
    for (const VectorStep &step : v.steps) {
      if (const auto it = needs_of_calls_.find(kind_of(step.call)); it != needs_of_calls_.end())
        add(needs, it->second);
      const traces::Event &e = step.call.event;
      if (e.call != traces::Call::ptrace) continue;
      needs.ptrace = true;
      if (e.request != PTRACE_SEIZE && e.request != PTRACE_SETOPTIONS) continue;
      if (e.data & PTRACE_O_TRACESECCOMP) needs.since = std::max(needs.since, {3, 5});
      if (e.data & PTRACE_O_EXITKILL) needs.since = std::max(needs.since, {3, 8});
    }
    return needs;
  }

  // Vectors all of whose goals others reach too; long ones first.
  void leave_out_needless() {
    std::vector<std::uint32_t> times(goals_.size());
    for (const Made &m : made_)
      for (const std::uint32_t g : m.goals) ++times[g];
    std::stable_sort(made_.begin(), made_.end(), [](const Made &a, const Made &b) {
      return a.vector.steps.size() < b.vector.steps.size();
    });
    for (auto it = made_.rbegin(); it != made_.rend(); ++it) {
      const Goals &goals = it->goals;
      if (!std::all_of(goals.begin(), goals.end(), [&](std::uint32_t g) { return times[g] > 1; }))
        continue;
      for (const std::uint32_t g : goals) --times[g];
      it->vector.steps.clear();
    }
    std::erase_if(made_, [](const Made &m) { return m.vector.steps.empty(); });
  }

  const model::Model &m_;
  const std::string name_;
  const GenerateOptions &options_;
  const OwnSteps own_;
  Settled settled_;
  Walk walk_;
  const std::vector<std::size_t> last_observations_;
  std::optional<Apart> apart_;  // Cover::states
  std::map<CallKind, Needs> needs_of_calls_;
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
