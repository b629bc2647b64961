#include "tests/properties_hand_state.hpp"

namespace ptmc::model {

Hand decode(const Interpreter &interpreter, const Config &config, const State &s) {
  const Schema &schema = interpreter.model.schema;
  auto get = [&](Field f) { return schema.get(s, f); };
  Hand h{&interpreter, &s, config, {}};
  const ProcessFields &p = schema.process[0];
  const SigchldFields &tracer = schema.tracer.chld, &parent = schema.parent.chld;
  h.group_exit = get(p.group_exit), h.tracer_dead = get(schema.tracer.dead);
  h.exec_task = get(p.exec_task);
  h.jobs = get(p.jobs), h.cld = get(p.cld), h.stop_count = get(p.stop_count);
  h.stop_code = get(p.stop_code), h.death = get(p.death),
  h.attaching = get(schema.tracer.attaching);
  h.chld_tracer[0] = get(tracer.code), h.chld_parent[0] = get(parent.code);
  h.chld_tracer[1] = get(tracer.status), h.chld_tracer[2] = get(tracer.thread);
  h.chld_parent[1] = get(parent.status), h.chld_parent[2] = get(parent.thread);
  for (int i = 0; i < SIG_COUNT; ++i) h.pending[i] = get(p.pend[i]);
  for (const ThreadFields &f : schema.thread) {
    HandThread &t = h.threads.emplace_back();
    t.number = static_cast<int>(h.threads.size()) - 1;
    t.loc = static_cast<Loc>(get(f.loc));
    t.sig = get(f.sig), t.info = get(f.info), t.event = get(f.event), t.call = get(f.call);
    t.flags = get(f.flags);
    t.status = get(f.status), t.stopsig = get(f.stopsig), t.tracing = get(f.tracing);
    t.cause = get(f.cause), t.next_cause = get(f.trap_cause);
    t.shared = get(f.shared), t.report = get(f.report), t.good = get(f.good);
    t.owes_tracer = get(f.owes_tracer), t.owes_parent = get(f.owes_parent);
    t.forged = get(f.forged), t.message = get(f.message), t.emulate = get(f.emulate),
    t.step = get(f.step);
    t.vforked = get(f.vforked), t.systrace = get(f.systrace), t.sigpending = get(f.sigpending);
    t.stop_pending = get(f.stop_pending), t.consume = get(f.consume), t.dequeued = get(f.dequeued);
    t.trap_stop = get(f.trap_stop), t.trap_notify = get(f.trap_notify);
    t.trapping = get(f.trapping), t.listening = get(f.listening);
    for (int o = 0; o < OPTION_COUNT; ++o) t.options[o] = get(f.option[o]);
    for (int i = 0; i < SIG_COUNT; ++i) {
      t.pending[i] = get(f.pend[i]), t.pending_info[i] = get(f.kinfo[i]);
      t.blocked[i] = get(f.mask[i]) || get(f.handling[i]);
    }
    if (t.exists()) continue;
    const int number = static_cast<int>(h.threads.size()) - 1;
    for (Field x = 0; x < schema.size(); ++x)
      if (schema[x].thread == number && x != f.loc && get(x)) t.all_zero = false;
  }
  return h;
}

}  // namespace ptmc::model
