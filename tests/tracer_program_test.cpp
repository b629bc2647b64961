// Tracer programs: what is wrong with a file is said in one line; a loop that is known to be broken
// is found to be, in the way in which it is.

#include "checker/tracer_program.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>

#include "checker/claim_parts.hpp"
#include "checker/reachable.hpp"
#include "model/input_error.hpp"
#include "model/interp.hpp"

using namespace ptmc;
using namespace ptmc::checker;
using model::Feature;

namespace {

const std::string kTracers = PTMC_SOURCE_DIR "/checker/tracers/";
const char *const kHeader =
    R"({"format":"ptmc-tracer","version":1,"name":"made-up","about":"","flags":["seen"]})";
const char *const kStart = R"({"at":"start","call":"PTRACE_SEIZE","next":"wait"})";

struct File {
  explicit File(const std::vector<std::string> &lines)
      : name((std::filesystem::temp_directory_path() / "ptmc-tracer-XXXXXX").string()) {
    const int fd = mkstemp(name.data());
    REQUIRE(fd >= 0);
    std::FILE *out = fdopen(fd, "w");
    for (const std::string &line : lines) std::fprintf(out, "%s\n", line.c_str());
    std::fclose(out);
  }
  ~File() { std::filesystem::remove(name); }
  std::string name;
};

// What reading says, without the file's name.
std::string said(const std::vector<std::string> &lines) {
  const File file(lines);
  try {
    read_tracer(file.name);
  } catch (const InputError &e) {
    return std::string(e.what()).substr(file.name.size());
  }
  return "";
}

std::map<std::string, Verdict> verdicts(const TracerProgram &program, const char *design,
                                        const std::vector<Feature> &more, int threads = 1) {
  std::vector<Feature> may{Feature::inspect, Feature::tracer_waits, Feature::exits};
  may.insert(may.end(), more.begin(), more.end());
  const World world{design,
                    threads > 1 ? std::vector<model::Sig>{model::STOP}
                                : std::vector{model::STOP, model::CONT, model::KILL, model::USR1},
                    may,
                    {model::SYSGOOD, model::TRACEEXEC, model::TRACECLONE},
                    threads};
  std::vector<Question> questions;
  std::vector<const Question *> all;
  std::vector<std::string> ids;
  for (model::Property &p : tracer_properties(program)) {
    ids.push_back(p.id);
    Question q{world, {}, Holds{p}, program.name};
    q.remember = [&program](model::Model &m) {
      remember_own({Own::attach, Own::child, Own::exec})(m);
      run_by(m, program);
    };
    questions.push_back(std::move(q));
  }
  for (const Question &q : questions) all.push_back(&q);
  AskOptions options;
  options.proves = false;
  options.time_limit = 0;
  std::map<std::string, Verdict> found;
  const std::vector<Answers> answers = ask(all, options);
  for (std::size_t k = 0; k < ids.size(); ++k) found[ids[k]] = answers[k].verdict();
  return found;
}

}  // namespace

TEST_CASE("what is wrong with a tracer file is said with its line") {
  const std::string all = R"({"at":"report","next":"wait"})";
  CHECK(said({kHeader, kStart, all}) == "");
  CHECK(said({}) == ": no header");
  CHECK(said({"{"}) == ":1: not JSON");
  CHECK(said({"[1e999]"}) == ":1: not JSON");
  CHECK(said({"[]"}) == ":1: not an object");
  CHECK(said({R"({"format":"ptmc-trace"})"}) == ":1: format is not 'ptmc-tracer'");
  CHECK(said({kHeader, kStart, R"({"at":"report","next":"wait","when":{}})"}) ==
        ":3: unknown key 'when'");
  CHECK(said({kHeader, kStart, R"({"at":"report","if":{"stop":1},"next":"wait"})"}) ==
        ":3: unknown key 'stop'");
  CHECK(said({kHeader, kStart, R"({"at":"report","if":{"signal":"SIGFOO"},"next":"wait"})"}) ==
        ":3: unknown signal 'SIGFOO'");
  CHECK(said({kHeader, kStart, R"({"at":"report","set":{"flag":true},"next":"wait"})"}) ==
        ":3: unknown flag 'flag'");
  CHECK(said({kHeader, kStart, R"({"at":"report","call":"PTRACE_CONTINUE","next":"wait"})"}) ==
        ":3: unknown call 'PTRACE_CONTINUE'");
  CHECK(said({kHeader, kStart, R"({"at":"report","signal":"reported","next":"wait"})"}) ==
        ":3: 'signal' without a call that takes one");
  CHECK(said({kHeader, kStart, R"({"at":"report","next":"nowhere"})"}) ==
        ":3: no rule is at 'nowhere'");
  CHECK(said({kHeader, kStart, all, R"({"at":"lost","next":"wait"})"}) ==
        ":4: nothing leads to 'lost'");
  CHECK(said({kHeader, kStart, all, all}) == ":4: never taken: an earlier rule takes everything");
  CHECK(said({kHeader, kStart, R"({"at":"report","next":"a"})", R"({"at":"a","next":"report"})"}) ==
        ":3: leads back to 'report' without a call");
  CHECK(said({kHeader, kStart}) == ": no rule is at 'report'");
  const std::string each =
      R"({"at":"report","each":{"seen":false},"call":"PTRACE_CONT","set":{"seen":true},"next":")";
  CHECK(said({kHeader, kStart, each + R"(wait"})"}) == "");
  CHECK(said({kHeader, kStart, each + R"(a"})",
              R"({"at":"a","if":{"report":"dead"},"next":"wait"})"}) ==
        ":4: comes after 'each': looks at one tracee");
  CHECK(said({kHeader, kStart,
              R"({"at":"report","each":{"seen":true},"call":"PTRACE_CONT","next":"wait"})"}) ==
        ":3: 'each' without a call, or 'set' changes none of its flags");
  CHECK(said({kHeader, R"({"at":"start","call":"PTRACE_CONT","next":"wait"})", all}) ==
        ":2: 'start' has one rule, which attaches");
}

TEST_CASE("a call that the design does not have is an error, with its line") {
  const File file({kHeader, kStart, R"({"at":"report","call":"PTRACE_LISTEN","next":"wait"})"});
  const TracerProgram program = read_tracer(file.name);
  const World world{"legacy", {}, {Feature::attach, Feature::tracer_waits}};
  const model::Config config = config_of(world);
  model::Model m(model::explored_shape(config, 1), &config);
  CHECK_THROWS_AS(run_by(m, program), InputError);
}

// By reading: a rule for stops of SIGSTOP only does not cover a death, nor SIGUSR1.
TEST_CASE("a missing case is found") {
  const File file(
      {kHeader, kStart,
       R"({"at":"report","if":{"signal":"SIGSTOP"},"call":"PTRACE_CONT","next":"wait"})"});
  const auto found =
      verdicts(read_tracer(file.name), "linux-3.4", {Feature::use_seize, Feature::cont});
  CHECK(found.at("tracer.covers") == Verdict::violated);
}

// It resumes group-stops, delivers ATTACH's SIGSTOP and execve's SIGTRAP, and takes every stop for
// that of a signal.
TEST_CASE("the naive loop is broken") {
  const auto found = verdicts(read_tracer(kTracers + "naive.jsonl"), "legacy",
                              {Feature::attach, Feature::cont, Feature::execs});
  CHECK(found.at("tracer.covers") == Verdict::holds);
  CHECK(found.at("tracer.believes") == Verdict::violated);
  CHECK(found.at("tracer.delivers") == Verdict::holds);
  CHECK(found.at("tracer.invents_none") == Verdict::violated);
  CHECK(found.at("tracer.job_control") == Verdict::violated);
  CHECK(found.at("tracer.restarts") == Verdict::holds);
}

// ptrace(2): "LISTEN works only on tracees attached by PTRACE_SEIZE", and with it a group-stop
// lasts.
TEST_CASE("the man page's loop does what its user would state") {
  const auto found = verdicts(read_tracer(kTracers + "man-page.jsonl"), "linux-3.4",
                              {Feature::use_seize, Feature::cont, Feature::listen, Feature::execs});
  for (const auto &[id, verdict] : found) {
    CAPTURE(id);
    CHECK(verdict == Verdict::holds);
  }
}

TEST_CASE("a product takes only the program's calls") {
  const TracerProgram program = read_tracer(kTracers + "naive.jsonl");
  const World world{"legacy",
                    {model::STOP},
                    {Feature::attach, Feature::cont, Feature::tracer_waits, Feature::detach}};
  const model::Config config = config_of(world);
  model::Model m(model::explored_shape(config, 1), &config);
  run_by(m, program);
  const Reachable all(m, 100'000, false);
  REQUIRE(all.complete());
  const model::Interpreter plain(m);
  std::map<std::string, std::size_t> taken;
  for (std::size_t k = 0; k < all.size(); ++k)
    for (std::size_t i = 0; i < m.instances.size(); ++i)
      if (m.instances[i].rule->actor == model::Actor::tracer && plain.enabled(i, all[k]))
        ++taken[m.instances[i].rule->id];
  CHECK(taken.count("attach"));
  CHECK(taken.count("wait.stop"));
  CHECK(taken.count("cont"));
  CHECK(!taken.count("detach"));
}

// SIGCHLD merges: one that comes while another is pending is lost. So who waits once for each
// sleeps for ever beside a stop.
TEST_CASE("who is driven by SIGCHLD must wait until there is nothing more") {
  const std::vector<Feature> may{Feature::use_seize, Feature::cont, Feature::listen,
                                 Feature::sigchld};
  const auto good = verdicts(read_tracer(kTracers + "man-page-sigchld.jsonl"), "linux-3.4", may);
  CHECK(good.count("tracer.hears"));
  for (const auto &[id, verdict] : good) {
    CAPTURE(id);
    CHECK(verdict == Verdict::holds);
  }
  // Of two threads.
  const std::vector<Feature> two{Feature::use_seize, Feature::cont, Feature::listen,
                                 Feature::sigchld, Feature::clones};
  CHECK(verdicts(read_tracer(kTracers + "man-page-sigchld.jsonl"), "linux-3.4", two, 2)
            .at("tracer.hears") == Verdict::holds);
  TracerProgram once = read_tracer(kTracers + "man-page-sigchld.jsonl");
  once.waits = Waits::sigchld_once;
  CHECK(verdicts(once, "linux-3.4", may).at("tracer.hears") == Verdict::holds);
  CHECK(verdicts(once, "linux-3.4", two, 2).at("tracer.hears") == Verdict::violated);
  CHECK_THROWS_AS(verdicts(once, "linux-3.4", {Feature::use_seize, Feature::cont, Feature::listen}),
                  InputError);
  CHECK(said({R"({"format":"ptmc-tracer","version":1,"name":"x","about":"","waits":"poll"})"}) ==
        ":1: unknown way to wait 'poll'");
}

// gdb stops all threads for one. By reading: ptrace(2) tells of a group-stop only by GETSIGINFO,
// which it does not call, so that a stopped group runs on; its SIGSTOP merges with somebody else's,
// which is lost with it; and where another signal is reported first, ATTACH's comes as a sent one.
// But it never waits for ever beside stopped threads.
TEST_CASE("all-stop as gdb does it") {
  const auto found = verdicts(read_tracer(kTracers + "gdb-all-stop.jsonl"), "legacy",
                              {Feature::attach, Feature::cont, Feature::setoptions,
                               Feature::sigchld, Feature::thread_directed, Feature::clones},
                              2);
  const std::vector<std::string> broken{"tracer.delivers", "tracer.invents_none",
                                        "tracer.job_control"};
  for (const auto &[id, verdict] : found) {
    CAPTURE(id);
    const bool is_broken = std::find(broken.begin(), broken.end(), id) != broken.end();
    CHECK(verdict == (is_broken ? Verdict::violated : Verdict::holds));
  }
  CHECK(found.size() == 9);
}

TEST_CASE("a flag of a program is no other field, whatever it is called") {
  const TracerProgram program = read_tracer(kTracers + "strace-attach.jsonl");
  const Question q{{"legacy",
                    {},
                    {Feature::attach, Feature::setoptions, Feature::syscall, Feature::inspect,
                     Feature::tracer_waits}},
                   [&](model::Model &m) { run_by(m, program); },
                   {},
                   {}};
  const auto m = model_of(q);
  std::set<std::string> names;
  for (model::Field f = 0; f < m->schema.size(); ++f) names.insert(field_text(m->schema, f));
  CHECK(names.size() == m->schema.size());
}
