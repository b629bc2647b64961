#include "traces/stage.hpp"

#include <linux/ptrace.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
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
#include <functional>
#include <memory>
#include <new>
#include "traces/puppet.hpp"

namespace ptmc::traces {
namespace {

constexpr std::uint64_t kPatience = 5'000'000'000;  // ns, of every wait
constexpr std::uint64_t kShort = 500'000'000;       // of those of a loose scenario
constexpr std::uint32_t kTurns = 1000;              // of an idle thread: it has been in user mode
constexpr pid_t kNobody = 4194304;                  // one more than the largest pid there is

// Polls: what is awaited is often a stopped thread, which can tell nobody.
bool until(const std::function<bool()> &reached, std::uint64_t patience = kPatience) {
  const std::uint64_t deadline = now() + patience;
  const timespec nap{0, 50'000};
  for (int tries = 0; !reached(); ++tries) {
    if (now() > deadline) return false;
    if (tries < 50)
      sched_yield();
    else
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
  Stage(Board &board, const Scenario &scenario) : board_(board), scenario_(scenario) {}

  void run() {
    set_self(getpid());
    board_.slots[who::world].tid = getpid();
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

  void cast() {
    const int threads = scenario_.threads;
    if (fork() == 0) play(board_, who::tracer, scenario_.tracer_is_parent ? threads : 0);
    if (!scenario_.tracer_is_parent && fork() == 0) play(board_, who::parent, threads);
    const auto is_ready = [&](pid_t role) {
      const bool absent =
          role >= who::t0 + threads || (role == who::parent && scenario_.tracer_is_parent);
      return absent || board_.slots[role].tid != 0;
    };
    const bool ready = until([&] {
      for (pid_t role = who::tracer; role <= who::t3; ++role)
        if (!is_ready(role)) return false;
      return true;
    });
    if (!ready)
      give_up(Board::Outcome::not_possible, "the processes of the scenario did not start");
  }

  pid_t real(pid_t symbol) const {
    if (symbol <= who::nothing) return symbol;
    return symbol == who::none ? kNobody : board_.slots[symbol].tid.load();
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
    if (event.pid == who::world) return perform(board_, with_real_pids(event), step_);
    post(board_.slots[event.pid], with_real_pids(event), step_);
    const bool exits = event.call == Call::exit || event.call == Call::exit_group;
    if (exits && event.pid <= who::parent) return await_death(event.pid);
    if (!exits && !async) await_end(event.pid);
  }

  void await_end(pid_t role) {
    const Slot &slot = board_.slots[role];
    await("the end of " + std::string(call_name(slot.call.call)) + " by " + who_name(role),
          [&] { return slot.finished == slot.posted; });
  }

  // Of the tracer or parent. It stays a zombie, so its pid is not used again.
  void await_death(pid_t role) {
    await("the death of " + who_name(role), [&] { return is_dead(real(role)); });
    for (Record &record : board_.log)
      if (record.phase == Record::begun && record.event.pid == real(role)) {
        record.event.t1 = now();
        record.phase = Record::gone;
      }
  }

  // Only the last reading is recorded.
  void await_state(const Step &step) {
    Event event = with_real_pids(step.event);
    const bool reached = until([&] {
      event.t0 = now();
      event.data = static_cast<unsigned char>(proc_state(board_, step.event.target));
      event.t1 = now();
      return step.states.find(static_cast<char>(event.data)) != std::string::npos;
    });
    if (!reached)
      give_up(Board::Outcome::not_reached, "state " + step.states + " of " +
                                               who_name(step.event.target) + ", which is in " +
                                               static_cast<char>(event.data));
    event.ret = 0;
    Record &record = board_.log[std::min(board_.used.fetch_add(1), Board::kRecords)];
    record.step = step_;
    record.event = event;
    record.phase = Record::ended;
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
    begin_turns();
    if (role == who::world) {
      perform(board_, with_real_pids(step.event), step_);
    } else {
      post(board_.slots[role], with_real_pids(step.event), step_);
      const Call call = step.event.call;
      if (role <= who::parent && call == Call::exit_group) return await_death(role);
    }
    if (!step.async) settle();
  }

  bool busy(pid_t role) const { return board_.slots[role].finished != board_.slots[role].posted; }

  bool gone(pid_t role) const {
    return role != who::world && role <= who::parent && is_dead(real(role));
  }

  void begin_turns() {
    for (pid_t role = who::t0; role <= who::t3; ++role) turns_[role] = board_.slots[role].turns;
  }

  // Nothing more happens of itself, as far as can be seen: who runs has been in user mode since.
  bool settled(pid_t role) const {
    const Slot &slot = board_.slots[role];
    if (slot.tid == 0) return true;
    if (role <= who::parent && !busy(role)) return true;
    if (!busy(role) && slot.turns - turns_[role] > kTurns) return true;
    const char state = proc_state(board_, role);
    return state != 'R' && state != 'D';
  }

  void settle() {
    for (pid_t role = who::tracer; role <= who::t3; ++role)
      until([&] { return settled(role); }, kShort);
  }

  Board &board_;
  const Scenario &scenario_;
  int step_ = -1;
  std::array<std::uint32_t, who::count> turns_{};
};

// ---- The keeper: outlives the stage, and leaves nothing -----------------------------------------

void end_process(pid_t pid) {
  if (pid == 0) return;
  // Only a child, as all are by now: another process may have got the pid of one long dead.
  siginfo_t info{};
  if (waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOWAIT | WNOHANG) != 0) return;
  kill(pid, SIGKILL);
  waitpid(pid, nullptr, __WALL);
}

void play_stage(Board &board, const Scenario &scenario, bool own_namespace) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  Stage stage(board, scenario);
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

void keep(Board &board, const Scenario &scenario, bool own_namespace, pid_t caller) {
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
    return conclude(board, Board::Outcome::no_namespace, "unshare");
  const pid_t stage = fork();
  if (stage < 0)
    return conclude(board, Board::Outcome::not_possible, std::string("fork: ") + strerror(errno));
  if (stage == 0) {
    play_stage(board, scenario, own_namespace);
    _exit(0);
  }
  while (sigwaitinfo(&wake, nullptr) != SIGTERM && !is_dead(stage)) {
  }  // SIGCHLD: also of orphans of the scenario
  kill(stage, SIGKILL);
  waitpid(stage, nullptr, 0);
  if (own_namespace) return;
  for (const pid_t role : {who::tracer, who::parent, who::t0}) end_process(board.slots[role].tid);
}

// ---- What came of it ----------------------------------------------------------------------------

using BoardPointer = std::unique_ptr<Board, void (*)(Board *)>;

BoardPointer new_board() {
  void *memory =
      mmap(nullptr, sizeof(Board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw NotPossible(std::string("mmap: ") + strerror(errno));
  return {new (memory) Board, [](Board *board) { munmap(board, sizeof(Board)); }};
}

// The board of a scenario that is over.
BoardPointer stage_scenario(const Scenario &scenario, bool own_namespace) {
  BoardPointer board = new_board();
  const pid_t caller = getpid();
  const pid_t keeper = fork();
  if (keeper < 0) throw NotPossible(std::string("fork: ") + strerror(errno));
  if (keeper == 0) {
    keep(*board, scenario, own_namespace, caller);
    _exit(0);
  }
  while (waitpid(keeper, nullptr, 0) < 0 && errno == EINTR) {
  }
  if (board->outcome == Board::Outcome::no_namespace) return stage_scenario(scenario, false);
  return board;
}

Trace header_of(const Scenario &scenario, const Board &board) {
  utsname system{};
  uname(&system);
  Trace trace;
  trace.kernel = system.release;
  trace.design = scenario.design;
  trace.scenario = scenario.name;
  const auto tid = [&](pid_t role) { return board.slots[role].tid.load(); };
  trace.tracer = tid(who::tracer);
  trace.processes = {{trace.tracer, Role::tracer, {trace.tracer}},
                     {tid(who::world), Role::world, {tid(who::world)}},
                     {tid(who::t0), Role::tracee, {}}};
  for (pid_t role = who::t0; role < who::t0 + scenario.threads; ++role)
    trace.processes.back().threads.push_back(tid(role));
  if (!scenario.tracer_is_parent)
    trace.processes.push_back({tid(who::parent), Role::parent, {tid(who::parent)}});
  return trace;
}

RunResult result_of(const Scenario &scenario, const Board &board) {
  RunResult result{header_of(scenario, board), {}, {}};
  std::vector<std::optional<Event>> of_step(scenario.steps.size());
  for (std::uint32_t i = 0; i < board.used; ++i)
    if (const auto event = final_event(board.log[i], board.end)) {
      result.trace.events.push_back(*event);
      if (board.log[i].step >= 0) of_step[board.log[i].step] = event;
    }
  std::stable_sort(result.trace.events.begin(), result.trace.events.end(),
                   [](const Event &a, const Event &b) { return a.t0 < b.t0; });
  for (const auto &event : of_step) result.made.push_back(event.has_value());
  for (std::size_t i = 0; i < of_step.size(); ++i) {
    if (board.outcome != Board::Outcome::finished && static_cast<int>(i) >= board.step) break;
    Step step = scenario.steps[i];
    if (step.expect.ret_pid) step.expect.ret = board.slots[*step.expect.ret_pid].tid;
    if (const std::string what = mismatch(step, of_step[i]); !what.empty())
      result.unexpected.push_back(scenario.file + ":" + std::to_string(step.line) + ": " + what);
  }
  return result;
}

}  // namespace

RunResult run_scenario(const Scenario &scenario) {
  const BoardPointer board = stage_scenario(scenario, true);
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
