#include "traces/plan.hpp"

#include <fmt/format.h>
#include <sys/wait.h>

#include <algorithm>
#include <bit>

#include "model/kernel.hpp"
#include "model/requests.hpp"

namespace ptmc::traces {
namespace {

using model::Action;
using model::Err;
using model::Instance;
using model::Label;
using model::Sig;
using model::Value;

constexpr int kLooks = model::kExited | model::kNormal | model::kClone | model::kThreads;

// The instances of the same call, with any result.
std::function<bool(const Label &)> alike(const Ask::Step &s) {
  switch (s.match) {
    case Ask::Match::any:
      return [](const Label &) { return true; };
    case Ask::Match::thread:
      return
          [t = s.thread, u = s.execed](const Label &l) { return l.thread == t || l.thread == u; };
    case Ask::Match::argument:
      return [t = s.thread, arg = s.argument](const Label &l) {
        return l.thread == t && (l.err != Err::ok || l.arg == arg);
      };
    case Ask::Match::exactly:
      return [t = s.thread, arg = s.argument](const Label &l) {
        return l.thread == t && l.arg == arg;
      };
    case Ask::Match::options:
      return [t = s.thread, u = s.execed, set = s.argument, may = s.meanwhile](const Label &l) {
        const bool invalid = set == model::kInvalidOptions;
        return (may || l.options != model::kMeanwhile) && (l.thread == t || l.thread == u) &&
               (l.err != Err::ok || l.arg == set) && (l.arg == model::kInvalidOptions) <= invalid &&
               (!invalid || l.err == Err::esrch || l.arg == set);
      };
    case Ask::Match::wait:
      return [only = s.thread, given = s.argument, nohang = s.nohang](const Label &l) {
        const bool deaths = given & model::kExited;
        if (l.err == Err::echild)
          return l.thread == only &&
                 !((l.options ^ given) & (kLooks | (deaths ? 0 : model::kContinued)));
        if (l.options & model::kNohang)
          return nohang && l.options == ((given & ~model::kNowait) | model::kNohang) &&
                 l.thread == only;
        if (l.thread < 0) return false;
        return (l.options & ~given) == 0 && !((l.options ^ given) & model::kNowait) &&
               (only < 0 || l.thread == only);
      };
    case Ask::Match::disposition:
      return [how = s.argument](const Label &l) { return (l.arg & 3) == how; };
  }
  return {};
}

bool shows_siginfo(const Ask::Step &s, Value output) {
  const int code = static_cast<int>(s.a), signo = static_cast<int>(s.b);
  if (output & model::kTrapInfo)
    return code == static_cast<int>(output & ~model::kTrapInfo) && signo == (code & 0x7f);
  const int forged = static_cast<int>(s.c >> 16) - 1;
  if (output & model::kForgedInfo) return forged == static_cast<int>(output & 0xff);
  if (static_cast<Sig>(s.c & 0xff) != static_cast<Sig>(output >> 8)) return false;
  if (s.c >> 8 & 1) return true;  // an open world
  const bool of_child = s.c >> 9 & 1;
  switch (static_cast<model::Info>(output & 0xff)) {
    case model::Info::tkill:
      return code == SI_TKILL;
    case model::Info::kernel:
      return code == SI_KERNEL;
    case model::Info::step:
      return code >= TRAP_BRKPT && code <= TRAP_HWBKPT;
    case model::Info::user:
      return of_child ? code >= CLD_EXITED && code <= CLD_CONTINUED : code == SI_USER;
    default:
      return code == SI_USER;
  }
}

bool shows_message(const Ask::Step &s, Value output) {
  const bool told = s.c >> 16 & 1;
  if (output == model::kAnyMessage) return told;
  if (output & model::kThreadMessage)
    return static_cast<int>(s.c & 0xffff) - 1 == static_cast<int>(output & 0xff);
  // A plain number or an exit status, whose codes the model numbers in its own way.
  return (s.a >= 0 && s.a < 0x100 && output == static_cast<Value>(s.a)) ||
         (s.b >= 0 && output == static_cast<Value>(s.b));
}

bool shows_wait(const Ask::Step &s, const Instance &i, Value output) {
  if (i.label.options & model::kNohang || i.label.thread != static_cast<int>(s.a)) return false;
  // waitid tells what stopped the child: a trap, or a group-stop that its parent sees.
  const bool stopped = i.label.options & model::kUntraced;
  if (s.c == CLD_TRAPPED && stopped) return false;
  if (s.c == CLD_STOPPED && !stopped) return false;
  return s.b == -1 || static_cast<std::int64_t>(output) == s.b;
}

// PEEKSIGINFO: so many from an offset, and whose the first is.
bool shows_queued(const Ask::Step &s, Value output) {
  const Value kinds = output & ((1u << model::kPeekedMore) - 1);
  const std::int64_t there = std::popcount(kinds) + (output >> model::kPeekedMore);
  const std::int64_t offset = s.b >> 32, asked = s.b & 0xffffffff;
  if (s.a != std::min(std::max<std::int64_t>(there - offset, 0), asked)) return false;
  return s.c == model::NONE || (output >> s.c & 1);
}

std::function<bool(const Instance &, Value)> shows(const Ask::Step &s) {
  switch (s.shows) {
    case Ask::Shows::whatever:
      return {};
    case Ask::Shows::equal:
      return [s](const Instance &i, Value output) {
        return i.label.err != Err::ok || static_cast<std::int64_t>(output) == s.a;
      };
    case Ask::Shows::siginfo:
      return [s](const Instance &, Value output) { return shows_siginfo(s, output); };
    case Ask::Shows::message:
      return [s](const Instance &, Value output) { return shows_message(s, output); };
    case Ask::Shows::mask:
      return [s](const Instance &, Value output) { return output == static_cast<Value>(s.a); };
    case Ask::Shows::wait:
      return [s](const Instance &i, Value output) { return shows_wait(s, i, output); };
    case Ask::Shows::queued:
      return [s](const Instance &, Value output) { return shows_queued(s, output); };
    case Ask::Shows::nothing_there:
      return [](const Instance &i, Value) {
        return i.label.err != Err::ok || (i.label.options & model::kNohang) != 0;
      };
  }
  return {};
}

std::function<bool(const model::State &)> holds(const Ask &ask, const model::Schema &schema) {
  const auto t = ask.thread;
  switch (ask.looks) {
    case Ask::Looks::tracer_gone:
      return [&schema](const model::State &s) {
        return schema.get(s, schema.tracer.dead) && dead_trace_nobody(schema, s);
      };
    case Ask::Looks::gone:
    case Ask::Looks::there:
      return [&schema, t, died = ask.died,
              gone = ask.looks == Ask::Looks::gone](const model::State &s) {
        const model::ProcessFields &p =
            schema.process[static_cast<std::size_t>(schema.process_of(t))];
        // The status of another death than of the group is gone with the thread.
        if (died >= 0 && schema.get(s, p.group_exit) &&
            died != static_cast<int>(model::exit_word(schema.get(s, p.death))))
          return false;
        return (schema.loc(s, t) == model::Loc::dead) == gone;
      };
    case Ask::Looks::awake:
      return [&schema, t](const model::State &s) { return !in_stop(schema.loc(s, t)); };
    case Ask::Looks::exiting:  // sched_process_exit lies between exit_signals and exit_notify
      return [&schema, t](const model::State &s) {
        return schema.loc(s, t) == model::Loc::exit_notify;
      };
    case Ask::Looks::proc_state:
      return [&schema, t, letter = ask.letter](const model::State &s) {
        const model::Loc loc = schema.loc(s, t);
        if (loc == model::Loc::stopped) return letter == 'T';
        if (loc == model::Loc::zombie) return letter == 'Z';
        if (loc >= model::Loc::unreleased || loc == model::Loc::none)
          return letter == 'X' || letter == 'Z';
        if (loc >= model::Loc::entry_trap && loc < model::Loc::stopped) return letter == 't';
        // User mode may wait for a page, which is no interruptible sleep.
        return letter == 'R' || letter == 'D' || (letter == 'S' && loc != model::Loc::user);
      };
  }
  return {};
}

}  // namespace

Plan plan(const Ask &ask, const Index &index) {
  Plan p;
  static_cast<Ask &>(p) = ask;
  for (const Ask::Step &s : ask.steps) {
    const std::vector<std::size_t> all =
        index.find(s.action, s.actor,
                   [&, of = alike(s)](const Label &l) { return l.tracer == s.tracer && of(l); });
    if (p.stages.empty()) p.alternatives = all;
    Stage stage{{}, shows(s)};
    for (std::size_t i : all)
      if (s.err == Ask::kAnyErr || static_cast<int>(index.model.instances[i].label.err) == s.err)
        stage.instances.push_back(i);
    p.stages.push_back(std::move(stage));
  }
  if (ask.kind == Ask::Kind::state) p.holds = holds(ask, index.model.schema);
  if (!ask.traced_too) return p;
  p.traced_stages.push_back({index.find(Action::enter_syscall, model::Actor::tracee,
                                        [&](const Label &l) {
                                          return l.thread == ask.thread &&
                                                 l.arg == static_cast<int>(model::SysCall::plain);
                                        }),
                             {}});
  p.traced_stages.insert(p.traced_stages.end(), p.stages.begin(), p.stages.end());
  return p;
}

Index::Index(const model::Model &m) : model(m) {
  for (std::size_t i = 0; i < m.instances.size(); ++i) {
    const Action a = m.instances[i].label.action;
    // Handlers and the calls inside traced system calls end by themselves.
    if (a == Action::hidden || a == Action::handler || a == Action::sigreturn ||
        (a == Action::enter_syscall &&
         (m.instances[i].label.arg & 0xff) == static_cast<int>(model::SysCall::sigreturn)) ||
        m.instances[i].rule->id == "syscall.exit")
      hidden_.push_back(i);
  }
}

ByLocation::ByLocation(const model::Model &m, const std::vector<std::size_t> &instances)
    : model_(&m), at_(static_cast<std::size_t>(m.threads())) {
  for (std::size_t i : instances) {
    const model::Instance &instance = m.instances[i];
    const auto t = static_cast<std::size_t>(std::max(instance.thread, 0));
    for (std::size_t loc = 0; loc < at_[t].size(); ++loc) {
      model::Substitution there;
      there.fields.emplace(m.schema.thread[t].loc, model::constant(static_cast<Value>(loc)));
      bool possible = true;
      for (const model::Guard &g : instance.guards)
        possible = possible && !model::substitute(g.holds, there).is(0);
      if (possible) at_[t][loc].push_back(i);
    }
  }
}

std::vector<std::size_t> Index::find(Action action, model::Actor actor,
                                     const std::function<bool(const Label &)> &matches) const {
  std::vector<std::size_t> found;
  for (std::size_t i = 0; i < model.instances.size(); ++i) {
    const Instance &instance = model.instances[i];
    if (instance.label.action == action && instance.rule->actor == actor && matches(instance.label))
      found.push_back(i);
  }
  return found;
}

bool shows_calls(const model::Schema &schema, const model::State &s, int thread) {
  const model::ThreadFields &f = schema.thread[static_cast<std::size_t>(thread)];
  return schema.get(s, f.systrace) || schema.get(s, f.emulate) || schema.get(s, f.step);
}

bool is_there(const Plan &plan, const Instance &instance, const model::Schema &schema,
              const model::State &s) {
  if (plan.steps.empty() || plan.steps[0].execed == Ask::kNobody) return true;
  const int named = plan.steps[0].thread;
  return instance.label.thread == named || schema.loc(s, named) == model::Loc::dead;
}

bool runs_new_program(const Plan &plan, const model::Schema &schema, const model::State &s) {
  return (plan.thread == 0 || schema.loc(s, plan.thread) == model::Loc::dead) &&
         schema.loc(s, 0) == model::Loc::user && schema.get(s, schema.thread[0].call) == 0;
}

bool happens_here(const Plan &plan, std::size_t stage, bool inside, const model::Schema &schema,
                  const model::State &s) {
  if (plan.if_stopped && stage == 0)
    return schema.get(s, schema.process[0].jobs) == static_cast<Value>(model::Jobs::stopped);
  if (plan.ends == Ends::execed && stage > 0) return runs_new_program(plan, schema, s);
  if (!plan.asks_where || (inside && stage == 0)) return true;
  if (!inside) return !shows_calls(schema, s, plan.thread);
  const model::ThreadFields &f = schema.thread[static_cast<std::size_t>(plan.thread)];
  return schema.loc(s, plan.thread) == model::Loc::body &&
         schema.get(s, f.call) == static_cast<Value>(model::SysCall::plain);
}

bool dead_trace_nobody(const model::Schema &schema, const model::State &s) {
  return std::all_of(schema.thread.begin(), schema.thread.end(), [&](const model::ThreadFields &t) {
    return schema.get(s, t.tracing) == 0 ||
           schema.get(s, schema.tracers[schema.get(s, t.by)].dead) == 0;
  });
}

std::uint64_t outcome_key(const Instance &i, Value output) {
  const bool waits = i.label.action == Action::wait;
  return static_cast<std::uint64_t>(output) | static_cast<std::uint64_t>(i.label.err) << 32 |
         static_cast<std::uint64_t>(waits ? i.label.thread + 1 : 0) << 40 |
         static_cast<std::uint64_t>(waits && (i.label.options & model::kNohang)) << 48;
}

std::string outcome(const Instance &i, Value output, const Names &names) {
  if (i.label.err != Err::ok)
    return "-1 " + std::string(model::kErrNames[static_cast<std::size_t>(i.label.err)]);
  switch (i.label.action) {
    case Action::wait: {
      if (i.label.options & model::kNohang) return "0";
      const int word = static_cast<int>(output);
      const bool exit = (word & 0x7f) == 0 && word != 0xffff;
      const std::size_t code = static_cast<std::size_t>(word >> 8 & 0xff);
      const int real = exit && code < names.codes.size() ? names.codes[code] << 8 : word;
      return fmt::format("{} status {:#x}", names.tid(i.label.thread), real);
    }
    case Action::getsiginfo:
      if (output & model::kTrapInfo)
        return fmt::format("si_code {:#x}", output & ~model::kTrapInfo);
      if (output & model::kForgedInfo) {
        const std::size_t at = output & 0xff;
        if (at < names.siginfos.size())
          return fmt::format("si_code {:#x}, as SETSIGINFO has set it", names.siginfos[at].code);
      }
      return fmt::format("{} of class {}", names.name(static_cast<model::Sig>(output >> 8)),
                         output & 0xff);
    case Action::geteventmsg:
      if (output == model::kAnyMessage) return "message: the child, or the filter's data";
      if (output & model::kThreadMessage)
        return fmt::format("message {}", names.tid(static_cast<int>(output & 0xff)));
      return fmt::format("message {:#x}", output);
    case Action::sigchld: {
      const Siginfo info = *observations({}, i, output, names).front().siginfo;
      return fmt::format("SIGCHLD si_code {} of {} si_status {}", info.code, info.pid, info.status);
    }
    default:
      return "0";
  }
}

}  // namespace ptmc::traces
