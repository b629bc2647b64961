#include "checker/determinised.hpp"

#include <algorithm>
#include <utility>

namespace ptmc::checker {

using model::State;
using model::Value;

Determinised::Determinised(const model::Model &model, const Tester &tester, std::size_t max_memory,
                           bool fast)
    : model_(model),
      observer_(model, tester),
      layout_(model),
      fast_(fast ? fast_form(model) : std::nullopt),
      expander_(model, fast_ ? &*fast_ : nullptr),
      plain_(model),
      max_memory_(max_memory),
      store_(layout_.words(), 1, max_memory),
      packed_(layout_.words()),
      table_(1 << 16, kNone) {
  for (std::size_t i = 0; i < model.instances.size(); ++i)
    if (model.instances[i].updates.empty() && !observer_.hidden(i) && !observer_.left_out(i))
      idle_.push_back(i);
  fired_.resize(model.instances.size());
}

std::size_t Determinised::memory() const {
  return store_.memory() + edges_.capacity() * 8 + begins_.capacity() * sizeof(Span) +
         alone_.capacity() * 4 + marks_.capacity() * 4 + members_.capacity() * 4 +
         ends_.capacity() * 8 + table_.capacity() * 4;
}

void Determinised::count() {
  if (max_memory_ && memory() > max_memory_) throw Full("memory limit");
}

// ---- States -------------------------------------------------------------------------------------

Index Determinised::intern_state(const std::uint64_t *words) {
  layout_.pack(words, packed_.data());
  if (store_.crowded() && !store_.grow(1, [] { return false; })) throw Full("memory limit");
  const std::uint64_t hash = store_.hash(packed_.data());
  const Store::Added added = store_.add(lane_, packed_.data(), hash);
  if (added == Store::Added::full) throw Full("memory limit");
  // The only lane's records are numbered through.
  if (added == Store::Added::yes) return lane_.next - 1;
  return store_.find(packed_.data(), hash);
}

std::uint32_t Determinised::intern(const Observation &o) {
  const auto [it, fresh] = ids_.try_emplace(o, static_cast<std::uint32_t>(observations_.size()));
  if (fresh) {
    observations_.push_back(o);
    blocking_.push_back(kNone);
    if (const auto blocks = Observer::blocking(o)) {
      const std::uint32_t id = intern(*blocks);
      blocking_[it->second] = id;
    }
  }
  return it->second;
}

const std::vector<std::uint32_t> &Determinised::seen_as(std::size_t instance, Value output,
                                                        const State &s) {
  const auto look = [&] {
    std::vector<std::uint32_t> ids;
    for (const Observation &o : observer_.of(instance, output, s)) ids.push_back(intern(o));
    return ids;
  };
  if (observer_.needs_state(instance)) return scratch_ = look();
  const std::uint64_t key = std::uint64_t{instance} << 32 | output;
  const auto it = seen_as_.find(key);
  return it != seen_as_.end() ? it->second : seen_as_.emplace(key, look()).first->second;
}

const Determinised::Span &Determinised::expand(Index k) {
  if (k < begins_.size() && begins_[k].begin) return begins_[k];
  if (begins_.size() <= k) begins_.resize(k + 1);
  if (edges_.empty()) edges_.push_back(0);  // a span of begin 0 is one that is not made yet
  const State s = state(k);
  for (const std::size_t i : idle_) fired_[i] = expander_.fired(i);
  expander_.expand(s.w.data());
  std::vector<std::uint64_t> hidden, seen;
  const auto step = [&](std::size_t i, Index to) {
    const bool has_output = model_.instances[i].output.has_value();
    for (const std::uint32_t o : seen_as(i, has_output ? plain_.output(i, s) : 0, s))
      seen.push_back(std::uint64_t{o} << 32 | to);
  };
  for (std::size_t n = 0; n < expander_.count(); ++n) {
    const std::size_t i = expander_.instance(n);
    if (observer_.left_out(i)) continue;
    const Index to = intern_state(expander_.successor(n));
    if (!observer_.hidden(i))
      step(i, to);
    else if (to != k)
      hidden.push_back(to);
  }
  for (const std::size_t i : idle_)
    if (expander_.fired(i) != fired_[i]) step(i, k);
  for (auto *list : {&hidden, &seen}) {
    std::sort(list->begin(), list->end());
    list->erase(std::unique(list->begin(), list->end()), list->end());
  }
  begins_[k] = {edges_.size(), static_cast<std::uint32_t>(hidden.size()),
                static_cast<std::uint32_t>(hidden.size() + seen.size())};
  edges_.insert(edges_.end(), hidden.begin(), hidden.end());
  edges_.insert(edges_.end(), seen.begin(), seen.end());
  return begins_[k];
}

// ---- Nodes --------------------------------------------------------------------------------------

bool Determinised::same(Node node, const States &states) const {
  const std::uint64_t begin = node ? ends_[node - 1] : 0;
  return ends_[node] - begin == states.size() &&
         std::equal(states.begin(), states.end(), members_.begin() + static_cast<long>(begin));
}

Determinised::Node Determinised::intern(const States &closed) {
  const auto place = [&](std::uint64_t hash) { return hash * 0x9e3779b97f4a7c15u >> 20; };
  const auto hash_of = [](const Index *first, const Index *last) {
    std::uint64_t h = 1469598103934665603u;
    for (; first != last; ++first) h = (h ^ *first) * 0xff51afd7ed558ccdu, h ^= h >> 32;
    return h;
  };
  if (2 * ends_.size() > table_.size()) {
    table_.assign(table_.size() * 2, kNone);
    for (Node n = 0; n < ends_.size(); ++n) {
      const Index *all = members_.data();
      std::size_t at = place(hash_of(all + (n ? ends_[n - 1] : 0), all + ends_[n]));
      while (table_[at & (table_.size() - 1)] != kNone) ++at;
      table_[at & (table_.size() - 1)] = n;
    }
  }
  std::size_t at = place(hash_of(closed.data(), closed.data() + closed.size()));
  for (;; ++at) {
    Node &n = table_[at & (table_.size() - 1)];
    if (n != kNone && !same(n, closed)) continue;
    if (n != kNone) return n;
    n = static_cast<Node>(ends_.size());
    members_.insert(members_.end(), closed.begin(), closed.end());
    ends_.push_back(members_.size());
    return n;
  }
}

Determinised::Node Determinised::closure(const States &seeds) {
  if (seeds.size() == 1 && seeds[0] < alone_.size() && alone_[seeds[0]] != kNone)
    return alone_[seeds[0]];
  States closed = seeds;
  ++mark_;
  const auto mark = [&](Index k) {
    if (marks_.size() <= k) marks_.resize(k + 1 + k / 2);
    return std::exchange(marks_[k], mark_) != mark_;
  };
  for (const Index k : closed) mark(k);
  for (std::size_t n = 0; n < closed.size(); ++n) {
    const Span span = expand(closed[n]);
    for (std::uint32_t e = 0; e < span.hidden; ++e) {
      const auto to = static_cast<Index>(edges_[span.begin + e]);
      if (mark(to)) closed.push_back(to);
    }
  }
  std::sort(closed.begin(), closed.end());
  const Node node = intern(closed);
  if (seeds.size() == 1) {
    if (alone_.size() <= seeds[0]) alone_.resize(seeds[0] + 1 + seeds[0] / 2, kNone);
    alone_[seeds[0]] = node;
  }
  return node;
}

Determinised::Node Determinised::initial() {
  return closure({intern_state(model_.initial().w.data())});
}

// An edge for each observation of `all`, which are sorted, (observation << 32 | state), to the node
// of its states.
template <class NodeOf>
void Determinised::grouped(const std::vector<std::uint64_t> &all, NodeOf &&node_of,
                           std::vector<Edge> &into) {
  States group, last;
  Node known = kNone;
  for (std::size_t n = 0; n < all.size();) {
    const auto o = static_cast<std::uint32_t>(all[n] >> 32);
    group.clear();
    for (; n < all.size() && all[n] >> 32 == o; ++n) group.push_back(static_cast<Index>(all[n]));
    if (group != last) known = node_of(group), last = group;
    into.push_back({o, known});
  }
}

// A wait blocks in a state if there is nothing for it, there and wherever hidden steps lead.
void Determinised::blocked(Node node, std::vector<Edge> &into) {
  const std::uint64_t begin = node ? ends_[node - 1] : 0;
  const States states(members_.begin() + static_cast<long>(begin),
                      members_.begin() + static_cast<long>(ends_[node]));
  const auto place = [&](Index k) {
    return static_cast<std::size_t>(std::lower_bound(states.begin(), states.end(), k) -
                                    states.begin());
  };
  std::vector<std::vector<std::uint32_t>> quiet(states.size());  // in order
  std::vector<std::vector<std::size_t>> hidden(states.size());
  for (std::size_t n = 0; n < states.size(); ++n) {
    const Span span = expand(states[n]);
    for (std::uint32_t e = 0; e < span.hidden; ++e)
      hidden[n].push_back(place(static_cast<Index>(edges_[span.begin + e])));
    for (std::uint32_t e = span.hidden; e < span.all; ++e) {
      const auto o = static_cast<std::uint32_t>(edges_[span.begin + e] >> 32);
      if (blocking_[o] != kNone) quiet[n].push_back(blocking_[o]);
    }
    std::sort(quiet[n].begin(), quiet[n].end());
  }
  for (bool changed = true; changed;) {
    changed = false;
    for (std::size_t n = 0; n < states.size(); ++n)
      for (const std::size_t to : hidden[n]) {
        const std::size_t had = quiet[n].size();
        std::erase_if(quiet[n], [&](std::uint32_t o) {
          return !std::binary_search(quiet[to].begin(), quiet[to].end(), o);
        });
        changed = changed || quiet[n].size() != had;
      }
  }
  std::vector<std::uint64_t> all;
  for (std::size_t n = 0; n < states.size(); ++n)
    for (const std::uint32_t o : quiet[n]) all.push_back(std::uint64_t{o} << 32 | states[n]);
  std::sort(all.begin(), all.end());
  grouped(
      all, [this](States &group) { return intern(group); }, into);
}

void Determinised::edges(Node node, std::vector<Edge> &into) {
  into.clear();
  count();
  const std::uint64_t begin = node ? ends_[node - 1] : 0, end = ends_[node];
  std::vector<std::uint64_t> all;
  for (std::uint64_t m = begin; m < end; ++m) {
    const Span span = expand(members_[m]);
    const auto first = edges_.begin() + static_cast<long>(span.begin);
    all.insert(all.end(), first + span.hidden, first + span.all);
  }
  if (end - begin > 1) {
    std::sort(all.begin(), all.end());
    all.erase(std::unique(all.begin(), all.end()), all.end());
  }
  grouped(
      all, [this](States &group) { return closure(group); }, into);
  blocked(node, into);
}

}  // namespace ptmc::checker
