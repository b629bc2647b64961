// Which properties are still open, and where one of them is decided: an `always` by a state or step
// that breaks it, a `sometimes` by one in which it occurs.
//
// A property over steps becomes one condition over the state before the step for each instance: the
// primed fields are the instance's updates, and what its guards say is taken as known. Most
// conditions then fold to false. The others are computed for 64 states at a time (sliced.hpp), and
// looked at where the instance fired.
#pragma once

#include <optional>
#include <vector>

#include "checker/fast.hpp"
#include "checker/sliced.hpp"
#include "model/property.hpp"

namespace ptmc::checker {

inline constexpr std::size_t kNoInstance = SIZE_MAX;

// A state, or a step from it, that decides a property. The least one of a level is reported: by
// packed state, then by instance.
struct Find {
  std::vector<std::uint64_t> packed;
  std::size_t instance = kNoInstance;  // of a step property
  auto operator<=>(const Find &) const = default;
};

class Watch {
 public:
  Watch(const model::Model &model, const Layout &layout,
        std::vector<const model::Property *> properties);

  const std::vector<const model::Property *> &properties() const { return properties_; }
  bool idle() const { return conditions_.empty(); }
  void decided(std::size_t property);  // it is not looked for any more; not while workers run

 private:
  friend class Watcher;
  struct Condition {
    std::size_t property;
    std::size_t instance;
    Sliced::Literal holds;  // then the property is decided
  };
  struct Steps {  // the conditions of one instance
    std::size_t instance;
    bool loop;  // it has no updates: the expander only counts it
    std::size_t begin, end;
  };
  void arrange();

  std::vector<const model::Property *> properties_;
  Sliced sliced_;
  std::vector<Condition> conditions_;  // those of states first, then by instance
  std::size_t state_conditions_ = 0;
  std::vector<Steps> steps_;
  std::vector<bool> loops_;  // instances without updates
};

// One worker's part.
class Watcher {
 public:
  Watcher(const Watch &watch, const Layout &layout, const Expander &expander);

  void start_level();
  // The expander has just expanded this state. record: its packed form, which must stay.
  void add(const std::uint64_t *state, const std::uint64_t *record);
  void check();  // what was added since the last time; add() does so when it is full
  std::size_t memory() const;

  std::vector<std::optional<Find>> finds;  // per property, of this level

 private:
  void consider(std::size_t property, std::size_t instance, std::uint64_t states);

  const Watch &watch_;
  const Layout &layout_;
  const Expander &expander_;
  std::vector<std::uint64_t> states_;
  std::vector<const std::uint64_t *> records_;
  std::vector<std::uint64_t> fired_;   // per instance: in which of the states
  std::vector<std::uint64_t> counts_;  // per Steps: the expander's count before the state
  Sliced::Values values_;
};

}  // namespace ptmc::checker
