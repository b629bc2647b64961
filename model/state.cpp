#include "model/state.hpp"

#include <algorithm>
#include <bit>
#include <numeric>
#include <stdexcept>

namespace ptmc::model {
namespace {

constexpr int kSigBits = std::bit_width(static_cast<unsigned>(SIG_COUNT - 1));

int status_bits(const Shape &shape) {
  return std::bit_width(killed_by(*std::max_element(shape.signals.begin(), shape.signals.end())));
}

}  // namespace

bool Shape::has(Sig s) const {
  return std::find(signals.begin(), signals.end(), s) != signals.end();
}

bool Shape::synchronous(Sig s) const {
  constexpr std::uint64_t kSynchronous =
      1u << 4 | 1u << 5 | 1u << 7 | 1u << 8 | 1u << 11 | 1u << 31;
  return number(s) < 32 && (kSynchronous >> number(s) & 1);
}

bool Shape::before(Sig first, Sig second) const {
  // Synchronous signals come first, then it goes by number (next_signal).
  const auto place = [&](Sig s) {
    return (number(s) ? number(s) : 65 + s) + (synchronous(s) ? 0 : 128);
  };
  return place(first) < place(second);
}

Field Schema::add(int process, int thread, std::string name, int bits, bool truth) {
  if (bits == 0) return kNoField;  // it has one value only
  // A field lies within one word; words are filled in order.
  int word = 0, shift = 0;
  if (!fields_.empty()) {
    word = fields_.back().word;
    shift = fields_.back().shift + fields_.back().bits;
    if (shift + bits > 64) ++word, shift = 0;
  }
  if (word >= static_cast<int>(kMaxWords)) throw std::length_error("the state has too many fields");
  words_ = static_cast<std::size_t>(word) + 1;
  fields_.push_back({std::move(name), bits, word, shift, truth, process, thread, 0});
  return static_cast<Field>(fields_.size() - 1);
}

std::vector<int> Schema::group(int process) const {
  std::vector<int> all(static_cast<std::size_t>(shape.threads));
  std::iota(all.begin(), all.end(), leader(process));
  return all;
}

std::array<Field, SIG_COUNT> Schema::per_signal(int process, int thread, const char *name, int bits,
                                                bool (*wanted)(Sig)) {
  std::array<Field, SIG_COUNT> fields;
  fields.fill(kNoField);
  for (Sig s : shape.signals)
    if (!wanted || wanted(s))
      fields[s] = add(process, thread, std::string(name) + "." + std::string(kSignals[s].name),
                      bits, bits == 1);
  return fields;
}

std::array<Field, kOthers> Schema::more_queued(int process, int thread) {
  std::array<Field, kOthers> fields;
  fields.fill(kNoField);
  for (Sig s : shape.signals)
    if (is_other(s))
      fields[s - OTHER] = add(process, thread, "pending_more." + std::string(kSignals[s].name),
                              std::bit_width(static_cast<unsigned>(shape.most_queued(s) - 1)));
  return fields;
}

ProcessFields Schema::add_process(int k) {
  ProcessFields p;
  p.pend = per_signal(k, -1, "pending", 1, nullptr);
  p.more = more_queued(k, -1);
  p.disposition = per_signal(k, -1, "disposition", 2, is_blockable);
  p.jobs = add(k, -1, "jobs", 2);
  p.cld = add(k, -1, "cld", 2);
  p.group_exit = add(k, -1, "group_exit", 1, true);
  p.stop_count = add(k, -1, "group_stop_count", 3);
  p.stop_code = add(k, -1, "stop_code", kSigBits);
  p.death = add(k, -1, "death", status_bits(shape));
  const auto thread_bits = std::bit_width(static_cast<unsigned>(shape.all_threads()));
  p.exec_task = add(k, -1, "exec_task", thread_bits);
  p.core = add(k, -1, "core", thread_bits);
  p.clone_child = add(k, -1, "clone_child", 1, true);
  p.company = add(k, -1, "company", shape.open ? 2 : 0);
  p.notice = add(k, -1, "notice", k > 0 ? 1 : 0, true);
  return p;
}

ThreadFields Schema::add_thread(int t) {
  const int k = process_of(t);
  auto field = [&](const char *name, int bits) { return add(k, t, name, bits); };
  auto flag = [&](const char *name) { return add(k, t, name, 1, true); };
  ThreadFields f;
  f.loc = field("loc", 5);
  f.sig = field("sig", kSigBits);
  f.info = field("info", 3);
  f.forged = field("forged", std::bit_width(shape.siginfos.size()));
  f.shared = flag("shared");
  f.report = flag("report");
  f.event = field("event", 3);
  f.message = field("message", std::bit_width(static_cast<unsigned>(shape.all_threads())));
  f.good = flag("good");
  f.call = field("call", 4);
  f.flags = field("clone_flags", std::bit_width(kCloneFlags - 1));
  f.again = field("call_again", 4);
  f.status = field("status", status_bits(shape));
  f.owes_tracer = flag("owes_tracer");
  f.owes_parent = flag("owes_parent");
  f.tracing = field("traced", 2);
  f.by = field("tracer", std::bit_width(static_cast<unsigned>(shape.tracers - 1)));
  for (int o = 0; o < OPTION_COUNT; ++o)
    f.option[o] = flag(("option." + std::string(kOptionNames[o])).c_str());
  f.systrace = flag("syscall_trace");
  f.emulate = flag("syscall_emulate");
  f.step = flag("single_step");
  f.vforked = flag("vforked");
  f.sigpending = flag("sigpending");
  f.pend = per_signal(k, t, "private", 1, nullptr);
  f.kinfo = per_signal(k, t, "private_info", 3, [](Sig s) { return s != KILL; });
  f.more = more_queued(k, t);
  for (int place = 0; place < kOthers; ++place)
    for (int n = 1; f.more[place] != kNoField && n < shape.others[place].queued; ++n)
      f.later[place].push_back(
          field(("private_info." + std::to_string(place) + "." + std::to_string(n)).c_str(), 3));
  f.mask = per_signal(k, t, "blocked", 1, is_blockable);
  f.handling = per_signal(k, t, "handling", 1, is_blockable);
  f.stopsig = field("stop_signal", kSigBits);
  f.stop_pending = flag("STOP_PENDING");
  f.consume = flag("STOP_CONSUME");
  f.dequeued = flag("STOP_DEQUEUED");
  f.trap_stop = flag("TRAP_STOP");
  f.trap_notify = flag("TRAP_NOTIFY");
  f.trapping = flag("TRAPPING");
  f.listening = flag("LISTENING");
  f.cause = field("cause", 3);
  f.trap_cause = field("next_cause", 3);
  return f;
}

Schema::Schema(const Shape &shape) : shape(shape) {
  const int kThreadBits = std::bit_width(static_cast<unsigned>(shape.all_threads()));
  auto sigchld = [&](const std::string &of) {
    SigchldFields f;
    f.code = add(-1, -1, of + "_sigchld", 3);
    f.status = add(-1, -1, of + "_sigchld_status", status_bits(shape));
    f.thread = add(-1, -1, of + "_sigchld_thread", kThreadBits);
    return f;
  };
  for (int k = 0; k < shape.processes; ++k) process.push_back(add_process(k));
  for (int k = 0; k < shape.tracers; ++k) {
    const std::string name = k ? "tracer" + std::to_string(k) : "tracer";
    TracerFields &f = tracers.emplace_back();
    f.dead = add(-1, -1, name + "_dead", 1, true);
    f.attaching = add(-1, -1, k ? name + "_attaching" : "attaching", kThreadBits);
    f.chld = k && shape.tracer_threads ? tracers[0].chld : sigchld(name);
  }
  tracer = tracers[0];
  parent.state = add(-1, -1, "parent_state", 2);
  parent.ignores = add(-1, -1, "parent_ignores", 1, true);
  parent.chld = sigchld("parent");
  for (int t = 0; t < shape.all_threads(); ++t) thread.push_back(add_thread(t));
}

}  // namespace ptmc::model
