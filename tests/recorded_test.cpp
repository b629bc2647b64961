// What ptmc record has recorded of tracers and of scenarios, with the kernel's own events: the
// model explains it, and nothing that the kernel cannot have done.
#include <doctest/doctest.h>
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>

#include "traces/jsonl.hpp"
#include "traces/models.hpp"
#include "traces/replay.hpp"
#include "traces/source.hpp"

namespace ptmc::traces {
namespace {

namespace fs = std::filesystem;

std::vector<Trace> recordings() {
  std::vector<Trace> all;
  for (const auto &file : fs::directory_iterator(fs::path(PTMC_SOURCE_DIR) / "tests/recorded"))
    all.push_back(read_trace(file.path()));
  std::sort(all.begin(), all.end(), [](const Trace &a, const Trace &b) { return a.file < b.file; });
  return all;
}

ReplayResult replayed(const Trace &trace) {
  static Models models({.signals = {}, .siginfos = {}, .masks = {}, .exit_codes = {}}, 24);
  ReplayOptions options;
  options.models = &models;
  return replay(trace, options);
}

std::size_t place_of(const Trace &trace, Call call, std::size_t nth) {
  for (std::size_t i = 0; i < trace.events.size(); ++i)
    if (trace.events[i].call == call && nth-- == 0) return i;
  return SIZE_MAX;
}

TEST_CASE("all are accepted, and narrower with the kernel's events than without") {
  const std::vector<Trace> all = recordings();
  CHECK(all.size() >= 13);
  for (const Trace &trace : all) {
    INFO(trace.file);
    const ReplayResult with = replayed(trace);
    CHECK(with.accepted);
    Trace without = trace;
    std::erase_if(without.events, [](const Event &e) { return e.kernel; });
    CHECK(without.events.size() < trace.events.size());
    const ReplayResult less = replayed(without);
    CHECK(less.accepted);
    CHECK(with.mean_allowed_next <= less.mean_allowed_next);
  }
}

// A wait that says of a stop that it has another signal; a restart of a thread that is gone or
// runs; a thread that goes on though nobody has woken it, or sleeps on though somebody has.
TEST_CASE("what cannot have been is rejected") {
  std::size_t tried = 0, rejected = 0;
  for (const Trace &trace : recordings()) {
    const auto attempt = [&](Trace bad) {
      ++tried;
      rejected += !replayed(bad).accepted;
    };
    for (std::size_t nth = 0; nth < 12; ++nth) {
      if (const std::size_t i = place_of(trace, Call::sched_waking, nth); i != SIZE_MAX) {
        Trace bad = trace;
        bad.events.erase(bad.events.begin() + static_cast<std::ptrdiff_t>(i));
        attempt(bad);
      }
      if (const std::size_t i = place_of(trace, Call::sched_switch, nth); i != SIZE_MAX) {
        Trace bad = trace;
        bad.events[i].data = bad.events[i].data == 't' ? 'T' : 't';
        attempt(bad);
        bad = trace;
        Event woken = bad.events[i];
        woken.call = Call::sched_waking;
        woken.target = woken.pid;
        woken.t0 = ++woken.t1;
        bad.events.insert(bad.events.begin() + static_cast<std::ptrdiff_t>(i) + 1, woken);
        attempt(bad);
      }
    }
  }
  CHECK(tried > 180);
  // The others have another explanation: a stranger's signal, or a request that came first.
  CHECK(rejected * 100 >= tried * 75);
  MESSAGE(rejected, " of ", tried, " rejected");
}

TEST_CASE("call by call from a file it is the same") {
  for (const Trace &trace : recordings()) {
    INFO(trace.file);
    const auto source = open_source(trace.file);
    REQUIRE(source != nullptr);
    std::size_t count = 0;
    while (source->next()) ++count;
    CHECK(count == trace.events.size());
    // Of a recording that was cut short its whole lines count.
    std::string text = to_jsonl(trace);
    text.resize(text.size() - 7);
    std::istringstream in(text);
    CHECK(read_jsonl(in, "cut").events.size() == trace.events.size() - 1);
  }
}

}  // namespace
}  // namespace ptmc::traces
