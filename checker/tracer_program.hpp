// A tracer as a program: what it waits for, how it decides, which requests it makes. Checked as the
// product with a design: the model whose tracer makes these calls only.
//
// A program is in one of its named places. At a place the first rule whose conditions hold is
// taken: it sets flags of the tracee, and makes a call, whose result the rules of the next place
// can look at, or goes there at once. "start" is the first place; "report" that after a wait, in
// which the program is at "wait"; nothing else is built in.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "checker/question.hpp"

namespace ptmc::checker {

using Settings = std::vector<std::pair<std::string, bool>>;  // flags of a tracee, by name

struct When {
  enum class Report : std::uint8_t { any, stopped, dead };
  Report report = Report::any;
  std::vector<model::Sig> signals;  // WSTOPSIG; empty: any
  bool but_signals = false;         // ... is none of them
  std::vector<int> events;          // status >> 16; empty: any
  std::optional<bool> syscall;      // WSTOPSIG is SIGTRAP | 0x80, or is not
  std::optional<bool> succeeded;    // the call before
  Settings flags;
  Settings some;  // some tracee, this one or another, has these; empty: any
};

// What a program takes a stop to be.
enum class Belief : std::uint8_t {
  none,
  group_stop,
  signal_delivery_stop,
  own_sigstop,  // that of ATTACH, or of an auto-attached child
  event_stop,
  syscall_stop,
  event,
};
inline constexpr std::array<std::string_view, 7> kBeliefNames{
    "", "group-stop", "signal-delivery-stop", "own-sigstop", "event-stop", "syscall-stop", "event"};

struct TracerRule {
  std::string at;
  When when;
  Settings set;
  Belief believes = Belief::none;
  // For the tracee of the last report, at "start" the first. send: tgkill with SIGSTOP.
  std::optional<model::Action> call;
  bool injects = false;  // the call gives the signal that was reported of the tracee, not 0
  // For each tracee with these flags instead, one after the other, in any order; `set` is of that
  // tracee, and changes one of the flags.
  std::optional<Settings> each;
  std::string next;
  std::string added;  // why the rule is there, if the source does not have it
  int line = 0;
};

// How it waits: it sleeps in wait; or it sleeps until SIGCHLD comes, and then waits with WNOHANG,
// until there is nothing more, or once for each SIGCHLD, which merges.
enum class Waits : std::uint8_t { blocking, sigchld, sigchld_once };
inline constexpr std::array<std::string_view, 3> kWaitsNames{"blocking", "SIGCHLD", "SIGCHLD-once"};

struct TracerProgram {
  std::string file, name, about;
  Waits waits = Waits::blocking;
  std::vector<std::string> flags;
  std::vector<TracerRule> rules;
};

// Reads a file of JSON Lines (checker/tracers/README.md): a header, then a rule a line. Throws
// InputError, with the line, for what makes no sense: an unknown key or name, a place without
// rules, a rule that no earlier place leads to or that an earlier rule hides, a loop without a
// call.
TracerProgram read_tracer(const std::string &file);

// Makes the model's tracer this one. Own SIGSTOPs are remembered first (claim_parts.hpp) if the
// properties below are to be asked. Throws InputError where the model lacks a call of the program.
void run_by(model::Model &model, const TracerProgram &program);
// What a user of the tracer would state, for each thread. All are of the kind always.
std::vector<model::Property> tracer_properties(const TracerProgram &program);

}  // namespace ptmc::checker
