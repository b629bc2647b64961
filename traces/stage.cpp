#include "traces/stage.hpp"

#include <sys/utsname.h>
#include <algorithm>
#include <memory>
#include <system_error>
#include "traces/company.hpp"

namespace ptmc::traces {
namespace {

constexpr std::uint64_t kShort = 2'000'000'000;  // ns, of the waits of a loose scenario

// ---- The stage: plays world, and gives the others their calls -----------------------------------

class Stage {
 public:
  Stage(const SharedBoard &board, int program, const Scenario &scenario)
      : board_(*board), company_(board, program), scenario_(scenario) {}

  void run() {
    try {
      check_ptrace();
      company_.cast({.threads = scenario_.threads,
                     .tracer_is_parent = scenario_.tracer_is_parent,
                     .orphaned = scenario_.orphaned,
                     .tracer2 = Company::names(scenario_.steps, who::tracer2),
                     .tracer_thread = Company::names(scenario_.steps, who::tracer_thread)});
      for (step_ = 0; step_ < static_cast<int>(scenario_.steps.size()); ++step_)
        take(scenario_.steps[static_cast<std::size_t>(step_)]);
      conclude(Board::Outcome::finished, "");
    } catch (const Company::Unreached &e) {
      conclude(Board::Outcome::not_reached, e.what());
    } catch (const NotPossible &e) {
      conclude(Board::Outcome::not_possible, e.what());
    }
  }

 private:
  void conclude(Board::Outcome outcome, const std::string &what) {
    board_.step = step_;
    board_.end = now();
    what.copy(board_.what.data(), board_.what.size() - 1);
    board_.outcome = outcome;
  }

  void take(const Step &step) {
    if (scenario_.loose) return take_loose(step);
    switch (step.kind) {
      case Step::Kind::call:
        return call(step.event, step.async);
      case Step::Kind::join:
        return company_.await_end(step.event.pid);
      case Step::Kind::await_state:
        return await_state(step);
      case Step::Kind::await_pending:
        return await_pending(step);
    }
  }

  void call(const Event &event, bool async) {
    company_.await_birth(event);
    company_.give(event, step_);
    if (event.pid == who::world) return;
    const bool exits = event.call == Call::exit || event.call == Call::exit_group;
    if (exits && !is_tracee(event.pid)) return company_.await_death(event);
    if (!exits && !async) company_.await_end(event.pid);
  }

  // Only the last reading is recorded.
  void await_state(const Step &step) {
    Event event = company_.with_real_pids(step.event);
    const bool reached = until(
        [&] {
          event.t0 = now();
          event.data = static_cast<unsigned char>(proc_state(board_, step.event.target));
          event.t1 = now();
          event.target = company_.real(step.event.target);  // which may have come to be only now
          return step.states.find(static_cast<char>(event.data)) != std::string::npos;
        },
        kPatience);
    if (!reached)
      throw Company::Unreached("state " + step.states + " of " + who_name(step.event.target) +
                               ", which is in " + static_cast<char>(event.data));
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
    company_.await(std::string(step.pending ? "a" : "no") + " pending signal of " + who_name(role),
                   [&] { return (pending_signals(board_, role) != 0) == step.pending; });
  }

  // ---- Loose scenarios

  void take_loose(const Step &step) {
    const pid_t role = step.event.pid;
    if (step.kind == Step::Kind::join) return settle();
    if (step.kind == Step::Kind::await_state) return await_state(step);
    if (step.kind == Step::Kind::await_pending || company_.busy(role) || company_.gone(role))
      return;
    const Call call = step.event.call;
    if (call == Call::fork && board_.slots[step.event.child].born != 0) return;
    company_.begin_turns();
    company_.give(step.event, step_);
    const bool exits = call == Call::exit || call == Call::exit_group;
    if (exits && !is_tracee(role)) return company_.await_death(step.event);
    if (!step.async) settle();
  }

  // Also of those that are made meanwhile.
  void settle() {
    for (pid_t role = who::tracer; role < who::none; ++role)
      until([&] { return company_.settled(role); }, kShort);
  }

  Board &board_;
  Company company_;
  const Scenario &scenario_;
  int step_ = -1;
};

// ---- What came of it ----------------------------------------------------------------------------

using BoardPointer = std::unique_ptr<SharedBoard>;

// The board of a scenario that is over.
BoardPointer stage_scenario(const Scenario &scenario) {
  BoardPointer board;
  int program = -1;
  try {
    board = std::make_unique<SharedBoard>();
    program = puppet_program();
  } catch (const std::system_error &error) {
    throw NotPossible(error.what());
  }
  keep([&](bool) { Stage(*board, program, scenario).run(); });
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
    step.expect = resolved(step.expect, tid);
    if (const std::string what = mismatch(step, of_step[i]); !what.empty())
      result.unexpected.push_back(scenario.file + ":" + std::to_string(step.line) + ": " + what);
  }
  return result;
}

}  // namespace

RunResult run_scenario(const Scenario &scenario) {
  const BoardPointer shared = stage_scenario(scenario);
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
