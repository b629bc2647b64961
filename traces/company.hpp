// The puppets of a scenario or of a vector, as the stage has them: cast, given their calls, and
// looked at. The stage itself is who::world.
#pragma once

#include <array>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

#include "traces/keeper.hpp"
#include "traces/puppet.hpp"
#include "traces/scenario.hpp"

namespace ptmc::traces {

// Throws NotPossible where ptrace is not permitted.
void check_ptrace();

class Company {
 public:
  // It was waited for this in vain.
  struct Unreached : std::runtime_error {
    using std::runtime_error::runtime_error;
  };
  struct Cast {
    int threads = 1;  // of the tracee
    bool tracer_is_parent = false, orphaned = false;
    bool tracer2 = false, tracer_thread = false;  // are there
  };
  // Whether a step names this one.
  static bool names(const std::vector<Step> &steps, pid_t role);

  Company(const SharedBoard &board, int program);

  // Every one is idle then. Throws NotPossible.
  void cast(const Cast &cast);
  // Ends them all, and clears the board for others.
  void dismiss(bool own_namespace);

  pid_t real(pid_t symbol) const;  // nobody's pid for who is not made yet
  Event with_real_pids(Event event) const;

  // Makes world's call, or gives a puppet its next one; it must have finished the last.
  void give(const Event &call, int step);
  // All throw Unreached after kPatience.
  void await(const std::string &what, const std::function<bool()> &reached) const;
  void await_birth(const Event &call) const;  // of those that it names
  void await_end(pid_t role) const;           // of its call
  void await_death(const Event &exit);        // of a tracer or the parent, by this call

  bool busy(pid_t role) const { return board_.slots[role].finished != board_.slots[role].posted; }
  bool gone(pid_t role) const;  // or not made yet
  // From here on settled() counts: who runs has been in user mode since.
  void begin_turns();
  bool settled(pid_t role) const;    // nothing more happens of itself, as far as can be seen
  bool ran_since(pid_t role) const;  // an idle tracee has been in user mode since begin_turns()

  Board &board() { return board_; }

 private:
  void start(pid_t role, bool with_tracee, bool orphaned);
  void perform(const Event &by_role, int step);
  bool is_kept_waiting(pid_t role) const;

  Board &board_;
  int descriptor_, program_;
  std::vector<pid_t> expected_;  // cast at the beginning
  std::array<std::uint32_t, who::count> turns_{};
};

}  // namespace ptmc::traces
