#include "checker/store.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <exception>
#include <new>
#include <thread>
#include <utility>

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

// ---- Pages
// ---------------------------------------------------------------------------------------

namespace {

constexpr std::size_t kHugePage = std::size_t{2} << 20;

}  // namespace

Pages::Pages(std::size_t bytes, bool huge) : bytes_(bytes) {
  huge = huge && bytes % kHugePage == 0;
  const std::size_t extra = huge ? kHugePage : 0;
  void *mapped =
      mmap(nullptr, bytes + extra, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) throw std::bad_alloc();
  data_ = mapped;
  if (!huge) return;
  char *const begin = static_cast<char *>(mapped);
  const std::size_t before = -reinterpret_cast<std::uintptr_t>(begin) % kHugePage;
  data_ = begin + before;
  if (before) munmap(begin, before);
  if (before != extra) munmap(begin + before + bytes, extra - before);
  madvise(data_, bytes, MADV_HUGEPAGE);
}

Pages &Pages::operator=(Pages &&other) noexcept {
  std::swap(data_, other.data_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

Pages::~Pages() {
  if (data_) munmap(data_, bytes_);
}

// ---- Store
// ---------------------------------------------------------------------------------------

namespace {

constexpr std::size_t kSmallestTable = std::size_t{1} << 16;
// What a worker may add between two looks at crowded(): the successors of one state, those that it
// holds back, and those that it has not counted yet.
constexpr std::size_t kWorkerSlack = 4096;
constexpr std::size_t kHugeFrom = std::size_t{32} << 20;  // bytes; below, memory is not wasted

}  // namespace

Store::Store(std::size_t width, int workers, std::size_t max_memory, std::uint64_t hash_mask)
    : width_(width),
      workers_(workers),
      max_memory_(max_memory),
      hash_mask_(hash_mask),
      directory_((std::size_t{1} << (32 - kChunkBits)) * sizeof(std::uint64_t *), false),
      chunks_(static_cast<std::uint64_t **>(directory_.data())) {
  const std::size_t capacity =
      std::bit_ceil(std::max(kSmallestTable, 4 * kWorkerSlack * static_cast<std::size_t>(workers)));
  memory_ = peak_ = capacity * sizeof(Entry);
  use_table(Pages(capacity * sizeof(Entry)), capacity);
}

// Every chunk but the workers' last ones is full.
int Store::index_bits(std::size_t capacity) const {
  return static_cast<int>(std::bit_width(capacity + static_cast<std::size_t>(workers_) * kChunk));
}

void Store::use_table(Pages table, std::size_t capacity) {
  table_ = std::move(table);
  entries_ = static_cast<Entry *>(table_.data());
  mask_ = capacity - 1;
  limit_ = capacity / 4 * 3;
  index_bits_ = index_bits(capacity);
}

std::uint64_t Store::hash(const std::uint64_t *record) const {
  std::uint64_t h = 0;
  for (std::size_t w = 0; w < width_; ++w) {
    h = (h ^ record[w]) * 0x9e3779b97f4a7c15u;
    h ^= h >> 32;
  }
  return h * 0xff51afd7ed558ccdu & hash_mask_;
}

bool Store::same(const std::uint64_t *a, const std::uint64_t *b) const {
  for (std::size_t w = 0; w < width_; ++w)
    if (a[w] != b[w]) return false;
  return true;
}

void Store::prefetch_entry(std::uint64_t hash) const {
  __builtin_prefetch(&entries_[hash & mask_]);
}

void Store::prefetch_record(std::uint64_t hash) const {
  const std::uint32_t e = entries_[hash & mask_].load(std::memory_order_acquire);
  if (e && same_tag(e, hash)) __builtin_prefetch(record(index_in(e)));
}

bool Store::charge(std::size_t bytes) {
  const std::size_t now = memory_.fetch_add(bytes) + bytes;
  if (max_memory_ && now > max_memory_) {
    memory_.fetch_sub(bytes);
    return false;
  }
  for (std::size_t peak = peak_; peak < now && !peak_.compare_exchange_weak(peak, now);) {
  }
  return true;
}

bool Store::open_chunk(Lane &lane) {
  const std::lock_guard lock(opening_);
  const std::size_t bytes = kChunk * width_ * sizeof(std::uint64_t);
  if (slabs_.empty() || slab_used_ + bytes > slabs_.back().bytes()) {
    // Of 2 MiB times the width, so that it is whole huge pages and whole chunks.
    const std::size_t slab = memory() < kHugeFrom ? bytes : kHugePage * width_;
    if (!charge(slab)) return false;
    slabs_.emplace_back(slab);
    slab_used_ = 0;
  }
  chunks_[chunk_count_] =
      reinterpret_cast<std::uint64_t *>(static_cast<char *>(slabs_.back().data()) + slab_used_);
  slab_used_ += bytes;
  if (lane.next != lane.begin) lane.ranges.push_back({lane.begin, lane.next - lane.begin});
  lane.begin = lane.next = chunk_count_++ << kChunkBits;
  lane.end = lane.next + kChunk;
  return true;
}

Store::Added Store::add(Lane &lane, const std::uint64_t *record, std::uint64_t hash) {
  for (std::size_t i = hash & mask_;; i = (i + 1) & mask_) {
    std::uint32_t e = entries_[i].load(std::memory_order_acquire);
    if (e == 0) {
      if (lane.next == lane.end && !open_chunk(lane)) return Added::full;
      std::copy_n(record, width_, const_cast<std::uint64_t *>(this->record(lane.next)));
      const std::uint32_t mine = entry(hash, index_bits_, std::uint64_t{lane.next} + 1);
      if (entries_[i].compare_exchange_strong(e, mine, std::memory_order_acq_rel,
                                              std::memory_order_acquire)) {
        ++lane.next;
        if (++lane.uncounted == kCountStep) {
          count_.fetch_add(kCountStep, std::memory_order_relaxed);
          lane.uncounted = 0;
        }
        return Added::yes;
      }
      // Another worker was faster; e is its entry.
    }
    if (same_tag(e, hash) && same(this->record(index_in(e)), record)) return Added::no;
  }
}

std::vector<Range> Store::take(Lane &lane) {
  if (lane.next != lane.begin) lane.ranges.push_back({lane.begin, lane.next - lane.begin});
  lane.begin = lane.next;
  return std::exchange(lane.ranges, {});
}

bool Store::grow(int workers, const std::function<bool()> &stop) {
  const std::size_t capacity = 2 * (mask_ + 1);
  const int bits = index_bits(capacity);
  if (bits > 32 || !charge(capacity * sizeof(Entry))) return false;
  Pages table(capacity * sizeof(Entry));
  Entry *const to = static_cast<Entry *>(table.data());
  constexpr std::size_t kPart = 4096, kAhead = 32;
  std::atomic<std::size_t> next{0};
  std::atomic<bool> stopped{false};
  in_parallel(workers, [&](int) {
    while (!stopped) {
      const std::size_t begin = next.fetch_add(kPart);
      if (begin > mask_) return;
      if (stop()) stopped = true;
      for (std::size_t i = begin; i < begin + kPart; ++i) {
        if (const std::uint32_t e = entries_[(i + kAhead) & mask_])
          __builtin_prefetch(record(index_in(e)));
        const std::uint32_t e = entries_[i].load(std::memory_order_relaxed);
        if (!e) continue;
        const Index index = index_in(e);
        const std::uint64_t h = hash(record(index));
        const std::uint32_t moved = entry(h, bits, std::uint64_t{index} + 1);
        std::size_t k = h & (capacity - 1);
        for (std::uint32_t none = 0; !to[k].compare_exchange_strong(none, moved); none = 0)
          k = (k + 1) & (capacity - 1);
      }
    }
  });
  memory_.fetch_sub(stopped ? table.bytes() : table_.bytes());
  if (!stopped) use_table(std::move(table), capacity);
  return !stopped;
}

void in_parallel(int workers, const std::function<void(int)> &work) {
  std::vector<std::exception_ptr> thrown(static_cast<std::size_t>(workers));
  auto guarded = [&](int w) {
    try {
      work(w);
    } catch (...) {
      thrown[static_cast<std::size_t>(w)] = std::current_exception();
    }
  };
  {
    std::vector<std::jthread> threads;
    for (int w = 1; w < workers; ++w) threads.emplace_back(guarded, w);
    guarded(0);
  }
  for (const std::exception_ptr &e : thrown)
    if (e) std::rethrow_exception(e);
}

}  // namespace ptmc::checker
