// A trace: what real processes called, and what came back (design contract, "Formats").
//
// One Event is one call of one thread, with the interval [t0, t1] in which it took effect. Two
// calls whose intervals overlap may have taken effect in either order; nothing else about their
// order is known. Fields that a call does not have keep their defaults.
#pragma once

#include <sys/types.h>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ptmc::traces {

// What a thread did. The name in the file is the enumerator's.
enum class Call : std::uint8_t {
  ptrace,   // request, target, addr, data; siginfo or message where the request returns one
  wait4,    // target (pid argument), options; status
  waitid,   // target, options; siginfo
  kill,     // target (process), sig
  tgkill,   // tgid, target (thread), sig; tkill is read as tgkill with tgid 0
  sigchld,  // the caller took a SIGCHLD from its queue: siginfo; ret -1 and EAGAIN: none there
  rt_sigprocmask,  // how (SIG_BLOCK...), mask
  rt_sigaction,    // sig, disposition
  handler,         // the caller ran a handler of sig, from its first to its last instruction
  user,            // the caller ran user code
  getpid,          // a system call that never sleeps
  pause,           // a system call that sleeps until a signal
  fork,            // fork, vfork, clone: data is clone's flags, ret the child
  execve,          // succeeds: ret is 0, and pid what it was before
  seccomp,         // installs a filter: SECCOMP_RET_TRACE with `data` for getppid
  getppid,         // a system call that never sleeps, and that such a filter asks the tracer about
  exit,            // this thread: data is the code; never returns
  exit_group,      // data is the code; never returns
  proc_state,      // target's state letter in /proc/PID/stat: data
  died,            // open world: strace's "+++ exited with / killed by +++" of the caller: status
  // Seen inside the kernel (Event::kernel), t0 = t1, of a tracee of tgid's (0: not told); named
  // after the tracepoints.
  signal_generate,     // the caller sends sig to target: siginfo's code, options: to its group,
                       // data: 0 queued, 1 ignored, 2 pending already, 3, 4 no room
  signal_deliver,      // the caller acts upon sig, after ptrace: siginfo's code
  sched_switch,        // the caller falls asleep in a stop; data: its letter, t or T
  sched_waking,        // target, which was asleep in a stop (data), is woken by the caller
  sched_process_fork,  // the caller has made child
  sched_process_exec,  // the caller has a new image; it was target
  sched_process_exit,  // the caller is in do_exit: status
  other,               // a call without meaning for the model
};

constexpr std::uint64_t kSigsetSize = 8;  // the kernel's sigset_t, bytes

struct Siginfo {
  int signo = 0;
  int code = 0;
  int pid = 0;
  int status = 0;
  bool operator==(const Siginfo &) const = default;
};

enum class Disposition : std::uint8_t { deflt, ignore, handle };

struct Event {
  pid_t pid = 0;  // calling thread
  Call call = Call::other;
  long request = 0;  // PTRACE_*
  pid_t target = 0;
  pid_t tgid = 0;
  pid_t child = 0;  // of fork, where it is known also if the call has not returned
  int sig = 0;
  std::uint64_t addr = 0;  // off of PEEKSIGINFO
  std::uint64_t data = 0;  // count of PEEKSIGINFO
  int options = 0;         // of wait4 and waitid, as passed; flags of PEEKSIGINFO
  int how = 0;             // SIG_BLOCK, SIG_UNBLOCK, SIG_SETMASK
  std::uint64_t mask = 0;  // bit n-1 is signal n
  Disposition disposition = Disposition::deflt;
  std::optional<long> ret;  // none: the call had not returned when the trace ended
  int err = 0;              // errno where ret is -1
  std::optional<int> status;
  std::optional<Siginfo> siginfo;
  std::optional<std::uint64_t> message;  // of GETEVENTMSG, or the op of GET_SYSCALL_INFO
  std::uint64_t t0 = 0;                  // ns
  std::uint64_t t1 = UINT64_MAX;         // ns; UINT64_MAX: not known to have ended
  bool unreadable = false;               // PEEKSIGINFO: its arguments are not mapped
  bool kernel = false;
  int line = 0;  // of the file it was read from, from 1
};

enum class World : std::uint8_t { closed, open };
enum class Role : std::uint8_t { tracer, parent, tracee, world };

// A process of a closed world, as it was when the recording began: every thread in user mode,
// nothing pending, nothing blocked, untraced.
struct Process {
  pid_t pid = 0;
  Role role = Role::world;
  std::vector<pid_t> threads;  // the leader first
};

struct Trace {
  std::string file;
  std::string kernel;  // release, e.g. "6.18.44"; empty if unknown
  std::string arch = "x86_64";
  World world = World::closed;
  std::string design;  // empty: the reader's choice
  pid_t tracer = 0;
  std::string scenario;            // name of the scenario that made it, or empty
  bool orphaned = false;           // closed worlds: the first process's group is orphaned
  std::vector<Process> processes;  // closed worlds only
  std::vector<Event> events;       // by t0
  // What the reader left out or took otherwise than it stands there: "line 12: ...".
  std::vector<std::string> notes;
};

// Reads a file, telling its format (ptmc-trace, strace log) by its content. Throws InputError.
Trace read_trace(const std::string &file);
// Writes the ptmc-trace format, one event a line.
std::string to_jsonl(const Trace &trace);

// Names of the field: PTRACE_CONT, ESRCH, SIGSTOP. Unknown numbers print as decimal; unknown names
// give nothing.
std::string request_name(long request);
std::optional<long> request_number(std::string_view name);
std::string errno_name(int err);
std::optional<int> errno_number(std::string_view name);
std::string signal_name(int sig);
std::optional<int> signal_number(std::string_view name);
std::string wait_options_name(int options);  // "WNOHANG|__WALL", "0"
std::string_view call_name(Call call);
std::optional<Call> call_from_name(std::string_view name);

}  // namespace ptmc::traces
