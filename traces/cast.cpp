#include "traces/cast.hpp"

#include <linux/ptrace.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>

#include <algorithm>
#include <map>
#include <set>

#include "model/input_error.hpp"
#include "model/state.hpp"

namespace ptmc::traces {

namespace {

void add_to(std::vector<pid_t> &all, pid_t one) {
  if (std::find(all.begin(), all.end(), one) == all.end()) all.push_back(one);
}

}  // namespace

pid_t child_of(const Event &fork) {
  if (fork.ret && *fork.ret > 0) return static_cast<pid_t>(*fork.ret);
  return fork.child;
}

pid_t waited_for(const Event &wait) {
  if (!wait.ret || *wait.ret < 0) return 0;
  return wait.call == Call::wait4 ? static_cast<pid_t>(*wait.ret)
         : wait.siginfo           ? wait.siginfo->pid
                                  : 0;
}

int stop_of(const Event &wait) {
  if (waited_for(wait) <= 0) return 0;
  if (wait.call == Call::waitid)
    return wait.siginfo->code == CLD_TRAPPED ? wait.siginfo->status : 0;
  return wait.status && WIFSTOPPED(*wait.status) ? *wait.status >> 8 : 0;
}

Cast::Cast(const Trace &trace) {
  const bool separate =
      std::any_of(trace.processes.begin(), trace.processes.end(),
                  [](const traces::Process &p) { return p.role == Role::parent; });
  pid_t parent = trace.tracer;
  for (const traces::Process &p : trace.processes) {
    if (separate && p.role == Role::parent) parent = p.pid;
    if (p.role != Role::tracee)
      for (const pid_t tid : p.threads) others_[tid] = p.pid;
  }
  for (const traces::Process &p : trace.processes) {
    if (p.role != Role::tracee) continue;
    Process process;
    process.pid = p.pid;
    process.parent = process.parent_thread = parent;
    process.exit_signal = SIGCHLD;
    process.started = static_cast<int>(p.threads.size());
    add(std::move(process), p.threads);
  }
  // Those of processes that have several threads and are not on the tracee's side.
  std::vector<const Event *> waits;
  std::map<pid_t, int> threads_of;
  for (const auto &[tid, process] : others_) ++threads_of[process];
  for (const Event &e : trace.events) {
    const auto caller = others_.find(e.pid);
    if (is_wait(e) && caller != others_.end() && threads_of[caller->second] > 1)
      waits.push_back(&e);
  }
  struct Asked {  // a TRACEME
    Task tracee;
    std::uint64_t until;
  };
  std::vector<Asked> asked;
  for (std::size_t i = 0; i < trace.events.size(); ++i) {
    const Event &e = trace.events[i];
    const Task caller = task(e.pid, e.t0);
    if (e.call == Call::exit || e.call == Call::exit_group)
      mortal_.try_emplace(process_of(e.pid), e.t0);
    if (e.call == Call::kill || e.call == Call::tgkill)
      mortal_.try_emplace(process_of(e.target), e.t0);
    if ((e.call == Call::kill || e.call == Call::tgkill) && e.sig >= SIGSTOP && e.sig <= SIGTTOU)
      stopped_.insert(process_of(e.target));
    if (caller.process >= 0 && (e.call == Call::exit || e.call == Call::execve)) {
      auto [it, fresh] = ended_.try_emplace(key(caller), e.t0);
      if (!fresh) it->second = std::min(it->second, e.t0);
    }
    if (e.call == Call::rt_sigaction && e.sig == SIGCHLD && caller.process < 0)
      deaf_.insert(process_of(e.pid));
    if (is_wait(e) && e.pid == kInit && waited_for(e) != 0 && !(e.options & WNOWAIT))
      reaped_.emplace_back(waited_for(e), e.t1);
    if (caller.thread > 0 && e.call == Call::execve) execs_.push_back({e.pid, e.t0, e.t1});
    if (e.call == Call::fork && traces::child_of(e) != 0) follow_fork(trace, i);
    if (e.call == Call::seccomp && caller.process >= 0 && e.ret && *e.ret == 0)
      filters_[key(caller)].push_back({e.t0, e.data});
    const bool attaches = e.call == Call::ptrace && e.ret && *e.ret >= 0 &&
                          (e.request == PTRACE_ATTACH || e.request == PTRACE_SEIZE);
    const bool asks = e.call == Call::ptrace && e.request == PTRACE_TRACEME &&
                      (!e.ret || *e.ret >= 0) && caller.process >= 0;
    const Task t = asks ? caller : attaches ? task(e.target, e.t0) : Task{};
    if (t.process < 0) continue;
    std::vector<pid_t> &tracers = tracers_[static_cast<std::size_t>(t.process)];
    const Process &tracee = processes_[static_cast<std::size_t>(t.process)];
    const pid_t tracer = attaches ? e.pid : tracee.parent_thread;
    add_to(tracers, tracer);
    // While it sleeps in its attach, another thread of it waits.
    for (const Event *wait : waits)
      if (attaches && wait->pid != e.pid && process_of(wait->pid) == process_of(e.pid) &&
          wait->t0 < e.t1 && e.t0 < wait->t1)
        add_to(tracers, wait->pid);
    if (asks) asked.push_back({t, e.t1});
  }
  for (const Asked &a : asked) {
    const auto ends = mortal_.find(processes_[static_cast<std::size_t>(a.tracee.process)].parent);
    if (ends != mortal_.end() && ends->second < a.until)
      add_to(tracers_[static_cast<std::size_t>(a.tracee.process)], kInit);
  }
  for (std::size_t p = 0; p < processes_.size(); ++p)
    if (tracers_[p].empty()) tracers_[p].push_back(trace.tracer);
  dispatch(trace);
}

void Cast::add(Process process, const std::vector<pid_t> &threads) {
  const int place = static_cast<int>(processes_.size());
  process.threads = static_cast<int>(threads.size());
  for (std::size_t t = 0; t < threads.size(); ++t)
    lives_[threads[t]].push_back({process.from, {place, static_cast<int>(t)}});
  processes_.push_back(std::move(process));
  tracers_.emplace_back();
}

// A place that no thread has had, or one whose thread has ended.
int Cast::place_for_thread(const Process &process, std::uint64_t time) const {
  if (process.threads < model::kMaxThreads) return process.threads;
  const int number = static_cast<int>(&process - processes_.data());
  for (int t = 1; t < process.threads; ++t)
    if (auto it = ended_.find(key({number, t})); it != ended_.end() && it->second < time) return t;
  return -1;
}

void Cast::follow_fork(const Trace &trace, std::size_t event) {
  const Event &e = trace.events[event];
  const Task parent = task(e.pid, e.t0);
  if (parent.process < 0) return;
  const pid_t child = traces::child_of(e);
  made_[key(parent)].push_back({e.t0, child});
  Task made;
  if (e.data & CLONE_THREAD) {
    Process &process = processes_[static_cast<std::size_t>(parent.process)];
    const int place = place_for_thread(process, e.t0);
    if (place < 0)
      throw InputError(
          trace.file, e.line,
          "a process with more than " + std::to_string(model::kMaxThreads) + " threads at once");
    process.threads = std::max(process.threads, place + 1);
    made = {parent.process, place};
    ended_.erase(key(made));
    filters_.erase(key(made));
    lives_[child].push_back({e.t0, made});
  } else {
    Process process;
    process.pid = child;
    Process &caller = processes_[static_cast<std::size_t>(parent.process)];
    caller.forks = true;
    const bool sibling = e.data & CLONE_PARENT;
    process.parent = sibling ? caller.parent : caller.pid;
    process.parent_thread = sibling ? caller.parent_thread : e.pid;
    process.exit_signal = sibling ? caller.exit_signal : static_cast<int>(e.data & 0xff);
    process.forked_by = parent.process;
    process.fork = event;
    process.started = 1;
    process.from = e.t0;
    process.there = e.t1;
    made = {static_cast<int>(processes_.size()), 0};
    add(std::move(process), {child});
    tracers_.back() = tracers_[static_cast<std::size_t>(parent.process)];
  }
  if (const auto message = filter_of(parent, e.t0)) filters_[key(made)].push_back({0, *message});
}

Task Cast::task(pid_t tid, std::uint64_t time) const {
  const auto it = lives_.find(tid);
  if (it == lives_.end()) return {};
  Task found;
  for (const Life &life : it->second)
    if (life.from <= time) found = life.task;
  return found;
}

pid_t Cast::process_of(pid_t tid, std::uint64_t time) const {
  if (const Task t = task(tid, time); t.process >= 0)
    return processes_[static_cast<std::size_t>(t.process)].pid;
  const auto it = others_.find(tid);
  return it == others_.end() ? tid : it->second;
}

bool Cast::bystander(pid_t tid, std::uint64_t time) const {
  const auto other = others_.find(tid);
  if (other == others_.end()) return false;
  const auto ends = mortal_.find(other->second);
  return ends == mortal_.end() || ends->second > time;
}

const std::vector<pid_t> &Cast::tracers_of(int process) const {
  return tracers_[static_cast<std::size_t>(process)];
}

std::optional<std::uint64_t> Cast::may_end(pid_t tid) const {
  const Task t = task(tid, UINT64_MAX);
  if (t.process < 0) return std::nullopt;
  return processes_[static_cast<std::size_t>(t.process)].may_change;
}

bool Cast::reports(const Event &e, int process) const {
  const pid_t told = waited_for(e);
  return told > 0 && task(told, UINT64_MAX).process == process;
}

bool Cast::reaped_by_init(pid_t pid, std::uint64_t time) const {
  return std::any_of(reaped_.begin(), reaped_.end(), [&](const auto &reaped) {
    return reaped.first == pid && reaped.second <= time;
  });
}

bool Cast::may_exec(pid_t tid, std::uint64_t from, std::uint64_t to) const {
  return std::any_of(execs_.begin(), execs_.end(),
                     [&](const Exec &e) { return e.tid == tid && e.from < to && from < e.to; });
}

std::uint64_t Cast::may_hang_up(int process) const {
  std::uint64_t from = UINT64_MAX;
  if (!may_stop_) return from;
  for (std::size_t q = 0; q < processes_.size(); ++q) {
    const Process &other = processes_[q];
    if (static_cast<int>(q) != process && other.forks && other.threads > 1)
      from = std::min(from, other.may_change);
  }
  return from;
}

pid_t Cast::child_of(Task parent, std::uint64_t time) const {
  const auto it = made_.find(key(parent));
  pid_t child = 0;
  if (it != made_.end())
    for (const Made &made : it->second)
      if (made.from <= time) child = made.child;
  return child;
}

std::optional<std::uint64_t> Cast::filter_of(Task task, std::uint64_t time) const {
  const auto it = filters_.find(key(task));
  std::optional<std::uint64_t> message;
  if (it != filters_.end())
    for (const Filter &f : it->second)
      if (f.from < time) message = f.message;
  return message;
}

// ---- Which events concern which process ---------------------------------------------------------

void Cast::dispatch(const Trace &trace) {
  // Processes whose threads have traced: their waits and deaths concern those they may trace.
  std::set<pid_t> tracers;
  for (const Event &e : trace.events)
    if (e.call == Call::ptrace && e.request != PTRACE_TRACEME) tracers.insert(process_of(e.pid));
  for (const auto &some : tracers_)
    for (const pid_t tracer : some) tracers.insert(process_of(tracer));

  may_stop_ = std::any_of(trace.events.begin(), trace.events.end(), [](const Event &e) {
    const auto stops = [](std::uint64_t sig) { return sig >= SIGSTOP && sig <= SIGTTOU; };
    return e.call == Call::ptrace ? e.request == PTRACE_ATTACH || stops(e.data)
                                  : stops(static_cast<std::uint64_t>(e.sig));
  });
  for (const Event &e : trace.events)
    if (const Task t = task(e.pid, e.t0); t.process >= 0) {
      Process &caller = processes_[static_cast<std::size_t>(t.process)];
      caller.there = std::min(caller.there, e.t0);
    }
  std::vector<bool> concerned(processes_.size());
  for (std::size_t i = 0; i < trace.events.size(); ++i) {
    const Event &e = trace.events[i];
    std::fill(concerned.begin(), concerned.end(), false);
    const auto concern = [&](Task t) {
      if (t.process >= 0) concerned[static_cast<std::size_t>(t.process)] = true;
    };
    const auto all_of = [&](pid_t caller) {  // its children and its tracees
      const pid_t process = process_of(caller, e.t0);
      const bool traces = tracers.count(process) != 0;
      for (std::size_t p = 0; p < processes_.size(); ++p)
        if (traces || processes_[p].parent == process) concerned[p] = true;
    };
    concern(task(e.pid, e.t0));
    switch (e.call) {
      case Call::ptrace:
      case Call::tgkill:
      case Call::proc_state:
        // The call may have begun before the fork that made its target.
        concern(task(e.target, e.t0).process >= 0 ? task(e.target, e.t0) : task(e.target, e.t1));
        if (e.call == Call::proc_state && tracers.count(process_of(e.target)))
          std::fill(concerned.begin(), concerned.end(), true);
        break;
      case Call::kill:
        if (e.target > 0) concern(task(e.target, e.t0));
        if (e.target < -1 && !processes_.empty() && -e.target == processes_[0].pid)
          std::fill(concerned.begin(), concerned.end(), true);
        if (e.sig == SIGKILL && e.target > 0) all_of(e.target);
        break;
      case Call::wait4:
      case Call::waitid:
        if (waited_for(e) != 0)
          concern(task(waited_for(e), e.t1));
        else if (e.target > 0)
          concern(task(e.target, e.t1));
        else
          all_of(e.pid);
        break;
      case Call::sigchld:
        if (e.siginfo) concern(task(e.siginfo->pid, e.t1));
        all_of(e.pid);
        break;
      case Call::rt_sigaction:
      case Call::exit:
      case Call::exit_group:
        all_of(e.pid);
        break;
      default:
        break;
    }
    // What names nobody is somebody's to refuse.
    const bool names_somebody = e.call == Call::ptrace || (is_wait(e) && waited_for(e) != 0) ||
                                e.call == Call::proc_state ||
                                ((e.call == Call::kill || e.call == Call::tgkill) && e.target > 0);
    if (names_somebody && !concerned.empty() &&
        std::find(concerned.begin(), concerned.end(), true) == concerned.end())
      concerned[0] = true;
    const bool changes = e.call == Call::exit || e.call == Call::exit_group ||
                         e.call == Call::kill || e.call == Call::tgkill ||
                         (e.call == Call::ptrace && (e.data != 0 || e.request == PTRACE_KILL));
    for (std::size_t p = 0; p < processes_.size(); ++p) {
      Process &process = processes_[p];
      if (!concerned[p] || e.t1 < process.from) continue;
      // A sibling of the thread that forks may have waited before the child was there.
      if (is_wait(e) && waited_for(e) == 0 && e.t0 < process.there &&
          task(e.pid, e.t0).process >= 0)
        continue;
      process.events.push_back(i);
      if (is_wait(e)) continue;
      if (changes || e.call == Call::execve) process.may_leave = std::min(process.may_leave, e.t0);
      if (changes) process.may_change = std::min(process.may_change, e.t0);
    }
  }
}

}  // namespace ptmc::traces
