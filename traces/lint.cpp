#include "traces/lint.hpp"

#include <fmt/format.h>
#include <linux/ptrace.h>
#include <signal.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <compare>
#include <map>
#include <set>
#include <stdexcept>

#include "model/interp.hpp"
#include "model/remember.hpp"
#include "traces/models.hpp"

namespace ptmc::traces {

using model::Action;
using model::Cause;
using model::Loc;
using model::Sig;
using model::State;
using model::StopKind;
using model::Value;

const std::vector<Mistake> &mistakes() {
  static const std::vector<Mistake> all{
      {"group-stop-continued",
       "a group-stop of a seized tracee is ended by a restart where LISTEN was due",
       {"R23", "R28", "R64"}},
      {"signal-swallowed", "a signal that was sent is not delivered", {"R69", "R70"}},
      {"signal-invented",
       "a signal is delivered that was not reported: another one, or at a syscall-stop",
       {"R71", "R94"}},
      {"signal-dropped", "a signal is given where the kernel does not look at it", {"R95"}},
      {"sigstop-taken-for-attach",
       "a SIGSTOP that was sent is swallowed as that of ATTACH or auto-attach",
       {"R9", "R47", "R107"}},
      {"attach-sigstop-delivered",
       "the SIGSTOP of ATTACH or auto-attach is delivered: the process stops",
       {"R9", "R76", "R107"}},
      {"exec-sigtrap-delivered",
       "the SIGTRAP that execve sends without TRACEEXEC is delivered",
       {"R77", "R110"}},
      {"stop-not-restarted", "a reported stop is never ended, while the tracer goes on", {"R134"}},
      {"esrch-taken-for-death",
       "after ESRCH the tracer never waits for the tracee again",
       {"R13", "R133"}},
      {"not-stopped", "a request that needs a stop, before any was reported", {"R13"}},
      {"listen-refused", "LISTEN where it is not allowed", {"R27"}},
      {"listening-restarted",
       "a listening tracee is not stopped for requests: INTERRUPT comes first",
       {"R13", "R26", "R28"}},
      {"child-forgotten",
       "a new child of an event is traced, and never waited for",
       {"R106", "R107"}},
  };
  return all;
}

namespace {

// ---- What is remembered of a run beside the kernel's state --------------------------------------

std::string of(int thread, const char *name) { return "t" + std::to_string(thread) + "." + name; }
const char *const kSent = "lint.sent";  // the pending SIGSTOP is somebody's
const char *const kExec = "lint.exec";  // the pending SIGTRAP is execve's
const char *const kOwn = "lint.own";    // the signal of this stop is the kernel's own

// Whose signal it is. A SIGSTOP that was sent and merges with the kernel's own counts as that: no
// tracer can tell.
void remember_own(model::Model &m) {
  using namespace model;
  for (int t = 0; t < m.threads(); ++t) {
    const ThreadFields &f = m.schema.thread[static_cast<std::size_t>(t)];
    const Field sent = remember(m, of(t, kSent), 1, [=](const StepView &s, Expr before) {
      const Expr was = s.before.get(f.pend[STOP]), is = s.after.get(f.pend[STOP]);
      if (is.same(was)) return before;
      const bool own = s.succeeds(Action::attach, t) ||
                       (s.step.label.action == Action::fork && s.step.label.arg == t);
      return own ? truth(false) : is && ite(was, before, truth(true));
    });
    const Field exec =
        !m.has(TRAP) ? kNoField : remember(m, of(t, kExec), 1, [=](const StepView &s, Expr before) {
          const Expr is = s.after.get(f.pend[TRAP]);
          if (s.is("exec.sigtrap", t)) return is;
          return is.same(s.before.get(f.pend[TRAP])) ? before : before && is;
        });
    remember(m, of(t, kOwn), 1, [=](const StepView &s, Expr before) {
      if (s.after.get(f.loc).same(s.before.get(f.loc))) return before;
      Expr takes =
          eq(s.after.get(f.sig), STOP) && s.before.get(f.pend[STOP]) && !s.before.get(sent);
      if (exec != kNoField) takes = takes || (eq(s.after.get(f.sig), TRAP) && s.before.get(exec));
      return s.after.at(t, {Loc::sig_trap}) &&
             ite(s.before.at(t, {Loc::sig_trap}), before, takes && !s.after.get(f.shared));
    });
  }
}

// ---- One thread in one state --------------------------------------------------------------------

struct Stance {
  StopKind kind = StopKind::running;
  Cause cause = Cause::none;
  Sig sig = model::NONE;
  Value event = 0;
  model::Traced tracing = model::Traced::no;
  bool own = false;    // signal-delivery-stop: the signal is the kernel's own
  bool later = false;  // its own SIGSTOP is pending, or a SIGCONT not seen yet took it away
  bool stopped() const {
    return kind != StopKind::running && kind != StopKind::listening && kind != StopKind::stopped &&
           kind != StopKind::zombie && kind != StopKind::dead;
  }
  auto operator<=>(const Stance &) const = default;
};
using Stances = std::set<Stance>;

Stance stance(const model::Schema &schema, const State &s, int t) {
  const model::ThreadFields &f = schema.thread[static_cast<std::size_t>(t)];
  const model::ProcessFields &p = schema.process[static_cast<std::size_t>(schema.process_of(t))];
  Stance now;
  now.kind = model::stop_kind(schema, s, t);
  now.tracing = static_cast<model::Traced>(schema.get(s, f.tracing));
  if (!now.stopped()) return now;
  now.cause = static_cast<Cause>(schema.get(s, f.cause));
  now.sig = static_cast<Sig>(schema.get(s, f.sig));
  now.event = schema.loc(s, t) == Loc::exit_event_trap ? PTRACE_EVENT_EXIT : schema.get(s, f.event);
  const auto remembered = [&](const char *name) {
    return schema.get(s, model::field_named(schema, of(t, name))) != 0;
  };
  now.own = remembered(kOwn);
  now.later = (schema.get(s, f.pend[model::STOP]) && !remembered(kSent)) ||
              schema.get(s, f.pend[model::CONT]) || schema.get(s, p.pend[model::CONT]);
  return now;
}

template <class Of>
bool all(const Stances &stances, const Of &is) {
  return !stances.empty() && std::all_of(stances.begin(), stances.end(), is);
}
template <class Of>
bool some(const Stances &stances, const Of &is) {
  return std::any_of(stances.begin(), stances.end(), is);
}
bool all_are(const Stances &stances, StopKind kind) {
  return all(stances, [&](const Stance &s) { return s.kind == kind; });
}

std::string kind_name(StopKind kind) {
  return std::string(model::kStopKindNames[static_cast<std::size_t>(kind)]);
}

// ---- What looks like it -------------------------------------------------------------------------

// What a tracer sees of a thread: the status that wait reports, and what GETSIGINFO shows.
class Eyes {
 public:
  Eyes(const Machine &machine, int thread)
      : machine_(machine),
        report_(machine.model.schema.thread[static_cast<std::size_t>(thread)].report) {
    const model::Model &m = machine.model;
    for (std::size_t i = 0; i < m.instances.size(); ++i) {
      const model::Instance &instance = m.instances[i];
      if (instance.label.thread != thread || instance.rule->actor != model::Actor::tracer) continue;
      if (instance.rule->id == "wait.stop" && wait_ == SIZE_MAX) wait_ = i;
      if (instance.label.action == Action::getsiginfo && instance.label.err != model::Err::esrch)
        siginfo_.push_back(i);
    }
  }
  Value status(const State &s) const { return machine_.interpreter.output(wait_, s); }
  // -1: GETSIGINFO fails with EINVAL; none: it finds no stop.
  std::optional<std::int64_t> siginfo(State s) const {
    // After the report: before it, requests may fail (R114).
    machine_.model.schema.set(s, report_, 0);
    for (const std::size_t i : siginfo_)
      if (machine_.interpreter.enabled(i, s))
        return machine_.model.instances[i].label.err == model::Err::ok
                   ? std::int64_t{machine_.interpreter.output(i, s)}
                   : -1;
    return std::nullopt;
  }

 private:
  const Machine &machine_;
  const model::Field report_;
  std::size_t wait_ = SIZE_MAX;
  std::vector<std::size_t> siginfo_;
};

// All stops that the thread could have come to instead, for a tracer that traces it so.
std::vector<State> other_stops(const model::Schema &schema, const State &s, int t) {
  const model::ThreadFields &f = schema.thread[static_cast<std::size_t>(t)];
  std::vector<State> stops;
  const auto add = [&](Loc loc, Sig sig, Value event, bool good,
                       model::Info info = model::Info::user) {
    State stop = s;
    schema.set(stop, f.loc, static_cast<Value>(loc));
    schema.set(stop, f.sig, sig);
    schema.set(stop, f.event, event);
    schema.set(stop, f.good, good);
    schema.set(stop, f.info, static_cast<Value>(info));
    stops.push_back(stop);
  };
  const bool seized = schema.get(s, f.tracing) == static_cast<Value>(model::Traced::seized);
  for (const Sig sig : schema.shape.signals) {
    if (sig != model::KILL)
      for (const model::Info info : {model::Info::user, model::Info::tkill, model::Info::kernel,
                                     model::Info::tracer, model::Info::step})
        add(Loc::sig_trap, sig, 0, false, info);
    if (model::is_stop(sig)) add(seized ? Loc::event_trap : Loc::group_trap, sig, 0, false);
  }
  if (seized) add(Loc::event_trap, model::TRAP, 0, false);
  const bool good = schema.get(s, f.option[model::SYSGOOD]) != 0;
  add(Loc::entry_trap, model::TRAP, 0, good);
  add(Loc::step_trap, model::TRAP, 0, false);
  constexpr std::pair<Value, model::Option> kEvents[]{
      {PTRACE_EVENT_FORK, model::TRACEFORK},
      {PTRACE_EVENT_VFORK, model::TRACEVFORK},
      {PTRACE_EVENT_CLONE, model::TRACECLONE},
      {PTRACE_EVENT_EXEC, model::TRACEEXEC},
      {PTRACE_EVENT_VFORK_DONE, model::TRACEVFORKDONE},
      {PTRACE_EVENT_SECCOMP, model::TRACESECCOMP}};
  for (const auto &[event, option] : kEvents)
    if (schema.get(s, f.option[option])) add(Loc::ptrace_event_trap, model::NONE, event, false);
  if (schema.get(s, f.option[model::TRACEEXIT])) add(Loc::exit_event_trap, model::NONE, 0, false);
  return stops;
}

// The kinds of stops that look like one of these: by status; by status and GETSIGINFO.
std::array<std::set<StopKind>, 2> look_alike(const Observed &o) {
  const model::Schema &schema = o.machine.model.schema;
  const Eyes eyes(o.machine, o.thread);
  std::array<std::set<StopKind>, 2> kinds;
  std::set<std::pair<Value, std::int64_t>> seen;
  for (const State &s : o.before) {
    const Value status = eyes.status(s);
    const auto siginfo = eyes.siginfo(s);
    if (siginfo && !seen.emplace(status, *siginfo).second) continue;
    for (const State &other : other_stops(schema, s, o.thread)) {
      if (eyes.status(other) != status) continue;
      const StopKind kind = model::stop_kind(schema, other, o.thread);
      kinds[0].insert(kind);
      if (siginfo && eyes.siginfo(other) == siginfo) kinds[1].insert(kind);
    }
  }
  return kinds;
}

// ---- The trace ----------------------------------------------------------------------------------

struct Seen {
  Stances before, after;
  std::array<std::set<StopKind>, 2> alike;  // of a report
};

bool ends_a_stop(long request) {
  return resumes(request) != Action::hidden;  // DETACH too
}
bool restarts(long request) { return ends_a_stop(request) && request != PTRACE_DETACH; }

// A fault or trap of the tracee's own code: what a debugger or emulator is there to handle.
bool may_be_a_fault(int signal) {
  for (const int fault : {SIGTRAP, SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGSYS})
    if (signal == fault) return true;
  return false;
}

std::string event_name(Value event) {
  switch (event) {
    case PTRACE_EVENT_FORK:
      return "FORK";
    case PTRACE_EVENT_VFORK:
      return "VFORK";
    case PTRACE_EVENT_CLONE:
      return "CLONE";
    case PTRACE_EVENT_EXEC:
      return "EXEC";
    case PTRACE_EVENT_VFORK_DONE:
      return "VFORK_DONE";
    case PTRACE_EVENT_EXIT:
      return "EXIT";
    case PTRACE_EVENT_SECCOMP:
      return "SECCOMP";
    default:
      return std::to_string(event);
  }
}

class Linter {
 public:
  Linter(const Trace &trace, Lint &result) : trace_(trace), result_(result) {}

  void observe(const Observed &o) {
    const Event &e = trace_.events[o.event];
    Seen &seen = seen_[o.event];
    const model::Schema &schema = o.machine.model.schema;
    for (const State &s : o.before) seen.before.insert(stance(schema, s, o.thread));
    for (const State &s : o.after) seen.after.insert(stance(schema, s, o.thread));
    if (stop_of(e)) seen.alike = look_alike(o);
    std::set<StopKind> kinds;
    for (const Stance &s : seen.after) kinds.insert(s.kind);
    std::vector<std::string> &after = result_.after[o.event];
    for (const StopKind kind : kinds) after.push_back(kind_name(kind));
  }

  // All events up to this one. ends: that is the whole trace.
  void run(std::size_t end, bool ends) {
    for (const Event &e : trace_.events)
      if (e.call == Call::ptrace && e.request != PTRACE_TRACEME) tracers_.insert(e.pid);
    find_postponed(end);
    for (std::size_t i = 0; i < end; ++i) look(i);
    // Of what may still come nothing is known, unless the tracer has ended, or waits for ever.
    if (ends && tracer_ends()) conclude();
    std::stable_sort(result_.findings.begin(), result_.findings.end(),
                     [](const Finding &a, const Finding &b) { return a.event < b.event; });
  }

 private:
  static constexpr std::size_t kNone = SIZE_MAX;
  struct Tracee {
    std::size_t stop = kNone;        // reported and not ended: in Lint::stops
    std::size_t refused = kNone;     // the event of an ESRCH since when nothing was heard of it
    std::size_t resumed = kNone;     // the event that ended its last stop
    int asked = 0;                   // SIGSTOPs that the tracer itself has sent
    std::optional<Siginfo> siginfo;  // that GETSIGINFO has shown in this stop
    bool attached = false;           // by ATTACH or SEIZE
    bool first = true;               // no stop of it has been ended
    bool continued = false;          // its tracer has sent SIGCONT since the report
    bool bare = false;               // the stop may be a legacy group-stop: it may be left so
    bool dead = false, killed = false;
  };

  int signal_of(const Tracee &t) const {
    return stop_of(trace_.events[result_.stops[t.stop].report]) & 0x7f;
  }

  void look(std::size_t i);
  void reported(std::size_t i);
  void request(std::size_t i);
  void ended(std::size_t i, Tracee &t, const Seen &seen);
  void refused(std::size_t i, Tracee &t, const Seen &seen);
  void find_postponed(std::size_t end);
  void conclude();
  bool covers(const Event &wait, pid_t tid) const;
  bool tracer_ends() const;
  std::vector<std::string> describe_stop(const Stances &stances, int signal,
                                         std::vector<std::string> &why) const;

  void find(std::string_view id, std::size_t i, pid_t tid, const Tracee &t, std::string text) {
    const auto mistake = std::find_if(mistakes().begin(), mistakes().end(),
                                      [&](const Mistake &m) { return m.id == id; });
    if (mistake == mistakes().end()) throw std::logic_error("no such mistake");
    Finding f{&*mistake, i, std::nullopt, tid, std::move(text)};
    if (t.stop != kNone) f.report = result_.stops[t.stop].report;
    result_.findings.push_back(std::move(f));
  }
  // "123, stopped since line 7,"
  std::string subject(pid_t tid, const Tracee &t) const {
    return t.stop == kNone ? std::to_string(tid)
                           : fmt::format("{} (stopped, line {})", tid,
                                         trace_.events[result_.stops[t.stop].report].line);
  }

  const Trace &trace_;
  Lint &result_;
  std::map<std::size_t, Seen> seen_;  // by event
  std::set<pid_t> tracers_;
  std::map<pid_t, Tracee> tracees_;
  std::map<pid_t, std::pair<std::size_t, pid_t>> children_;  // told by a message: event, parent
  // Events that leave out a signal which is delivered later, and those that do that.
  std::set<std::size_t> postponed_, late_;
};

// A signal that is left out at its stop and given later, by a restart from another stop, or sent
// again: such pairs of events.
void Linter::find_postponed(std::size_t end) {
  std::map<std::pair<pid_t, int>, std::vector<std::size_t>> kept;
  std::map<pid_t, int> stops;
  for (std::size_t i = 0; i < end; ++i) {
    const Event &e = trace_.events[i];
    if (const int stop = stop_of(e)) stops[waited_for(e)] = stop;
    const auto give = [&](int signal) {
      auto &all = kept[{e.target, signal}];
      if (all.empty()) return;
      postponed_.insert(all.front());
      late_.insert(i);
      all.erase(all.begin());
    };
    if (e.ret && *e.ret < 0) continue;
    if ((e.call == Call::kill || e.call == Call::tgkill) && tracers_.count(e.pid)) give(e.sig);
    if (e.call != Call::ptrace || !ends_a_stop(e.request)) continue;
    const int stop = std::exchange(stops[e.target], 0), signal = static_cast<int>(e.data);
    if (stop > 0 && stop < 0x7f && signal != stop) kept[{e.target, stop}].push_back(i);
    if (signal && signal != stop) give(signal);
  }
}

bool Linter::covers(const Event &wait, pid_t tid) const {
  return is_wait(wait) && tracers_.count(wait.pid) && (wait.target <= 0 || wait.target == tid);
}

// By itself, or in a wait that nothing ends.
bool Linter::tracer_ends() const {
  return std::any_of(trace_.events.begin(), trace_.events.end(), [&](const Event &e) {
    const bool exits =
        e.call == Call::exit_group || (e.call == Call::died && e.status && WIFEXITED(*e.status));
    return tracers_.count(e.pid) && (exits || (is_wait(e) && !e.ret && !(e.options & WNOHANG)));
  });
}

void Linter::look(std::size_t i) {
  const Event &e = trace_.events[i];
  if (e.call == Call::ptrace) return request(i);
  if ((e.call == Call::kill || e.call == Call::tgkill) && tracers_.count(e.pid) && e.ret == 0) {
    for (auto &[tid, t] : tracees_)
      if (tid == e.target || tid == -e.target) {
        if (e.sig == SIGSTOP) ++t.asked;
        if (e.sig == SIGCONT) t.continued = true;
        if (e.sig == SIGKILL) t.killed = true;
      }
    return;
  }
  if (is_wait(e)) {
    if (waited_for(e) > 0) reported(i);
    for (auto &[tid, t] : tracees_)
      if (covers(e, tid)) t.refused = kNone;
    for (auto it = children_.begin(); it != children_.end();)
      it = covers(e, it->first) ? children_.erase(it) : std::next(it);
  }
}

void Linter::reported(std::size_t i) {
  const Event &e = trace_.events[i];
  const pid_t tid = waited_for(e);
  if (!tracers_.count(e.pid)) return;
  const int stop = stop_of(e);
  const auto seen = seen_.find(i);
  Tracee &t = tracees_[tid];
  t.refused = kNone;
  t.siginfo.reset();
  if (t.stop != kNone && !result_.stops[t.stop].ended) result_.stops[t.stop].ended = i;
  t.stop = kNone;
  if (!stop) {
    t.dead = true;
    return;
  }
  if (t.dead) t = {};
  // Or a real parent has seen it stop, untraced.
  if (seen == seen_.end() ||
      !some(seen->second.before, [](const Stance &one) { return one.stopped(); }))
    return;
  Stop s;
  s.report = i;
  s.tid = tid;
  s.kinds = describe_stop(seen->second.before, stop & 0x7f, s.why);
  std::set<StopKind> history;
  for (const Stance &one : seen->second.before) history.insert(one.kind);
  const std::array levels{seen->second.alike[0], seen->second.alike[1], history};
  for (std::size_t level = 0; level < levels.size(); ++level)
    for (const StopKind kind : levels[level]) s.known[level].push_back(kind_name(kind));
  t.continued = false;
  t.bare = some(seen->second.before, [](const Stance &one) {
    return one.kind == StopKind::group_stop && one.tracing == model::Traced::attached;
  });
  t.stop = result_.stops.size();
  result_.stops.push_back(std::move(s));
}

std::vector<std::string> Linter::describe_stop(const Stances &stances, int signal,
                                               std::vector<std::string> &why) const {
  std::map<std::string, std::string> all;
  const std::string name = signal_name(signal);
  for (const Stance &s : stances) {
    std::string kind = kind_name(s.kind), reason;
    switch (s.kind) {
      case StopKind::signal_delivery_stop:
        kind += " (" + name + (s.own ? ", the kernel's own" : "") + ")";
        reason = s.own ? s.sig == model::TRAP ? "execve sends SIGTRAP where TRACEEXEC is not set"
                                              : "ATTACH, or a traced parent's fork, sends SIGSTOP"
                       : name + (may_be_a_fault(signal) ? " was sent, or is a fault of the tracee's"
                                                        : " was sent");
        break;
      case StopKind::event:
        kind += " (" + event_name(s.event) + ")";
        reason = "an option asks for this event";
        break;
      case StopKind::syscall_stop:
        reason = "SYSCALL or SYSEMU asked for the next system call";
        break;
      case StopKind::step_stop:
        reason = "a handler begins while the tracee is stepped";
        break;
      default:
        if (s.cause != Cause::none)
          kind += " (" + std::string(kCauseNames[static_cast<std::size_t>(s.cause)]) + ")";
        switch (s.cause) {
          case Cause::group:
            reason = "the process stops, or is stopped, by a stop signal";
            break;
          case Cause::interrupt:
            reason = "the tracer called INTERRUPT";
            break;
          case Cause::sigcont:
            reason = "SIGCONT was sent";
            break;
          case Cause::auto_attach:
            reason = "it is new, and traced as its parent is";
            break;
          case Cause::attach:
            reason = "its process was stopped when it was attached";
            break;
          case Cause::stale:
            reason = "a group-stop that is over has left this trap behind";
            break;
          case Cause::none:
            break;
        }
    }
    all.emplace(kind, reason);
  }
  std::vector<std::string> kinds;
  for (auto &[kind, reason] : all) {
    kinds.push_back(kind);
    why.push_back(reason);
  }
  return kinds;
}

void Linter::request(std::size_t i) {
  const Event &e = trace_.events[i];
  if (!e.ret || e.request == PTRACE_TRACEME) return;
  const bool attaches = e.request == PTRACE_ATTACH || e.request == PTRACE_SEIZE;
  if (attaches && *e.ret < 0) return;
  if (attaches) tracees_[e.target] = {};
  Tracee &t = tracees_[e.target];
  if (attaches) t.attached = true;
  children_.erase(e.target);
  if (e.request == PTRACE_KILL) t.killed = true;
  if (e.request == PTRACE_GETSIGINFO && *e.ret == 0) t.siginfo = e.siginfo;
  if (e.request == PTRACE_GETEVENTMSG && *e.ret == 0 && e.message && t.stop != kNone) {
    const int event = stop_of(trace_.events[result_.stops[t.stop].report]) >> 8;
    const auto child = static_cast<pid_t>(*e.message);
    const bool births =
        event == PTRACE_EVENT_FORK || event == PTRACE_EVENT_VFORK || event == PTRACE_EVENT_CLONE;
    if (births && !tracees_.count(child)) children_[child] = {i, e.target};
  }
  const auto seen = seen_.find(i);
  if (seen == seen_.end() || e.request == PTRACE_INTERRUPT) return;
  if (*e.ret < 0) {
    if (e.err == ESRCH) refused(i, t, seen->second);
    if (e.err == EIO && e.request == PTRACE_LISTEN)
      find("listen-refused", i, e.target, t,
           fmt::format("{} is in no stop of PTRACE_EVENT_STOP, or was not seized: LISTEN is for "
                       "group-stops of seized tracees",
                       subject(e.target, t)));
    return;
  }
  if (attaches) return;
  t.refused = kNone;
  if (ends_a_stop(e.request) || e.request == PTRACE_LISTEN) {
    if (ends_a_stop(e.request)) ended(i, t, seen->second);
    if (t.stop != kNone) result_.stops[t.stop].ended = i;
    t.stop = kNone;
    t.siginfo.reset();
    t.first = false;
    t.resumed = i;
    if (e.request == PTRACE_DETACH) t.dead = true;
  }
}

// A stop ends, with a signal or without.
void Linter::ended(std::size_t i, Tracee &t, const Seen &seen) {
  const Event &e = trace_.events[i];
  const pid_t tid = e.target;
  const int given = static_cast<int>(e.data);
  const std::string request = request_name(e.request);
  const Stances &before = seen.before;
  const bool seized =
      all(before, [](const Stance &s) { return s.tracing == model::Traced::seized; });
  if (restarts(e.request) && all_are(before, StopKind::group_stop) && seized && !t.continued)
    find("group-stop-continued", i, tid, t,
         fmt::format("{} is in a group-stop; {} lets it run while its process stays stopped: "
                     "LISTEN was due",
                     subject(tid, t), request));
  if (t.stop == kNone) return;  // it had not looked
  const int signal = signal_of(t);
  const bool delivery = all_are(before, StopKind::signal_delivery_stop);
  const bool may_be_own = some(before, [](const Stance &s) { return s.own; });
  if (given && given == SIGKILL) return;
  if (delivery && (given == 0 || (given != signal && late_.count(i)))) {
    if (signal == SIGSTOP) {
      // After TRACEME a child often stops itself: its tracer is to get ready first.
      if (may_be_own || (t.first && !t.attached)) return;
      if (t.asked > 0) {
        --t.asked;
        return;
      }
    }
    const bool fault = may_be_a_fault(signal) && !(t.siginfo && t.siginfo->code <= 0);
    if (fault || signal == SIGTRAP || signal == SIGINT || postponed_.count(i)) return;
    if (signal == SIGSTOP && !seized)
      find("sigstop-taken-for-attach", i, tid, t,
           fmt::format("SIGSTOP for {} was sent, that of its attach has been seen before; {} "
                       "swallows it: SIGSTOP was to be delivered",
                       subject(tid, t), request));
    else
      find("signal-swallowed", i, tid, t,
           fmt::format("{} for {} was sent; {} swallows it: {} was to be delivered",
                       signal_name(signal), subject(tid, t), request, signal_name(signal)));
    return;
  }
  if (!given) return;
  // Or a group-stop in which it was attached: nothing is due to be given there either.
  const bool attaches =
      may_be_own && all(before, [](const Stance &s) {
        return (s.kind == StopKind::signal_delivery_stop || s.kind == StopKind::group_stop) &&
               (s.own || s.later);
      });
  if (given == signal && (delivery || attaches)) {
    if (signal == SIGSTOP && attaches)
      find("attach-sigstop-delivered", i, tid, t,
           fmt::format("SIGSTOP for {} is the one of its attach, as far as its tracer can know; {} "
                       "delivers it, and the process stops: 0 was due",
                       subject(tid, t), request));
    if (signal == SIGTRAP && all(before, [](const Stance &s) { return s.own; }))
      find("exec-sigtrap-delivered", i, tid, t,
           fmt::format("SIGTRAP for {} is the one that execve sends; {} delivers it, which kills "
                       "who has no handler: 0 was due",
                       subject(tid, t), request));
    return;
  }
  // To leave it stopped, DETACH gives SIGSTOP.
  if (late_.count(i) || (e.request == PTRACE_DETACH && given == SIGSTOP)) return;
  if (delivery)
    find("signal-invented", i, tid, t,
         fmt::format("{} stopped for {}; {} delivers {}, which nobody sent", subject(tid, t),
                     signal_name(signal), request, signal_name(given)));
  else if (all_are(before, StopKind::syscall_stop))
    find("signal-invented", i, tid, t,
         fmt::format("{} is in a syscall-stop; {} with {} sends it that signal: 0 was due",
                     subject(tid, t), request, signal_name(given)));
  else if (given != signal && all(before, [](const Stance &s) {
             return s.kind == StopKind::event || s.kind == StopKind::event_stop ||
                    s.kind == StopKind::group_stop || s.kind == StopKind::step_stop;
           }))
    find("signal-dropped", i, tid, t,
         fmt::format("{} is in no signal-delivery-stop; the {} that {} gives is lost",
                     subject(tid, t), signal_name(given), request));
}

// ESRCH.
void Linter::refused(std::size_t i, Tracee &t, const Seen &seen) {
  const Event &e = trace_.events[i];
  const Stances &before = seen.before;
  if (t.dead) return;
  const bool needs = restarts(e.request) || e.request == PTRACE_LISTEN ||
                     e.request == PTRACE_SETOPTIONS || e.request == PTRACE_GETSIGINFO;
  const bool runs = !some(before, [](const Stance &s) { return s.stopped(); });
  const bool listens =
      t.stop == kNone && t.resumed != kNone && trace_.events[t.resumed].request == PTRACE_LISTEN;
  if (listens && runs && (needs || e.request == PTRACE_DETACH) && !t.killed)
    return find(
        "listening-restarted", i, e.target, t,
        fmt::format("{} listens since line {}: {} finds no stop; INTERRUPT, and a wait, were due",
                    e.target, trace_.events[t.resumed].line, request_name(e.request)));
  if (needs && t.stop == kNone && runs && !t.killed)
    find("not-stopped", i, e.target, t,
         fmt::format("no stop of {} was reported{}: {} needs one; a wait was due", e.target,
                     t.resumed == kNone
                         ? std::string()
                         : fmt::format(" since line {}", trace_.events[t.resumed].line),
                     request_name(e.request)));
  if (t.stop == kNone && !all(before, [](const Stance &s) { return s.kind == StopKind::dead; }))
    t.refused = i;
}

// What was never done.
void Linter::conclude() {
  const std::size_t end = trace_.events.size();
  for (auto &[tid, t] : tracees_) {
    if (t.dead || t.killed) continue;
    if (t.refused != kNone)
      find("esrch-taken-for-death", t.refused, tid, t,
           fmt::format("ESRCH: {} was running, or had died; its tracer never waits for it again: "
                       "only wait tells a death",
                       tid));
    if (t.stop == kNone || t.bare) continue;
    std::size_t goes_on = result_.stops[t.stop].report + 1;
    while (goes_on < end &&
           (!covers(trace_.events[goes_on], tid) || (trace_.events[goes_on].options & WNOHANG)))
      ++goes_on;
    if (goes_on < end)
      find("stop-not-restarted", goes_on, tid, t,
           fmt::format("{} is never restarted; its tracer waits on", subject(tid, t)));
  }
  for (const auto &[child, told] : children_)
    find("child-forgotten", told.first, child, {},
         fmt::format("{} is a new child of {}, and traced; its tracer never waits for it: it stays "
                     "in its first stop",
                     child, told.second));
}

}  // namespace

Lint lint(const Trace &trace, const ReplayOptions &options) {
  Lint result;
  Linter linter(trace, result);
  ReplayOptions how = options;
  how.mutate = [&](model::Model &m) {
    if (options.mutate) options.mutate(m);
    remember_own(m);
  };
  how.observe = [&](const Observed &o) { linter.observe(o); };
  result.replay = replay(trace, how);
  const auto &divergence = result.replay.divergence;
  linter.run(divergence ? divergence->event : trace.events.size(), result.replay.accepted);
  return result;
}

}  // namespace ptmc::traces
