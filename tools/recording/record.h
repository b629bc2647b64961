// What the recorder's programs in the kernel (recorder.bpf.c) tell the recorder. C, for both sides.
#ifndef PTMC_TOOLS_RECORDING_RECORD_H
#define PTMC_TOOLS_RECORDING_RECORD_H

#include <linux/types.h>

enum ptmc_kind {
  PTMC_CALL,      // a system call: nr, args, ret unless it never returned
  PTMC_SIGCHLD,   // pid takes a SIGCHLD from its queue; data: siginfo
  PTMC_DIED,      // pid leaves; ret: its wait status
  // Of tracees, by tracepoint; args[5] is the thread that traces it:
  PTMC_GENERATE,  // signal_generate: pid sends args[0] to target; args: sig, si_code, group, result
  PTMC_DELIVER,   // signal_deliver: pid acts upon args[0]; args: sig, si_code
  PTMC_SLEEPS,    // sched_switch: pid falls asleep in state args[0]
  PTMC_WOKEN,     // sched_waking: target is woken from state args[0], by pid
  PTMC_BORN,      // sched_process_fork: pid makes target
  PTMC_EXECED,    // sched_process_exec: pid, which was target
  PTMC_EXITS,     // sched_process_exit: pid; ret: its wait status
};

enum { PTMC_DATA_SIZE = 64, PTMC_SIGINFO_SIZE = 48 };

// Ids are those of the PID namespace that the command runs in; times ns, CLOCK_MONOTONIC.
struct ptmc_record {
  __u32 kind, nr;
  __s32 pid, target;
  __u64 t0, t1;
  __u64 args[6];
  __s64 ret;
  __u32 returned;  // ret means something
  __u32 have;      // bytes of data that could be read
  __u8 data[PTMC_DATA_SIZE];
};

struct ptmc_losses {
  __u64 records;  // that found no room
  __u64 since;    // when the first of them ended, ns; 0: none
  __u64 nested;   // ptrace calls from PID namespaces inside the command's
  __u64 compat;   // ptrace calls of 32-bit programs
};

#endif
