#include "traces/plan.hpp"

#include <fmt/format.h>
#include <linux/ptrace.h>
#include <signal.h>
#include <sys/wait.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <set>

#include "model/kernel.hpp"
#include "model/requests.hpp"

namespace ptmc::traces {
namespace {

using model::Action;
using model::Actor;
using model::Err;
using model::Label;
using model::Sig;
using model::Value;

// The kernel's bits of the options that the model has.
constexpr std::pair<std::uint64_t, model::Option> kOptions[] = {
    {PTRACE_O_EXITKILL, model::EXITKILL},        {PTRACE_O_TRACEEXIT, model::TRACEEXIT},
    {PTRACE_O_TRACESYSGOOD, model::SYSGOOD},     {PTRACE_O_TRACEFORK, model::TRACEFORK},
    {PTRACE_O_TRACEVFORK, model::TRACEVFORK},    {PTRACE_O_TRACECLONE, model::TRACECLONE},
    {PTRACE_O_TRACEEXEC, model::TRACEEXEC},      {PTRACE_O_TRACEVFORKDONE, model::TRACEVFORKDONE},
    {PTRACE_O_TRACESECCOMP, model::TRACESECCOMP}};

std::optional<Err> error(int number) {
  switch (number) {
    case 0:
      return Err::ok;
    case ESRCH:
      return Err::esrch;
    case EIO:
      return Err::eio;
    case EPERM:
      return Err::eperm;
    case EINVAL:
      return Err::einval;
    case ECHILD:
      return Err::echild;
    case EAGAIN:
      return Err::eagain;
    default:
      return std::nullopt;
  }
}

bool interrupted(const Event &e) { return e.ret && *e.ret < 0 && e.err == EINTR; }
int failed(const Event &e) { return e.ret && *e.ret < 0 ? e.err : 0; }

constexpr long kSysEmu = 31, kSysEmuSinglestep = 32;  // PTRACE_*, of x86

bool injects_signal(const Event &e) {
  if (e.call != Call::ptrace) return false;
  switch (e.request) {
    case PTRACE_CONT:
    case PTRACE_SYSCALL:
    case PTRACE_SINGLESTEP:
    case PTRACE_SINGLEBLOCK:
    case kSysEmu:
    case kSysEmuSinglestep:
    case PTRACE_DETACH:
      return true;
    default:
      return false;
  }
}

// wait4 always waits for deaths; its WUNTRACED is waitid's WSTOPPED.
int wait_options(const Event &e) {
  int given = e.call == Call::waitid && !(e.options & WEXITED) ? 0 : model::kExited;
  if (e.options & WUNTRACED) given |= model::kUntraced;
  if (e.options & WCONTINUED) given |= model::kContinued;
  if (e.options & WNOWAIT) given |= model::kNowait;
  return given;
}

// 0: nobody.
pid_t waited_for(const Event &e) {
  if (!e.ret || *e.ret < 0) return 0;
  return e.call == Call::wait4 ? static_cast<pid_t>(*e.ret) : e.siginfo ? e.siginfo->pid : 0;
}

struct Planner {
  const Event &e;
  const Names &names;
  const Index &index;
  Plan p{};

  // `alike`: the same call with any result; `err` picks the result observed.
  void step(Action action, Actor actor, const std::function<bool(const Label &)> &alike,
            std::function<bool(const model::Instance &, Value)> shows = {}) {
    p.kind = Plan::Kind::steps;
    p.stages.clear();
    p.alternatives = index.find(action, actor, alike);
    if (!e.ret) {  // it has not returned: whatever it may have done
      p.stages.push_back({p.alternatives, {}});
      p.ends = Ends::never;
      return;
    }
    const auto err = error(failed(e));
    Stage stage{{}, std::move(shows)};
    for (std::size_t i : p.alternatives)
      if (err && index.model.instances[i].label.err == *err) stage.instances.push_back(i);
    p.stages.push_back(std::move(stage));
  }

  // A request that shows only whether the tracee is stopped: ESRCH, or anything else.
  void stopped(Action action, const std::function<bool(const Label &)> &alike) {
    step(action, Actor::tracer, alike);
    if (!e.ret) return;
    p.stages.back() = {};
    for (std::size_t i : p.alternatives)
      if (index.model.instances[i].label.err == (failed(e) == ESRCH ? Err::esrch : Err::ok))
        p.stages.back().instances.push_back(i);
  }
  void ptrace();
  void wait();
  void send(pid_t target, bool shared);
  void inside_own_call();
  void sigchld();
  void own(std::vector<Stage> stages);
  void syscall(model::SysCall call, int code, Ends ends);
  void procmask();
  void proc_state();
};

void Planner::ptrace() {
  const Actor actor = e.request == PTRACE_TRACEME ? Actor::tracee : Actor::tracer;
  if (e.request == PTRACE_TRACEME) {
    p.thread = names.thread(e.pid);
    p.by_main = true;
    if (e.t1 > names.tracer_ends) p.unmodelled = "PTRACE_TRACEME of an orphan";
    step(Action::traceme, actor, [&](const Label &l) { return l.thread == p.thread; });
    if (names.open)
      p.ends = Ends::in_user;
    else
      own(std::move(p.stages));
    return;
  }
  const int t = names.thread(e.target);
  if ((e.pid != names.tracer && !names.open) || t < 0) {
    // Nobody else traces; nobody else is traced.
    const int err = failed(e);
    const bool attaches = e.request == PTRACE_ATTACH || e.request == PTRACE_SEIZE;
    if (!attaches && err != ESRCH) p.kind = Plan::Kind::impossible;
    const bool refused = err == EPERM || err == ESRCH || (e.request == PTRACE_SEIZE && err == EIO);
    if (attaches && e.ret && !refused) p.kind = Plan::Kind::impossible;
    return;
  }
  const bool bad_signal = e.data > 64;
  auto same = [&, t](const Label &l) { return l.thread == t; };
  auto injects = [&, t](const Label &l) {
    return l.thread == t && (l.err != Err::ok || l.arg == names.signal(static_cast<int>(e.data)));
  };
  auto takes = [&, t](int set) {
    return [t, set](const Label &l) {
      return l.thread == t && (l.err != Err::ok || l.arg == set) &&
             (l.arg == model::kInvalidOptions) <= (set == model::kInvalidOptions) &&
             (set != model::kInvalidOptions || l.err == Err::esrch || l.arg == set);
    };
  };
  switch (e.request) {
    case PTRACE_ATTACH:
      step(Action::attach, actor, same);
      p.ends = Ends::attached;
      break;
    case PTRACE_SEIZE:
      step(Action::seize, actor, takes(e.addr ? model::kInvalidOptions : names.option_set(e.data)));
      p.ends = Ends::attached;
      break;
    case PTRACE_INTERRUPT:
      step(Action::interrupt, actor, same);
      break;
    case PTRACE_LISTEN:
      step(Action::listen, actor, same);
      break;
    case PTRACE_KILL:
      step(Action::kill, actor, same);
      break;
    case PTRACE_SETOPTIONS:
      step(Action::setoptions, actor, takes(names.option_set(e.data)));
      break;
    case PTRACE_CONT:
    case PTRACE_SYSCALL:
    case PTRACE_DETACH: {
      const Action action = e.request == PTRACE_CONT      ? Action::cont
                            : e.request == PTRACE_SYSCALL ? Action::syscall
                                                          : Action::detach;
      step(bad_signal ? Action::invalid : action, actor,
           bad_signal ? std::function(same) : injects);
      break;
    }
    case PTRACE_GETSIGINFO:
      step(Action::getsiginfo, actor, same,
           [&e = e, &names = names](const model::Instance &, Value output) {
             if (failed(e) || !e.siginfo) return true;
             const int code = e.siginfo->code, signo = e.siginfo->signo;
             if (output & model::kTrapInfo)
               return code == static_cast<int>(output & ~model::kTrapInfo) &&
                      signo == (code & 0x7f);
             if (names.signal(signo) != static_cast<Sig>(output >> 8)) return false;
             if (names.open) return true;
             switch (static_cast<model::Info>(output & 0xff)) {
               case model::Info::tkill:
                 return code == SI_TKILL;
               case model::Info::kernel:
                 return code == SI_KERNEL;
               case model::Info::step:
                 return code >= TRAP_BRKPT && code <= TRAP_HWBKPT;
               default:
                 return code == SI_USER;
             }
           });
      break;
    case PTRACE_GETEVENTMSG:
      step(Action::geteventmsg, actor, same,
           [&e = e, &names = names](const model::Instance &, Value output) {
             if (failed(e) || !e.message || output == model::kAnyMessage) return true;
             // A plain number or an exit status, whose codes the model numbers in its own way.
             const auto status = names.status(static_cast<int>(*e.message));
             return (*e.message < 0x100 && output == *e.message) || (status && output == *status);
           });
      break;
    case PTRACE_GET_SYSCALL_INFO:
      step(Action::syscall_info, actor, same, [&e = e](const model::Instance &, Value output) {
        return failed(e) || !e.message || output == *e.message;
      });
      break;
    case PTRACE_SINGLESTEP:
    case PTRACE_SINGLEBLOCK:
    case kSysEmu:
    case kSysEmuSinglestep: {
      const Action action = e.request == kSysEmu             ? Action::sysemu
                            : e.request == kSysEmuSinglestep ? Action::sysemu_singlestep
                                                             : Action::singlestep;
      step(bad_signal ? Action::invalid : action, actor,
           bad_signal ? std::function(same) : injects);
      break;
    }
    default:
      if (!names.open && std::isdigit(request_name(e.request)[0])) {  // R15
        step(Action::invalid, actor, same);
        break;
      }
      if (!names.open && (e.request == PTRACE_SETSIGINFO || e.request == PTRACE_SETSIGMASK)) {
        p.unmodelled = request_name(e.request);
        break;
      }
      // Any other request needs a stop; what it then reads, writes or refuses is not the model's.
      stopped(Action::geteventmsg, same);
  }
  if (failed(e) == EFAULT)
    stopped(e.request == PTRACE_GETSIGINFO ? Action::getsiginfo : Action::geteventmsg, same);
}

void Planner::wait() {
  const bool by_tracer = e.pid == names.tracer;
  if (!by_tracer && e.pid != names.parent) {
    if (e.ret && failed(e) != ECHILD && !interrupted(e)) p.kind = Plan::Kind::impossible;
    return;
  }
  if (interrupted(e)) return;
  constexpr int kOptions = WNOHANG | WUNTRACED | WCONTINUED | __WNOTHREAD | __WCLONE | __WALL;
  if (!names.open && (e.options & ~kOptions) != 0) {
    if (e.ret && failed(e) != EINVAL) p.kind = Plan::Kind::impossible;
    return;
  }
  const Actor actor = by_tracer ? Actor::tracer : Actor::parent;
  // A pid that is no thread of the tracee's names nobody; the tracee's group is its leader's pid.
  const int only = e.target > 0 ? names.thread(e.target) : -1;
  const bool any = e.target == -1 || e.target == 0 || (e.target < -1 && e.target == -names.tracee);
  if (!any && only < 0) {
    if (e.ret && failed(e) != ECHILD) p.kind = Plan::Kind::impossible;
    return;
  }
  const int given = wait_options(e);
  const bool nohang = e.options & WNOHANG;
  auto alike = [=](const Label &l) {
    if (l.err == Err::echild) return l.thread == only;
    if (l.options & model::kNohang)
      return nohang && l.options == ((given & ~model::kNowait) | model::kNohang) &&
             l.thread == only;
    return (l.options & ~given) == 0 && !((l.options ^ given) & model::kNowait) &&
           (any || l.thread == only);
  };
  const pid_t who = waited_for(e);
  const auto status = e.status ? names.status(*e.status) : std::nullopt;
  const bool has_status = e.status.has_value();
  const Names &n = names;
  step(Action::wait, actor, alike, [=, &n](const model::Instance &i, Value output) {
    if (i.label.err != Err::ok) return true;
    if (who == 0) return (i.label.options & model::kNohang) != 0;
    if (i.label.options & model::kNohang || n.thread(who) != i.label.thread) return false;
    return has_status ? status && *status == output : true;
  });
}

void Planner::send(pid_t target, bool shared) {
  const int t = names.thread(target);
  const bool whole = shared && (target == names.tracee || target == -names.tracee);
  if (t < 0 && !whole) {
    // SIGKILL to the tracer ends it; others' fates are not the model's.
    if (target == names.tracer && e.sig == SIGKILL) {
      step(Action::tracer_exit, Actor::tracer, [](const Label &) { return true; });
      p.lingers = true;
    }
    return;
  }
  const int thread = shared ? -1 : t;
  const Sig sig = names.signal(e.sig);
  if (!shared && e.tgid && e.tgid != names.tracee && !names.open) {  // tkill has none
    if (e.ret && failed(e) != ESRCH) p.kind = Plan::Kind::impossible;
    return;
  }
  if (names.open && sig != model::CONT && sig != model::KILL) return;  // seen where it is dequeued
  if (e.sig == 0 || e.sig > 64) {                                      // is only looked for
    const int there = e.sig == 0 ? 0 : EINVAL;
    if (e.ret && failed(e) != there && failed(e) != ESRCH) {
      p.kind = Plan::Kind::impossible;
      return;
    }
    p.kind = Plan::Kind::state;
    const model::Schema &schema = index.model.schema;
    const bool gone = failed(e) == ESRCH;
    p.holds = [=, &schema](const model::State &s) {
      return (schema.loc(s, std::max(thread, 0)) == model::Loc::dead) == gone;
    };
    return;
  }
  step(Action::send, Actor::world,
       [=](const Label &l) { return l.thread == thread && (l.err != Err::ok || l.arg == sig); });
}

// The tracee's own system call does what is planned so far.
void Planner::inside_own_call() {
  if (names.thread(e.pid) < 0 || names.open || p.kind == Plan::Kind::impossible) return;
  if (p.kind != Plan::Kind::steps) return syscall(model::SysCall::plain, 0, Ends::in_user);
  own(std::move(p.stages));
  p.asks_where = true;
}

void Planner::sigchld() {
  const Actor actor = e.pid == names.tracer ? Actor::tracer : Actor::parent;
  if (e.pid != names.tracer && e.pid != names.parent) return;
  const auto info = e.siginfo;
  const Names &n = names;
  step(
      Action::sigchld, actor, [](const Label &) { return true; },
      [=, &n](const model::Instance &i, Value output) {
        if (i.label.err != Err::ok || !info) return true;
        Value code = static_cast<Value>(info->code);
        if (code == CLD_DUMPED) code = CLD_KILLED;
        if (code != output >> 24 || n.thread(info->pid) != static_cast<int>(output >> 16 & 0xff))
          return false;
        const Value status = output & 0xffff;
        if (code == CLD_EXITED) {
          const auto exit = n.exit_code(info->status);
          return exit && *exit == status;
        }
        const Sig sig = n.signal(info->status);
        return status == (sig == model::NONE ? 0 : model::killed_by(sig));
      });
}

// A call of the tracee's own program: made directly, or inside a system call that is traced.
void Planner::own(std::vector<Stage> stages) {
  p.kind = Plan::Kind::steps;
  p.thread = names.thread(e.pid);
  p.by_main = true;
  p.ends = e.ret ? Ends::in_user : Ends::never;
  p.traced_stages.push_back({index.find(Action::enter_syscall, Actor::tracee,
                                        [&](const Label &l) {
                                          return l.thread == p.thread &&
                                                 l.arg == static_cast<int>(model::SysCall::plain);
                                        }),
                             {}});
  p.traced_stages.insert(p.traced_stages.end(), stages.begin(), stages.end());
  p.stages = std::move(stages);
}

void Planner::syscall(model::SysCall call, int code, Ends ends) {
  p.thread = names.thread(e.pid);
  if (p.thread < 0) {
    if (e.pid == names.tracer && ends == Ends::never) {
      step(Action::tracer_exit, Actor::tracer, [](const Label &) { return true; });
      p.ends = e.ret ? Ends::never : Ends::exited;
    }
    return;
  }
  p.by_main = true;
  const int arg = static_cast<int>(call) | code << 8;
  const int thread = p.thread;
  step(Action::enter_syscall, Actor::tracee,
       [=](const Label &l) { return l.thread == thread && l.arg == arg; });
  p.stages.back().instances = p.alternatives;
  p.ends = e.ret ? ends : Ends::never;
}

void Planner::procmask() {
  if (names.thread(e.pid) < 0) return;
  std::vector<Stage> stages;
  for (Sig sig : index.model.signals()) {
    const int number = sig == model::OTHER ? names.other : model::kSignals[sig].number;
    if (!model::is_blockable(sig) || number == 0) continue;
    const bool in_set = e.mask >> (number - 1) & 1;
    if (!in_set && e.how != SIG_SETMASK) continue;
    const bool block = in_set && e.how != SIG_UNBLOCK;
    const int arg = sig << 1 | (block ? 1 : 0);
    const int thread = names.thread(e.pid);
    stages.push_back(
        {index.find(Action::sigprocmask, Actor::tracee,
                    [=](const Label &l) { return l.thread == thread && l.arg == arg; }),
         {}});
  }
  own(std::move(stages));
}

void Planner::proc_state() {
  const int t = names.thread(e.target);
  const model::Schema &schema = index.model.schema;
  const char letter = static_cast<char>(e.data);
  if (e.target == names.tracer && letter == 'Z') {
    p.kind = Plan::Kind::state;
    p.holds = [&schema](const model::State &s) {
      return schema.get(s, schema.tracer.dead) && nobody_is_traced(schema, s);
    };
  }
  if (t < 0) return;
  p.kind = Plan::Kind::state;
  p.holds = [=, &schema](const model::State &s) {
    const model::Loc loc = schema.loc(s, t);
    if (loc == model::Loc::stopped) return letter == 'T';
    if (loc == model::Loc::zombie) return letter == 'Z';
    if (loc >= model::Loc::unreleased) return letter == 'X' || letter == 'Z';
    if (loc >= model::Loc::entry_trap && loc < model::Loc::stopped) return letter == 't';
    return letter == 'R' || letter == 'S' || letter == 'D';
  };
}

// The signals that a call names or shows.
std::vector<int> signals_of(const Event &e) {
  std::vector<int> all;
  const auto add = [&](std::uint64_t number) {
    if (number > 0 && number <= 64) all.push_back(static_cast<int>(number));
  };
  add(static_cast<std::uint64_t>(e.sig));
  if (injects_signal(e)) add(e.data);
  if (e.status && WIFSTOPPED(*e.status))
    add(static_cast<std::uint64_t>(WSTOPSIG(*e.status) & 0x7f));
  if (e.siginfo && e.call == Call::ptrace) add(static_cast<std::uint64_t>(e.siginfo->signo));
  for (int s = 1; s <= 64; ++s)
    if (e.mask >> (s - 1) & 1) all.push_back(s);
  return all;
}

}  // namespace

Names::Names(const Trace &trace) : tracer(trace.tracer) {
  one_process = true;
  for (const Process &process : trace.processes) {
    if (process.role == Role::tracee) threads = process.threads, tracee = process.pid;
    if (process.role == Role::parent) one_process = false, parent = process.pid;
  }
  codes.push_back(0);
  option_sets = option_sets_of(trace);
  for (const Event &e : trace.events) {
    if (e.call == Call::exit || e.call == Call::exit_group) {
      const int code = static_cast<int>(e.data & 0xff);
      if (std::find(codes.begin(), codes.end(), code) == codes.end()) codes.push_back(code);
    }
    for (const int number : signals_of(e))
      if (signal(number) == model::OTHER) other = number, other_default = default_action(number);
    const bool ends = (e.pid == tracer && e.call == Call::exit_group) ||
                      (e.call == Call::kill && e.target == tracer && e.sig == SIGKILL);
    if (ends) tracer_ends = std::min(tracer_ends, e.t0);
  }
}

// signal(7), for the signals that the model has no name for.
model::Default Names::default_action(int number) {
  switch (number) {
    case SIGURG:
    case SIGWINCH:
      return model::Default::ignore;
    case SIGQUIT:
    case SIGILL:
    case SIGABRT:
    case SIGFPE:
    case SIGSEGV:
    case SIGBUS:
    case SIGSYS:
    case SIGXCPU:
    case SIGXFSZ:
      return model::Default::core;
    default:
      return model::Default::fatal;
  }
}

int Names::thread(pid_t tid) const {
  auto it = std::find(threads.begin(), threads.end(), tid);
  return it == threads.end() ? -1 : static_cast<int>(it - threads.begin());
}

Sig Names::signal(int number) const {
  if (number == 0) return model::NONE;
  if (open && (number == SIGUSR1 || number == SIGUSR2 || number == SIGTERM || number == SIGCHLD))
    return model::OTHER;
  for (const model::SigInfo &i : model::kSignals)
    if (i.number == number) return i.sig;
  return model::OTHER;
}

std::optional<Value> Names::exit_code(int code) const {
  if (open) return 1;
  auto it = std::find(codes.begin(), codes.end(), code & 0xff);
  if (it == codes.end()) return std::nullopt;
  return static_cast<Value>(it - codes.begin());
}

std::optional<Value> Names::status(int word) const {
  if (open && word != 0xffff && !WIFSTOPPED(word)) return 1 << 8;
  if (WIFEXITED(word)) {
    const auto index = exit_code(WEXITSTATUS(word));
    return index ? std::optional(*index << 8) : std::nullopt;
  }
  auto number = [&](int n) {
    return signal(n) == model::OTHER ? static_cast<int>(model::kOtherNumber) : n;
  };
  // Whether a core was written depends on limits that the model does not have.
  if (WIFSIGNALED(word)) return static_cast<Value>(number(WTERMSIG(word)));
  if (word == 0xffff) return 0xffff;
  const int stop = word >> 8 & 0xff;
  const int plain = stop & 0x80 ? stop : number(stop);
  return static_cast<Value>((word & ~0xff00) | plain << 8);
}

int Names::option_set(std::uint64_t data) const {
  constexpr std::uint64_t kKnown = 0xff | PTRACE_O_EXITKILL | PTRACE_O_SUSPEND_SECCOMP;
  if (data & ~kKnown) return model::kInvalidOptions;
  int set = 0;
  for (const auto &[bit, option] : kOptions)
    if (data & bit) set |= 1 << option;
  return set;
}

Names::Names(pid_t tracer, pid_t tracee, std::vector<int> option_sets, bool one_process)
    : threads{tracee},
      codes{0, 1},
      option_sets(std::move(option_sets)),
      open(true),
      one_process(one_process),
      tracer(tracer),
      tracee(tracee) {}

std::vector<int> option_sets_of(const Trace &trace) {
  std::vector<int> sets;
  const Names any(0, 0, {}, false);
  for (const Event &e : trace.events) {
    if (e.call != Call::ptrace) continue;
    if (e.request != PTRACE_SEIZE && e.request != PTRACE_SETOPTIONS) continue;
    const int set = any.option_set(e.data);
    if (set >= 0 && std::find(sets.begin(), sets.end(), set) == sets.end()) sets.push_back(set);
  }
  return sets;
}

model::Shape open_shape(const Trace &trace) {
  model::Shape shape;
  shape.threads = 1;
  shape.signals = {model::TRAP, model::KILL, model::CONT, model::STOP};
  // The other stop signals act as SIGSTOP does here, so they are told apart only if they occur.
  const Names any(0, 0, {}, false);
  std::set<Sig> seen;
  for (const Event &e : trace.events) {
    if (e.status && WIFSTOPPED(*e.status)) seen.insert(any.signal(WSTOPSIG(*e.status) & 0x7f));
    if (e.call == Call::ptrace && e.data <= 64) seen.insert(any.signal(static_cast<int>(e.data)));
  }
  for (Sig sig : {model::TSTP, model::TTIN, model::TTOU})
    if (seen.count(sig)) shape.signals.push_back(sig);
  shape.signals.push_back(model::OTHER);
  shape.siginfos.clear();
  shape.masks.clear();
  shape.option_sets = option_sets_of(trace);
  return shape;
}

model::Shape shape_of(const Trace &trace, const Names &names) {
  std::vector<bool> used(model::SIG_COUNT);
  for (Sig sig : {model::KILL, model::STOP, model::CONT, model::TRAP}) used[sig] = true;
  for (const Event &e : trace.events)
    for (const int number : signals_of(e)) used[names.signal(number)] = true;
  model::Shape shape;
  shape.other = names.other_default;
  shape.other_number = names.other;
  shape.threads = static_cast<int>(names.threads.size());
  for (const model::SigInfo &i : model::kSignals)
    if (i.sig != model::NONE && used[i.sig]) shape.signals.push_back(i.sig);
  shape.option_sets = names.option_sets;
  shape.siginfos.clear();
  shape.masks.clear();
  shape.exit_codes.clear();
  for (Value v = 0; v < names.codes.size(); ++v) shape.exit_codes.push_back(v);
  return shape;
}

Index::Index(const model::Model &m) : model(m) {
  for (std::size_t i = 0; i < m.instances.size(); ++i) {
    const Action a = m.instances[i].label.action;
    // Handlers and the calls inside traced system calls end by themselves.
    if (a == Action::hidden || a == Action::handler || a == Action::sigreturn ||
        (a == Action::enter_syscall &&
         (m.instances[i].label.arg & 0xff) == static_cast<int>(model::SysCall::sigreturn)) ||
        m.instances[i].rule->id == "syscall.exit")
      hidden_.push_back(i);
  }
}

ByLocation::ByLocation(const model::Model &m, const std::vector<std::size_t> &instances)
    : model_(&m), at_(static_cast<std::size_t>(m.threads())) {
  for (std::size_t i : instances) {
    const model::Instance &instance = m.instances[i];
    const auto t = static_cast<std::size_t>(std::max(instance.thread, 0));
    for (std::size_t loc = 0; loc < at_[t].size(); ++loc) {
      model::Substitution there;
      there.fields.emplace(m.schema.thread[t].loc, model::constant(static_cast<Value>(loc)));
      bool possible = true;
      for (const model::Guard &g : instance.guards)
        possible = possible && !model::substitute(g.holds, there).is(0);
      if (possible) at_[t][loc].push_back(i);
    }
  }
}

std::vector<std::size_t> Index::find(Action action, Actor actor,
                                     const std::function<bool(const Label &)> &matches) const {
  std::vector<std::size_t> found;
  for (std::size_t i = 0; i < model.instances.size(); ++i) {
    const model::Instance &instance = model.instances[i];
    if (instance.label.action == action && instance.rule->actor == actor && matches(instance.label))
      found.push_back(i);
  }
  return found;
}

bool shows_calls(const model::Schema &schema, const model::State &s, int thread) {
  const model::ThreadFields &f = schema.thread[static_cast<std::size_t>(thread)];
  return schema.get(s, f.systrace) || schema.get(s, f.emulate) || schema.get(s, f.step);
}

bool happens_here(const Plan &plan, std::size_t stage, bool inside, const model::Schema &schema,
                  const model::State &s) {
  if (!plan.asks_where || (inside && stage == 0)) return true;
  if (!inside) return !shows_calls(schema, s, plan.thread);
  const model::ThreadFields &f = schema.thread[static_cast<std::size_t>(plan.thread)];
  return schema.loc(s, plan.thread) == model::Loc::body &&
         schema.get(s, f.call) == static_cast<Value>(model::SysCall::plain);
}

bool nobody_is_traced(const model::Schema &schema, const model::State &s) {
  return std::all_of(schema.thread.begin(), schema.thread.end(),
                     [&](const model::ThreadFields &t) { return schema.get(s, t.tracing) == 0; });
}

Plan plan(const Event &event, const Names &names, const Index &index) {
  Planner p{event, names, index};
  switch (event.call) {
    case Call::ptrace:
      p.ptrace();
      break;
    case Call::wait4:
      p.wait();
      break;
    case Call::waitid:
      p.p.unmodelled = "waitid";
      break;
    case Call::kill:
      p.send(event.target, true);
      p.inside_own_call();
      break;
    case Call::tgkill:
      p.send(event.target, false);
      p.inside_own_call();
      break;
    case Call::sigchld:
      p.sigchld();
      break;
    case Call::rt_sigprocmask:
      p.procmask();
      break;
    case Call::rt_sigaction:
      if (event.sig == SIGCHLD && event.pid == (names.one_process ? names.tracer : names.parent))
        p.step(Action::sigaction, Actor::parent,
               [&](const Label &l) { return (l.arg & 3) == static_cast<int>(event.disposition); });
      if (names.thread(event.pid) >= 0) {
        const int arg = names.signal(event.sig) << 2 | static_cast<int>(event.disposition);
        const int thread = names.thread(event.pid);
        p.own({{index.find(Action::sigaction, Actor::tracee,
                           [=](const Label &l) { return l.thread == thread && l.arg == arg; }),
                {}}});
      }
      break;
    case Call::handler:
      p.p.kind = Plan::Kind::handler;
      p.p.thread = names.thread(event.pid);
      p.p.handled = names.signal(event.sig);
      break;
    case Call::user:
      if (const int thread = names.thread(event.pid); thread >= 0) {
        p.p.thread = thread;
        p.p.by_main = true;
        p.step(Action::user, Actor::tracee, [=](const Label &l) { return l.thread == thread; });
      }
      break;
    case Call::getpid:
      p.syscall(model::SysCall::plain, 0, Ends::in_user);
      break;
    case Call::pause:
      p.syscall(model::SysCall::pause, 0, Ends::in_user);
      if (event.ret && !interrupted(event)) p.p.kind = Plan::Kind::impossible;
      break;
    case Call::exit:
    case Call::exit_group: {
      const auto code = names.exit_code(static_cast<int>(event.data));
      p.syscall(event.call == Call::exit ? model::SysCall::exit : model::SysCall::exit_group,
                code ? static_cast<int>(*code) : 0, Ends::never);
      break;
    }
    case Call::proc_state:
      p.proc_state();
      break;
    case Call::fork:
    case Call::execve:
    case Call::seccomp:
    case Call::getppid:
      if (names.thread(event.pid) >= 0) p.p.unmodelled = std::string(call_name(event.call));
      break;
    case Call::died:
    case Call::other:
      break;
  }
  return std::move(p.p);
}

std::uint64_t outcome_key(const model::Instance &i, Value output) {
  const bool waits = i.label.action == Action::wait;
  return static_cast<std::uint64_t>(output) | static_cast<std::uint64_t>(i.label.err) << 32 |
         static_cast<std::uint64_t>(waits ? i.label.thread + 1 : 0) << 40 |
         static_cast<std::uint64_t>(waits && (i.label.options & model::kNohang)) << 48;
}

std::string outcome(const model::Instance &i, Value output, const Names &names) {
  if (i.label.err != Err::ok)
    return "-1 " + std::string(model::kErrNames[static_cast<std::size_t>(i.label.err)]);
  switch (i.label.action) {
    case Action::wait: {
      if (i.label.options & model::kNohang) return "0";
      const int word = static_cast<int>(output);
      const bool exit = (word & 0x7f) == 0 && word != 0xffff;
      const std::size_t code = static_cast<std::size_t>(word >> 8 & 0xff);
      const int real = exit && code < names.codes.size() ? names.codes[code] << 8 : word;
      return fmt::format("{} status {:#x}", names.threads[static_cast<std::size_t>(i.label.thread)],
                         real);
    }
    case Action::getsiginfo:
      if (output & model::kTrapInfo)
        return fmt::format("si_code {:#x}", output & ~model::kTrapInfo);
      return fmt::format("{} of class {}", model::kSignals[output >> 8].name, output & 0xff);
    case Action::geteventmsg:
      return fmt::format("message {:#x}", output);
    case Action::sigchld:
      return fmt::format("SIGCHLD code {} of t{} status {}", output >> 24, output >> 16 & 0xff,
                         output & 0xffff);
    default:
      return "0";
  }
}

}  // namespace ptmc::traces
