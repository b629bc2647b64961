#include "checker/sliced.hpp"

#include <algorithm>
#include <cassert>
#include <cstdlib>

namespace ptmc::checker {

using model::Expr;
using model::Node;
using model::Op;

namespace {

// Bit i of word j becomes bit j of word i (Hacker's Delight, 7-3).
void transpose(std::uint64_t *a) {
  std::uint64_t mask = 0xffffffffu;
  for (unsigned j = 32; j != 0; j >>= 1, mask ^= mask << j) {
    for (unsigned k = 0; k < 64; k = ((k | j) + 1) & ~j) {
      const std::uint64_t t = ((a[k] >> j) ^ a[k | j]) & mask;
      a[k] ^= t << j;
      a[k | j] ^= t;
    }
  }
}

}  // namespace

Sliced::Sliced(const model::Schema &schema, const Layout &layout)
    : schema_(schema), layout_(layout), first_gate_(1 + 64 * schema.words()) {}

Sliced::Literal Sliced::both(Literal a, Literal b) {
  if (a > b) std::swap(a, b);
  if (a == 0 || a == (b ^ 1)) return 0;
  if (a == 1 || a == b) return b;
  auto [it, fresh] = known_.try_emplace(std::uint64_t{a} << 32 | b, 0);
  if (fresh) {
    it->second = static_cast<Literal>(2 * (first_gate_ + gates_.size()));
    gates_.push_back({a, b});
  }
  return it->second;
}

Sliced::Literal Sliced::differ(Literal a, Literal b) {
  return either(both(a, b ^ 1), both(a ^ 1, b));
}

Sliced::Literal Sliced::choose(Literal c, Literal t, Literal f) {
  return t == f ? t : either(both(c, t), both(c ^ 1, f));
}

Sliced::Literal Sliced::add(Expr e, Step &step) {
  assert(node(e).truth);
  const Bits &b = bits(e, step);
  return b.empty() ? 0 : b[0];
}

void Sliced::assume(Expr e, Step &step) {
  const Node n = node(e);
  if (n.op == Op::conj) {
    assume(Expr(n.a), step);
    assume(Expr(n.b), step);
  } else if (n.op == Op::equal && node(Expr(n.a)).op == Op::field &&
             node(Expr(n.b)).op == Op::constant) {
    step.known.insert_or_assign(static_cast<model::Field>(node(Expr(n.a)).a),
                                bits(Expr(n.b), step));
  }
  step.done.insert_or_assign(e.node(), Bits{1});
  step.done.insert_or_assign((!e).node(), Bits{});
}

// Bits that never vary are constants.
Sliced::Bits Sliced::field(model::Field field) const {
  const model::FieldInfo &f = schema_[field];
  const auto word = static_cast<std::size_t>(f.word);
  Bits out;
  for (int i = f.shift; i < f.shift + f.bits; ++i)
    out.push_back(layout_.kept(word) >> i & 1
                      ? static_cast<Literal>(2 * (1 + 64 * f.word + i))
                      : static_cast<Literal>(layout_.constant(word) >> i & 1));
  return out;
}

const Sliced::Bits &Sliced::bits(Expr e, Step &step) {
  if (auto it = step.done.find(e.node()); it != step.done.end()) return it->second;
  const Node n = node(e);
  Bits out;
  auto operand = [&](std::uint32_t id) -> const Bits & { return bits(Expr(id), step); };
  auto at = [](const Bits &b, std::size_t i) { return i < b.size() ? b[i] : Literal{0}; };
  switch (n.op) {
    case Op::constant:
      for (model::Value v = n.a; v; v >>= 1) out.push_back(v & 1);
      break;
    case Op::field: {
      const auto f = static_cast<model::Field>(n.a);
      auto it = step.known.find(f);
      out = it == step.known.end() ? field(f) : it->second;
      break;
    }
    case Op::primed: {
      const auto f = static_cast<model::Field>(n.a);
      auto it = step.updates.find(f);
      out = bits(it == step.updates.end() ? schema_.read(f) : it->second, step);
      break;
    }
    case Op::config:
      std::abort();  // only models of one configuration are explored
    case Op::negate:
      out = {at(operand(n.a), 0) ^ 1};
      break;
    case Op::conj:
      out = {both(at(operand(n.a), 0), at(operand(n.b), 0))};
      break;
    case Op::disj:
      out = {either(at(operand(n.a), 0), at(operand(n.b), 0))};
      break;
    case Op::ite: {
      const Literal c = at(operand(n.a), 0);
      const Bits &t = operand(n.b), &f = operand(n.c);
      for (std::size_t i = 0; i < std::max(t.size(), f.size()); ++i)
        out.push_back(choose(c, at(t, i), at(f, i)));
      break;
    }
    case Op::equal: {
      const Bits &a = operand(n.a), &b = operand(n.b);
      Literal same = 1;
      for (std::size_t i = 0; i < std::max(a.size(), b.size()); ++i)
        same = both(same, differ(at(a, i), at(b, i)) ^ 1);
      out = {same};
      break;
    }
    case Op::less: {
      const Bits &a = operand(n.a), &b = operand(n.b);
      Literal less = 0;
      for (std::size_t i = 0; i < std::max(a.size(), b.size()); ++i)
        less = choose(differ(at(a, i), at(b, i)), at(b, i), less);
      out = {less};
      break;
    }
    case Op::add:
    case Op::sub: {  // b <= a: no borrow is left over
      const Bits &a = operand(n.a), &b = operand(n.b);
      const std::size_t width = std::max(a.size(), b.size());
      Literal carry = 0;
      for (std::size_t i = 0; i < width; ++i) {
        const Literal x = at(a, i), y = at(b, i), differs = differ(x, y);
        out.push_back(differ(differs, carry));
        carry = n.op == Op::add ? choose(differs, carry, x) : choose(differs, y, carry);
      }
      if (n.op == Op::add) out.push_back(carry);
      break;
    }
  }
  while (!out.empty() && out.back() == 0) out.pop_back();
  return step.done.emplace(e.node(), std::move(out)).first->second;
}

void Sliced::keep(const std::vector<Literal *> &wanted) {
  std::vector<std::uint32_t> name(size());  // gate -> new gate; 0: not needed
  for (std::size_t g = 0; g < first_gate_; ++g) name[g] = static_cast<std::uint32_t>(g);
  for (const Literal *l : wanted)
    if (*l >> 1 >= first_gate_) name[*l >> 1] = 1;
  for (std::size_t k = gates_.size(); k-- > 0;)
    if (name[first_gate_ + k])
      for (Literal l : {gates_[k].a, gates_[k].b})
        if (l >> 1 >= first_gate_) name[l >> 1] = 1;
  auto rename = [&](Literal l) { return name[l >> 1] << 1 | (l & 1); };
  std::vector<Gate> kept;
  for (std::size_t k = 0; k < gates_.size(); ++k) {
    std::uint32_t &n = name[first_gate_ + k];
    if (!n) continue;
    n = static_cast<std::uint32_t>(first_gate_ + kept.size());
    kept.push_back({rename(gates_[k].a), rename(gates_[k].b)});
  }
  for (Literal *l : wanted) *l = rename(*l);
  gates_ = std::move(kept);
  known_.clear();
}

void Sliced::run(const std::uint64_t *states, Values &values) const {
  values.resize(size());
  values[0] = 0;
  const std::size_t words = schema_.words();
  for (std::size_t w = 0; w < words; ++w) {
    std::uint64_t *const planes = &values[1 + 64 * w];
    for (std::size_t s = 0; s < kStates; ++s) planes[s] = states[s * words + w];
    transpose(planes);
  }
  std::uint64_t *const v = values.data();
  std::uint64_t *out = v + first_gate_;
  for (const Gate &g : gates_)
    *out++ = (v[g.a >> 1] ^ -std::uint64_t{g.a & 1}) & (v[g.b >> 1] ^ -std::uint64_t{g.b & 1});
}

}  // namespace ptmc::checker
