#include "checker/watch.hpp"

#include <algorithm>
#include <bit>

namespace ptmc::checker {

using model::Instance;
using model::Model;
using model::Property;
using model::PropertyKind;

Watch::Watch(const Model &model, const Layout &layout, std::vector<const Property *> properties)
    : properties_(std::move(properties)), sliced_(model.schema, layout) {
  auto add = [&](std::size_t p, std::size_t instance, model::Expr e, Sliced::Step &step) {
    const Sliced::Literal holds =
        sliced_.add(properties_[p]->kind == PropertyKind::sometimes ? e : !e, step);
    if (holds != 0) conditions_.push_back({p, instance, holds});
  };
  Sliced::Step none;
  for (std::size_t p = 0; p < properties_.size(); ++p)
    if (properties_[p]->over_state) add(p, kNoInstance, properties_[p]->over_state(model), none);
  for (std::size_t i = 0; i < model.instances.size(); ++i) {
    const Instance &instance = model.instances[i];
    loops_.push_back(instance.updates.empty());
    if (std::any_of(instance.guards.begin(), instance.guards.end(),
                    [&](const model::Guard &g) { return sliced_.add(g.holds, none) == 0; }))
      continue;
    Sliced::Step step;
    for (const model::Update &u : instance.updates) step.updates.emplace(u.field, u.value);
    for (const model::Guard &g : instance.guards) sliced_.assume(g.holds, step);
    for (std::size_t p = 0; p < properties_.size(); ++p)
      if (properties_[p]->over_step)
        if (const std::optional<model::Expr> e = properties_[p]->over_step(model, instance))
          add(p, i, *e, step);
  }
  arrange();
}

void Watch::decided(std::size_t property) {
  std::erase_if(conditions_, [&](const Condition &c) { return c.property == property; });
  arrange();
}

void Watch::arrange() {
  std::vector<Sliced::Literal *> wanted;
  state_conditions_ = 0;
  steps_.clear();
  for (std::size_t i = 0; i < conditions_.size(); ++i) {
    wanted.push_back(&conditions_[i].holds);
    const std::size_t instance = conditions_[i].instance;
    if (instance == kNoInstance) {
      ++state_conditions_;
    } else if (steps_.empty() || steps_.back().instance != instance) {
      steps_.push_back({instance, loops_[instance], i, i + 1});
    } else {
      steps_.back().end = i + 1;
    }
  }
  sliced_.keep(wanted);
}

Watcher::Watcher(const Watch &watch, const Layout &layout, const Expander &expander)
    : watch_(watch),
      layout_(layout),
      expander_(expander),
      states_(Sliced::kStates * layout.state_words()),
      fired_(watch.loops_.size()) {}

void Watcher::start_level() {
  finds.assign(watch_.properties_.size(), std::nullopt);
  counts_.clear();
  for (const Watch::Steps &s : watch_.steps_) counts_.push_back(expander_.fired(s.instance));
}

void Watcher::add(const std::uint64_t *state, const std::uint64_t *record) {
  if (watch_.idle()) return;
  const std::uint64_t bit = std::uint64_t{1} << records_.size();
  std::copy_n(state, layout_.state_words(), &states_[records_.size() * layout_.state_words()]);
  records_.push_back(record);
  for (std::size_t k = 0; k < expander_.count(); ++k) fired_[expander_.instance(k)] |= bit;
  for (std::size_t i = 0; i < watch_.steps_.size(); ++i) {
    const Watch::Steps &s = watch_.steps_[i];
    if (!s.loop) continue;
    const std::uint64_t count = expander_.fired(s.instance);
    if (count != counts_[i]) fired_[s.instance] |= bit;
    counts_[i] = count;
  }
  if (records_.size() == Sliced::kStates) check();
}

void Watcher::check() {
  if (records_.empty()) return;
  watch_.sliced_.run(states_.data(), values_);
  const std::uint64_t all = ~std::uint64_t{0} >> (Sliced::kStates - records_.size());
  auto look = [&](std::size_t begin, std::size_t end, std::uint64_t states) {
    for (std::size_t i = begin; i < end; ++i) {
      const Watch::Condition &c = watch_.conditions_[i];
      if (const std::uint64_t where = Sliced::value(values_, c.holds) & states)
        consider(c.property, c.instance, where);
    }
  };
  look(0, watch_.state_conditions_, all);
  for (const Watch::Steps &s : watch_.steps_)
    if (const std::uint64_t states = fired_[s.instance]) look(s.begin, s.end, states);
  std::fill(fired_.begin(), fired_.end(), 0);
  records_.clear();
}

std::size_t Watcher::memory() const {
  return 8 * (states_.size() + Sliced::kStates + fired_.size() + watch_.sliced_.size());
}

void Watcher::consider(std::size_t property, std::size_t instance, std::uint64_t states) {
  std::optional<Find> &best = finds[property];
  for (; states; states &= states - 1) {
    const std::uint64_t *record = records_[static_cast<std::size_t>(std::countr_zero(states))];
    Find found{{record, record + layout_.words()}, instance};
    if (!best || found < *best) best = std::move(found);
  }
}

}  // namespace ptmc::checker
