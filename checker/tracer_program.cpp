#include "checker/tracer_program.hpp"

#include <algorithm>
#include <bit>
#include <map>

#include "checker/claim_parts.hpp"
#include "model/input_error.hpp"
#include "model/requests.hpp"

namespace ptmc::checker {

using namespace model;

namespace {

// The field of where the program is: the call of its first rule is to be made, it waits, it has no
// rule for what it saw, it sleeps until SIGCHLD comes, or the call of a rule is to be made.
constexpr Value kStarts = 0, kWaits = 1, kLost = 2, kSleeps = 3, kCalls = 4;
const char *const kAt = "program.at";
const char *const kThread = "program.thread";

std::string of_tracee(int thread, const std::string &name) {
  return "t" + std::to_string(thread) + ".program." + name;
}
std::string flag_name(int thread, const std::string &flag) {
  return of_tracee(thread, "flag." + flag);
}
// Beside the program's flags: the last report of the tracee, and that it is known to be one.
const char *const kReport = "report";
const char *const kKnown = "known";

// What a report is known by: the status words of stops; the first stands for a death.
struct Word {
  Value status;
  Sig sig;
  int event;
  bool syscall;
};
const std::vector<Word> &words() {
  static const std::vector<Word> all = [] {
    std::vector<Word> made{{0, NONE, 0, false}};
    const auto stop = [](Value code) { return code << 8 | 0x7f; };
    for (int s = TRAP; s < SIG_COUNT; ++s)
      for (const int event : {0, 128}) {
        const Value code = static_cast<Value>(event) << 8 | status_number(static_cast<Sig>(s));
        made.push_back({stop(code), static_cast<Sig>(s), event, false});
      }
    for (int event = 1; event <= 7; ++event)
      made.push_back({stop(static_cast<Value>(event) << 8 | 5), TRAP, event, false});
    made.push_back({stop(0x85), TRAP, 0, true});
    return made;
  }();
  return all;
}
Expr word_of(Expr status) {
  Expr index = constant(0);
  for (Value k = 1; k < words().size(); ++k)
    index = ite(eq(status, words()[k].status), constant(k), index);
  return index;
}
Expr is_one_of(Expr report, const std::function<bool(const Word &)> &which) {
  Expr any = truth(false);
  for (Value k = 0; k < words().size(); ++k)
    if (which(words()[k])) any = any || eq(report, k);
  return any;
}

template <class T>
bool has(const std::vector<T> &all, const T &one) {
  return std::find(all.begin(), all.end(), one) != all.end();
}

// What the rules of a place look at.
struct Tracee {
  std::map<std::string, Expr> flags;
  Expr known;
};
struct Context {
  int thread = 0;  // the tracee of the last report; -1: it is not looked at
  Expr report;
  std::optional<bool> succeeded;  // none: no call came before
  std::vector<Tracee> tracees;

  Expr some(const Settings &flags) const {
    Expr any = truth(false);
    for (const Tracee &t : tracees) {
      Expr all = t.known;
      for (const auto &[flag, value] : flags) all = all && eq(t.flags.at(flag), truth(value));
      any = any || all;
    }
    return any;
  }
  void set(int of, const Settings &flags) {
    for (const auto &[flag, value] : flags)
      tracees[static_cast<std::size_t>(of)].flags[flag] = truth(value);
  }
};

bool matches(const When &w, const Word &word) {
  const bool dead = word.status == 0;
  if (dead)
    return w.report != When::Report::stopped && w.signals.empty() && w.events.empty() && !w.syscall;
  if (w.report == When::Report::dead) return false;
  if (!w.signals.empty() && has(w.signals, word.sig) == w.but_signals) return false;
  if (!w.events.empty() && !has(w.events, word.event)) return false;
  return !w.syscall || *w.syscall == word.syscall;
}

Expr holds(const When &w, const Context &c) {
  if (w.succeeded && c.succeeded != w.succeeded) return truth(false);
  const bool all = std::all_of(words().begin(), words().end(),
                               [&](const Word &word) { return matches(w, word); });
  Expr e =
      all ? truth(true) : is_one_of(c.report, [&](const Word &word) { return matches(w, word); });
  if (!w.some.empty()) e = e && c.some(w.some);
  for (const auto &[flag, value] : w.flags)
    e = e && eq(c.tracees.at(static_cast<std::size_t>(c.thread)).flags.at(flag), truth(value));
  return e;
}

// Where the program gets to from a place, under which condition and with which flags.
struct Leaf {
  Expr when;
  Value at;
  std::vector<Tracee> tracees;
};
void follow(const TracerProgram &program, const std::string &place, const Context &context,
            Expr path, std::vector<Leaf> &leaves) {
  if (place == "wait") {
    leaves.push_back(
        {path, program.waits == Waits::sigchld_once ? kSleeps : kWaits, context.tracees});
    return;
  }
  for (std::size_t r = 0; r < program.rules.size() && !path.is(0); ++r) {
    const TracerRule &rule = program.rules[r];
    if (rule.at != place) continue;
    const Expr here = path && holds(rule.when, context);
    path = path && !holds(rule.when, context);
    if (here.is(0)) continue;
    const Value calls = kCalls + static_cast<Value>(r);
    if (rule.each) {
      const Expr some = context.some(*rule.each);
      leaves.push_back({here && some, calls, context.tracees});
      follow(program, rule.next, context, here && !some, leaves);
      continue;
    }
    Context next = context;
    if (!rule.set.empty()) next.set(context.thread, rule.set);
    if (rule.call)
      leaves.push_back({here, calls, next.tracees});
    else
      follow(program, rule.next, next, here, leaves);
  }
  if (!path.is(0)) leaves.push_back({path, kLost, context.tracees});
}

bool resumes(Action a) {
  return a == Action::cont || a == Action::syscall || a == Action::singlestep ||
         a == Action::detach;
}

class Product {
 public:
  Product(Model &m, const TracerProgram &program) : m_(m), program_(program) {
    const auto bits = [](std::size_t values) {
      return std::max(1, static_cast<int>(std::bit_width(values - 1)));
    };
    at_ = m.schema.add(kAt, bits(kCalls + program.rules.size()));
    thread_ = m.schema.add(kThread, bits(static_cast<std::size_t>(m.threads())));
    for (int t = 0; t < m.threads(); ++t) {
      report_.push_back(m.schema.add(of_tracee(t, kReport), bits(words().size())));
      known_.push_back(m.schema.add(of_tracee(t, kKnown), 1));
      for (const std::string &flag : program.flags) m.schema.add(flag_name(t, flag), 1);
    }
  }

  void make() {
    const std::size_t all = m_.instances.size();
    for (std::size_t k = 0; k < all; ++k) sends_stop(m_.instances[k]);
    for (std::size_t k = 0; k < all; ++k) {
      Instance &i = m_.instances[k];
      if (i.rule->actor != Actor::tracer) continue;
      if (i.label.action == Action::wait)
        wait(i);
      else if (i.label.action == Action::sigchld)
        sigchld(i);
      else
        call(i);
    }
    if (program_.waits != Waits::blocking && !hears_)
      throw InputError(program_.file, 1, "this world has no SIGCHLD");
    for (const TracerRule &r : program_.rules)
      if (r.call && !has(made_, *r.call))
        throw InputError(program_.file, r.line, "the tracer of this world cannot make this call");
  }

 private:
  Context context(int thread, Expr report, std::optional<bool> succeeded) const {
    Context c{thread, report, succeeded, {}};
    for (int t = 0; t < m_.threads(); ++t) {
      Tracee &tracee = c.tracees.emplace_back();
      tracee.known = m_.schema.read(known_[static_cast<std::size_t>(t)]);
      for (const std::string &flag : program_.flags)
        tracee.flags.emplace(flag, remembered(m_, flag_name(t, flag)));
    }
    return c;
  }

  void guard(Instance &i, Expr may) const {
    static const std::string kName = "the program makes this call";
    i.guards.push_back({kName, may});
  }

  void update(Instance &i, const std::vector<Leaf> &leaves) const {
    const auto set = [&](Field f, Expr value) {
      if (!value.same(m_.schema.read(f))) i.updates.push_back({f, value});
    };
    Expr at = m_.schema.read(at_);
    for (const Leaf &l : leaves) at = ite(l.when, constant(l.at), at);
    set(at_, at);
    for (int t = 0; t < m_.threads(); ++t) {
      const auto tracee = static_cast<std::size_t>(t);
      Expr known = m_.schema.read(known_[tracee]);
      for (const Leaf &l : leaves) known = ite(l.when, l.tracees[tracee].known, known);
      set(known_[tracee], known);
      for (const std::string &flag : program_.flags) {
        const Field f = field_named(m_.schema, flag_name(t, flag));
        Expr value = m_.schema.read(f);
        for (const Leaf &l : leaves) value = ite(l.when, l.tracees[tracee].flags.at(flag), value);
        set(f, value);
      }
    }
  }

  void go(Instance &i, Value from, Value to) const {
    guard(i, eq(m_.schema.read(at_), from));
    i.updates.push_back({at_, constant(to)});
  }

  void sigchld(Instance &i) {
    if (program_.waits == Waits::blocking || i.label.err != Err::ok) return guard(i, truth(false));
    hears_ = true;
    go(i, kSleeps, kWaits);
  }

  // wait4(-1, &status, __WALL), and with WNOHANG
  void wait(Instance &i) {
    const Label &l = i.label;
    const bool all = l.thread < 0 && (l.options & kNormal) && (l.options & kClone) &&
                     !(l.options & (kNowait | kUntraced | kContinued));
    const bool none = (l.err == Err::ok && l.options & kNohang) || l.err == Err::echild;
    if (all && none && program_.waits != Waits::blocking) return go(i, kWaits, kSleeps);
    const int others = kNohang | kNowait | kUntraced | kContinued;
    if (l.err != Err::ok || (l.options & others) || l.thread < 0) return guard(i, truth(false));
    const bool dies = (l.options & kExited) != 0;
    guard(i, eq(m_.schema.read(at_), kWaits));
    const Expr report = dies ? constant(0) : word_of(*i.output);
    const auto thread = static_cast<std::size_t>(l.thread);
    std::vector<Leaf> leaves;
    Context c = context(l.thread, report, {});
    c.tracees[thread].known = truth(!dies);
    follow(program_, "report", c, truth(true), leaves);
    if (dies)
      for (Leaf &leaf : leaves)
        for (auto &[flag, value] : leaf.tracees[thread].flags) value = truth(false);
    update(i, leaves);
    i.updates.push_back({thread_, constant(static_cast<Value>(l.thread))});
    i.updates.push_back({report_[thread], report});
  }

  // tgkill with SIGSTOP, as strangers do it.
  void sends_stop(const Instance &stranger) {
    const Label &l = stranger.label;
    const bool wanted = std::any_of(program_.rules.begin(), program_.rules.end(),
                                    [](const TracerRule &r) { return r.call == Action::send; });
    if (!wanted || l.action != Action::send || l.thread < 0 || l.arg != STOP || l.err != Err::ok ||
        stranger.rule->actor != Actor::world)
      return;
    Instance own = stranger;
    own.parameters += ", by the tracer";
    call(own);
    m_.instances.push_back(std::move(own));
  }

  // The signal is the reported one where the kernel looks at it: elsewhere it drops it (R71).
  Expr gives(const Instance &i, const TracerRule &rule) const {
    // Options: the profile's, or those of a trace.
    const bool sets = i.label.action == Action::seize || i.label.action == Action::setoptions;
    if (sets) return truth(i.label.arg != kInvalidOptions && i.label.arg < kFlip);
    if (i.label.action == Action::send) return truth(true);
    if (!resumes(i.label.action)) return truth(i.label.arg == 0);
    const Sig sig = static_cast<Sig>(i.label.arg);
    if (!rule.injects) return truth(sig == NONE);
    const Expr delivery = View(m_).at(i.label.thread, {Loc::sig_trap});
    const Expr last = m_.schema.read(report_[static_cast<std::size_t>(i.label.thread)]);
    const Expr reported = is_one_of(last, [sig](const Word &word) { return word.sig == sig; });
    return ite(delivery, reported, truth(sig == NONE));
  }

  void call(Instance &i) {
    const Label &l = i.label;
    Expr may = truth(false);
    std::vector<Leaf> leaves;
    for (std::size_t r = 0; r < program_.rules.size(); ++r) {
      const TracerRule &rule = program_.rules[r];
      if (rule.call != l.action || l.thread < 0) continue;
      const bool first = rule.at == "start";
      if (first && l.thread != 0) continue;
      const auto thread = static_cast<std::size_t>(l.thread);
      const Value calls = kCalls + static_cast<Value>(r);
      Expr here = eq(m_.schema.read(at_), first ? kStarts : calls) && gives(i, rule);
      Context c = context(l.thread, m_.schema.read(report_[thread]), l.err == Err::ok);
      if (rule.each) {
        Context alone = c;
        alone.tracees = {c.tracees[thread]};
        here = here && alone.some(*rule.each);
        c.set(l.thread, rule.set);
        c.thread = -1;
        const Expr more = c.some(*rule.each);
        leaves.push_back({here && more, calls, c.tracees});
        follow(program_, rule.next, c, here && !more, leaves);
      } else {
        here = here && (truth(first) || eq(m_.schema.read(thread_), static_cast<Value>(l.thread)));
        if (first) {
          c.set(l.thread, rule.set);
          c.tracees[thread].known = truth(l.err == Err::ok);
        }
        follow(program_, rule.next, c, here, leaves);
      }
      may = may || here;
      if (l.err == Err::ok) made_.push_back(l.action);
    }
    guard(i, may);
    if (!may.is(0)) update(i, leaves);
  }

  Model &m_;
  const TracerProgram &program_;
  Field at_ = kNoField, thread_ = kNoField;
  std::vector<Field> report_, known_;  // by thread
  std::vector<Action> made_;
  bool hears_ = false;  // a SIGCHLD can come
};

// It has no call to make.
Expr rests(const View &v) {
  const Expr at = remembered(v.m, kAt);
  return eq(at, kWaits) || eq(at, kSleeps);
}

Expr is_believed(const View &v, int t, Belief belief) {
  const Expr jobctl = v.at(t, {Loc::event_trap, Loc::group_trap});
  const Expr trap = eq(v.get(v.t(t).sig), TRAP);
  switch (belief) {
    case Belief::group_stop:
      return jobctl && !trap;
    case Belief::event_stop:
      return jobctl && trap;
    case Belief::signal_delivery_stop:
      return v.at(t, {Loc::sig_trap});
    case Belief::own_sigstop:
      return v.at(t, {Loc::sig_trap}) && own_stop(v.m, t);
    case Belief::syscall_stop:
      return v.at(t, {Loc::entry_trap, Loc::exit_trap});
    case Belief::event:
      return v.at(t, {Loc::ptrace_event_trap, Loc::exit_event_trap});
    case Belief::none:
      break;
  }
  return truth(true);
}

}  // namespace

void run_by(Model &m, const TracerProgram &program) { Product(m, program).make(); }

std::vector<Property> tracer_properties(const TracerProgram &program) {
  std::vector<Property> all;
  const auto add = [&](Property p, const char *statement) {
    p.statement = statement;
    p.source = program.file;
    all.push_back(std::move(p));
  };
  const auto over_state = [&](const char *id, const char *statement, const OverState &claim) {
    add(property_over(id, PropertyKind::always, claim), statement);
  };
  const auto over_step = [&](const char *id, const char *statement, const OverStep &claim) {
    add(property_over(id, PropertyKind::always, claim), statement);
  };
  over_state("tracer.covers", "It has a rule for everything that it sees",
             [](const View &v) { return ne(remembered(v.m, kAt), kLost); });
  over_state("tracer.goes_on", "Each call that it makes has a result", [program](const View &v) {
    Expr e = truth(true);
    for (std::size_t r = 0; r < program.rules.size(); ++r) {
      const TracerRule &rule = program.rules[r];
      if (!rule.call || rule.at == "start") continue;
      Expr some = truth(false), ready = eq(v.get(v.m.schema.tracer.attaching), 0);
      for (const Instance &i : v.m.instances)
        if (i.label.action == rule.call) some = some || can(i);
      for (int t = 0; t < v.m.threads(); ++t)
        ready = ready && !v.get(v.t(t).owes_tracer) && !v.get(v.t(t).owes_parent);
      e = e && implies(eq(remembered(v.m, kAt), kCalls + static_cast<Value>(r)) && ready, some);
    }
    return e;
  });
  // Where it decides, by what it has just seen; what happens before its next call it cannot know.
  over_step("tracer.believes", "It takes no stop for another", [program](const StepView &s) {
    Expr e = truth(true);
    const int t = s.step.label.thread;
    if (s.step.rule->actor != Actor::tracer || t < 0) return e;
    const Expr at = s.after.get(field_named(s.m.schema, kAt));
    for (std::size_t r = 0; r < program.rules.size(); ++r)
      if (const Belief belief = program.rules[r].believes; belief != Belief::none)
        e = e && implies(eq(at, kCalls + static_cast<Value>(r)) && s.after.in_trap(t),
                         is_believed(s.after, t, belief));
    return e;
  });
  const auto resume_of = [](const StepView &s, int t) {
    const Label &l = s.step.label;
    return s.step.rule->actor == Actor::tracer && resumes(l.action) && l.err == Err::ok &&
           l.thread == t;
  };
  over_step("tracer.delivers", "It delivers each signal that was sent: none is lost",
            each_step([resume_of](const StepView &s, int t) {
              if (!resume_of(s, t)) return truth(true);
              return implies(s.before.at(t, {Loc::sig_trap}) && !own_stop(s.m, t),
                             eq(s.before.get(s.before.t(t).sig),
                                constant(static_cast<Value>(s.step.label.arg))));
            }));
  over_step(
      "tracer.invents_none",
      "It delivers no SIGSTOP or SIGTRAP that is the kernel's own: of ATTACH, auto-attach, execve",
      each_step([resume_of](const StepView &s, int t) {
        if (!resume_of(s, t)) return truth(true);
        return implies(s.before.at(t, {Loc::sig_trap}) && own_stop(s.m, t),
                       truth(s.step.label.arg == NONE));
      }));
  over_step("tracer.job_control", "While the group is stopped none of its threads runs user code",
            each_step([](const StepView &s, int t) {
              const bool runs = s.step.rule->actor == Actor::tracee && s.step.thread == t;
              return implies(truth(runs), !s.before.jobs_are(Jobs::stopped));
            }));
  const bool all_stop = std::any_of(program.rules.begin(), program.rules.end(),
                                    [](const TracerRule &r) { return r.each.has_value(); });
  if (all_stop)  // it keeps some stopped while it waits for others
    over_state("tracer.restarts", "While it waits, some tracee runs, or wait will report its stop",
               [](const View &v) {
                 Expr traced = truth(false), goes_on = truth(false);
                 for (int t = 0; t < v.m.threads(); ++t) {
                   const ThreadFields &f = v.t(t);
                   traced = traced || v.traced(t);
                   goes_on = goes_on || (v.traced(t) &&
                                         (!v.in_trap(t) || v.get(f.listening) || v.get(f.report)));
                 }
                 return implies(rests(v) && traced, goes_on);
               });
  else
    over_state("tracer.restarts", "While it waits, every stop is one that wait will report",
               each([](const View &v, int t) {
                 const ThreadFields &f = v.t(t);
                 return implies(rests(v) && v.traced(t) && v.in_trap(t),
                                v.get(f.listening) || v.get(f.report));
               }));
  over_state("tracer.kill_ends", "While it waits, no dying tracee is left in a stop",
             each([](const View &v, int t) {
               const ThreadFields &f = v.t(t);
               return implies(rests(v) && v.in_trap(t) && (v.killed(t) || v.get(v.p->group_exit)),
                              v.get(f.report));
             }));
  if (program.waits != Waits::blocking)
    over_state("tracer.hears", "While it sleeps, SIGCHLD is pending if a stop is to be reported",
               each([](const View &v, int t) {
                 const ThreadFields &f = v.t(t);
                 return implies(eq(remembered(v.m, kAt), kSleeps) && v.in_trap(t) &&
                                    v.get(f.report) && !v.get(f.owes_tracer),
                                ne(v.get(v.m.schema.tracer.chld.code), 0));
               }));
  return all;
}

}  // namespace ptmc::checker
