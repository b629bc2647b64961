// The normal form: a field that means nothing at a control location is zero there, so that states
// that differ in it are one. What each means, and where, say the comments of state.hpp.

#include "model/property_parts.hpp"

namespace ptmc::model {
namespace {

using enum Loc;

struct Meaning {
  Field field;
  Expr where;
};

std::vector<Meaning> thread_fields(const View &v, int t) {
  const ThreadFields &f = v.t(t);
  const Expr alive = v.exists(t) && !v.exits(t);
  const Expr calls_exit = eq(v.get(f.call), static_cast<Value>(SysCall::exit)) ||
                          eq(v.get(f.call), static_cast<Value>(SysCall::exit_group));
  const Expr makes_child = !less(v.get(f.call), constant(static_cast<Value>(SysCall::fork)));
  const Expr jobctl_trap = v.at(t, {event_trap, group_trap});
  std::vector<Meaning> all{
      {f.sig, jobctl_trap || v.at(t, {entry_trap, exit_trap, step_trap, sig_trap, entry_woken,
                                      exit_woken, sig_woken, tty_window})},
      {f.info, v.at(t, {sig_trap, sig_woken, group_trap})},
      {f.forged, v.in_trap(t)},
      {f.shared, v.at(t, {sig_trap, sig_woken})},
      {f.report, v.in_trap(t)},
      {f.event, v.at(t, {ptrace_event_trap, forking, forked})},
      {f.message, v.at(t, {ptrace_event_trap, forked, vfork_wait, execed})},
      {f.good, v.at(t, {entry_trap, exit_trap})},
      {f.call, alive},
      {f.flags,
       (makes_child && !v.at(t, {forked, ptrace_event_trap, vfork_wait})) || ne(v.get(f.again), 0)},
      {f.again, alive},
      // An exit's system call carries its status from its entry.
      {f.status, v.exits(t) || calls_exit},
      {f.by, v.traced(t)},
      {f.owes_tracer, v.in_trap(t)},
      {f.owes_parent, v.exists(t)},
      {f.systrace, alive || v.exits(t)},
      {f.emulate, alive || v.exits(t)},
      {f.step, alive || v.exits(t)},
      {f.vforked, truth(v.m.schema.is_leader(t)) && v.exists(t)},
      {f.sigpending, v.at(t, {user, body, seccomp, entry_trap, entry_woken})},
      {f.listening, jobctl_trap},
      {f.cause, jobctl_trap},
      {f.trap_cause, v.get(f.trap_stop) || v.get(f.trap_notify)},
  };
  for (Sig sig : v.m.signals())
    if (sig != KILL) all.push_back({f.kinfo[sig], v.get(f.pend[sig])});
  return all;
}

std::vector<Meaning> process_fields(const View &v) {
  const ProcessFields &p = *v.p;
  const SigchldFields &to_parent = v.m.schema.parent.chld;
  const Expr sigchld = v.m.on(Feature::sigchld);
  const Expr parent_lives = ne(v.get(v.m.schema.parent.state), static_cast<Value>(Parent::gone));
  const Expr tells = v.p == &v.m.schema.process[0] ? sigchld : v.m.on(Feature::reaps);
  const Expr parent_told = ne(v.get(to_parent.code), 0);
  std::vector<Meaning> all{
      {p.cld, tells},
      {p.notice, v.m.on(Feature::reaps)},
      {v.m.schema.parent.ignores, parent_lives},
      {p.stop_code, !v.get(p.group_exit)},
      {p.death, v.get(p.group_exit)},
      {p.core, v.get(p.group_exit)},
      {to_parent.code, sigchld && !v.m.on(Feature::parent_is_tracer) && parent_lives},
      {to_parent.status, parent_told},
      {to_parent.thread, parent_told},
  };
  for (const TracerFields &tracer : v.m.schema.tracers) {
    const Expr lives = !v.get(tracer.dead), told = ne(v.get(tracer.chld.code), 0);
    all.push_back({tracer.attaching, lives});
    all.push_back({tracer.chld.code, sigchld && (lives || truth(v.m.schema.shape.tracer_threads))});
    all.push_back({tracer.chld.status, told});
    all.push_back({tracer.chld.thread, told});
  }
  return all;
}

Expr zero_elsewhere(const View &v, const std::vector<Meaning> &all) {
  Expr normal = truth(true);
  for (const Meaning &m : all) normal = normal && implies(ne(v.get(m.field), 0), m.where);
  return normal;
}

}  // namespace

void normal_form_laws(Laws &all) {
  state_law(
      all,
      {"normal_form.thread", "A thread's field that means nothing at its control location is zero",
       "A thread exists", "the comments of model/state.hpp", anywhere, anywhere},
      [](const View &, int) { return truth(true); },
      [](const View &v, int t) {
        return implies(v.exists(t), zero_elsewhere(v, thread_fields(v, t)));  // else released.empty
      });

  state_law(
      all,
      {"normal_form.process", "A field of the process that means nothing in a state is zero there",
       "A state is reached", "the comments of model/state.hpp", anywhere, anywhere},
      [](const View &, int) { return truth(true); },
      [](const View &v, int) { return zero_elsewhere(v, process_fields(v)); });
}

}  // namespace ptmc::model
