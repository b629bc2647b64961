// The kernel functions that several rules share, each a piece of one critical section (6.12 names;
// kernel/signal.c, kernel/ptrace.c, kernel/exit.c). All act on a Step.
#pragma once

#include "model/rule.hpp"

namespace ptmc::model {

inline Expr at_loc(const Step &s, int t, Loc l) {
  return eq(s.get(s.t(t).loc), static_cast<Value>(l));
}
inline void go(Step &s, int t, Loc l) { s.set(s.t(t).loc, static_cast<Value>(l)); }

Expr exists(const Step &s, int t);   // neither absent nor released
Expr in_trap(const Step &s, int t);  // TASK_TRACED
Expr exiting(const Step &s, int t);  // PF_EXITING
Expr killed(const Step &s, int t);   // SIGKILL in the private queue (__fatal_signal_pending)
Expr dying(const Step &s, int t);    // task_set_jobctl_pending refuses
Expr traced(const Step &s, int t);
Expr blocked(const Step &s, int t, Sig sig);
Expr alone(const Step &s, int t);              // thread_group_empty: every other thread is released
Expr group_stopping(const Step &s);            // group_stop_count > 0 or SIGNAL_STOP_STOPPED
Expr stopped_flag(const Step &s);              // SIGNAL_STOP_STOPPED
Expr group_ends(const Step &s);                // SIGNAL_GROUP_EXIT, or group_exec_task is set
Expr parent_gone(const Step &s, int process);  // its real parent has died: it is init's
Expr parent_ignores(const Step &s, int process);  // its real parent ignores SIGCHLD
Expr tells_parent(const Step &s, int process);    // SIGCHLD to its real parent is state
Expr parent_traces(const Step &s, int process);   // its real parent is the first tracer's process
Expr own_child(const Step &s, int t);  // its tracer is its real parent's (!ptrace_reparented)
Expr is_tracee(const Step &s, int t);  // of the tracer that acts
Expr had_by(const Step &s, int t, int tracer);
Expr may_act(const Step &s, int t);        // t has made the notifications that it owes
Expr notifying(const Step &s, int t);      // PTRACE_EVENT_STOP machinery: TRAP_NOTIFY is used
Expr flags_stops(const Step &s, int t);    // its jobctl traps carry PTRACE_EVENT_STOP
Expr interruptible(const Step &s, int t);  // PTRACE_INTERRUPT is allowed
Expr listenable(const Step &s, int t);     // PTRACE_LISTEN is allowed
Expr ignores(const Step &s, Sig sig);      // disposition: SIG_IGN, or default and that is to ignore
Expr handles(const Step &s, Sig sig);
Expr acts_by_default(const Step &s, Sig sig);
Expr has_work(const Step &s, int t);  // recalc_sigpending: something for get_signal
// The signals that GETEVENTMSG, wait and SIGCHLD put into one word.
Expr exit_word(Expr status);   // wait's status word of a death
Expr stop_number(Expr sig);    // a Sig's status_number
Expr signal_status(Expr sig);  // killed_by; 0 for NONE
// The events of ptrace_event_trap, as their options' bits number them; 7 is SECCOMP.
enum Event : std::uint8_t {
  PTRACE_FORK = 1,
  PTRACE_VFORK,
  PTRACE_CLONE,
  PTRACE_EXEC,
  PTRACE_VFORKDONE,
  PTRACE_SECCOMP = 7
};
inline constexpr std::array<Value, 6> kEvents{PTRACE_FORK, PTRACE_VFORK,     PTRACE_CLONE,
                                              PTRACE_EXEC, PTRACE_VFORKDONE, PTRACE_SECCOMP};
Expr stop_code_word(const Step &s, int t);  // exit_code in a trap: WSTOPSIG | event << 8

// The status of a death by `sig`; in an open world every death has the status 1.
Expr death_by(const Step &s, Sig sig);

Expr no_cause(const Step &s, int t);  // no trap is due, or one that a group-stop has left behind

void clear_pending(Step &s, int t);       // task_clear_jobctl_pending(JOBCTL_PENDING_MASK)
void clear_stop_pending(Step &s, int t);  // ... (JOBCTL_STOP_PENDING)
void wake(Step &s, int t);                // signal_wake_up(t, 0)
void wake_resume(Step &s, int t);         // signal_wake_up(t, 1): also from STOPPED and TRACED
void trap_notify(Step &s, int t);         // ptrace_trap_notify
Expr participate(Step &s, int t);         // task_participate_group_stop; true: the stop is complete
void start_group_stop(Step &s, int t, Expr sig);  // do_signal_stop, its first half
void group_kill(Step &s, Expr status, int but);   // GROUP_EXIT; but: the thread that exits, or -1
void enter_trap(Step &s, int t, Loc trap, Expr sig, bool job_control);  // ptrace_stop, until asleep
// ptrace_stop, from the wake-up: `code` is what the waker left in exit_code (a Sig).
void leave_trap(Step &s, int t, Expr code);
Expr unread_code(const Step &s, int t);  // exit_code if nobody resumes: the unreported stop's
void unlink(Step &s, int t, Expr code);  // __ptrace_unlink, waking with `code`
void reap_itself(Step &s, int t);        // EXIT_DEAD; its release follows
void release(Step &s, int t);            // release_task
void end_body(Step &s, int t);           // nothing is left of its system call but the exit
Expr makes_child(const Step &s, int t);  // its system call does
void no_call(Step &s, int t);            // nothing is left of it
// In an open world: the process may have such siblings from now on.
void keep_company(Step &s, Company company, Expr when = truth(true));
void leave_handler(Step &s, int t);      // a handler has returned (ERESTARTNOINTR)
Expr restarts(const Step &s, int t);     // its system call starts again where it is interrupted
void notify_exit(Step &s, int t);        // do_notify_parent: to the tracer, or the leader's parent
void retarget(Step &s, int t, Sig sig);  // retarget_shared_pending: t no longer takes sig
void settle(Step &s, int t);             // the notification that ptrace_stop owes the tracer
// SIGCHLD to the tracer or the real parent; si_status is a death's status or a Sig.
void sigchld(Step &s, bool to_tracer, int t, Value code, Expr status);
void clear_sigchld(Step &s, const SigchldFields &f);

// Generation: __send_signal_locked. pick: the thread that complete_signal chooses, -1: none; the
// guard says when it may be that one.
struct Target {
  int thread;   // addressed; the leader for a process-directed signal
  bool shared;  // process-directed
  int pick;
};
void send(Step &s, Sig sig, Target to, Expr info, Expr when);
inline void send(Step &s, Sig sig, Target to, Info info, Expr when) {
  send(s, sig, to, constant(static_cast<Value>(info)), when);
}
// What is pending of the signal, and its siginfo: none any more; without the first.
void empty_queue(Step &s, Sig sig);         // the process's
void empty_queue(Step &s, Sig sig, int t);  // the thread's
void take_first(Step &s, Sig sig);
void take_first(Step &s, Sig sig, int t);
// Every Target that a signal to `thread` can have.
std::vector<Target> targets(const Model &m, int thread, bool shared);
// get_signal finds this signal first, in that queue; and a tracee stops before its delivery.
void may_dequeue(Step &s, int t, Sig sig, bool shared);
void stop_before(Step &s, int t, Sig sig, bool shared);
// force_sig: SIGTRAP after a step, for the current thread; neither blocked nor ignored (R52).
void force_trap(Step &s, int t);

std::string tname(int thread);  // "t1"
std::string sname(Sig sig);

}  // namespace ptmc::model
