#include "checker/distinguish.hpp"

#include <algorithm>
#include <chrono>
#include <map>

#include "checker/claim_parts.hpp"
#include "checker/compare.hpp"
#include "checker/reachable.hpp"

namespace ptmc::checker {

using namespace model;  // NOLINT: names of the whole file
using enum Feature;

namespace {

constexpr std::size_t kMostStates = 3'000'000;

// ---- Stops --------------------------------------------------------------------------------------

Expr stepped(const View &v, int thread) {
  return eq(v.get(v.t(thread).info), static_cast<Value>(Info::step));
}

StopWorld::Stop signal_stop(int thread, const char *cause, bool own) {
  return {{"signal-delivery-stop", cause}, [=](const Model &m) {
            const View v(m);
            const Expr is = own_stop(m, thread);
            return v.at(thread, {Loc::sig_trap}) && !stepped(v, thread) && (own ? is : !is);
          }};
}

StopWorld::Stop job_stop(int thread, const char *kind, Cause cause, const char *name) {
  const bool interrupts = std::string_view(kind) == "event-stop";
  return {{kind, name}, [=](const Model &m) {
            const View v(m);
            const Expr shows_trap = eq(v.get(v.t(thread).sig), TRAP);
            const Expr event = v.at(thread, {Loc::event_trap}) && shows_trap;
            const Expr group = jobctl_stop(m, thread) && !event;
            return (interrupts ? event : group) && caused_by(m, thread, {cause});
          }};
}

StopWorld::Stop stop_at(int thread, const char *kind, const char *cause, Loc loc) {
  return {{kind, cause}, [=](const Model &m) { return View(m).at(thread, {loc}); }};
}

StopWorld::Stop event(int thread, const char *name, Value number) {
  return {{"event", name}, [=](const Model &m) {
            const View v(m);
            return v.at(thread, {Loc::ptrace_event_trap}) && eq(v.get(v.t(thread).event), number);
          }};
}

std::vector<StopWorld::Stop> job_stops(int thread) {
  std::vector<StopWorld::Stop> all;
  for (const char *kind : {"group-stop", "event-stop"})
    for (const auto &[cause, name] :
         {std::pair{Cause::group, "group"}, std::pair{Cause::interrupt, "interrupt"},
          std::pair{Cause::sigcont, "sigcont"}, std::pair{Cause::auto_attach, "auto-attach"},
          std::pair{Cause::attach, "attach"}, std::pair{Cause::stale, "stale"}})
      all.push_back(job_stop(thread, kind, cause, name));
  return all;
}

std::vector<StopWorld::Stop> operator+(std::vector<StopWorld::Stop> all,
                                       std::vector<StopWorld::Stop> more) {
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

enum PtraceEvent : Value { kFork = 1, kVfork, kClone, kExec, kVforkDone, kExit, kSeccomp };

}  // namespace

std::vector<StopWorld> stop_worlds(const std::string &design) {
  const auto world = [&](std::vector<Sig> signals, std::vector<Feature> more,
                         std::vector<Option> options = {}, int threads = 1) {
    more.insert(more.begin(), {cont, inspect, tracer_waits, siginfo});
    return World{design, std::move(signals), std::move(more), std::move(options), threads};
  };
  const auto own = [](Own by) { return remember_own({by}); };
  const auto sent = [](int thread) { return std::vector{signal_stop(thread, "sent", false)}; };
  const std::vector<StopWorld::Stop> in_calls{
      stop_at(0, "syscall-stop", "entry", Loc::entry_trap),
      stop_at(0, "syscall-stop", "exit", Loc::exit_trap),
      stop_at(0, "step-stop", "handler", Loc::step_trap),
      {{"signal-delivery-stop", "step"}, [](const Model &m) {
         const View v(m);
         return v.at(0, {Loc::sig_trap}) && stepped(v, 0);
       }}};
  return {
      {"job control",
       world({STOP, CONT},
             {attach, use_seize, thread_directed, interrupt, Feature::listen, causes}),
       own(Own::attach), 0, sent(0) + job_stops(0) + std::vector{signal_stop(0, "attach", true)}},
      {"job control, with a sibling, SEIZE", world({STOP, CONT}, {use_seize, causes}, {}, 2),
       own(Own::attach), 0, job_stops(0)},
      {"job control, with a sibling, ATTACH", world({STOP}, {attach, causes}, {}, 2),
       own(Own::attach), 0, sent(0) + job_stops(0) + std::vector{signal_stop(0, "attach", true)}},
      {"execve",
       world({TRAP}, {attach, use_seize, thread_directed, execs, setoptions}, {TRACEEXEC}),
       own(Own::exec), 0,
       sent(0) + std::vector{signal_stop(0, "exec", true), event(0, "exec", kExec)}},
      {"system calls and steps",
       world({TRAP, USR1}, {attach, thread_directed, Feature::syscall, steps}), own(Own::exec), 0,
       sent(0) + in_calls},
      {"the same with TRACESYSGOOD",
       world({TRAP, USR1}, {use_seize, thread_directed, Feature::syscall, steps, setoptions},
             {SYSGOOD}),
       own(Own::exec), 0, sent(0) + in_calls},
      {"death", world({TRAP}, {attach, use_seize, exits, setoptions}, {TRACEEXIT}), own(Own::exec),
       0, sent(0) + std::vector{stop_at(0, "event", "exit", Loc::exit_event_trap)}},
      {"an attached parent's child", world({STOP}, {attach, clones, setoptions}, {TRACECLONE}, 2),
       own(Own::child), 1, sent(1) + std::vector{signal_stop(1, "auto-attach", true)}},
      {"a seized parent's child, INTERRUPT",
       world({}, {use_seize, interrupt, clones, setoptions, causes}, {TRACECLONE}, 2),
       own(Own::child), 1, job_stops(1)},
      {"a seized parent's child, SIGCONT",
       world({CONT}, {use_seize, clones, setoptions, causes}, {TRACECLONE}, 2), own(Own::child), 1,
       job_stops(1)},
      {"a seized parent's child, SIGSTOP",
       world({STOP}, {use_seize, clones, setoptions, causes}, {TRACECLONE}, 2), own(Own::child), 1,
       job_stops(1)},
      {"clone", world({TRAP}, {use_seize, clones, setoptions}, {TRACECLONE}, 2), own(Own::exec), 0,
       sent(0) + std::vector{event(0, "clone", kClone)}}};
}

namespace {

class Distinguishing {
 public:
  Distinguishing(const std::string &design, const DistinguishOptions &options) : options_(options) {
    all_.worlds = stop_worlds(design);
  }
  Distinctions run();

 private:
  struct Place {  // a stop of a world
    std::size_t world, stop;
  };
  struct Known {
    std::unique_ptr<Model> model;
    std::vector<StopOf> stops;
    std::vector<std::size_t> number;  // of each stop, in Distinctions::stops; SIZE_MAX: it is never
    // For the status alone, and with GETSIGINFO.
    std::array<std::vector<std::map<Seen, std::size_t>>, 2> views;
    std::vector<std::pair<std::size_t, Seen>> wanted;  // runs to these are to be made
  };
  void look(std::size_t world);
  std::optional<std::pair<Seen, std::pair<Place, Place>>> common(std::size_t level,
                                                                 const Distinction &d) const;
  void histories(std::size_t world);
  void runs();
  Distinction *pair_of(std::size_t one, std::size_t other);
  bool over() const { return options_.interrupted && *options_.interrupted; }

  const DistinguishOptions &options_;
  Distinctions all_;
  std::vector<Known> known_;
  std::map<Distinction *, std::pair<Place, Place>> places_;  // of the view to be shown
};

// Its reachable states, and what is seen of the stops in them.
void Distinguishing::look(std::size_t w) {
  const StopWorld &world = all_.worlds[w];
  Known &known = known_.emplace_back();
  const Config config = config_of(world.world);
  known.model = std::make_unique<Model>(
      explored_shape(config, world.world.threads, world.world.processes), &config);
  world.remember(*known.model);
  for (const StopWorld::Stop &s : world.stops) known.stops.push_back({s.is, world.thread});
  const Reachable states(*known.model, kMostStates, false);
  all_.complete = all_.complete && states.complete();
  all_.covered.push_back(std::to_string(states.size()) + " states" +
                         (states.complete() ? "" : ", not all"));
  for (const bool siginfo : {false, true})
    known.views[siginfo] = SeenStops(*known.model, known.stops, siginfo).look(states);
  for (std::size_t k = 0; k < world.stops.size(); ++k) {
    if (known.views[1][k].empty()) {
      known.number.push_back(SIZE_MAX);
      continue;
    }
    const auto at = std::find(all_.stops.begin(), all_.stops.end(), world.stops[k].what);
    known.number.push_back(static_cast<std::size_t>(at - all_.stops.begin()));
    if (at == all_.stops.end()) all_.stops.push_back(world.stops[k].what);
  }
}

// A view that both have, in whatever worlds.
std::optional<std::pair<Seen, std::pair<Distinguishing::Place, Distinguishing::Place>>>
Distinguishing::common(std::size_t level, const Distinction &d) const {
  std::map<Seen, Place> of_one;
  const auto each = [&](std::size_t number, auto &&visit) {
    for (std::size_t w = 0; w < known_.size(); ++w)
      for (std::size_t k = 0; k < known_[w].number.size(); ++k)
        if (known_[w].number[k] == number)
          for (const auto &[seen, first] : known_[w].views[level][k]) visit(seen, Place{w, k});
  };
  each(d.one, [&](const Seen &seen, Place at) { of_one.try_emplace(seen, at); });
  std::optional<std::pair<Seen, std::pair<Place, Place>>> found;
  each(d.other, [&](const Seen &seen, Place at) {
    const auto it = of_one.find(seen);
    if (it == of_one.end()) return;
    // Best in one world.
    if (!found ||
        (found->second.first.world != found->second.second.world && it->second.world == at.world))
      found = {seen, {it->second, at}};
  });
  return found;
}

Distinction *Distinguishing::pair_of(std::size_t one, std::size_t other) {
  for (Distinction &d : all_.pairs)
    if (d.one == std::min(one, other) && d.other == std::max(one, other)) return &d;
  return nullptr;
}

// For the pairs of this world that status and GETSIGINFO confuse.
void Distinguishing::histories(std::size_t w) {
  const Known &known = known_[w];
  std::vector<std::size_t> asked;  // stops that are in such a pair
  const auto open = [&](std::size_t a, std::size_t b) -> Distinction * {
    if (known.number[a] == SIZE_MAX || known.number[b] == SIZE_MAX) return nullptr;
    Distinction *d = pair_of(known.number[a], known.number[b]);
    return d && d->confused[1] == Verdict::holds && d->confused[2] != Verdict::holds ? d : nullptr;
  };
  for (std::size_t a = 0; a < known.stops.size(); ++a) {
    bool some = false;
    for (std::size_t b = 0; b < known.stops.size(); ++b) some = some || (a != b && open(a, b));
    if (some) asked.push_back(a);
  }
  if (asked.empty() || over()) return;
  std::vector<StopOf> stops;
  for (std::size_t a : asked) stops.push_back(known.stops[a]);
  Tester tester;
  tester.tracer_alone = true;
  const Histories h = confused_by_history(*known.model, stops, 0, false, options_.time_limit);
  all_.covered[w] += "; " + h.how;
  for (const Mistakable &both : h.confused) {
    Distinction *d = open(asked[both.one], asked[both.other]);
    if (!d) continue;
    d->confused[2] = Verdict::holds;
    d->seen = both.seen;
    const auto run = [&](const State &last) {
      const auto found = run_to(*known.model, tester, both.seen, last);
      return Sighting{w, found ? trace_steps(*known.model, *found) : std::vector<TraceStep>{}};
    };
    const bool in_order = known.number[asked[both.one]] == d->one;
    d->runs = {run(in_order ? both.of_one : both.of_other),
               run(in_order ? both.of_other : both.of_one)};
  }
  // Those that were never possible together, in all worlds that have both.
  for (std::size_t a : asked)
    for (std::size_t b : asked)
      if (Distinction *d = a < b ? open(a, b) : nullptr) {
        all_.complete = all_.complete && h.complete;
        d->confused[2] = h.complete ? Verdict::violated : Verdict::unknown;
      }
}

// The runs to the views that are shown, of a world at once.
void Distinguishing::runs() {
  for (std::size_t w = 0; w < known_.size(); ++w) {
    const Known &known = known_[w];
    std::vector<Property> wanted;
    std::vector<std::pair<Distinction *, bool>> whose;  // bool: the other stop's
    for (const auto &[d, place] : places_)
      for (const bool other : {false, true}) {
        const Place at = other ? place.second : place.first;
        if (at.world != w || d->confused[2] == Verdict::holds) continue;
        const bool siginfo = d->confused[1] == Verdict::holds;
        const Expr e = SeenStops(*known.model, known.stops, siginfo).seen_as(at.stop, *d->view);
        wanted.push_back({std::to_string(wanted.size()),
                          PropertyKind::sometimes,
                          "",
                          "",
                          [](const Config &) { return true; },
                          [e](const Model &) { return e; },
                          {}});
        whose.emplace_back(d, other);
      }
    if (wanted.empty() || over()) continue;
    ExploreOptions how;
    how.jobs = options_.jobs;
    how.fast = false;
    how.properties = &wanted;
    how.interrupted = options_.interrupted;
    const ExploreResult r = explore(*known.model, how);
    for (std::size_t k = 0; k < whose.size(); ++k) {
      auto &both = whose[k].first->runs;
      if (!both) both.emplace();
      Sighting &one = whose[k].second ? both->second : both->first;
      one.world = w;
      if (r.properties[k].trace) one.run = trace_steps(*known.model, *r.properties[k].trace);
    }
  }
}

Distinctions Distinguishing::run() {
  const auto start = std::chrono::steady_clock::now();
  for (std::size_t w = 0; w < all_.worlds.size() && !over(); ++w) look(w);
  for (std::size_t one = 0; one < all_.stops.size(); ++one)
    for (std::size_t other = one + 1; other < all_.stops.size(); ++other)
      all_.pairs.push_back({one, other, {}, {}, {}, {}});
  for (Distinction &d : all_.pairs) {
    d.confused.fill(all_.complete ? Verdict::violated : Verdict::unknown);
    for (const std::size_t level : {std::size_t{0}, std::size_t{1}}) {
      const auto found = common(level, d);
      if (!found) break;
      d.confused[level] = Verdict::holds;
      d.view = found->first;
      places_[&d] = found->second;
      d.confused[2] = level == 1 ? Verdict::unknown : d.confused[2];
    }
  }
  for (std::size_t w = 0; w < known_.size(); ++w) histories(w);
  runs();
  all_.complete = all_.complete && !over();
  all_.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return std::move(all_);
}

}  // namespace

Distinctions distinguish(const std::string &design, const DistinguishOptions &options) {
  return Distinguishing(design, options).run();
}

}  // namespace ptmc::checker
