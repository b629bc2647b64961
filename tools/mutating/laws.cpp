#include "tools/mutating/laws.hpp"

#include <algorithm>

namespace ptmc::mutate {

using namespace model;

void Laws::add(const Property &p, Expr e) {
  laws_.emplace_back(&p, tape_.add(e));
  regs_.resize(tape_.registers());
}

const Property *Laws::find(bool value, const State &pre, const State &post) {
  std::uint32_t done = 0;
  for (const auto &[property, slot] : laws_) {
    tape_.run(done, slot.end, regs_.data(), pre, post);
    if ((regs_[slot.at] != 0) == value) return property;
  }
  return nullptr;
}

void Laws::drop(const Property &p) {
  std::erase_if(laws_, [&](const auto &law) { return law.first == &p; });
}

Laws step_laws(const Model &m, const std::vector<const Property *> &properties, PropertyKind kind,
               std::size_t instance) {
  Laws laws(m.schema);
  for (const Property *p : properties)
    if (p->kind == kind && p->over_step)
      if (const auto e = p->over_step(m, m.instances[instance]);
          e && !e->is(kind == PropertyKind::always))
        laws.add(*p, *e);
  return laws;
}

}  // namespace ptmc::mutate
