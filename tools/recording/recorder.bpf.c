// The recorder's part inside the kernel: follows a command and all that it makes, and reports the
// calls that say something about ptrace, with what the kernel wrote for them. The calls of a thread
// that is traced itself are left out: of tracees the kernel's own events are reported instead.
//
// Tracepoints with BTF (since 5.5) and task storage in them (since 5.11). Structures are declared as
// far as they are used; the loader finds the fields of the running kernel.
#include <linux/bpf.h>
#include <linux/ptrace.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "tools/recording/record.h"

#define OURS __attribute__((preserve_access_index))

struct upid {
  int nr;
} OURS;
struct pid {
  unsigned int level;
  struct upid numbers[1];
} OURS;
struct thread_info {
  unsigned int status;  // x86
} OURS;
struct task_struct {
  struct thread_info thread_info;
  int pid, tgid, exit_code;
  unsigned int ptrace, __state;
  struct task_struct *parent;
  struct pid *thread_pid;
} OURS;
struct task_struct___before_5_14 {
  long state;
} OURS;
struct kernel_siginfo {
  int si_code;
} OURS;

enum { kTsCompat = 2, kTraced = 8, kStopped = 4, kClone3Size = 40 };
enum {
  kRtSigaction = 13,
  kRtSigprocmask = 14,
  kClone = 56,
  kFork = 57,
  kVfork = 58,
  kExecve = 59,
  kExit = 60,
  kWait4 = 61,
  kKill = 62,
  kPtrace32 = 26,  // of 32-bit programs
  kPtrace = 101,
  kRtSigqueueinfo = 129,
  kTkill = 200,
  kExitGroup = 231,
  kTgkill = 234,
  kWaitid = 247,
  kRtTgsigqueueinfo = 297,
  kExecveat = 322,
  kPidfdSendSignal = 424,
  kClone3 = 435,
};

struct {
  __uint(type, BPF_MAP_TYPE_RINGBUF);
  __uint(max_entries, 64 << 20);
} ring SEC(".maps");

// Of followed threads.
struct thread {
  struct ptmc_record call;  // that it is in; t0 is 0: none
  int id;                   // in the first PID namespace; 0: the next two are not known yet
  int number;               // in the command's namespace
  int nested;               // its own is inside that one
};
struct {
  __uint(type, BPF_MAP_TYPE_TASK_STORAGE);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, int);
  __type(value, struct thread);
} threads SEC(".maps");

// Followed processes, by their id in the first PID namespace: whose tracees are looked at.
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 1 << 16);
  __type(key, int);
  __type(value, int);
} processes SEC(".maps");

// Tracees that sleep in TASK_TRACED or TASK_STOPPED, by the task's address.
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 1 << 16);
  __type(key, __u64);
  __type(value, unsigned int);
} asleep SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(map_flags, BPF_F_MMAPABLE);  // the recorder looks at each record that it takes
  __uint(max_entries, 1);
  __type(key, int);
  __type(value, struct ptmc_losses);
} losses SEC(".maps");

static int level = -1;  // of the command's PID namespace

// Its id in the command's namespace; 0: it has none there.
static int number(struct task_struct *task) {
  struct pid *pid = BPF_CORE_READ(task, thread_pid);
  int nr = 0;
  if (!pid || (int)BPF_CORE_READ(pid, level) < level || level < 0) return 0;
  bpf_probe_read_kernel(&nr, sizeof(nr),
                        (void *)pid + bpf_core_field_offset(struct pid, numbers) +
                            level * bpf_core_type_size(struct upid) +
                            bpf_core_field_offset(struct upid, nr));
  return nr;
}

static struct ptmc_losses *lost(void) {
  int zero = 0;
  return bpf_map_lookup_elem(&losses, &zero);
}

static void report(struct ptmc_record *record) {
  const __u64 size = record->have ? sizeof(*record) : sizeof(*record) - PTMC_DATA_SIZE;
  // The recorder looks by itself now and then: to wake it would cost more than all the rest.
  if (!bpf_ringbuf_output(&ring, record, size, BPF_RB_NO_WAKEUP)) return;
  struct ptmc_losses *l = lost();
  if (!l) return;
  __sync_fetch_and_add(&l->records, 1);
  if (!l->since) l->since = record->t1;
}

// ---- Calls --------------------------------------------------------------------------------------

static struct thread *followed(struct task_struct *task, __u64 flags) {
  return bpf_task_storage_get(&threads, task, 0, flags);
}

// Its id changes with an execve.
static void identify(struct thread *thread, struct task_struct *task) {
  const int depth = (int)BPF_CORE_READ(task, thread_pid, level);
  if (level < 0) level = depth;
  thread->id = task->pid;
  thread->nested = depth != level;
  thread->number = number(task);
}

static void read_user(struct ptmc_record *call, __u64 address, const __u32 size) {
  if (address && !bpf_probe_read_user(call->data, size, (void *)address)) call->have = size;
}

// What a call is given by address.
static void read_arguments(struct ptmc_record *call) {
  switch (call->nr) {
    case kRtSigaction:
      read_user(call, call->args[1], 16);
      break;
    case kRtSigprocmask:
      read_user(call, call->args[1], 8);
      break;
    case kClone3:
      read_user(call, call->args[0], kClone3Size);
      break;
    case kPtrace:
      if (call->args[0] == PTRACE_SETSIGINFO) read_user(call, call->args[3], PTMC_SIGINFO_SIZE);
      if (call->args[0] == PTRACE_SETSIGMASK) read_user(call, call->args[3], 8);
      break;
  }
}

// What it has written.
static void read_results(struct ptmc_record *call) {
  switch (call->nr) {
    case kWait4:
      if (call->ret > 0) read_user(call, call->args[1], 4);
      break;
    case kWaitid:
      if (call->ret == 0) read_user(call, call->args[2], PTMC_SIGINFO_SIZE);
      break;
    case kPtrace:
      if (call->ret < 0) break;
      switch (call->args[0]) {
        case PTRACE_GETEVENTMSG:
        case PTRACE_GETSIGMASK:
          read_user(call, call->args[3], 8);
          break;
        case PTRACE_GETSIGINFO:
          read_user(call, call->args[3], PTMC_SIGINFO_SIZE);
          break;
        case PTRACE_GET_SYSCALL_INFO:
          if (call->args[2]) read_user(call, call->args[3], 1);
          break;
      }
      break;
  }
  // off, flags and count, then the first siginfo.
  if (call->nr == kPtrace && call->args[0] == PTRACE_PEEKSIGINFO) {
    read_user(call, call->args[2], 16);
    if (call->ret > 0 && call->have &&
        !bpf_probe_read_user(call->data + 16, PTMC_SIGINFO_SIZE, (void *)call->args[3]))
      call->have = 16 + PTMC_SIGINFO_SIZE;
  }
}

static int is_recorded(long nr) {
  switch (nr) {
    case kRtSigaction:
    case kRtSigprocmask:
    case kClone:
    case kFork:
    case kVfork:
    case kExecve:
    case kExit:
    case kWait4:
    case kKill:
    case kPtrace:
    case kRtSigqueueinfo:
    case kTkill:
    case kExitGroup:
    case kTgkill:
    case kWaitid:
    case kRtTgsigqueueinfo:
    case kExecveat:
    case kPidfdSendSignal:
    case kClone3:
      return 1;
  }
  return 0;
}

SEC("tp_btf/sys_enter")
int BPF_PROG(enter, struct pt_regs *regs, long nr) {
  struct task_struct *task = (struct task_struct *)bpf_get_current_task_btf();
  struct thread *thread = followed(task, 0);
  if (!thread || task->ptrace) return 0;
  if (task->thread_info.status & kTsCompat) {
    struct ptmc_losses *l = nr == kPtrace32 ? lost() : 0;
    if (l) __sync_fetch_and_add(&l->compat, 1);
    return 0;
  }
  if (!is_recorded(nr)) return 0;
  if (thread->id != task->pid) identify(thread, task);
  if (thread->nested) {
    struct ptmc_losses *l = nr == kPtrace ? lost() : 0;
    if (l) __sync_fetch_and_add(&l->nested, 1);
    return 0;
  }
  if (nr == kExecve || nr == kExecveat) {
    int process = task->tgid, one = 1;
    bpf_map_update_elem(&processes, &process, &one, BPF_ANY);
  }
  struct ptmc_record *call = &thread->call;
  call->kind = PTMC_CALL;
  call->nr = (__u32)nr;
  call->pid = thread->number;
  call->args[0] = regs->rdi;
  call->args[1] = regs->rsi;
  call->args[2] = regs->rdx;
  call->args[3] = regs->r10;
  call->returned = call->have = 0;
  read_arguments(call);
  call->t0 = call->t1 = bpf_ktime_get_ns();
  return 0;
}

SEC("tp_btf/sys_exit")
int BPF_PROG(leave, struct pt_regs *regs, long ret) {
  struct thread *thread = followed((struct task_struct *)bpf_get_current_task_btf(), 0);
  if (!thread || !thread->call.t0) return 0;
  struct ptmc_record *call = &thread->call;
  call->t1 = bpf_ktime_get_ns();
  call->ret = ret;
  call->returned = 1;
  read_results(call);
  report(call);
  call->t0 = 0;
  return 0;
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(fork, struct task_struct *parent, struct task_struct *child) {
  if (!followed(parent, 0)) return 0;
  followed(child, BPF_LOCAL_STORAGE_GET_F_CREATE);
  int process = child->tgid, one = 1;
  if (child->pid == process) bpf_map_update_elem(&processes, &process, &one, BPF_ANY);
  return 0;
}

// release_task's last step: the id may be given again.
SEC("tp_btf/sched_process_free")
int BPF_PROG(gone, struct task_struct *task) {
  int process = task->tgid;
  if (task->pid == process) bpf_map_delete_elem(&processes, &process);
  return 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(died, struct task_struct *task) {
  struct thread *thread = followed(task, 0);
  if (!thread || task->ptrace || level < 0) return 0;
  if (thread->call.t0) report(&thread->call);
  thread->call.t0 = 0;
  struct ptmc_record record = {.kind = PTMC_DIED, .pid = number(task), .ret = task->exit_code};
  record.t0 = record.t1 = bpf_ktime_get_ns();
  report(&record);
  return 0;
}

SEC("tp_btf/signal_deliver")
int BPF_PROG(sigchld, int sig, struct kernel_siginfo *info) {
  struct task_struct *task = (struct task_struct *)bpf_get_current_task_btf();
  if (sig != 17 || task->ptrace || level < 0 || !followed(task, 0)) return 0;
  struct ptmc_record record = {.kind = PTMC_SIGCHLD, .pid = number(task)};
  if (!bpf_probe_read_kernel(record.data, PTMC_SIGINFO_SIZE, info)) record.have = PTMC_SIGINFO_SIZE;
  record.t0 = record.t1 = bpf_ktime_get_ns();
  report(&record);
  return 0;
}

// ---- Tracees ------------------------------------------------------------------------------------

static int is_tracee(struct task_struct *task) {
  if (!task->ptrace) return 0;
  int tracer = task->parent->tgid;
  return bpf_map_lookup_elem(&processes, &tracer) != 0;
}

static void report_of(struct task_struct *tracee, struct ptmc_record *record) {
  record->args[5] = number(tracee->parent);
  record->t0 = record->t1 = bpf_ktime_get_ns();
  report(record);
}

SEC("tp_btf/signal_generate")
int BPF_PROG(tracee_generate, int sig, struct kernel_siginfo *info, struct task_struct *task,
             int group, int result) {
  if (!is_tracee(task)) return 0;
  struct task_struct *sender = (struct task_struct *)bpf_get_current_task_btf();
  struct ptmc_record record = {
      .kind = PTMC_GENERATE, .pid = number(sender), .target = number(task)};
  record.args[0] = sig;
  // SEND_SIG_NOINFO, SEND_SIG_PRIV: SI_USER, SI_KERNEL
  record.args[1] = (__u64)info == 0   ? 0
                   : (__u64)info == 1 ? 0x80
                                      : (__u64)(__s64)BPF_CORE_READ(info, si_code);
  record.args[2] = group;
  record.args[3] = result;
  report_of(task, &record);
  return 0;
}

SEC("tp_btf/signal_deliver")
int BPF_PROG(tracee_deliver, int sig, struct kernel_siginfo *info) {
  struct task_struct *task = (struct task_struct *)bpf_get_current_task_btf();
  if (!is_tracee(task)) return 0;
  struct ptmc_record record = {.kind = PTMC_DELIVER, .pid = number(task)};
  record.args[0] = sig;
  record.args[1] = (__u64)(__s64)BPF_CORE_READ(info, si_code);
  report_of(task, &record);
  return 0;
}

static unsigned int state_of(struct task_struct *task) {
  if (bpf_core_field_exists(task->__state)) return task->__state;
  return (unsigned int)BPF_CORE_READ((struct task_struct___before_5_14 *)task, state);
}

SEC("tp_btf/sched_switch")
int BPF_PROG(tracee_sleeps, unsigned char preempt, struct task_struct *task) {
  unsigned int state = state_of(task) & (kTraced | kStopped);
  if (preempt || !state || !is_tracee(task)) return 0;
  __u64 key = (__u64)task;
  bpf_map_update_elem(&asleep, &key, &state, BPF_ANY);
  struct ptmc_record record = {.kind = PTMC_SLEEPS, .pid = number(task)};
  record.args[0] = state;
  report_of(task, &record);
  return 0;
}

SEC("tp_btf/sched_waking")
int BPF_PROG(tracee_woken, struct task_struct *task) {
  __u64 key = (__u64)task;
  unsigned int *state = bpf_map_lookup_elem(&asleep, &key);
  if (!state) return 0;
  struct task_struct *waker = (struct task_struct *)bpf_get_current_task_btf();
  struct ptmc_record record = {.kind = PTMC_WOKEN, .pid = number(waker), .target = number(task)};
  record.args[0] = *state;
  bpf_map_delete_elem(&asleep, &key);
  report_of(task, &record);
  return 0;
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(tracee_born, struct task_struct *parent, struct task_struct *child) {
  if (!is_tracee(parent)) return 0;
  struct ptmc_record record = {
      .kind = PTMC_BORN, .pid = number(parent), .target = number(child)};
  report_of(parent, &record);
  return 0;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(tracee_execed, struct task_struct *task, int old_pid) {
  if (!is_tracee(task)) return 0;
  struct ptmc_record record = {.kind = PTMC_EXECED, .pid = number(task)};
  record.args[0] = old_pid;
  report_of(task, &record);
  return 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(tracee_exits, struct task_struct *task) {
  if (!is_tracee(task)) return 0;
  struct ptmc_record record = {.kind = PTMC_EXITS, .pid = number(task), .ret = task->exit_code};
  report_of(task, &record);
  return 0;
}

char LICENSE[] SEC("license") = "GPL";
