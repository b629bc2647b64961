// The state of the traced processes: its fields, how they are packed, and what they mean.
//
// Each field names the kernel's variable (task_struct, signal_struct; Linux 6.12). A field that is
// dead in a state is kept at its zero value by the rules (a test asks every reachable state).
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "model/config.hpp"
#include "model/expr.hpp"
#include "model/signals.hpp"

namespace ptmc::model {

inline constexpr int kMaxThreads = 4;  // of one process
inline constexpr int kMaxProcesses = 2;
inline constexpr std::size_t kMaxWords = 24;
inline constexpr Field kNoField = UINT16_MAX;

// Where a thread is. A trap is asleep in ptrace_stop; "woken" has left its trap and not yet taken
// siglock again.
enum class Loc : std::uint8_t {
  none,         // no such thread (yet: clone)
  user,         // user mode
  body,         // in a system call
  seccomp,      // a filter has returned SECCOMP_RET_TRACE for it
  forking,      // kernel_clone has decided whether it reports; the child is not there yet
  forked,       // the child runs; the event is not reported yet
  vfork_wait,   // until the child has left its parent's memory
  exec_wait,    // de_thread: until the other threads are gone
  execed,       // execve has succeeded; the event is not reported yet
  entry_woken,  // has left entry_trap
  exit_woken,   // has left exit_trap
  sig_woken,    // has left sig_trap
  relock,       // get_signal, before it looks at the CLD flags
  loop,         // get_signal, after
  tty_window,   // SIGTSTP, SIGTTIN, SIGTTOU: siglock dropped to ask whether the group is orphaned
  entry_trap,   // syscall-entry-stop; the traps lie together, first to last
  exit_trap,    // syscall-exit-stop
  step_trap,    // single-step into a handler (signal_setup_done)
  sig_trap,     // signal-delivery-stop (ptrace_signal)
  event_trap,   // trap of do_jobctl_trap with PTRACE_EVENT_STOP
  group_trap,   // trap of do_jobctl_trap without: legacy group-stop
  ptrace_event_trap,  // PTRACE_EVENT_FORK and the like (ptrace_event)
  exit_event_trap,    // PTRACE_EVENT_EXIT
  stopped,            // do_signal_stop, untraced
  group_exit,         // on the way into do_group_exit with `status`; from here on the thread dies
  exiting,            // do_exit
  exit_event,         // before PTRACE_EVENT_EXIT
  exit_signals,       // before PF_EXITING
  exit_notify,        // PF_EXITING, not yet a zombie
  zombie,
  unreleased,  // EXIT_DEAD: nobody reaps it, but until it is released it can be found
  dead,        // released
  COUNT
};
inline constexpr std::array<std::string_view, static_cast<std::size_t>(Loc::COUNT)> kLocNames{
    "none",       "user",       "body",       "seccomp",           "forking",         "forked",
    "vfork_wait", "exec_wait",  "execed",     "entry_woken",       "exit_woken",      "sig_woken",
    "relock",     "loop",       "tty_window", "entry_trap",        "exit_trap",       "step_trap",
    "sig_trap",   "event_trap", "group_trap", "ptrace_event_trap", "exit_event_trap", "stopped",
    "group_exit", "exiting",    "exit_event", "exit_signals",      "exit_notify",     "zombie",
    "unreleased", "dead"};

enum class Traced : std::uint8_t { no, attached, seized };
// Class of a siginfo: who queued it (si_code SI_USER, SI_TKILL, SI_KERNEL; the tracer's injection
// of another signal is SI_USER with the tracer's pid; TRAP_TRACE and its like after a single step).
enum class Info : std::uint8_t { user, tkill, kernel, tracer, step };
// filtered: SECCOMP_RET_TRACE awaits it. fork to clone in the order of their events; spawn is a
// clone that makes a process whose exit signal is not SIGCHLD.
enum class SysCall : std::uint8_t {
  none,
  plain,
  pause,
  sleep,  // until what it waits for happens, or a signal
  exit,
  exit_group,
  sigreturn,
  filtered,
  exec,
  fork,
  vfork,
  clone,
  spawn,
};
// Of a system call that makes a child. The last two only where the child is outside of the model:
// another exit signal than SIGCHLD (of a vfork; for others see spawn), and the caller's parent and
// exit signal.
enum CloneFlag : std::uint8_t {
  kCloneUntraced = 1,
  kClonePtrace = 2,
  kOtherSignal = 4,
  kCloneParent = 8
};
inline constexpr Value kCloneFlags = 16;  // sets of them
// Job control flags of signal_struct: SIGNAL_STOP_STOPPED and SIGNAL_STOP_CONTINUED exclude each
// other, as SIGNAL_CLD_STOPPED and SIGNAL_CLD_CONTINUED do.
enum class Jobs : std::uint8_t { none, stopped, continued };
// Why a trap was taken (design contract, "cause"); recorded only where Feature::causes is on.
enum class Cause : std::uint8_t { none, group, interrupt, sigcont, auto_attach, attach, stale };
// A death's status: exit codes are an index into the trace's list of codes, signals are a Sig.
inline constexpr Value kExitCodes = 4;  // statuses 1..3 are _exit codes, 0 is _exit(0)
constexpr Value killed_by(Sig s) { return kExitCodes - 1 + s; }
// wait's status word of it. Those of exit codes are their index << 8: the trace's list binds them,
// exploration has one.
constexpr Value exit_word(Value status) {
  return status < kExitCodes ? status << 8
                             : status_number(static_cast<Sig>(status - killed_by(NONE)));
}

struct FieldInfo {
  std::string name;
  int bits = 0;
  int word = 0, shift = 0;
  bool truth = false;
  int process = -1;  // -1: the tracer's or the real parent's
  int thread = -1;   // -1: the process's
  // Of one that is no part of the kernel; those of the kernel's fields are Model::initial's.
  Value initial = 0;
};

struct ThreadFields {
  Field loc;
  Field sig;      // the signal of the trap or of the act that follows it; the injected one if woken
  Field info;     // its Info; in group_trap 1: GETSIGINFO succeeds
  Field forged;   // 1 + the index in Shape::siginfos of what SETSIGINFO has put there, 0: none
  Field shared;   // it came from the shared queue
  Field report;   // exit_code is not 0: wait may report this stop
  Field event;    // PTRACE_EVENT_* of ptrace_event_trap, or that is to be reported
  Field message;  // its message: 1 + the child's or the former thread, 0: another
  Field good;     // the syscall-stop was taken with TRACESYSGOOD
  Field call;     // the SysCall in progress
  Field flags;    // its CloneFlags, until the child is made
  Field again;    // the call, a fork's, that starts again when its handlers have returned
  Field status;   // exit status, from group_exit on
  Field by;       // which tracer has it
  Field owes_tracer, owes_parent;  // ptrace_stop or do_signal_stop has not notified yet
  Field tracing;                   // Traced
  std::array<Field, OPTION_COUNT> option;
  Field systrace;    // SYSCALL_WORK_SYSCALL_TRACE
  Field emulate;     // SYSCALL_WORK_SYSCALL_EMU
  Field step;        // TIF_SINGLESTEP or TIF_BLOCKSTEP
  Field vforked;     // the parent sleeps in vfork_wait for it
  Field sigpending;  // TIF_SIGPENDING, where a system call or user mode may go on without looking
  std::array<Field, SIG_COUNT> pend, kinfo, mask, handling;
  // Of real-time signals, by place of OTHER: how many more are pending, and their kinfo in order.
  std::array<Field, kOthers> more;
  std::array<std::vector<Field>, kOthers> later;
  // jobctl
  Field stopsig, stop_pending, consume, dequeued, trap_stop, trap_notify, trapping, listening;
  Field cause, trap_cause;  // of the trap taken, of the next one
};

// In an open world: whether siblings, whom the model does not follow, may do something.
enum class Company : std::uint8_t {
  none,    // the process has one thread: a child of fork, or what has just called execve
  unseen,  // it may have others, which nobody traces: it ran without TRACECLONE
  traced,  // it may have others, of whichever kind
  lost,    // a sibling that nobody traces has called execve: what runs now is not the tracee
};

struct ProcessFields {
  std::array<Field, SIG_COUNT> pend, disposition;
  std::array<Field, kOthers> more;  // of real-time signals: how many more are pending
  Field jobs, cld;
  Field group_exit;
  Field stop_count;   // group_stop_count
  Field stop_code;    // group_exit_code during job control: the signal not yet reported
  Field death;        // group_exit_code once GROUP_EXIT is set
  Field exec_task;    // 1 + the thread that waits in de_thread (group_exec_task), 0: none
  Field core;         // 1 + the thread that dumps core while others wait (core_state), 0: none
  Field clone_child;  // its exit signal is not SIGCHLD
  Field company;      // Company
  Field notice;       // of the second: a SIGCHLD to its real parent, the first, is on its way
};

// The SIGCHLD that is pending for the tracer, or for the real parent.
struct SigchldFields {
  Field code;  // si_code, 0: none
  Field status, thread;
};

struct TracerFields {
  Field dead;
  Field attaching;  // 1 + the thread whose TRAPPING it sleeps for, 0: none
  SigchldFields chld;
};

// What has become of the first process's real parent.
enum class Parent : std::uint8_t { lives, exiting, gone };  // gone: init is the real parent

// The real parent of the first process. That of the second is the first.
struct ParentFields {
  Field state;    // Parent
  Field ignores;  // its disposition of SIGCHLD is SIG_IGN
  SigchldFields chld;
};

// Which signals, option sets and threads the fields and rules are made for.
// What SETSIGINFO is given.
struct Siginfo {
  Sig signo;
  int code;  // LISTEN and GET_SYSCALL_INFO look at it
  bool operator==(const Siginfo &) const = default;
};

inline constexpr int kMostQueued = 8;

// A signal that the trace binds.
struct Other {
  int number = 0;  // 0: not known; it is then dequeued last
  Default action = Default::fatal;
  int queued = 1;  // as many may be pending at once in a queue, up to kMostQueued; 1: it merges
  bool operator==(const Other &) const = default;
};

struct Shape {
  int threads = 1;           // of each process
  std::vector<Sig> signals;  // in dequeue order; KILL always among them
  // Explicit arguments of SEIZE and SETOPTIONS (replay).
  std::vector<int> option_sets = {};
  std::vector<Siginfo> siginfos = {{USR1, 0}, {STOP, 0x8013}};  // of SETSIGINFO
  std::vector<std::uint32_t> masks = {0, 1u << USR1};           // of SETSIGMASK: bit by Sig
  std::vector<Value> exit_codes = {1};  // statuses of _exit, below kExitCodes
  std::array<Other, kOthers> others{};  // what OTHER, OTHER2... stand for
  int processes = 1;                    // the first, and those that fork makes
  int started = kMaxThreads;            // threads of the first that are there at the beginning
  int tracers = 1;
  bool tracer_threads = false;  // several tracers are threads of one process
  int init = -1;                // the tracer that is init, real parent of orphans; -1: none is
  bool open = false;            // an open world's: has Company
  int all_threads() const { return processes * threads; }
  bool has(Sig s) const;
  int number(Sig s) const { return is_other(s) ? others[s - OTHER].number : kSignals[s].number; }
  bool synchronous(Sig s) const;             // of those that next_signal takes first
  bool before(Sig first, Sig second) const;  // is dequeued first
  int most_queued(Sig s) const { return is_other(s) ? others[s - OTHER].queued : 1; }
  Default action(Sig s) const {
    return is_other(s) ? others[s - OTHER].action : kSignals[s].action;
  }
};

struct State {
  std::array<std::uint64_t, kMaxWords> w{};
  bool operator==(const State &) const = default;
};

class Schema {
 public:
  explicit Schema(const Shape &shape);

  const FieldInfo &operator[](Field f) const { return fields_[f]; }
  std::size_t size() const { return fields_.size(); }
  std::size_t words() const { return words_; }
  Value get(const State &s, Field f) const {
    if (f == kNoField) return 0;
    const FieldInfo &i = fields_[f];
    return static_cast<Value>(s.w[i.word] >> i.shift) & ((Value{1} << i.bits) - 1);
  }
  void set(State &s, Field f, Value v) const {
    const FieldInfo &i = fields_[f];
    const std::uint64_t mask = ((std::uint64_t{1} << i.bits) - 1) << i.shift;
    s.w[i.word] = (s.w[i.word] & ~mask) | (std::uint64_t{v} << i.shift);
  }
  Loc loc(const State &s, int t) const { return static_cast<Loc>(get(s, thread[t].loc)); }
  Expr read(Field f) const { return f == kNoField ? constant(0) : field(f, fields_[f].truth); }
  Expr read_primed(Field f) const {
    return f == kNoField ? constant(0) : primed(f, fields_[f].truth);
  }

  int process_of(int thread) const { return thread / shape.threads; }
  int leader(int process) const { return process * shape.threads; }
  bool is_leader(int thread) const { return thread % shape.threads == 0; }
  std::vector<int> group(int process) const;  // its threads, the leader first

  // One more, which is no part of the kernel; a single bit is a truth value.
  Field add(std::string name, int bits, Value initial = 0) {
    const Field f = add(-1, -1, std::move(name), bits, bits == 1);
    fields_[f].initial = initial;
    return f;
  }

  Shape shape;
  TracerFields tracer;                // the first
  std::vector<TracerFields> tracers;  // all
  ParentFields parent;
  std::vector<ProcessFields> process;
  std::vector<ThreadFields> thread;  // those of the first process, then those of the second

 private:
  Field add(int process, int thread, std::string name, int bits, bool truth = false);
  std::array<Field, SIG_COUNT> per_signal(int process, int thread, const char *name, int bits,
                                          bool (*wanted)(Sig));
  std::array<Field, kOthers> more_queued(int process, int thread);
  ProcessFields add_process(int process);
  ThreadFields add_thread(int thread);
  std::vector<FieldInfo> fields_;
  std::size_t words_ = 0;
};

}  // namespace ptmc::model
