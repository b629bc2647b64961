// Each invariant as plain code. The names are those of the properties.

#include "tests/properties_hand.hpp"

#include <map>

#include "tests/properties_hand_state.hpp"

namespace ptmc::model {
namespace {

bool stops(Value sig) { return sig == STOP || sig == TSTP || sig == TTIN || sig == TTOU; }

template <bool (*Holds)(const Hand &, const HandThread &)>
bool each(const Hand &h) {
  for (const HandThread &t : h.threads)
    if (!Holds(h, t)) return false;
  return true;
}

// ---- Traps
// ---------------------------------------------------------------------------------------

bool trap_traced(const Hand &, const HandThread &t) { return t.traced() || !t.trapped(); }

bool listening_trapped(const Hand &h, const HandThread &t) {
  if (!t.listening) return true;
  if (!t.traced()) return false;
  if (t.loc == Loc::group_trap) return h.has(Feature::stop_options);
  return t.loc == Loc::event_trap;
}

bool trapping_traps(const Hand &h, const HandThread &t) {
  if (!t.trapping) return true;
  const bool in_get_signal = t.loc == Loc::relock || t.loc == Loc::loop;
  if (!in_get_signal || !t.traced() || !t.trap_stop || t.pending[KILL]) return false;
  const HandTracer &tracer = h.tracer_of(t);
  return tracer.dead || tracer.attaching == static_cast<Value>(t.number) + 1;
}

bool trapping_ends(const Hand &h, const HandThread &t) {
  if (!t.trapping || h.tracer_of(t).attaching != static_cast<Value>(t.number) + 1) return true;
  const Model &m = h.interpreter->model;
  for (std::size_t i = 0; i < m.instances.size(); ++i) {
    const Instance &step = m.instances[i];
    if (step.thread != t.number || step.rule->actor != Actor::kernel) continue;
    if (step.rule->id.starts_with("attach") || step.rule->id.starts_with("tracer")) continue;
    if (h.interpreter->enabled(i, *h.state)) return true;
  }
  return false;
}

bool group_trap_attached(const Hand &, const HandThread &t) {
  return t.loc != Loc::group_trap || (t.tracing == 1 && t.info == 0);
}

bool event_trap_seized(const Hand &, const HandThread &t) {
  return t.loc != Loc::event_trap || t.seized();
}

bool trap_notify_seized(const Hand &, const HandThread &t) { return !t.trap_notify || t.seized(); }

bool untraced_clean(const Hand &, const HandThread &t) {
  if (t.traced()) return true;
  for (bool option : t.options)
    if (option) return false;
  return !(t.trap_stop || t.trap_notify || t.trapping || t.listening || t.systrace);
}

// The caller of this instance, tracer or real parent, is there and not asleep.
bool calls(const Hand &h, const Instance &i) {
  if (i.rule->actor == Actor::parent) return h.parent_state == 0;
  const HandTracer &tracer = h.tracers.at(static_cast<std::size_t>(i.label.tracer));
  return !tracer.dead && !tracer.attaching;
}

bool wait_answered(const Hand &h) {
  const Model &m = h.interpreter->model;
  constexpr int kSee = kNormal | kClone | kThreads;
  for (std::size_t i = 0; i < m.instances.size(); ++i) {
    const Label &call = m.instances[i].label;
    if (call.action != Action::wait || call.err != Err::ok || !(call.options & kNohang)) continue;
    if (!calls(h, m.instances[i])) continue;
    const bool deaths = call.options & kExited;
    bool any = false;
    for (std::size_t k = 0; k < m.instances.size() && !any; ++k) {
      const Label &other = m.instances[k].label;
      if (other.action != Action::wait || other.tracer != call.tracer ||
          m.instances[k].rule->actor != m.instances[i].rule->actor)
        continue;
      bool fits = k == i;
      if (other.err == Err::echild)
        fits = other.thread == call.thread && (other.options & kSee) == (call.options & kSee) &&
               bool(other.options & kExited) == deaths &&
               (deaths || (other.options & kContinued) == (call.options & kContinued));
      else if (!(other.options & kNohang))
        fits = (call.thread < 0 || call.thread == other.thread) &&
               (other.options & ~kNowait & ~call.options) == 0;
      any = fits && h.interpreter->enabled(k, *h.state);
    }
    if (!any) return false;
  }
  return true;
}

bool sigchld_answered(const Hand &h) {
  const Model &m = h.interpreter->model;
  for (Actor who : {Actor::tracer, Actor::parent}) {
    bool asks = false, any = false;
    for (std::size_t i = 0; i < m.instances.size(); ++i) {
      if (m.instances[i].label.action != Action::sigchld || m.instances[i].rule->actor != who)
        continue;
      asks = asks || calls(h, m.instances[i]);
      any = any || h.interpreter->enabled(i, *h.state);
    }
    if (asks && !any) return false;
  }
  return true;
}

// Of the first tracer.
bool request_answered(const Hand &h) {
  if (h.tracers[0].dead || h.tracers[0].attaching) return true;
  const Model &m = h.interpreter->model;
  for (const HandThread &t : h.threads) {
    if (t.owes_tracer || t.owes_parent) continue;
    std::map<std::pair<Action, int>, bool> answered;  // a request, and what it is given
    std::map<Action, bool> refused;
    for (std::size_t i = 0; i < m.instances.size(); ++i) {
      const Label &l = m.instances[i].label;
      if (m.instances[i].rule->actor != Actor::tracer || l.thread != t.number || l.tracer != 0 ||
          l.action < Action::attach ||
          (l.action > Action::invalid && l.action != Action::peeksiginfo))
        continue;
      const bool of_seize =
          l.action == Action::seize || l.action == Action::interrupt || l.action == Action::listen;
      if (of_seize && !h.has(Feature::seize)) continue;
      const bool resumes = l.action >= Action::cont && l.action <= Action::detach;
      bool &any = l.err == Err::esrch || l.err == Err::ebusy
                      ? refused[l.action]
                      : answered[{l.action, resumes ? 0 : l.arg}];
      any = any || h.interpreter->enabled(i, *h.state);
    }
    for (const auto &[request, any] : answered)
      if (!any && !refused[request.first]) return false;
  }
  return true;
}

bool course_goes_on(const Hand &h, const HandThread &t) {
  const Model &m = h.interpreter->model;
  const bool woken = t.loc >= Loc::entry_woken && t.loc <= Loc::tty_window;
  const bool ends = t.loc >= Loc::group_exit && t.loc <= Loc::exit_notify;
  if (!woken && !ends && t.loc != Loc::execed) return true;
  if (h.core && (t.loc == Loc::group_exit || t.loc == Loc::exit_event || t.loc == Loc::exit_notify))
    return true;  // a core dump is waited for, or waits
  for (std::size_t i = 0; i < m.instances.size(); ++i) {
    const Rule &r = *m.instances[i].rule;
    if (m.instances[i].thread == t.number && r.actor == Actor::kernel && r.id != "attach.wakes" &&
        r.id != "tracer.exit.unlink" && r.id != "child.sigchld" &&
        h.interpreter->enabled(i, *h.state))
      return true;
  }
  return false;
}

bool jobctl_trap_signal(const Hand &h, const HandThread &t) {
  if (t.loc != Loc::event_trap && t.loc != Loc::group_trap) return true;
  if (t.sig == TRAP) return t.loc == Loc::event_trap || h.has(Feature::stop_options);
  return stops(t.sig);
}

// ---- Group-stop ---------------------------------------------------------------------------------

bool stop_count_consumers(const Hand &h) {
  if (h.group_exit) return true;
  Value owing = 0;
  bool somebody_lives = false;
  for (const HandThread &t : h.threads) {
    if (t.consume) ++owing;
    if (t.exists() && !t.pf_exiting()) somebody_lives = true;
  }
  return !somebody_lives || owing == h.stop_count;
}

bool stop_consume_pending(const Hand &, const HandThread &t) {
  return !t.consume || (t.stop_pending && stops(t.stopsig));
}

bool stop_pending_group(const Hand &h, const HandThread &t) {
  return !t.stop_pending || (!h.group_exit && h.stops_or_is_stopped());
}

bool stopped_untraced(const Hand &h, const HandThread &t) {
  if (t.loc != Loc::stopped) return true;
  return !t.traced() && !t.pending[KILL] && h.stops_or_is_stopped();
}

bool stop_signal_known(const Hand &h, const HandThread &t) {
  if (!h.stops_or_is_stopped() || !t.exists() || t.pf_exiting()) return true;
  return stops(t.stopsig);
}

bool stop_code_group(const Hand &h) {
  if (h.stop_code == 0) return h.stop_count == 0 || h.jobs == 1;
  return stops(h.stop_code) && h.stops_or_is_stopped();
}

// ---- Signals
// -------------------------------------------------------------------------------------

bool sigcont_no_stop_signal(const Hand &h) {
  if (h.group_exit || !h.somewhere(CONT)) return true;
  return !h.somewhere(STOP) && !h.somewhere(TSTP) && !h.somewhere(TTIN) && !h.somewhere(TTOU);
}

bool sig_trap_signal(const Hand &, const HandThread &t) {
  return t.loc != Loc::sig_trap || (t.sig != NONE && t.sig != KILL);
}

bool sigpending_set(const Hand &, const HandThread &t) {
  if (t.sigpending || (t.loc != Loc::user && t.loc != Loc::body)) return true;
  if (t.stop_pending || t.trap_stop || t.trap_notify) return false;
  for (int s = 0; s < SIG_COUNT; ++s)
    if (t.pending[s] && !t.blocked[s]) return false;
  return true;
}

bool killed_awake(const Hand &, const HandThread &t) {
  return !t.pending[KILL] || (!t.trapped() && !t.listening);
}

// ---- Death
// ---------------------------------------------------------------------------------------

bool group_exit_no_job_control(const Hand &h) {
  if (!h.group_exit) return true;
  for (const HandThread &t : h.threads)
    if (t.stop_pending || t.consume || (t.pending[KILL] && t.dequeued)) return false;
  return h.jobs == 0 && h.cld == 0 && h.stop_count == 0 && h.stop_code == 0;
}

bool group_exit_kills_all(const Hand &h, const HandThread &t) {
  return !h.group_exit || !t.exists() || t.has_begun_to_exit() || t.pending[KILL];
}

bool core_dumper(const Hand &h, const HandThread &t) {
  return h.core != static_cast<Value>(t.number) + 1 || (h.group_exit && t.loc == Loc::group_exit);
}

// Who dumps core goes on, unless a thread has still to come to the place where it waits.
bool core_ends(const Hand &h) {
  if (!h.core) return true;
  const bool early = h.has(Feature::dump_before_exit_event);
  for (const HandThread &t : h.threads) {
    if (static_cast<Value>(t.number) + 1 == h.core || !t.exists()) continue;
    const bool there = early ? t.loc == Loc::exit_event || t.loc == Loc::exit_event_trap ||
                                   t.loc == Loc::exit_signals || t.pf_exiting()
                             : t.pf_exiting();
    if (!there) return true;
  }
  const Model &m = h.interpreter->model;
  for (std::size_t i = 0; i < m.instances.size(); ++i)
    if (m.instances[i].rule->id == "core.end" && h.interpreter->enabled(i, *h.state)) return true;
  return false;
}

bool exiting_clean(const Hand &, const HandThread &t) {
  if (!t.pf_exiting()) return true;
  for (bool signal : t.pending)
    if (signal) return false;
  return t.stopsig == 0 && !t.stop_pending && !t.consume && !t.dequeued && !t.trap_stop &&
         !t.trap_notify && !t.trapping && !t.listening;
}

// ---- New programs

bool exec_waits(const Hand &h) {
  std::size_t alive = 0;
  for (const HandThread &t : h.threads) alive += t.exists();
  for (const HandThread &t : h.threads) {
    const bool waits = t.loc == Loc::exec_wait;
    const bool named = h.exec_task == static_cast<Value>(t.number) + 1;
    if (named && !waits) return false;
    if (waits && !named && alive != 1) return false;
  }
  return true;
}

bool exec_alone(const Hand &h) {
  std::size_t alive = 0, execed = 0;
  for (const HandThread &t : h.threads) {
    alive += t.exists();
    if (t.loc != Loc::execed) continue;
    ++execed;
    if (!t.leader) return false;
  }
  return execed == 0 || alive == 1;
}

bool released_empty(const Hand &, const HandThread &t) { return t.exists() || t.all_zero; }

// ---- Normal form
// ---------------------------------------------------------------------------------

bool normal_form_thread(const Hand &, const HandThread &t) {
  if (!t.exists()) return true;
  const bool in_syscall_stop = t.loc == Loc::entry_trap || t.loc == Loc::exit_trap;
  const bool in_jobctl_trap = t.loc == Loc::event_trap || t.loc == Loc::group_trap;
  const bool delivers = t.loc == Loc::sig_trap || t.loc == Loc::sig_woken;
  const bool has_signal = in_syscall_stop || in_jobctl_trap || delivers ||
                          t.loc == Loc::entry_woken || t.loc == Loc::exit_woken ||
                          t.loc == Loc::tty_window || t.loc == Loc::step_trap;
  if (t.sig && !has_signal) return false;
  if (t.info && !delivers && t.loc != Loc::group_trap) return false;
  if (t.shared && !delivers) return false;
  if (t.forged && !t.trapped()) return false;
  if ((t.report || t.owes_tracer) && !t.trapped()) return false;
  const bool reports = t.loc == Loc::ptrace_event_trap || t.loc == Loc::forked;
  if (t.event && !reports && t.loc != Loc::forking) return false;
  if (t.message && !reports && t.loc != Loc::vfork_wait && t.loc != Loc::execed) return false;
  if (t.by && !t.traced()) return false;
  if (t.vforked && !t.leader) return false;
  if (t.good && !in_syscall_stop) return false;
  if (t.call && t.has_begun_to_exit()) return false;
  const bool makes_child = t.call >= static_cast<Value>(SysCall::fork);
  const bool made = reports || t.loc == Loc::vfork_wait;
  if (t.flags && !t.again && (!makes_child || made)) return false;
  if (t.again && t.has_begun_to_exit()) return false;
  const bool in_exit_call = t.call == static_cast<Value>(SysCall::exit) ||
                            t.call == static_cast<Value>(SysCall::exit_group);
  if (t.status && !t.has_begun_to_exit() && !in_exit_call) return false;
  const bool may_not_look = t.loc == Loc::user || t.loc == Loc::body || t.loc == Loc::entry_trap ||
                            t.loc == Loc::entry_woken || t.loc == Loc::seccomp;
  if (t.sigpending && !may_not_look) return false;
  if ((t.listening || t.cause) && !in_jobctl_trap) return false;
  if (t.next_cause && !t.trap_stop && !t.trap_notify) return false;
  for (int s = 0; s < SIG_COUNT; ++s)
    if (t.pending_info[s] && !t.pending[s]) return false;
  return true;
}

bool normal_form_process(const Hand &h) {
  const bool sigchld = h.has(Feature::sigchld);
  const bool reaped = h.has(Feature::reaps);  // the second process
  if (h.cld && !(h.process == 0 ? sigchld : reaped)) return false;
  if (h.notice && !reaped) return false;
  if (h.parent_state == 2 && (h.parent_ignores || h.chld_parent[0])) return false;
  if (h.stop_code && h.group_exit) return false;
  if ((h.death || h.core) && !h.group_exit) return false;
  for (const HandTracer &t : h.tracers) {
    if (t.dead && t.attaching) return false;
    if (t.chld[0] && (!sigchld || (t.dead && !h.has(Feature::tracer_threads)))) return false;
    if (!t.chld[0] && (t.chld[1] || t.chld[2])) return false;
  }
  if (!sigchld && h.chld_parent[0]) return false;
  if (h.has(Feature::parent_is_tracer) && h.chld_parent[0]) return false;
  return h.chld_parent[0] || !(h.chld_parent[1] || h.chld_parent[2]);
}

struct Invariant {
  std::string_view id;
  bool (*holds)(const Hand &);
};
constexpr Invariant kInvariants[] = {
    {"trap.traced", each<trap_traced>},
    {"listening.trapped", each<listening_trapped>},
    {"trapping.traps", each<trapping_traps>},
    {"trapping.ends", each<trapping_ends>},
    {"group_trap.attached", each<group_trap_attached>},
    {"event_trap.seized", each<event_trap_seized>},
    {"trap_notify.seized", each<trap_notify_seized>},
    {"untraced.clean", each<untraced_clean>},
    {"jobctl_trap.signal", each<jobctl_trap_signal>},
    {"stop_count.consumers", stop_count_consumers},
    {"stop_consume.pending", each<stop_consume_pending>},
    {"stop_pending.group", each<stop_pending_group>},
    {"stopped.untraced", each<stopped_untraced>},
    {"stop_signal.known", each<stop_signal_known>},
    {"stop_code.group", stop_code_group},
    {"sigcont.no_stop_signal", sigcont_no_stop_signal},
    {"sig_trap.signal", each<sig_trap_signal>},
    {"sigpending.set", each<sigpending_set>},
    {"killed.awake", each<killed_awake>},
    {"released.empty", each<released_empty>},
    {"group_exit.no_job_control", group_exit_no_job_control},
    {"group_exit.kills_all", each<group_exit_kills_all>},
    {"core.dumper", each<core_dumper>},
    {"core.ends", core_ends},
    {"exiting.clean", each<exiting_clean>},
    {"request.answered", request_answered},
    {"wait.answered", wait_answered},
    {"sigchld.answered", sigchld_answered},
    {"course.goes_on", each<course_goes_on>},
    {"exec.waits", exec_waits},
    {"exec.alone", exec_alone},
    {"normal_form.thread", each<normal_form_thread>},
    {"normal_form.process", normal_form_process},
};

}  // namespace

std::vector<std::string_view> hand_invariants() {
  std::vector<std::string_view> ids;
  for (const Invariant &i : kInvariants) ids.push_back(i.id);
  return ids;
}

std::vector<bool> by_hand(const Interpreter &interpreter, const Config &config, const State &s) {
  std::vector<bool> all(std::size(kInvariants), true);
  for (int p = 0; p < interpreter.model.processes(); ++p) {
    const Hand hand = decode(interpreter, config, s, p);
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = all[i] && kInvariants[i].holds(hand);
  }
  return all;
}

}  // namespace ptmc::model
