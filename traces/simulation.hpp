// The simulation of one process of a closed world. A configuration is a model state and, for each
// call that has begun and not returned, how far its plan has got. Between two returns everything
// that has begun may take effect, in any order, with the kernel's hidden steps in between; when a
// call returns, only the configurations in which it is over survive (just-in-time linearisation:
// Wing and Gong 1993, Lowe 2017). A configuration also carries the set of rules that every way to
// it has used, if that is asked for.
//
// Where it is not, what a return makes of a set of configurations is computed once for a model and
// kept (Memory): programs do the same again and again.
#pragma once

#include <array>
#include <bitset>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <unordered_map>

#include "model/property.hpp"
#include "traces/models.hpp"
#include "traces/replay.hpp"

namespace ptmc::traces {

inline constexpr std::size_t kMaxOpen = 24;  // calls under way at once
inline constexpr std::size_t kMaxRules = 256, kMaxPairs = 512;

using RuleSet = std::bitset<kMaxRules + kMaxPairs>;  // rules by number, then pairs as they come

struct Configuration {
  model::State state;
  std::array<std::uint8_t, kMaxOpen> stage{};                // by slot of open calls
  std::array<std::uint64_t, model::kMaxThreads> handlers{};  // frames (simulation.cpp)
  bool operator==(const Configuration &) const = default;
};
struct ConfigurationHash {
  std::size_t operator()(const Configuration &c) const;
};
using Configurations = std::unordered_map<Configuration, RuleSet, ConfigurationHash>;

// What happens to a set of configurations until a call returns.
struct Effect {
  Configurations ended;     // in which it is over
  std::size_t allowed = 0;  // different outcomes that the call could have had
  std::size_t reached = 0;  // configurations looked at
  // The states in which a call of this slot has made a process.
  std::vector<std::pair<std::size_t, model::State>> births;
  std::uint32_t found = 0;  // slots of waits that may have found somebody to wait for
};

// What is known of a model: the plans of asks, and what returns have done to sets.
class Memory {
 public:
  explicit Memory(const model::Model &model);

  using Id = std::uint32_t;  // of a plan or a set, from 1
  Id plan_of(const Ask &ask, const Index &index);
  const Plan &plan(Id id) const { return plans_[id - 1]; }
  Id set_of(Configurations configurations);
  const std::vector<Configuration> &set(Id id) const { return *sets_[id - 1]; }
  bool waits_for_child(std::size_t instance) const { return waits_[instance]; }

  struct Key {
    Id set = 0;
    std::uint32_t slot = 0, held = 0;
    std::array<Id, kMaxOpen> open{};
    bool operator==(const Key &) const = default;
  };
  struct Result {
    Id set = 0;  // 0: empty
    std::size_t allowed = 0, reached = 0;
    std::vector<std::pair<std::size_t, model::State>> births;
    std::uint32_t found = 0;
  };
  const Result *find(const Key &key) const;
  const Result &keep(const Key &key, Result result);

 private:
  struct KeyHash {
    std::size_t operator()(const Key &key) const;
  };
  std::unordered_map<Ask, Id, AskHash> plan_ids_;
  std::deque<Plan> plans_;
  std::unordered_multimap<std::size_t, Id> set_ids_;
  std::deque<std::unique_ptr<std::vector<Configuration>>> sets_;
  std::unordered_map<Key, Result, KeyHash> results_;
  std::vector<bool> waits_;
};

class Simulation {
 public:
  // starts: the states that the process may begin in.
  Simulation(const Trace &trace, Machine &machine, const Names &names, const ReplayOptions &options,
             const std::vector<model::State> &starts);

  // Goes through the calls that concern the process.
  void run();

  std::optional<Divergence> divergence;
  std::string gave_up;
  std::size_t max_states = 0;
  std::vector<std::pair<std::size_t, std::size_t>> allowed;  // by event: outcomes
  std::vector<Explained> explained;
  // By the event of the fork: the states of this process in which it may have made the child.
  std::map<std::size_t, std::vector<model::State>> births;
  std::vector<Next> next;
  // Waits for anybody that have returned 0, and for which nobody of this process was there.
  std::vector<std::size_t> nobody;
  // Used on every way to every configuration that is left.
  std::vector<std::string> witnessed() const;
  std::vector<std::pair<std::string, model::StopKind>> pairs() const;

 private:
  struct Open {
    std::size_t event = 0;
    Memory::Id id = 0;
    const Plan *plan = nullptr;
    bool found = false;  // a wait: somebody to wait for
  };
  // What the closure saw of one call, for diagnosis and explain.
  struct Seen {
    std::set<std::string> outcomes, rules, before, after;
    int thread = -1;                   // that its step acts upon
    std::vector<model::State> states;  // in which it took that
    Configurations all;
  };
  struct Point {
    std::uint64_t time;
    enum Kind : std::uint8_t {
      ends,
      begins,
      may_get,
      hangs_up,
      tracer_dies,
      parent_dies,
      leaves
    } kind;
    std::size_t event;  // may_get: the Sig and, from bit 8, the thread; tracer_dies: which; leaves:
                        // the thread
  };

  std::vector<Point> points() const;
  void open(std::size_t event, const Ask &ask);
  void begin(std::size_t event);
  void end(std::size_t event);
  template <class Emit>
  void advance(const Configuration &c, std::size_t slot, Emit &&emit) const;
  bool over(const Configuration &c, std::size_t slot) const;
  bool held(std::size_t instance, const model::State &s) const;
  Effect closure(const Configurations &from, std::size_t slot, Seen *seen);
  void bear(const std::vector<std::pair<std::size_t, model::State>> &births);
  void find(std::uint32_t slots);                        // Effect::found
  void tell(std::size_t event, const Seen &seen) const;  // ReplayOptions::observe
  void diverge(std::size_t slot);
  // Visits all that may happen in a configuration before a call returns: the kernel's own steps,
  // and those of the calls under way.
  void each_step(const Configuration &c,
                 const std::function<void(const Configuration &, std::size_t instance)> &visit);
  void foresee(const std::vector<std::size_t> &calls);  // next.cpp
  void look_at_handlers(std::size_t event);
  bool is_dead(const model::State &s, const Ask::Step &step) const;
  std::string kinds(const model::State &s) const;
  bool in_main(const model::State &s, int thread) const;
  std::size_t slot_of(std::size_t event) const;
  void use(RuleSet &rules, const model::Instance &instance, const model::State &before);
  RuleSet used_by_all() const;
  Memory::Key key(std::size_t slot) const;
  Configurations now() const;

  const Trace &trace_;
  const Machine &machine_;
  const model::Model &model_;
  const model::Schema &schema_;
  const Names &names_;
  const Cast::Process &process_;
  const ReplayOptions &options_;
  const model::Interpreter &interpreter_;
  const Index &index_;
  const ByLocation &hidden_at_;
  Memory &memory_;
  const bool follows_;                                            // rules, or what explain shows
  std::map<std::pair<int, model::StopKind>, std::size_t> pairs_;  // their bits

  std::array<Open, kMaxOpen> open_{};
  std::uint32_t dead_at_birth_ = 0;  // tracers
  std::uint32_t held_ = 0;           // threads whose vfork has a child that cannot have left yet
  Configurations now_;               // if it follows
  Memory::Id set_ = 0;               // else
};

}  // namespace ptmc::traces
