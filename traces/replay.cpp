// The simulation. A configuration is a model state and, for each call that has begun and not
// returned, how far its plan has got. Between two returns everything that has begun may take
// effect, in any order, with the kernel's hidden steps in between; when a call returns, only the
// configurations in which it is over survive (just-in-time linearisation: Wing and Gong 1993, Lowe
// 2017). A configuration also carries the set of rules that every way to it has used.

#include "traces/replay.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bitset>
#include <map>
#include <set>
#include <unordered_map>

#include "model/input_error.hpp"
#include "model/property.hpp"
#include "traces/models.hpp"
#include "traces/open_world.hpp"
#include "traces/plan.hpp"

namespace ptmc::traces {
namespace {

using model::Loc;
using model::Sig;
using model::State;
using model::Value;

constexpr std::size_t kMaxOpen = 24;  // calls under way at once
constexpr std::size_t kMaxRules = 192, kMaxPairs = 320;
constexpr std::uint8_t kOver = 0xff, kInside = 0x80;  // stages; kInside: in a traced system call

using RuleSet = std::bitset<kMaxRules + kMaxPairs>;  // rules by number, then pairs as they come

struct Configuration {
  State state;
  std::array<std::uint8_t, kMaxOpen> stage{};                // by slot of open calls
  std::array<std::uint64_t, model::kMaxThreads> handlers{};  // frames, see below
  bool operator==(const Configuration &) const = default;
};

struct ConfigurationHash {
  std::size_t operator()(const Configuration &c) const {
    std::uint64_t h = 0;
    auto mix = [&](std::uint64_t x) { h = (h ^ x) * 0xff51afd7ed558ccdu, h ^= h >> 32; };
    for (std::uint64_t w : c.state.w) mix(w);
    std::array<std::uint64_t, (kMaxOpen + 7) / 8> stages{};
    std::copy(c.stage.begin(), c.stage.end(), reinterpret_cast<std::uint8_t *>(stages.data()));
    for (std::uint64_t x : stages) mix(x);
    for (std::uint64_t x : c.handlers) mix(x);
    return h;
  }
};

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

using Configurations = std::unordered_map<Configuration, RuleSet, ConfigurationHash>;

class Simulation {
 public:
  Simulation(const Trace &trace, const Machine &machine, const Names &names,
             const ReplayOptions &options, ReplayResult &result);
  void run();

 private:
  struct Open {
    std::size_t event;
    Plan plan;
  };
  // What the closure saw of one call, for precision, diagnosis and explain.
  struct Seen {
    std::set<std::string> outcomes, rules, before, after;
  };

  void begin(std::size_t event);
  void end(std::size_t event);
  template <class Emit>
  void advance(const Configuration &c, std::size_t slot, Emit &&emit) const;
  bool over(const Configuration &c, std::size_t slot) const;
  Configurations closure(std::size_t slot, Seen &seen, Configurations *all);
  void finish();
  void diverge(std::size_t slot, const Seen &seen, const Configurations &all);
  std::string kinds(const State &s) const;
  bool in_main(const State &s, int thread) const;
  std::size_t slot_of(std::size_t event) const;
  void use(RuleSet &rules, const model::Instance &instance, const State &before);

  const Trace &trace_;
  const model::Model &model_;
  const model::Schema &schema_;
  const Names &names_;
  const ReplayOptions &options_;
  ReplayResult &result_;
  const model::Interpreter &interpreter_;
  const Index &index_;
  const ByLocation &hidden_at_;
  std::map<std::pair<int, model::StopKind>, std::size_t> pairs_;  // their bits

  std::array<std::optional<Open>, kMaxOpen> open_;
  Configurations now_;
  double allowed_total_ = 0;
};

Simulation::Simulation(const Trace &trace, const Machine &machine, const Names &names,
                       const ReplayOptions &options, ReplayResult &result)
    : trace_(trace),
      model_(machine.model),
      schema_(machine.model.schema),
      names_(names),
      options_(options),
      result_(result),
      interpreter_(machine.interpreter),
      index_(machine.index),
      hidden_at_(machine.hidden_at) {
  Configuration first;
  first.state = model_.initial();
  now_.emplace(first, RuleSet{});
  std::set<const model::Rule *> present;
  for (const model::Instance &i : model_.instances) present.insert(i.rule);
  for (const model::Rule &r : model_.rules)
    if (present.count(&r)) result.rules.push_back(r.id);
  if (model_.rules.size() > kMaxRules) throw std::logic_error("more rules than kMaxRules");
}

void Simulation::use(RuleSet &rules, const model::Instance &instance, const State &before) {
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
    if (schema_.get(s, schema_.thread[thread].handling[sig])) return false;
  return true;
}

std::string Simulation::kinds(const State &s) const {
  static constexpr const char *kCauses[] = {
      "", "group", "interrupt", "sigcont", "auto-attach", "attach", "stale"};
  std::string text;
  for (int t = 0; t < schema_.shape.threads; ++t) {
    const model::StopKind kind = model::stop_kind(schema_, s, t);
    text += (t ? ", t" : "t") + std::to_string(t) + " " +
            std::string(model::kStopKindNames[static_cast<std::size_t>(kind)]);
    if (const Value cause = schema_.get(s, schema_.thread[t].cause))
      text += std::string(" (") + kCauses[cause] + ")";
    else if (kind == model::StopKind::signal_delivery_stop)
      text += " (" + std::string(model::kSignals[schema_.get(s, schema_.thread[t].sig)].name) + ")";
  }
  return text;
}

std::size_t Simulation::slot_of(std::size_t event) const {
  for (std::size_t i = 0; i < kMaxOpen; ++i)
    if (open_[i] && open_[i]->event == event) return i;
  return kMaxOpen;
}

// Whether the call has done all that it does and may return.
bool Simulation::over(const Configuration &c, std::size_t slot) const {
  if (c.stage[slot] != kOver) return false;
  const Plan &p = open_[slot]->plan;
  switch (p.ends) {
    case Ends::attached:
      return schema_.get(c.state, schema_.tracer.attaching) == 0;
    case Ends::in_user:
      return in_main(c.state, p.thread) && schema_.get(c.state, schema_.thread[p.thread].call) == 0;
    case Ends::exited:
      return nobody_is_traced(schema_, c.state);
    default:
      return true;
  }
}

// Every way in which the call of this slot may go on from here.
template <class Emit>
void Simulation::advance(const Configuration &c, std::size_t slot, Emit &&emit) const {
  const Plan &p = open_[slot]->plan;
  const std::uint8_t stage = c.stage[slot];
  if (stage == kOver || p.kind == Plan::Kind::impossible) return;
  if (p.kind == Plan::Kind::state) {
    if (!p.holds(c.state)) return;
    Configuration next = c;
    next.stage[slot] = kOver;
    emit(next, SIZE_MAX);
    return;
  }
  if (p.kind == Plan::Kind::handler) {
    if (innermost(c.handlers[p.thread]) != frame(p.handled, false)) return;
    Configuration next = c;
    next.stage[slot] = kOver;
    next.handlers[p.thread] |= frame(model::NONE, true);
    emit(next, SIZE_MAX);
    return;
  }
  if (stage == 0 && p.by_main && !in_main(c.state, p.thread)) return;
  auto fire = [&](const std::vector<Stage> &stages, std::size_t at, std::uint8_t flag) {
    if (!happens_here(p, at, flag, schema_, c.state)) return;
    for (std::size_t i : stages[at].instances) {
      Configuration next = c;
      if (!interpreter_.step(i, c.state, next.state)) continue;
      if (stages[at].shows &&
          !stages[at].shows(model_.instances[i], interpreter_.output(i, c.state)))
        continue;
      next.stage[slot] = at + 1 == stages.size() ? kOver : static_cast<std::uint8_t>(at + 1) | flag;
      emit(next, i);
    }
  };
  if (stage & kInside) return fire(p.traced_stages, stage & ~kInside, kInside);
  if (p.stages.empty()) {
    Configuration next = c;
    next.stage[slot] = kOver;
    return emit(next, SIZE_MAX);
  }
  fire(p.stages, stage, 0);
  if (stage == 0 && !p.traced_stages.empty()) fire(p.traced_stages, 0, kInside);
}

void Simulation::begin(std::size_t event) {
  const Event &e = trace_.events[event];
  Plan p = plan(e, names_, index_);
  if (!p.unmodelled.empty()) {
    result_.gave_up = fmt::format("line {}: {} is not in the model yet", e.line, p.unmodelled);
    return;
  }
  if (p.kind == Plan::Kind::nothing) return;
  for (std::size_t slot = 0; slot < kMaxOpen; ++slot) {
    if (open_[slot]) continue;
    open_[slot] = Open{event, std::move(p)};
    return;
  }
  result_.gave_up =
      fmt::format("line {}: more than {} calls are under way at once", e.line, kMaxOpen);
}

// Whether the frames of the handlers allow this hidden step.
bool follow_handlers(const model::Label &label, Configuration &next) {
  std::uint64_t *handlers = label.thread < 0 ? nullptr : &next.handlers[label.thread];
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
      return true;
  }
}

// All configurations in which the call of `slot` is over and was not before; `all` receives every
// configuration on the way.
Configurations Simulation::closure(std::size_t slot, Seen &seen, Configurations *all) {
  Configurations reached = now_, ended;
  std::vector<Configuration> work;
  for (const auto &[c, rules] : now_) work.push_back(c);
  auto arrive = [&](Configurations &set, const Configuration &c, const RuleSet &rules) {
    auto [it, fresh] = set.emplace(c, rules);
    const RuleSet both = it->second & rules;
    const bool changed = fresh || both != it->second;
    it->second = both;
    return changed;
  };
  const bool explain = options_.explain;
  while (!work.empty()) {
    const Configuration c = work.back();
    work.pop_back();
    const RuleSet rules = reached.at(c);
    if (over(c, slot)) {
      arrive(ended, c, rules);
      if (explain) seen.after.insert(kinds(c.state));
      continue;
    }
    auto to = [&](const Configuration &next, std::size_t instance) {
      RuleSet used = rules;
      if (instance != SIZE_MAX) use(used, model_.instances[instance], c.state);
      if (arrive(reached, next, used)) work.push_back(next);
    };
    hidden_at_.each(c.state, [&](std::size_t i) {
      Configuration next = c;
      const model::Instance &instance = model_.instances[i];
      if (!interpreter_.step(i, c.state, next.state)) return;
      if (follow_handlers(instance.label, next)) to(next, i);
    });
    for (std::size_t s = 0; s < kMaxOpen; ++s) {
      if (!open_[s]) continue;
      advance(c, s, [&](const Configuration &next, std::size_t instance) {
        if (s == slot && instance != SIZE_MAX && explain) {
          seen.before.insert(kinds(c.state));
          seen.rules.insert(model_.instances[instance].name());
        }
        to(next, instance);
      });
    }
    if (c.stage[slot] == 0)
      for (std::size_t i : open_[slot]->plan.alternatives)
        if (interpreter_.enabled(i, c.state))
          seen.outcomes.insert(
              outcome(model_.instances[i], interpreter_.output(i, c.state), names_));
    if (reached.size() > options_.max_states) {
      result_.gave_up = fmt::format("line {}: more than {} possible states",
                                    trace_.events[open_[slot]->event].line, options_.max_states);
      return ended;
    }
  }
  result_.max_states = std::max(result_.max_states, reached.size());
  if (all) *all = std::move(reached);
  return ended;
}

void Simulation::end(std::size_t event) {
  const std::size_t slot = slot_of(event);
  if (slot == kMaxOpen || open_[slot]->plan.lingers) return;
  Seen seen;
  Configurations all;
  Configurations next = closure(slot, seen, &all);
  if (!result_.gave_up.empty()) return;
  ++result_.events;
  if (next.empty()) return diverge(slot, seen, all);
  allowed_total_ += static_cast<double>(std::max<std::size_t>(seen.outcomes.size(), 1));
  if (options_.explain)
    result_.explained.push_back({event,
                                 {seen.before.begin(), seen.before.end()},
                                 {seen.after.begin(), seen.after.end()},
                                 {seen.rules.begin(), seen.rules.end()}});
  open_[slot].reset();
  now_.clear();
  for (auto &[c, rules] : next) {
    Configuration freed = c;
    freed.stage[slot] = 0;
    auto [it, fresh] = now_.emplace(freed, rules);
    if (!fresh) it->second &= rules;
  }
}

void Simulation::diverge(std::size_t slot, const Seen &seen, const Configurations &all) {
  const Open &o = *open_[slot];
  Divergence d;
  d.event = o.event;
  d.line = trace_.events[o.event].line;
  d.observed = describe(trace_.events[o.event]);
  d.allowed.assign(seen.outcomes.begin(), seen.outcomes.end());
  // For each rule that gives what was observed: the configuration that came closest to it.
  std::map<std::string, std::pair<int, std::string>> closest;
  for (const auto &[c, rules] : all) {
    const std::uint8_t stage = c.stage[slot];
    if (stage == kOver || o.plan.stages.empty()) continue;
    const std::vector<Stage> &stages = stage & kInside ? o.plan.traced_stages : o.plan.stages;
    const Stage &at = stages[stage & ~kInside];
    for (std::size_t i : at.instances) {
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
  result_.divergence = std::move(d);
}

void Simulation::run() {
  // Returns before beginnings at the same instant: those calls do not overlap.
  struct Point {
    std::uint64_t time;
    bool begins;
    std::size_t event;
  };
  std::vector<Point> points;
  for (std::size_t i = 0; i < trace_.events.size(); ++i) {
    const Event &e = trace_.events[i];
    points.push_back({e.t0, true, i});
    if (e.t1 != UINT64_MAX) points.push_back({std::max(e.t1, e.t0), false, i});
  }
  std::stable_sort(points.begin(), points.end(), [](const Point &a, const Point &b) {
    return a.time != b.time     ? a.time < b.time
           : a.event != b.event ? a.event < b.event
                                : a.begins > b.begins;
  });
  for (const Point &p : points) {
    if (p.begins)
      begin(p.event);
    else
      end(p.event);
    if (result_.divergence || !result_.gave_up.empty()) return;
  }
  finish();
}

void Simulation::finish() {
  result_.accepted = true;
  if (result_.events)
    result_.mean_allowed_next = allowed_total_ / static_cast<double>(result_.events);
  RuleSet all;
  all.set();
  for (const auto &[c, rules] : now_) all &= rules;
  for (const model::Rule &r : model_.rules)
    if (all.test(static_cast<std::size_t>(r.number)) &&
        std::find(result_.rules.begin(), result_.rules.end(), r.id) != result_.rules.end())
      result_.witnessed.push_back(r.id);
  for (const auto &[pair, bit] : pairs_)
    if (bit < all.size() && all.test(bit))
      result_.pairs.emplace_back(model_.rules[static_cast<std::size_t>(pair.first)].id,
                                 pair.second);
}

}  // namespace

ReplayResult replay(const Trace &trace, const ReplayOptions &options) {
  ReplayResult result;
  result.file = trace.file;
  result.world = trace.world;
  const std::string design = !options.design.empty() ? options.design
                             : !trace.design.empty() ? trace.design
                                                     : "linux-3.4";
  model::DesignSpec spec = model::parse_design(design);
  const std::string kernel = !options.kernel.empty() ? options.kernel : trace.kernel;
  if (!kernel.empty()) model::set_kernel(spec, kernel);
  result.design = design;
  result.kernel =
      kernel.empty() ? std::to_string(spec.major) + "." + std::to_string(spec.minor) : kernel;
  if (trace.world == World::open) {
    replay_open_world(trace, spec, options, result);
    return result;
  }
  const Names names(trace);
  if (names.threads.empty()) throw InputError(trace.file, 1, "\"processes\" names no tracee");
  if (names.threads.size() > model::kMaxThreads)
    throw InputError(trace.file, 1,
                     fmt::format("the tracee has more than {} threads", model::kMaxThreads));
  const model::Config config = model::replay_config(spec, names.one_process);
  Models own({.signals = {}, .exit_codes = {}});
  Models &models = options.models ? *options.models : own;
  const Machine &machine = models.of(shape_of(trace, names), config, options.mutate);
  Simulation(trace, machine, names, options, result).run();
  return result;
}

}  // namespace ptmc::traces
