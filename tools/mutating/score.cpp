#include "tools/mutating/score.hpp"

#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <memory>
#include <stdexcept>

#include "tools/mutating/corpus.hpp"
#include "tools/mutating/profiles.hpp"

namespace ptmc::mutate {
namespace {

using Clock = std::chrono::steady_clock;

// States of a space that is left out where smaller ones have found no difference: the whole
// profiles tell then.
constexpr std::size_t kLarge = 100'000;

double since(Clock::time_point t) {
  return std::chrono::duration<double>(Clock::now() - t).count();
}

class Bench {
 public:
  Bench(const Options &options, const std::function<void(const std::string &)> &progress)
      : corpus(options.design, options.traces), profiles(whole_profiles(options.design)) {
    progress(fmt::format("{} traces, {} models", corpus.size(), corpus.models().size()));
    for (const SpaceOptions &o : options.spaces) {
      spaces.push_back(std::make_unique<Space>(options.design, o));
      progress(fmt::format("{}: {} states", spaces.back()->name(), spaces.back()->size()));
    }
    std::sort(spaces.begin(), spaces.end(),
              [](const auto &a, const auto &b) { return a->size() < b->size(); });
  }

  Outcome examine(const Mutant &mutant) {
    Outcome o{mutant, Fate::survives, ""};
    const Corpus::Examined replayed = corpus.examine(mutant);
    if (!replayed.rejected.empty()) return {mutant, Fate::trace, replayed.rejected};
    if (std::string proof = same_by_laws(mutant); !proof.empty())
      return {mutant, Fate::equivalent, proof};
    std::string proofs, differs, form;
    bool exercised = false;
    auto also = [](std::string &list, const std::string &text) {
      list += (list.empty() ? "" : "; ") + text;
    };
    for (const auto &space : spaces) {
      if (space->size() > kLarge && differs.empty() && !proofs.empty()) break;  // as in profiles
      const Examined e = space->examine(mutant);
      if (e.finding == Finding::killed) return {mutant, Fate::property, e.by};
      if (e.finding == Finding::differs) also(differs, e.by);
      if (e.finding == Finding::differs && form.empty()) form = e.form;
      if (e.finding != Finding::equal && e.finding != Finding::alike) continue;
      also(proofs, e.by);
      exercised = exercised || e.exercised;
    }
    if (!replayed.imprecise.empty()) return {mutant, Fate::corruption, replayed.imprecise};
    if (!form.empty()) return {mutant, Fate::form, form};
    if (differs.empty() && exercised) return {mutant, Fate::equivalent, proofs};
    if (differs.empty()) o.fate = Fate::untested;
    o.why = !differs.empty() ? differs : !proofs.empty() ? proofs : "in no small profile";
    if (!replayed.present) also(o.why, "in no replay");
    return o;
  }

  Corpus corpus;
  std::vector<std::unique_ptr<Space>> spaces;
  std::vector<Whole> profiles;

 private:
  // The proof, in all profiles and spaces that have the mutant's part; empty: there is none.
  std::string same_by_laws(const Mutant &mutant) {
    std::string where;
    const auto same_in = [&](ByLaws &laws) {
      const ByLaws::Answer answer = laws.same_steps(mutant);
      if (answer == ByLaws::Answer::same) where += (where.empty() ? "" : ", ") + laws.name();
      return answer != ByLaws::Answer::unproved;
    };
    const bool same = std::all_of(profiles.begin(), profiles.end(),
                                  [&](const Whole &whole) { return same_in(*whole.by_laws); }) &&
                      std::all_of(spaces.begin(), spaces.end(),
                                  [&](const auto &space) { return same_in(space->by_laws()); });
    return same && !where.empty()
               ? "the same steps from every state in which the laws hold: " + where
               : "";
  }
};

// One line an outcome: its number, fate, and why.
void work(Bench &bench, const std::vector<Mutant> &mutants, std::atomic<std::size_t> &next,
          const std::function<bool()> &over, std::FILE *out) {
  for (std::size_t i; !over() && (i = next++) < mutants.size();) {
    const Outcome o = bench.examine(mutants[i]);
    fmt::print(out, "{} {} {}\n", i, static_cast<int>(o.fate), o.why);
    std::fflush(out);
  }
}

// What whole profiles say of the mutants that no space has put to the test.
void decide_in_full(Bench &bench, const Options &options, std::vector<Outcome> &outcomes,
                    const std::function<void(const std::string &)> &progress) {
  std::vector<Outcome *> untested;
  std::vector<Mutant> mutants;
  for (Outcome &o : outcomes) {
    if (o.fate != Fate::untested) continue;
    o.fate = Fate::survives;
    o.why = "put to the test in no profile: " + o.why;
    untested.push_back(&o);
    mutants.push_back(o.mutant);
  }
  if (options.in_full <= 0) return;
  const std::vector<InFull> found =
      explore_in_full(bench.profiles, mutants, options.jobs, options.in_full, progress);
  for (std::size_t i = 0; i < found.size(); ++i) {
    const InFull &f = found[i];
    if (!f.broken.empty()) {
      untested[i]->fate = Fate::property;
      untested[i]->why = f.broken + " in " + f.differs;
    } else if (!f.differs.empty()) {
      untested[i]->why = "not the same steps in " + f.differs;
    } else if (!f.same.empty()) {
      untested[i]->fate = Fate::equivalent;
      untested[i]->why = "the same steps from every state of " + f.same +
                         (f.bounded.empty() ? "" : "; not explored in full: " + f.bounded);
    }
  }
}

}  // namespace

std::size_t Score::count(Fate fate) const {
  return static_cast<std::size_t>(std::count_if(outcomes.begin(), outcomes.end(),
                                                [&](const Outcome &o) { return o.fate == fate; }));
}
std::size_t Score::killed() const {
  return count(Fate::trace) + count(Fate::property) + count(Fate::corruption);
}
double Score::value() const {
  const std::size_t all = killed() + count(Fate::form) + count(Fate::survives);
  return all ? static_cast<double>(killed()) / static_cast<double>(all) : 1;
}

// Every job is a process: expressions are built by one thread only, and what the bench holds is
// shared until it is written to.
Score score(const Options &options, const std::function<void(const std::string &)> &progress) {
  const Clock::time_point begin = Clock::now();
  Bench bench(options, progress);
  Score result;
  result.traces = bench.corpus.size();
  std::vector<const model::Model *> models = bench.corpus.models();
  for (const auto &space : bench.spaces) {
    models.push_back(&space->model());
    result.states += space->size();
  }
  std::vector<Mutant> mutants;
  for (std::size_t n = 0; const Mutant &m : mutants_of(models, options.rule))
    if (n++ % options.every == 0) mutants.push_back(m);
  progress(fmt::format("{} mutants, prepared in {:.0f} s", mutants.size(), since(begin)));
  for (const Mutant &m : mutants) result.outcomes.push_back({m, Fate::not_tried, ""});

  void *shared = mmap(nullptr, sizeof(std::atomic<std::size_t>), PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  int ends[2];
  if (shared == MAP_FAILED || pipe(ends) != 0) throw std::runtime_error("no memory or pipe");
  auto &next = *new (shared) std::atomic<std::size_t>(0);
  for (int job = 0; job < options.jobs; ++job) {
    const pid_t child = fork();
    if (child < 0) throw std::runtime_error("cannot fork");
    if (child > 0) continue;
    close(ends[0]);
    std::FILE *out = fdopen(ends[1], "w");
    std::setvbuf(out, nullptr, _IOLBF, 1 << 16);
    work(
        bench, mutants, next, [&] { return since(begin) > options.seconds; }, out);
    std::fclose(out);
    _exit(0);
  }
  close(ends[1]);
  std::FILE *in = fdopen(ends[0], "r");
  char *line = nullptr;
  std::size_t room = 0;
  while (getline(&line, &room, in) > 0) {
    std::size_t i = 0;
    int fate = 0, why = 0;
    if (std::sscanf(line, "%zu %d %n", &i, &fate, &why) < 2 || i >= mutants.size()) continue;
    Outcome &o = result.outcomes[i];
    o.fate = static_cast<Fate>(fate);
    o.why = line + why;
    if (!o.why.empty() && o.why.back() == '\n') o.why.pop_back();
    progress(fmt::format("{}: {} {}", o.mutant.name(), kFateNames[fate], o.why));
  }
  std::free(line);
  std::fclose(in);
  bool failed = false;
  for (int job = 0, status = 0; job < options.jobs; ++job)
    failed |= wait(&status) < 0 || status != 0;
  munmap(shared, sizeof(std::atomic<std::size_t>));
  if (failed) throw std::runtime_error("a job has died");
  decide_in_full(bench, options, result.outcomes, progress);
  result.seconds = since(begin);
  return result;
}

// Small, so that a mutant is examined within seconds; together they have every rule.
const std::vector<SpaceOptions> &usual_spaces() {
  using enum model::Feature;
  using namespace model;
  static const std::vector<SpaceOptions> all{
      {"group-stop", 1, 1, {}, {}, {}},
      {"exitkill", 1, 1, {}, {}, {}},
      {"filters", 1, 1, {STOP, CONT}, {}, {}},
      {"ignoring-parent", 1, 1, {CONT, KILL}, {}, {}},
      {"orphaned", 1, 1, {}, {}, {}},
      {"options", 1, 1, {STOP}, {}, {}},
      {"masks", 1, 1, {STOP, USR1}, {}, {}},
      {"dispositions", 1, 1, {TSTP}, {}, {}},
      {"sleep", 1, 1, {KILL, USR1}, {}, {}},
      {"steps", 1, 1, {KILL, USR1}, {}, {}},
      {"trap", 1, 1, {KILL, TRAP}, {}, {}},
      {"inject", 1, 1, {USR1}, {}, {Feature::syscall, setoptions, inspect}},
      {"siginfo", 1, 1, {USR1}, {}, {}},
      {"sigchld", 1, 1, {STOP, CONT}, {}, {Feature::syscall, setoptions, inspect, Feature::detach}},
      {"sigchld", 1, 1, {KILL}, {}, {setoptions, inspect, Feature::detach}},
      {"sigchld",
       1,
       1,
       {USR1},
       {Feature::steps},
       {setoptions, inspect, Feature::detach, Feature::listen, interrupt, Feature::attach}},
      {"child", 1, 1, {STOP, CONT, KILL}, {}, {}},
      {"exitkill", 1, 1, {STOP, USR1}, {forges, siginfo}, {Feature::syscall, setoptions}},
      {"exitkill", 1, 1, {STOP, CONT}, {Feature::waitid}, {Feature::syscall, setoptions}},
      {"group-stop", 2, 1, {}, {}, {inspect, Feature::detach}},
      {"pair",
       2,
       1,
       {KILL},
       {},
       {Feature::syscall, setoptions, inspect, Feature::listen, interrupt, ptrace_kill, tracer_dies,
        Feature::detach, Feature::attach}},
      {"execs",
       2,
       1,
       {KILL},
       {},
       {Feature::syscall, setoptions, Feature::listen, interrupt, ptrace_kill, tracer_dies,
        Feature::detach, Feature::attach, parent_waits}},
      {"clones",
       2,
       1,
       {STOP},
       {},
       {Feature::syscall, setoptions, inspect, Feature::listen, interrupt, ptrace_kill, tracer_dies,
        Feature::detach, Feature::attach, parent_waits}},
      {"forks", 1, 2, {KILL}, {}, {setoptions, Feature::detach, Feature::attach}},
      {"tracers", 1, 1, {KILL}, {sigchld}, {setoptions, inspect, interrupt}},
      {"tracer-threads",
       1,
       1,
       {CONT},
       {sigchld},
       {setoptions, inspect, interrupt, Feature::detach}},
      {"parent-dies",
       1,
       1,
       {KILL},
       {sigchld, wait_clones},
       {Feature::syscall, setoptions, inspect, Feature::listen, interrupt, Feature::detach}},
      {"parent-dies",
       2,
       1,
       {KILL},
       {},
       {Feature::syscall, setoptions, inspect, Feature::listen, interrupt, Feature::detach,
        Feature::cont, use_seize, tracer_waits, ptrace_kill},
       {KILL}},
      {"parent-dies", 1, 1, {CONT}, {parent_is_tracer}, {Feature::syscall, setoptions}},
      {"tracers",
       2,
       1,
       {KILL},
       {sigchld, Feature::execs},
       {setoptions, inspect, interrupt, Feature::cont, Feature::detach, use_seize, tracer_waits},
       {KILL}},
      {"tracers", 1, 1, {KILL}, {parent_waits}, {setoptions, inspect, interrupt, Feature::listen}},
      {"parent-dies",
       1,
       1,
       {KILL},
       {second_tracer},
       {Feature::syscall, setoptions, inspect, Feature::listen, interrupt, Feature::detach}},
      {"children", 1, 2, {KILL}, {wait_clones}, {Feature::attach}},
      {"clone-flags",
       1,
       2,
       {KILL},
       {},
       {Feature::detach, exits, tracer_waits, Feature::attach},
       {KILL}},
      {"clone-flags",
       1,
       2,
       {KILL},
       {wait_clones},
       {Feature::detach, setoptions, exits, Feature::cont},
       {KILL}},
      {"families", 1, 2, {KILL}, {causes, sigchld}, {Feature::detach, Feature::attach}, {KILL}},
      {"group-stop",
       2,
       1,
       {CONT},
       {thread_directed, causes},
       {use_seize, Feature::detach, tracer_waits}},
      {"group-stop", 2, 1, {USR1}, {thread_directed}, {use_seize, Feature::detach, tracer_waits}},
      {"group-stop", 2, 1, {CONT}, {sigchld}, {use_seize, Feature::detach, tracer_waits}},
      {"group-stop",
       2,
       1,
       {KILL},
       {sigchld, ptrace_kill, tracer_dies},
       {use_seize, Feature::detach, tracer_waits}},
      {"child",
       1,
       1,
       {STOP, CONT},
       {sigchld, wait_clones, Feature::waitid, Feature::parent_ignores},
       {Feature::syscall, setoptions, inspect, Feature::detach, ptrace_kill}},
      {"group-stop",
       1,
       1,
       {CONT},
       {Feature::forks, causes},
       {use_seize, Feature::detach, tracer_waits},
       {CONT}},
      {"group-stop",
       2,
       1,
       {CONT},
       {Feature::forks},
       {use_seize, Feature::detach, Feature::cont, tracer_waits},
       {CONT}},
      {"execs",
       2,
       1,
       {KILL},
       {Feature::steps},
       {setoptions, exits, Feature::syscall, Feature::listen, interrupt, ptrace_kill, tracer_dies,
        Feature::detach, parent_waits, tracer_waits},
       {TRAP}},
      {"dumps", 2, 1, {TRAP}, {}, {setoptions, tracer_waits, Feature::detach}, {TRAP}},
      {"pair",
       2,
       1,
       {KILL},
       {inject_any},
       {setoptions, inspect, Feature::listen, interrupt, ptrace_kill, tracer_dies, Feature::detach,
        Feature::attach, exits, parent_waits},
       {KILL}},
  };
  return all;
}

}  // namespace ptmc::mutate
