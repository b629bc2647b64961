#include "traces/simulation.hpp"

#include <fmt/format.h>
#include <linux/ptrace.h>
#include <sched.h>
#include <signal.h>

#include <algorithm>
#include <stdexcept>

namespace ptmc::traces {

using model::Loc;
using model::Sig;
using model::State;
using model::Value;

namespace {

constexpr std::uint8_t kOver = 0xff, kInside = 0x80;  // stages; kInside: in a traced system call
constexpr std::size_t kNoSlot = kMaxOpen, kNoEvent = SIZE_MAX;
void mix(std::size_t &h, std::uint64_t x) {
  h = (h ^ x) * 0xff51afd7ed558ccdu;
  h ^= h >> 32;
}

// A thread's frames of handlers, the innermost in the lowest bits: its signal, and whether its run
// was seen. Several may be entered before the last of them runs as the first.
constexpr int kFrameBits = 5;
static_assert(model::SIG_COUNT <= 1 << (kFrameBits - 1));
constexpr std::uint64_t frame(Sig sig, bool seen) {
  return static_cast<std::uint64_t>(sig) << 1 | (seen ? 1 : 0);
}
constexpr std::uint64_t innermost(std::uint64_t handlers) {
  return handlers & ((1u << kFrameBits) - 1);
}

// Whether the frames of the handlers allow this hidden step.
bool follow_handlers(const model::Instance &instance, const model::Schema &schema,
                     Configuration &next) {
  const model::Label &label = instance.label;
  std::uint64_t *handlers =
      label.thread < 0 ? nullptr : &next.handlers[static_cast<std::size_t>(label.thread)];
  const Sig sig = static_cast<Sig>(label.arg);
  switch (label.action) {
    case model::Action::handler:
      *handlers = *handlers << kFrameBits | frame(sig, false);
      return true;
    case model::Action::sigreturn:
      if (innermost(*handlers) != frame(sig, true)) return false;
      *handlers >>= kFrameBits;
      return true;
    case model::Action::enter_syscall:  // sigreturn's
      return innermost(*handlers) & frame(model::NONE, true);
    default:
      // A new program has no handler to return from; nor has a new thread in the place of another.
      for (std::size_t t = 0; t < schema.thread.size(); ++t)
        if (schema.loc(next.state, static_cast<int>(t)) >= Loc::unreleased ||
            schema.loc(next.state, static_cast<int>(t)) == Loc::execed)
          next.handlers[t] = 0;
      return true;
  }
}

}  // namespace

std::size_t ConfigurationHash::operator()(const Configuration &c) const {
  std::size_t h = 0;
  for (std::uint64_t w : c.state.w) mix(h, w);
  std::array<std::uint64_t, (kMaxOpen + 7) / 8> stages{};
  std::copy(c.stage.begin(), c.stage.end(), reinterpret_cast<std::uint8_t *>(stages.data()));
  for (std::uint64_t x : stages) mix(h, x);
  for (std::uint64_t x : c.handlers) mix(h, x);
  return h;
}

// ---- Memory -------------------------------------------------------------------------------------

Memory::Memory(const model::Model &model) {
  for (const model::Instance &i : model.instances)
    waits_.push_back(i.rule->id == "vfork.event" || i.rule->id == "vfork.done");
}

Memory::Id Memory::plan_of(const Ask &ask, const Index &index) {
  auto [it, fresh] = plan_ids_.try_emplace(ask, static_cast<Id>(plans_.size() + 1));
  if (fresh) plans_.push_back(traces::plan(ask, index));
  return it->second;
}

Memory::Id Memory::set_of(Configurations configurations) {
  if (configurations.empty()) return 0;
  std::size_t h = configurations.size();
  std::size_t sum = 0;
  for (const auto &[c, rules] : configurations) sum += ConfigurationHash()(c);
  mix(h, sum);
  const auto [first, last] = set_ids_.equal_range(h);
  for (auto it = first; it != last; ++it) {
    const auto &known = set(it->second);
    if (known.size() == configurations.size() &&
        std::all_of(known.begin(), known.end(),
                    [&](const Configuration &c) { return configurations.count(c) != 0; }))
      return it->second;
  }
  auto all = std::make_unique<std::vector<Configuration>>();
  for (const auto &[c, rules] : configurations) all->push_back(c);
  sets_.push_back(std::move(all));
  const Id id = static_cast<Id>(sets_.size());
  set_ids_.emplace(h, id);
  return id;
}

std::size_t Memory::KeyHash::operator()(const Key &key) const {
  std::size_t h = 0;
  mix(h, static_cast<std::uint64_t>(key.set) << 32 | key.slot << 8 | key.held);
  for (std::size_t i = 0; i < kMaxOpen; i += 2)
    if (key.open[i] || key.open[i + 1])
      mix(h, static_cast<std::uint64_t>(key.open[i]) << 32 | key.open[i + 1] | i << 56);
  return h;
}

const Memory::Result *Memory::find(const Key &key) const {
  const auto it = results_.find(key);
  return it == results_.end() ? nullptr : &it->second;
}

const Memory::Result &Memory::keep(const Key &key, Result result) {
  return results_[key] = std::move(result);
}

// ---- Simulation ---------------------------------------------------------------------------------

Simulation::Simulation(const Trace &trace, Machine &machine, const Names &names,
                       const ReplayOptions &options, const std::vector<State> &starts)
    : trace_(trace),
      machine_(machine),
      model_(machine.model),
      schema_(machine.model.schema),
      names_(names),
      process_(names.cast->processes()[static_cast<std::size_t>(names.process)]),
      options_(options),
      interpreter_(machine.interpreter),
      index_(machine.index),
      hidden_at_(machine.hidden_at),
      memory_(*machine.memory),
      follows_(options.explain || options.witness || options.pairs || options.observe) {
  if (model_.rules.size() > kMaxRules) throw std::logic_error("more rules than kMaxRules");
  for (std::size_t k = 0; k < schema_.tracers.size(); ++k)
    if (std::all_of(starts.begin(), starts.end(),
                    [&](const State &s) { return schema_.get(s, schema_.tracers[k].dead) != 0; }))
      dead_at_birth_ |= 1u << k;
  Configurations first;
  for (const State &s : starts) {
    Configuration c;
    c.state = s;
    first.emplace(c, RuleSet{});
  }
  if (follows_)
    now_ = std::move(first);
  else
    set_ = memory_.set_of(std::move(first));
}

Configurations Simulation::now() const {
  if (follows_) return now_;
  Configurations all;
  for (const Configuration &c : memory_.set(set_)) all.emplace(c, RuleSet{});
  return all;
}

void Simulation::use(RuleSet &rules, const model::Instance &instance, const State &before) {
  if (!follows_) return;
  rules.set(static_cast<std::size_t>(instance.rule->number));
  if (!options_.pairs) return;
  const model::StopKind kind = model::stop_kind(schema_, before, std::max(instance.thread, 0));
  const auto [pair, fresh] =
      pairs_.try_emplace({instance.rule->number, kind}, kMaxRules + pairs_.size());
  if (pair->second < rules.size()) rules.set(pair->second);
}

bool Simulation::in_main(const State &s, int thread) const {
  if (schema_.loc(s, thread) != Loc::user) return false;
  for (Sig sig : schema_.shape.signals)
    if (schema_.get(s, schema_.thread[static_cast<std::size_t>(thread)].handling[sig]))
      return false;
  return true;
}

std::string Simulation::kinds(const State &s) const {
  std::string text;
  for (int t = 0; t < schema_.shape.threads; ++t) {
    const model::ThreadFields &f = schema_.thread[static_cast<std::size_t>(t)];
    if (schema_.loc(s, t) == Loc::none) continue;
    const model::StopKind kind = model::stop_kind(schema_, s, t);
    if (!text.empty()) text += ", ";
    text += (names_.alone ? "t" + std::to_string(t) : std::to_string(names_.tid(t))) + " " +
            std::string(model::kStopKindNames[static_cast<std::size_t>(kind)]);
    if (const Value cause = schema_.get(s, f.cause))
      text += " (" + std::string(kCauseNames[cause]) + ")";
    else if (kind == model::StopKind::signal_delivery_stop)
      text += " (" + names_.name(static_cast<Sig>(schema_.get(s, f.sig))) + ")";
  }
  return text;
}

std::size_t Simulation::slot_of(std::size_t event) const {
  for (std::size_t i = 0; i < kMaxOpen; ++i)
    if (open_[i].plan && open_[i].event == event) return i;
  return kNoSlot;
}

// Whether the call has done all that it does and may return.
bool Simulation::over(const Configuration &c, std::size_t slot) const {
  if (c.stage[slot] != kOver) return false;
  const Plan &p = *open_[slot].plan;
  switch (p.ends) {
    case Ends::attached:
      return schema_.get(c.state,
                         schema_.tracers[static_cast<std::size_t>(p.steps[0].tracer)].attaching) ==
             0;
    case Ends::in_user:
      return in_main(c.state, p.thread) &&
             schema_.get(c.state, schema_.thread[static_cast<std::size_t>(p.thread)].call) == 0;
    case Ends::execed:
      return runs_new_program(p, schema_, c.state) && in_main(c.state, 0);
    case Ends::exited:
      return dead_trace_nobody(schema_, c.state) && schema_.get(c.state, schema_.parent.state) !=
                                                        static_cast<Value>(model::Parent::exiting);
    default:
      return true;
  }
}

// Whether the tracer or parent that this step ends is dead.
bool Simulation::is_dead(const State &s, const Ask::Step &step) const {
  if (step.action == model::Action::tracer_exit)
    return schema_.get(s, schema_.tracers[static_cast<std::size_t>(step.tracer)].dead) != 0;
  return schema_.get(s, schema_.parent.state) != static_cast<Value>(model::Parent::lives);
}

// vfork's child is another process: until it can have left, its parent waits.
bool Simulation::held(std::size_t instance, const State &s) const {
  if (!held_ || !memory_.waits_for_child(instance)) return false;
  const int thread = model_.instances[instance].thread;
  return held_ >> thread & 1 &&
         !schema_.get(s, schema_.thread[static_cast<std::size_t>(thread)].pend[model::KILL]);
}

// Every way in which the call of this slot may go on from here.
template <class Emit>
void Simulation::advance(const Configuration &c, std::size_t slot, Emit &&emit) const {
  const Plan &p = *open_[slot].plan;
  const std::uint8_t stage = c.stage[slot];
  if (stage == kOver || p.kind == Ask::Kind::impossible) return;
  auto pass = [&](Configuration next) {
    next.stage[slot] = kOver;
    emit(next, SIZE_MAX);
  };
  if (p.kind == Ask::Kind::state) {
    if (p.holds(c.state)) pass(c);
    return;
  }
  if (p.kind == Ask::Kind::handler) {
    const auto thread = static_cast<std::size_t>(p.thread);
    if (innermost(c.handlers[thread]) != frame(p.handled, false)) return;
    Configuration next = c;
    next.handlers[thread] |= frame(model::NONE, true);
    return pass(next);
  }
  if (stage == 0 && p.by_main && !in_main(c.state, p.thread)) return;
  auto fire = [&](const std::vector<Stage> &stages, std::size_t at, std::uint8_t flag) {
    if (!happens_here(p, at, flag, schema_, c.state)) return;
    for (std::size_t i : stages[at].instances) {
      Configuration next = c;
      if (!is_there(p, model_.instances[i], schema_, c.state)) continue;
      if (!interpreter_.step(i, c.state, next.state)) continue;
      if (stages[at].shows &&
          !stages[at].shows(model_.instances[i], interpreter_.output(i, c.state)))
        continue;
      next.stage[slot] = p.repeats                 ? 0
                         : at + 1 == stages.size() ? kOver
                                                   : static_cast<std::uint8_t>(at + 1) | flag;
      emit(next, i);
    }
  };
  // A child that is made later has no more of a tracer or parent that was dead by then.
  if (stage == 0 && p.ends == Ends::exited && is_dead(c.state, p.steps[0])) return pass(c);
  if (stage & kInside) return fire(p.traced_stages, stage & ~kInside, kInside);
  const bool changes_nothing = p.stages.empty();
  if (!changes_nothing)
    fire(p.stages, stage, 0);
  else if (p.traced_stages.empty() || !shows_calls(schema_, c.state, p.thread))
    pass(c);
  if (stage == 0 && !p.traced_stages.empty()) fire(p.traced_stages, 0, kInside);
}

void Simulation::each_step(
    const Configuration &c,
    const std::function<void(const Configuration &, std::size_t instance)> &visit) {
  hidden_at_.each(c.state, [&](std::size_t i) {
    Configuration next = c;
    if (held(i, c.state) || !interpreter_.step(i, c.state, next.state)) return;
    if (follow_handlers(model_.instances[i], schema_, next)) visit(next, i);
  });
  for (std::size_t s = 0; s < kMaxOpen; ++s)
    if (open_[s].plan) advance(c, s, visit);
}

// All configurations in which the call of `slot` is over and was not before, its slot free.
Effect Simulation::closure(const Configurations &from, std::size_t slot, Seen *seen) {
  Effect effect;
  Configurations reached = from;
  std::vector<Configuration> work;
  for (const auto &[c, rules] : from) work.push_back(c);
  auto arrive = [](Configurations &set, const Configuration &c, const RuleSet &rules) {
    auto [it, fresh] = set.emplace(c, rules);
    if (fresh) return true;
    const RuleSet both = it->second & rules;
    const bool changed = both != it->second;
    it->second = both;
    return changed;
  };
  std::set<std::uint64_t> outcomes;
  while (!work.empty()) {
    const Configuration c = work.back();
    work.pop_back();
    const RuleSet rules = follows_ ? reached.at(c) : RuleSet{};
    if (slot != kNoSlot && over(c, slot)) {
      Configuration freed = c;
      freed.stage[slot] = 0;
      arrive(effect.ended, freed, rules);
      if (seen) seen->after.insert(kinds(c.state));
      continue;
    }
    auto to = [&](const Configuration &next, std::size_t instance) {
      RuleSet used = rules;
      if (instance != SIZE_MAX) use(used, model_.instances[instance], c.state);
      if (arrive(reached, next, used)) work.push_back(next);
    };
    hidden_at_.each(c.state, [&](std::size_t i) {
      Configuration next = c;
      if (held(i, c.state) || !interpreter_.step(i, c.state, next.state)) return;
      if (follow_handlers(model_.instances[i], schema_, next)) to(next, i);
    });
    for (std::size_t s = 0; s < kMaxOpen; ++s) {
      if (!open_[s].plan) continue;
      advance(c, s, [&](const Configuration &next, std::size_t instance) {
        if (instance != SIZE_MAX) {
          const model::Label &label = model_.instances[instance].label;
          if (label.action == model::Action::wait && label.err == model::Err::ok)
            effect.found |= 1u << s;
          if (label.action == model::Action::fork && label.arg < 0 &&
              std::none_of(effect.births.begin(), effect.births.end(), [&](const auto &birth) {
                return birth.first == s && birth.second == c.state;
              }))
            effect.births.emplace_back(s, c.state);
          if (s == slot && seen) {
            seen->before.insert(kinds(c.state));
            const int thread = model_.instances[instance].label.thread;
            if (seen->thread < 0) seen->thread = thread;
            if (seen->thread == thread) seen->states.push_back(c.state);
            seen->rules.insert(model_.instances[instance].name());
          }
        }
        to(next, instance);
      });
    }
    if (slot != kNoSlot && c.stage[slot] == 0)
      for (std::size_t i : open_[slot].plan->alternatives)
        if (interpreter_.enabled(i, c.state)) {
          const Value output = interpreter_.output(i, c.state);
          outcomes.insert(outcome_key(model_.instances[i], output));
          if (seen) seen->outcomes.insert(outcome(model_.instances[i], output, names_));
        }
    if (reached.size() > options_.max_states) {
      gave_up = fmt::format("line {}: more than {} possible states",
                            slot == kNoSlot ? 0 : trace_.events[open_[slot].event].line,
                            options_.max_states);
      return effect;
    }
  }
  effect.allowed = outcomes.size();
  effect.reached = reached.size();
  if (seen) seen->all = std::move(reached);
  return effect;
}

// ---- Calls begin and return ---------------------------------------------------------------------

void Simulation::open(std::size_t event, const Ask &ask) {
  for (std::size_t slot = 0; slot < kMaxOpen; ++slot) {
    if (open_[slot].plan) continue;
    const Memory::Id id = memory_.plan_of(ask, index_);
    open_[slot] = Open{event, id, &memory_.plan(id), false};
    return;
  }
  gave_up = fmt::format("line {}: more than {} calls are under way at once",
                        event == kNoEvent ? 0 : trace_.events[event].line, kMaxOpen);
}

void Simulation::begin(std::size_t event) {
  const Event &e = trace_.events[event];
  // What a tracer did that had died when this process was made, it did before.
  const int k = dead_at_birth_ ? names_.tracer_of(e.pid) : -1;
  const bool early = k >= 0 && (dead_at_birth_ >> k & 1);
  if (early && !names_.cast->reports(e, names_.process)) return;
  Ask asked = ask(e, names_);
  if (early) asked.kind = Ask::Kind::impossible;
  if (!asked.unmodelled.empty()) {
    gave_up = fmt::format("line {}: {} is not in the model yet", e.line, asked.unmodelled);
    return;
  }
  if (asked.kind == Ask::Kind::nothing) return;
  const bool vforks = e.call == Call::fork && (e.data & CLONE_VFORK) && child_of(e) != 0;
  if (vforks) held_ |= 1u << asked.thread;
  open(event, asked);
  if (asked.kind == Ask::Kind::impossible && e.ret && gave_up.empty()) diverge(slot_of(event));
}

Memory::Key Simulation::key(std::size_t slot) const {
  Memory::Key key{set_, static_cast<std::uint32_t>(slot), held_, {}};
  for (std::size_t s = 0; s < kMaxOpen; ++s) key.open[s] = open_[s].id;
  return key;
}

void Simulation::bear(const std::vector<std::pair<std::size_t, State>> &born) {
  for (const auto &[slot, state] : born) {
    auto &states = births[open_[slot].event];
    if (std::find(states.begin(), states.end(), state) == states.end()) states.push_back(state);
  }
}

void Simulation::find(std::uint32_t slots) {
  for (std::size_t s = 0; s < kMaxOpen; ++s)
    if (slots >> s & 1) open_[s].found = true;
}

void Simulation::end(std::size_t event) {
  const std::size_t slot = slot_of(event);
  if (slot == kNoSlot || open_[slot].plan->lingers) return;
  std::size_t outcomes = 0;
  bool some = false;
  if (follows_) {
    Seen seen;
    Effect effect = closure(now_, slot, options_.explain || options_.observe ? &seen : nullptr);
    if (!gave_up.empty()) return;
    bear(effect.births);
    find(effect.found);
    max_states = std::max(max_states, effect.reached);
    outcomes = effect.allowed;
    some = !effect.ended.empty();
    if (some) now_ = std::move(effect.ended);
    if (some && options_.observe) tell(event, seen);
    if (some && options_.explain)
      explained.push_back({event,
                           {seen.before.begin(), seen.before.end()},
                           {seen.after.begin(), seen.after.end()},
                           {seen.rules.begin(), seen.rules.end()}});
  } else {
    const Memory::Key at = key(slot);
    const Memory::Result *known = memory_.find(at);
    if (!known) {
      Effect effect = closure(now(), slot, nullptr);
      if (!gave_up.empty()) return;
      known = &memory_.keep(at, {memory_.set_of(std::move(effect.ended)), effect.allowed,
                                 effect.reached, std::move(effect.births), effect.found});
    }
    bear(known->births);
    find(known->found);
    max_states = std::max(max_states, known->reached);
    outcomes = known->allowed;
    some = known->set != 0;
    if (some) set_ = known->set;
  }
  if (!some) return diverge(slot);
  allowed.emplace_back(event, outcomes);
  if (is_wait(trace_.events[event]) && trace_.events[event].ret == 0 && !open_[slot].found &&
      !open_[slot].plan->steps.empty() && open_[slot].plan->steps[0].err == Ask::kAnyErr)
    nobody.push_back(event);
  open_[slot] = {};
  if (trace_.events[event].request == PTRACE_SETSIGMASK && trace_.events[event].ret == 0)
    look_at_handlers(event);
}

void Simulation::tell(std::size_t event, const Seen &seen) const {
  const Event &e = trace_.events[event];
  const pid_t tid = e.call == Call::ptrace ? e.target : waited_for(e);
  if (tid <= 0 || names_.thread(tid) < 0 || seen.thread < 0) return;
  std::vector<State> after;
  for (const auto &[c, rules] : now_) after.push_back(c.state);
  options_.observe({event, machine_, seen.thread, seen.states, std::move(after)});
}

// The handler's return undoes SETSIGMASK; the model's does not know the mask of before.
void Simulation::look_at_handlers(std::size_t event) {
  const int thread = names_.thread(trace_.events[event].target, trace_.events[event].t0);
  if (thread < 0) return;
  const auto &handling = schema_.thread[static_cast<std::size_t>(thread)].handling;
  for (const auto &[c, rules] : now())
    for (const model::Field f : handling)
      if (schema_.get(c.state, f)) {
        gave_up = fmt::format("line {}: PTRACE_SETSIGMASK while a handler runs is not in the model",
                              trace_.events[event].line);
        return;
      }
}

void Simulation::diverge(std::size_t slot) {
  const Open &o = open_[slot];
  Seen seen;
  closure(now(), slot, &seen);
  Divergence d;
  d.event = o.event;
  d.line = trace_.events[o.event].line;
  d.observed = describe(trace_.events[o.event]);
  d.allowed.assign(seen.outcomes.begin(), seen.outcomes.end());
  // For each rule that gives what was observed: the configuration that came closest to it.
  std::map<std::string, std::pair<int, std::string>> closest;
  for (const auto &[c, rules] : seen.all) {
    const std::uint8_t stage = c.stage[slot];
    if (stage == kOver || o.plan->stages.empty()) continue;
    const std::vector<Stage> &stages = stage & kInside ? o.plan->traced_stages : o.plan->stages;
    for (std::size_t i : stages[stage & ~kInside].instances) {
      const model::Instance &instance = model_.instances[i];
      const int guard = interpreter_.blocked_by(i, c.state);
      const int depth = guard < 0 ? static_cast<int>(instance.guards.size()) : guard;
      const std::string why =
          guard >= 0 ? instance.guards[static_cast<std::size_t>(guard)].name
                     : "it shows " + outcome(instance, interpreter_.output(i, c.state), names_);
      auto [it, fresh] = closest.try_emplace(instance.name(), depth, why);
      if (!fresh && depth > it->second.first) it->second = {depth, why};
    }
  }
  for (const auto &[rule, blocked] : closest) d.blocked_by.push_back({rule, blocked.second});
  divergence = std::move(d);
}

// ---- The whole ----------------------------------------------------------------------------------

std::vector<Simulation::Point> Simulation::points() const {
  std::vector<Point> all;
  const std::vector<Cast::Process> &processes = names_.cast->processes();
  for (const std::size_t i : process_.events) {
    const Event &e = trace_.events[i];
    all.push_back({e.t0, Point::begins, i});
    // A wait that its caller's death has ended may have done nothing.
    const bool ends = e.t1 != UINT64_MAX && (e.ret || !is_wait(e));
    if (ends) all.push_back({std::max(e.t1, e.t0), Point::ends, i});
  }
  std::map<std::size_t, std::uint64_t> signals;  // and from when on they may come
  const auto may_come = [&](Sig sig, int thread, std::uint64_t from) {
    const std::size_t which = static_cast<std::size_t>(sig) | static_cast<std::size_t>(thread) << 8;
    auto [it, fresh] = signals.try_emplace(which, from);
    if (!fresh) it->second = std::min(it->second, from);
  };
  // A thread's children are those of another when it has ended.
  const auto may_end_alone = [&](int thread) {
    return std::any_of(process_.events.begin(), process_.events.end(), [&](std::size_t i) {
      const Event &e = trace_.events[i];
      return (e.call == Call::exit && names_.thread(e.pid, e.t0) == thread) ||
             (e.call == Call::execve && names_.thread(e.pid, e.t0) >= 0);
    });
  };
  for (const Cast::Process &p : processes) {
    if (p.parent == process_.pid && p.may_change != UINT64_MAX) {
      const std::uint64_t from = std::max(p.may_change, p.from);
      const Sig death = names_.signal(p.exit_signal);
      const int forker = names_.thread(p.parent_thread, p.from);
      for (int thread = 0; thread < schema_.shape.threads; ++thread) {
        if (thread != forker && !may_end_alone(forker)) continue;
        may_come(model::CHLD, thread, from);
        if (death != model::NONE) may_come(death, thread, from);
      }
    }
    if (p.forked_by != names_.process) continue;
    const Event &fork = trace_.events[p.fork];
    if ((fork.data & CLONE_VFORK) && p.may_leave != UINT64_MAX)
      all.push_back({std::max(p.may_leave, p.from + 1), Point::leaves,
                     static_cast<std::size_t>(names_.thread(fork.pid, fork.t0))});
  }
  if (const std::uint64_t from = names_.cast->may_hang_up(names_.process); from != UINT64_MAX)
    all.push_back({std::max(from, process_.from), Point::hangs_up, kNoEvent});
  for (const auto &[which, from] : signals) all.push_back({from, Point::may_get, which});
  const auto may_end = [&](pid_t tid, Point::Kind kind, std::size_t event) {
    const auto from = names_.cast->may_end(tid);
    if (from && *from != UINT64_MAX) all.push_back({std::max(*from, process_.from), kind, event});
  };
  for (std::size_t k = 0; k < names_.tracers.size(); ++k)
    may_end(names_.tracers[k], Point::tracer_dies, k);
  if (!names_.one_process) may_end(names_.parent, Point::parent_dies, kNoEvent);
  // Returns before beginnings at the same instant: those calls do not overlap.
  std::stable_sort(all.begin(), all.end(), [](const Point &a, const Point &b) {
    return a.time != b.time     ? a.time < b.time
           : a.event != b.event ? a.event < b.event
                                : a.kind > b.kind;
  });
  return all;
}

void Simulation::run() {
  std::vector<std::size_t> not_made;
  for (const Point &p : points()) {
    switch (p.kind) {
      case Point::begins:
        if (p.event + options_.next >= trace_.events.size())
          not_made.push_back(p.event);
        else
          begin(p.event);
        break;
      case Point::ends:
        end(p.event);
        break;
      case Point::may_get:
        open(kNoEvent, may_get(static_cast<Sig>(p.event & 0xff), static_cast<int>(p.event >> 8)));
        break;
      case Point::hangs_up:
        open(kNoEvent, may_hang_up(names_.signal(SIGHUP), names_.cast->processes().size() == 2));
        break;
      case Point::tracer_dies:
        open(kNoEvent, may_die(static_cast<int>(p.event)));
        break;
      case Point::parent_dies:
        open(kNoEvent, parent_may_die());
        break;
      case Point::leaves:
        held_ &= ~(1u << p.event);
        break;
    }
    if (divergence || !gave_up.empty()) return;
  }
  if (!not_made.empty()) foresee(not_made);
  // Calls that never returned may have made processes.
  const bool forking = std::any_of(open_.begin(), open_.end(), [&](const Open &o) {
    return o.plan && o.event != kNoEvent && trace_.events[o.event].call == Call::fork;
  });
  if (forking) bear(closure(now(), kNoSlot, nullptr).births);
}

RuleSet Simulation::used_by_all() const {
  RuleSet all;
  all.set();
  for (const auto &[c, rules] : now_) all &= rules;
  return all;
}

std::vector<std::string> Simulation::witnessed() const {
  const RuleSet all = used_by_all();
  std::vector<std::string> ids;
  for (const model::Rule &r : model_.rules)
    if (all.test(static_cast<std::size_t>(r.number))) ids.push_back(r.id);
  return ids;
}

std::vector<std::pair<std::string, model::StopKind>> Simulation::pairs() const {
  const RuleSet all = used_by_all();
  std::vector<std::pair<std::string, model::StopKind>> found;
  for (const auto &[pair, bit] : pairs_)
    if (bit < all.size() && all.test(bit))
      found.emplace_back(model_.rules[static_cast<std::size_t>(pair.first)].id, pair.second);
  return found;
}

}  // namespace ptmc::traces
