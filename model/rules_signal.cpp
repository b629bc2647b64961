// Signals from strangers: kill and tgkill (kernel/signal.c: __send_signal_locked, 6.12). What a
// signal does at its generation, before anybody receives it, is in send() (kernel.cpp).

#include "model/kernel.hpp"

namespace ptmc::model {

void signal_rules(Model &m) {
  const Rule *to_process = m.family(
      {"send.process",
       Actor::world,
       "sends a signal to the process",
       {"__send_signal_locked", "prepare_signal", "complete_signal"},
       {"R40", "R41", "R42", "R43", "R44", "R45", "R46", "R47", "R48", "R49", "R50", "R51"},
       "",
       ""});
  const Rule *to_thread = m.family({"send.thread",
                                    Actor::world,
                                    "sends a signal to one thread",
                                    {"__send_signal_locked", "prepare_signal", "complete_signal"},
                                    {"R40", "R41", "R47", "R48", "R50"},
                                    "",
                                    ""});
  for (Sig sig : m.signals()) {
    for (int t = -m.processes(); t < m.threads(); ++t) {
      const bool shared = t < 0;
      const int addressed = shared ? m.schema.leader(-1 - t) : t;
      for (const Target &to : targets(m, addressed, shared)) {
        Step s(m, shared ? to_process : to_thread, addressed,
               sname(sig) + (shared && t == -1 ? "" : ", " + tname(addressed)) +
                   (to.pick < 0 ? "" : ", wakes " + tname(to.pick)),
               {Action::send, t, sig, Err::ok, 0});
        s.needs(signal_feature(sig));
        if (!shared) s.needs(Feature::thread_directed);
        if (t < -1) s.needs(Feature::reaps);
        s.guard("it exists", exists(s, addressed));
        send(s, sig, to, shared ? Info::user : Info::tkill, truth(true));
        m.add(std::move(s));
      }
    }
  }
  // A child's signal is addressed to the thread that has made it, and is the process's.
  if (m.processes() == 1) {
    const Rule *of_child = m.family({"send.child",
                                     Actor::world,
                                     "a child's signal comes to the thread that has made it",
                                     {"do_notify_parent", "do_notify_parent_cldstop"},
                                     {"R40", "R47", "8"},
                                     "",
                                     ""});
    for (Sig sig : m.signals())
      for (int t = 0; t < m.threads(); ++t)
        for (const Target &to : targets(m, t, true)) {
          Step s(m, of_child, t,
                 sname(sig) + ", " + tname(t) + (to.pick < 0 ? "" : ", wakes " + tname(to.pick)),
                 {Action::send, t, sig | kOfChild, Err::ok, 0});
          s.needs(Feature::forks);
          s.needs(!s.on(Feature::open_world));
          s.guard("it exists", exists(s, t));
          send(s, sig, to, Info::user, truth(true));
          m.add(std::move(s));
        }
  }
  const Rule *gone = m.family({"send.esrch",
                               Actor::world,
                               "no such process or thread",
                               {"kill_pid_info", "do_tkill"},
                               {"3"},
                               "",
                               ""});
  for (int t = -1; t < m.threads(); ++t) {
    const int addressed = t < 0 ? 0 : t;
    Step s(m, gone, addressed, t < 0 ? "process" : tname(t), {Action::send, t, 0, Err::esrch, 0});
    s.needs(Feature::inspect);
    s.guard("it is released", !exists(s, addressed));
    m.add(std::move(s));
  }
}

}  // namespace ptmc::model
