#include "traces/staging.hpp"

#include <linux/ptrace.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>

#include <algorithm>

#include "model/property_parts.hpp"
#include "model/requests.hpp"
#include "traces/numbers.hpp"

namespace ptmc::traces {

using model::Action;
using model::Actor;
using model::Instance;
using model::Loc;
using model::Model;
using model::State;

namespace {

constexpr long kSysEmu = 31, kSysEmuSinglestep = 32;  // PTRACE_*, of x86
constexpr long kGetSigmask = 0x420a, kSetSigmask = 0x420b;
constexpr long kUnknownRequest = 0x9999;

long request_of(Action action) {
  switch (action) {
    case Action::attach:
      return PTRACE_ATTACH;
    case Action::seize:
      return PTRACE_SEIZE;
    case Action::interrupt:
      return PTRACE_INTERRUPT;
    case Action::listen:
      return PTRACE_LISTEN;
    case Action::cont:
      return PTRACE_CONT;
    case Action::syscall:
      return PTRACE_SYSCALL;
    case Action::singlestep:
      return PTRACE_SINGLESTEP;
    case Action::sysemu:
      return kSysEmu;
    case Action::sysemu_singlestep:
      return kSysEmuSinglestep;
    case Action::detach:
      return PTRACE_DETACH;
    case Action::kill:
      return PTRACE_KILL;
    case Action::setoptions:
      return PTRACE_SETOPTIONS;
    case Action::getsiginfo:
      return PTRACE_GETSIGINFO;
    case Action::geteventmsg:
      return PTRACE_GETEVENTMSG;
    case Action::syscall_info:
      return PTRACE_GET_SYSCALL_INFO;
    case Action::sigmask:
      return kGetSigmask;
    case Action::setsigmask:
      return kSetSigmask;
    case Action::setsiginfo:
      return PTRACE_SETSIGINFO;
    case Action::invalid:
      return kUnknownRequest;
    default:
      return -1;
  }
}

pid_t role(int thread) { return who::t0 + thread; }

// One call of somebody's.
class Caller {
 public:
  Caller(const Model &model, const Instance &instance, const State &before)
      : m_(model), i_(instance), l_(instance.label), before_(before) {}

  StagedCall make() {
    if (l_.action == Action::hidden || l_.action == Action::handler ||
        l_.action == Action::sigreturn || i_.rule->actor == Actor::kernel)
      return {};  // the puppet's handler does it
    switch (i_.rule->actor) {
      case Actor::world:
        send();
        break;
      case Actor::tracer:
        if (l_.action == Action::wait)
          wait();
        else if (l_.action == Action::tracer_exit)
          tracer_exit();
        else if (l_.action == Action::sigchld)
          call(tracer_role(), Call::sigchld);
        else
          request();
        break;
      case Actor::parent:
        if (l_.action == Action::wait)
          wait();
        else if (l_.action == Action::parent_exit)
          call(parent_role(), Call::exit_group);
        else if (l_.action == Action::sigchld)
          call(parent_role(), Call::sigchld);
        else if (l_.action == Action::sigaction)
          set_disposition(call(parent_role(), Call::rt_sigaction));
        else
          cannot("a step of the real parent's that is not staged");
        break;
      default:
        own_call();
    }
    if (!why_not_.empty()) return {{}, i_.name() + ": " + why_not_};
    return {step_, {}};
  }

 private:
  Event &call(pid_t by, Call call) {
    step_.event.pid = by;
    step_.event.call = call;
    return step_.event;
  }
  void cannot(const char *why) { why_not_ = why; }
  pid_t tracer_role() const {
    if (l_.tracer == 0) return who::tracer;
    return m_.schema.shape.tracer_threads ? who::tracer_thread : who::tracer2;
  }
  pid_t parent_role() const {
    return (*m_.config)[model::Feature::parent_is_tracer] ? who::tracer : who::parent;
  }
  void set_disposition(Event &e) const {
    e.sig = number(l_.arg >> 2);
    e.disposition = static_cast<Disposition>(l_.arg & 3);
  }
  bool shows_calls() const {
    const model::ThreadFields &f = m_.schema.thread[static_cast<std::size_t>(l_.thread)];
    return m_.schema.get(before_, f.systrace) || m_.schema.get(before_, f.emulate);
  }
  int number(int sig) const { return m_.schema.shape.number(static_cast<model::Sig>(sig)); }
  std::uint64_t options(int set) const;
  void send();
  void request();
  void wait();
  void own_call();
  void tracer_exit();
  void syscall();
  void clone();

  const Model &m_;
  const Instance &i_;
  const model::Label &l_;
  const State &before_;
  Step step_;
  std::string why_not_;
};

class Staging {
 public:
  Staging(const Model &model, Scenario &scenario) : m_(model), scenario_(scenario) {}
  // What the step needs; false: no scenario can make it (why_not).
  bool take(const Instance &i, const State &before);
  // Waits for what has become of the threads. A call follows.
  void reach(const State &now, bool before_call);
  std::string why_not;
  bool raced = false;

 private:
  const Model &m_;
  Scenario &scenario_;
  std::vector<Loc> known_;  // where the threads were when last looked at
  std::vector<bool> calling_;
};

// Where a thread is seen to be: its state letter; nothing: it cannot be told, or will not last.
std::string letter(const Model &m, const State &s, int thread) {
  const Loc loc = m.schema.loc(s, thread);
  if (loc >= Loc::entry_trap && loc < Loc::stopped) return "t";  // the traps lie together
  return loc == Loc::stopped ? "T" : loc == Loc::zombie ? "Z" : "";
}

void Staging::reach(const State &now, bool before_call) {
  known_.resize(static_cast<std::size_t>(m_.threads()), Loc::user);
  calling_.resize(known_.size());
  for (int t = 0; t < m_.threads(); ++t) {
    const Loc loc = m_.schema.loc(now, t);
    const auto at = static_cast<std::size_t>(t);
    if (loc == known_[at]) continue;
    known_[at] = loc;
    const std::string state = letter(m_, now, t);
    if (state.empty()) {
      const bool lasts = loc == Loc::user || loc == Loc::body || loc == Loc::none ||
                         loc == Loc::dead || loc == Loc::unreleased;
      raced = raced || (before_call && !lasts);
      if (loc == Loc::user && calling_[at]) {
        scenario_.steps.emplace_back().kind = Step::Kind::join;
        scenario_.steps.back().event.pid = role(t);
        calling_[at] = false;
      }
      continue;
    }
    Step &step = scenario_.steps.emplace_back();
    step.kind = Step::Kind::await_state;
    step.event.target = role(t);
    step.states = state;
  }
}

std::uint64_t Caller::options(int set) const {
  std::uint64_t bits = 0;
  for (int o = 0; o < model::OPTION_COUNT; ++o) {
    const auto option = static_cast<model::Option>(o);
    bool on = (*m_.config)[model::option_feature(option)];
    if (set >= model::kFlip) {
      const model::Field field =
          m_.schema.thread[static_cast<std::size_t>(l_.thread)].option[option];
      on = (m_.schema.get(before_, field) != 0) != (set - model::kFlip == o);
    }
    if (on) bits |= option_bit(option);
  }
  return bits;
}

void Caller::send() {
  if (l_.action != Action::send || l_.arg & model::kOfChild)
    return cannot("a stranger's step that is not staged");
  Event &e = call(who::world, l_.thread < 0 ? Call::kill : Call::tgkill);
  e.target = l_.thread < 0 ? pid_t{who::t0} : role(l_.thread);
  if (l_.thread >= 0) e.tgid = who::t0;
  e.sig = l_.err == model::Err::ok ? number(l_.arg) : SIGCONT;  // to nobody
}

void Caller::request() {
  const long request = request_of(l_.action);
  if (request < 0) return cannot("a request that is not staged");
  Event &e = call(tracer_role(), Call::ptrace);
  e.request = request;
  e.target = role(l_.thread);
  switch (l_.action) {
    case Action::cont:
    case Action::syscall:
    case Action::singlestep:
    case Action::sysemu:
    case Action::sysemu_singlestep:
    case Action::detach:
      if (l_.arg != model::NONE) e.data = static_cast<std::uint64_t>(number(l_.arg));
      break;
    case Action::seize:
    case Action::setoptions:
      if (l_.options & model::kMeanwhile) return cannot("it overlaps with another call");
      if (l_.arg == model::kInvalidOptions)
        e.data = std::uint64_t{1} << 30;
      else if (l_.arg == model::kProfileOptions || l_.arg >= model::kFlip)
        e.data = options(l_.arg);
      else
        e.data = static_cast<std::uint64_t>(l_.arg);
      break;
    case Action::sigmask:
      e.addr = kSigsetSize;
      break;
    case Action::setsigmask:
      e.addr = kSigsetSize;
      for (int sig = 1; sig < model::SIG_COUNT; ++sig)
        if (m_.schema.shape.masks[static_cast<std::size_t>(l_.arg)] >> sig & 1)
          e.mask |= std::uint64_t{1} << (number(sig) - 1);
      break;
    case Action::setsiginfo: {
      const model::Siginfo &info = m_.schema.shape.siginfos[static_cast<std::size_t>(l_.arg)];
      e.siginfo = Siginfo{.signo = number(info.signo), .code = info.code};
      break;
    }
    default:
      break;
  }
}

void Caller::wait() {
  if (l_.options & model::kNowait) return cannot("WNOWAIT is not staged");
  const bool by_tracer = i_.rule->actor == Actor::tracer;
  Event &e = call(by_tracer ? tracer_role() : parent_role(), Call::wait4);
  e.target = l_.thread < 0 ? pid_t{who::any_child} : role(l_.thread);
  if (l_.options & model::kNohang) e.options |= WNOHANG;
  if (l_.options & model::kUntraced) e.options |= WUNTRACED;
  if (l_.options & model::kContinued) e.options |= WCONTINUED;
  if (m_.schema.shape.tracer_threads && !(l_.options & model::kThreads)) e.options |= __WNOTHREAD;
  // A report is seen by every call that sees at least so much.
  if (l_.options & model::kClone) e.options |= l_.options & model::kNormal ? __WALL : __WCLONE;
}

void Caller::own_call() {
  const pid_t by = role(l_.thread);
  switch (l_.action) {
    case Action::user:
      call(by, Call::user);
      return;
    case Action::traceme: {
      if (!(*m_.config)[model::Feature::parent_is_tracer])
        return cannot("TRACEME where the real parent is no tracer");
      Event &e = call(by, Call::ptrace);
      e.request = PTRACE_TRACEME;
      e.target = who::nothing;
      return;
    }
    case Action::sigprocmask: {
      Event &e = call(by, Call::rt_sigprocmask);
      e.how = l_.arg & 1 ? SIG_BLOCK : SIG_UNBLOCK;
      step_.async = e.how == SIG_UNBLOCK;  // a signal that was blocked stops it before it returns
      e.mask = std::uint64_t{1} << (number(l_.arg >> 1) - 1);
      return;
    }
    case Action::sigaction:
      return set_disposition(call(by, Call::rt_sigaction));
    case Action::enter_syscall:
      return syscall();
    default:
      return cannot("a call that is not staged");
  }
}

void Caller::tracer_exit() {
  // The whole process, or the second thread of it alone.
  const bool all = !m_.schema.shape.tracer_threads || l_.arg;
  if (!all && l_.tracer == 0) return cannot("the first thread of the tracer does not exit alone");
  call(tracer_role(), all ? Call::exit_group : Call::exit);
}

void Caller::syscall() {
  const pid_t by = role(l_.thread);
  const auto code = static_cast<std::uint64_t>(l_.arg >> 8);
  switch (static_cast<model::SysCall>(l_.arg & 0xff)) {
    case model::SysCall::plain:
      call(by, Call::getpid);
      step_.async = shows_calls();
      return;
    case model::SysCall::filtered:
      call(by, Call::getppid);
      step_.async = true;
      return;
    case model::SysCall::pause:
      call(by, Call::pause);
      step_.async = true;
      return;
    case model::SysCall::exit:
      call(by, Call::exit).data = code;
      return;
    case model::SysCall::exit_group:
      call(by, Call::exit_group).data = code;
      return;
    case model::SysCall::clone:
      return clone();
    case model::SysCall::exec:
      // A call of the new program's that no step asks for would show, and its thread have a new
      // name.
      if (shows_calls()) return cannot("a system call that is not staged where calls show");
      if (!m_.schema.is_leader(l_.thread)) return cannot("an execve of another than the leader");
      call(by, Call::execve);
      step_.async = true;
      return;
    default:
      return cannot("a system call that is not staged");
  }
}

void Caller::clone() {
  for (const int t : m_.schema.group(m_.schema.process_of(l_.thread))) {
    if (m_.schema.loc(before_, t) != Loc::none) continue;
    Event &e = call(role(l_.thread), Call::fork);
    e.child = role(t);
    e.data = CLONE_THREAD | CLONE_VM | CLONE_SIGHAND;
    if (l_.arg >> 8 & model::kCloneUntraced) e.data |= CLONE_UNTRACED;
    if (l_.arg >> 8 & model::kClonePtrace) e.data |= CLONE_PTRACE;
    step_.async = true;
    return;
  }
  cannot("there is no place for the new thread");
}

bool Staging::take(const Instance &i, const State &before) {
  StagedCall made = call_of(m_, i, before);
  if (!made.why_not.empty()) {
    why_not = made.why_not;
    return false;
  }
  if (!made.step) return true;
  // ATTACH and SEIZE return when the thread is in its trap, and wait sleeps until there is a
  // report.
  reach(before, true);
  const Event &e = made.step->event;
  if (is_tracee(e.pid) && e.call != Call::exit && e.call != Call::exit_group)
    calling_[static_cast<std::size_t>(i.label.thread)] = made.step->async;
  scenario_.steps.push_back(std::move(*made.step));
  return true;
}

}  // namespace

StagedCall call_of(const Model &model, const Instance &instance, const State &before) {
  return Caller(model, instance, before).make();
}

void settle(Model &m) {
  static const std::string kSettled = "the kernel has nothing left to do";
  const auto of_its_own = [](const Instance &i) {
    return i.label.action == Action::handler || i.label.action == Action::sigreturn ||
           (i.label.action == Action::hidden && i.rule->actor == Actor::kernel);
  };
  model::Expr busy = model::truth(false);
  for (const Instance &i : m.instances)
    if (of_its_own(i)) busy = busy || can(i);
  for (Instance &i : m.instances)
    if (!of_its_own(i)) i.guards.push_back({kSettled, !busy});
}

Staged staged(const Model &m, const std::vector<std::size_t> &instances,
              const std::vector<State> &states, const std::string &name,
              const std::string &design) {
  Staged all;
  all.scenario.file = all.scenario.name = name;
  all.scenario.about = "A run of the model.";
  all.scenario.design = design;
  all.scenario.threads = m.schema.shape.threads;
  if (m.processes() > 1 || (*m.config)[model::Feature::clones] || m.schema.shape.tracer_threads) {
    all.why_not = "only runs of one process with all its threads are staged";
    return all;
  }
  Staging staging(m, all.scenario);
  staging.reach(states.front(), false);
  for (std::size_t k = 0; k < instances.size(); ++k)
    if (!staging.take(m.instances[instances[k]], states[k])) {
      all.why_not = staging.why_not;
      return all;
    }
  staging.reach(states.back(), false);
  if (!instances.empty()) all.scenario.semantics = m.instances[instances.back()].rule->semantics;
  all.raced = staging.raced;
  return all;
}

}  // namespace ptmc::traces
