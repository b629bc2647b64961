#include "checker/fast.hpp"

#include <algorithm>

#include "model/designs.hpp"

namespace ptmc::checker {
namespace {

using model::Instance;
using model::Model;

bool same_step(const Instance &a, const Instance &b) {
  return a.rule->id == b.rule->id && a.parameters == b.parameters && a.label == b.label;
}

}  // namespace

// Names do not tell all instances apart (a signal may wake one thread or another), so instances are
// matched in their order, after leaving out those that the configuration rules out.
std::optional<FastForm> fast_form(const Model &model) {
  const model::Shape &shape = model.schema.shape;
  const Expand expand = emitted(shape.threads);
  if (!expand || !model.config || shape.processes != 1 || shape.tracers != 1 ||
      shape.signals != model::explored_signals() || !shape.option_sets.empty() ||
      shape.exit_codes != std::vector<model::Value>{1})
    return std::nullopt;
  const Model symbolic(model::Shape{shape.threads, shape.signals}, nullptr);

  model::Substitution given;
  for (std::uint32_t f = 0; f < model::kFeatureCount; ++f)
    given.config.emplace(f, model::truth(model.config->on[f]));
  auto ruled_out = [&](const Instance &i) {
    auto fails = [&](model::Expr e) { return substitute(e, given).is(0); };
    return fails(i.enabled) || std::any_of(i.guards.begin(), i.guards.end(),
                                           [&](const model::Guard &g) { return fails(g.holds); });
  };

  FastForm form{expand, {}, {}};
  form.instance_of.resize(symbolic.instances.size());
  for (std::size_t slot = 0; slot < symbolic.instances.size(); ++slot) {
    const Instance &i = symbolic.instances[slot];
    if (ruled_out(i)) continue;
    const std::size_t next = form.slot_of.size();
    if (next == model.instances.size() || !same_step(i, model.instances[next])) return std::nullopt;
    form.instance_of[slot] = next;
    form.slot_of.push_back(slot);
  }
  if (form.slot_of.size() != model.instances.size()) return std::nullopt;
  return form;
}

Expander::Expander(const Model &model, const FastForm *fast)
    : model_(model), fast_(fast), width_(model.schema.words()) {
  if (!fast) plain_ = std::make_unique<model::Interpreter>(model);
  const std::size_t slots = fast ? fast->instance_of.size() : model.instances.size();
  fired_.resize(slots);
  words_.resize(slots * width_);
  slots_.resize(slots);
  sink_ = {fired_.data(), slots_.data(), words_.data(), 0};
}

std::size_t Expander::memory() const {
  return 8 * (fired_.size() + words_.size()) + 2 * slots_.size();
}

void Expander::expand(const std::uint64_t *words) {
  sink_.count = 0;
  if (fast_) return fast_->expand(words, model_.config->on.data(), sink_);
  model::State from, to;
  std::copy_n(words, width_, from.w.begin());
  for (std::size_t i = 0; i < model_.instances.size(); ++i) {
    if (model_.instances[i].updates.empty()) {
      fired_[i] += plain_->enabled(i, from);
    } else if (plain_->step(i, from, to)) {
      ++fired_[i];
      std::copy_n(to.w.begin(), width_, sink_.add(static_cast<std::uint16_t>(i), width_));
    }
  }
}

}  // namespace ptmc::checker
