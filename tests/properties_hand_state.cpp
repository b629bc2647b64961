#include "tests/properties_hand_state.hpp"

namespace ptmc::model {

Hand decode(const Interpreter &interpreter, const Config &config, const State &s, int process) {
  const Schema &schema = interpreter.model.schema;
  auto get = [&](Field f) { return schema.get(s, f); };
  Hand h;
  h.interpreter = &interpreter, h.state = &s, h.config = config, h.process = process;
  const ProcessFields &p = schema.process[static_cast<std::size_t>(process)];
  const SigchldFields &parent = schema.parent.chld;
  for (const TracerFields &f : schema.tracers)
    h.tracers.push_back({get(f.dead) != 0,
                         get(f.attaching),
                         {get(f.chld.code), get(f.chld.status), get(f.chld.thread)}});
  h.group_exit = get(p.group_exit), h.notice = get(p.notice);
  h.exec_task = get(p.exec_task), h.core = get(p.core);
  h.parent_state = get(schema.parent.state), h.parent_ignores = get(schema.parent.ignores);
  h.jobs = get(p.jobs), h.cld = get(p.cld), h.stop_count = get(p.stop_count);
  h.stop_code = get(p.stop_code), h.death = get(p.death);
  h.chld_parent[0] = get(parent.code), h.chld_parent[1] = get(parent.status),
  h.chld_parent[2] = get(parent.thread);
  for (int i = 0; i < SIG_COUNT; ++i) h.pending[i] = get(p.pend[i]);
  for (const int number : schema.group(process)) {
    const ThreadFields &f = schema.thread[static_cast<std::size_t>(number)];
    HandThread &t = h.threads.emplace_back();
    t.number = number, t.leader = h.threads.size() == 1;
    t.loc = static_cast<Loc>(get(f.loc));
    t.sig = get(f.sig), t.info = get(f.info), t.event = get(f.event), t.call = get(f.call);
    t.flags = get(f.flags), t.again = get(f.again), t.by = get(f.by);
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
    for (Field x = 0; x < schema.size(); ++x)
      if (schema[x].thread == number && x != f.loc && get(x)) t.all_zero = false;
  }
  return h;
}

}  // namespace ptmc::model
