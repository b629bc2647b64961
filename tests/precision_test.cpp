// Replay is as precise as the model: at random calls of the corpus, what the model lists as
// possible (ReplayOptions::next) is accepted in the place of what the kernel showed, and every
// other observation of the same kind of call is rejected.
//
// The trace is cut at the call, which is then the last to begin: the list is what the model allows
// after all that had returned. List and acceptance come from different code: the first asks which
// rules are enabled in the states reached, the second is a replay of the changed trace.
#include <doctest/doctest.h>
#include <linux/ptrace.h>
#include <signal.h>
#include <sys/wait.h>
#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <map>
#include <random>
#include <set>
#include "traces/cast.hpp"
#include "traces/models.hpp"
#include "traces/replay.hpp"

namespace ptmc::traces {
namespace {

const std::filesystem::path kCorpus = std::filesystem::path(PTMC_SOURCE_DIR) / "tests/traces";

std::vector<Trace> corpus() {
  std::vector<std::filesystem::path> files;
  for (const auto &entry : std::filesystem::directory_iterator(kCorpus))
    if (entry.path().extension() == ".jsonl") files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  std::vector<Trace> all;
  for (const auto &file : files) all.push_back(read_trace(file));
  return all;
}

// ---- What a call can show -----------------------------------------------------------------------

constexpr long kSiginfo = PTRACE_GETSIGINFO, kMessage = PTRACE_GETEVENTMSG;
constexpr long kInfo = PTRACE_GET_SYSCALL_INFO, kMask = PTRACE_GETSIGMASK;

bool succeeded(const Event &e) { return *e.ret >= 0; }

// The result as far as the model has it: what it leaves open is left out.
std::string shown(const Event &e) {
  const auto text = [](auto... n) {
    std::string all;
    ((all += std::to_string(n) + " "), ...);
    return all;
  };
  if (e.call == Call::proc_state) {
    const char letter = static_cast<char>(e.data);
    return letter == 'S' || letter == 'D' ? "R" : std::string(1, letter);  // not told apart
  }
  if (!succeeded(e)) return "errno " + text(e.err);
  switch (e.call) {
    case Call::wait4: {
      int status = e.status.value_or(0);
      if (*e.ret > 0 && WIFSIGNALED(status)) status &= ~0x80;  // a core dump: not the model's
      return *e.ret == 0 ? "nothing" : text(*e.ret, status);
    }
    case Call::waitid:
    case Call::sigchld: {
      if (e.call == Call::waitid && waited_for(e) == 0) return "nothing";
      const int code = e.siginfo->code == CLD_DUMPED ? CLD_KILLED : e.siginfo->code;
      return text(e.siginfo->pid, code, e.siginfo->status);
    }
    case Call::ptrace:
      if (e.request == kSiginfo) {
        const bool step = e.siginfo->signo == SIGTRAP && e.siginfo->code >= TRAP_BRKPT &&
                          e.siginfo->code <= TRAP_HWBKPT;  // one class
        return text(e.siginfo->signo, step ? int{TRAP_TRACE} : e.siginfo->code);
      }
      if (e.request == kMessage || e.request == kInfo) return text(*e.message);
      if (e.request == kMask) return text(e.mask);
      return "ok";
    default:
      return "ok";
  }
}

// The calls whose result the model has; of others it knows whether the tracee is stopped.
bool has_result(const Event &e) {
  if (!e.ret || e.t1 == UINT64_MAX) return false;
  const auto complete = [&] {
    if (!succeeded(e)) return e.err != EINTR && e.err != EFAULT;
    if (e.call == Call::wait4) return *e.ret == 0 || e.status.has_value();
    if (e.call == Call::sigchld || (e.call == Call::ptrace && e.request == kSiginfo))
      return e.siginfo.has_value();
    return e.call != Call::ptrace || (e.request != kMessage && e.request != kInfo) ||
           e.message.has_value();
  };
  switch (e.call) {
    case Call::wait4:
    case Call::waitid:
    case Call::sigchld:
    case Call::proc_state:
      return complete();
    case Call::ptrace: {
      if (e.request == kMask && e.addr != 8) return false;
      constexpr long kRequests[] = {PTRACE_ATTACH,
                                    PTRACE_SEIZE,
                                    PTRACE_INTERRUPT,
                                    PTRACE_LISTEN,
                                    PTRACE_KILL,
                                    PTRACE_CONT,
                                    PTRACE_SYSCALL,
                                    PTRACE_DETACH,
                                    PTRACE_SINGLESTEP,
                                    PTRACE_SETOPTIONS,
                                    PTRACE_GETSIGINFO,
                                    PTRACE_GETEVENTMSG,
                                    kInfo,
                                    kMask};
      return std::find(std::begin(kRequests), std::end(kRequests), e.request) !=
                 std::end(kRequests) &&
             complete();
    }
    default:
      return false;
  }
}

// ---- The universe -------------------------------------------------------------------------------

struct Corpus {
  std::vector<Trace> traces = corpus();
  std::set<int> statuses;
  std::set<std::pair<int, int>> siginfos;  // signo, code
  std::set<std::uint64_t> messages{0, 1, 2, 9, 0x100, 0x700};
  Corpus() {
    for (const Trace &t : traces)
      for (const Event &e : t.events) {
        if (e.status && e.ret && *e.ret > 0) statuses.insert(*e.status);
        if (e.call == Call::ptrace && e.request == kSiginfo && e.siginfo)
          siginfos.emplace(e.siginfo->signo, e.siginfo->code);
      }
  }
};

std::vector<pid_t> tids(const Trace &trace) {
  std::vector<pid_t> all;
  for (const Process &p : trace.processes)
    if (p.role == Role::tracee) all.insert(all.end(), p.threads.begin(), p.threads.end());
  for (const Event &e : trace.events)
    if (e.call == Call::fork && child_of(e)) all.push_back(child_of(e));
  return all;
}

std::vector<Event> substitutes(const Corpus &corpus, const Trace &trace, const Event &e) {
  std::vector<Event> all;
  Event plain = e;
  plain.err = 0;
  plain.status.reset();
  plain.siginfo.reset();
  plain.message.reset();
  if (e.call == Call::proc_state) {
    for (const char letter : {'R', 'T', 't', 'Z', 'X'}) {
      plain.data = static_cast<std::uint64_t>(letter);
      all.push_back(plain);
    }
    return all;
  }
  for (const int err : {ESRCH, EIO, EPERM, EINVAL, ECHILD, EAGAIN}) {
    plain.ret = -1;
    plain.err = err;
    all.push_back(plain);
  }
  plain.ret = 0;
  plain.err = 0;
  const auto with_siginfo = [&](Siginfo info) {
    Event one = plain;
    one.siginfo = info;
    all.push_back(one);
  };
  if (e.call == Call::wait4 || e.call == Call::waitid) {
    if (e.options & WNOHANG) all.push_back(plain);
    for (const pid_t tid : tids(trace))
      for (const int status : corpus.statuses) {
        if (e.target > 0 && e.target != tid) continue;
        if (e.call == Call::wait4) {
          plain.ret = tid;
          plain.status = status;
          all.push_back(plain);
        } else if (WIFEXITED(status)) {
          with_siginfo({SIGCHLD, CLD_EXITED, tid, WEXITSTATUS(status)});
        } else if (status == 0xffff) {
          with_siginfo({SIGCHLD, CLD_CONTINUED, tid, SIGCONT});
        } else if (WIFSIGNALED(status)) {
          with_siginfo({SIGCHLD, CLD_KILLED, tid, WTERMSIG(status)});
        } else {
          with_siginfo({SIGCHLD, CLD_TRAPPED, tid, status >> 8});
          with_siginfo({SIGCHLD, CLD_STOPPED, tid, status >> 8});
        }
      }
  } else if (e.call == Call::sigchld) {
    for (const pid_t tid : tids(trace)) {
      for (const int signal : {0, SIGKILL, SIGTRAP, SIGSTOP, SIGTSTP, SIGCONT, SIGUSR1})
        for (const int code : {CLD_KILLED, CLD_TRAPPED, CLD_STOPPED, CLD_CONTINUED})
          with_siginfo({SIGCHLD, code, tid, signal});
      for (const int code : {0, 1, 3, 5, 7}) with_siginfo({SIGCHLD, CLD_EXITED, tid, code});
    }
  } else if (e.request == kSiginfo) {
    for (const auto &[signo, code] : corpus.siginfos) with_siginfo({signo, code, 0, 0});
  } else if (e.request == kMessage || e.request == kInfo) {
    std::set<std::uint64_t> messages = corpus.messages;
    for (const pid_t tid : tids(trace)) messages.insert(static_cast<std::uint64_t>(tid));
    if (e.message) messages.insert(*e.message);
    for (const std::uint64_t message : messages) {
      plain.message = message;
      all.push_back(plain);
    }
  } else if (e.request == kMask) {
    for (const std::uint64_t mask : {std::uint64_t{0}, e.mask, std::uint64_t{1} << (SIGUSR1 - 1)}) {
      plain.mask = mask;
      all.push_back(plain);
    }
  } else {
    all.push_back(plain);
  }
  return all;
}

// ---- The test -----------------------------------------------------------------------------------

// All that had begun when the call returned; the call itself is the last to begin, without what
// tells that it slept.
Trace cut(const Trace &trace, std::size_t at) {
  Trace shorter = trace;
  shorter.events.clear();
  Event last = trace.events[at];
  for (std::size_t i = 0; i < trace.events.size(); ++i) {
    Event e = trace.events[i];
    if (i == at || e.t0 >= last.t1) continue;
    if (e.call == Call::proc_state && e.target == last.pid && e.t1 > last.t0) continue;
    if (e.t1 != UINT64_MAX && e.t1 > last.t1) {
      e.child = child_of(e);
      e.ret.reset();
      e.t1 = UINT64_MAX;
    }
    shorter.events.push_back(e);
  }
  for (const Event &e : shorter.events) {
    last.t0 = std::max(last.t0, e.t0 + 1);
    if (e.t1 != UINT64_MAX) last.t0 = std::max(last.t0, e.t1 + 1);
  }
  last.t1 = last.t0 + 1;
  shorter.events.push_back(last);
  return shorter;
}

struct Sum {
  int events = 0, listed = 0, others = 0;
};

void check_event(const Corpus &corpus, const Trace &whole, std::size_t at, Models &models,
                 Sum &sum) {
  Trace trace = cut(whole, at);
  ReplayOptions options;
  options.models = &models;

  Trace asked = trace;
  Event &question = asked.events.back();
  question.ret.reset();
  question.t1 = UINT64_MAX;
  options.next = 1;
  const ReplayResult result = replay(asked, options);
  if (result.next.empty()) return;  // means nothing to the model
  options.next = 0;
  std::map<std::string, Event> listed;
  for (const Possible &p : result.next[0].possible)
    for (const Event &e : p.shows) {
      listed.emplace(shown(e), e);
    }
  std::map<std::string, Event> tried;
  for (const Event &e : substitutes(corpus, trace, trace.events.back())) tried.emplace(shown(e), e);
  tried.insert(listed.begin(), listed.end());
  ++sum.events;
  for (const auto &[text, substitute] : tried) {
    Event e = substitute;
    e.t0 = trace.events.back().t0;
    e.t1 = trace.events.back().t1;
    trace.events.back() = e;
    const bool accepted = replay(trace, options).accepted;
    const bool possible = listed.count(text) != 0;
    ++(possible ? sum.listed : sum.others);
    INFO(whole.file, ":", whole.events[at].line, ": ", describe(e));
    if (possible)
      CHECK_MESSAGE(accepted, "listed and rejected");
    else
      CHECK_MESSAGE(!accepted, "not listed and accepted");
  }
}

TEST_CASE("what the model lists is accepted, what it does not list is rejected") {
  Corpus corpus;
  std::vector<std::pair<std::size_t, std::size_t>> events;
  for (std::size_t t = 0; t < corpus.traces.size(); ++t)
    for (std::size_t i = 0; i < corpus.traces[t].events.size(); ++i)
      if (has_result(corpus.traces[t].events[i])) events.emplace_back(t, i);
  std::mt19937 random(20111);
  std::shuffle(events.begin(), events.end(), random);
  Sum sum;
  constexpr int kEvents = 1000;
  std::vector<std::pair<std::size_t, std::size_t>> chosen;
  for (const auto &one : events) {
    if (chosen.size() == kEvents + 200) break;  // some mean nothing to the model
    chosen.push_back(one);
  }
  std::sort(chosen.begin(), chosen.end());  // one trace's models are used while they are kept
  // One model for all, whatever signals the substitutes bring in.
  Models models(
      {.signals = {model::TRAP, model::KILL, model::USR1, model::USR2, model::TERM, model::CHLD,
                   model::CONT, model::STOP, model::TSTP, model::TTIN, model::TTOU},
       .exit_codes = {}});
  for (const auto &[t, i] : chosen) check_event(corpus, corpus.traces[t], i, models, sum);
  MESSAGE(sum.events, " events of ", events.size(), ": ", sum.listed, " listed observations, ",
          sum.others, " others");
  CHECK(sum.events >= kEvents);
  CHECK(sum.others > 10 * sum.events);
}

}  // namespace
}  // namespace ptmc::traces
