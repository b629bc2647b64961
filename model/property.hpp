// Properties: what is to hold in every reachable state (invariant), at every step (step property),
// at least once (sometimes), or to end sooner or later (eventually). Written over the same fields
// as the rules, and read by the same interpretations.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "model/designs.hpp"
#include "model/rule.hpp"

namespace ptmc::model {

enum class PropertyKind : std::uint8_t { always, sometimes, eventually };
inline constexpr std::array<std::string_view, 3> kPropertyKindNames{"always", "sometimes",
                                                                    "eventually"};

// Of an `eventually`, for each thread: what does not last, as long as its own steps are fair: while
// one of them can be taken again and again, one is taken at last. Nothing is assumed of anybody
// else: others may take any step, at any time, or none.
struct Ending {
  std::vector<std::string> fair;  // the rules of these steps
  std::string measure;            // what `rank` counts
  std::function<Expr(const Model &, int thread)> lasts;
  std::function<Expr(const Model &, int thread)> rank;
  bool is_fair(const Instance &i, int thread) const;
};

struct Property {
  std::string id;  // "stop.lasts"; its sometimes: "stop.lasts.occurs"
  PropertyKind kind = PropertyKind::always;
  std::string statement;  // one sentence
  std::string source;     // kernel function and version, semantics section, man page
  // The design and profile for which it means something; it is not listed for others.
  std::function<bool(const Config &)> applies;
  // Exactly one of the two. over_state: over the fields. over_step: over the fields before and, as
  // primed fields, after a step of the given instance; an empty result: the step is not its
  // subject. An `eventually` has both: while what must end lasts, a fair step can be taken; and
  // each fair step lowers the rank, and no other step raises it. Where both hold it ends.
  std::function<Expr(const Model &)> over_state;
  std::function<std::optional<Expr>(const Model &, const Instance &)> over_step;
  std::shared_ptr<const Ending> ending = {};
};
const std::vector<Property> &properties();

// A property that a real design breaks, with the reason (semantics 9.3 and the like).
struct KnownViolation {
  std::string_view property;
  std::string_view reason;
  std::string_view source;
  std::function<bool(const Config &)> breaks;  // the configurations in which it is broken
  int threads = 1;                             // with at least so many threads a process
};
const std::vector<KnownViolation> &known_violations();

// The stop kind of a thread as status and GETSIGINFO show it (design contract, "stop kind").
enum class StopKind : std::uint8_t {
  running,
  signal_delivery_stop,
  group_stop,
  event_stop,
  event,
  syscall_stop,
  step_stop,
  listening,
  stopped,
  zombie,
  dead,
};
inline constexpr std::array<std::string_view, 11> kStopKindNames{
    "running",    "signal-delivery-stop",
    "group-stop", "event-stop",
    "event",      "syscall-stop",
    "step-stop",  "listening",
    "stopped",    "zombie",
    "dead"};
StopKind stop_kind(const Schema &schema, const State &s, int thread);

}  // namespace ptmc::model
