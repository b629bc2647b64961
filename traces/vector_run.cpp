#include "traces/vector_run.hpp"

#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <system_error>

#include "traces/company.hpp"

namespace ptmc::traces {
namespace {

constexpr std::uint64_t kSettling = 2'000'000'000;   // ns, until the states must be there
constexpr std::uint64_t kStarving = 20'000'000'000;  // ns, while a thread has had no processor

constexpr std::uint64_t kFilterMessage = 7;

using Verdict = VectorResult::Verdict;

// ---- One vector ---------------------------------------------------------------------------------

class Run {
 public:
  Run(const SharedBoard &board, int program, bool own_namespace, Lie lie)
      : board_(*board), company_(board, program), own_namespace_(own_namespace) {
    board_.lie = lie;
  }

  VectorResult operator()(const Vector &v) {
    std::vector<Step> calls;
    for (const VectorStep &step : v.steps) calls.push_back(step.call);
    threads_ = v.threads;
    company_.cast({.threads = v.started,
                   .tracer_is_parent = v.tracer_is_parent,
                   .orphaned = v.orphaned,
                   .tracer2 = Company::names(calls, who::tracer2),
                   .tracer_thread = Company::names(calls, who::tracer_thread)});
    VectorResult result;
    result.verdict = Verdict::passed;
    parent_ = !v.reaped ? who::nothing : v.tracer_is_parent ? who::tracer : who::parent;
    parent_gone_ = false;
    if (v.filtered) install_filter();
    for (int next = 0; next >= 0;) {
      result.step = next;
      const VectorStep &step = v.steps[static_cast<std::size_t>(next)];
      next = take(step, next, result);
      if (next == Outcome::kAside && result.verdict == Verdict::passed)
        result.verdict = Verdict::inconclusive;
    }
    company_.dismiss(own_namespace_);
    return result;
  }

 private:
  void install_filter() {
    Event seccomp;
    seccomp.pid = who::t0;
    seccomp.call = Call::seccomp;
    seccomp.data = kFilterMessage;
    company_.give(seccomp, -1);
    company_.await_end(who::t0);
  }

  // The step that follows, or what else an outcome says; with the verdict, where it failed.
  int take(const VectorStep &step, int number, VectorResult &result) {
    const auto fail = [&](const std::string &what) {
      result.verdict = Verdict::failed;
      result.observed = what;
      return int{Outcome::kAside};
    };
    const Event &call = step.call.event;
    const std::uint32_t first = board_.used;
    try {
      company_.give(call, number);
      const bool exits = call.call == Call::exit || call.call == Call::exit_group;
      if (call.pid != who::world && exits && !is_tracee(call.pid)) {
        company_.await_death(call);
        parent_gone_ = parent_gone_ || call.pid == parent_;
      } else if (call.pid != who::world && !exits && !step.call.async) {
        company_.await_end(call.pid);
      }
    } catch (const Company::Unreached &e) {
      return fail(std::string("waited in vain for ") + e.what());
    }
    company_.begin_turns();
    const std::optional<Event> made = event_of(number, first);
    std::vector<const Outcome *> possible;
    for (const Outcome &o : step.outcomes)
      if (shown(o, step.call, made)) possible.push_back(&o);
    if (possible.empty()) return fail(text(seen(made)));
    const Outcome *found = nullptr;
    std::string states;
    const auto settled = [&] { return (found = settled_in(possible, states, first)) != nullptr; };
    until(settled, kSettling);
    if (!found && states.find('?') != std::string::npos) until(settled, kStarving);
    if (found) return found->next;
    Outcome o = seen(made);
    o.states = states;
    o.handlers = handlers_since(first);
    return fail(text(o));
  }

  pid_t role_of(pid_t tid) const {
    for (pid_t role = who::world; role < who::none; ++role)
      if (board_.slots[static_cast<std::size_t>(role)].tid() == tid && tid != 0) return role;
    return who::none;
  }

  std::optional<Event> event_of(int step, std::uint32_t first) const {
    for (std::uint32_t i = first; i < std::min(board_.used.load(), Board::kRecords); ++i)
      if (board_.log[i].step == step) return final_event(board_.log[i], now());
    return std::nullopt;
  }

  bool shown(const Outcome &o, const Step &call, const std::optional<Event> &made) const {
    Step step = call;
    step.expect = resolved(o.shows, [&](pid_t symbol) { return company_.real(symbol); });
    return mismatch(step, made).empty();
  }

  // What the call has shown, in the words of an outcome.
  Outcome seen(const std::optional<Event> &made) const {
    Outcome o;
    if (!made || !made->ret) return o;
    const pid_t who = *made->ret > 0 ? role_of(static_cast<pid_t>(*made->ret)) : who::none;
    if (*made->ret < 0)
      o.shows.err = made->err;
    else if (who != who::none)
      o.shows.ret_pid = who;
    else
      o.shows.ret = made->ret;
    o.shows.status = made->status;
    if (made->siginfo) {
      o.shows.siginfo_signo = made->siginfo->signo;
      o.shows.siginfo_code = made->siginfo->code;
    }
    o.shows.message = made->message;
    return o;
  }

  std::vector<Ran> handlers_since(std::uint32_t first) const {
    std::vector<Ran> all;
    for (std::uint32_t i = first; i < std::min(board_.used.load(), Board::kRecords); ++i) {
      const Record &r = board_.log[i];
      if (r.step == -1 && r.phase == Record::ended && r.event.call == Call::handler)
        all.push_back({role_of(r.event.pid), r.event.sig});
    }
    std::sort(all.begin(), all.end());
    return all;
  }

  // R: in user mode, in no call, since the turns were begun; ?: something happens still.
  std::string states_now() const {
    std::string all;
    // The stage is the real parent of who has lost theirs: it reaps, as init does.
    if (parent_gone_) waitpid(company_.real(who::t0), nullptr, WNOHANG | __WALL);
    for (int t = 0; t < threads_; ++t) {
      const pid_t role = who::t0 + t;
      char state = settled_state(board_, role);
      if (state == 'R' && (company_.busy(role) || !company_.ran_since(role))) state = '?';
      all += state;
    }
    return all;
  }

  // Threads are looked at one after the other: who runs may be stopped, and who stands in a stop
  // have left it for another, by what a later one did. So all is looked at once more.
  const Outcome *settled_in(const std::vector<const Outcome *> &possible, std::string &states,
                            std::uint32_t first) {
    states = states_now();
    const auto found = std::find_if(possible.begin(), possible.end(), [&](const Outcome *o) {
      return o->states == states && (!o->handlers || o->handlers == handlers_since(first));
    });
    if (found == possible.end()) return nullptr;
    if (threads_ > 1) {
      company_.begin_turns();
      until([&] { return states_now().find('?') == std::string::npos; }, kSettling);
      if (states_now() != states) return nullptr;
    }
    return *found;
  }

  Board &board_;
  Company company_;
  const bool own_namespace_;
  int threads_ = 1;
  pid_t parent_ = 0;  // the tracee's real one, if init reaps for it
  bool parent_gone_ = false;
};

// ---- All of them --------------------------------------------------------------------------------

// Of one vector, where workers and caller see it.
struct Shared {
  std::atomic<Verdict> verdict;
  int step, attempts;
  std::array<char, 240> observed;
};
struct Queue {
  std::atomic<std::uint32_t> next, done;
  std::atomic<bool> impossible;
  std::array<char, 200> why;
};

class SharedMemory {
 public:
  explicit SharedMemory(std::size_t bytes) : bytes_(bytes) {
    data_ = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (data_ == MAP_FAILED) throw NotPossible(std::string("mmap: ") + strerror(errno));
  }
  ~SharedMemory() { munmap(data_, bytes_); }
  SharedMemory(const SharedMemory &) = delete;
  SharedMemory &operator=(const SharedMemory &) = delete;
  void *data() const { return data_; }

 private:
  std::size_t bytes_;
  void *data_;
};

void refuse(Queue &queue, const std::exception &e) {
  std::strncpy(queue.why.data(), e.what(), queue.why.size() - 1);
  queue.impossible = true;
}

void put(const VectorResult &result, Shared &into) {
  into.step = result.step;
  into.attempts = result.attempts;
  result.observed.copy(into.observed.data(), into.observed.size() - 1);
  into.verdict = result.verdict;
}

bool calls_ptrace(const Vector &v) {
  return std::any_of(v.steps.begin(), v.steps.end(),
                     [](const VectorStep &s) { return s.call.event.call == Call::ptrace; });
}

// The stage of a worker.
void work(const std::vector<Vector> &vectors, const VectorRunOptions &options, Queue &queue,
          Shared *results, bool own_namespace) {
  try {
    const SharedBoard board;
    Run run(board, puppet_program(), own_namespace, options.lie);
    for (std::uint32_t k; (k = queue.next.fetch_add(1)) < vectors.size(); ++queue.done) {
      if (results[k].verdict == Verdict::skipped) continue;
      VectorResult result;
      for (int attempt = 1; attempt <= options.attempts; ++attempt) {
        result = run(vectors[k]);
        result.attempts = attempt;
        if (result.verdict != Verdict::inconclusive) break;
      }
      put(result, results[k]);
      if (options.until_failure && result.verdict == Verdict::failed)
        queue.next = static_cast<std::uint32_t>(vectors.size());
    }
  } catch (const std::exception &e) {
    refuse(queue, e);
  }
}

}  // namespace

std::vector<VectorResult> run_vectors(const std::vector<Vector> &vectors,
                                      const VectorRunOptions &options) {
  const SharedMemory memory(sizeof(Queue) + vectors.size() * sizeof(Shared));
  auto &queue = *static_cast<Queue *>(memory.data());
  auto *results = reinterpret_cast<Shared *>(&queue + 1);
  const Host host = options.host ? *options.host : this_host();
  std::size_t skipped = 0;
  for (std::size_t k = 0; k < vectors.size(); ++k) {
    const std::string why = lack(vectors[k].needs, host);
    if (why.empty()) continue;
    put({.verdict = Verdict::skipped, .observed = why}, results[k]);
    if (++skipped == vectors.size()) throw NotPossible(why);
  }
  if (!host.why_no_ptrace.empty())  // of one by hand, which says nothing of its needs
    for (std::size_t k = 0; k < vectors.size(); ++k)
      if (results[k].verdict != Verdict::skipped && calls_ptrace(vectors[k]))
        throw NotPossible(host.why_no_ptrace);
  puppet_program();  // once, for all workers
  // A worker whose stage has died is replaced; the vector that it was at stays unrun.
  while (queue.next < vectors.size() && !queue.impossible) {
    std::vector<pid_t> workers;
    const pid_t caller = getpid();
    for (int j = 0; j < options.jobs; ++j) {
      const pid_t worker = fork();
      if (worker < 0) throw NotPossible(std::string("fork: ") + strerror(errno));
      if (worker > 0) {
        workers.push_back(worker);
        continue;
      }
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      if (getppid() != caller) _exit(1);
      try {
        keep([&](bool own_namespace) { work(vectors, options, queue, results, own_namespace); });
      } catch (const NotPossible &e) {
        refuse(queue, e);
      }
      _exit(0);
    }
    const timespec nap{0, 5'000'000};  // seldom: it takes its time from them
    while (!workers.empty()) {
      nanosleep(&nap, nullptr);
      if (options.progress) options.progress(queue.done);
      if (options.interrupted && *options.interrupted)
        queue.next = static_cast<std::uint32_t>(vectors.size());
      std::erase_if(workers, [](pid_t worker) {
        const pid_t reaped = waitpid(worker, nullptr, WNOHANG);
        return reaped == worker || (reaped < 0 && errno == ECHILD);
      });
    }
  }
  if (queue.impossible) throw NotPossible(queue.why.data());
  std::vector<VectorResult> all(vectors.size());
  for (std::size_t k = 0; k < all.size(); ++k)
    all[k] = {results[k].verdict, results[k].step, results[k].observed.data(), results[k].attempts};
  return all;
}

}  // namespace ptmc::traces
