#include "tests/properties_search.hpp"

#include <doctest/doctest.h>

#include <map>
#include <random>
#include <unordered_set>

#include "model/interp.hpp"
#include "tests/properties_hand.hpp"

namespace ptmc::model {
namespace {

// The states found, each once, in the order of a breadth-first search.
class Found {
 public:
  bool add(const State &s) {
    states.push_back(s);
    if (index_.insert(states.size() - 1).second) return true;
    states.pop_back();
    return false;
  }
  std::vector<State> states;

 private:
  struct Hash {
    const std::vector<State> *states;
    std::size_t operator()(std::size_t i) const {
      std::uint64_t h = 0;
      for (std::uint64_t w : (*states)[i].w) h = (h ^ w) * 0xff51afd7ed558ccdu, h ^= h >> 29;
      return h;
    }
  };
  struct Equal {
    const std::vector<State> *states;
    bool operator()(std::size_t a, std::size_t b) const { return (*states)[a] == (*states)[b]; }
  };
  std::unordered_set<std::size_t, Hash, Equal> index_{16, Hash{&states}, Equal{&states}};
};

// Properties as one piece of code: for the states, or for the steps of one instance.
struct Watch {
  explicit Watch(const Schema &schema) : tape(schema) {}
  void add(const Property &p, Expr e) {
    entries.push_back({&p, tape.add(e)});
    registers.resize(tape.registers());
  }
  template <class Report>
  void look(const State &before, const State &after, Report report) {
    std::uint32_t done = 0;
    for (const Entry &e : entries) {
      tape.run(done, e.slot.end, registers.data(), before, after);
      report(*e.property, registers[e.slot.at] != 0);
    }
  }
  struct Entry {
    const Property *property;
    Tape::Slot slot;
  };
  Tape tape;
  std::vector<Entry> entries;
  std::vector<Value> registers;
};

}  // namespace

namespace {

constexpr int kChanges = 4;            // of each state
constexpr int kMoreChanges = 1 << 20;  // at most, where some invariant held in all of those

// That each wait has a result holds in every state of the fields: its guards complement each other,
// which mistakes of theirs show (tools/mutate).
bool can_be_false(const Property &p) { return p.id != "wait.answered"; }

std::string text(const std::set<std::string> &ids) {
  std::string list;
  for (const std::string &id : ids) list += id + "\n";
  return list;
}

}  // namespace

PropertySearch search_by_hand(const Config &config, int threads, int processes) {
  const Model model(explored_shape(config, threads, processes), &config);
  const Schema &schema = model.schema;
  const Interpreter interpreter(model);
  PropertySearch result;

  std::size_t invariants = 0;
  Watch states(schema);
  std::vector<Watch> steps(model.instances.size(), Watch(schema));
  for (const Property &p : properties()) {
    if (!p.applies(config)) continue;
    if (p.kind == PropertyKind::sometimes) result.missed.insert(p.id);
    invariants += p.kind == PropertyKind::always && p.over_state && can_be_false(p);
    if (p.over_state) states.add(p, p.over_state(model));
    for (std::size_t i = 0; p.over_step && i < steps.size(); ++i)
      if (const std::optional<Expr> e = p.over_step(model, model.instances[i])) steps[i].add(p, *e);
  }
  auto note = [&](const Property &p, bool holds) {
    if (p.kind == PropertyKind::always && !holds) result.violated.insert(p.id);
    if (p.kind == PropertyKind::sometimes && holds) result.missed.erase(p.id);
  };
  auto note_false = [&](const Property &p, bool holds) {
    if (p.kind == PropertyKind::always && !holds) result.seen_false.insert(p.id);
  };
  std::map<std::string_view, std::size_t> place;
  for (std::string_view id : hand_invariants()) place.emplace(id, place.size());
  auto compare = [&](const State &s, auto also) {
    const std::vector<bool> hand = by_hand(interpreter, config, s);
    states.look(s, s, [&](const Property &p, bool holds) {
      also(p, holds);
      if (p.kind == PropertyKind::always && hand.at(place.at(p.id)) != holds)
        result.disagreements.insert(p.id);
    });
  };
  // Both forms must also agree where they are false, which no reachable state should show.
  std::mt19937 random(1);
  auto changed = [&](State s) {
    const Field f = static_cast<Field>(random() % schema.size());
    const Value values =
        schema[f].name == "loc" ? static_cast<Value>(Loc::COUNT) : Value{1} << schema[f].bits;
    schema.set(s, f, static_cast<Value>(random()) % values);
    return s;
  };

  Found found;
  found.add(model.initial());
  for (std::size_t k = 0; k < found.states.size(); ++k) {
    const State s = found.states[k];
    compare(s, note);
    for (int change = 0; change < kChanges; ++change) compare(changed(s), note_false);
    State next;
    for (std::size_t i = 0; i < steps.size(); ++i) {
      if (!interpreter.step(i, s, next)) continue;
      steps[i].look(s, next, note);
      found.add(next);
    }
  }
  for (int more = 0; more < kMoreChanges && result.seen_false.size() < invariants; ++more)
    compare(changed(found.states[random() % found.states.size()]), note_false);
  result.states = found.states.size();
  return result;
}

void check_by_hand(std::string_view design, std::string_view profile, int threads) {
  const Config config = explored_config(parse_design(design), find_profile(profile), {});
  const PropertySearch search = search_by_hand(config, threads, find_profile(profile).processes);
  INFO(design, ", ", profile, ", ", threads, " threads: ", search.states, " states");
  std::set<std::string> known, invariants;
  for (const KnownViolation &k : known_violations())
    if (k.breaks(config) && threads >= k.threads) known.emplace(k.property);
  for (const Property &p : properties())
    if (p.kind == PropertyKind::always && p.over_state && p.applies(config) && can_be_false(p))
      invariants.insert(p.id);
  CHECK(text(search.violated) == text(known));
  CHECK(text(search.missed) == "");
  CHECK(text(search.disagreements) == "");
  CHECK(text(search.seen_false) == text(invariants));
}

}  // namespace ptmc::model
