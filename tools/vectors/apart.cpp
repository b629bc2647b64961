#include "tools/vectors/apart.hpp"

#include <algorithm>
#include <set>

#include "model/kernel.hpp"
#include "traces/staging.hpp"

namespace ptmc::vectors {

using model::Instance;
using model::Loc;
using model::State;

namespace {

constexpr std::size_t kOthers = 300;  // at most, that a state is to be told from

std::uint64_t mixed(std::uint64_t h, std::uint64_t x) {
  h = (h ^ x) * 0xff51afd7ed558ccdu;
  return h ^ h >> 32;
}

}  // namespace

Apart::Apart(const model::Model &model, const OwnSteps &own, Settled &settled, Walk &walk)
    : model_(model), own_(own), settled_(settled), walk_(walk) {
  find_calls();
}

void Apart::find_calls() {
  calls_of_.resize(model_.instances.size());
  const State first = model_.initial();
  std::set<std::string> known;
  for (std::size_t i = 0; i < model_.instances.size(); ++i) {
    if (own_.is[i]) continue;
    const traces::StagedCall made = traces::call_of(model_, model_.instances[i], first);
    if (!made.step || !known.insert(text_of(*made.step)).second) continue;
    for (const std::size_t other : walk_.alternatives(i, *made.step))
      calls_of_[other].push_back(calls_.size());
    calls_.push_back(i);
  }
}

void Apart::note(Place from, const State &s, std::size_t i) {
  if (steps_.size() <= from) steps_.resize(from + 1);
  const Instance &instance = model_.instances[i];
  std::uint64_t shown =
      mixed(static_cast<std::uint64_t>(instance.label.err) + 1, walk_.interpreter().output(i, s));
  if (instance.label.action == model::Action::wait)
    shown = mixed(shown, static_cast<std::uint64_t>(instance.label.thread + 2));
  State to;
  walk_.interpreter().step(i, s, to);
  steps_[from].push_back({i, shown, settled_.place(to)});
}

bool Apart::at_rest(Place p) const {
  return std::none_of(steps_[p].begin(), steps_[p].end(),
                      [&](const Step &s) { return own_.is[s.instance]; });
}

std::uint64_t Apart::seen(const State &s) const {
  std::uint64_t h = 0;
  for (const char c : walk_.letters(s).value_or("?")) h = mixed(h, static_cast<std::uint64_t>(c));
  return h;
}

// The results of a call, each with the class of what it comes to.
std::vector<std::pair<std::uint64_t, std::uint64_t>> Apart::results(Place p, std::size_t call,
                                                                    std::size_t level) const {
  std::vector<std::pair<std::uint64_t, std::uint64_t>> all;
  for (const Step &s : steps_[p]) {
    const std::vector<std::size_t> &calls = calls_of_[s.instance];
    if (std::find(calls.begin(), calls.end(), call) != calls.end())
      all.emplace_back(s.shown, classes_[level][s.to]);
  }
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  return all;
}

std::uint64_t Apart::class_at(Place p, std::size_t level) const {
  std::vector<std::array<std::uint64_t, 3>> all;
  for (const Step &s : steps_[p])
    for (const std::size_t call : calls_of_[s.instance])
      all.push_back({call, s.shown, classes_[level - 1][s.to]});
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  std::uint64_t h = classes_[0][p];
  for (const auto &one : all)
    for (const std::uint64_t x : one) h = mixed(h, x);
  return h;
}

// Where the kernel is not done: of all that it may come to. A handler that runs is seen.
std::uint64_t Apart::ends_at(Place p, std::size_t level) {
  std::uint64_t &known = classes_[level][p];
  if (known != 0) return known;
  known = 1;  // a way back to here adds nothing
  std::set<std::uint64_t> all;
  for (const Step &s : steps_[p]) {
    if (!own_.is[s.instance]) continue;
    const Instance &i = model_.instances[s.instance];
    const std::uint64_t end = ends_at(s.to, level);
    const bool handles = i.label.action == model::Action::sigreturn;
    all.insert(handles ? mixed(end, static_cast<std::uint64_t>(i.label.arg) + 1) : end);
  }
  std::uint64_t h = *all.begin();
  if (all.size() > 1)
    for (const std::uint64_t x : all) h = mixed(h, x);
  return known = h;
}

void Apart::finish() {
  const auto places = static_cast<Place>(settled_.size());
  steps_.resize(places);
  std::vector<bool> rests(places);
  for (Place p = 0; p < places; ++p) rests[p] = at_rest(p);
  for (std::size_t level = 0; level <= kCalls; ++level) {
    classes_[level].assign(places, 0);
    for (Place p = 0; p < places; ++p)
      if (rests[p]) classes_[level][p] = level ? class_at(p, level) : seen(settled_.state(p));
    for (Place p = 0; p < places; ++p)
      if (!rests[p]) ends_at(p, level);
  }
  std::set<std::uint64_t> classes;
  for (Place p = 0; p < places; ++p)
    if (rests[p] && classes.insert(class_of(p)).second) alike_[classes_[0][p]].push_back(p);
}

void Apart::add_ends(Place p, std::vector<Place> &all) const {
  std::vector<Place> queue{p};
  std::set<Place> known{p};
  for (std::size_t k = 0; k < queue.size(); ++k) {
    bool rests = true;
    for (const Step &s : steps_[queue[k]])
      if (own_.is[s.instance]) {
        rests = false;
        if (known.insert(s.to).second) queue.push_back(s.to);
      }
    if (rests && std::find(all.begin(), all.end(), queue[k]) == all.end()) all.push_back(queue[k]);
  }
}

// As few calls as tell the one from the other.
Calls Apart::tell(Place a, Place b) const {
  Calls all;
  std::size_t level = 0;
  while (level <= kCalls && classes_[level][a] == classes_[level][b]) ++level;
  for (; level > 0 && level <= kCalls; --level) {
    const auto to = [&](Place from, std::size_t call, std::uint64_t end) {
      for (const Step &s : steps_[from]) {
        const std::vector<std::size_t> &calls = calls_of_[s.instance];
        if (std::find(calls.begin(), calls.end(), call) == calls.end() ||
            classes_[level - 1][s.to] != end)
          continue;
        std::vector<Place> ends;
        add_ends(s.to, ends);
        return ends.front();
      }
      return Settled::kNone;
    };
    bool found = false;
    for (std::size_t call = 0; call < calls_.size() && !found; ++call) {
      const auto mine = results(a, call, level - 1), others = results(b, call, level - 1);
      if (mine.empty() || mine == others) continue;
      found = true;
      all.push_back(calls_[call]);
      if (others.empty() || mine.front().first != others.front().first) return all;
      const Place next = to(a, call, mine.front().second);
      b = to(b, call, others.front().second);
      a = next;
    }
    if (!found) return {};
    if (classes_[level - 1][a] == classes_[level - 1][b]) return all;
  }
  return all;
}

// All that the calls may show there, one after the other.
std::uint64_t Apart::shows(Place p, const Calls &calls) const {
  std::vector<Place> at{p};
  std::uint64_t h = 0;
  for (const std::size_t instance : calls) {
    const auto call = static_cast<std::size_t>(std::find(calls_.begin(), calls_.end(), instance) -
                                               calls_.begin());
    std::vector<Place> next;
    std::set<std::uint64_t> shown;
    for (const Place from : at)
      for (const Step &s : steps_[from]) {
        const std::vector<std::size_t> &mine = calls_of_[s.instance];
        if (std::find(mine.begin(), mine.end(), call) == mine.end()) continue;
        shown.insert(mixed(s.shown, classes_[0][s.to]));
        add_ends(s.to, next);
      }
    for (const std::uint64_t x : shown) h = mixed(h, x);
    at = std::move(next);
  }
  return h;
}

const std::vector<Calls> &Apart::telling(Place p) {
  const auto [it, fresh] = telling_.try_emplace(class_of(p));
  std::vector<Calls> &all = it->second;
  if (!fresh) return all;
  const std::vector<Place> &alike = alike_[classes_[0][p]];
  const std::size_t stride = alike.size() / kOthers + 1;
  std::vector<Place> others;
  for (std::size_t k = 0; k < alike.size(); k += stride)
    if (class_of(alike[k]) != class_of(p)) others.push_back(alike[k]);
  while (!others.empty() && all.size() < kSuffixes) {
    // Those that are hardest to tell from it, first: their calls tell it from many.
    const auto hardest = std::max_element(others.begin(), others.end(), [&](Place a, Place b) {
      const auto levels = [&](Place other) {
        std::size_t level = 0;
        while (classes_[level][other] == classes_[level][p]) ++level;
        return level;
      };
      return levels(a) < levels(b);
    });
    Calls calls = tell(p, *hardest);
    const std::uint64_t mine = shows(p, calls);
    others.erase(hardest);
    std::erase_if(others, [&](Place other) { return shows(other, calls) != mine; });
    if (!calls.empty()) all.push_back(std::move(calls));
  }
  return all;
}

}  // namespace ptmc::vectors
