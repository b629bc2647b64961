// A state as plain data, for what is written by hand.
#pragma once

#include <vector>

#include "model/interp.hpp"

namespace ptmc::model {

struct HandThread {
  int number = 0;  // of all processes' threads
  bool leader = false;
  Loc loc{};
  Value sig = 0, info = 0, event = 0, call = 0, status = 0, stopsig = 0, cause = 0, next_cause = 0;
  Value tracing = 0, message = 0, forged = 0, flags = 0, again = 0, by = 0;
  bool shared = false, report = false, good = false, owes_tracer = false, owes_parent = false;
  bool systrace = false, emulate = false, step = false, vforked = false, sigpending = false;
  bool stop_pending = false, consume = false, dequeued = false;
  bool trap_stop = false, trap_notify = false, trapping = false, listening = false;
  bool options[OPTION_COUNT] = {};
  bool pending[SIG_COUNT] = {}, blocked[SIG_COUNT] = {};
  Value pending_info[SIG_COUNT] = {};
  bool all_zero = true;  // but loc; of a released thread

  bool exists() const { return loc != Loc::none && loc != Loc::dead; }
  bool pf_exiting() const {
    return loc == Loc::exit_notify || loc == Loc::zombie || loc == Loc::unreleased ||
           loc == Loc::dead;
  }
  bool has_begun_to_exit() const {
    return pf_exiting() || loc == Loc::group_exit || loc == Loc::exiting ||
           loc == Loc::exit_event || loc == Loc::exit_event_trap || loc == Loc::exit_signals;
  }
  bool trapped() const {
    switch (loc) {
      case Loc::entry_trap:
      case Loc::exit_trap:
      case Loc::step_trap:
      case Loc::sig_trap:
      case Loc::event_trap:
      case Loc::group_trap:
      case Loc::ptrace_event_trap:
      case Loc::exit_event_trap:
        return true;
      default:
        return false;
    }
  }
  bool traced() const { return tracing != 0; }
  bool seized() const { return tracing == 2; }
};

struct HandTracer {
  bool dead = false;
  Value attaching = 0;
  Value chld[3] = {};
};

// One process of the state, with all tracers.
struct Hand {
  const Interpreter *interpreter = nullptr;
  const State *state = nullptr;
  Config config;
  std::vector<HandThread> threads;
  bool pending[SIG_COUNT] = {};
  int process = 0;
  std::vector<HandTracer> tracers;
  bool group_exit = false, notice = false;
  Value jobs = 0, cld = 0, stop_count = 0, stop_code = 0, death = 0, exec_task = 0, core = 0;
  Value parent_state = 0, parent_ignores = 0;
  Value chld_parent[3] = {};

  bool has(Feature f) const { return config[f]; }
  const HandTracer &tracer_of(const HandThread &t) const { return tracers.at(t.by); }
  bool stops_or_is_stopped() const { return stop_count > 0 || jobs == 1; }
  bool somewhere(Sig s) const {
    if (pending[s]) return true;
    for (const HandThread &t : threads)
      if (t.pending[s]) return true;
    return false;
  }
};

Hand decode(const Interpreter &interpreter, const Config &config, const State &s, int process);

}  // namespace ptmc::model
