// What is shown for any number of threads, and the lemmas that it needs.

#include <algorithm>
#include <stdexcept>

#include "checker/any_threads.hpp"
#include "model/property_parts.hpp"

namespace ptmc::checker {

using namespace model;  // NOLINT: names of the whole file
using enum Feature;

namespace {

const Property &known(const std::string &id) {
  for (const Property &p : model::properties())
    if (p.id == id) return p;
  throw std::logic_error("no property " + id);
}

// What the list of properties does not say of a group-stop.
Laws group_laws() {
  Laws all;
  step_law(
      all,
      {"group_stop.completes",
       "A group becomes stopped only as group_stop_count is 0, and when group_stop_count becomes 0 "
       "the group is stopped, unless SIGCONT, its death or an execve ends the group-stop",
       "A group-stop is complete", "task_participate_group_stop, 6.1; R81", anywhere, anywhere},
      [](const StepView &s, int) {
        const View &b = s.before, &a = s.after;
        const Expr completes = !b.jobs_are(Jobs::stopped) && a.jobs_are(Jobs::stopped);
        const Expr reached = ne(b.get(b.p->stop_count), 0) && eq(a.get(a.p->stop_count), 0);
        return completes || reached;
      },
      [](const StepView &s, int) {
        const View &a = s.after;
        const Expr ends =
            truth(s.sends(CONT)) || a.get(a.p->group_exit) || ne(a.get(a.p->exec_task), 0);
        return eq(a.get(a.p->stop_count), 0) && (a.jobs_are(Jobs::stopped) || ends);
      });
  step_law(
      all,
      {"parent.told_once",
       "A thread comes to owe the real parent the report of a group-stop only by a step of its own "
       "that completes the group-stop",
       "A thread owes the real parent a report", "task_participate_group_stop, 6.1; R81, R92",
       where({sigchld}), anywhere},
      [](const StepView &s, int t) {
        return !s.before.get(s.before.t(t).owes_parent) && s.after.get(s.after.t(t).owes_parent);
      },
      [](const StepView &s, int t) {
        return truth(s.step.thread == t) && !s.before.jobs_are(Jobs::stopped) &&
               s.after.jobs_are(Jobs::stopped);
      });
  step_law(
      all,
      {"group_stop.ends", "A stopped group stays so until SIGCONT or its death",
       "A stopped group is stopped no more", "prepare_signal, 6.1; R44, R49", anywhere, anywhere},
      [](const StepView &s, int) {
        return s.before.jobs_are(Jobs::stopped) && !s.after.jobs_are(Jobs::stopped);
      },
      [](const StepView &s, int) {
        return truth(s.sends(CONT)) || s.after.get(s.after.p->group_exit);
      });
  return all;
}

Expr owes_nothing(const View &v, int t) {
  return !v.get(v.t(t).owes_tracer) && !v.get(v.t(t).owes_parent);
}

// SIGKILL may come to a thread of a group in exit.
bool taken_in_exit(const Config &c) { return !c[dying_drops_signals]; }

Laws lemmas() {
  Laws all;
  state_law(
      all,
      {"lemma.stop_pending.alive",
       "A thread with STOP_PENDING exists, is not PF_EXITING, not STOPPED, and SIGKILL is not "
       "pending for it",
       "STOP_PENDING is set", "task_set_jobctl_pending, exit_signals, 6.1", anywhere, anywhere},
      [](const View &v, int t) { return v.get(v.t(t).stop_pending); },
      [](const View &v, int t) {
        return v.exists(t) && !v.exiting(t) && !v.killed(t) && !v.at(t, {Loc::stopped});
      });
  state_law(
      all,
      {"lemma.sigkill.ends_group",
       "SIGKILL is pending for a thread only in a group in exit, or while a thread execs",
       "SIGKILL is pending", "complete_signal, zap_other_threads, 6.1; R49", anywhere, anywhere},
      [](const View &v, int t) { return v.killed(t); },
      [](const View &v, int) { return v.get(v.p->group_exit) || ne(v.get(v.p->exec_task), 0); });
  state_law(
      all,
      {"lemma.tracee.exists", "A thread that has a tracer exists", "A thread is traced",
       "ptrace_link, release_task, 6.1", anywhere, anywhere},
      [](const View &v, int t) { return v.traced(t); },
      [](const View &v, int t) { return v.exists(t); });
  state_law(
      all,
      {"lemma.tty.signal",
       "A thread that asks whether its process group is orphaned has a stop signal at hand",
       "siglock is dropped for a terminal's stop signal", "get_signal, 6.1; R75", anywhere,
       anywhere},
      [](const View &v, int t) { return v.at(t, {Loc::tty_window}); },
      [](const View &v, int t) { return v.is_stop_signal(v.t(t).sig); });
  state_law(
      all,
      {"lemma.no_exec", "Where nothing calls execve no thread waits in de_thread",
       "There is no execve", "de_thread, 6.1", [](const Config &c) { return !c[execs]; }, anywhere},
      [](const View &, int) { return truth(true); },
      [](const View &v, int) { return eq(v.get(v.p->exec_task), 0); });
  state_law(
      all,
      {"lemma.group_exit.not_dequeued",
       "Where a group in exit takes signals, none of its threads has STOP_DEQUEUED",
       "A thread is in a group in exit", "zap_other_threads, complete_signal, 3.1; R49",
       taken_in_exit, anywhere},
      [](const View &v, int t) { return v.get(v.p->group_exit) && v.exists(t); },
      [](const View &v, int t) { return !v.get(v.t(t).dequeued); });
  state_law(
      all,
      {"lemma.listening.trapped", "A listening thread is in a trap", "A thread is listening",
       "ptrace_request, ptrace_stop, 3.1", taken_in_exit, anywhere},
      [](const View &v, int t) { return v.get(v.t(t).listening); },
      [](const View &v, int t) { return v.in_trap(t); });
  state_law(
      all,
      {"lemma.owes_nothing", "Where SIGCHLD is not state nobody owes a notification",
       "SIGCHLD is not state", "the profile", [](const Config &c) { return !c[sigchld]; },
       anywhere},
      [](const View &, int) { return truth(true); },
      [](const View &v, int t) { return owes_nothing(v, t) && eq(v.get(v.p->cld), 0); });
  return all;
}

}  // namespace

std::vector<CrowdProperty> crowd_properties(const Config &config) {
  std::vector<CrowdProperty> all;
  for (const char *id : {"stop_count.consumers", "parent.armed_once", "parent.armed",
                         "parent.disarmed", "stop_signal.known", "trapping.traps"})
    all.push_back({known(id), CrowdProperty::group, id == std::string("stop_count.consumers")});
  for (const Property &p : group_laws()) all.push_back({p, CrowdProperty::group});
  all.push_back({known("trapping.ends"), CrowdProperty::consequence});
  for (const char *id : {"stop_consume.pending", "stop_pending.group", "stopped.untraced",
                         "stop_code.group", "group_exit.no_job_control"})
    all.push_back({known(id), CrowdProperty::lemma});
  if (taken_in_exit(config)) all.push_back({known("group_exit.kills_all"), CrowdProperty::lemma});
  for (const Property &p : lemmas()) all.push_back({p, CrowdProperty::lemma});
  std::erase_if(all, [&](const CrowdProperty &p) {
    return p.property.kind != PropertyKind::always || !p.property.applies(config);
  });
  return all;
}

}  // namespace ptmc::checker
