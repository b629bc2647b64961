#include "traces/ask.hpp"

#include <linux/ptrace.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>

#include <algorithm>
#include <cctype>
#include <cerrno>

#include "model/kernel.hpp"
#include "model/requests.hpp"

namespace ptmc::traces {
namespace {

constexpr char kDeafTracer[] = "SIGCHLD's disposition of a tracer that is not the tracee's parent";

using model::Action;
using model::Actor;
using model::Err;
using model::Sig;
using model::SysCall;
using model::Value;
using Match = Ask::Match;
using Shows = Ask::Shows;
using Step = Ask::Step;

int error(int number) {
  switch (number) {
    case 0:
      return static_cast<int>(Err::ok);
    case ESRCH:
      return static_cast<int>(Err::esrch);
    case EIO:
      return static_cast<int>(Err::eio);
    case EPERM:
      return static_cast<int>(Err::eperm);
    case EINVAL:
      return static_cast<int>(Err::einval);
    case EFAULT:
      return static_cast<int>(Err::efault);
    case ECHILD:
      return static_cast<int>(Err::echild);
    case EAGAIN:
      return static_cast<int>(Err::eagain);
    default:
      return Ask::kNoErr;
  }
}

bool interrupted(const Event &e) { return e.ret && *e.ret < 0 && e.err == EINTR; }
int failed(const Event &e) { return e.ret && *e.ret < 0 ? e.err : 0; }

constexpr long kSysEmu = 31, kSysEmuSinglestep = 32;  // PTRACE_*, of x86

// wait4 always waits for deaths; its WUNTRACED is waitid's WSTOPPED.
int wait_options(const Event &e) {
  int given = e.call == Call::waitid && !(e.options & WEXITED) ? 0 : int{model::kExited};
  if (!(e.options & __WCLONE) || (e.options & __WALL)) given |= model::kNormal;
  if (e.options & (__WCLONE | __WALL)) given |= model::kClone;
  if (e.options & WUNTRACED) given |= model::kUntraced;
  if (e.options & WCONTINUED) given |= model::kContinued;
  if (e.options & WNOWAIT) given |= model::kNowait;
  return given;
}

// The status word of a report, waitid's too; none: the call has not told it.
std::optional<int> status_word(const Event &e) {
  if (e.call == Call::wait4) return e.status;
  if (!e.siginfo) return std::nullopt;
  const int status = e.siginfo->status;
  switch (e.siginfo->code) {
    case CLD_EXITED:
      return status << 8;
    case CLD_KILLED:
      return status;
    case CLD_DUMPED:
      return status | 0x80;
    case CLD_CONTINUED:
      return 0xffff;
    default:
      return status << 8 | 0x7f;
  }
}

struct Asker {
  const Event &e;
  const Names &names;
  Ask ask{};

  Step step_of(Action action, Actor actor, Match match, int argument = 0) const {
    Step s{.action = action, .actor = actor, .match = match, .argument = argument};
    if (actor == Actor::tracer) s.tracer = std::max(names.tracer_of(e.pid), 0);
    s.err = e.ret ? error(failed(e)) : Ask::kAnyErr;
    return s;
  }
  // The call is this one step.
  Step &step(Step s) {
    ask.kind = Ask::Kind::steps;
    if (!e.ret) {  // it has not returned: whatever it may have done
      s.shows = Shows::whatever;
      ask.ends = Ends::never;
    }
    ask.steps = {s};
    return ask.steps.back();
  }
  void impossible() { ask.kind = Ask::Kind::impossible; }

  void ptrace();
  void request(int t);
  void traceme();
  void attach(Step s);
  void exec();
  void skipped();
  void others_request();
  void stopped(Action action, int t);
  void getsiginfo(int t);
  void geteventmsg(int t);
  void wait();
  void send(pid_t target, bool shared);
  void inside_own_call();
  void sigchld();
  void own(std::vector<Step> stages);
  void plain();
  void syscall(SysCall call, int code, Ends ends);
  void enters_fork();
  void fork();
  void ends(pid_t tid, bool whole);
  void peeksiginfo(int t);
  void procmask();
  void sigaction();
  void proc_state();
  void look(Ask::Looks looks, pid_t pid);
};

// ---- Requests -----------------------------------------------------------------------------------

void Asker::traceme() {
  ask.thread = names.thread(e.pid, e.t0);
  if (ask.thread < 0) return;
  ask.by_main = true;
  Step s = step_of(Action::traceme, Actor::tracee, Match::thread);
  s.thread = ask.thread;
  step(s);
  if (names.open)
    ask.ends = Ends::in_user;
  else
    own(std::move(ask.steps));
}

// It looks the thread up, and then waits for its execve (cred_guard_mutex).
void Asker::attach(Step s) {
  if (names.cast && s.thread > 0 && names.cast->may_exec(e.target, e.t0, e.t1)) s.execed = 0;
  step(s);
  if (e.ret) ask.ends = Ends::attached;
}

// Nobody else traces; nobody else is traced.
void Asker::others_request() {
  const int err = failed(e);
  const bool attaches = e.request == PTRACE_ATTACH || e.request == PTRACE_SEIZE;
  const bool refused = err == EPERM || err == ESRCH || (e.request == PTRACE_SEIZE && err == EIO);
  if (attaches ? e.ret && !refused : e.ret && err != ESRCH) return impossible();
  const int t = names.thread(e.target, e.t0);
  if (names.open || !attaches || err != ESRCH || t < 0) return;
  ask.kind = Ask::Kind::state;
  ask.looks = Ask::Looks::gone;
  ask.thread = t;
}

// A request that shows only whether the tracee is stopped: ESRCH, or anything else.
void Asker::stopped(Action action, int t) {
  Step s = step_of(action, Actor::tracer, Match::thread);
  s.thread = t;
  if (e.ret) s.err = static_cast<int>(failed(e) == ESRCH ? Err::esrch : Err::ok);
  step(s);
}

void Asker::getsiginfo(int t) {
  Step s = step_of(Action::getsiginfo, Actor::tracer, Match::thread);
  s.thread = t;
  if (!failed(e) && e.siginfo) {
    if (names.never_sent(e.siginfo->signo)) return impossible();
    s.shows = Shows::siginfo;
    s.a = e.siginfo->code;
    s.b = e.siginfo->signo;
    s.c = names.signal(e.siginfo->signo) | (names.open ? 1 << 8 : 0) |
          (names.is_child(e.siginfo->pid) ? 1 << 9 : 0) | (names.siginfo(*e.siginfo) + 1) << 16;
  }
  step(s);
}

void Asker::geteventmsg(int t) {
  Step s = step_of(Action::geteventmsg, Actor::tracer, Match::thread);
  s.thread = t;
  if (!failed(e) && e.message) {
    s.shows = Shows::message;
    s.a = static_cast<std::int64_t>(*e.message);
    const auto status = names.status(static_cast<int>(*e.message));
    s.b = status ? static_cast<std::int64_t>(*status) : -1;
    // A thread of this process, a child of this thread, or the data of its filter.
    if (names.cast) {
      const Task own{names.process, t};
      const auto id = static_cast<pid_t>(*e.message);
      const int thread = names.thread(id, e.t1);
      const bool told = id != 0 && (names.cast->child_of(own, e.t1) == id);
      const auto filter = names.cast->filter_of(own, e.t1);
      s.c = (thread + 1) | (told || (filter && *filter == *e.message) ? 1 << 16 : 0);
    } else {
      s.c = 1 << 16;
    }
  }
  step(s);
}

// addr is the offset, options the flags, data the number asked for; siginfo is the first one.
void Asker::peeksiginfo(int t) {
  Step s = step_of(Action::peeksiginfo, Actor::tracer, Match::argument);
  s.thread = t;
  const bool bad = (e.options & ~1) != 0 || static_cast<std::int32_t>(e.data) < 0;
  s.argument = e.unreadable      ? int{model::kPeekBadAddress}
               : bad             ? int{model::kPeekBadFlags}
               : (e.options & 1) ? int{model::kPeekShared}
                                 : int{model::kPeekPrivate};
  if (!failed(e) && e.ret) {
    s.shows = Shows::queued;
    s.a = *e.ret;
    s.b = static_cast<std::int64_t>(e.addr) << 32 | static_cast<std::int64_t>(e.data);
    s.c = e.siginfo ? names.signal(e.siginfo->signo) : model::NONE;
  }
  step(s);
}

void Asker::request(int t) {
  const bool bad_signal = e.data > 64;
  Step same = step_of(Action::hidden, Actor::tracer, Match::thread);
  same.thread = t;
  auto of = [&](Action action) {
    same.action = action;
    return same;
  };
  auto takes = [&](Action action, int set) {
    Step s = of(action);
    s.match = Match::options;
    s.argument = set;
    return s;
  };
  if (const Action action = resumes(e.request); action != Action::hidden) {
    if (!bad_signal) {
      same.match = Match::argument;
      same.argument = names.signal(static_cast<int>(e.data));
    }
    step(of(bad_signal ? Action::invalid : action));
    return;
  }
  switch (e.request) {
    case PTRACE_ATTACH:
      attach(of(Action::attach));
      return;
    case PTRACE_SEIZE: {
      Step s = takes(Action::seize, e.addr ? model::kInvalidOptions : names.option_set(e.data));
      for (const auto &[begin, end] : names.conts)
        s.meanwhile = s.meanwhile || (begin <= e.t1 && e.t0 <= end);
      attach(s);
      return;
    }
    case PTRACE_INTERRUPT:
      step(of(Action::interrupt));
      return;
    case PTRACE_LISTEN:
      step(of(Action::listen));
      return;
    case PTRACE_KILL:
      step(of(Action::kill));
      return;
    case PTRACE_SETOPTIONS:
      step(takes(Action::setoptions, names.option_set(e.data)));
      return;
    case PTRACE_GETSIGINFO:
      if (failed(e) == EFAULT) return stopped(Action::getsiginfo, t);
      return getsiginfo(t);
    case PTRACE_GETEVENTMSG:
      if (failed(e) == EFAULT) break;
      return geteventmsg(t);
    case PTRACE_GET_SYSCALL_INFO:
      if (failed(e) == EFAULT) break;
      same.action = Action::syscall_info;
      if (!failed(e) && e.message) {
        same.shows = Shows::equal;
        same.a = static_cast<std::int64_t>(*e.message);
      }
      step(same);
      return;
    case PTRACE_PEEKSIGINFO:
      if (names.open) break;
      return peeksiginfo(t);
    case PTRACE_SETSIGINFO:
      if ((names.open && !e.siginfo) || failed(e) == EFAULT) break;
      same.action = Action::setsiginfo;
      same.match = Match::argument;
      same.argument = e.siginfo ? names.siginfo(*e.siginfo) : -1;
      step(same);
      return;
    case PTRACE_GETSIGMASK:
    case PTRACE_SETSIGMASK: {
      if (names.open || failed(e) == EFAULT) break;
      if (e.addr != kSigsetSize) {
        if (e.ret && failed(e) != EINVAL && failed(e) != ESRCH) return impossible();
        break;
      }
      const bool sets = e.request == PTRACE_SETSIGMASK;
      same.action = sets ? Action::setsigmask : Action::sigmask;
      const std::uint32_t mask = names.mask(e.mask);
      if (sets) {
        same.match = Match::argument;
        const auto at = std::find(names.masks.begin(), names.masks.end(), mask);
        same.argument = static_cast<int>(at - names.masks.begin());
      } else if (!failed(e)) {
        same.shows = Shows::mask;
        same.a = mask;
      }
      step(same);
      return;
    }
    default:
      if (!names.open && std::isdigit(request_name(e.request)[0])) {  // R15
        step(of(Action::invalid));
        return;
      }
  }
  // Any other request needs a stop; what it then reads, writes or refuses is not the model's.
  stopped(Action::geteventmsg, t);
}

void Asker::ptrace() {
  if (e.request == PTRACE_TRACEME) return traceme();
  const int t = names.thread(e.target, e.t0);
  if (t < 0 && names.thread(e.pid, e.t0) >= 0) return plain();  // another process is its tracee
  if ((!names.is_tracer(e.pid) && !names.open) || t < 0) return others_request();
  request(t);
}

// ---- Waiting ------------------------------------------------------------------------------------

void Asker::wait() {
  if (const pid_t who = waited_for(e);
      who && ((e.target > 0 && who != e.target) || (names.cast && !names.cast->known(who))))
    return impossible();
  const int own = names.thread(e.pid, e.t0);
  if (own >= 0 && !names.open) {  // its child is another process
    if (const pid_t who = waited_for(e); who && names.thread(who, e.t1) >= 0) return impossible();
    const bool sleeps = !(e.options & WNOHANG);
    syscall(sleeps ? SysCall::sleep : SysCall::plain, 0, Ends::in_user);
    return;
  }
  const bool by_tracer = names.tracer_of(e.pid) >= 0;
  const pid_t who = waited_for(e);
  const int told = who ? names.thread(who, e.t1) : -1;
  if (!by_tracer && !names.of_parent(e.pid)) {
    if (told < 0 || names.open) return;
    // init's: it has the process whose real parent has died, and reaps it.
    const auto word = status_word(e);
    if ((e.options & WNOWAIT) || !word || WIFSTOPPED(*word) || WIFCONTINUED(*word) ||
        !names.status(*word) || names.cast->reaped_by_init(who, e.t0))
      return impossible();
    ask.kind = Ask::Kind::state;
    ask.looks = Ask::Looks::gone;
    ask.died = static_cast<int>(*names.status(*word));
    ask.thread = told;
    return;
  }
  if (interrupted(e)) return;
  if (!names.open && failed(e) && failed(e) != ECHILD && failed(e) != EINVAL) return impossible();
  constexpr int kOptions = WNOHANG | WUNTRACED | WCONTINUED | __WNOTHREAD | __WCLONE | __WALL;
  constexpr int kIdOptions = kOptions | WEXITED | WNOWAIT;
  const bool bad = e.call == Call::wait4 ? (e.options & ~kOptions) != 0
                                         : (e.options & ~kIdOptions) != 0 ||
                                               (e.options & (WEXITED | WSTOPPED | WCONTINUED)) == 0;
  if (!names.open && bad) {
    if (e.ret && failed(e) != EINVAL) impossible();
    return;
  }
  if (!names.open && failed(e) == EINVAL) return impossible();
  // Only its own children and tracees: which children another thread's death has left it is not
  // known.
  const bool others = !names.open && names.cast->parent_thread_of(names.process) != e.pid;
  if ((e.options & __WNOTHREAD) && !names.is_tracer(e.pid) && others && !who) return;
  // A pid that is no thread of the tracee's names nobody; the tracee's group is its leader's pid.
  const int only = e.target > 0 ? names.thread(e.target, e.t1) : -1;
  const bool any = e.target == -1 || e.target == 0 || (e.target < -1 && e.target == -names.group);
  if (!any && only < 0) {
    if (e.ret && failed(e) != ECHILD && names.alone) impossible();
    return;
  }
  Step s = step_of(Action::wait, by_tracer ? Actor::tracer : Actor::parent, Match::wait);
  s.thread = any ? -1 : only;
  s.argument = wait_options(e);
  if (names.tracer_threads && !(e.options & __WNOTHREAD)) s.argument |= model::kThreads;
  s.nohang = e.options & WNOHANG;
  if (e.ret && !failed(e)) {
    s.shows = who ? Shows::wait : Shows::nothing_there;
    s.a = told;
    s.b = -1;
    // With others to wait for, nobody need wait for this one.
    if (!who && any && !names.alone) s.err = Ask::kAnyErr;
    if (const auto word = who ? status_word(e) : std::nullopt) {
      const auto status = names.status(*word);
      s.b = status ? static_cast<std::int64_t>(*status) : -2;
      if (e.call == Call::waitid) s.c = e.siginfo->code;
    }
    if (who && told < 0) return impossible();
  }
  step(s);
}

void Asker::sigchld() {
  const bool by_tracer = names.tracer_of(e.pid) >= 0;
  if (!by_tracer && !names.of_parent(e.pid)) {
    if (!names.open && e.siginfo && names.thread(e.siginfo->pid, e.t1) >= 0) impossible();
    return;
  }
  if (by_tracer && !names.of_parent(e.pid) && names.cast && names.cast->may_be_deaf(e.pid))
    ask.unmodelled = kDeafTracer;
  Step s = step_of(Action::sigchld, by_tracer ? Actor::tracer : Actor::parent, Match::any);
  if (!failed(e) && e.siginfo) {
    if (e.siginfo->code > 0 && names.cast && !names.cast->known(e.siginfo->pid))
      return impossible();
    Value code = static_cast<Value>(e.siginfo->code);
    if (code == CLD_DUMPED) code = CLD_KILLED;
    const int thread = names.thread(e.siginfo->pid, e.t1);
    Value status = 0;
    if (thread < 0) {
      // Of another process: what was pending for this one has merged with it.
      if (names.alone) return impossible();
      s.err = Ask::kAnyErr;
    } else {
      if (code == CLD_EXITED) {
        const auto exit = names.exit_code(e.siginfo->status);
        if (!exit) return impossible();
        status = *exit;
      } else if (names.never_sent(e.siginfo->status)) {
        return impossible();
      } else if (const Sig sig = names.signal(e.siginfo->status); sig != model::NONE) {
        status = model::killed_by(sig);
      }
      s.shows = Shows::equal;
      s.a = static_cast<std::int64_t>(code << 24 | static_cast<Value>(thread) << 16 | status);
    }
  }
  step(s);
}

// ---- Signals ------------------------------------------------------------------------------------

void Asker::send(pid_t target, bool shared) {
  const int t = target > 0 ? names.thread(target, e.t0) : -1;
  const bool whole = shared && (t >= 0 || (target < -1 && target == -names.group));
  if (t < 0 && !whole) {
    if (target > 0 && names.cast && !names.cast->known(target) && e.ret && !failed(e))
      return impossible();
    // SIGKILL to the tracer ends it; others' fates are not the model's.
    if (target > 0 && e.sig == SIGKILL) ends(target, true);
    return;
  }
  const int thread = shared ? -1 : t;
  const Sig sig = names.signal(e.sig);
  if (!shared && e.tgid && !names.open && e.tgid != names.tracee) {  // tkill has none
    if (e.ret && failed(e) != ESRCH) impossible();
    return;
  }
  if (names.open && sig != model::CONT && sig != model::KILL) return;  // seen where it is dequeued
  if (e.sig == 0 || e.sig > 64) {                                      // is only looked for
    const int there = e.sig == 0 ? 0 : EINVAL;
    if (e.ret && failed(e) != there && failed(e) != ESRCH) return impossible();
    ask.kind = Ask::Kind::state;
    ask.looks = failed(e) == ESRCH ? Ask::Looks::gone : Ask::Looks::there;
    ask.thread = std::max(thread, 0);
    return;
  }
  Step s = step_of(Action::send, Actor::world, Match::argument, sig);
  s.thread = thread;
  step(s);
}

// The death of a tracer, or of the real parent; of the whole process or of one thread.
void Asker::ends(pid_t tid, bool whole) {
  const int tracer = names.tracer_of(tid);
  if (tracer >= 0 && (whole || names.is_tracer(tid)))
    ask = may_die(tracer);
  else if (tracer < 0 && names.of_parent(tid) && whole)
    ask = parent_may_die();
  else
    return;
  if (tracer >= 0) ask.steps.back().argument = whole && names.tracer_threads ? 1 : 0;
  if (e.pid == tid && !e.ret) ask.ends = e.t1 == UINT64_MAX ? Ends::never : Ends::exited;
  ask.lingers = e.pid != tid;
}

// ---- The tracee's own calls ---------------------------------------------------------------------

Step enters(int thread, SysCall call, int code = 0) {
  return {.action = Action::enter_syscall,
          .actor = Actor::tracee,
          .match = Match::exactly,
          .thread = thread,
          .argument = static_cast<int>(call) | code << 8};
}

// A call of the tracee's own program: made directly, or inside a system call that is traced.
void Asker::own(std::vector<Step> stages) {
  ask.kind = Ask::Kind::steps;
  ask.thread = names.thread(e.pid, e.t0);
  ask.by_main = true;
  ask.ends = e.ret ? Ends::in_user : Ends::never;
  ask.traced_too = true;
  ask.steps = std::move(stages);
}

// The tracee's own system call does what is planned so far.
void Asker::inside_own_call() {
  if (names.thread(e.pid, e.t0) < 0 || names.open || ask.kind == Ask::Kind::impossible) return;
  if (ask.kind != Ask::Kind::steps) return plain();
  own(std::move(ask.steps));
  ask.asks_where = true;
}

void Asker::plain() {
  ask = {};
  syscall(SysCall::plain, 0, Ends::in_user);
}

// SYSEMU has skipped the call; not at its first entry, if a signal has let it start again.
void Asker::skipped() {
  if (e.call == Call::pause) return syscall(SysCall::pause, 0, Ends::in_user);
  if (e.call == Call::fork) return enters_fork();
  plain();
}

void Asker::syscall(SysCall call, int code, Ends ends) {
  ask.thread = names.thread(e.pid, e.t0);
  if (ask.thread < 0) return;
  ask.kind = Ask::Kind::steps;
  ask.by_main = true;
  ask.steps = {enters(ask.thread, call, code)};
  ask.ends = e.ret ? ends : Ends::never;
}

void Asker::enters_fork() {
  const bool thread = e.data & CLONE_THREAD;
  const bool vfork = e.data & CLONE_VFORK;
  const bool spawn = !thread && !vfork && (e.data & 0xff) != SIGCHLD;
  syscall(thread  ? SysCall::clone
          : vfork ? SysCall::vfork
          : spawn ? SysCall::spawn
                  : SysCall::fork,
          (e.data & CLONE_UNTRACED ? int{model::kCloneUntraced} : 0) |
              (e.data & CLONE_PTRACE ? int{model::kClonePtrace} : 0) |
              (vfork && !thread && (e.data & 0xff) != SIGCHLD ? int{model::kOtherSignal} : 0) |
              (e.data & CLONE_PARENT && !thread ? int{model::kCloneParent} : 0),
          Ends::in_user);
}

void Asker::fork() {
  const int t = names.thread(e.pid, e.t0);
  if (t < 0) return;
  if (e.ret && *e.ret <= 0) return impossible();
  enters_fork();
  if (names.cast && names.cast->bystander(child_of(e), e.t1)) return impossible();
  Step makes{.action = Action::fork, .actor = Actor::tracee, .match = Match::exactly, .thread = t};
  const pid_t child = child_of(e);
  if (child == 0)
    makes.match = Match::thread;
  else
    makes.argument = e.data & CLONE_THREAD ? names.thread(child, e.t1) : -1;
  ask.steps.push_back(makes);
}

// The first call of the new program tells that execve has returned: until then it is not recorded.
void Asker::exec() {
  syscall(SysCall::exec, 0, Ends::execed);
  if (e.ret || ask.kind != Ask::Kind::steps) return;
  ask.ends = Ends::execed;
  ask.steps.push_back(enters(0, SysCall::plain));
}

void Asker::procmask() {
  if (names.thread(e.pid, e.t0) < 0) return;
  std::vector<Step> stages;
  for (Sig sig : names.signals) {
    const int number = names.number(sig);
    if (!model::is_blockable(sig) || number == 0) continue;
    const bool in_set = e.mask >> (number - 1) & 1;
    if (!in_set && e.how != SIG_SETMASK) continue;
    const bool block = in_set && e.how != SIG_UNBLOCK;
    stages.push_back({.action = Action::sigprocmask,
                      .actor = Actor::tracee,
                      .match = Match::exactly,
                      .thread = names.thread(e.pid, e.t0),
                      .argument = sig << 1 | (block ? 1 : 0)});
  }
  own(std::move(stages));
}

void Asker::sigaction() {
  if (e.sig == SIGCHLD && names.of_parent(e.pid)) {
    if (failed(e)) return;
    Step s = step_of(Action::sigaction, Actor::parent, Match::disposition,
                     e.disposition == Disposition::ignore ? 1 : 0);
    step(s);
    return;
  }
  if (e.sig == SIGCHLD && names.tracer_of(e.pid) >= 0 && !failed(e)) ask.unmodelled = kDeafTracer;
  const int t = names.thread(e.pid, e.t0);
  if (t < 0) return;
  own({{.action = Action::sigaction,
        .actor = Actor::tracee,
        .match = Match::exactly,
        .thread = t,
        .argument = names.signal(e.sig) << 2 | static_cast<int>(e.disposition)}});
}

void Asker::proc_state() {
  const int t = names.thread(e.target, e.t0);
  ask.letter = static_cast<char>(e.data);
  ask.thread = t;
  if (t >= 0) {
    ask.kind = Ask::Kind::state;
    ask.looks = Ask::Looks::proc_state;
  } else if (names.is_tracer(e.target) && ask.letter == 'Z') {
    ask.kind = Ask::Kind::state;
    ask.looks = Ask::Looks::tracer_gone;
  } else if (names.cast && names.cast->task(e.target, e.t1).process < 0 &&
             (ask.letter == 't' || (ask.letter == 'T' && names.cast->never_stopped(e.target)))) {
    impossible();  // nobody can have attached to it (others_request)
  }
}

// Of an event inside the kernel.
void Asker::look(Ask::Looks looks, pid_t pid) {
  ask.thread = names.thread(pid, e.t0);
  if (ask.thread < 0) return;
  ask.kind = Ask::Kind::state;
  ask.looks = looks;
  ask.letter = static_cast<char>(e.data);
}

void mix(std::size_t &h, std::uint64_t x) {
  h = (h ^ x) * 0xff51afd7ed558ccdu;
  h ^= h >> 32;
}

}  // namespace

Action resumes(long request) {
  switch (request) {
    case PTRACE_CONT:
      return Action::cont;
    case PTRACE_SYSCALL:
      return Action::syscall;
    case PTRACE_SINGLESTEP:
    case PTRACE_SINGLEBLOCK:
      return Action::singlestep;
    case kSysEmu:
      return Action::sysemu;
    case kSysEmuSinglestep:
      return Action::sysemu_singlestep;
    case PTRACE_DETACH:
      return Action::detach;
    default:
      return Action::hidden;
  }
}

std::size_t AskHash::operator()(const Ask &a) const {
  std::size_t h = 0;
  mix(h, static_cast<std::uint64_t>(a.kind) | static_cast<std::uint64_t>(a.ends) << 8 |
             static_cast<std::uint64_t>(a.looks) << 16 |
             static_cast<std::uint64_t>(static_cast<unsigned char>(a.letter)) << 24 |
             static_cast<std::uint64_t>(static_cast<unsigned>(a.died + 1)) << 44 |
             static_cast<std::uint64_t>(a.handled) << 32 |
             static_cast<std::uint64_t>(static_cast<std::uint32_t>(a.thread)) << 40);
  for (const Step &s : a.steps) {
    mix(h, static_cast<std::uint64_t>(s.action) | static_cast<std::uint64_t>(s.match) << 8 |
               static_cast<std::uint64_t>(s.shows) << 16 |
               static_cast<std::uint64_t>(static_cast<std::uint32_t>(s.argument)) << 24);
    mix(h, static_cast<std::uint64_t>(static_cast<std::uint32_t>(s.thread)) << 32 |
               static_cast<std::uint32_t>(s.err * 8 + s.tracer));
    mix(h, static_cast<std::uint64_t>(s.a) ^ static_cast<std::uint64_t>(s.b) << 20 ^
               static_cast<std::uint64_t>(s.c) << 44);
  }
  return h;
}

Ask ask(const Event &event, const Names &names) {
  Asker a{event, names};
  // By SYSEMU; or by a filter that asks a tracer who does not want it.
  const bool skipped = failed(event) == ENOSYS && event.call != Call::getppid;
  if (skipped && !names.open && names.cast->task(event.pid, event.t0).process >= 0) {
    if (names.thread(event.pid, event.t0) >= 0) a.skipped();
    return std::move(a.ask);
  }
  switch (event.call) {
    case Call::ptrace:
      a.ptrace();
      if (names.thread(event.pid, event.t0) >= 0 && event.request != PTRACE_TRACEME &&
          a.ask.kind == Ask::Kind::nothing)
        a.plain();
      break;
    case Call::wait4:
    case Call::waitid:
      a.wait();
      break;
    case Call::kill:
      a.send(event.target, true);
      a.inside_own_call();
      break;
    case Call::tgkill:
      a.send(event.target, false);
      a.inside_own_call();
      break;
    case Call::sigchld:
      a.sigchld();
      break;
    case Call::rt_sigprocmask:
      a.procmask();
      break;
    case Call::rt_sigaction:
      a.sigaction();
      break;
    case Call::handler:
      a.ask.kind = Ask::Kind::handler;
      a.ask.thread = names.thread(event.pid, event.t0);
      a.ask.handled = names.signal(event.sig);
      if (a.ask.thread < 0) a.ask.kind = Ask::Kind::nothing;
      break;
    case Call::user:
      if (const int thread = names.thread(event.pid, event.t0); thread >= 0) {
        a.step({.action = Action::user,
                .actor = Actor::tracee,
                .match = Match::thread,
                .thread = thread});
        a.ask.thread = thread;
        a.ask.by_main = true;
      }
      break;
    case Call::getpid:
    case Call::seccomp:
      a.syscall(SysCall::plain, 0, Ends::in_user);
      break;
    case Call::getppid: {
      const Task task{names.process, names.thread(event.pid, event.t0)};
      const bool filtered = names.cast && names.cast->filter_of(task, event.t0);
      a.syscall(filtered ? SysCall::filtered : SysCall::plain, 0, Ends::in_user);
      break;
    }
    case Call::pause:
      a.syscall(SysCall::pause, 0, Ends::in_user);
      if (event.ret && !interrupted(event)) a.impossible();
      break;
    case Call::fork:
      a.fork();
      break;
    case Call::execve:
      if (event.ret && *event.ret < 0)
        a.plain();
      else
        a.exec();
      break;
    case Call::exit:
    case Call::exit_group: {
      if (names.thread(event.pid, event.t0) < 0) {
        a.ends(event.pid, event.call == Call::exit_group);
        break;
      }
      const auto code = names.exit_code(static_cast<int>(event.data));
      a.syscall(event.call == Call::exit ? SysCall::exit : SysCall::exit_group,
                code ? static_cast<int>(*code) : 0, Ends::never);
      break;
    }
    case Call::proc_state:
      a.proc_state();
      break;
    case Call::signal_generate:
      a.send(event.target, event.options != 0);
      break;
    case Call::sched_switch:
      a.look(Ask::Looks::proc_state, event.pid);
      break;
    case Call::sched_waking:
      a.look(Ask::Looks::awake, event.target);
      break;
    case Call::signal_deliver:
    case Call::sched_process_fork:
    case Call::sched_process_exec:
      a.look(Ask::Looks::awake, event.pid);
      break;
    case Call::sched_process_exit:
      a.look(Ask::Looks::exiting, event.pid);
      break;
    case Call::died:
    case Call::other:
      break;
  }
  return std::move(a.ask);
}

Ask may_die(int tracer) {
  Ask ask;
  ask.kind = Ask::Kind::steps;
  ask.steps = {{.action = Action::tracer_exit,
                .actor = Actor::tracer,
                .match = Match::exactly,
                .thread = -1,
                .tracer = tracer}};
  ask.ends = Ends::never;
  return ask;
}

Ask parent_may_die() {
  Ask ask;
  ask.kind = Ask::Kind::steps;
  ask.steps = {{.action = Action::parent_exit, .actor = Actor::parent, .match = Match::any}};
  ask.ends = Ends::never;
  return ask;
}

Ask may_get(Sig sig, int thread) {
  Ask ask;
  ask.kind = Ask::Kind::steps;
  ask.steps = {{.action = Action::send,
                .actor = Actor::world,
                .match = Match::argument,
                .thread = thread,
                .argument = sig | model::kOfChild,
                .err = static_cast<int>(Err::ok)}};
  ask.ends = Ends::never;
  ask.repeats = true;
  return ask;
}

Ask may_hang_up(Sig hup, bool alone) {
  Ask ask = may_get(hup, 0);
  ask.steps.push_back(may_get(model::CONT, 0).steps[0]);
  ask.repeats = false;
  ask.if_stopped = alone;
  return ask;
}

}  // namespace ptmc::traces
