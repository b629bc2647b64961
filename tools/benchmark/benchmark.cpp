// ptmc-bench explore|replay|vectors: figures of the exploration, of replay and of vectors, each
// with a peer that is measured in the same run (the plain interpreter for the emitted rules, a
// scenario with a stage of its own for a vector), so that ratios hold where the machine's speed
// does not.

#include <fmt/format.h>

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <tuple>

#include "checker/explore.hpp"
#include "model/designs.hpp"
#include "tools/benchmark/crowd.hpp"
#include "tools/vectors/generate.hpp"
#include "traces/models.hpp"
#include "traces/replay.hpp"
#include "traces/stage.hpp"
#include "traces/vector_run.hpp"

namespace {

using namespace ptmc;

struct Run {
  const char *name;
  int threads;
  const char *profile;
  int jobs;
  bool fast;
};

void explore() {
  const model::DesignSpec spec = model::parse_design("linux-3.4");
  fmt::print("{:<28}{:>12}{:>14}{:>9}{:>12}{:>12}{:>9}\n", "linux-3.4", "states", "transitions",
             "s", "states/s", "succ./s", "B/state");
  double single = 0, plain = 0, one_job = 0;
  for (const Run &r : {Run{"1 thread, plain", 1, "default", 1, false},
                       Run{"1 thread, jobs 1", 1, "default", 1, true},
                       Run{"1 thread, jobs 2", 1, "default", 2, true},
                       Run{"2 threads, jobs 1", 2, "pair", 1, true},
                       Run{"2 threads, jobs 2", 2, "pair", 2, true}}) {
    const model::Config config = model::explored_config(spec, model::find_profile(r.profile), {});
    const model::Model m(model::explored_shape(config, r.threads), &config);
    checker::ExploreOptions options;
    options.jobs = r.jobs;
    options.fast = r.fast;
    const checker::ExploreResult x = checker::explore(m, options);
    const double rate = static_cast<double>(x.states) / x.seconds;
    fmt::print("{:<28}{:>12}{:>14}{:>9.1f}{:>12.0f}{:>12.0f}{:>9.1f}{}\n", r.name, x.states,
               x.transitions, x.seconds, rate, static_cast<double>(x.transitions) / x.seconds,
               x.bytes_per_state, x.complete ? "" : "  incomplete: " + x.why_incomplete);
    std::fflush(stdout);
    if (!r.fast) plain = rate;
    if (r.threads == 1 && r.jobs == 1 && r.fast) single = rate;
    if (r.threads == 2 && r.jobs == 1) one_job = rate;
    if (r.threads == 2 && r.jobs == 2)
      fmt::print("ratios: emitted/plain {:.1f}, two threads/one {:.2f}, two jobs/one {:.2f}\n",
                 single / plain, one_job / single, rate / one_job);
  }
}

void replay(const std::string &folder) {
  std::size_t traces = 0, events = 0, largest = 0;
  traces::Models models({.signals = {}, .exit_codes = {}});
  traces::ReplayOptions options;
  options.models = &models;
  double seconds = 0;
  for (const auto &file : std::filesystem::directory_iterator(folder)) {
    const auto kind = file.path().extension();
    if (kind != ".jsonl" && kind != ".strace") continue;
    const traces::Trace trace = traces::read_trace(file.path());
    const auto start = std::chrono::steady_clock::now();
    const traces::ReplayResult r = traces::replay(trace, options);
    seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    ++traces, events += r.events, largest = std::max(largest, r.max_states);
  }
  fmt::print("{}: {} traces, {} events, {:.2f} s, {:.0f} events/s, at most {} states\n", folder,
             traces, events, seconds, static_cast<double>(events) / seconds, largest);
}

// Events per second of a large closed world, and how that grows from one process to many.
void crowd() {
  double alone = 0;
  for (const auto &[processes, threads, rounds] :
       {std::tuple{1, 4, 12600}, std::tuple{16, 4, 12600}}) {
    const traces::Trace trace =
        traces::run_scenario(bench::crowd(processes, threads, rounds)).trace;
    const auto start = std::chrono::steady_clock::now();
    const traces::ReplayResult r = traces::replay(trace, {});
    const double seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    const double rate = static_cast<double>(trace.events.size()) / seconds;
    fmt::print("{} processes of {} threads: {}, {} events, {:.2f} s, {:.0f} events/s, {} MiB\n",
               processes, threads, r.accepted ? "accepted" : "NOT ACCEPTED " + r.gave_up,
               trace.events.size(), seconds, rate, usage.ru_maxrss / 1024);
    if (processes == 1)
      alone = rate;
    else
      fmt::print("ratio: {} processes/one {:.2f}\n", processes, rate / alone);
  }
}

double seconds_of(const std::function<void()> &what) {
  const auto begin = std::chrono::steady_clock::now();
  what();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

// A strace log of a million lines, by the lines of a tracer that shows each system call; its peer
// only reads the lines.
void log() {
  const std::string file = std::filesystem::temp_directory_path() /
                           ("ptmc-bench-" + std::to_string(getpid()) + ".strace");
  std::ofstream out(file);
  out << "ptrace(PTRACE_SEIZE, 500, NULL, PTRACE_O_TRACESYSGOOD) = 0\n"
         "ptrace(PTRACE_INTERRUPT, 500) = 0\n"
         "wait4(-1, [{WIFSTOPPED(s) && WSTOPSIG(s) == SIGTRAP}|PTRACE_EVENT_STOP<<16], __WALL, "
         "NULL) "
         "= 500\nptrace(PTRACE_SYSCALL, 500, NULL, 0) = 0\n";
  const std::string stop =
      "wait4(-1, [{WIFSTOPPED(s) && WSTOPSIG(s) == SIGTRAP | 0x80}], __WALL, NULL) = 500\n"
      "wait4(-1, 0x7fff54116ddc, WNOHANG|__WALL, NULL) = 0\n";
  const std::string resumed =
      "ptrace(PTRACE_SYSCALL, 500, NULL, 0) = 0\n"
      "--- SIGCHLD {si_signo=SIGCHLD, si_code=CLD_TRAPPED, si_pid=500, si_uid=0, "
      "si_status=SIGTRAP, "
      "si_utime=0, si_stime=35 /* 0.35 s */} ---\n";
  for (int call = 0; call < 111'111; ++call)
    out << stop
        << "ptrace(PTRACE_GET_SYSCALL_INFO, 500, 88, {op=PTRACE_SYSCALL_INFO_ENTRY, "
           "arch=AUDIT_ARCH_X86_64, instruction_pointer=0x7fa9910c7829, "
           "stack_pointer=0x7fff63d43668, entry={nr=__NR_getppid, args=[0, 0, 0, 0, 0, 0]}}, 88) = "
           "80\n"
        << resumed << stop << resumed;
  out.close();
  std::size_t lines = 0;
  const double reading = seconds_of([&] {
    std::ifstream in(file);
    for (std::string line; std::getline(in, line);) ++lines;
  });
  traces::ReplayResult r;
  const double replaying = seconds_of([&] { r = traces::replay_file(file, {}); });
  std::filesystem::remove(file);
  fmt::print("a strace log of {} lines: {}, {:.2f} s, {:.0f} lines/s\n", lines,
             r.accepted ? "accepted" : "NOT ACCEPTED", replaying,
             static_cast<double>(lines) / replaying);
  fmt::print("ratio: to replay a log/to read its lines {:.1f}\n", replaying / reading);
}

void vectors_run(const std::string &scenario) {
  const model::DesignSpec spec = model::parse_design("linux-3.4");
  for (const auto &[profile, threads, every] :
       {std::tuple{"default", 1, 1}, std::tuple{"pair", 2, 25}}) {
    const model::Config config = model::explored_config(spec, model::find_profile(profile), {});
    const model::Model m(model::explored_shape(config, threads), &config);
    vectors::Generated made;
    const double generating = seconds_of(
        [&] { made = vectors::generate(m, "", {.cover = vectors::Cover::transitions}); });
    const std::size_t all = made.vectors.size();
    std::vector<traces::Vector> some;
    std::size_t steps = 0;
    for (std::size_t k = 0; k < all; k += static_cast<std::size_t>(every)) {
      steps += made.vectors[k].steps.size();
      some.push_back(std::move(made.vectors[k]));
    }
    std::vector<traces::VectorResult> results;
    const double running = seconds_of([&] { results = traces::run_vectors(some, {}); });
    const auto passed = std::count_if(results.begin(), results.end(), [](const auto &r) {
      return r.verdict == traces::VectorResult::Verdict::passed;
    });
    fmt::print(
        "{} thread(s): {} vectors made, {:.0f} a second; {} run, {} passed, {:.1f} steps each: "
        "{:.0f} a second\n",
        threads, all, static_cast<double>(all) / generating, some.size(), passed,
        static_cast<double>(steps) / static_cast<double>(some.size()),
        static_cast<double>(some.size()) / running);
    constexpr int kScenarios = 50;
    const traces::Scenario peer = traces::read_scenario(scenario);
    const double peers = seconds_of([&] {
      for (int k = 0; k < kScenarios; ++k) traces::run_scenario(peer);
    });
    const double step = running / static_cast<double>(steps);
    const double peer_step = peers / kScenarios / static_cast<double>(peer.steps.size());
    fmt::print("ratio: a step of a scenario/of a vector {:.1f}\n", peer_step / step);
  }
}

}  // namespace

int main(int argc, char **argv) {
  try {
    if (argc == 2 && !std::strcmp(argv[1], "explore")) return explore(), 0;
    if (argc >= 3 && !std::strcmp(argv[1], "replay")) {
      for (int i = 2; i < argc; ++i) replay(argv[i]);
      log();
      crowd();
      return 0;
    }
    if (argc == 3 && !std::strcmp(argv[1], "vectors")) return vectors_run(argv[2]), 0;
  } catch (const std::exception &e) {
    fmt::print(stderr, "ptmc-bench: {}\n", e.what());
    return 2;
  }
  fmt::print(stderr, "usage: ptmc-bench explore | replay FOLDER... | vectors SCENARIO\n");
  return 2;
}
