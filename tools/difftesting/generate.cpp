#include "tools/difftesting/generate.hpp"

#include <linux/ptrace.h>
#include <sched.h>
#include <sys/utsname.h>

#include <algorithm>

#include "tools/difftesting/kinds.hpp"

namespace ptmc::difftest {

using traces::Call;
using traces::Event;
using traces::Scenario;
using traces::Step;
namespace who = traces::who;

namespace {

constexpr int kCandidates = 8;       // calls that a preference chooses from
constexpr std::size_t kModels = 40;  // kept, of some 15 MB each
constexpr std::uint64_t kOthersLast =
    500;                    // programs, one after another, with the same other signal
constexpr int kTries = 30;  // for a call that its actor can make

model::Config config_here(bool tracer_is_parent) {
  model::DesignSpec spec = model::parse_design("linux-3.4");
  utsname system{};
  uname(&system);
  model::set_kernel(spec, system.release);
  return model::whole_config(spec, tracer_is_parent);
}

// Writes one program.
class Writer {
 public:
  Writer(Random &random, const Cast &cast, const Walk::MachineOf &machine_of,
         const Coverage *coverage)
      : random_(random),
        cast_(cast),
        walk_(cast, machine_of),
        coverage_(coverage),
        async_(random.one_of(std::array{0, 20, 60})) {
    // Each program has its own taste, so that kinds of calls meet often that seldom would.
    for (const Kind &kind : kinds())
      weights_.push_back(kind.weight * random.one_of(std::array{0.2, 1.0, 1.0, 3.0}));
  }

  std::optional<Step> next() {
    std::vector<Candidate> candidates;
    const int wanted = coverage_ ? kCandidates : 1;
    for (int i = 0; i < wanted; ++i)
      if (const auto event = call()) {
        Candidate &c = candidates.emplace_back(Candidate{*event, walk_});
        c.weight = novelty(c.after.make(*event, random_));
      }
    if (candidates.empty()) return std::nullopt;
    std::vector<double> weights;
    for (const Candidate &c : candidates) weights.push_back(c.weight);
    Candidate &chosen = candidates[random_.weighted(weights)];
    walk_ = std::move(chosen.after);
    const Event &made = chosen.event;
    if (made.call == Call::fork)
      cast_.leaders.push_back(made.data & CLONE_THREAD ? cast_.leader_of(made.pid) : made.child);
    return step_of(chosen.event);
  }

 private:
  struct Candidate {
    Event event;
    Walk after;
    double weight = 1;
  };

  pid_t actor(By by) {
    switch (by) {
      case By::tracer:
        return who::tracer;
      case By::tracer_thread:
        return who::tracer_thread;
      case By::tracer2:
        return who::tracer2;
      case By::parent:
        return who::parent;
      case By::world:
        return who::world;
      case By::thread:
        return who::t0 + static_cast<pid_t>(random_.below(cast_.leaders.size()));
    }
    return who::world;
  }

  // A call by somebody who is free, or nothing if nobody was found to be.
  std::optional<Event> call() {
    for (int i = 0; i < kTries; ++i) {
      const Kind &kind = kinds()[random_.weighted(weights_)];
      Event event;
      event.pid = actor(kind.by);
      if (kind.fits && !kind.fits(cast_, event.pid)) continue;
      if (walk_.busy(event.pid)) continue;
      const bool traceme = kind.call == Call::ptrace && kind.request == PTRACE_TRACEME;
      if ((traceme || kind.by == By::tracer || kind.by == By::tracer_thread) && walk_.tracer_dead())
        continue;
      // A thread in a stop makes its call afterwards; that is rarely of interest.
      if (kind.by == By::thread && !walk_.in_main(event.pid) && random_.chance(80)) continue;
      event.call = kind.call;
      event.request = kind.request;
      kind.arguments(random_, cast_, event);
      return event;
    }
    return std::nullopt;
  }

  // How little of what the call leads to has been seen.
  double novelty(const std::set<Pair> &taken) const {
    double sum = 0.01;
    if (!coverage_) return sum;
    for (const Pair &pair : taken) sum += 1.0 / (1.0 + coverage_->of(pair));
    return sum;
  }

  Step step_of(const Event &event) {
    Step step;
    step.event = event;
    if (event.call == Call::proc_state) {
      step.kind = Step::Kind::await_state;
      step.states = "RSDTtZX";  // whichever it is
      if (event.target == who::none) step.event.target = who::t0;
      return step;
    }
    const bool exits = event.call == Call::exit || event.call == Call::exit_group;
    step.async = event.pid != who::world && !exits && random_.chance(async_);
    return step;
  }

  Random &random_;
  Cast cast_;
  Walk walk_;
  const Coverage *coverage_;
  int async_;  // percent of calls that nobody waits for
  std::vector<double> weights_;
};

}  // namespace

std::size_t Coverage::pairs() const {
  std::size_t count = 0;
  for (const auto &rule : seen)
    count += static_cast<std::size_t>(
        std::count_if(rule.begin(), rule.end(), [](const auto &n) { return n != 0; }));
  return count;
}

std::size_t Coverage::rules() const {
  return static_cast<std::size_t>(std::count_if(seen.begin(), seen.end(), [](const auto &rule) {
    return std::any_of(rule.begin(), rule.end(), [](const auto &n) { return n != 0; });
  }));
}

namespace {

std::uint32_t bits_of(std::uint64_t mask) {
  std::uint32_t bits = 0;
  for (const model::SigInfo &s : model::kSignals)
    if (s.number && (mask >> (s.number - 1) & 1)) bits |= 1u << s.sig;
  return bits;
}

}  // namespace

model::Shape shape_of_programs() {
  model::Shape shape;
  shape.threads = 0;
  for (const model::SigInfo &s : model::kSignals)
    if (s.sig != model::NONE && !model::is_other(s.sig)) shape.signals.push_back(s.sig);
  const traces::Names any(0, 0, {}, false);
  for (const std::uint64_t set : option_sets()) shape.option_sets.push_back(any.option_set(set));
  shape.siginfos.clear();
  for (const traces::Siginfo &info : siginfos())
    for (const model::SigInfo &s : model::kSignals)
      if (s.number == info.signo) shape.siginfos.push_back({s.sig, info.code});
  shape.masks.clear();
  for (const std::uint64_t mask : masks()) shape.masks.push_back(bits_of(mask));
  shape.exit_codes.clear();
  for (model::Value code = 0; code < model::kExitCodes; ++code) shape.exit_codes.push_back(code);
  return shape;
}

Generator::Generator() : models_(shape_of_programs(), kModels) {
  for (const model::Rule &rule : machine({}, false)->model.rules) numbers_[rule.id] = rule.number;
}

std::shared_ptr<traces::Machine> Generator::machine(const Cast &cast, bool tracer_is_parent) {
  model::Shape shape = shape_of_programs();
  shape.threads = cast.places;
  shape.signals.push_back(model::OTHER);
  shape.others[0] = {cast.other_signal, traces::Names::default_action(cast.other_signal),
                     cast.other_signal >= 32 ? model::kMostQueued : 1};
  return models_.of(shape, config_here(tracer_is_parent), {});
}

void Generator::learn(const traces::ReplayResult &result, Coverage &coverage) const {
  for (const auto &[rule, kind] : result.pairs) coverage.add({numbers_.at(rule), kind});
}

Scenario Generator::program(std::uint64_t seed, std::uint64_t number, const Coverage *coverage) {
  Random random(seed * 1'000'003 + number);
  Cast cast;
  cast.threads = random.one_of(std::array{1, 1, 1, 1, 1, 2, 2, 2, 2, 3, 4});
  cast.places = std::min(traces::kMaxThreads,
                         cast.threads + random.one_of(std::array{0, 0, 0, 0, 0, 1, 1, 2}));
  cast.processes = random.one_of(std::array{1, 1, 1, 2, 3});
  cast.tracer_is_parent = random.chance(40);
  // Models are made for it: the same one for many programs.
  cast.other_signal = other_signal(number / kOthersLast);
  cast.leaders.assign(static_cast<std::size_t>(cast.threads), who::t0);

  Scenario scenario;
  scenario.name = "random-" + std::to_string(seed) + "-" + std::to_string(number);
  scenario.file = scenario.name;
  scenario.about = "Random calls.";
  scenario.design = "linux-3.4";
  scenario.threads = cast.threads;
  scenario.tracer_is_parent = cast.tracer_is_parent;
  scenario.loose = true;
  Writer writer(
      random, cast, [&](bool parent) { return machine(cast, parent); }, coverage);
  for (int steps = random.between(10, 45); steps > 0; --steps) {
    const auto step = writer.next();
    if (!step) break;
    scenario.steps.push_back(*step);
  }
  return scenario;
}

}  // namespace ptmc::difftest
