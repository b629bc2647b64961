#include "model/state.hpp"

#include <algorithm>
#include <bit>
#include <cassert>

namespace ptmc::model {

bool Shape::has(Sig s) const {
  return std::find(signals.begin(), signals.end(), s) != signals.end();
}

Field Schema::add(int thread, std::string name, int bits, bool truth) {
  // A field lies within one word; words are filled in order.
  int word = 0, shift = 0;
  if (!fields_.empty()) {
    word = fields_.back().word;
    shift = fields_.back().shift + fields_.back().bits;
    if (shift + bits > 64) ++word, shift = 0;
  }
  assert(word < static_cast<int>(kMaxWords));
  words_ = static_cast<std::size_t>(word) + 1;
  fields_.push_back({std::move(name), bits, word, shift, truth, thread});
  return static_cast<Field>(fields_.size() - 1);
}

Schema::Schema(const Shape &shape) : shape(shape) {
  constexpr int kSigBits = std::bit_width(static_cast<unsigned>(SIG_COUNT - 1));
  constexpr int kStatusBits = std::bit_width(killed_by(OTHER));
  auto per_signal = [&](int t, const char *name, int bits, auto wanted) {
    std::array<Field, SIG_COUNT> fields;
    fields.fill(kNoField);
    for (Sig s : shape.signals)
      if (wanted(s))
        fields[s] =
            add(t, std::string(name) + "." + std::string(kSignals[s].name), bits, bits == 1);
    return fields;
  };
  auto flag = [&](int t, const char *name) { return add(t, name, 1, true); };

  ProcessFields &p = process;
  p.pend = per_signal(-1, "pending", 1, [](Sig) { return true; });
  p.disposition = per_signal(-1, "disposition", 2, is_blockable);
  p.jobs = add(-1, "jobs", 2);
  p.cld = add(-1, "cld", 2);
  p.group_exit = flag(-1, "group_exit");
  p.stop_count = add(-1, "group_stop_count", 3);
  p.stop_code = add(-1, "stop_code", kSigBits);
  p.death = add(-1, "death", kStatusBits);
  p.tracer_dead = flag(-1, "tracer_dead");
  p.parent_ignores = flag(-1, "parent_ignores");
  p.attaching = add(-1, "attaching", 3);
  p.chld_tracer = add(-1, "tracer_sigchld", 3);
  p.chld_tracer_status = add(-1, "tracer_sigchld_status", kStatusBits);
  p.chld_tracer_thread = add(-1, "tracer_sigchld_thread", 2);
  p.chld_parent = add(-1, "parent_sigchld", 3);
  p.chld_parent_status = add(-1, "parent_sigchld_status", kStatusBits);
  p.chld_parent_thread = add(-1, "parent_sigchld_thread", 2);

  for (int t = 0; t < shape.threads; ++t) {
    ThreadFields &f = thread.emplace_back();
    f.loc = add(t, "loc", 5);
    f.sig = add(t, "sig", kSigBits);
    f.info = add(t, "info", 2);
    f.shared = flag(t, "shared");
    f.report = flag(t, "report");
    f.event = add(t, "event", 3);
    f.good = flag(t, "good");
    f.call = add(t, "call", 3);
    f.status = add(t, "status", kStatusBits);
    f.owes_tracer = flag(t, "owes_tracer");
    f.owes_parent = flag(t, "owes_parent");
    f.tracing = add(t, "traced", 2);
    for (int o = 0; o < OPTION_COUNT; ++o)
      f.option[o] = add(t, "option." + std::string(kOptionNames[o]), 1, true);
    f.systrace = flag(t, "syscall_trace");
    f.sigpending = flag(t, "sigpending");
    f.pend = per_signal(t, "private", 1, [](Sig) { return true; });
    f.kinfo = per_signal(t, "private_info", 2, [](Sig s) { return s != KILL; });
    f.mask = per_signal(t, "blocked", 1, is_blockable);
    f.handling = per_signal(t, "handling", 1, is_blockable);
    f.stopsig = add(t, "stop_signal", kSigBits);
    f.stop_pending = flag(t, "STOP_PENDING");
    f.consume = flag(t, "STOP_CONSUME");
    f.dequeued = flag(t, "STOP_DEQUEUED");
    f.trap_stop = flag(t, "TRAP_STOP");
    f.trap_notify = flag(t, "TRAP_NOTIFY");
    f.trapping = flag(t, "TRAPPING");
    f.listening = flag(t, "LISTENING");
    f.cause = add(t, "cause", 3);
    f.trap_cause = add(t, "next_cause", 3);
  }
}

}  // namespace ptmc::model
