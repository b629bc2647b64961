#include "traces/open_world.hpp"

#include <fmt/format.h>
#include <linux/ptrace.h>
#include <sched.h>
#include <sys/wait.h>

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <unordered_map>
#include <unordered_set>

#include "model/property.hpp"
#include "model/requests.hpp"
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

  // All states that hidden steps lead to.
  const States &closure(std::size_t n) {
    if (auto it = closures_.find(n); it != closures_.end()) return it->second;
    std::unordered_set<State, StateHash> seen(sets_[n].begin(), sets_[n].end());
    States work = sets_[n];
    State next;
    while (!work.empty()) {
      const State s = work.back();
      work.pop_back();
      silent_at_->each(s, [&](std::size_t i) {
        if (interpreter.step(i, s, next) && seen.insert(next).second) work.push_back(next);
      });
    }
    States all(seen.begin(), seen.end());
    std::sort(all.begin(), all.end(), before);
    return closures_.emplace(n, std::move(all)).first->second;
  }

  Effect apply(std::size_t n, const Plan &plan, const std::string &key) {
    const auto memo = std::make_pair(n, key);
    if (auto it = effects_.find(memo); it != effects_.end()) return it->second;
    const States &from = closure(n);
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
  std::unordered_map<std::size_t, States> closures_;
  std::map<std::pair<std::size_t, std::string>, Effect> effects_;
};

class OpenWorld {
 public:
  OpenWorld(const Trace &trace, const model::DesignSpec &spec, const ReplayOptions &options,
            Models &models, ReplayResult &result)
      : trace_(trace),
        options_(options),
        result_(result),
        sets_(option_sets_of(trace)),
        siginfos_(siginfos_of(trace)) {
    // Only a thread that the tracer has resumed, and so has named, may exec as its tracee.
    std::set<pid_t> strangers;
    for (const Event &e : trace.events) {
      if (e.call == Call::ptrace && e.target > 0) strangers.insert(e.target);
      if (e.call == Call::wait4 && e.ret && *e.ret > 0)
        strangers.insert(static_cast<pid_t>(*e.ret));
    }
    for (const Event &e : trace.events)
      if (e.call == Call::fork && e.ret) strangers.erase(static_cast<pid_t>(*e.ret));
    for (bool own : {false, true}) {
      model::Config config = model::whole_config(spec, own);
      config[model::Feature::traced_siblings] = strangers.size() > (own ? 0 : 1);
      config[model::Feature::open_world] = true;
      config[model::Feature::waitid] =
          std::any_of(trace.events.begin(), trace.events.end(),
                      [](const Event &e) { return e.call == Call::waitid; });
      config[model::Feature::forges] = !siginfos_.empty();
      for (model::Feature f :
           {model::Feature::forks, model::Feature::clones, model::Feature::execs,
            model::Feature::filters, model::Feature::sigchld, model::Feature::siginfo,
            model::Feature::masks, model::Feature::dispositions, model::Feature::parent_ignores,
            model::Feature::tracer_dies})
        config[f] = false;
      kinds_[own] = std::make_unique<Process>(models.of(open_shape(trace), config, options.mutate),
                                              static_cast<bool>(options.observe));
    }
  }

  void run() {
    for (const Event &e : trace_.events) {
      if (static_cast<std::size_t>(&e - trace_.events.data()) + options_.next >=
          trace_.events.size()) {
        foresee(e);
        continue;
      }
      if (e.ret || e.call == Call::died) handle(e);
      if (result_.divergence || !result_.gave_up.empty()) return;
    }
    result_.accepted = true;
    if (result_.events) result_.mean_allowed_next = allowed_ / static_cast<double>(result_.events);
    for (const model::Rule &r : kinds_[0]->model.rules) result_.rules.push_back(r.id);
  }

 private:
  static constexpr pid_t kUnknown = -1;
  struct Tracee {
    bool own = false;        // child of the tracer
    pid_t by = kUnknown;     // the thread that traces it, or whose child it is
    std::size_t states = 0;  // number of its set
    bool traced = false;     // has ever been
    int signal = 0;          // of the stop last reported
    int event = 0;           // of the stop last reported
    std::shared_ptr<Names> names = {};
  };

  Process &process(const Tracee &t) const { return *kinds_[t.own]; }
  void handle(const Event &e);
  void foresee(const Event &e);
  void request(const Event &e);
  bool names_task(const Event &e, pid_t pid, const Tracee &t);
  void waited(const Event &e);
  void apply(const Event &e, pid_t pid, Tracee &t, Plan &plan, bool counts);
  Plan plan_for(const Event &e, pid_t pid, Tracee &t) {
    t.names = std::make_shared<Names>(e.pid, pid, sets_, t.own);
    t.names->siginfos = siginfos_;
    t.names->adopt(process(t).model.schema.shape);
    t.names->alone = !e.ret || *e.ret != 0 ||
                     waited_for(e) != 0;  // who finds nothing may have others to wait for
    return plan(e, *t.names, process(t).index);
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
  void remember(const Tracee &t);
  Tracee &stranger(pid_t pid, bool attaches);
  Tracee *auto_attached(pid_t pid);
  State initial(bool own, model::Company company) const {
    const model::Model &m = kinds_[own]->model;
    State s = m.initial();
    m.schema.set(s, m.schema.process[0].company, static_cast<Value>(company));
    return s;
  }
  Tracee fresh(bool own) {
    Tracee t;
    t.own = own;
    const auto company = own ? model::Company::none : model::Company::traced;
    t.states = kinds_[own]->number({initial(own, company)});
    return t;
  }
  void reject(const Event &e, std::string observed) {
    Divergence d;
    d.event = static_cast<std::size_t>(&e - trace_.events.data());
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

  const Trace &trace_;
  const ReplayOptions &options_;
  ReplayResult &result_;
  std::vector<int> sets_;
  std::vector<Siginfo> siginfos_;
  std::array<std::unique_ptr<Process>, 2> kinds_;  // by "child of the tracer"
  std::map<pid_t, Tracee> tracees_;
  std::map<pid_t, pid_t> processes_;  // of threads that others have made
  bool attaches_to_threads_ = false;  // perhaps: to somebody else's
  std::set<pid_t> forked_;            // what messages name as the children of fork and vfork
  // How its children are traced, by "child of the tracer" and set: of all sets so far.
  std::set<std::pair<bool, std::size_t>> remembered_;
  std::set<std::pair<Value, std::vector<Value>>> inherited_;
  double allowed_ = 0;
};

// What of an event its plan depends on, beside the pids.
std::string key_of(const Event &e, bool who) {
  return fmt::format("{} {} {} {} {} {} {} {} {} {} {}", static_cast<int>(e.call), e.request,
                     e.addr, e.data, e.sig, e.options, e.ret ? (*e.ret > 0) - (*e.ret < 0) : 2,
                     e.err, e.status.value_or(-1),
                     e.siginfo ? fmt::format("{} {}", e.siginfo->signo, e.siginfo->code) : "",
                     who ? 1 : 0) +
         (e.message ? fmt::format(" {}", *e.message) : "");
}

void OpenWorld::apply(const Event &e, pid_t pid, Tracee &t, Plan &p, bool counts) {
  if (p.kind == Ask::Kind::nothing) return;
  if (!p.unmodelled.empty()) {
    result_.gave_up = fmt::format("line {}: {} is not in the model yet", e.line, p.unmodelled);
    return;
  }
  if (p.kind == Ask::Kind::impossible) return reject(e, describe(e));
  Process &process = this->process(t);
  const Names &names = *t.names;
  const Effect effect = process.apply(t.states, p, key_of(e, counts));
  result_.max_states = std::max(result_.max_states, effect.reached);
  if (counts) allowed_ += static_cast<double>(std::max<std::size_t>(effect.allowed, 1));
  if (process.set(effect.states).empty()) {
    reject(e, describe(e));
    Divergence &d = *result_.divergence;
    std::set<std::string> allowed;
    std::map<std::string, std::pair<int, std::string>> closest;
    for (const State &s : process.closure(t.states)) {
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
  t.states = effect.states;
  remember(t);
  if (options_.observe && counts)
    options_.observe({static_cast<std::size_t>(&e - trace_.events.data()), *process.machine_, 0,
                      process.set(effect.before), process.set(effect.states)});
  if (options_.explain && counts)
    result_.explained.push_back({static_cast<std::size_t>(&e - trace_.events.data()),
                                 {fmt::format("{} {}", pid, was)},
                                 {fmt::format("{} {}", pid, kinds(t))},
                                 {}});
}

// A thread that the tracer names for the first time: it may be in any untraced state.
OpenWorld::Tracee &OpenWorld::stranger(pid_t pid, bool attaches) {
  auto it = tracees_.find(pid);
  if (it == tracees_.end()) {
    // Neither forked by the tracer nor seen in a wait: an automatically attached child, if any,
    // that a message named; else somebody's process.
    if (!attaches)
      if (Tracee *t = auto_attached(pid)) return *t;
    return tracees_.emplace(pid, fresh(false)).first->second;
  }
  if (!attaches) return it->second;
  // The id may have been given to a new process since.
  Tracee &t = it->second;
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
  tracees_[pid] = t;
  return &tracees_[pid];
}

void OpenWorld::request(const Event &e) {
  const bool attaches = e.request == PTRACE_ATTACH || e.request == PTRACE_SEIZE;
  const pid_t pid = e.request == PTRACE_TRACEME ? e.pid : e.target;
  const bool refused = *e.ret < 0 && (e.err == EPERM || e.err == ESRCH);
  if (attaches && refused) return;          // of a stranger, for reasons that nobody sees
  if (e.request == PTRACE_TRACEME) return;  // the tracer's own
  if (!tracees_.count(pid) && !attaches && *e.ret < 0 && e.err == ESRCH) return;
  Tracee &t = stranger(pid, attaches);
  // Another thread than its tracer is refused (ptrace_check_attach).
  if (t.by != kUnknown && t.by != e.pid && *e.ret < 0 && e.err == ESRCH) return;
  if (*e.ret >= 0) t.by = e.pid;
  // Signals that the model does not tell apart: the stop is the one reported, unless it was left.
  const Names any(0, 0, {}, false);
  if (e.request == PTRACE_GETSIGINFO && *e.ret >= 0 && e.siginfo && t.signal &&
      e.siginfo->signo != t.signal && any.signal(t.signal) == model::OTHER &&
      any.signal(e.siginfo->signo) == model::OTHER)
    return reject(e, describe(e));
  if (e.request == PTRACE_GETEVENTMSG && *e.ret >= 0 && e.message && !names_task(e, pid, t))
    return reject(e, describe(e));
  Plan p = plan_for(e, pid, t);
  apply(e, pid, t, p, true);
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
      return named == pid || (it != tracees_.end() && it->second.traced);
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
    auto it = tracees_.find(pid);
    Tracee *t = it == tracees_.end() ? auto_attached(pid) : &it->second;
    if (!t) return reject(e, describe(e));
    if (t->by == kUnknown) t->by = e.pid;
    Plan p = plan_for(e, pid, *t);
    ++result_.events;
    apply(e, pid, *t, p, true);
    const bool trapped = e.call == Call::waitid && e.siginfo->code == CLD_TRAPPED;
    if (trapped || (e.status && WIFSTOPPED(*e.status))) {
      const int stop = trapped ? e.siginfo->status : *e.status >> 8;
      t->signal = stop & 0x7f;
      t->event = stop >> 8;
      t->traced = true;  // TRACEME is not seen
    }
    return;
  }
  ++result_.events;
  allowed_ += 1;
  const bool only = e.target > 0;
  for (auto &[tid, t] : tracees_) {
    if ((only && tid != e.target) || !looks_at(e, t)) continue;
    if (*e.ret < 0 && t.own && !t.traced) continue;  // a thread of the tracer's, or not eligible
    Plan p = plan_for(e, tid, t);
    if (p.kind != Ask::Kind::steps) continue;
    apply(e, tid, t, p, false);
    if (result_.divergence) return;
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
  Tracee &t = tracees_[child] = fresh(true);
  t.by = e.pid;
}

void OpenWorld::foresee(const Event &e) {
  std::vector<std::vector<Possible>> of_each;
  for (auto &[pid, t] : tracees_) {
    if (e.target > 0 ? pid != e.target : !looks_at(e, t)) continue;
    const Plan p = plan_for(e, pid, t);
    if (p.kind == Ask::Kind::steps) of_each.push_back(process(t).foresee(t.states, e, p, *t.names));
  }
  if (!of_each.empty())
    result_.next.push_back(
        {static_cast<std::size_t>(&e - trace_.events.data()), of_all(std::move(of_each))});
}

void OpenWorld::handle(const Event &e) {
  switch (e.call) {
    case Call::ptrace:
      return request(e);
    case Call::wait4:
    case Call::waitid:
      return waited(e);
    case Call::fork:
      return forked(e);
    case Call::kill:
    case Call::tgkill: {
      auto it = tracees_.find(e.target > 0 ? e.target : -e.target);
      if (it == tracees_.end() || *e.ret < 0) return;
      Plan p = plan_for(e, it->first, it->second);
      return apply(e, it->first, it->second, p, false);
    }
    default:
      return;
  }
}

}  // namespace

void replay_open_world(const Trace &trace, const model::DesignSpec &spec,
                       const ReplayOptions &options, Models &models, ReplayResult &result) {
  OpenWorld(trace, spec, options, models, result).run();
}

}  // namespace ptmc::traces
