// What a tracer can tell apart: what ptrace(2) and the RFC say of it, and that each witness is one.
#include "checker/distinguish.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "model/designs.hpp"

namespace ptmc::tests {
namespace {

using checker::Distinction;
using checker::Distinctions;
using checker::StopClass;
using checker::Verdict;

const Distinction *pair_of(const Distinctions &all, const StopClass &one, const StopClass &other) {
  for (const Distinction &d : all.pairs)
    if ((all.stops[d.one] == one && all.stops[d.other] == other) ||
        (all.stops[d.one] == other && all.stops[d.other] == one))
      return &d;
  return nullptr;
}

// The levels at which they are confused: "status", "status siginfo", "status siginfo history".
std::string confused(const Distinctions &all, const StopClass &one, const StopClass &other) {
  const Distinction *d = pair_of(all, one, other);
  if (!d) return "never";
  std::string text;
  const char *const names[] = {"status", "siginfo", "history"};
  for (std::size_t level = 0; level < 3; ++level) {
    if (d->confused[level] == Verdict::holds)
      text += (text.empty() ? "" : " ") + std::string(names[level]);
    if (d->confused[level] == Verdict::unknown) text += "?";
  }
  return text;
}

const StopClass kSent{"signal-delivery-stop", "sent"}, kAttach{"signal-delivery-stop", "attach"},
    kExec{"signal-delivery-stop", "exec"}, kBorn{"signal-delivery-stop", "auto-attach"},
    kStep{"signal-delivery-stop", "step"}, kGroup{"group-stop", "group"},
    kInterrupt{"event-stop", "interrupt"}, kSigcont{"event-stop", "sigcont"},
    kChild{"event-stop", "auto-attach"}, kEntry{"syscall-stop", "entry"},
    kExit{"syscall-stop", "exit"}, kExecEvent{"event", "exec"};

// Every pair: confused at a level, then at those below it; where confused, two runs, each of which
// ends in a stop of its kind, and all levels but the last agree with the view.
void check_witnesses(const Distinctions &all) {
  CHECK(all.complete);
  CHECK(all.pairs.size() == all.stops.size() * (all.stops.size() - 1) / 2);
  for (const Distinction &d : all.pairs) {
    INFO(all.stops[d.one].kind, " ", all.stops[d.one].cause, ", ", all.stops[d.other].kind, " ",
         all.stops[d.other].cause);
    for (std::size_t level = 1; level < 3; ++level)
      if (d.confused[level] == Verdict::holds) CHECK(d.confused[level - 1] == Verdict::holds);
    if (d.confused[0] != Verdict::holds) {
      CHECK(!d.runs);
      continue;
    }
    REQUIRE(d.runs);
    for (const auto &[run, stop] :
         {std::pair{&d.runs->first, d.one}, std::pair{&d.runs->second, d.other}}) {
      REQUIRE(!run->run.empty());
      const auto thread = static_cast<std::size_t>(all.worlds[run->world].thread);
      CHECK(run->run.back().stop_kinds[thread] == all.stops[stop].kind);
    }
    if (d.confused[2] == Verdict::holds) {
      REQUIRE(!d.seen.empty());
      CHECK(d.seen.back().label.action == model::Action::getsiginfo);
    }
  }
}

TEST_CASE("legacy: the quirks, and what GETSIGINFO is good for") {
  const Distinctions all = checker::distinguish("legacy", {});
  check_witnesses(all);
  // The RFC's quirks.
  CHECK(confused(all, kSent, kAttach) == "status siginfo history");
  CHECK(confused(all, kSent, kExec) == "status siginfo history");
  CHECK(confused(all, kSent, kBorn) == "status siginfo history");
  // ptrace(2): a group-stop is told by GETSIGINFO, which fails with EINVAL.
  CHECK(confused(all, kSent, kGroup) == "status");
  // ptrace(2): "Syscall-enter-stop and syscall-exit-stop are indistinguishable from each other by
  // the tracer"; without TRACESYSGOOD from a SIGTRAP only by GETSIGINFO.
  CHECK(confused(all, kEntry, kExit) == "status siginfo history");
  CHECK(confused(all, kSent, kEntry) == "status");
  CHECK(confused(all, kSent, kStep) == "status");
  // Without SEIZE there is no PTRACE_EVENT_STOP.
  for (const StopClass &s : all.stops) CHECK(s.kind != "event-stop");
}

TEST_CASE("seize-options: stops are flagged, their causes are not") {
  const Distinctions all = checker::distinguish("seize-options", {});
  check_witnesses(all);
  // (4): the child's first stop is no signal's.
  CHECK(confused(all, kChild, kSent) == "");
  CHECK(confused(all, kChild, kAttach) == "");
  // An event is no signal.
  CHECK(confused(all, kExecEvent, kSent) == "");
  CHECK(confused(all, kExecEvent, kExec) == "");
  // INTERRUPT's stop and that of SIGCONT look the same, whatever was seen: rr issue 1773.
  CHECK(confused(all, kInterrupt, kSigcont) == "status siginfo history");
}

}  // namespace
}  // namespace ptmc::tests
