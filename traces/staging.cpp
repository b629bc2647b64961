#include "traces/staging.hpp"

#include <linux/ptrace.h>
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
constexpr long kGetSigmask = 0x420a;
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
    case Action::invalid:
      return kUnknownRequest;
    default:
      return -1;
  }
}

pid_t role(int thread) { return who::t0 + thread; }
pid_t tracer_role(int place) { return place == 0 ? pid_t{who::tracer} : pid_t{who::tracer2}; }

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
          call(tracer_role(l_.tracer), Call::exit_group);
        else
          request();
        break;
      case Actor::parent:
        if (l_.action == Action::wait)
          wait();
        else if (l_.action == Action::parent_exit)
          call(who::parent, Call::exit_group);
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
  int number(int sig) const { return m_.schema.shape.number(static_cast<model::Sig>(sig)); }
  std::uint64_t options(int set) const;
  void send();
  void request();
  void wait();
  void own_call();

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
  Event &e = call(tracer_role(l_.tracer), Call::ptrace);
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
    default:
      break;
  }
}

void Caller::wait() {
  if (l_.options & model::kNowait) return cannot("WNOWAIT is not staged");
  const bool by_tracer = i_.rule->actor == Actor::tracer;
  Event &e = call(by_tracer ? tracer_role(l_.tracer) : pid_t{who::parent}, Call::wait4);
  e.target = l_.thread < 0 ? pid_t{who::any_child} : role(l_.thread);
  if (l_.options & model::kNohang) e.options |= WNOHANG;
  if (l_.options & model::kUntraced) e.options |= WUNTRACED;
  if (l_.options & model::kContinued) e.options |= WCONTINUED;
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
      Event &e = call(by, Call::ptrace);
      e.request = PTRACE_TRACEME;
      e.target = who::nothing;
      return;
    }
    case Action::sigprocmask: {
      Event &e = call(by, Call::rt_sigprocmask);
      e.how = l_.arg & 1 ? SIG_BLOCK : SIG_UNBLOCK;
      e.mask = std::uint64_t{1} << (number(l_.arg >> 1) - 1);
      return;
    }
    case Action::sigaction: {
      Event &e = call(by, Call::rt_sigaction);
      e.sig = number(l_.arg >> 2);
      e.disposition = static_cast<Disposition>(l_.arg & 3);
      return;
    }
    case Action::enter_syscall: {
      const auto made = static_cast<model::SysCall>(l_.arg & 0xff);
      const bool exits = made == model::SysCall::exit || made == model::SysCall::exit_group;
      if (made != model::SysCall::plain && made != model::SysCall::pause && !exits)
        return cannot("a system call that is not staged");
      const model::ThreadFields &f = m_.schema.thread[static_cast<std::size_t>(l_.thread)];
      const bool stops = m_.schema.get(before_, f.systrace) || m_.schema.get(before_, f.emulate);
      Event &e = call(by, made == model::SysCall::plain   ? Call::getpid
                          : made == model::SysCall::pause ? Call::pause
                          : made == model::SysCall::exit  ? Call::exit
                                                          : Call::exit_group);
      e.data = static_cast<std::uint64_t>(l_.arg >> 8);
      step_.async = !exits && (stops || made == model::SysCall::pause);
      return;
    }
    default:
      return cannot("a call that is not staged");
  }
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
