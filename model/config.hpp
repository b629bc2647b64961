// Features: everything in which designs, kernel versions and profiles differ, as one record.
//
// Rules ask for a feature by name and never for a design. A design (designs.hpp) is a Config; a
// profile narrows it to what an exploration lets happen.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "model/expr.hpp"
#include "model/signals.hpp"

namespace ptmc::model {

// name, group, meaning. Group: d a design's, k a kernel version's, p a profile's.
#define PTMC_FEATURES(X)                                                                         \
  X(seize, d, "PTRACE_SEIZE, INTERRUPT and LISTEN exist (3.1)")                                  \
  X(hidden_bit, d, "RFC: \"magic hidden 'I was SEIZEd, not ATTACHed' bit\"")                     \
  X(seize_options, d, "RFC (a): \"immediately set these options on attach\"; shipped in 3.4")    \
  X(stop_options, d, "RFC (c): \"make the following new PTRACE_O_foo options\" (1) to (5)")      \
  X(interrupt_needs_tracestop, d,                                                                \
    "RFC (2): \"[if the second part is too weird to implement, make (2) require (1)]\"")         \
  X(interrupt_marks, d,                                                                          \
    "RFC (2): \"creates a group-stop with sig=SIGTRAP\": INTERRUPT itself puts SIGTRAP there, "  \
    "not whatever trap comes while the group runs")                                              \
  X(listen_right_stop_only, d,                                                                   \
    "RFC: \"we can make it so that kernel errors out if PTRACE_LISTEN is used in a ptrace stop " \
    "of a wrong kind\"")                                                                         \
  X(sigcont_stale, d,                                                                            \
    "RFC (3) \"even without any other options\": SIGCONT reports the stale stop signal")         \
  X(sigcont_plain_trap, d, "the same: SIGCONT reports SIGTRAP, with siginfo")                    \
  X(sigcont_einval_trap, d, "the same: SIGCONT reports SIGTRAP, GETSIGINFO fails with EINVAL")   \
  X(interrupt_always, d,                                                                         \
    "RFC: \"I am unsure why the new ops (points 2 and 3 above) need enabling\": INTERRUPT")      \
  X(listen_always, d, "the same: LISTEN, also after ATTACH")                                     \
  X(setoptions_while_listening, d,                                                               \
    "RFC (e): \"Make these bits settable with SETOPTIONS too\": also while listening")           \
  X(dying_drops_signals, k, "a group in exit drops every signal (prepare_signal, 6.1)")          \
  X(loop_sees_group_exit, k, "get_signal notices group exit at each pass (5.0)")                 \
  X(killed_never_stops, k, "ptrace_stop returns at once when SIGKILL is pending (5.19)")         \
  X(requests_freeze, k, "a request fails once SIGKILL is pending (ptrace_freeze_traced, 3.8)")   \
  X(last_exit_is_group_exit, k, "the last thread's exit sets GROUP_EXIT (6.1)")                  \
  X(kill_sends_sigkill, k, "PTRACE_KILL sends SIGKILL in any state (5.19, 5.10)")                \
  X(requeue_keeps_queue, k, "a blocked injected signal returns to its queue (5.17)")             \
  X(syscall_message, k, "GETEVENTMSG is 1 or 2 in syscall-stops (5.3)")                          \
  X(exec_unreaped, k, "requests fail until EVENT_EXEC under a new id is waited for (5.10)")      \
  X(exec_traps_seized, d, "execve sends SIGTRAP to seized tracees too (3.1 to 3.3)")             \
  X(exiting_drops_signals, k, "PF_EXITING: a signal to this thread does nothing (7.2, 6.18.44)") \
  X(dump_before_exit_event, k, "a dying thread waits for a core dump before EVENT_EXIT (5.16)")  \
  X(leader_takes_group_code, k, "a zombie leader left alone tells the group's status (6.16)")    \
  X(wait_any_tracee, k, "wait sees tracees of any exit signal without __WALL (4.7)")             \
  X(message_cleared, k, "GETEVENTMSG is 0 outside events, not the last message (5.18)")          \
  X(dead_tracer_keeps_code, k, "a tracer's death never takes a syscall-stop's code (5.19)")      \
  X(seccomp_after_entry, k, "filters run after the syscall-entry-stop (4.8)")                    \
  X(peek_siginfo, k, "PEEKSIGINFO exists (3.10)")                                                \
  X(signal_mask, k, "GETSIGMASK and SETSIGMASK exist (3.11)")                                    \
  X(setoptions_atomic, k, "SETOPTIONS with an unknown bit changes nothing (3.4)")                \
  X(sig_TRAP, p, "strangers send SIGTRAP")                                                       \
  X(sig_KILL, p, "strangers send SIGKILL")                                                       \
  X(sig_USR1, p, "strangers send SIGUSR1")                                                       \
  X(sig_USR2, p, "strangers send SIGUSR2")                                                       \
  X(sig_TERM, p, "strangers send SIGTERM")                                                       \
  X(sig_CHLD, p, "strangers send SIGCHLD")                                                       \
  X(sig_CONT, p, "strangers send SIGCONT")                                                       \
  X(sig_STOP, p, "strangers send SIGSTOP")                                                       \
  X(sig_TSTP, p, "strangers send SIGTSTP")                                                       \
  X(sig_TTIN, p, "strangers send SIGTTIN")                                                       \
  X(sig_TTOU, p, "strangers send SIGTTOU")                                                       \
  X(sig_OTHER, p, "strangers send another signal")                                               \
  X(sig_OTHER2, p, "strangers send a second other signal")                                       \
  X(sig_OTHER3, p, "strangers send a third other signal")                                        \
  X(sig_OTHER4, p, "strangers send a fourth other signal")                                       \
  X(thread_directed, p, "strangers also use tgkill")                                             \
  X(inject_any, p, "the tracer injects any of the signals, not only the one reported")           \
  X(traceme, p, "the tracee uses TRACEME")                                                       \
  X(attach, p, "the tracer uses ATTACH")                                                         \
  X(use_seize, p, "the tracer uses SEIZE")                                                       \
  X(interrupt, p, "the tracer uses INTERRUPT")                                                   \
  X(listen, p, "the tracer uses LISTEN")                                                         \
  X(cont, p, "the tracer uses CONT")                                                             \
  X(syscall, p, "the tracer uses SYSCALL, the tracee makes system calls")                        \
  X(detach, p, "the tracer uses DETACH")                                                         \
  X(ptrace_kill, p, "the tracer uses PTRACE_KILL")                                               \
  X(setoptions, p, "the tracer sets the profile's options with SETOPTIONS")                      \
  X(change_options, p, "the tracer flips single options with SETOPTIONS")                        \
  X(inspect, p, "GETSIGINFO and GETEVENTMSG, invalid requests and arguments")                    \
  X(forges, p, "the tracer uses SETSIGINFO and SETSIGMASK")                                      \
  X(wait_clones, p, "waits with __WCLONE and __WALL that find nothing")                          \
  X(waitid, p, "waits leave their report (WNOWAIT), or leave out deaths (waitid)")               \
  X(seize_race, p, "SEIZE may come while a SIGCONT is being sent")                               \
  X(tracer_waits, p, "the tracer waits")                                                         \
  X(parent_waits, p, "the real parent waits")                                                    \
  X(tracer_dies, p, "the tracer dies")                                                           \
  X(second_tracer, p, "there are two tracers")                                                   \
  X(tracer_threads, p, "... which are threads of one process")                                   \
  X(exits, p, "threads and the process exit")                                                    \
  X(forks, p, "the tracee forks, with vfork too")                                                \
  X(clones, p, "the tracee starts threads; at first it has one")                                 \
  X(clone_flags, p, "children with CLONE_PTRACE, CLONE_UNTRACED, or another exit signal")        \
  X(execs, p, "the tracee calls execve")                                                         \
  X(filters, p, "a seccomp filter of the tracee's wants SECCOMP_RET_TRACE")                      \
  X(steps, p, "the tracer uses SINGLESTEP, SYSEMU and SYSEMU_SINGLESTEP")                        \
  X(plain_syscalls, p, "system calls, and those that sleep, when SYSCALL does not trace them")   \
  X(masks, p, "the tracee changes its signal mask")                                              \
  X(dispositions, p, "the tracee changes its signal dispositions")                               \
  X(parent_dies, p, "the real parent dies, and init reaps in its place")                         \
  X(reaps, p, "the first process gets SIGCHLD from the one it forked, and waits for it")         \
  X(parent_ignores, p, "the real parent sets its disposition of SIGCHLD")                        \
  X(sigchld, p, "SIGCHLD to tracer and real parent is state")                                    \
  X(siginfo, p, "the class of each pending signal's siginfo is state")                           \
  X(causes, p, "why a trap was taken is state")                                                  \
  X(parent_is_tracer, p, "the tracer is the real parent")                                        \
  X(open_world, p, "strangers, siblings and the tracee's own code are not observed")             \
  X(traced_siblings, p, "in an open world: siblings may be traced too")                          \
  X(orphaned, p, "the process group is orphaned")                                                \
  X(opt_exitkill, p, "the profile's options hold PTRACE_O_EXITKILL")                             \
  X(opt_traceexit, p, "... PTRACE_O_TRACEEXIT")                                                  \
  X(opt_sysgood, p, "... PTRACE_O_TRACESYSGOOD")                                                 \
  X(opt_tracestop, p, "... TRACESTOP, the RFC's (1)")                                            \
  X(opt_interrupt, p, "... INTERRUPT, the RFC's (2)")                                            \
  X(opt_listen, p, "... LISTEN, the RFC's (3)")                                                  \
  X(opt_childstop, p, "... CHILDSTOP, the RFC's (4)")                                            \
  X(opt_saneerr, p, "... SANEERR, the RFC's (5)")                                                \
  X(opt_tracefork, p, "... PTRACE_O_TRACEFORK")                                                  \
  X(opt_tracevfork, p, "... PTRACE_O_TRACEVFORK")                                                \
  X(opt_traceclone, p, "... PTRACE_O_TRACECLONE")                                                \
  X(opt_traceexec, p, "... PTRACE_O_TRACEEXEC")                                                  \
  X(opt_tracevforkdone, p, "... PTRACE_O_TRACEVFORKDONE")                                        \
  X(opt_traceseccomp, p, "... PTRACE_O_TRACESECCOMP")

enum class Feature : std::uint8_t {
#define X(name, group, meaning) name,
  PTMC_FEATURES(X)
#undef X
};

struct FeatureInfo {
  std::string_view name;
  char group;
  std::string_view meaning;
};
inline constexpr FeatureInfo kFeatures[] = {
#define X(name, group, meaning) {#name, #group[0], meaning},
    PTMC_FEATURES(X)
#undef X
};
inline constexpr std::size_t kFeatureCount = std::size(kFeatures);

// The options, in the order of Feature::opt_exitkill and on; bit i of an option set.
enum Option : std::uint8_t {
  EXITKILL,
  TRACEEXIT,
  SYSGOOD,
  TRACESTOP,
  INTERRUPT,
  LISTEN,
  CHILDSTOP,
  SANEERR,
  TRACEFORK,
  TRACEVFORK,
  TRACECLONE,
  TRACEEXEC,
  TRACEVFORKDONE,
  TRACESECCOMP,
  OPTION_COUNT
};
// Those that the RFC proposes, (1) to (5).
inline constexpr std::array kRfcOptions{TRACESTOP, INTERRUPT, LISTEN, CHILDSTOP, SANEERR};
inline constexpr std::array<std::string_view, OPTION_COUNT> kOptionNames{
    "EXITKILL",   "TRACEEXIT", "TRACESYSGOOD",   "TRACESTOP",   "INTERRUPT",
    "LISTEN",     "CHILDSTOP", "SANEERR",        "TRACEFORK",   "TRACEVFORK",
    "TRACECLONE", "TRACEEXEC", "TRACEVFORKDONE", "TRACESECCOMP"};

struct Config {
  std::array<bool, kFeatureCount> on{};
  bool &operator[](Feature f) { return on[static_cast<std::size_t>(f)]; }
  bool operator[](Feature f) const { return on[static_cast<std::size_t>(f)]; }
  bool operator==(const Config &) const = default;
};

constexpr Feature signal_feature(Sig s) {
  return static_cast<Feature>(static_cast<int>(Feature::sig_TRAP) + s - TRAP);
}
constexpr Feature option_feature(Option o) {
  return static_cast<Feature>(static_cast<int>(Feature::opt_exitkill) + o);
}

}  // namespace ptmc::model
