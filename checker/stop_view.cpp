#include "checker/stop_view.hpp"

#include <array>
#include <cstdio>

#include "model/interp.hpp"
#include "model/property_parts.hpp"

namespace ptmc::checker {

using model::Action;
using model::Err;
using model::Expr;
using model::Instance;

StopView stop_view(const model::Model &m, int thread) {
  const Expr none = model::truth(false);
  StopView view{none, none, none, none, none};
  for (const Instance &i : m.instances) {
    const model::Label &l = i.label;
    if (l.thread != thread || i.rule->actor != model::Actor::tracer) continue;
    if (i.rule->id == "wait.stop") {
      view.reported = view.reported || can(i);
      view.status = *i.output;
    }
    if (l.action != Action::getsiginfo) continue;
    if (l.err == Err::ok) view.siginfo = *i.output;
    if (l.err == Err::einval) view.bare = view.bare || can(i);
    if (l.err == Err::ok || l.err == Err::einval) view.readable = view.readable || can(i);
  }
  return view;
}

std::string text(const Seen &seen, bool siginfo) {
  char hex[32];
  std::snprintf(hex, sizeof hex, "status 0x%x", seen.status);
  std::string all = hex;
  if (!siginfo) return all;
  if (seen.siginfo == kNoSiginfo) return all + ", GETSIGINFO fails with EINVAL";
  std::snprintf(hex, sizeof hex, ", siginfo 0x%x", seen.siginfo);
  return all + hex;
}

SeenStops::SeenStops(const model::Model &m, const std::vector<StopOf> &stops, bool siginfo)
    : model_(m) {
  for (const StopOf &s : stops) {
    const StopView view = stop_view(m, s.thread);
    const Expr info =
        siginfo ? ite(view.bare, model::constant(kNoSiginfo), view.siginfo) : model::constant(0);
    stops_.push_back({s.is(m) && view.reported && (siginfo ? view.readable : model::truth(true)),
                      view.status, info});
  }
}

Expr SeenStops::seen_as(std::size_t stop, const Seen &seen) const {
  const One &s = stops_[stop];
  return s.stop && eq(s.status, seen.status) && eq(s.siginfo, seen.siginfo);
}

Expr SeenStops::always_one_of(std::size_t stop, const std::map<Seen, std::size_t> &all) const {
  Expr any = model::truth(false);
  for (const auto &[seen, first] : all) any = any || seen_as(stop, seen);
  return implies(stops_[stop].stop, any);
}

std::vector<std::map<Seen, std::size_t>> SeenStops::look(const Reachable &all) const {
  model::Tape tape(model_.schema);
  std::vector<std::array<model::Tape::Slot, 3>> slots;
  for (const One &s : stops_)
    slots.push_back({tape.add(s.stop), tape.add(s.status), tape.add(s.siginfo)});
  std::vector<model::Value> regs(tape.registers());
  std::vector<std::map<Seen, std::size_t>> found(stops_.size());
  for (std::size_t k = 0; k < all.size() && !slots.empty(); ++k) {
    const model::State s = all[k];
    std::uint32_t done = 0;
    tape.run(done, static_cast<std::uint32_t>(tape.registers()), regs.data(), s, s);
    for (std::size_t n = 0; n < slots.size(); ++n)
      if (regs[slots[n][0].at])
        found[n].try_emplace({regs[slots[n][1].at], regs[slots[n][2].at]}, k);
  }
  return found;
}

}  // namespace ptmc::checker
