// A walk: one behaviour of the model, among many. The generator takes it along to guess where a
// program has come to, and what a call would lead to there. The kernel may go elsewhere.
//
// As in a replay, each process is a state of a model of its own, and a fork makes a state.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "model/property.hpp"
#include "tools/difftesting/kinds.hpp"
#include "tools/difftesting/random.hpp"
#include "traces/models.hpp"
#include "traces/scenario.hpp"

namespace ptmc::difftest {

// A rule by its number, and the stop kind of the thread that takes it or is acted upon.
using Pair = std::pair<int, model::StopKind>;

class Walk {
 public:
  // The machine of a process whose real parent is the tracer, or is not.
  using MachineOf = std::function<std::shared_ptr<traces::Machine>(bool tracer_is_parent)>;
  Walk(const Cast &cast, MachineOf machine_of);

  // Whether it has a call under way, or is no more, or is not there yet.
  bool busy(pid_t role) const;
  bool in_main(pid_t role) const;
  bool tracer_dead() const;
  // Begins a call, and goes on until nothing more happens of itself. Returns what was taken.
  std::set<Pair> make(const traces::Event &event, Random &random);

 private:
  // Who is who, as a trace with symbols for pids would have it.
  struct World {
    traces::Trace trace;
    std::vector<traces::Names> names;  // by process
  };
  struct Process {
    std::shared_ptr<traces::Machine> machine;
    model::State state;
    bool born = false;
    // Threads whose vfork has a child in their memory, and that child.
    std::vector<std::pair<int, std::size_t>> vforks = {};
    bool execed = false;
  };
  // What a call is to one process.
  struct Part {
    std::size_t process;
    const traces::Plan *plan;
    std::size_t stage = 0;
    bool inside = false;  // in a system call that SYSCALL traces
  };
  struct Open {
    traces::Event event;
    pid_t role;
    std::vector<Part> parts;
  };
  void follow(const traces::Event &event);
  void begin(const traces::Event &event);
  bool may_begin(const Part &part) const;
  bool over(const Open &open, const Part &part) const;
  bool over(const Open &open) const;
  void end(const Open &open);
  bool advance(Open &open, Random &random, std::set<Pair> &taken);
  bool hidden(Random &random, std::set<Pair> &taken);
  void take(std::size_t process, std::size_t instance, std::set<Pair> &taken);
  void bear(std::size_t parent, int thread);
  bool held(const Process &process, const model::Instance &instance) const;
  pid_t tid(pid_t role) const;
  traces::Task task(pid_t role) const;
  bool in_main(const traces::Task &task) const;

  MachineOf machine_of_;
  std::shared_ptr<const World> world_;
  std::uint64_t clock_ = 0;
  std::vector<Process> processes_;
  std::vector<Open> open_;
  std::array<bool, traces::who::count> gone_{};
  std::array<pid_t, traces::who::count> tid_{};  // by role: that it has since an execve, or 0
};

}  // namespace ptmc::difftest
