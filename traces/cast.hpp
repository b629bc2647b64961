// Who is who in a trace of a closed world: the processes on the tracee's side, those that its forks
// make among them, and which of their threads an id names at a time.
#pragma once

#include <set>
#include <unordered_map>
#include <vector>

#include "traces/trace.hpp"

namespace ptmc::traces {

struct Task {
  int process = -1;  // place in Cast::processes; -1: nobody's
  int thread = -1;   // place in its process, the leader's is 0
};

inline constexpr pid_t kInit = 1;  // in the namespace of a recording

class Cast {
 public:
  explicit Cast(const Trace &trace);

  struct Process {
    pid_t pid = 0;                // its leader's
    pid_t parent = 0;             // its real parent, while that lives
    pid_t parent_thread = 0;      // the thread that is its real parent
    int exit_signal = 0;          // what its clone has given it, or CLONE_PARENT
    int forked_by = -1;           // the place of the process that made it, on the tracee's side
    std::size_t fork = SIZE_MAX;  // the event that made it; SIZE_MAX: was there at the beginning
    int threads = 0;              // places for them
    int started = 0;              // there when the process began
    bool forks = false;           // it makes other processes
    std::uint64_t from = 0;       // not there before, ns
    std::uint64_t there = 0;      // from then on for sure: its fork has returned, or it has called
    // When what may end it, or make it leave its parent's memory, or change its state for its
    // parent, first began, ns.
    std::uint64_t may_leave = UINT64_MAX, may_change = UINT64_MAX;
    std::vector<std::size_t> events;  // those that concern it, in order
  };

  // Whom the id names in a call that looks it up at this time, ns.
  Task task(pid_t tid, std::uint64_t time) const;
  const std::vector<Process> &processes() const { return processes_; }
  // The process that it is a thread of.
  pid_t process_of(pid_t tid, std::uint64_t time = UINT64_MAX) const;
  // Whether such a thread ever was.
  bool known(pid_t tid) const { return lives_.count(tid) || others_.count(tid); }
  // One of a process that is not on the tracee's side, and is there at this time for sure.
  bool bystander(pid_t tid, std::uint64_t time) const;
  bool never_stopped(pid_t tid) const { return !stopped_.count(process_of(tid)); }  // if such
  // Who attaches to its threads, or has them by TRACEME or from its own parent, as they come; the
  // trace's tracer if nobody does.
  const std::vector<pid_t> &tracers_of(int process) const;
  // Whether the result names a thread that this process has at any time.
  bool reports(const Event &e, int process) const;
  pid_t parent_thread_of(int process) const {
    return processes_[static_cast<std::size_t>(process)].parent_thread;
  }
  // When the process of this thread may first have begun to end, ns; only of the tracee's side.
  std::optional<std::uint64_t> may_end(pid_t tid) const;
  // Whether this thread, no leader, may be in an execve at some time from..to, ns.
  bool may_exec(pid_t tid, std::uint64_t from, std::uint64_t to) const;
  // Whether a process of the others has ever set its disposition of SIGCHLD.
  bool may_be_deaf(pid_t tid) const { return deaf_.count(process_of(tid)); }
  // Whether init's wait has reaped it before that time, ns.
  bool reaped_by_init(pid_t pid, std::uint64_t time) const;
  // When the death of another process may first hang this one up, ns: SIGHUP and SIGCONT, for its
  // group is orphaned and has stopped. All are in one group, whose connection outside is their own
  // parents' or init. But of two threads that die at once the one can be the last of its process
  // (exit_notify, group_dead) before the other has given its children to init
  // (forget_original_parent; 6.18), which then are no connection.
  std::uint64_t may_hang_up(int process) const;
  // The children that this thread has made by calls that began by `time`; the last is the newest.
  pid_t child_of(Task parent, std::uint64_t time) const;
  // Whether a filter sends this thread's getppid to its tracer, and with which message.
  std::optional<std::uint64_t> filter_of(Task task, std::uint64_t time) const;

 private:
  struct Life {
    std::uint64_t from;
    Task task;
  };
  struct Made {
    std::uint64_t from;
    pid_t child;
  };
  struct Exec {
    pid_t tid;
    std::uint64_t from, to;
  };
  struct Filter {
    std::uint64_t from;
    std::uint64_t message;
  };
  static std::uint64_t key(Task t) {
    return static_cast<std::uint64_t>(t.process) << 32 | static_cast<std::uint32_t>(t.thread);
  }
  void add(Process process, const std::vector<pid_t> &threads);
  void follow_fork(const Trace &trace, std::size_t event);
  int place_for_thread(const Process &process, std::uint64_t time) const;
  void dispatch(const Trace &trace);

  std::vector<Process> processes_;
  std::vector<Exec> execs_;
  std::vector<std::pair<pid_t, std::uint64_t>> reaped_;  // by init, and when, ns
  bool may_stop_ = false;                                // a stop signal was sent to a process
  std::unordered_map<pid_t, std::vector<Life>> lives_;
  std::unordered_map<pid_t, pid_t> others_;          // threads of the other processes
  std::set<pid_t> deaf_;                             // those that have set SIGCHLD's disposition
  std::set<pid_t> stopped_;                          // those to which a stop signal was sent
  std::unordered_map<pid_t, std::uint64_t> mortal_;  // when such a process may first have ended
  std::vector<std::vector<pid_t>> tracers_;          // by process
  std::unordered_map<std::uint64_t, std::vector<Made>> made_;
  std::unordered_map<std::uint64_t, std::vector<Filter>> filters_;
  std::unordered_map<std::uint64_t, std::uint64_t> ended_;  // by key: when a thread may have gone
};

// The child that a fork is known to have made; 0: none.
pid_t child_of(const Event &fork);
// Whom a wait has reported; 0: nobody.
pid_t waited_for(const Event &wait);
// The signal of the stop that a wait has reported, and its event << 8; 0: none.
int stop_of(const Event &wait);
inline bool is_wait(const Event &e) { return e.call == Call::wait4 || e.call == Call::waitid; }

}  // namespace ptmc::traces
