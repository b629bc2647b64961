#include "tools/benchmark/crowd.hpp"

#include <fmt/format.h>

#include <sstream>
#include <vector>

namespace ptmc::bench {
namespace {

class Writer {
 public:
  Writer() {
    line(R"({"format":"ptmc-scenario","version":1,"name":"crowd","about":"Many processes.",)"
         R"("semantics":[],"design":"linux-3.4","threads":1,"parent":"separate"})");
  }

  void line(const std::string &text) { text_ += text + '\n'; }
  void request(const char *name, int t, const char *data = "0") {
    line(fmt::format(
        R"({{"by":"tracer","call":"ptrace","args":{{"request":"PTRACE_{}","pid":"t{}","data":{}}}}})",
        name, t, data));
  }
  void wait(int t) {
    line(fmt::format(
        R"({{"by":"tracer","call":"wait4","args":{{"pid":"t{}","options":"__WALL"}}}})", t));
  }
  void stop(int t) {
    request("INTERRUPT", t);
    wait(t);
  }
  // By a thread that runs; it then stops again, and the child has not run yet.
  void fork(int t, int child, const char *flags) {
    line(fmt::format(
        R"({{"by":"t{}","call":"fork","args":{{"child":"t{}","flags":["{}"]}},"async":true}})", t,
        child, flags));
    wait(t);
    request("GETEVENTMSG", t);
    request("CONT", t);
    line(fmt::format(R"({{"join":"t{}"}})", t));
    wait(child);
  }
  void round(int t, int leader) {
    request("CONT", t);
    line(fmt::format(
        R"({{"by":"world","call":"tgkill","args":{{"tgid":"t{}","tid":"t{}","sig":"SIGUSR1"}}}})",
        leader, t));
    wait(t);
    request("GETSIGINFO", t);
    request("CONT", t);
    stop(t);
    request("GETEVENTMSG", t);
  }
  traces::Scenario scenario() const {
    std::istringstream in(text_);
    return traces::read_scenario(in, "crowd");
  }

 private:
  std::string text_;
};

}  // namespace

traces::Scenario crowd(int processes, int threads, int rounds) {
  Writer w;
  std::vector<std::pair<int, int>> all{{0, 0}};  // threads and their leaders
  w.request("SEIZE", 0, R"(["PTRACE_O_TRACEFORK","PTRACE_O_TRACECLONE","PTRACE_O_EXITKILL"])");
  int next = 1;
  for (int p = 0; p < processes; ++p) {
    const int leader = p == 0 ? 0 : next++;
    if (p > 0) {
      w.request("CONT", 0);
      w.fork(0, leader, "SIGCHLD");
      w.stop(0);
      all.emplace_back(leader, leader);
      w.request("CONT", leader);
    }
    for (int t = 1; t < threads; ++t) {
      w.fork(leader, next, "CLONE_THREAD");
      all.emplace_back(next++, leader);
    }
    w.stop(leader);
  }
  for (int r = 0; r < rounds; ++r) {
    const auto [t, leader] = all[static_cast<std::size_t>(r) % all.size()];
    w.round(t, leader);
  }
  return w.scenario();
}

}  // namespace ptmc::bench
