#include "checker/explore.hpp"

#include <algorithm>
#include <chrono>
#include <memory>
#include <numeric>
#include <stdexcept>
#include <utility>

#include "checker/lasso.hpp"
#include "checker/trace_back.hpp"
#include "model/input_error.hpp"

namespace ptmc::checker {
namespace {

using model::Model;
using model::Property;
using model::PropertyKind;
using Clock = std::chrono::steady_clock;

constexpr Index kPiece = 512;           // states that a worker takes at a time
constexpr std::size_t kBatch = 64;      // successors looked up together
constexpr std::uint64_t kLook = 64;     // states between two looks at the clock
constexpr double kReportSeconds = 0.5;  // between two progress reports

std::vector<const Property *> chosen(const Model &model, const ExploreOptions &options) {
  const std::vector<Property> &all = options.properties ? *options.properties : model::properties();
  for (const std::string &id : options.property_ids)
    if (std::none_of(all.begin(), all.end(), [&](const Property &p) { return p.id == id; }))
      throw InputError("", 0, "unknown property '" + id + "'");
  const auto &ids = options.property_ids;
  std::vector<const Property *> chosen;
  for (const Property &p : all)
    if (p.applies(*model.config) &&
        (ids.empty() || std::find(ids.begin(), ids.end(), p.id) != ids.end()))
      chosen.push_back(&p);
  return chosen;
}

struct Worker {
  Worker(const Model &model, const Layout &layout, const FastForm *fast, const Watch &watch)
      : expander(model, fast), watcher(watch, layout, expander), packed(kBatch * layout.words()) {}

  Expander expander;
  Watcher watcher;
  Store::Lane lane;
  Range piece{};  // what is left of it
  // Successors that wait for their table entries, then their records, to come from memory.
  std::vector<std::uint64_t> packed;
  std::array<std::uint64_t, kBatch> hash{};
  std::size_t waiting = 0;
  std::vector<std::uint64_t> fired;                  // before the state that is expanded
  std::vector<std::uint32_t> kinds;                  // ExploreResult::kinds
  std::atomic<std::uint64_t> expanded{0}, added{0};  // written by this worker only
};

void count(std::atomic<std::uint64_t> &counter) {
  counter.store(counter.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
}

class Exploration {
 public:
  Exploration(const Model &model, const ExploreOptions &options);
  ExploreResult run();

 private:
  void expand_level();
  void make_room();
  void work(int w);
  void expand(Worker &w, const std::uint64_t *record);
  void note_kinds(Worker &w, const model::State &state);
  void flush(Worker &w);
  void look();  // at the clock
  bool over() const;
  double seconds() const { return std::chrono::duration<double>(Clock::now() - start_).count(); }
  std::uint64_t total(std::atomic<std::uint64_t> Worker::*counter) const;
  void close_level();
  void conclude(ExploreResult &result);
  void decide_ending(PropertyResult &r, bool rank) const;
  void check_trace(const model::Interpreter &plain, const Property &property, const Find &find,
                   const Counterexample &trace) const;
  std::size_t buffers() const;

  const Model &model_;
  const ExploreOptions &options_;
  const Clock::time_point start_ = Clock::now();
  const int jobs_;
  const Layout layout_;
  const std::optional<FastForm> fast_;
  Watch watch_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::optional<Store> store_;
  std::vector<std::vector<Range>> levels_;
  std::vector<std::optional<Goal>> goals_;  // per property
  std::vector<Range> pieces_;               // of the level that is being expanded
  std::atomic<std::size_t> next_piece_{0};
  std::atomic<bool> halt_{false};  // workers return
  std::atomic<bool> full_{false};  // a successor was lost
  std::string why_;                // the search has ended early
  double reported_ = 0;
  std::uint64_t reported_states_ = 0;
};

Exploration::Exploration(const Model &model, const ExploreOptions &options)
    : model_(model),
      options_(options),
      jobs_(std::max(1, options.jobs)),
      layout_(model),
      fast_(options.fast ? fast_form(model) : std::nullopt),
      watch_(model, layout_, chosen(model, options)),
      goals_(watch_.properties().size()) {
  for (int w = 0; w < jobs_; ++w)
    workers_.push_back(std::make_unique<Worker>(model, layout_, fast_ ? &*fast_ : nullptr, watch_));
  const std::size_t own = buffers();
  const std::size_t limit = options.max_memory;
  store_.emplace(layout_.words(), jobs_, limit == 0 ? 0 : limit > own ? limit - own : 1);
}

std::size_t Exploration::buffers() const {
  std::size_t bytes = 0;
  for (const auto &w : workers_) bytes += w->expander.memory() + w->watcher.memory();
  return bytes;
}

std::uint64_t Exploration::total(std::atomic<std::uint64_t> Worker::*counter) const {
  std::uint64_t sum = 0;
  for (const auto &w : workers_) sum += ((*w).*counter).load(std::memory_order_relaxed);
  return sum;
}

// ---- The search
// ----------------------------------------------------------------------------------

ExploreResult Exploration::run() {
  Worker &first = *workers_[0];
  layout_.pack(model_.initial().w.data(), first.packed.data());
  first.hash[0] = store_->hash(first.packed.data());
  first.waiting = 1;
  flush(first);
  close_level();
  while (why_.empty() && !levels_.back().empty()) {
    expand_level();
    close_level();
  }
  ExploreResult result;
  conclude(result);
  result.seconds = seconds();
  return result;
}

// What the workers have added is the next level; what they have found is settled.
void Exploration::close_level() {
  std::vector<Range> &next = levels_.emplace_back();
  std::vector<std::optional<Find>> finds(goals_.size());
  for (const auto &w : workers_) {
    const std::vector<Range> added = store_->take(w->lane);
    next.insert(next.end(), added.begin(), added.end());
    for (std::size_t p = 0; p < w->watcher.finds.size(); ++p) {
      std::optional<Find> &find = w->watcher.finds[p];
      if (find && (!finds[p] || *find < *finds[p])) finds[p] = std::move(find);
    }
  }
  for (std::size_t p = 0; p < finds.size(); ++p) {
    if (!finds[p]) continue;
    goals_[p] = Goal{levels_.size() - 2, std::move(*finds[p])};
    watch_.decided(p);
  }
  for (const auto &w : workers_) w->watcher.start_level();
  if (full_ && why_.empty()) why_ = "memory limit";
}

void Exploration::expand_level() {
  pieces_.clear();
  for (const Range &r : levels_.back())
    for (Index done = 0; done < r.count; done += kPiece)
      pieces_.push_back({r.first + done, std::min(kPiece, r.count - done)});
  while (!pieces_.empty() && why_.empty()) {
    next_piece_ = 0;
    halt_ = false;
    in_parallel(static_cast<int>(std::min<std::size_t>(workers_.size(), pieces_.size())),
                [&](int w) { work(w); });
    pieces_.erase(pieces_.begin(), pieces_.begin() + static_cast<std::ptrdiff_t>(std::min(
                                                         next_piece_.load(), pieces_.size())));
    for (const auto &w : workers_)
      if (const Range rest = std::exchange(w->piece, {}); rest.count) pieces_.push_back(rest);
    if (full_) return;
    if (why_.empty() && store_->crowded()) make_room();
  }
}

void Exploration::make_room() {
  if (store_->grow(jobs_, [&] { return over(); })) return;
  look();
  if (why_.empty()) why_ = "memory limit";
}

bool Exploration::over() const {
  return (options_.interrupted && *options_.interrupted) ||
         (options_.time_limit > 0 && seconds() > options_.time_limit);
}

// In the calling thread, which is worker 0.
void Exploration::look() {
  if (over()) {
    why_ = options_.interrupted && *options_.interrupted ? "interrupted" : "time limit";
    halt_ = true;
  }
  const double now = seconds();
  if (!options_.progress || now - reported_ < kReportSeconds) return;
  Progress p;
  p.states = total(&Worker::added);
  p.states_per_second = static_cast<double>(p.states - reported_states_) / (now - reported_);
  p.depth = levels_.size() - 1;
  p.queue = p.states - total(&Worker::expanded);
  p.memory_bytes = store_->memory() + buffers();
  options_.progress(p);
  reported_ = now;
  reported_states_ = p.states;
}

void Exploration::work(int number) {
  Worker &w = *workers_[static_cast<std::size_t>(number)];
  for (std::uint64_t done = 0; !halt_.load(std::memory_order_relaxed); ++done) {
    if (number == 0 && done % kLook == 0) look();
    if (w.piece.count == 0) {
      const std::size_t next = next_piece_++;
      if (next >= pieces_.size()) break;
      w.piece = pieces_[next];
    }
    expand(w, store_->record(w.piece.first));
    ++w.piece.first, --w.piece.count;
    if (store_->crowded()) halt_ = true;
  }
  flush(w);
  w.watcher.check();
}

void Exploration::expand(Worker &w, const std::uint64_t *record) {
  model::State state;
  const std::size_t words = layout_.words();
  layout_.unpack(record, state.w.data());
  w.expander.expand(state.w.data());
  if (options_.kinds) note_kinds(w, state);
  w.watcher.add(state.w.data(), record);
  for (std::size_t k = 0; k < w.expander.count(); ++k) {
    const std::uint64_t *next = w.expander.successor(k);
    if (std::equal(next, next + layout_.state_words(), state.w.data())) continue;
    std::uint64_t *packed = &w.packed[w.waiting * words];
    layout_.pack(next, packed);
    w.hash[w.waiting] = store_->hash(packed);
    store_->prefetch_entry(w.hash[w.waiting]);
    if (++w.waiting == kBatch) flush(w);
  }
  count(w.expanded);
}

void Exploration::note_kinds(Worker &w, const model::State &state) {
  w.fired.resize(model_.instances.size());
  w.kinds.resize(model_.instances.size());
  for (std::size_t i = 0; i < model_.instances.size(); ++i) {
    const std::uint64_t fired = w.expander.fired(i);
    if (fired == w.fired[i]) continue;
    w.fired[i] = fired;
    const int thread = std::max(model_.instances[i].thread, 0);
    w.kinds[i] |= 1u << static_cast<unsigned>(model::stop_kind(model_.schema, state, thread));
  }
}

void Exploration::flush(Worker &w) {
  for (std::size_t i = 0; i < w.waiting; ++i) store_->prefetch_record(w.hash[i]);
  for (std::size_t i = 0; i < w.waiting; ++i) {
    switch (store_->add(w.lane, &w.packed[i * layout_.words()], w.hash[i])) {
      case Store::Added::no:
        break;
      case Store::Added::yes:
        count(w.added);
        break;
      case Store::Added::full:
        full_ = halt_ = true;
        break;
    }
  }
  w.waiting = 0;
}

// ---- The result
// ----------------------------------------------------------------------------------

void Exploration::conclude(ExploreResult &result) {
  result.states = total(&Worker::added);
  result.fired.resize(model_.instances.size());
  for (const auto &w : workers_)
    for (std::size_t i = 0; i < result.fired.size(); ++i) result.fired[i] += w->expander.fired(i);
  if (options_.kinds) result.kinds.resize(result.fired.size());
  for (const auto &w : workers_)
    for (std::size_t i = 0; i < w->kinds.size(); ++i) result.kinds[i] |= w->kinds[i];
  result.transitions = std::accumulate(result.fired.begin(), result.fired.end(), std::uint64_t{0});
  while (!levels_.empty() && levels_.back().empty()) levels_.pop_back();
  result.depth = levels_.empty() ? 0 : levels_.size() - 1;
  result.complete = why_.empty();
  result.why_incomplete = why_;
  result.peak_memory_bytes = store_->peak_memory() + buffers();
  result.bytes_per_state = static_cast<double>(store_->memory()) /
                           static_cast<double>(std::max<std::uint64_t>(1, result.states));
  result.fast = fast_.has_value();

  std::vector<Goal> goals;
  for (const auto &g : goals_)
    if (g) goals.push_back(*g);
  const Search search{model_, layout_, *store_, fast_ ? &*fast_ : nullptr, std::move(levels_)};
  std::vector<Counterexample> traces = trace_back(search, goals, jobs_, options_.interrupted);

  const model::Interpreter plain(model_);
  std::size_t next = 0;
  for (std::size_t p = 0; p < goals_.size(); ++p) {
    const Property &property = *watch_.properties()[p];
    PropertyResult &r = result.properties.emplace_back();
    r.property = &property;
    const bool always = property.kind != PropertyKind::sometimes;
    if (goals_[p]) {
      r.verdict = always ? Verdict::violated : Verdict::holds;
      if (next < traces.size()) {
        check_trace(plain, property, goals_[p]->find, traces[next]);
        r.trace = std::move(traces[next++]);
      }
      if (property.ending) decide_ending(r, goals_[p]->find.instance != kNoInstance);
    } else if (result.complete) {
      r.verdict = always ? Verdict::holds : Verdict::violated;
    }
  }
}

// Where the rank does not fall it need not last: only a lasso shows that.
void Exploration::decide_ending(PropertyResult &r, bool rank) const {
  if (rank) {
    r.trace.reset();
    if (!why_.empty()) {
      r.verdict = Verdict::unknown;
      return;
    }
    r.trace = find_lasso(model_, *r.property);
    r.verdict = r.trace ? Verdict::violated : Verdict::holds;
  }
  if (r.trace) r.trace->repeats_from = repeats_from(model_, *r.property, *r.trace);
}

// The trace by the plain interpreter, the property as it is written: no shortcut of the search.
void Exploration::check_trace(const model::Interpreter &plain, const Property &property,
                              const Find &find, const Counterexample &trace) const {
  replay(plain, trace);
  const bool step = find.instance != kNoInstance;
  const model::Expr e = step ? *property.over_step(model_, model_.instances[find.instance])
                             : property.over_state(model_);
  const model::State &after = trace.states.back();
  const model::State &before = step ? trace.states[trace.states.size() - 2] : after;
  const bool occurs = property.kind == PropertyKind::sometimes;
  if (evaluate(model_.schema, e, before, after) != model::Value{occurs})
    throw std::logic_error("trace of " + property.id + " does not show it");
}

}  // namespace

ExploreResult explore(const Model &model, const ExploreOptions &options) {
  return Exploration(model, options).run();
}

}  // namespace ptmc::checker
