#include "traces/next.hpp"

#include <signal.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>

#include "model/kernel.hpp"
#include "traces/simulation.hpp"

namespace ptmc::traces {

using model::Action;
using model::Value;

namespace {

// The model's status word with the trace's numbers.
int real_word(int word, const Names &names) {
  if (word == 0xffff) return word;
  const auto real = [&](int n) {
    const model::Sig other = model::other_of(static_cast<std::uint32_t>(n));
    return other == model::NONE ? n : names.number(other);
  };
  if ((word & 0x7f) == 0) {
    const auto index = static_cast<std::size_t>(word >> 8 & 0xff);
    return index < names.codes.size() ? names.codes[index] << 8 : word;
  }
  if ((word & 0xff) != 0x7f) return (word & 0x80) | real(word & 0x7f);
  return (word & ~0xff00) | real(word >> 8 & 0xff) << 8;
}

constexpr int kErrors[] = {0, ESRCH, EIO, EPERM, EINVAL, ECHILD, EAGAIN, EBUSY};

Siginfo waitid_report(pid_t pid, int word, bool group_stop) {
  if (WIFEXITED(word)) return {SIGCHLD, CLD_EXITED, pid, WEXITSTATUS(word)};
  if (word == 0xffff) return {SIGCHLD, CLD_CONTINUED, pid, SIGCONT};
  if (WIFSIGNALED(word))
    return {SIGCHLD, word & 0x80 ? CLD_DUMPED : CLD_KILLED, pid, WTERMSIG(word)};
  return {SIGCHLD, group_stop ? CLD_STOPPED : CLD_TRAPPED, pid, word >> 8};
}

// Whom a call tells of; 0: it has nothing to report.
bool reports(const Event &e) {
  return e.call == Call::sigchld ? e.ret && *e.ret >= 0 : waited_for(e) != 0;
}

}  // namespace

std::vector<Event> observations(const Event &call, const model::Instance &i, Value output,
                                const Names &names) {
  Event e = call;
  e.ret = 0;
  if (i.label.err != model::Err::ok) {
    e.ret = -1;
    e.err = kErrors[static_cast<std::size_t>(i.label.err)];
    return {e};
  }
  switch (i.label.action) {
    case Action::wait: {
      e.siginfo.reset();
      if (i.label.options & model::kNohang) return {e};
      const pid_t pid = names.tid(i.label.thread);
      const int word = real_word(static_cast<int>(output), names);
      if (call.call == Call::waitid) {
        e.siginfo = waitid_report(pid, word, i.label.options & model::kUntraced);
      } else {
        e.ret = pid;
        e.status = word;
      }
      return {e};
    }
    case Action::getsiginfo: {
      if (output & model::kTrapInfo) {
        const int code = static_cast<int>(output & ~model::kTrapInfo);
        e.siginfo = Siginfo{code & 0x7f, code, 0, 0};
        return {e};
      }
      if (output & model::kForgedInfo) {
        const std::size_t at = output & 0xff;
        if (at < names.siginfos.size()) e.siginfo = names.siginfos[at];
        return {e};
      }
      const int signo = names.number(static_cast<model::Sig>(output >> 8));
      std::vector<Event> all;
      const auto with = [&](int code) {
        e.siginfo = Siginfo{signo, code, 0, 0};
        all.push_back(e);
      };
      switch (static_cast<model::Info>(output & 0xff)) {
        case model::Info::tkill:
          with(SI_TKILL);
          break;
        case model::Info::kernel:
          with(SI_KERNEL);
          break;
        case model::Info::step:
          with(TRAP_TRACE);
          break;
        default:
          with(SI_USER);
      }
      return all;
    }
    case Action::geteventmsg: {
      std::vector<Event> all;
      const auto with = [&](std::uint64_t message) {
        e.message = message;
        all.push_back(e);
      };
      if (output == model::kAnyMessage && names.cast) {
        const Task task{names.process, i.label.thread};
        if (const pid_t child = names.cast->child_of(task, call.t0))
          with(static_cast<std::uint64_t>(child));
        if (const auto data = names.cast->filter_of(task, call.t0)) with(*data);
      } else if (output & model::kThreadMessage) {
        with(static_cast<std::uint64_t>(names.tid(static_cast<int>(output & 0xff))));
      } else if (!(output & model::kAnyMessage)) {
        with(static_cast<std::uint64_t>(
            output < 0x80 ? static_cast<int>(output) : real_word(static_cast<int>(output), names)));
      }
      return all;
    }
    case Action::syscall_info:
      e.message = output;
      return {e};
    case Action::sigmask:
      e.mask = 0;
      for (const model::Sig sig : names.signals)
        if (const int number = names.number(sig); number && (output >> sig & 1))
          e.mask |= std::uint64_t{1} << (number - 1);
      return {e};
    case Action::sigchld: {
      const int code = static_cast<int>(output >> 24);
      const Value status = output & 0xffff;
      const pid_t pid = names.tid(static_cast<int>(output >> 16 & 0xff));
      int real = 0;
      if (code == CLD_EXITED)
        real = status < names.codes.size() ? names.codes[status] : 0;
      else if (status)
        real = names.number(static_cast<model::Sig>(status - model::killed_by(model::NONE)));
      e.siginfo = Siginfo{SIGCHLD, code, pid, real};
      return {e};
    }
    default:
      return {e};
  }
}

std::vector<Possible> of_all(std::vector<std::vector<Possible>> of_each) {
  if (of_each.size() == 1) return std::move(of_each[0]);
  std::vector<Possible> all;
  std::map<std::string, std::size_t> nobodys;  // outcomes without a report: in how many lists
  std::size_t quiet = 0;                       // processes that need not have a report
  for (const auto &list : of_each) {
    bool none = false;
    for (const Possible &p : list) {
      if (!p.shows.empty() && reports(p.shows[0])) continue;
      none = true;
      ++nobodys[p.text];
    }
    quiet += none;
  }
  std::vector<std::string> said;
  for (auto &list : of_each)
    for (Possible &p : list) {
      if (!p.shows.empty() && reports(p.shows[0])) {
        all.push_back(std::move(p));
        continue;
      }
      const bool failed = !p.shows.empty() && p.shows[0].ret && *p.shows[0].ret < 0;
      const bool may = failed ? nobodys[p.text] == of_each.size() : quiet == of_each.size();
      if (!may || std::find(said.begin(), said.end(), p.text) != said.end()) continue;
      said.push_back(p.text);
      all.push_back(std::move(p));
    }
  return all;
}

void Simulation::foresee(const std::vector<std::size_t> &calls) {
  struct Way {
    Configuration at;
    std::size_t from, instance;  // SIZE_MAX: none
  };
  // Breadth first: the first way to each configuration is a shortest one.
  std::vector<Way> ways;
  std::unordered_map<Configuration, std::size_t, ConfigurationHash> known;
  const auto reach = [&](const Configuration &c, std::size_t from, std::size_t instance) {
    if (known.emplace(c, ways.size()).second) ways.push_back({c, from, instance});
  };
  for (const auto &[c, rules] : now()) reach(c, SIZE_MAX, SIZE_MAX);
  for (std::size_t w = 0; w < ways.size() && ways.size() <= options_.max_states; ++w) {
    const Configuration from = ways[w].at;
    each_step(from, [&](const Configuration &c, std::size_t instance) { reach(c, w, instance); });
  }
  const auto path = [&](std::size_t w) {
    std::vector<std::string> steps;
    for (; w != SIZE_MAX; w = ways[w].from)
      if (ways[w].instance != SIZE_MAX) steps.push_back(model_.instances[ways[w].instance].name());
    std::reverse(steps.begin(), steps.end());
    return steps;
  };
  for (const std::size_t call : calls) {
    const Event &e = trace_.events[call];
    if (names_.thread(e.pid, e.t0) >= 0) continue;  // to this process a system call of its own
    if (e.call == Call::proc_state) {
      if (names_.thread(e.target, e.t0) < 0) continue;
      Next n{call, {}};
      for (const char letter : {'R', 'S', 'D', 'T', 't', 'Z', 'X'}) {
        Event shown = e;
        shown.data = static_cast<std::uint64_t>(letter);
        const Plan looks = traces::plan(shown, names_, index_);
        if (looks.kind != Ask::Kind::state) continue;
        const auto found = std::find_if(ways.begin(), ways.end(),
                                        [&](const Way &w) { return looks.holds(w.at.state); });
        if (found == ways.end()) continue;
        n.possible.push_back({std::string(1, letter),
                              {shown},
                              {},
                              path(static_cast<std::size_t>(found - ways.begin()))});
      }
      next.push_back(std::move(n));
      continue;
    }
    const Plan could = traces::plan(e, names_, index_);
    if (could.kind != Ask::Kind::steps || !could.unmodelled.empty()) continue;
    Outcomes outcomes(e, names_);
    for (std::size_t w = 0; w < ways.size(); ++w)
      for (const std::size_t i : could.alternatives)
        if (interpreter_.enabled(i, ways[w].at.state))
          outcomes.add(model_.instances[i], interpreter_.output(i, ways[w].at.state),
                       [&] { return path(w); });
    next.push_back({call, std::move(outcomes.found)});
  }
}

}  // namespace ptmc::traces
