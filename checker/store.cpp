#include "checker/store.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <cassert>
#include <exception>
#include <new>
#include <thread>
#include <utility>

namespace ptmc::checker {

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

Index Store::find(const std::uint64_t *record, std::uint64_t hash) const {
  for (std::size_t i = hash & mask_;; i = (i + 1) & mask_) {
    const std::uint32_t e = entries_[i].load(std::memory_order_relaxed);
    assert(e != 0);
    if (same_tag(e, hash) && same(this->record(index_in(e)), record)) return index_in(e);
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
