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
    case Action::invalid:
      return kUnknownRequest;
    default:
      return -1;
  }
}

class Staging {
 public:
  Staging(const Model &model, Scenario &scenario) : m_(model), scenario_(scenario) {}
  // What the step needs; false: no scenario can make it (why_not).
  bool take(const Instance &i, const State &before, const State &after);
  // Waits for what has become of the threads. A call follows.
  void reach(const State &now, bool before_call);
  std::string why_not;
  bool raced = false;

 private:
  static pid_t role(int thread) { return who::t0 + thread; }
  Step &add(pid_t by, Call call) {
    Step &step = scenario_.steps.emplace_back();
    step.event.pid = by;
    step.event.call = call;
    return step;
  }
  bool request(const Instance &i, const State &before);
  bool wait(const Instance &i);
  bool own_call(const Instance &i, const State &before);
  bool cannot(const Instance &i, const char *why) {
    why_not = i.name() + ": " + why;
    return false;
  }
  std::uint64_t options(int set, const State &before, int thread) const;

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

std::uint64_t Staging::options(int set, const State &before, int thread) const {
  std::uint64_t bits = 0;
  for (int o = 0; o < model::OPTION_COUNT; ++o) {
    const auto option = static_cast<model::Option>(o);
    bool on = (*m_.config)[model::option_feature(option)];
    if (set >= model::kFlip) {
      const model::Field field = m_.schema.thread[static_cast<std::size_t>(thread)].option[option];
      on = (m_.schema.get(before, field) != 0) != (set - model::kFlip == o);
    }
    if (on) bits |= option_bit(option);
  }
  return bits;
}

bool Staging::request(const Instance &i, const State &before) {
  const model::Label &l = i.label;
  const long request = request_of(l.action);
  if (request < 0) return cannot(i, "a request that is not staged");
  Step &step = add(l.tracer == 0 ? pid_t{who::tracer} : pid_t{who::tracer2}, Call::ptrace);
  step.event.request = request;
  step.event.target = role(l.thread);
  switch (l.action) {
    case Action::cont:
    case Action::syscall:
    case Action::singlestep:
    case Action::sysemu:
    case Action::sysemu_singlestep:
    case Action::detach:
      if (l.arg != model::NONE)
        step.event.data =
            static_cast<std::uint64_t>(m_.schema.shape.number(static_cast<model::Sig>(l.arg)));
      break;
    case Action::seize:
    case Action::setoptions:
      if (l.options & model::kMeanwhile) return cannot(i, "it overlaps with another call");
      if (l.arg == model::kInvalidOptions)
        step.event.data = std::uint64_t{1} << 30;
      else if (l.arg == model::kProfileOptions || l.arg >= model::kFlip)
        step.event.data = options(l.arg, before, l.thread);
      else
        step.event.data = static_cast<std::uint64_t>(l.arg);
      break;
    case Action::geteventmsg:
    case Action::syscall_info:
    default:
      break;
  }
  return true;
}

bool Staging::wait(const Instance &i) {
  const model::Label &l = i.label;
  if (l.options & model::kNowait) return cannot(i, "WNOWAIT is not staged");
  const pid_t by = i.rule->actor == Actor::parent ? pid_t{who::parent}
                   : l.tracer                     ? pid_t{who::tracer2}
                                                  : pid_t{who::tracer};
  Step &step = add(by, Call::wait4);
  step.event.target = l.thread < 0 ? pid_t{who::any_child} : role(l.thread);
  int &options = step.event.options;
  if (l.options & model::kNohang) options |= WNOHANG;
  if (l.options & model::kUntraced) options |= WUNTRACED;
  if (l.options & model::kContinued) options |= WCONTINUED;
  if (i.rule->actor == Actor::tracer) options |= __WALL;
  return true;
}

bool Staging::own_call(const Instance &i, const State &before) {
  const model::Label &l = i.label;
  const pid_t by = role(l.thread);
  const auto sig = [&](int shift) {
    return m_.schema.shape.number(static_cast<model::Sig>(l.arg >> shift));
  };
  switch (l.action) {
    case Action::user:
      add(by, Call::user);
      return true;
    case Action::sigprocmask: {
      Step &step = add(by, Call::rt_sigprocmask);
      step.event.how = l.arg & 1 ? SIG_BLOCK : SIG_UNBLOCK;
      step.event.mask = std::uint64_t{1} << (sig(1) - 1);
      return true;
    }
    case Action::sigaction: {
      Step &step = add(by, Call::rt_sigaction);
      step.event.sig = sig(2);
      step.event.disposition = static_cast<Disposition>(l.arg & 3);
      return true;
    }
    case Action::enter_syscall: {
      const auto call = static_cast<model::SysCall>(l.arg & 0xff);
      const bool exits = call == model::SysCall::exit || call == model::SysCall::exit_group;
      if (call != model::SysCall::plain && call != model::SysCall::pause && !exits)
        return cannot(i, "a system call that is not staged");
      const model::ThreadFields &f = m_.schema.thread[static_cast<std::size_t>(l.thread)];
      const bool stops = m_.schema.get(before, f.systrace) || m_.schema.get(before, f.emulate);
      Step &step = add(by, call == model::SysCall::plain   ? Call::getpid
                           : call == model::SysCall::pause ? Call::pause
                           : call == model::SysCall::exit  ? Call::exit
                                                           : Call::exit_group);
      step.event.data = static_cast<std::uint64_t>(l.arg >> 8);
      step.async = stops || call == model::SysCall::pause;
      calling_[static_cast<std::size_t>(l.thread)] = step.async && !exits;
      return true;
    }
    case Action::handler:
    case Action::sigreturn:
      return true;  // the puppet's handler does it
    default:
      return cannot(i, "a call that is not staged");
  }
}

bool Staging::take(const Instance &i, const State &before, const State &) {
  const model::Label &l = i.label;
  if (l.action == Action::hidden || l.action == Action::handler || l.action == Action::sigreturn)
    return true;
  // ATTACH and SEIZE return when the thread is in its trap, and wait sleeps until there is a
  // report.
  reach(before, true);
  switch (i.rule->actor) {
    case Actor::world: {
      if (l.action != Action::send || l.arg & model::kOfChild)
        return cannot(i, "a stranger's step that is not staged");
      Step &step = add(who::world, l.thread < 0 ? Call::kill : Call::tgkill);
      step.event.target = l.thread < 0 ? pid_t{who::t0} : role(l.thread);
      if (l.thread >= 0) step.event.tgid = who::t0;
      step.event.sig =
          l.err == model::Err::ok ? m_.schema.shape.number(static_cast<model::Sig>(l.arg)) : 0;
      return true;
    }
    case Actor::tracer:
      if (l.action == Action::wait) return wait(i);
      if (l.action == Action::tracer_exit) {
        add(l.tracer == 0 ? pid_t{who::tracer} : pid_t{who::tracer2}, Call::exit_group);
        return true;
      }
      return request(i, before);
    case Actor::parent:
      if (l.action == Action::wait) return wait(i);
      if (l.action == Action::parent_exit) {
        add(who::parent, Call::exit_group);
        return true;
      }
      return cannot(i, "a step of the real parent's that is not staged");
    case Actor::tracee:
      return own_call(i, before);
    case Actor::kernel:
      return true;
  }
  return true;
}

}  // namespace

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
    if (!staging.take(m.instances[instances[k]], states[k], states[k + 1])) {
      all.why_not = staging.why_not;
      return all;
    }
  staging.reach(states.back(), false);
  if (!instances.empty()) all.scenario.semantics = m.instances[instances.back()].rule->semantics;
  all.raced = staging.raced;
  return all;
}

}  // namespace ptmc::traces
