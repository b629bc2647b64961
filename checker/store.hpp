// The set of the states seen, each a record of some words (layout.hpp).
//
// Records lie in chunks, in the order of their arrival, and are found by a table of indexes with
// open addressing. A table entry is an index and as many bits of the record's hash as fit beside
// it; those only save comparisons: two records are one if all their bits are.
//
// Any number of workers may add at the same time, without locks: a record is written to its
// worker's chunk first and published by a compare-and-swap of the table's entry. Growing the table
// needs all workers to pause.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <vector>

namespace ptmc::checker {

using Index = std::uint32_t;  // of a record
struct Range {                // consecutive records
  Index first;
  Index count;
};

// Memory from the system, zero; from 2 MiB on in huge pages, if asked for and if there are any.
class Pages {
 public:
  Pages() = default;
  explicit Pages(std::size_t bytes, bool huge = true);  // throws std::bad_alloc
  Pages(Pages &&other) noexcept { *this = std::move(other); }
  Pages &operator=(Pages &&other) noexcept;
  ~Pages();
  void *data() const { return data_; }
  std::size_t bytes() const { return bytes_; }

 private:
  void *data_ = nullptr;
  std::size_t bytes_ = 0;
};

class Store {
 public:
  // width: words of a record. max_memory: bytes, 0 is none. hash_mask: which bits of a hash are
  // used; tests make it degenerate.
  Store(std::size_t width, int workers, std::size_t max_memory, std::uint64_t hash_mask = ~0ull);

  // A worker's place in the store.
  struct Lane {
    Index next = 0, end = 0;      // free records of its chunk
    Index begin = 0;              // of those that `ranges` lacks
    std::vector<Range> ranges;    // added since the last take()
    std::uint32_t uncounted = 0;  // added and not yet in count_
  };
  enum class Added : std::uint8_t { no, yes, full };

  std::uint64_t hash(const std::uint64_t *record) const;
  void prefetch_entry(std::uint64_t hash) const;
  void prefetch_record(std::uint64_t hash) const;  // of the entry found there
  Added add(Lane &lane, const std::uint64_t *record, std::uint64_t hash);
  // Of a record that was added; not while workers add.
  Index find(const std::uint64_t *record, std::uint64_t hash) const;

  // More than this must not be added before grow(); workers look between states.
  bool crowded() const { return count_.load(std::memory_order_relaxed) > limit_; }
  // A table of twice the size. False: it does not fit the memory, or stop() said so; nothing has
  // changed.
  bool grow(int workers, const std::function<bool()> &stop);

  std::vector<Range> take(Lane &lane);  // what the lane added since the last call
  const std::uint64_t *record(Index i) const {
    return chunks_[i >> kChunkBits] + (i & (kChunk - 1)) * width_;
  }
  std::size_t memory() const { return memory_.load(std::memory_order_relaxed); }
  std::size_t peak_memory() const { return peak_.load(std::memory_order_relaxed); }

 private:
  using Entry = std::atomic<std::uint32_t>;  // 0: empty; else tag << index_bits_ | index + 1
  static constexpr int kChunkBits = 13;
  static constexpr Index kChunk = Index{1} << kChunkBits;
  static constexpr std::uint32_t kCountStep = 64;

  bool charge(std::size_t bytes);
  bool open_chunk(Lane &lane);
  void use_table(Pages table, std::size_t capacity);
  int index_bits(std::size_t capacity) const;
  bool same(const std::uint64_t *a, const std::uint64_t *b) const;
  Index index_in(std::uint32_t entry) const {
    return static_cast<Index>(entry & ((std::uint64_t{1} << index_bits_) - 1)) - 1;
  }
  // The lower half of the hash is the place in the table, the upper half gives the tag.
  static std::uint32_t entry(std::uint64_t hash, int index_bits, std::uint64_t index_plus_1) {
    return static_cast<std::uint32_t>((hash >> 32 >> index_bits << index_bits) | index_plus_1);
  }
  bool same_tag(std::uint32_t e, std::uint64_t hash) const {
    return (e ^ hash >> 32) >> index_bits_ == 0;
  }

  const std::size_t width_;
  const int workers_;
  const std::size_t max_memory_;
  const std::uint64_t hash_mask_;
  Pages table_, directory_;
  Entry *entries_ = nullptr;
  std::size_t mask_ = 0;   // capacity - 1
  std::size_t limit_ = 0;  // states before the table is crowded
  int index_bits_ = 0;
  std::uint64_t **chunks_ = nullptr;  // by index / kChunk
  std::mutex opening_;                // guards the next three
  std::vector<Pages> slabs_;
  std::size_t slab_used_ = 0;
  Index chunk_count_ = 0;
  std::atomic<std::size_t> count_{0}, memory_{0}, peak_{0};
};

// Runs work(0) to work(workers - 1), each in a thread of its own; rethrows what one of them threw.
void in_parallel(int workers, const std::function<void(int)> &work);

}  // namespace ptmc::checker
