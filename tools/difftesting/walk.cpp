#include "tools/difftesting/walk.hpp"

#include <algorithm>

namespace ptmc::difftest {

using model::Loc;
using model::State;
using traces::Call;
namespace who = traces::who;

namespace {

constexpr int kMaxSteps = 2000;  // of the model, for one call

bool is_exit(Call call) { return call == Call::exit || call == Call::exit_group; }

}  // namespace

Walk::Walk(const traces::Machine &machine, const traces::Names &names)
    : machine_(&machine), names_(&names), state_(machine.model.initial()) {}

bool Walk::in_main(int thread) const {
  const model::Schema &schema = machine_->model.schema;
  if (schema.loc(state_, thread) != Loc::user) return false;
  const auto &handling = schema.thread[static_cast<std::size_t>(thread)].handling;
  return std::none_of(handling.begin(), handling.end(),
                      [&](model::Field f) { return schema.get(state_, f) != 0; });
}

bool Walk::tracer_dead() const {
  const model::Schema &schema = machine_->model.schema;
  return schema.get(state_, schema.tracer.dead) != 0;
}

bool Walk::dead(int thread) const {
  return machine_->model.schema.loc(state_, thread) >= Loc::group_exit;
}

bool Walk::busy(pid_t role) const {
  if (gone_[static_cast<std::size_t>(role)]) return true;
  const int thread = names_->thread(role);
  if (thread >= 0 && dead(thread)) return true;
  return std::any_of(open_.begin(), open_.end(),
                     [&](const Open &open) { return open.event.pid == role; });
}

void Walk::take(std::size_t instance, std::set<Pair> &taken) {
  const model::Instance &i = machine_->model.instances[instance];
  taken.emplace(i.rule->number,
                model::stop_kind(machine_->model.schema, state_, std::max(i.thread, 0)));
  State next;
  machine_->interpreter.step(instance, state_, next);
  state_ = next;
}

bool Walk::over(const Open &open) const {
  const model::Schema &schema = machine_->model.schema;
  const auto &stages = open.inside ? open.plan.traced_stages : open.plan.stages;
  if (open.stage < stages.size() || is_exit(open.event.call)) return false;
  const int thread = names_->thread(open.event.pid);
  if (thread >= 0 && open.plan.by_main)
    return in_main(thread) &&
           schema.get(state_, schema.thread[static_cast<std::size_t>(thread)].call) == 0;
  return schema.get(state_, schema.tracer.attaching) == 0 || open.event.pid != who::tracer;
}

bool Walk::may_begin(const Open &open) const {
  return open.stage > 0 || !open.plan.by_main || in_main(open.plan.thread);
}

bool Walk::advance(Open &open, Random &random, std::set<Pair> &taken) {
  if (!may_begin(open)) return false;
  const model::Schema &schema = machine_->model.schema;
  if (open.stage == 0 && !open.plan.traced_stages.empty())
    open.inside = traces::shows_calls(schema, state_, open.plan.thread);
  const auto &stages = open.inside ? open.plan.traced_stages : open.plan.stages;
  if (open.stage >= stages.size() ||
      !traces::happens_here(open.plan, open.stage, open.inside, schema, state_))
    return false;
  if (stages[open.stage].instances.empty()) return ++open.stage, true;  // not the model's
  std::vector<std::size_t> enabled;
  for (const std::size_t i : stages[open.stage].instances)
    if (machine_->interpreter.enabled(i, state_)) enabled.push_back(i);
  if (enabled.empty()) return false;
  take(random.one_of(enabled), taken);
  ++open.stage;
  return true;
}

bool Walk::hidden(Random &random, std::set<Pair> &taken) {
  std::vector<std::size_t> enabled;
  machine_->hidden_at.each(state_, [&](std::size_t i) {
    if (machine_->interpreter.enabled(i, state_)) enabled.push_back(i);
  });
  if (enabled.empty()) return false;
  take(random.one_of(enabled), taken);
  return true;
}

std::set<Pair> Walk::make(const traces::Event &event, Random &random) {
  std::set<Pair> taken;
  traces::Plan plan = traces::plan(event, *names_, machine_->index);
  if (plan.kind == traces::Ask::Kind::steps)
    open_.push_back({event, std::move(plan)});
  else if (is_exit(event.call))
    gone_[static_cast<std::size_t>(event.pid)] = true;
  for (int step = 0; step < kMaxSteps; ++step) {
    const bool advanced = std::any_of(open_.begin(), open_.end(),
                                      [&](Open &open) { return advance(open, random, taken); });
    std::erase_if(open_, [&](const Open &open) { return over(open); });
    if (!advanced && !hidden(random, taken)) break;
  }
  return taken;
}

}  // namespace ptmc::difftest
