#include "tools/running/run_file.hpp"

#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <iostream>
#include <memory>
#include <sstream>
#include <thread>

#include "tools/running/report.hpp"

namespace ptmc::tools {
namespace {

using Verdict = traces::VectorResult::Verdict;

constexpr std::size_t kTold = 3;  // failed vectors of which an account is given

std::atomic<bool> interrupted;

struct RunOptions {
  std::string file, format = "tap";
  std::optional<int> jobs;
};

std::vector<traces::VectorResult> run(const traces::Vectors &vectors, int jobs) {
  struct sigaction end {};
  end.sa_handler = [](int) { interrupted = true; };
  end.sa_flags = static_cast<int>(SA_RESETHAND);  // the second one ends the program
  for (const int sig : {SIGINT, SIGTERM}) sigaction(sig, &end, nullptr);
  const bool terminal = isatty(STDERR_FILENO);
  const std::size_t all = vectors.all.size();
  std::size_t shown = 0;
  traces::VectorRunOptions options{.jobs = jobs, .interrupted = &interrupted};
  if (terminal)
    options.progress = [&](std::size_t done) {
      if (done == shown) return;
      shown = done;
      std::fprintf(stderr, "\r%zu of %zu", done, all);
    };
  auto results = traces::run_vectors(vectors.all, options);
  if (terminal) std::fprintf(stderr, "\r\x1b[K");
  return results;
}

// As comments of TAP.
void comment(const traces::Vectors &vectors, const std::vector<traces::VectorResult> &results,
             const Account &account) {
  std::size_t told = 0;
  for (std::size_t k = 0; k < results.size() && told < kTold; ++k) {
    if (results[k].verdict != Verdict::failed) continue;
    ++told;
    std::istringstream lines(account(vectors, k, results[k].step));
    for (std::string line; std::getline(lines, line);) std::cout << "# " << line << '\n';
  }
}

}  // namespace

Command run_vectors_command(std::string name, Account account) {
  auto o = std::make_shared<RunOptions>();
  return {.name = std::move(name),
          .about = "runs vectors on this kernel",
          .options = {{.name = "FILE", .about = "of vectors", .sets = &o->file},
                      {.name = "--format",
                       .about = "TAP 14, JSON, or JUnit's XML",
                       .sets = &o->format,
                       .type = "tap|json|junit",
                       .one_of = {kReportFormats.begin(), kReportFormats.end()}},
                      {.name = "--jobs",
                       .about = "so many vectors at a time; else one for two processors",
                       .sets = &o->jobs,
                       .type = "N",
                       .range = {{1, 64}}}},
          .run = [=] {
            const traces::Vectors vectors = traces::read_vectors(o->file);
            // The two threads of a tracee spin: more than there are processors would only wait.
            const int processors = static_cast<int>(std::thread::hardware_concurrency());
            const auto results = run(vectors, o->jobs.value_or(std::max(processors / 2, 1)));
            report(std::cout, o->format, vectors, results);
            std::cout.flush();
            if (account && o->format == "tap") comment(vectors, results, account);
            if (count(results, Verdict::failed)) return 1;
            const std::size_t told =
                count(results, Verdict::passed) + count(results, Verdict::skipped);
            return told == results.size() ? 0 : 3;
          }};
}

}  // namespace ptmc::tools
