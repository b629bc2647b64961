// What does not last: a thread that has work of its own to do gets it done. Fair are the steps by
// which the thread itself goes on; what a tracer, a parent or a stranger does may come in between.

#include "model/property_parts.hpp"

namespace ptmc::model {
namespace {

using enum Feature;

// The location's place in a list, from the back: the last one counts 0.
Expr steps_left(const View &v, int t, std::initializer_list<Loc> way) {
  Expr left = constant(0);
  Value n = static_cast<Value>(way.size());
  for (Loc l : way) left = ite(v.at(t, {l}), constant(--n), left);
  return left;
}

const std::vector<std::string> kLooksForSignals{"loop.enter",  "loop.notify",     "loop.group_exit",
                                                "loop.none",   "deliver.trap",    "group_stop.join",
                                                "trap.killed", "trap.event_stop", "trap.legacy"};

}  // namespace

void ending_laws(Laws &all) {
  ending_law(
      all,
      {"trapping.clears", "TRAPPING ends: nobody who attaches sleeps for ever", "TRAPPING is set",
       "task_clear_jobctl_trapping, ptrace_stop, 6.12; R11", anywhere, anywhere},
      kLooksForSignals, "steps of get_signal to the trap",
      [](const View &v, int t) { return v.get(v.t(t).trapping); },
      [](const View &v, int t) {
        return steps_left(v, t, {Loc::relock, Loc::loop});
      });

  ending_law(
      all,
      {"trap_stop.traps",
       "A tracee for which a trap is pending, and that is on its way to look for it, gets there, "
       "unless it dies",
       "A trap is pending for a tracee in user mode or in get_signal",
       "do_jobctl_trap, get_signal, 6.12; R63, R104", anywhere, anywhere},
      kLooksForSignals, "steps to the trap",
      [](const View &v, int t) {
        return v.traced(t) && v.get(v.t(t).trap_stop) && !v.dying(t) &&
               v.at(t, {Loc::user, Loc::relock, Loc::loop});
      },
      [](const View &v, int t) {
        return steps_left(v, t, {Loc::user, Loc::relock, Loc::loop});
      });

  ending_law(
      all,
      {"stop_pending.stops",
       "An untraced thread that has to take part in a group-stop, and is on its way to look, "
       "stops, "
       "unless the group-stop ends first",
       "A group-stop waits for an untraced thread", "do_signal_stop, get_signal, 6.12; R62, R81",
       anywhere, anywhere},
      kLooksForSignals, "steps to the stop",
      [](const View &v, int t) {
        return !v.traced(t) && v.get(v.t(t).stop_pending) &&
               v.at(t, {Loc::user, Loc::relock, Loc::loop});
      },
      [](const View &v, int t) {
        return steps_left(v, t, {Loc::user, Loc::relock, Loc::loop});
      });

  ending_law(
      all,
      {"exit.ends",
       "A thread in do_exit gets on, but where it waits for a core dump, or in PTRACE_EVENT_EXIT",
       "A thread is in do_exit", "do_exit, exit_signals, exit_notify, 6.12; R115, R116", anywhere,
       can_die},
      {"exit.sync", "exit.signals", "exit.notify", "exit.release"}, "steps of do_exit",
      [](const View &v, int t) {
        return v.at(t, {Loc::exiting, Loc::exit_signals, Loc::exit_notify}) &&
               eq(v.get(v.p->core), 0);
      },
      [](const View &v, int t) {
        return steps_left(v, t, {Loc::exiting, Loc::exit_signals, Loc::exit_notify});
      });
}

}  // namespace ptmc::model
