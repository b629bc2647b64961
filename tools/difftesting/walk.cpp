#include "tools/difftesting/walk.hpp"

#include <sched.h>

#include <algorithm>

#include "traces/simulation.hpp"

namespace ptmc::difftest {

using model::Action;
using model::Loc;
using model::State;
using traces::Call;
using traces::Event;
namespace who = traces::who;

namespace {

constexpr int kMaxSteps = 2000;  // of the model, for one call

bool is_exit(Call call) { return call == Call::exit || call == Call::exit_group; }
bool is_wait(Call call) { return call == Call::wait4 || call == Call::waitid; }
// The calls that one process answers, of all that could.
bool one_answers(Call call) { return is_wait(call) || call == Call::sigchld; }

// Of a wait: a report before nothing, and that before ECHILD.
int rank(const model::Label &label) {
  if (label.action != Action::wait) return 0;
  if (label.err != model::Err::ok) return 2;
  return label.options & model::kNohang ? 1 : 0;
}

}  // namespace

Walk::Walk(const Cast &cast, MachineOf machine_of) : machine_of_(std::move(machine_of)) {
  World world;
  world.trace.tracer = who::tracer;
  world.trace.processes = {{who::tracer, traces::Role::tracer, {who::tracer, who::tracer_thread}},
                           {who::t0, traces::Role::tracee, {}}};
  for (int t = 0; t < cast.threads; ++t) world.trace.processes[1].threads.push_back(who::t0 + t);
  if (!cast.tracer_is_parent)
    world.trace.processes.push_back({who::parent, traces::Role::parent, {who::parent}});
  world_ = std::make_shared<World>(std::move(world));
  follow({});
  processes_[0].state = processes_[0].machine->model.initial(cast.threads);
  processes_[0].born = true;
}

pid_t Walk::tid(pid_t role) const {
  const pid_t now = traces::is_tracee(role) ? tid_[static_cast<std::size_t>(role)] : 0;
  return now ? now : role;
}

traces::Task Walk::task(pid_t role) const {
  const traces::Task task = world_->names[0].cast->task(tid(role), UINT64_MAX);
  if (task.process >= 0 && !processes_[static_cast<std::size_t>(task.process)].born) return {};
  return task;
}

bool Walk::in_main(const traces::Task &task) const {
  if (task.process < 0) return false;
  const Process &process = processes_[static_cast<std::size_t>(task.process)];
  const model::Schema &schema = process.machine->model.schema;
  if (schema.loc(process.state, task.thread) != Loc::user) return false;
  const auto &handling = schema.thread[static_cast<std::size_t>(task.thread)].handling;
  return std::none_of(handling.begin(), handling.end(),
                      [&](model::Field f) { return schema.get(process.state, f) != 0; });
}

bool Walk::in_main(pid_t role) const { return in_main(task(role)); }

bool Walk::tracer_dead() const {
  const model::Schema &schema = processes_[0].machine->model.schema;
  return schema.get(processes_[0].state, schema.tracer.dead) != 0;
}

bool Walk::busy(pid_t role) const {
  if (gone_[static_cast<std::size_t>(role)]) return true;
  if (traces::is_tracee(role)) {
    const traces::Task t = task(role);
    if (t.process < 0) return true;
    const Process &process = processes_[static_cast<std::size_t>(t.process)];
    const Loc loc = process.machine->model.schema.loc(process.state, t.thread);
    if (loc == Loc::none || loc >= Loc::group_exit) return true;
  }
  return std::any_of(open_.begin(), open_.end(),
                     [&](const Open &open) { return open.role == role; });
}

// ---- Steps --------------------------------------------------------------------------------------

void Walk::take(std::size_t at, std::size_t instance, std::set<Pair> &taken) {
  const Process &process = processes_[at];
  const model::Model &model = process.machine->model;
  const model::Instance &i = model.instances[instance];
  taken.emplace(i.rule->number,
                model::stop_kind(model.schema, process.state, std::max(i.thread, 0)));
  if (i.label.action == Action::fork && i.label.arg < 0) bear(at, i.label.thread);
  State next;
  processes_[at].machine->interpreter.step(instance, processes_[at].state, next);
  processes_[at].state = next;
}

// The child that this thread's call makes.
void Walk::bear(std::size_t parent, int thread) {
  for (const Open &open : open_) {
    if (open.event.call != Call::fork || open.event.data & CLONE_THREAD) continue;
    const traces::Task by = world_->names[0].cast->task(open.event.pid, open.event.t0);
    if (by.process != static_cast<int>(parent) || by.thread != thread) continue;
    const traces::Task made = world_->names[0].cast->task(open.event.child, UINT64_MAX);
    const auto at = static_cast<std::size_t>(made.process);
    Process &child = processes_[at];
    const auto state =
        processes_[parent].machine->birth(child.machine).child_of(processes_[parent].state, thread);
    if (!state) return;
    child.state = *state;
    child.born = true;
    if (open.event.data & CLONE_VFORK) processes_[parent].vforks.emplace_back(thread, at);
  }
}

// vfork's child is another process: until it leaves, its parent waits.
bool Walk::held(const Process &process, const model::Instance &instance) const {
  if (process.vforks.empty()) return false;
  if (instance.rule->id != "vfork.event" && instance.rule->id != "vfork.done") return false;
  const model::Schema &of = process.machine->model.schema;
  const auto &f = of.thread[static_cast<std::size_t>(instance.thread)];
  if (of.get(process.state, f.pend[model::KILL])) return false;
  return std::any_of(process.vforks.begin(), process.vforks.end(), [&](const auto &vfork) {
    const Process &child = processes_[vfork.second];
    const model::Schema &schema = child.machine->model.schema;
    return vfork.first == instance.thread && !child.execed &&
           schema.loc(child.state, 0) < Loc::exit_signals;
  });
}

bool Walk::hidden(Random &random, std::set<Pair> &taken) {
  std::vector<std::pair<std::size_t, std::size_t>> enabled;
  for (std::size_t p = 0; p < processes_.size(); ++p) {
    const Process &process = processes_[p];
    if (!process.born) continue;
    process.machine->hidden_at.each(process.state, [&](std::size_t i) {
      if (process.machine->interpreter.enabled(i, process.state) &&
          !held(process, process.machine->model.instances[i]))
        enabled.emplace_back(p, i);
    });
  }
  if (enabled.empty()) return false;
  const auto [process, instance] = random.one_of(enabled);
  take(process, instance, taken);
  return true;
}

// ---- Calls --------------------------------------------------------------------------------------

bool Walk::may_begin(const Part &part) const {
  return part.stage > 0 || !part.plan->by_main ||
         in_main(traces::Task{static_cast<int>(part.process), part.plan->thread});
}

bool Walk::over(const Open &open, const Part &part) const {
  const auto &stages = part.inside ? part.plan->traced_stages : part.plan->stages;
  if (part.stage < stages.size() || is_exit(open.event.call)) return false;
  const Process &process = processes_[part.process];
  const model::Schema &schema = process.machine->model.schema;
  int thread = part.plan->thread;
  if (open.event.call == Call::execve && schema.loc(process.state, thread) == Loc::dead) thread = 0;
  if (thread >= 0 && part.plan->by_main)
    return in_main(traces::Task{static_cast<int>(part.process), thread}) &&
           schema.get(process.state, schema.thread[static_cast<std::size_t>(thread)].call) == 0;
  return schema.get(process.state, schema.tracer.attaching) == 0 || open.role != who::tracer;
}

bool Walk::over(const Open &open) const {
  const auto is = [&](const Part &part) { return over(open, part); };
  if (one_answers(open.event.call)) return std::any_of(open.parts.begin(), open.parts.end(), is);
  return std::all_of(open.parts.begin(), open.parts.end(), is);
}

// After an execve its role goes on under the leader's tid, and the others are over.
void Walk::end(const Open &open) {
  if (open.event.call != Call::execve) return;
  const traces::Task caller = world_->names[0].cast->task(open.event.pid, UINT64_MAX);
  if (caller.process < 0) return;
  for (pid_t role = who::t0; role < who::none; ++role)
    if (role != open.role &&
        world_->names[0].cast->task(tid(role), UINT64_MAX).process == caller.process)
      gone_[static_cast<std::size_t>(role)] = true;
  const auto at = static_cast<std::size_t>(caller.process);
  processes_[at].execed = true;
  tid_[static_cast<std::size_t>(open.role)] = world_->names[at].tracee;
}

bool Walk::advance(Open &open, Random &random, std::set<Pair> &taken) {
  struct Choice {
    Part *part;
    std::size_t instance;
  };
  std::array<std::vector<Choice>, 3> enabled;  // by rank
  std::size_t refused = 0;
  for (Part &part : open.parts) {
    if (!may_begin(part)) continue;
    const Process &process = processes_[part.process];
    const model::Schema &schema = process.machine->model.schema;
    if (part.stage == 0 && !part.plan->traced_stages.empty())
      part.inside = traces::shows_calls(schema, process.state, part.plan->thread);
    const auto &stages = part.inside ? part.plan->traced_stages : part.plan->stages;
    if (part.stage >= stages.size() ||
        !traces::happens_here(*part.plan, part.stage, part.inside, schema, process.state))
      continue;
    if (stages[part.stage].instances.empty()) return ++part.stage, true;  // not the model's
    bool refuses = false;
    for (const std::size_t i : stages[part.stage].instances)
      if (process.machine->interpreter.enabled(i, process.state)) {
        const int r = rank(process.machine->model.instances[i].label);
        enabled[static_cast<std::size_t>(r)].push_back({&part, i});
        refuses = refuses || r == 2;
      }
    refused += refuses;
  }
  if (refused < open.parts.size()) enabled[2].clear();  // others may have something to wait for
  for (const auto &choices : enabled) {
    if (choices.empty()) continue;
    const Choice choice = random.one_of(choices);
    take(choice.part->process, choice.instance, taken);
    ++choice.part->stage;
    return true;
  }
  return false;
}

// What the call changes in who is who.
void Walk::follow(const Event &event) {
  auto world = std::make_shared<World>(*world_);
  if (event.pid) {
    Event &e = world->trace.events.emplace_back(event);
    e.ret = e.call == Call::fork ? e.child : 0;
  }
  const traces::Names first(world->trace);
  const std::size_t count = first.cast->processes().size();
  world->names.clear();
  for (std::size_t p = 0; p < count; ++p) {
    traces::Names &names = world->names.emplace_back(first.of(world->trace, static_cast<int>(p)));
    names.codes.assign(exit_codes().begin(), exit_codes().end());
    if (p == processes_.size()) processes_.push_back({machine_of_(names.one_process), {}});
    names.signals = processes_[p].machine->model.schema.shape.signals;
    names.others.clear();
    for (const model::Other &one : processes_[p].machine->model.schema.shape.others)
      if (one.number) names.others.push_back(one.number);
    names.adopt(processes_[p].machine->model.schema.shape);
  }
  world_ = std::move(world);
}

void Walk::begin(const Event &event) {
  Event e = event;
  e.pid = tid(event.pid);
  e.target = tid(event.target);
  e.tgid = tid(event.tgid);
  e.t0 = ++clock_;
  if (e.call == Call::fork || e.call == Call::seccomp) follow(e);
  Open open{e, event.pid, {}};
  for (std::size_t p = 0; p < processes_.size(); ++p) {
    if (!processes_[p].born) continue;
    const traces::Machine &machine = *processes_[p].machine;
    const traces::Ask ask = traces::ask(e, world_->names[p]);
    if (ask.kind == traces::Ask::Kind::steps)
      open.parts.push_back({p, &machine.memory->plan(machine.memory->plan_of(ask, machine.index))});
  }
  if (!open.parts.empty())
    open_.push_back(std::move(open));
  else if (is_exit(event.call))
    gone_[static_cast<std::size_t>(event.pid)] = true;
}

std::set<Pair> Walk::make(const Event &event, Random &random) {
  std::set<Pair> taken;
  begin(event);
  for (int step = 0; step < kMaxSteps; ++step) {
    const bool advanced = std::any_of(open_.begin(), open_.end(),
                                      [&](Open &open) { return advance(open, random, taken); });
    std::erase_if(open_, [&](const Open &open) {
      if (!over(open)) return false;
      end(open);
      return true;
    });
    if (!advanced && !hidden(random, taken)) break;
  }
  return taken;
}

}  // namespace ptmc::difftest
