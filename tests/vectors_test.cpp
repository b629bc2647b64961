// Vectors: generated from the model they pass on this kernel, a wrong model's fail, and so do those
// of the true model where what the kernel answers is falsified; their file is read as it is
// written.
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <random>
#include <set>

#include "model/input_error.hpp"
#include "tests/mutations.hpp"
#include "tests/vectoring.hpp"
#include "tools/running/report.hpp"

namespace ptmc::tests {
namespace {

using traces::Lie;
using traces::Outcome;
using vectors::Cover;

Config config_of(std::string_view design, std::string_view profile,
                 const std::vector<Sig> &signals = {}) {
  return explored_config(parse_design(design), find_profile(profile), signals);
}

TEST_CASE("the vectors of each design's rules pass here") {
  for (const char *design : {"legacy", "linux-3.4"})
    for (const auto &[profile, threads] : {std::pair{"default", 1}, std::pair{"sigchld", 1},
                                           std::pair{"steps", 1}, std::pair{"lives", 2}}) {
      INFO(std::string(design), ", ", std::string(profile));
      const std::vector<Vector> all = vectors_of(config_of(design, profile), threads, Cover::rules);
      CHECK(all.size() > 10);
      const auto results = run_here(all, {});
      if (!results) return;
      for (std::size_t k = 0; k < all.size(); ++k) {
        INFO(all[k].id, ": ", (*results)[k].observed);
        CHECK((*results)[k].verdict == Verdict::passed);
      }
    }
}

TEST_CASE("a pair of rules is covered by one that takes the second after the first") {
  const Config config = config_of("linux-3.4", "pair", {STOP, CONT});
  const Model m(explored_shape(config, 1), &config);
  const vectors::Generated rules = vectors::generate(m, "test", {.cover = Cover::rules});
  const vectors::Generated pairs = vectors::generate(m, "test", {.cover = Cover::pairs});
  CHECK(pairs.goals > 5 * rules.goals);
  CHECK(pairs.covered * 10 > pairs.goals * 9);
  CHECK(pairs.vectors.size() > rules.vectors.size());
}

TEST_CASE("no vector can be left out, and the shorter ones come first") {
  const std::vector<Vector> all = vectors_of(config_of("linux-3.4", "pair"), 1, Cover::transitions);
  std::set<std::string> ids;
  std::size_t last = 0;
  for (const Vector &v : all) {
    CHECK(ids.insert(v.id).second);
    CHECK(v.steps.size() >= last);
    last = v.steps.size();
    CHECK(!v.semantics.empty());
    CHECK(!v.covers.empty());
  }
}

TEST_CASE("vectors of states are of one state each, and say by which calls they show it") {
  const std::vector<Vector> all =
      vectors_of(config_of("linux-3.4", "masks", {USR1}), 1, Cover::states);
  std::set<std::string> ids;
  std::size_t shown = 0;
  for (const Vector &v : all) {
    ids.insert(v.id);
    shown += v.id.find('>', v.id.rfind('@')) != std::string::npos;
  }
  CHECK(all.size() > 1000);
  CHECK(ids.size() == all.size());
  CHECK(shown * 10 > all.size() * 9);
}

// ---- Wrong models, wrong kernels ----------------------------------------------------------------

TEST_CASE("vectors of a wrong model fail here") {
  std::size_t tried = 0;
  const World world(mutated_config(1), 1);
  for (const Mutation &m : mutations())
    for (const char *name : {"listen_in_signal_stop", "interrupt_does_not_wake",
                             "getsiginfo_in_legacy_group_stop", "stop_is_reported_twice"}) {
      if (m.name != name) continue;
      ++tried;
      INFO(m.name);
      const auto by = caught(world, m.mutate);
      if (!by) return;
      CHECK(*by != "");
    }
  CHECK(tried == 4);
}

TEST_CASE("what depends on a state that looks like another only the vectors of states show") {
  const Config config = config_of("linux-3.4", "masks", {USR1});
  const auto by = caught(World(config, 1), tracer_death_injects_waited);
  if (!by) return;
  CHECK(*by == "");
  const auto of_states = caught(World(config, 1, Cover::states), tracer_death_injects_waited);
  REQUIRE(of_states);
  CHECK(of_states->find("tracer.exit()@t0 signal-delivery-stop") != std::string::npos);
}

TEST_CASE("each lie about what the kernel answers is noticed") {
  const std::vector<Vector> all =
      vectors_of(config_of("linux-3.4", "default"), 1, Cover::transitions);
  for (int lie = 1; lie < static_cast<int>(Lie::COUNT); ++lie) {
    INFO("lie ", lie);
    const auto results = run_here(all, {.until_failure = true, .lie = static_cast<Lie>(lie)});
    if (!results) return;
    std::size_t failed = 0;
    for (const VectorResult &r : *results) failed += r.verdict == Verdict::failed;
    CHECK(failed > 0);
  }
}

// ---- What a vector needs ------------------------------------------------------------------------

// A verdict for each vector on such a machine, by id.
std::map<std::string, VectorResult> on(const traces::Host &host, const std::vector<Vector> &all) {
  std::map<std::string, VectorResult> by;
  const auto results = run_here(all, {.host = host});
  for (std::size_t k = 0; results && k < all.size(); ++k) by[all[k].id] = (*results)[k];
  return by;
}

TEST_CASE("where the machine lacks what a vector needs it is skipped, and the others are run") {
  std::vector<Vector> all = vectors_of(config_of("linux-3.4", "default"), 1, Cover::rules);
  for (Vector &v : vectors_of(config_of("linux-3.4", "filters"), 1, Cover::rules))
    if (v.id == "test/seccomp.event") all.push_back(v);
  const traces::Host here = traces::this_host();
  const auto says = [&](const traces::Host &host, const std::string &id) {
    const auto by = on(host, all);
    if (by.empty()) return std::string("not run");
    const VectorResult &r = by.at(id);
    return r.verdict == Verdict::skipped ? r.observed : std::string("run");
  };
  if (on(here, all).empty()) return;
  traces::Host old = here;
  old.kernel = {5, 2};
  CHECK(says(here, "test/syscall_info") == "run");
  CHECK(says(old, "test/syscall_info") == "needs Linux 5.3, this is 5.2");
  CHECK(says(old, "test/interrupt.eio") == "run");
  old.kernel = {3, 3};
  CHECK(says(old, "test/interrupt.eio") == "needs Linux 3.4, this is 3.3");
  CHECK(says(old, "test/setoptions") == "run");
  traces::Host without = here;
  without.seccomp = false;
  CHECK(says(without, "test/seccomp.event") == "needs seccomp's filters");
  CHECK(says(without, "test/interrupt.eio") == "run");
  // The last version that has what a vector covers.
  all.front().needs.until = {6, 1};
  old.kernel = {6, 0};
  CHECK(says(old, all.front().id) == "run");
  old.kernel = {6, 1};
  CHECK(says(old, all.front().id) == "needs a Linux before 6.1, this is 6.1");
}

TEST_CASE("a machine that lacks what all vectors need cannot run them") {
  const std::vector<Vector> all = vectors_of(config_of("linux-3.4", "default"), 1, Cover::rules);
  traces::Host host;
  host.why_no_ptrace = "forbidden";
  std::vector<Vector> some;
  for (const Vector &v : all) {
    const bool calls = std::any_of(v.steps.begin(), v.steps.end(), [](const auto &step) {
      return step.call.event.call == traces::Call::ptrace;
    });
    CHECK(v.needs.ptrace == calls);
    if (calls) some.push_back(v);
  }
  CHECK_THROWS_WITH_AS(traces::run_vectors(some, {.host = host}), "needs ptrace: forbidden",
                       traces::NotPossible);
  // One that does not say so.
  for (Vector &v : some) v.needs = {};
  CHECK_THROWS_WITH_AS(traces::run_vectors(some, {.host = host}), "forbidden", traces::NotPossible);
}

TEST_CASE("a skipped vector is told in every format, with what it needs") {
  traces::Vectors vectors;
  vectors.all.resize(2);
  vectors.all[0].id = "a", vectors.all[1].id = "b";
  std::vector<VectorResult> results(2);
  results[0].verdict = Verdict::passed;
  results[1] = {.verdict = Verdict::skipped, .observed = "needs Linux 5.3, this is 5.2"};
  const auto in = [&](const char *format) {
    std::ostringstream out;
    tools::report(out, format, vectors, results);
    return out.str();
  };
  CHECK(in("tap").ends_with("ok 1 - a\nok 2 - b # SKIP needs Linux 5.3, this is 5.2\n"));
  const auto json = nlohmann::json::parse(in("json"));
  CHECK(json["skipped"] == 1);
  CHECK(json["passed"] == 1);
  CHECK(json["vectors"][1]["verdict"] == "skipped");
  CHECK(json["vectors"][1]["why"] == "needs Linux 5.3, this is 5.2");
  CHECK(in("junit").find("<skipped message=\"needs Linux 5.3, this is 5.2\"/>") !=
        std::string::npos);
}

// ---- Files --------------------------------------------------------------------------------------

std::string written(const std::vector<Vector> &all) {
  std::ostringstream out;
  traces::Vectors v;
  v.design = "linux-3.4", v.kernel = "6.18", v.covers = "rules", v.all = all;
  write_vectors(out, v);
  return out.str();
}

TEST_CASE("a file is read as it was written") {
  for (const auto &[profile, threads] : {std::pair{"default", 1}, std::pair{"sigchld", 1},
                                         std::pair{"lives", 2}, std::pair{"filters", 1}}) {
    const std::string text =
        written(vectors_of(config_of("linux-3.4", profile), threads, Cover::rules));
    std::istringstream in(text);
    const traces::Vectors read = traces::read_vectors(in, "f");
    CHECK(read.design == "linux-3.4");
    CHECK(written(read.all) == text);
  }
}

TEST_CASE("what is wrong in a file is told with its line") {
  std::vector<Vector> all = vectors_of(config_of("linux-3.4", "default"), 1, Cover::rules);
  all.resize(3);
  const std::string text = written(all);
  const auto error = [&](const std::string &what, const std::string &with) {
    std::string wrong = text;
    const std::size_t at = wrong.find(what);
    REQUIRE(at != std::string::npos);
    wrong.replace(at, what.size(), with);
    std::istringstream in(wrong);
    try {
      traces::read_vectors(in, "f");
    } catch (const InputError &e) {
      return std::string(e.what());
    }
    return std::string("none");
  };
  CHECK(error("\"states\":\"R\"", "\"states\":\"Q\"").starts_with("f:2: "));
  CHECK(error("\"states\":\"R\"", "\"states\":\"RR\"").find("1 letters") != std::string::npos);
  CHECK(error("\"next\":1", "\"next\":1e999").find("no JSON document") != std::string::npos);
  CHECK(error("\"next\":1", "\"next\":0").find("followed by itself") != std::string::npos);
  CHECK(error("\"next\":1", "\"next\":99").find("next") != std::string::npos);
  CHECK(error("\"by\":\"tracer\"", "\"by\":\"nobody\"").find("unknown actor") != std::string::npos);
  CHECK(error("\"about\"", "\"abuot\"").starts_with("f:2: "));
  CHECK(error("\"threads\":1", "\"threads\":1,\"x\":1").find("x") != std::string::npos);
  CHECK(error("\"ptrace\":true", "\"since\":\"6\"").find("needs.since") != std::string::npos);
  CHECK(error("\"ptrace\":true", "\"x\":true").find("needs.x") != std::string::npos);
  CHECK(error("ptmc-vectors", "ptmc-victors").find("format") != std::string::npos);
  CHECK(error("]}\n", "").find("no JSON document") != std::string::npos);
}

// ---- Nothing is left behind ---------------------------------------------------------------------

// All that a run makes inherits the pipe: at its end, nobody is left.
bool ends(int reader) {
  char byte = 0;
  return traces::until([&] { return read(reader, &byte, 1) == 0; }, 20'000'000'000);
}

TEST_CASE("killed at any moment, a run leaves no process") {
  const std::string file =
      (std::filesystem::temp_directory_path() / ("ptmc-vectors-" + std::to_string(getpid())))
          .string();
  std::ofstream(file) << written(
      vectors_of(config_of("linux-3.4", "default"), 1, Cover::transitions));
  std::mt19937 random(20);
  for (int k = 0; k < 20; ++k) {
    int ends_of[2];
    REQUIRE(pipe(ends_of) == 0);
    const pid_t run = fork();
    if (run == 0) {
      close(ends_of[0]);
      dup2(open("/dev/null", O_WRONLY), STDOUT_FILENO);
      execl(PTMC_RUN, "ptmc-run", file.c_str(), nullptr);
      _exit(1);
    }
    close(ends_of[1]);
    usleep(random() % 300'000);  // the moment is the point
    kill(run, SIGKILL);
    waitpid(run, nullptr, 0);
    CHECK(ends(ends_of[0]));
    close(ends_of[0]);
  }
  std::filesystem::remove(file);
}

}  // namespace
}  // namespace ptmc::tests
