// A closed world is replayed process by process (simulation.hpp): what one does to another is in
// the recorded calls. A fork's child begins in the states in which its parent may have made it.

#include "traces/replay.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "model/input_error.hpp"
#include "traces/models.hpp"
#include "traces/next.hpp"
#include "traces/open_world.hpp"
#include "traces/simulation.hpp"

namespace ptmc::traces {
namespace {

using model::State;

class ClosedWorld {
 public:
  ClosedWorld(const Trace &trace, const model::DesignSpec &spec, const ReplayOptions &options,
              Models &models, ReplayResult &result)
      : trace_(trace),
        spec_(spec),
        options_(options),
        models_(models),
        result_(result),
        names_(trace) {}

  void run() {
    const std::vector<Cast::Process> &processes = names_.cast->processes();
    if (processes.empty()) throw InputError(trace_.file, 1, "\"processes\" names no tracee");
    for (const Cast::Process &p : processes)
      if (p.threads > model::kMaxThreads)
        throw InputError(
            trace_.file, 1,
            "the tracee has more than " + std::to_string(model::kMaxThreads) + " threads");
    for (int p = 0; p < static_cast<int>(processes.size()); ++p)
      tracers_ = std::max(tracers_, static_cast<int>(names_.of(trace_, p).tracers.size()));
    if (names_.too_many_others)
      result_.gave_up = "more than " + std::to_string(model::kOthers) +
                        " signals are sent that the model has no name for";
    for (const int most : names_.queued)
      if (most > model::kMostQueued)
        result_.gave_up = "more than " + std::to_string(model::kMostQueued) +
                          " of a real-time signal may be pending at once";
    for (int p = 0; p < static_cast<int>(processes.size()) && result_.gave_up.empty(); ++p)
      follow(p);
    find_nobody();
    conclude();
  }

 private:
  struct Followed {
    std::shared_ptr<Machine> machine;
    std::map<std::size_t, std::vector<State>> births;  // Simulation::births
    std::vector<pid_t> tracers;
    std::vector<std::size_t> nobody;  // Simulation::nobody
    bool born = false;
  };

  std::vector<State> starts(const Names &names, const std::shared_ptr<Machine> &machine);
  void unborn(int process);
  void follow(int process);
  void find_nobody();
  void conclude();

  const Trace &trace_;
  const model::DesignSpec &spec_;
  const ReplayOptions &options_;
  Models &models_;
  ReplayResult &result_;
  const Names names_;
  std::vector<Followed> followed_;
  int tracers_ = 1;                             // of the process that has most
  std::map<std::size_t, std::size_t> allowed_;  // by event: outcomes beside one
  std::set<std::string> witnessed_;
  std::set<std::pair<std::string, model::StopKind>> pairs_;
  std::map<std::size_t, Explained> explained_;
  std::map<std::size_t, std::vector<std::vector<Possible>>> next_;  // by event, each process's
};

// A tracer has a place in each process's own list.
void rename_tracers(State &s, const model::Schema &schema, const std::vector<pid_t> &from,
                    const std::vector<pid_t> &to) {
  std::vector<bool> dead(schema.tracers.size());
  const auto place = [&](std::size_t old) {
    const auto found = std::find(to.begin(), to.end(), from[old]);
    return static_cast<std::size_t>(found - to.begin()) % dead.size();
  };
  for (std::size_t k = 0; k < from.size(); ++k)
    dead[place(k)] = schema.get(s, schema.tracers[k].dead) != 0;
  for (std::size_t k = 0; k < dead.size(); ++k) schema.set(s, schema.tracers[k].dead, dead[k]);
  for (const model::ThreadFields &t : schema.thread)
    if (t.by != model::kNoField && schema.get(s, t.tracing))
      schema.set(s, t.by, static_cast<model::Value>(place(schema.get(s, t.by))));
}

std::vector<State> ClosedWorld::starts(const Names &names, const std::shared_ptr<Machine> &shared) {
  const Machine &machine = *shared;
  const Cast::Process &p = names_.cast->processes()[static_cast<std::size_t>(names.process)];
  if (p.forked_by < 0) return {machine.model.initial(p.started)};
  const Followed &parent = followed_[static_cast<std::size_t>(p.forked_by)];
  std::vector<State> all;
  const auto found = parent.births.find(p.fork);
  if (found == parent.births.end()) return all;
  const model::Birth &birth = parent.machine->birth(shared);
  const Event &fork = trace_.events[p.fork];
  const int thread = names_.cast->task(fork.pid, fork.t0).thread;
  for (const State &before : found->second)
    if (auto child = birth.child_of(before, thread)) {
      if (tracers_ > 1) rename_tracers(*child, machine.model.schema, parent.tracers, names.tracers);
      if (std::find(all.begin(), all.end(), *child) == all.end()) all.push_back(*child);
    }
  return all;
}

// The process was not made, or its parent's replay has ended before: nobody has heard of it.
void ClosedWorld::unborn(int process) {
  for (const Event &e : trace_.events) {
    if (result_.divergence || !names_.cast->reports(e, process)) continue;
    Divergence d;
    d.event = static_cast<std::size_t>(&e - trace_.events.data());
    d.line = e.line;
    d.observed = describe(e);
    result_.divergence = std::move(d);
  }
}

void ClosedWorld::follow(int process) {
  Names names = names_.of(trace_, process);
  model::Config config = model::whole_config(spec_, names.one_process);
  config[model::Feature::orphaned] = trace_.orphaned;
  model::Shape shape = shape_of(names);
  shape.tracers = tracers_;  // births need one shape for all
  const int forked_by = names.cast->processes()[static_cast<std::size_t>(process)].forked_by;
  const Machine *like =
      forked_by < 0 ? nullptr : followed_[static_cast<std::size_t>(forked_by)].machine.get();
  followed_.push_back(
      {models_.of(shape, config, options_.mutate, like), {}, names.tracers, {}, false});
  if (!result_.gave_up.empty()) return;
  const std::shared_ptr<Machine> shared = followed_.back().machine;
  Machine &machine = *shared;
  names.adopt(machine.model.schema.shape);
  const std::vector<State> first = starts(names, shared);
  if (first.empty()) return unborn(process);
  followed_.back().born = true;
  Simulation simulation(trace_, machine, names, options_, first);
  simulation.run();
  followed_.back().births = std::move(simulation.births);
  followed_.back().nobody = std::move(simulation.nobody);
  result_.gave_up = simulation.gave_up;
  result_.max_states = std::max(result_.max_states, simulation.max_states);
  for (const auto &[event, outcomes] : simulation.allowed)
    allowed_[event] += std::max<std::size_t>(outcomes, 1) - 1;
  for (const Explained &e : simulation.explained) {
    auto [it, fresh] = explained_.emplace(e.event, e);
    if (fresh) continue;
    const auto add = [](auto &to, const auto &from) {
      to.insert(to.end(), from.begin(), from.end());
    };
    add(it->second.before, e.before);
    add(it->second.after, e.after);
    add(it->second.rules, e.rules);
  }
  for (Next &n : simulation.next) next_[n.event].push_back(std::move(n.possible));
  std::set<const model::Rule *> present;
  for (const model::Instance &i : machine.model.instances) present.insert(i.rule);
  for (const model::Rule &r : machine.model.rules)
    if (present.count(&r) &&
        std::find(result_.rules.begin(), result_.rules.end(), r.id) == result_.rules.end())
      result_.rules.push_back(r.id);
  if (simulation.divergence) {
    // The first of all processes'.
    const auto when = [&](const Divergence &d) { return trace_.events[d.event].t1; };
    if (!result_.divergence || when(*simulation.divergence) < when(*result_.divergence))
      result_.divergence = std::move(simulation.divergence);
    return;
  }
  if (options_.witness)
    for (const std::string &id : simulation.witnessed()) witnessed_.insert(id);
  if (options_.pairs)
    for (const auto &pair : simulation.pairs()) pairs_.insert(pair);
}

// A wait for anybody that returned 0 has found somebody: each process by itself allows that it was
// another.
void ClosedWorld::find_nobody() {
  if (result_.divergence || !result_.gave_up.empty()) return;
  const std::vector<Cast::Process> &processes = names_.cast->processes();
  std::map<std::size_t, std::size_t> without;  // by event: processes
  for (const Followed &one : followed_)
    for (const std::size_t event : one.nobody) ++without[event];
  for (const auto &[event, count] : without) {
    std::size_t all = 0;
    for (std::size_t p = 0; p < processes.size(); ++p) {
      const std::vector<std::size_t> &events = processes[p].events;
      all += followed_[p].born && std::binary_search(events.begin(), events.end(), event);
    }
    const Event &e = trace_.events[event];
    // It is not followed by a child that may have been there or not.
    const bool unknown = std::any_of(processes.begin(), processes.end(), [&](const auto &p) {
      return e.t0 < p.there && e.t1 >= p.from;
    });
    if (count < all || unknown) continue;
    result_.divergence = Divergence{event, e.line, describe(e), {"-1 ECHILD"}, {}};
    return;
  }
}

void ClosedWorld::conclude() {
  result_.events = allowed_.size();
  for (auto &[event, e] : explained_) result_.explained.push_back(std::move(e));
  for (auto &[event, all] : next_) result_.next.push_back({event, of_all(std::move(all))});
  if (!result_.gave_up.empty()) result_.divergence.reset();
  result_.accepted = result_.gave_up.empty() && !result_.divergence;
  if (!result_.accepted) return;
  double allowed = 0;
  for (const auto &[event, more] : allowed_) allowed += 1 + static_cast<double>(more);
  if (result_.events) result_.mean_allowed_next = allowed / static_cast<double>(result_.events);
  for (const std::string &id : result_.rules)
    if (witnessed_.count(id)) result_.witnessed.push_back(id);
  result_.pairs.assign(pairs_.begin(), pairs_.end());
}

}  // namespace

ReplayResult replay(Source &source, const ReplayOptions &options) {
  const Trace &trace = source.about();
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
  Models own({.signals = {}, .siginfos = {}, .masks = {}, .exit_codes = {}});
  Models &models = options.models ? *options.models : own;
  if (trace.world == World::open)
    replay_open_world(source, spec, options, models, result);
  else
    ClosedWorld(*source.whole(), spec, options, models, result).run();
  result.notes = source.about().notes;
  return result;
}

ReplayResult replay(const Trace &trace, const ReplayOptions &options) {
  return replay(*source_of(trace), options);
}

ReplayResult replay_file(const std::string &file, const ReplayOptions &options) {
  return replay(*open_source(file), options);
}

}  // namespace ptmc::traces
