#include "traces/stage.hpp"

#include <linux/ptrace.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <sstream>
#include <system_error>
#include "traces/puppet.hpp"

namespace ptmc::traces {
namespace {

constexpr std::uint64_t kPatience = 5'000'000'000;  // ns, of every wait
constexpr std::uint64_t kShort = 2'000'000'000;     // of those of a loose scenario
constexpr std::uint32_t kTurns = 1000;              // of an idle thread: it has been in user mode
constexpr pid_t kNobody = 4194304;                  // one more than the largest pid there is

// Polls: what is awaited is often a stopped thread, which can tell nobody.
bool until(const std::function<bool()> &reached, std::uint64_t patience = kPatience) {
  const std::uint64_t deadline = now() + patience;
  const timespec nap{0, 20'000};  // who sleeps gets a CPU sooner afterwards than who yields it
  while (!reached()) {
    if (now() > deadline) return false;
    nanosleep(&nap, nullptr);
  }
  return true;
}

// Of a child, which stays a zombie.
bool is_dead(pid_t child) {
  siginfo_t info{};
  waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOWAIT | WNOHANG);
  return info.si_pid != 0;
}

void conclude(Board &board, Board::Outcome outcome, const std::string &what) {
  what.copy(board.what.data(), board.what.size() - 1);
  board.outcome = outcome;
}

// ---- The stage: plays world, and gives the others their calls -----------------------------------

class Stage {
 public:
  Stage(const SharedBoard &board, int program, const Scenario &scenario)
      : board_(*board), descriptor_(board.descriptor()), program_(program), scenario_(scenario) {}

  void run() {
    prctl(PR_SET_TIMERSLACK, 1);
    prctl(PR_SET_CHILD_SUBREAPER, 1);  // orphans are world's, also where it is not init
    take_short_turns();
    board_.slots[who::world].born = getpid();
    board_.slots[who::world].leader = who::world;
    check_ptrace();
    cast();
    for (step_ = 0; step_ < static_cast<int>(scenario_.steps.size()); ++step_)
      take(scenario_.steps[step_]);
    board_.end = now();
    board_.outcome = Board::Outcome::finished;
  }

  [[noreturn]] void give_up(Board::Outcome outcome, const std::string &what) {
    board_.step = step_;
    board_.end = now();
    conclude(board_, outcome, what);
    _exit(1);
  }

 private:
  void check_ptrace() {
    const pid_t child = fork();
    if (child < 0) give_up(Board::Outcome::not_possible, std::string("fork: ") + strerror(errno));
    if (child == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      for (;;) pause();
    }
    const long ret = syscall(SYS_ptrace, PTRACE_SEIZE, child, 0, 0);
    const int error = errno;
    kill(child, SIGKILL);
    waitpid(child, nullptr, __WALL);
    if (ret != 0)
      give_up(Board::Outcome::not_possible,
              std::string("ptrace(PTRACE_SEIZE): ") + strerror(error));
  }

  bool is_named(pid_t role) const {
    return std::any_of(scenario_.steps.begin(), scenario_.steps.end(), [&](const Step &step) {
      const Event &e = step.event;
      return e.pid == role || e.target == role || e.tgid == role;
    });
  }

  void cast() {
    const bool separate = !scenario_.tracer_is_parent;
    board_.threads = scenario_.threads;
    board_.tracer_thread = is_named(who::tracer_thread);
    start(who::tracer, !separate);
    if (is_named(who::tracer2)) start(who::tracer2, false);
    if (separate) start(who::parent, true);
    for (pid_t thread = 0; thread < scenario_.threads; ++thread)
      expected_.push_back(who::t0 + thread);
    if (board_.tracer_thread) expected_.push_back(who::tracer_thread);
    const bool ready = until([&] {
      return std::all_of(expected_.begin(), expected_.end(), [&](pid_t role) {
        const Slot &slot = board_.slots[role];
        return slot.born != 0 && (!is_tracee(role) || slot.turns != 0);
      });
    });
    if (!ready)
      give_up(Board::Outcome::not_possible, "the processes of the scenario did not start");
  }

  void start(pid_t role, bool with_tracee) {
    expected_.push_back(role);
    if (fork() != 0) return;
    if (with_tracee && fork() == 0) {
      if (scenario_.orphaned) setsid();
      play(descriptor_, program_, who::t0);
    }
    play(descriptor_, program_, role);
  }

  // Nobody: also who is not made yet, so that no call acts upon the caller by a pid of 0.
  pid_t real(pid_t symbol) const {
    if (symbol <= who::nothing) return symbol;
    const pid_t tid = symbol == who::none ? 0 : board_.slots[symbol].tid();
    return tid ? tid : kNobody;
  }

  Event with_real_pids(Event event) const {
    event.pid = real(event.pid);
    event.target = real(event.target);
    event.tgid = real(event.tgid);
    return event;
  }

  void await(const std::string &what, const std::function<bool()> &reached) {
    if (!until(reached)) give_up(Board::Outcome::not_reached, what);
  }

  void take(const Step &step) {
    if (scenario_.loose) return take_loose(step);
    switch (step.kind) {
      case Step::Kind::call:
        return call(step.event, step.async);
      case Step::Kind::join:
        return await_end(step.event.pid);
      case Step::Kind::await_state:
        return await_state(step);
      case Step::Kind::await_pending:
        return await_pending(step);
    }
  }

  void call(const Event &event, bool async) {
    for (const pid_t role : {event.pid, event.target, event.tgid})
      if (is_tracee(role))
        await("the making of " + who_name(role), [&] { return board_.slots[role].born != 0; });
    if (event.pid == who::world) return perform(event);
    post(board_.slots[event.pid], with_real_pids(event), step_);
    const bool exits = event.call == Call::exit || event.call == Call::exit_group;
    if (exits && !is_tracee(event.pid)) return await_death(event);
    if (!exits && !async) await_end(event.pid);
  }

  // World's own call.
  void perform(const Event &by_role) {
    Event event = with_real_pids(by_role);
    std::uint32_t index = 0;
    Record &record = new_record(board_, step_, index);
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

  void await_end(pid_t role) {
    const Slot &slot = board_.slots[role];
    await("the end of " + std::string(call_name(slot.call.call)) + " by " + who_name(role),
          [&] { return slot.finished == slot.posted; });
  }

  // Of a tracer or the parent. The process stays a zombie, so its pid is not used again.
  void await_death(const Event &exit) {
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

  // Only the last reading is recorded.
  void await_state(const Step &step) {
    Event event = with_real_pids(step.event);
    const bool reached = until([&] {
      event.t0 = now();
      event.data = static_cast<unsigned char>(proc_state(board_, step.event.target));
      event.t1 = now();
      event.target = real(step.event.target);  // which may have come to be only now
      return step.states.find(static_cast<char>(event.data)) != std::string::npos;
    });
    if (!reached)
      give_up(Board::Outcome::not_reached, "state " + step.states + " of " +
                                               who_name(step.event.target) + ", which is in " +
                                               static_cast<char>(event.data));
    // An execve has given its tid to another.
    const bool taken = std::any_of(board_.slots.begin(), board_.slots.end(), [&](const Slot &slot) {
      return slot.execed == event.target && slot.execed != slot.born;
    });
    if (event.data == 'X' && taken) return;
    event.ret = 0;
    std::uint32_t index = 0;
    publish(new_record(board_, step_, index), event, Record::ended);
  }

  void await_pending(const Step &step) {
    const pid_t role = step.event.target;
    await(std::string(step.pending ? "a" : "no") + " pending signal of " + who_name(role),
          [&] { return (pending_signals(board_, role) != 0) == step.pending; });
  }

  // ---- Loose scenarios

  void take_loose(const Step &step) {
    const pid_t role = step.event.pid;
    if (step.kind == Step::Kind::join) return settle();
    if (step.kind == Step::Kind::await_state) return await_state(step);
    if (step.kind == Step::Kind::await_pending || busy(role) || gone(role)) return;
    const bool made = step.event.call == Call::fork && board_.slots[step.event.child].born != 0;
    if (made) return;
    begin_turns();
    if (role == who::world) {
      perform(step.event);
    } else {
      post(board_.slots[role], with_real_pids(step.event), step_);
      const Call call = step.event.call;
      const bool exits = call == Call::exit || call == Call::exit_group;
      if (exits && !is_tracee(role)) return await_death(step.event);
    }
    if (!step.async) settle();
  }

  bool busy(pid_t role) const { return board_.slots[role].finished != board_.slots[role].posted; }

  // Or not made yet.
  bool gone(pid_t role) const {
    const Slot &slot = board_.slots[role];
    if (slot.born == 0 || slot.dead) return true;
    if (role == who::world || is_tracee(role)) return false;
    return proc_state(board_, role) == 'X' || is_dead(real(slot.leader));
  }

  void begin_turns() {
    for (pid_t role = who::t0; role < who::none; ++role) turns_[role] = board_.slots[role].turns;
  }

  // Another thread of its process stands in a stop, or is a zombie that a tracer has to reap.
  bool is_kept_waiting(pid_t role) const {
    for (pid_t other = who::t0; other < who::none; ++other) {
      const Slot &slot = board_.slots[other];
      if (other == role || slot.born == 0 || slot.leader != board_.slots[role].leader) continue;
      const char state = proc_state(board_, other);
      if (state == 't' || (state == 'Z' && other != slot.leader)) return true;
    }
    return false;
  }

  // Nothing more happens of itself, as far as can be seen: who runs has been in user mode since.
  bool settled(pid_t role) const {
    const Slot &slot = board_.slots[role];
    if (slot.born == 0 || slot.dead) return true;
    if (!is_tracee(role) && !busy(role)) return true;
    if (!busy(role) && slot.turns - turns_[role] > kTurns) return true;
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

  // Also of those that are made meanwhile.
  void settle() {
    for (pid_t role = who::tracer; role < who::none; ++role)
      until([&] { return settled(role); }, kShort);
  }

  Board &board_;
  int descriptor_, program_;
  const Scenario &scenario_;
  std::vector<pid_t> expected_;  // cast at the beginning
  int step_ = -1;
  std::array<std::uint32_t, who::count> turns_{};
};

// ---- The keeper: outlives the stage, and leaves nothing -----------------------------------------

// Those of the scenario that are alive and a child by now. Killing them makes their children so.
std::vector<pid_t> children() {
  std::vector<pid_t> found;
  for (const auto &entry : std::filesystem::directory_iterator("/proc")) {
    std::ifstream file(entry.path() / "stat");  // PID (NAME) STATE PPID ...
    std::string stat;
    std::getline(file, stat);
    const std::size_t name_end = stat.rfind(')');
    if (name_end == std::string::npos) continue;
    std::istringstream rest(stat.substr(name_end + 1));
    char state = 0;
    pid_t parent = 0;
    if (rest >> state >> parent && parent == getpid())
      found.push_back(static_cast<pid_t>(std::stol(stat)));
  }
  return found;
}

void end_all() {
  until(
      [] {
        for (const pid_t child : children()) kill(child, SIGKILL);
        pid_t reaped = 0;
        while ((reaped = waitpid(-1, nullptr, WNOHANG | __WALL)) > 0) {
        }
        return reaped < 0;  // no child is left
      },
      24 * kPatience);  // whom it gives up runs on for ever
}

void play_stage(const SharedBoard &board, int program, const Scenario &scenario,
                bool own_namespace) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  Stage stage(board, program, scenario);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  const rlimit no_core{0, 0};
  setrlimit(RLIMIT_CORE, &no_core);
  if (own_namespace && (mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
                        mount("proc", "/proc", "proc", 0, nullptr) != 0))
    stage.give_up(Board::Outcome::no_namespace, "mount");
  stage.run();
}

void keep(const SharedBoard &board, int program, const Scenario &scenario, bool own_namespace,
          pid_t caller) {
  for (int sig = 1; sig < NSIG; ++sig) signal(sig, SIG_DFL);
  sigset_t wake;
  sigemptyset(&wake);
  sigaddset(&wake, SIGCHLD);
  sigaddset(&wake, SIGTERM);
  sigprocmask(SIG_SETMASK, &wake, nullptr);
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (getppid() != caller) return;
  // A session of its own keeps the terminal's signals out. The keeper is in it too, for orphans
  // come to it: else their process group would be an orphaned one, whose stops the kernel undoes.
  setsid();
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  if (own_namespace && unshare(CLONE_NEWPID | CLONE_NEWNS) != 0)
    return conclude(*board, Board::Outcome::no_namespace, "unshare");
  const pid_t stage = fork();
  if (stage < 0)
    return conclude(*board, Board::Outcome::not_possible, std::string("fork: ") + strerror(errno));
  if (stage == 0) {
    play_stage(board, program, scenario, own_namespace);
    _exit(0);
  }
  while (sigwaitinfo(&wake, nullptr) != SIGTERM && !is_dead(stage)) {
  }  // SIGCHLD: also of orphans of the scenario
  kill(stage, SIGKILL);
  waitpid(stage, nullptr, 0);
  if (!own_namespace) end_all();
}

// ---- What came of it ----------------------------------------------------------------------------

using BoardPointer = std::unique_ptr<SharedBoard>;

// The board of a scenario that is over.
BoardPointer stage_scenario(const Scenario &scenario, bool own_namespace) {
  BoardPointer board;
  int program = -1;
  try {
    board = std::make_unique<SharedBoard>();
    program = puppet_program();
  } catch (const std::system_error &error) {
    throw NotPossible(error.what());
  }
  const pid_t caller = getpid();
  const pid_t keeper = fork();
  if (keeper < 0) throw NotPossible(std::string("fork: ") + strerror(errno));
  if (keeper == 0) {
    keep(*board, program, scenario, own_namespace, caller);
    _exit(0);
  }
  while (waitpid(keeper, nullptr, 0) < 0 && errno == EINTR) {
  }
  if ((*board)->outcome == Board::Outcome::no_namespace) return stage_scenario(scenario, false);
  return board;
}

Trace header_of(const Scenario &scenario, const Board &board) {
  utsname system{};
  uname(&system);
  Trace trace;
  trace.kernel = system.release;
  trace.design = scenario.design;
  trace.scenario = scenario.name;
  trace.orphaned = scenario.orphaned;
  const auto tid = [&](pid_t role) { return board.slots[role].born.load(); };
  trace.tracer = tid(who::tracer);
  trace.processes = {{trace.tracer, Role::tracer, {trace.tracer}},
                     {tid(who::world), Role::world, {tid(who::world)}},
                     {tid(who::t0), Role::tracee, {}}};
  for (pid_t role = who::t0; role < who::t0 + scenario.threads; ++role)
    trace.processes.back().threads.push_back(tid(role));
  if (!scenario.tracer_is_parent)
    trace.processes.push_back({tid(who::parent), Role::parent, {tid(who::parent)}});
  if (board.tracer_thread) trace.processes.front().threads.push_back(tid(who::tracer_thread));
  if (tid(who::tracer2))
    trace.processes.push_back({tid(who::tracer2), Role::tracer, {tid(who::tracer2)}});
  return trace;
}

RunResult result_of(const Scenario &scenario, const Board &board) {
  RunResult result{header_of(scenario, board), {}, {}};
  const auto tid = [&](pid_t role) { return board.slots[role].born.load(); };
  std::vector<std::optional<Event>> of_step(scenario.steps.size());
  for (std::uint32_t i = 0; i < board.used; ++i)
    if (auto event = final_event(board.log[i], board.end)) {
      const int step = board.log[i].step;
      if (event->call == Call::fork) event->child = tid(scenario.steps[step].event.child);
      result.trace.events.push_back(*event);
      if (step >= 0) of_step[step] = event;
    }
  std::stable_sort(result.trace.events.begin(), result.trace.events.end(),
                   [](const Event &a, const Event &b) { return a.t0 < b.t0; });
  for (const auto &event : of_step) result.made.push_back(event.has_value());
  for (std::size_t i = 0; i < of_step.size(); ++i) {
    if (board.outcome != Board::Outcome::finished && static_cast<int>(i) >= board.step) break;
    Step step = scenario.steps[i];
    if (step.expect.ret_pid) step.expect.ret = tid(*step.expect.ret_pid);
    if (step.expect.siginfo_who) step.expect.siginfo_pid = tid(*step.expect.siginfo_who);
    if (step.expect.message_who)
      step.expect.message = static_cast<std::uint64_t>(tid(*step.expect.message_who));
    if (const std::string what = mismatch(step, of_step[i]); !what.empty())
      result.unexpected.push_back(scenario.file + ":" + std::to_string(step.line) + ": " + what);
  }
  return result;
}

}  // namespace

RunResult run_scenario(const Scenario &scenario) {
  const BoardPointer shared = stage_scenario(scenario, true);
  const Board *board = &**shared;
  const std::string what = board->what.data();
  if (board->outcome == Board::Outcome::not_possible) throw NotPossible(what);
  if (board->outcome == Board::Outcome::unfinished)
    throw std::runtime_error(scenario.file + ": the stage died");
  if (board->used > Board::kRecords) throw std::runtime_error(scenario.file + ": too many calls");
  RunResult result = result_of(scenario, *board);
  if (board->outcome == Board::Outcome::finished) return result;
  std::string message = scenario.file + ":" + std::to_string(scenario.steps.at(board->step).line) +
                        ": scenario did not reach " + what;
  for (const std::string &before : result.unexpected) message += "; before that, " + before;
  throw NotReached(message);
}

}  // namespace ptmc::traces
