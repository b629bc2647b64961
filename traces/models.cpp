#include "traces/models.hpp"

#include <algorithm>

#include "traces/simulation.hpp"

namespace ptmc::traces {
namespace {

bool contains(const auto &all, const auto &one) {
  return std::find(all.begin(), all.end(), one) != all.end();
}

// Whether a model of the one shape has all that the other asks for.
bool covers(const model::Shape &large, const model::Shape &small) {
  const auto all = [](const auto &in, const auto &of) {
    return std::all_of(of.begin(), of.end(), [&](const auto &one) { return contains(in, one); });
  };
  const bool alike = large.threads == small.threads && large.processes == small.processes &&
                     large.started == small.started && large.tracers == small.tracers &&
                     large.tracer_threads == small.tracer_threads && large.init == small.init;
  // Processes of one trace have the same others, so the same fields.
  return alike && all(large.signals, small.signals) && all(large.option_sets, small.option_sets) &&
         all(large.siginfos, small.siginfos) && all(large.masks, small.masks) &&
         all(large.exit_codes, small.exit_codes) && large.others == small.others;
}

model::Shape joined(const model::Shape &least, model::Shape shape) {
  const auto add = [](auto &to, const auto &from) {
    for (const auto &one : from)
      if (!contains(to, one)) to.push_back(one);
  };
  add(shape.signals, least.signals);
  std::sort(shape.signals.begin(), shape.signals.end());  // the order in which they are dequeued
  add(shape.option_sets, least.option_sets);
  add(shape.siginfos, least.siginfos);
  add(shape.masks, least.masks);
  add(shape.exit_codes, least.exit_codes);
  return shape;
}

}  // namespace

Machine::Machine(std::unique_ptr<model::Model> made, std::size_t nth)
    : owned(std::move(made)),
      model(*owned),
      number(nth),
      interpreter(model),
      index(model),
      hidden_at(model, index.hidden()),
      memory(std::make_unique<Memory>(model)) {}

Machine::~Machine() = default;

void Machine::changed(const std::vector<std::size_t> &instances) {
  bool hidden = false;
  for (const std::size_t i : instances) {
    interpreter.recompile(i);
    hidden = hidden || contains(index.hidden(), i);
  }
  if (hidden) hidden_at = ByLocation(model, index.hidden());
  memory = std::make_unique<Memory>(model);
}

const model::Birth &Machine::birth(const std::shared_ptr<const Machine> &child) {
  for (const auto &[of, birth] : births_)
    if (of.lock() == child) return *birth;
  std::erase_if(births_, [](const auto &known) { return known.first.expired(); });
  births_.emplace_back(child, std::make_unique<model::Birth>(model, child->model));
  return *births_.back().second;
}

Models::Models(model::Shape at_least, std::size_t kept)
    : at_least_(std::move(at_least)), kept_(kept) {}

std::shared_ptr<Machine> Models::of(model::Shape shape, const model::Config &config,
                                    const std::function<void(model::Model &)> &mutate,
                                    const Machine *like) {
  if (like) shape.signals = like->model.schema.shape.signals;
  const bool exactly = like || config[model::Feature::open_world];
  // Of several that serve the one made first: which it is does not depend on what was asked since.
  auto found = machines_.end();
  for (auto it = machines_.begin(); it != machines_.end(); ++it) {
    const model::Shape &has = (*it)->model.schema.shape;
    if ((*it)->model.config == config && covers(has, shape) &&
        (!exactly || has.signals == shape.signals) &&
        (found == machines_.end() || (*it)->number < (*found)->number))
      found = it;
  }
  if (found != machines_.end()) {
    std::rotate(machines_.begin(), found, found + 1);
    return machines_.front();
  }
  auto model = std::make_unique<model::Model>(joined(at_least_, shape), &config);
  if (mutate) mutate(*model);
  if (machines_.size() == kept_) machines_.pop_back();
  machines_.insert(machines_.begin(), std::make_shared<Machine>(std::move(model), made_++));
  return machines_.front();
}

}  // namespace ptmc::traces
