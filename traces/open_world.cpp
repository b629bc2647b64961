#include "traces/open_world.hpp"

#include <fmt/format.h>
#include <linux/ptrace.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <unordered_map>
#include <unordered_set>

#include "model/property.hpp"
#include "model/requests.hpp"
#include "traces/jsonl.hpp"
#include "traces/models.hpp"
#include "traces/next.hpp"
#include "traces/plan.hpp"

namespace ptmc::traces {
namespace {

using model::Action;
using model::Loc;
using model::State;
using model::Value;
using States = std::vector<State>;  // sorted, without duplicates

bool before(const State &a, const State &b) { return a.w < b.w; }
void normalise(States &s) {
  std::sort(s.begin(), s.end(), before);
  s.erase(std::unique(s.begin(), s.end()), s.end());
}

struct StateHash {
  std::size_t operator()(const State &s) const {
    std::uint64_t h = 0;
    for (std::uint64_t w : s.w) h = (h ^ w) * 0xff51afd7ed558ccdu, h ^= h >> 32;
    return h;
  }
};

// What a call did to the set of states of one tracee.
struct Effect {
  std::size_t states = 0;   // number of the set
  std::size_t allowed = 0;  // different outcomes that the call could have had
  std::size_t reached = 0;  // states looked at
  std::size_t before = 0;   // number of the set in which it may have happened, if that is kept
};

// The model of one process, either a child of the tracer or somebody else's. The sets of states are
// numbered, and what a call makes of one is computed once.
class Process {
 public:
  Process(std::shared_ptr<Machine> shared, bool keeps_before)
      : keeps_before(keeps_before),
        machine_(std::move(shared)),
        model(machine_->model),
        interpreter(machine_->interpreter),
        index(machine_->index) {
    for (std::size_t i : index.hidden()) silent_.push_back(i);
    for (std::size_t i = 0; i < model.instances.size(); ++i) {
      const model::Instance &instance = model.instances[i];
      const Action a = instance.label.action;
      // A sleep that ends by itself shows no more than a plain call.
      const bool sleeps = instance.label.arg == static_cast<int>(model::SysCall::sleep);
      const bool sent = a == Action::send && instance.label.err == model::Err::ok &&
                        (instance.label.arg == model::CONT || instance.label.arg == model::KILL);
      const bool own = (a == Action::traceme || (a == Action::enter_syscall && !sleeps)) &&
                       instance.label.err == model::Err::ok;
      const bool parents = a == Action::wait && instance.rule->actor == model::Actor::parent &&
                           !instance.updates.empty();
      if (sent || own || parents) silent_.push_back(i);
    }
    silent_at_ = std::make_unique<ByLocation>(model, silent_);
  }

  std::size_t number(States s) {
    normalise(s);
    auto [it, fresh] = numbers_.try_emplace(s, sets_.size());
    if (fresh) sets_.push_back(std::move(s));
    return it->second;
  }
  const States &set(std::size_t n) const { return sets_[n]; }
  std::size_t both(std::size_t n, States more) {
    more.insert(more.end(), sets_[n].begin(), sets_[n].end());
    return number(std::move(more));
  }

  // All states that hidden steps lead to; asleep: while it sleeps in a stop.
  const States &closure(std::size_t n, bool asleep = false) {
    std::unordered_map<std::size_t, States> &closures = closures_[asleep];
    if (auto it = closures.find(n); it != closures.end()) return it->second;
    std::unordered_set<State, StateHash> seen;
    States work;
    const auto reach = [&](const State &s) {
      if (!asleep || in_stop(model.schema.loc(s, 0)))
        if (seen.insert(s).second) work.push_back(s);
    };
    for (const State &s : sets_[n]) reach(s);
    State next;
    while (!work.empty()) {
      const State s = work.back();
      work.pop_back();
      silent_at_->each(s, [&](std::size_t i) {
        if (interpreter.step(i, s, next)) reach(next);
      });
    }
    States all(seen.begin(), seen.end());
    std::sort(all.begin(), all.end(), before);
    return closures.emplace(n, std::move(all)).first->second;
  }

  // What a call asks, numbered: calls that ask the same have one plan.
  std::size_t number(Ask ask) {
    if (const auto it = asks_.find(ask); it != asks_.end()) return it->second;
    plans_.push_back(plan(ask, index));
    return asks_.emplace(std::move(ask), plans_.size() - 1).first->second;
  }
  const Plan &plan_of(std::size_t ask) const { return plans_[ask]; }

  // Whether nobody can hear of it any more: dead, or a zombie of another parent's.
  bool gone(std::size_t n, bool own) {
    if (const auto it = gone_.find(n); it != gone_.end()) return it->second;
    const States &all = closure(n);
    return gone_[n] = std::all_of(all.begin(), all.end(), [&](const State &s) {
             const Loc loc = model.schema.loc(s, 0);
             if (loc == Loc::dead) return true;
             return !own && loc == Loc::zombie &&
                    model.schema.get(s, model.schema.thread[0].tracing) == 0;
           });
  }

  // asleep: it has slept in a stop until then.
  Effect apply(std::size_t n, std::size_t ask, bool asleep) {
    const Plan &plan = plans_[ask];
    if (plan.kind == Ask::Kind::state && plan.looks == Ask::Looks::awake) asleep = false;
    const std::uint64_t memo = std::uint64_t{n} << 32 | ask << 1 | asleep;
    if (auto it = effects_.find(memo); it != effects_.end()) return it->second;
    const States &from = closure(n, asleep);
    States to, made;
    std::set<std::uint64_t> outcomes;
    State next;
    const ByLocation alternatives(model, plan.alternatives);
    for (const State &s : from) {
      if (plan.kind == Ask::Kind::state) {
        if (plan.holds(s)) to.push_back(s);
        continue;
      }
      alternatives.each(s, [&](std::size_t i) {
        if (interpreter.enabled(i, s))
          outcomes.insert(outcome_key(model.instances[i], interpreter.output(i, s)));
      });
      for (std::size_t i : plan.stages.at(0).instances) {
        if (!interpreter.step(i, s, next)) continue;
        const auto &shows = plan.stages[0].shows;
        if (shows && !shows(model.instances[i], interpreter.output(i, s))) continue;
        to.push_back(next);
        if (keeps_before) made.push_back(s);
      }
    }
    if (plan.ends == Ends::attached) to = attached(std::move(to));
    const std::size_t reached = from.size();
    const Effect e{number(std::move(to)), outcomes.size(), reached, number(std::move(made))};
    return effects_.emplace(memo, e).first->second;
  }

  // What a call that is not made could show, after steps that nobody sees.
  std::vector<Possible> foresee(std::size_t n, const Event &call, const Plan &plan,
                                const Names &names) const {
    struct Way {
      State at;
      std::size_t from, instance;  // SIZE_MAX: none
    };
    std::vector<Way> ways;
    std::unordered_set<State, StateHash> known;
    const auto reach = [&](const State &s, std::size_t from, std::size_t instance) {
      if (known.insert(s).second) ways.push_back({s, from, instance});
    };
    for (const State &s : sets_[n]) reach(s, SIZE_MAX, SIZE_MAX);
    State next;
    for (std::size_t w = 0; w < ways.size(); ++w) {
      const State from = ways[w].at;
      silent_at_->each(from, [&](std::size_t i) {
        if (interpreter.step(i, from, next)) reach(next, w, i);
      });
    }
    Outcomes outcomes(call, names);
    for (std::size_t w = 0; w < ways.size(); ++w)
      for (const std::size_t i : plan.alternatives)
        if (interpreter.enabled(i, ways[w].at))
          outcomes.add(model.instances[i], interpreter.output(i, ways[w].at), [&] {
            std::vector<std::string> steps;
            for (std::size_t at = w; ways[at].instance != SIZE_MAX; at = ways[at].from)
              steps.insert(steps.begin(), model.instances[ways[at].instance].name());
            return steps;
          });
    return std::move(outcomes.found);
  }

  const bool keeps_before;  // Effect::before
  const std::shared_ptr<Machine> machine_;
  const model::Model &model;
  const model::Interpreter &interpreter;
  const Index &index;

 private:
  // The attacher sleeps until the thread has moved to its trap.
  States attached(States states) {
    const std::size_t n = number(std::move(states));
    States awake;
    for (const State &s : sets_[n])
      if (model.schema.get(s, model.schema.tracer.attaching) == 0) awake.push_back(s);
    if (awake.size() != sets_[n].size())
      for (const State &s : States(closure(n)))
        if (model.schema.get(s, model.schema.tracer.attaching) == 0) awake.push_back(s);
    return awake;
  }

  struct SetHash {
    std::size_t operator()(const States &s) const {
      std::size_t h = s.size();
      for (const State &x : s) h = h * 31 + StateHash()(x);
      return h;
    }
  };
  std::vector<std::size_t> silent_;  // what happens without a call of the tracer's
  std::unique_ptr<ByLocation> silent_at_;
  std::deque<States> sets_;
  std::unordered_map<States, std::size_t, SetHash> numbers_;
  std::array<std::unordered_map<std::size_t, States>, 2> closures_;  // by whether asleep
  std::unordered_map<Ask, std::size_t, AskHash> asks_;
  std::deque<Plan> plans_;
  std::unordered_map<std::uint64_t, Effect> effects_;  // by set and ask
  std::unordered_map<std::size_t, bool> gone_;
};

// A set of pids, in memory that does not depend on how many there are.
class Pids {
 public:
  void add(long pid) {
    if (pid > 0 && pid <= kMaxPid) has_[static_cast<std::size_t>(pid)] = true;
  }
  void remove(long pid) {
    if (pid > 0 && pid <= kMaxPid) has_[static_cast<std::size_t>(pid)] = false;
  }
  std::size_t without(const Pids &others) const {
    std::size_t count = 0;
    for (std::size_t pid = 0; pid < has_.size(); ++pid) count += has_[pid] && !others.has_[pid];
    return count;
  }

 private:
  std::vector<bool> has_ = std::vector<bool>(kMaxPid + 1);
};

class OpenWorld {
 public:
  OpenWorld(Source &source, const model::DesignSpec &spec, const ReplayOptions &options,
            Models &models, ReplayResult &result)
      : source_(source), options_(options), result_(result) {
    Pids named, made;
    std::unordered_map<long, pid_t> makers;
    while (const Event *e = source.next()) {
      survey_.add(*e);
      if (e->call == Call::ptrace) named.add(e->target);
      if (e->call == Call::wait4 && e->ret) named.add(*e->ret);
      if (e->call == Call::fork && e->ret) {
        made.add(*e->ret);
        if (*e->ret > 0) makers[*e->ret] = e->pid;
      }
      // Whom another than its maker traces is none of its own.
      const bool attaches = e->call == Call::ptrace && e->ret == 0 &&
                            (e->request == PTRACE_ATTACH || e->request == PTRACE_SEIZE);
      const pid_t traced = attaches ? e->target : stop_of(*e) >> 8 ? waited_for(*e) : 0;
      const auto maker = makers.find(traced);
      if (maker != makers.end() && maker->second != e->pid) made.remove(traced);
    }
    source.rewind();
    // Only a thread that the tracer has resumed, and so has named, may exec as its tracee.
    const std::size_t strangers = named.without(made);
    for (bool own : {false, true}) {
      model::Config config = model::whole_config(spec, own);
      config[model::Feature::traced_siblings] = strangers > (own ? 0 : 1);
      config[model::Feature::open_world] = true;
      config[model::Feature::waitid] = survey_.waitid;
      config[model::Feature::forges] = !survey_.siginfos.empty();
      for (model::Feature f :
           {model::Feature::forks, model::Feature::clones, model::Feature::execs,
            model::Feature::filters, model::Feature::sigchld, model::Feature::siginfo,
            model::Feature::masks, model::Feature::dispositions, model::Feature::parent_ignores,
            model::Feature::tracer_dies})
        config[f] = false;
      kinds_[own] = std::make_unique<Process>(models.of(survey_.shape(), config, options.mutate),
                                              static_cast<bool>(options.observe));
      Names &names = names_[own].emplace(0, 0, survey_.option_sets, own);
      names.siginfos = survey_.siginfos;
      names.adopt(kinds_[own]->model.schema.shape);
    }
  }

  void run() {
    for (std::size_t n = 0; const Event *e = source_.next(); ++n) {
      if (n + options_.next >= survey_.events) {
        foresee(*e);
        continue;
      }
      if (e->ret || e->call == Call::died) handle(*e);
      if (result_.divergence) result_.divergence->event = source_.place();
      if (result_.divergence || !result_.gave_up.empty()) return;
    }
    result_.accepted = true;
    if (const std::size_t calls = result_.events - inside_)
      result_.mean_allowed_next = allowed_ / static_cast<double>(calls);
    for (const model::Rule &r : kinds_[0]->model.rules) result_.rules.push_back(r.id);
  }

 private:
  static constexpr pid_t kUnknown = -1;
  struct Tracee {
    bool own = false;         // child of the tracer
    pid_t by = kUnknown;      // the thread that traces it, or whose child it is
    pid_t parent = kUnknown;  // whose child it is, if it was seen made
    std::size_t states = 0;   // number of its set
    bool traced = false;      // has ever been
    int signal = 0;           // of the stop last reported
    int event = 0;            // of the stop last reported
    // Where the kernel's own events are known: whether it sleeps in a stop, and what may have come
    // before or after them: the last request, which takes effect until then, and the events since.
    bool asleep = false;
    bool left = false;  // by a tracer that has died: what happens to it is nobody's
    struct Request {
      std::size_t states = 0, ask = 0;
      std::uint64_t until = 0;  // ns
    } request = {};
    struct Seen {
      std::uint64_t time;  // ns
      std::size_t states;  // before it
      std::size_t ask;
      bool asleep;  // before it
    };
    std::vector<Seen> seen = {};
  };
  using Tracees = std::map<pid_t, Tracee>;

  Process &process(const Tracee &t) const { return *kinds_[t.own]; }
  void handle(const Event &e);
  void foresee(const Event &e);
  void request(const Event &e);
  bool names_task(const Event &e, pid_t pid, const Tracee &t);
  void waited(const Event &e);
  void apply(const Event &e, pid_t pid, Tracee &t, std::size_t ask, bool counts);
  States earlier(const Event &e, const Tracee &t, std::size_t ask);
  void inside(const Event &e);
  static bool sleeps_after(const Event &e, const Tracee &t) {
    return e.call == Call::sched_switch || (t.asleep && e.call == Call::signal_generate);
  }
  // Those of this call, in a process of this kind; valid until the next call.
  const Names &names_for(const Event &e, pid_t pid, const Tracee &t) {
    Names &names = *names_[t.own];
    names.threads[0] = names.tracee = names.group = pid;
    names.tracers[0] = e.pid;
    names.alone = !e.ret || *e.ret != 0 ||
                  waited_for(e) != 0;  // who finds nothing may have others to wait for
    return names;
  }
  // The number of what it asks of the tracee.
  std::size_t ask_for(const Event &e, pid_t pid, const Tracee &t) {
    return process(t).number(traces::ask(e, names_for(e, pid, t)));
  }
  // The tracee that has, or last had, this id; null: none.
  Tracee *known(pid_t pid) {
    if (const auto it = tracees_.find(pid); it != tracees_.end()) return &it->second;
    const auto it = gone_.find(pid);
    if (it == gone_.end()) return nullptr;
    Tracee &t = tracees_[pid];
    t.own = it->second.own;
    t.by = it->second.by;
    t.states = it->second.states;
    t.traced = true;
    gone_.erase(it);
    return &t;
  }
  // Of those that are gone no more is kept than that they are.
  void retire(Tracees::iterator it) {
    if (it == tracees_.end()) return;
    const Tracee &t = it->second;
    if (!t.traced || !process(t).gone(t.states, t.own)) return;
    forked_.erase(it->first);
    gone_[it->first] = {t.own, t.by, t.states};
    tracees_.erase(it);
  }
  pid_t process_of(pid_t tid) const {
    const auto it = processes_.find(tid);
    return it == processes_.end() ? tid : it->second;
  }
  // Whether this call of wait looks at the tracee at all.
  bool looks_at(const Event &e, const Tracee &t) const {
    if (t.by == kUnknown) return e.pid == 0;
    return e.options & __WNOTHREAD ? t.by == e.pid : process_of(t.by) == process_of(e.pid);
  }
  void forked(const Event &e);
  // Who attaches to a child of somebody else's finds it in any untraced state, as it would a
  // stranger.
  void meets(Tracee &t, pid_t tracer) {
    const bool own = t.parent != kUnknown && process_of(t.parent) == process_of(tracer);
    if (t.own != own) t = fresh(own, t.parent);
  }
  // Whose tracee it is that has to do with the id of somebody else's: one that has called execve,
  // and has its leader's id now.
  void take_over(pid_t pid, pid_t tracer) {
    const Tracee *t = known(pid);
    if (t && t->by != kUnknown && process_of(t->by) != process_of(tracer)) auto_attached(pid);
  }
  // Whether its id may be another thread's by now, which nobody traces and which has called execve.
  bool may_be_lost(const Tracee &t) {
    const States &all = process(t).closure(t.states);
    const model::Schema &schema = process(t).model.schema;
    return std::any_of(all.begin(), all.end(), [&](const State &s) {
      return schema.get(s, schema.process[0].company) == static_cast<Value>(model::Company::lost);
    });
  }
  // Whether the wait is its real parent's, who does not trace it. What such waits do may happen at
  // any time.
  bool by_parent(const Event &e, const Tracee &t) const {
    return !t.own && t.by != kUnknown && process_of(e.pid) != process_of(t.by);
  }
  void remember(const Tracee &t);
  Tracee &stranger(pid_t pid, bool attaches);
  Tracee *auto_attached(pid_t pid);
  State initial(bool own, model::Company company) const {
    const model::Model &m = kinds_[own]->model;
    State s = m.initial();
    m.schema.set(s, m.schema.process[0].company, static_cast<Value>(company));
    return s;
  }
  Tracee fresh(bool own, pid_t parent = kUnknown) {
    Tracee t;
    t.own = own;
    t.parent = parent;
    const auto company = own ? model::Company::none : model::Company::traced;
    t.states = kinds_[own]->number({initial(own, company)});
    return t;
  }
  void reject(const Event &e, std::string observed) {
    Divergence d;
    d.line = e.line;
    d.observed = std::move(observed);
    result_.divergence = std::move(d);
  }
  std::string kinds(const Tracee &t) {
    std::set<std::string> all;
    const Process &p = process(t);
    for (const State &s : p.set(t.states))
      all.insert(std::string(
          model::kStopKindNames[static_cast<std::size_t>(model::stop_kind(p.model.schema, s, 0))]));
    std::string text;
    for (const std::string &k : all) text += (text.empty() ? "" : " or ") + k;
    return text;
  }

  struct Gone {
    bool own;
    pid_t by;
    std::size_t states;
  };

  Source &source_;
  const ReplayOptions &options_;
  ReplayResult &result_;
  OpenSurvey survey_;
  std::array<std::unique_ptr<Process>, 2> kinds_;  // by "child of the tracer"
  std::array<std::optional<Names>, 2> names_;      // the same
  Tracees tracees_;                                // those that somebody may still hear of
  std::unordered_map<pid_t, Gone> gone_;
  std::map<pid_t, pid_t> processes_;  // of threads that others have made
  bool attaches_to_threads_ = false;  // perhaps: to somebody else's
  bool attaches_children_ = false;    // perhaps: by an option
  std::unordered_set<pid_t> callers_;
  std::set<pid_t> forked_;  // what messages name as the children of fork and vfork
  // How its children are traced, by "child of the tracer" and set: of all sets so far.
  std::set<std::pair<bool, std::size_t>> remembered_;
  std::set<std::pair<Value, std::vector<Value>>> inherited_;
  double allowed_ = 0;
  std::size_t inside_ = 0;  // events inside the kernel
};

void OpenWorld::apply(const Event &e, pid_t pid, Tracee &t, std::size_t ask, bool counts) {
  const Plan &p = process(t).plan_of(ask);
  if (p.kind == Ask::Kind::nothing) return;
  if (!p.unmodelled.empty()) {
    result_.gave_up = fmt::format("line {}: {} is not in the model yet", e.line, p.unmodelled);
    return;
  }
  if (p.kind == Ask::Kind::impossible) return reject(e, describe(e));
  Process &process = this->process(t);
  Effect effect = process.apply(t.states, ask, t.asleep);
  if (States more = earlier(e, t, ask); !more.empty())
    effect.states = process.both(effect.states, std::move(more));
  result_.max_states = std::max(result_.max_states, effect.reached);
  if (counts && !e.kernel)
    allowed_ += static_cast<double>(std::max<std::size_t>(effect.allowed, 1));
  if (process.set(effect.states).empty()) {
    reject(e, describe(e));
    Divergence &d = *result_.divergence;
    const Names &names = names_for(e, pid, t);
    std::set<std::string> allowed;
    std::map<std::string, std::pair<int, std::string>> closest;
    for (const State &s : process.closure(t.states, t.asleep)) {
      for (std::size_t i : p.alternatives)
        if (process.interpreter.enabled(i, s))
          allowed.insert(
              outcome(process.model.instances[i], process.interpreter.output(i, s), names));
      if (p.stages.empty()) continue;
      for (std::size_t i : p.stages[0].instances) {
        const model::Instance &instance = process.model.instances[i];
        const int guard = process.interpreter.blocked_by(i, s);
        const int depth = guard < 0 ? static_cast<int>(instance.guards.size()) : guard;
        const std::string why =
            guard >= 0 ? instance.guards[static_cast<std::size_t>(guard)].name
                       : "it shows " + outcome(instance, process.interpreter.output(i, s), names);
        auto [it, fresh] = closest.try_emplace(instance.name(), depth, why);
        if (!fresh && depth > it->second.first) it->second = {depth, why};
      }
    }
    d.allowed.assign(allowed.begin(), allowed.end());
    for (const auto &[rule, blocked] : closest) d.blocked_by.push_back({rule, blocked.second});
    return;
  }
  const std::string was = options_.explain ? kinds(t) : "";
  if (!e.kernel) {
    t.request = {t.states, ask, e.call == Call::ptrace ? e.t1 : 0};
    t.seen.clear();
  }
  t.states = effect.states;
  remember(t);
  if (options_.observe && counts)
    options_.observe({source_.place(), *process.machine_, 0, process.set(effect.before),
                      process.set(effect.states)});
  if (options_.explain && counts)
    result_.explained.push_back({source_.place(),
                                 {fmt::format("{} {}", pid, was)},
                                 {fmt::format("{} {}", pid, kinds(t))},
                                 {}});
}

// The states that are left if a call of the tracer's took effect before some event inside the
// kernel that came while it was under way.
States OpenWorld::earlier(const Event &e, const Tracee &t, std::size_t ask) {
  Process &p = process(t);
  States all;
  if (e.kernel) {
    if (e.t0 > t.request.until) return all;
    const std::size_t late = p.apply(t.request.states, ask, t.asleep).states;
    return p.set(p.apply(late, t.request.ask, sleeps_after(e, t)).states);
  }
  for (std::size_t k = 0; k < t.seen.size(); ++k) {
    if (t.seen[k].time < e.t0) continue;
    std::size_t states = p.apply(t.seen[k].states, ask, t.seen[k].asleep).states;
    for (std::size_t later = k; later < t.seen.size(); ++later)
      states = p.apply(states, t.seen[later].ask, t.seen[later].asleep).states;
    all.insert(all.end(), p.set(states).begin(), p.set(states).end());
  }
  return all;
}

// An event inside the kernel. Of the signals of others only those are followed that the model
// follows from where they are sent.
void OpenWorld::inside(const Event &e) {
  const bool of_target = e.call == Call::signal_generate || e.call == Call::sched_waking;
  const pid_t whom = of_target ? e.target : e.pid;
  const auto it = tracees_.find(whom);
  if (it == tracees_.end() || it->second.left) return;
  if (e.tgid && it->second.by != kUnknown && e.tgid != it->second.by) {  // another's by now
    it->second.asleep = it->second.asleep && e.call != Call::sched_waking;
    return;
  }
  constexpr std::uint64_t kIgnored = 1;  // TRACE_SIGNAL_IGNORED
  if (e.call == Call::signal_generate &&
      ((e.sig != SIGKILL && e.sig != SIGCONT) || e.data == kIgnored || callers_.count(e.pid)))
    return;
  Tracee &t = it->second;
  const std::size_t ask = ask_for(e, whom, t), before = t.states;
  if (process(t).plan_of(ask).kind == Ask::Kind::nothing) return;
  ++result_.events, ++inside_;
  apply(e, whom, t, ask, true);
  if (result_.divergence) return;
  constexpr std::size_t kSeen = 16;  // a wait that is longer under way has looked after the first
  if (t.seen.size() == kSeen) t.seen.erase(t.seen.begin());
  t.seen.push_back({e.t0, before, ask, t.asleep});
  if (t.request.until >= e.t0)
    t.request.states = process(t).apply(t.request.states, ask, t.asleep).states;
  t.asleep = sleeps_after(e, t);
}

// A thread that the tracer names for the first time: it may be in any untraced state.
OpenWorld::Tracee &OpenWorld::stranger(pid_t pid, bool attaches) {
  Tracee *found = known(pid);
  if (!found) {
    // Neither forked by the tracer nor seen in a wait: an automatically attached child, if any,
    // that a message named; else somebody's process.
    if (!attaches)
      if (Tracee *t = auto_attached(pid)) return *t;
    return tracees_.emplace(pid, fresh(false)).first->second;
  }
  if (!attaches) return *found;
  // The id may have been given to a new process since.
  Tracee &t = *found;
  Process &p = process(t);
  States states = p.closure(t.states);
  const bool dead = std::any_of(states.begin(), states.end(), [&](const State &s) {
    return p.model.schema.loc(s, 0) == Loc::dead;
  });
  if (dead && !t.own) {
    states.push_back(initial(false, model::Company::traced));
    t.states = p.number(std::move(states));
  } else if (dead) {
    t = fresh(false);
  }
  return t;
}

// What a child would have of it. It may show only when its parent is no tracee any more.
void OpenWorld::remember(const Tracee &t) {
  if (!remembered_.emplace(t.own, t.states).second) return;
  const Process &p = process(t);
  const model::Schema &schema = p.model.schema;
  const model::ThreadFields &f = schema.thread[0];
  for (const State &s : p.set(t.states)) {
    std::vector<Value> options;
    for (model::Field o : f.option) options.push_back(schema.get(s, o));
    for (const model::Option o : {model::TRACEFORK, model::TRACEVFORK, model::TRACECLONE})
      attaches_children_ = attaches_children_ || options[o] != 0;
    if (const Value how = schema.get(s, f.tracing)) inherited_.emplace(how, std::move(options));
  }
}

// The child of a tracee is traced as its parent is (ptrace_init_task), by an option or
// CLONE_PTRACE.
OpenWorld::Tracee *OpenWorld::auto_attached(pid_t pid) {
  Process &p = *kinds_[0];
  const model::Schema &schema = p.model.schema;
  const model::ThreadFields &f = schema.thread[0];
  States states;
  for (const auto &[how, options] : inherited_) {
    // It is alone, or a thread, whose id no other takes over; or it is the leader of a thread that
    // the tracer has attached to, and which has called execve.
    State child = initial(false, forked_.count(pid)     ? model::Company::none
                                 : attaches_to_threads_ ? model::Company::traced
                                                        : model::Company::unseen);
    schema.set(child, f.loc, static_cast<Value>(Loc::relock));
    schema.set(child, f.tracing, how);
    for (std::size_t o = 0; o < options.size(); ++o) schema.set(child, f.option[o], options[o]);
    if (how == static_cast<Value>(model::Traced::seized)) {
      schema.set(child, f.trap_stop, 1);
      schema.set(child, f.trap_cause, static_cast<Value>(model::Cause::auto_attach));
    } else {
      schema.set(child, f.pend[model::STOP], 1);
    }
    states.push_back(child);
  }
  if (states.empty()) return nullptr;
  Tracee t;
  t.states = p.number(std::move(states));
  t.traced = true;
  gone_.erase(pid);
  return &(tracees_[pid] = t);
}

void OpenWorld::request(const Event &e) {
  const bool attaches = e.request == PTRACE_ATTACH || e.request == PTRACE_SEIZE;
  const pid_t pid = e.request == PTRACE_TRACEME ? e.pid : e.target;
  const bool refused = *e.ret < 0 && (e.err == EPERM || e.err == ESRCH);
  if (attaches && refused) return;          // of a stranger, for reasons that nobody sees
  if (e.request == PTRACE_TRACEME) return;  // the tracer's own
  if (!known(pid) && !attaches && *e.ret < 0 && e.err == ESRCH) return;
  if (*e.ret >= 0 && !attaches) take_over(pid, e.pid);
  Tracee &t = stranger(pid, attaches);
  // Another thread than its tracer is refused (ptrace_check_attach).
  if (t.by != kUnknown && t.by != e.pid && *e.ret < 0 && e.err == ESRCH) return;
  if (attaches && *e.ret >= 0) meets(t, e.pid);
  if (*e.ret >= 0) t.by = e.pid, t.left = false;
  // Signals that the model does not tell apart: the stop is the one reported, unless it was left.
  static const Names any(0, 0, {}, false);
  if (e.request == PTRACE_GETSIGINFO && *e.ret >= 0 && e.siginfo && t.signal &&
      e.siginfo->signo != t.signal && any.signal(t.signal) == model::OTHER &&
      any.signal(e.siginfo->signo) == model::OTHER)
    return reject(e, describe(e));
  if (e.request == PTRACE_GETEVENTMSG && *e.ret >= 0 && e.message && !names_task(e, pid, t))
    return reject(e, describe(e));
  apply(e, pid, t, ask_for(e, pid, t), true);
  ++result_.events;
  if (attaches) t.traced = true;
  if (attaches && !t.own) attaches_to_threads_ = true;
  constexpr std::array<long, 9> kLeaves{PTRACE_CONT,        PTRACE_SYSCALL,  PTRACE_LISTEN,
                                        PTRACE_DETACH,      PTRACE_KILL,     PTRACE_SINGLESTEP,
                                        PTRACE_SINGLEBLOCK, 31 /* SYSEMU */, 32 /* and step */};
  if (*e.ret >= 0 && std::find(kLeaves.begin(), kLeaves.end(), e.request) != kLeaves.end())
    t.signal = t.event = 0;
}

// Whether the message can be the id that the event in which the tracee was last seen leaves: of a
// child that it has made, or of the tracee that has called execve, which the tracer has resumed.
bool OpenWorld::names_task(const Event &e, pid_t pid, const Tracee &t) {
  const auto named = static_cast<pid_t>(*e.message);
  switch (t.event) {
    case PTRACE_EVENT_FORK:
    case PTRACE_EVENT_VFORK:
      forked_.insert(named);
      [[fallthrough]];
    case PTRACE_EVENT_CLONE:
      return named > 0 && named != pid;
    case PTRACE_EVENT_EXEC: {
      const auto it = tracees_.find(named);
      return named == pid || gone_.count(named) || (it != tracees_.end() && it->second.traced);
    }
    default:
      return true;
  }
}

void OpenWorld::waited(const Event &e) {
  const pid_t pid = waited_for(e);
  if (e.call == Call::waitid && *e.ret == 0 && !e.siginfo) return;  // it tells nothing
  if (*e.ret >= 0 && pid == 0 && !(e.options & WNOHANG)) return reject(e, describe(e));
  if (*e.ret < 0 && e.err != ECHILD) return;
  if (pid > 0) {
    // An id comes back with another child of a tracee, which stops first.
    const bool again = gone_.count(pid) && stop_of(e) && (attaches_children_ || forked_.count(pid));
    if (stop_of(e) >> 8) take_over(pid, e.pid);
    Tracee *t = again ? nullptr : known(pid);
    if (!t) t = auto_attached(pid);
    if (!t) return reject(e, describe(e));
    if (t->by == kUnknown) t->by = e.pid;
    if (by_parent(e, *t)) return;
    ++result_.events;
    apply(e, pid, *t, ask_for(e, pid, *t), true);
    if (const int stop = stop_of(e)) {
      t->signal = stop & 0x7f;
      t->event = stop >> 8;
      t->traced = true;  // TRACEME is not seen
    }
    return;
  }
  ++result_.events;
  allowed_ += 1;
  const bool only = e.target > 0;
  if (only) known(e.target);
  for (auto it = only ? tracees_.find(e.target) : tracees_.begin(); it != tracees_.end();) {
    const auto here = it++;
    if (only) it = tracees_.end();
    auto &[tid, t] = *here;
    if (!looks_at(e, t)) continue;
    if (*e.ret < 0 && t.own && !t.traced) continue;  // a thread of the tracer's, or not eligible
    const std::size_t ask = ask_for(e, tid, t);
    if (process(t).plan_of(ask).kind != Ask::Kind::steps) continue;
    apply(e, tid, t, ask, false);
    if (result_.divergence) return;
    retire(here);
  }
}

void OpenWorld::forked(const Event &e) {
  if (*e.ret <= 0) return;
  const pid_t child = static_cast<pid_t>(*e.ret);
  processes_.erase(child);
  if (e.data & CLONE_THREAD) {
    processes_[child] = process_of(e.pid);
    return;
  }
  gone_.erase(child);
  Tracee &t = tracees_[child] = fresh(true, e.pid);
  t.by = e.pid;
}

void OpenWorld::foresee(const Event &e) {
  std::vector<std::vector<Possible>> of_each;
  if (e.target > 0) known(e.target);
  for (auto &[pid, t] : tracees_) {
    if (e.target > 0 ? pid != e.target : !looks_at(e, t)) continue;
    const Plan &p = process(t).plan_of(ask_for(e, pid, t));
    if (p.kind == Ask::Kind::steps)
      of_each.push_back(process(t).foresee(t.states, e, p, names_for(e, pid, t)));
  }
  if (!of_each.empty()) result_.next.push_back({source_.place(), of_all(std::move(of_each))});
}

void OpenWorld::handle(const Event &e) {
  if (e.kernel) return inside(e);
  callers_.insert(e.pid);
  pid_t whom = e.target;
  switch (e.call) {
    case Call::ptrace:
      request(e);
      break;
    case Call::wait4:
    case Call::waitid:
      waited(e);
      whom = waited_for(e);
      break;
    case Call::fork:
      return forked(e);
    case Call::kill:
    case Call::tgkill: {
      whom = e.target > 0 ? e.target : -e.target;
      if (*e.ret < 0) return;
      Tracee *t = known(whom);
      if (t && !may_be_lost(*t)) apply(e, whom, *t, ask_for(e, whom, *t), false);
      break;
    }
    case Call::died:
      for (auto &[pid, t] : tracees_)
        if (t.by == e.pid) t.left = true, t.asleep = false;
      return;
    default:
      return;
  }
  if (!result_.divergence && whom > 0) retire(tracees_.find(whom));
}

}  // namespace

void replay_open_world(Source &source, const model::DesignSpec &spec, const ReplayOptions &options,
                       Models &models, ReplayResult &result) {
  OpenWorld(source, spec, options, models, result).run();
}

}  // namespace ptmc::traces
