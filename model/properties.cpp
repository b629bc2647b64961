// The list of properties, and which of them real designs break.

#include "model/property_parts.hpp"

namespace ptmc::model {

const std::vector<Property> &properties() {
  static const std::vector<Property> all = [] {
    Laws laws;
    trap_laws(laws);
    group_stop_laws(laws);
    signal_laws(laws);
    request_laws(laws);
    call_laws(laws);
    exit_laws(laws);
    process_laws(laws);
    parent_laws(laws);
    tracer_laws(laws);
    wait_laws(laws);
    course_laws(laws);
    normal_form_laws(laws);
    ending_laws(laws);
    return laws;
  }();
  return all;
}

const std::vector<KnownViolation> &known_violations() {
  using enum Feature;
  static const std::vector<KnownViolation> all{
      {"sigkill.wakes",
       "a group in exit drops every signal, SIGKILL too: a tracee in PTRACE_EVENT_EXIT stays there "
       "until its tracer resumes or leaves it",
       "prepare_signal, 6.1; semantics 9.3; rr issue 3385",
       [](const Config &c) {
         return c[dying_drops_signals] && c[opt_traceexit] && c[setoptions] && can_die(c) &&
                can_send_sigkill(c);
       }},
      {"sigkill.wakes",
       "the SIGKILL that put the group into exit stays in the process's queue: the next one merges "
       "with it and wakes nobody in PTRACE_EVENT_EXIT; a SIGKILL that does not merge wakes one "
       "thread",
       "legacy_queue and complete_signal until 6.0; semantics 3.2, R47, R50",
       [](const Config &c) {
         return !c[dying_drops_signals] && c[opt_traceexit] && c[setoptions] && c[sig_KILL];
       }},
      {"stop_code.group",
       "execve with other threads to kill ends a group-stop that is not complete, and leaves its "
       "signal in group_exit_code",
       "zap_other_threads, 6.12; R111",
       [](const Config &c) { return c[execs] && (c[sig_STOP] || c[sig_TSTP] || c[attach]); }, 2},
      {"sigcont.ends_group_stop",
       "after that SIGCONT finds no group-stop to end, and leaves its signal too",
       "prepare_signal, zap_other_threads, 6.12; R44, R111",
       [](const Config &c) {
         return c[execs] && c[sig_CONT] && (c[sig_STOP] || c[sig_TSTP] || c[attach]);
       },
       2},
      {"sigcont.no_stop_signal",
       "a thread made by a tracee that was not seized begins with SIGSTOP as a bit in its queue: "
       "it is not sent, and discards no SIGCONT",
       "ptrace_init_task, 6.12; R107",
       [](const Config &c) {
         return c[clones] && c[opt_traceclone] && c[setoptions] && c[attach] && c[sig_CONT];
       },
       2},
      {"failure.no_change", "SETOPTIONS with an unknown bit fails with EINVAL and sets the others",
       "ptrace_setoptions until 3.3; R16",
       [](const Config &c) {
         bool some = false;
         for (int o = 0; o < OPTION_COUNT; ++o)
           some = some || c[option_feature(static_cast<Option>(o))];
         return !c[setoptions_atomic] && c[setoptions] && c[inspect] && some;
       }},
      {"kill.kills",
       "PTRACE_KILL is a resume with SIGKILL: a tracee that is not in a trap does not notice it, "
       "and one that is not in a signal-delivery-stop or a syscall-stop loses the signal",
       "ptrace_request until 5.18, but for the stable 5.10; R29, semantics 9.18",
       [](const Config &c) { return c[ptrace_kill] && !c[kill_sends_sigkill]; }},
      {"jobctl_trap.signal",
       "a trap that INTERRUPT or SIGCONT asked for comes when SETOPTIONS has cleared the option "
       "that "
       "allowed it: without a group-stop there is no signal to show, and wait never sees the stop",
       "do_jobctl_trap, 6.1; RFC (e): \"Make these bits settable with SETOPTIONS too\"",
       [](const Config &c) {
         return c[stop_options] && c[change_options] && c[interrupt] && c[setoptions];
       }},
  };
  return all;
}

}  // namespace ptmc::model
