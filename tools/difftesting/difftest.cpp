#include "tools/difftesting/difftest.hpp"

#include <fmt/format.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <new>
#include <set>

#include "tools/difftesting/generate.hpp"
#include "tools/difftesting/shrink.hpp"
#include "tools/difftesting/stager.hpp"
#include "traces/stage.hpp"

namespace ptmc::difftest {
namespace {

using traces::ReplayResult;
using traces::RunResult;
using traces::Scenario;

constexpr int kReruns = 6;           // of a program that may fail again
constexpr std::uint64_t kAlike = 2;  // rejections that look alike and are kept
constexpr std::size_t kMaxStates = 30'000;
constexpr double kPairs = 0.3;  // of the time: replays that tell what was witnessed, and are slow

double seconds_now() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

// What the jobs share: each is a process.
struct Shared {
  Coverage coverage;
  std::atomic<std::uint64_t> next{0};  // number of the next program
  std::atomic<std::uint64_t> programs{0}, calls{0}, rejections{0}, kept{0}, gave_up{0}, failed{0};
  std::atomic<std::uint64_t> generating{0}, recording{0}, replaying{0}, witnessing{0};  // us
  std::atomic<bool> stop{false}, not_possible{false};
  std::array<char, 200> why{};                           // it is not possible
  std::array<std::atomic<std::uint64_t>, 4096> alike{};  // rejections by a hash of their looks
};

// A rejection without its pids and numbers: the call, its result, what blocked it.
std::uint64_t looks(const ReplayResult &result) {
  std::string text;
  for (const char c : result.divergence->observed)
    if (c < '0' || c > '9') text += c;
  std::set<std::string> rules;
  for (const traces::Blocked &b : result.divergence->blocked_by)
    rules.insert(b.rule.substr(0, b.rule.find('(')) + b.guard);
  for (const std::string &rule : rules) text += rule;
  return std::hash<std::string>{}(text);
}

// ---- A job --------------------------------------------------------------------------------------

class Job {
  // Adds the time that it takes.
  auto timed(std::atomic<std::uint64_t> &sum, const auto &what) {
    const double start = seconds_now();
    auto result = what();
    sum += static_cast<std::uint64_t>((seconds_now() - start) * 1e6);
    return result;
  }

 public:
  Job(const Options &options, Shared &shared, double deadline)
      : options_(options), shared_(shared), deadline_(deadline) {
    if (options.mutate) mistaken_ = std::make_unique<traces::Models>(shape_of_programs());
  }

  // The next program runs while this one is replayed.
  void run() {
    std::optional<Scenario> next = begin();
    while (next) {
      const Scenario program = std::move(*next);
      std::optional<RunResult> recorded = timed(shared_.recording, [&] { return stager_.end(); });
      next = begin();
      ++shared_.programs;
      if (!recorded) ++shared_.failed;
      if (!recorded) continue;
      shared_.calls += recorded->trace.events.size();
      const ReplayResult result =
          timed(shared_.replaying, [&] { return replay(recorded->trace, false); });
      if (result.accepted)
        witness(recorded->trace);
      else if (!result.gave_up.empty())
        give_up(program, *recorded, result);
      else
        reject(program, std::move(*recorded), result);
    }
  }

 private:
  bool over() const {
    return shared_.stop || seconds_now() > deadline_ || shared_.rejections >= options_.rejections;
  }

  // A new program, which runs now; none: it is over.
  std::optional<Scenario> begin() {
    while (!over()) {
      const std::uint64_t number = shared_.next++;
      if (number >= options_.programs) break;
      const Coverage *coverage = options_.uniform ? nullptr : &shared_.coverage;
      Scenario program = timed(shared_.generating,
                               [&] { return generator_.program(options_.seed, number, coverage); });
      if (program.steps.empty()) continue;
      stager_.begin(program);
      return program;
    }
    return std::nullopt;
  }

  // What the model has explained, of as many recordings as there is time for.
  void witness(const traces::Trace &trace) {
    const double now = seconds_now();
    if (witnessing_ > kPairs * (now - start_)) return;
    generator_.learn(replay(trace, true), shared_.coverage);
    const double seconds = seconds_now() - now;
    witnessing_ += seconds;
    shared_.witnessing += static_cast<std::uint64_t>(seconds * 1e6);
  }

  std::optional<RunResult> record(const Scenario &program) {
    shrinking_.begin(program);
    return shrinking_.end();
  }

  ReplayResult replay(const traces::Trace &trace, bool pairs) {
    traces::ReplayOptions options;
    options.models = mistaken_ ? mistaken_.get() : &generator_.models();
    options.mutate = options_.mutate;
    options.max_states = kMaxStates;
    options.pairs = pairs;
    return traces::replay(trace, options);
  }

  void give_up(const Scenario &program, const RunResult &recorded, const ReplayResult &result) {
    if (shared_.gave_up++ < kAlike) keep("gave-up", program, recorded.trace, result.gave_up);
  }

  void reject(const Scenario &program, RunResult recorded, ReplayResult result) {
    const std::uint64_t look = looks(result);
    const bool known = shared_.alike[look % shared_.alike.size()]++ >= kAlike;
    ++shared_.rejections;
    if (known) return;
    ++shared_.kept;
    Scenario small = program;
    std::erase_if(small.steps,
                  [&, i = std::size_t{0}](const auto &) mutable { return !recorded.made[i++]; });
    const double deadline = seconds_now() + options_.shrink_seconds;
    const auto fails = [&](const Scenario &scenario) {
      for (int i = 0; i < kReruns && !shared_.stop && seconds_now() < deadline; ++i) {
        std::optional<RunResult> again = record(scenario);
        if (!again) continue;
        ReplayResult verdict = replay(again->trace, false);
        if (!verdict.divergence) continue;
        recorded = std::move(*again), result = std::move(verdict);
        return true;
      }
      return false;
    };
    keep("rejected", shrink(small, fails), recorded.trace, result.divergence->observed);
  }

  void keep(const std::string &what, Scenario program, const traces::Trace &trace,
            const std::string &why) {
    if (options_.directory.empty()) return;
    program.about = what + ": " + why;
    const std::string file = options_.directory + "/" + what + program.name.substr(6);
    std::filesystem::create_directories(options_.directory);
    std::ofstream(file + ".jsonl") << traces::to_jsonl(program);
    std::ofstream(file + ".trace") << traces::to_jsonl(trace);
  }

  const Options &options_;
  Shared &shared_;
  double deadline_;
  double start_ = seconds_now(), witnessing_ = 0;
  Stager stager_, shrinking_;  // made before the models
  Generator generator_;
  std::unique_ptr<traces::Models> mistaken_;
};

[[noreturn]] void work(const Options &options, Shared &shared, double deadline, pid_t caller) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != caller) _exit(0);
  signal(SIGINT, SIG_IGN);  // the caller tells when to stop
  try {
    Job(options, shared, deadline).run();
  } catch (const std::exception &e) {
    const std::string what = e.what();
    what.copy(shared.why.data(), shared.why.size() - 1);
    shared.not_possible = true;
    shared.stop = true;
  }
  _exit(0);
}

Totals totals_of(const Shared &shared, double start) {
  Totals totals;
  totals.seconds = seconds_now() - start;
  totals.programs = shared.programs, totals.calls = shared.calls;
  totals.rejections = shared.rejections, totals.kept = shared.kept;
  totals.gave_up = shared.gave_up, totals.failed = shared.failed;
  const auto seconds = [](const auto &us) { return static_cast<double>(us) / 1e6; };
  totals.generating = seconds(shared.generating), totals.recording = seconds(shared.recording);
  totals.replaying = seconds(shared.replaying), totals.witnessing = seconds(shared.witnessing);
  totals.rules = shared.coverage.rules(), totals.pairs = shared.coverage.pairs();
  return totals;
}

}  // namespace

Totals run(const Options &options, const std::function<bool()> &interrupted,
           const std::function<void(const Totals &)> &progress) {
  void *memory =
      mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  const std::unique_ptr<Shared, void (*)(Shared *)> shared(
      new (memory) Shared, [](Shared *s) { munmap(s, sizeof(Shared)); });
  const double start = seconds_now();
  const pid_t caller = getpid();
  std::set<pid_t> jobs;
  int lost = 0;
  for (int i = 0; i < options.jobs; ++i) {
    const pid_t job = fork();
    if (job == 0) work(options, *shared, start + options.seconds, caller);
    if (job > 0) jobs.insert(job);
  }
  while (!jobs.empty()) {
    const timespec nap{0, 100'000'000};  // between reports; a job's end is not waited for by it
    nanosleep(&nap, nullptr);
    if (interrupted()) shared->stop = true;
    for (const pid_t job : std::set(jobs)) {
      int status = 0;
      if (waitpid(job, &status, WNOHANG) != job) continue;
      jobs.erase(job);
      if (status != 0) ++lost;
    }
    progress(totals_of(*shared, start));
  }
  if (shared->not_possible) throw traces::NotPossible(shared->why.data());
  Totals totals = totals_of(*shared, start);
  totals.interrupted = shared->stop;
  totals.lost = lost;
  return totals;
}

}  // namespace ptmc::difftest
