#include "checker/layout.hpp"

#include <algorithm>
#include <bit>
#include <unordered_map>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace ptmc::checker {

using model::Expr;
using model::Field;
using model::FieldInfo;
using model::Node;
using model::Op;

// ---- Layout
// --------------------------------------------------------------------------------------

namespace {

constexpr std::uint64_t ones(int bits) { return bits == 64 ? ~0ull : (1ull << bits) - 1; }

// What values expressions can have, as sets: bit v is the value v, the last bit all others.
using Set = std::uint64_t;
constexpr Set kAny = ~Set{0}, kOthers = Set{1} << 63, kFalse = 1, kTrue = 2;

class ValueSets {
 public:
  explicit ValueSets(const std::vector<Set> &fields) : fields_(fields) {}

  Set of(Expr e) {
    if (auto it = done_.find(e.node()); it != done_.end()) return it->second;
    const Set set = compute(node(e));
    done_.emplace(e.node(), set);
    return set;
  }

 private:
  static Set truths(bool may_be_false, bool may_be_true) {
    return (may_be_false ? kFalse : 0) | (may_be_true ? kTrue : 0);
  }

  Set compute(const Node n) {
    auto set = [&](std::uint32_t operand) { return of(Expr(operand)); };
    switch (n.op) {
      case Op::constant:
        return n.a < 63 ? Set{1} << n.a : kOthers;
      case Op::field:
        return fields_[n.a];
      case Op::primed:
      case Op::config:
        return kAny;
      case Op::negate:
        return truths(set(n.a) & kTrue, set(n.a) & kFalse);
      case Op::conj:
        return truths((set(n.a) | set(n.b)) & kFalse, set(n.a) & set(n.b) & kTrue);
      case Op::disj:
        return truths(set(n.a) & set(n.b) & kFalse, (set(n.a) | set(n.b)) & kTrue);
      case Op::equal: {
        const Set a = set(n.a), b = set(n.b);
        return truths(a != b || !std::has_single_bit(a) || a == kOthers, a & b);
      }
      case Op::less:
        return kFalse | kTrue;
      case Op::ite:
        return (set(n.a) & kTrue ? set(n.b) : 0) | (set(n.a) & kFalse ? set(n.c) : 0);
      case Op::add:
      case Op::sub: {
        const Set a = set(n.a), b = set(n.b);
        Set out = 0;
        for (int v = 0; v < 64; ++v) {
          if (!(b >> v & 1)) continue;
          // A difference below zero is never used.
          out |= n.op == Op::sub ? a >> v : a << v;
          if (n.op == Op::add && std::bit_width(a) + v > 63) return kAny;
        }
        return (a | b) & kOthers ? kAny : out;
      }
    }
    return kAny;
  }

  const std::vector<Set> &fields_;
  std::unordered_map<std::uint32_t, Set> done_;
};

// The values that each field can have: the least sets that hold the initial values and every update
// of an instance whose guards can be true of them.
std::vector<Set> possible_values(const model::Model &m) {
  std::vector<Set> fields(m.schema.size());
  const model::State initial = m.initial();
  for (Field f = 0; f < fields.size(); ++f) fields[f] = Set{1} << m.schema.get(initial, f);
  for (bool changed = true; changed;) {
    changed = false;
    std::vector<Set> next = fields;
    ValueSets values(fields);
    for (const model::Instance &i : m.instances) {
      if (std::any_of(i.guards.begin(), i.guards.end(),
                      [&](const model::Guard &g) { return !(values.of(g.holds) & kTrue); }))
        continue;
      for (const model::Update &u : i.updates) {
        const Set fits = ones(1 << std::min(m.schema[u.field].bits, 6));
        next[u.field] |= values.of(u.value) & fits;
      }
    }
    changed = next != fields;
    fields = std::move(next);
  }
  return fields;
}

bool has_bmi2() {
#if defined(__x86_64__)
  return __builtin_cpu_supports("bmi2") != 0;
#else
  return false;
#endif
}

}  // namespace

Layout::Layout(const model::Model &m, bool bmi2)
    : kept_(m.schema.words()), constant_(m.schema.words()) {
  const model::State initial = m.initial();
  const std::vector<Set> values = possible_values(m);
  for (Field f = 0; f < m.schema.size(); ++f) {
    const FieldInfo &i = m.schema[f];
    std::uint64_t varying = values[f] & kOthers ? ones(i.bits) : 0;
    for (Set rest = values[f]; rest; rest &= rest - 1)
      varying |= static_cast<unsigned>(std::countr_zero(rest)) ^ m.schema.get(initial, f);
    kept_[i.word] |= (varying & ones(i.bits)) << i.shift;
  }
  for (std::size_t w = 0; w < kept_.size(); ++w) {
    constant_[w] = initial.w[w] & ~kept_[w];
    for (int shift = 0; shift < 64;) {
      const std::uint64_t rest = kept_[w] >> shift;
      if (rest == 0) break;
      shift += std::countr_zero(rest);
      const int at = static_cast<int>(bits_ % 64);
      const int length = std::min(std::countr_one(kept_[w] >> shift), 64 - at);
      runs_.push_back({ones(length), static_cast<std::uint8_t>(w), static_cast<std::uint8_t>(shift),
                       static_cast<std::uint8_t>(bits_ / 64), static_cast<std::uint8_t>(at)});
      bits_ += static_cast<std::size_t>(length);
      shift += length;
    }
  }
  words_ = std::max<std::size_t>(1, (bits_ + 63) / 64);
  if (bmi2 && has_bmi2()) pack_ = pack_bmi2, unpack_ = unpack_bmi2;
}

void Layout::pack_runs(const Layout &l, const std::uint64_t *state, std::uint64_t *packed) {
  std::fill_n(packed, l.words_, 0);
  for (const Run &r : l.runs_)
    packed[r.packed_word] |= (state[r.word] >> r.shift & r.mask) << r.packed_shift;
}

void Layout::unpack_runs(const Layout &l, const std::uint64_t *packed, std::uint64_t *state) {
  std::copy(l.constant_.begin(), l.constant_.end(), state);
  for (const Run &r : l.runs_)
    state[r.word] |= (packed[r.packed_word] >> r.packed_shift & r.mask) << r.shift;
}

#if defined(__x86_64__)
// The same bits in the same order: those of a word follow those of the word before.
#define PTMC_BMI2 __attribute__((target("bmi2,popcnt")))

PTMC_BMI2 void Layout::pack_bmi2(const Layout &l, const std::uint64_t *state,
                                 std::uint64_t *packed) {
  std::uint64_t word = 0;
  int filled = 0;
  for (std::size_t w = 0; w < l.kept_.size(); ++w) {
    const std::uint64_t bits = _pext_u64(state[w], l.kept_[w]);
    word |= bits << filled;
    const int next = filled + std::popcount(l.kept_[w]);
    if (next >= 64) {
      *packed++ = word;
      word = filled == 0 ? 0 : bits >> (64 - filled);
    }
    filled = next % 64;
  }
  if (filled != 0 || l.bits_ == 0) *packed = word;
}

PTMC_BMI2 void Layout::unpack_bmi2(const Layout &l, const std::uint64_t *packed,
                                   std::uint64_t *state) {
  int used = 0;
  for (std::size_t w = 0; w < l.kept_.size(); ++w) {
    state[w] = l.constant_[w];
    if (l.kept_[w] == 0) continue;
    std::uint64_t bits = *packed >> used;
    const int next = used + std::popcount(l.kept_[w]);
    if (next >= 64) ++packed;
    if (next > 64) bits |= *packed << (64 - used);
    state[w] |= _pdep_u64(bits, l.kept_[w]);
    used = next % 64;
  }
}

#undef PTMC_BMI2
#else
void Layout::pack_bmi2(const Layout &l, const std::uint64_t *state, std::uint64_t *packed) {
  pack_runs(l, state, packed);
}
void Layout::unpack_bmi2(const Layout &l, const std::uint64_t *packed, std::uint64_t *state) {
  unpack_runs(l, packed, state);
}
#endif

}  // namespace ptmc::checker
