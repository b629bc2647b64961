#include "tools/vectors/settled.hpp"

#include <algorithm>
#include <stdexcept>

namespace ptmc::vectors {

using model::Action;
using model::State;

OwnSteps::OwnSteps(const model::Model &model) : index(model), is(model.instances.size()) {
  for (const std::size_t i : index.hidden()) is[i] = true;
  for (std::size_t i = 0; i < model.instances.size(); ++i) {
    if (model.instances[i].label.action == Action::fork) is[i] = true;  // its call has begun
    if (is[i]) all.push_back(i);
  }
}

Settled::Settled(const model::Model &model, const OwnSteps &own, bool fast)
    : model_(model),
      own_(own),
      fired_(model.instances.size()),
      form_(fast ? checker::fast_form(model) : std::nullopt),
      expander_(model, form_ ? &*form_ : nullptr),
      layout_(model),
      store_(layout_.words(), 1, 0),
      packed_(layout_.words()) {
  for (std::size_t i = 0; i < model.instances.size(); ++i)
    if (model.instances[i].updates.empty()) idle_.push_back(i);
  add(model.initial().w.data(), kNone, 0);
}

State Settled::state(Place p) const {
  State s;
  layout_.unpack(store_.record(p), s.w.data());
  return s;
}

Settled::Place Settled::place(const State &s) {
  layout_.pack(s.w.data(), packed_.data());
  return store_.find(packed_.data(), store_.hash(packed_.data()));
}

void Settled::add(const std::uint64_t *words, Place from, std::size_t by) {
  layout_.pack(words, packed_.data());
  const checker::Store::Added added =
      store_.add(lane_, packed_.data(), store_.hash(packed_.data()));
  if (added == checker::Store::Added::full) throw std::length_error("too many states");
  if (store_.crowded()) store_.grow(1, [] { return false; });
  if (added == checker::Store::Added::no) return;
  from_.push_back(from);  // the only lane's records are numbered through
  by_.push_back(static_cast<std::uint16_t>(by));
}

void Settled::steps_from(Place p, const State &s, std::vector<std::size_t> &steps) {
  steps.clear();
  for (const std::size_t i : idle_) fired_[i] = expander_.fired(i);
  expander_.expand(s.w.data());
  bool busy = false;
  for (std::size_t k = 0; k < expander_.count(); ++k) busy = busy || own_.is[expander_.instance(k)];
  for (std::size_t k = 0; k < expander_.count(); ++k) {
    const std::size_t i = expander_.instance(k);
    if (busy && !own_.is[i]) continue;
    steps.push_back(i);
    add(expander_.successor(k), p, i);
  }
  if (busy) return;
  for (const std::size_t i : idle_)
    if (expander_.fired(i) != fired_[i]) steps.push_back(i);
}

}  // namespace ptmc::vectors
