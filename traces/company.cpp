#include "traces/company.hpp"

#include <linux/ptrace.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace ptmc::traces {
namespace {

// Address sanitizer's vfork knows one place to return to, and those of Company::start are nested.
#if defined(__SANITIZE_ADDRESS__)
#define PTMC_VFORK fork
#else
#define PTMC_VFORK vfork
#endif

constexpr std::uint32_t kTurns = 200;  // of an idle thread: it has been in user mode
constexpr pid_t kNobody = 4194304;     // one more than the largest pid there is

}  // namespace

void check_ptrace() {
  const pid_t child = fork();
  if (child < 0) throw NotPossible(std::string("fork: ") + strerror(errno));
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (;;) pause();
  }
  const long ret = syscall(SYS_ptrace, PTRACE_SEIZE, child, 0, 0);
  const int error = errno;
  kill(child, SIGKILL);
  waitpid(child, nullptr, __WALL);
  // An emulator may not know the request: then vectors and scenarios without it still can be run.
  const bool forbidden = error == EPERM || error == EACCES || error == ENOSYS;
  if (ret != 0 && forbidden)
    throw NotPossible(std::string("ptrace(PTRACE_SEIZE): ") + strerror(error));
}

bool Company::names(const std::vector<Step> &steps, pid_t role) {
  return std::any_of(steps.begin(), steps.end(), [&](const Step &step) {
    const Event &e = step.event;
    return e.pid == role || e.target == role || e.tgid == role;
  });
}

Company::Company(const SharedBoard &board, int program)
    : board_(*board), descriptor_(board.descriptor()), program_(program) {}

void Company::cast(const Cast &cast) {
  board_.slots[who::world].born = getpid();
  board_.slots[who::world].leader = who::world;
  board_.threads = cast.threads;
  board_.tracer_thread = cast.tracer_thread;
  start(who::tracer, cast.tracer_is_parent, cast.orphaned);
  if (cast.tracer2) start(who::tracer2, false, false);
  if (!cast.tracer_is_parent) start(who::parent, true, cast.orphaned);
  for (pid_t thread = 0; thread < cast.threads; ++thread) expected_.push_back(who::t0 + thread);
  if (cast.tracer_thread) expected_.push_back(who::tracer_thread);
  const bool ready = until(
      [&] {
        return std::all_of(expected_.begin(), expected_.end(), [&](pid_t role) {
          const Slot &slot = board_.slots[role];
          return slot.born != 0 && (!is_tracee(role) || slot.turns != 0);
        });
      },
      kPatience);
  if (!ready) throw NotPossible("the processes of the scenario did not start");
}

void Company::dismiss(bool own_namespace) {
  end_all(own_namespace);
  const std::uint32_t used = std::min(board_.used.load(), Board::kRecords);
  std::memset(static_cast<void *>(board_.log.data()), 0, used * sizeof(Record));
  std::memset(static_cast<void *>(board_.slots.data()), 0, sizeof board_.slots);
  board_.used = 0;
  expected_.clear();
}

void Company::start(pid_t role, bool with_tracee, bool orphaned) {
  expected_.push_back(role);
  // Not fork, which takes as long as the stage is large.
  if (PTMC_VFORK() != 0) return;
  if (with_tracee && PTMC_VFORK() == 0) {
    if (orphaned) setsid();
    play(descriptor_, program_, who::t0);
  }
  play(descriptor_, program_, role);
}

// Also who is not made yet, so that no call acts upon the caller by a pid of 0.
pid_t Company::real(pid_t symbol) const {
  if (symbol <= who::nothing) return symbol;
  const pid_t tid = symbol == who::none ? 0 : board_.slots[symbol].tid();
  return tid ? tid : kNobody;
}

Event Company::with_real_pids(Event event) const {
  event.pid = real(event.pid);
  event.target = real(event.target);
  event.tgid = real(event.tgid);
  return event;
}

// ---- Calls --------------------------------------------------------------------------------------

void Company::give(const Event &call, int step) {
  if (call.pid == who::world)
    perform(call, step);
  else
    post(board_.slots[call.pid], with_real_pids(call), step);
}

// World's own call.
void Company::perform(const Event &by_role, int step) {
  Event event = with_real_pids(by_role);
  std::uint32_t index = 0;
  Record &record = new_record(board_, step, index);
  event.t0 = now();
  publish(record, event, Record::begun);
  int status = 0;
  switch (event.call) {
    case Call::kill:
      event.ret = syscall(SYS_kill, event.target, event.sig);
      break;
    case Call::wait4:
      event.ret = syscall(SYS_wait4, event.target, &status, event.options, nullptr);
      break;
    default:
      event.ret = syscall(SYS_tgkill, event.tgid, event.target, event.sig);
  }
  event.err = *event.ret == -1 ? errno : 0;
  if (event.call == Call::wait4 && *event.ret > 0) event.status = status;
  event.t1 = now();
  publish(record, event, Record::ended);
}

void Company::await(const std::string &what, const std::function<bool()> &reached) const {
  if (!until(reached, kPatience)) throw Unreached(what);
}

void Company::await_birth(const Event &call) const {
  for (const pid_t role : {call.pid, call.target, call.tgid})
    if (is_tracee(role))
      await("the making of " + who_name(role), [&] { return board_.slots[role].born != 0; });
}

void Company::await_end(pid_t role) const {
  await("the end of " + std::string(call_name(board_.slots[role].call.call)) + " by " +
            who_name(role),
        [&] { return !busy(role); });
}

// The process stays a zombie, so its pid is not used again.
void Company::await_death(const Event &exit) {
  const pid_t role = exit.pid, leader = board_.slots[role].leader;
  const bool thread = exit.call == Call::exit;
  await("the death of " + who_name(role),
        [&] { return thread ? proc_state(board_, role) == 'X' : is_dead(real(leader)); });
  const std::uint32_t used = std::min(board_.used.load(), Board::kRecords);
  for (pid_t other = who::tracer; other <= who::parent; ++other) {
    if (thread ? other != role : board_.slots[other].leader != leader) continue;
    for (std::uint32_t i = 0; i < used; ++i) {
      Record &record = board_.log[i];
      if (record.phase != Record::begun || record.event.pid != real(other)) continue;
      record.event.t1 = now();
      record.phase = Record::gone;
    }
  }
}

// ---- What can be seen of them -------------------------------------------------------------------

bool Company::gone(pid_t role) const {
  const Slot &slot = board_.slots[role];
  if (slot.born == 0 || slot.dead) return true;
  if (role == who::world || is_tracee(role)) return false;
  return proc_state(board_, role) == 'X' || is_dead(real(slot.leader));
}

void Company::begin_turns() {
  for (pid_t role = who::t0; role < who::none; ++role) turns_[role] = board_.slots[role].turns;
}

bool Company::ran_since(pid_t role) const {
  return board_.slots[role].turns - turns_[role] > kTurns;
}

// Another thread of its process stands in a stop, or is a zombie that a tracer has to reap.
bool Company::is_kept_waiting(pid_t role) const {
  for (pid_t other = who::t0; other < who::none; ++other) {
    const Slot &slot = board_.slots[other];
    if (other == role || slot.born == 0 || slot.leader != board_.slots[role].leader) continue;
    const char state = proc_state(board_, other);
    if (state == 't' || (state == 'Z' && other != slot.leader)) return true;
  }
  return false;
}

bool Company::settled(pid_t role) const {
  const Slot &slot = board_.slots[role];
  if (slot.born == 0 || slot.dead) return true;
  if (!is_tracee(role) && !busy(role)) return true;
  if (!busy(role) && ran_since(role)) return true;
  char state = proc_state(board_, role);
  // Under the leader's id, but for the new image, which has not told yet.
  // Its entry in /proc may be missing meanwhile.
  if (state == 'X' && busy(role) && slot.call.call == Call::execve &&
      kill(real(slot.leader), 0) == 0) {
    state = proc_state(board_, slot.leader);
    if (state == 'X') return false;
  }
  const Call call = slot.call.call;  // sleeps in D: a vfork, an execve that waits for a thread
  const bool sleeps =
      busy(role) && (call == Call::fork || (call == Call::execve && is_kept_waiting(role)));
  return state != 'R' && (state != 'D' || sleeps);
}

}  // namespace ptmc::traces
