// wait4 (kernel/exit.c: do_wait, wait_consider_task, 6.12). The tracer sees its tracees, the real
// parent its child, and the first process the one that it forked; where both are one process a
// traced child is seen as a tracee. Each report is given once. A blocking wait is a report that
// comes when it comes; "nothing" needs WNOHANG.

#include "model/kernel.hpp"
#include "model/requests.hpp"
#include "model/sigchld.hpp"

namespace ptmc::model {
namespace {

struct Caller {
  Actor actor;
  const char *prefix;  // of rule ids
  int child = 0;       // the process whose real parent it may be
  int thread = -1;     // a tracee's own: who calls
};
constexpr Caller kTracer{Actor::tracer, "wait"}, kParent{Actor::parent, "parent.wait"};

// The first process waits for the one that it has forked.
std::vector<Caller> forkers(const Model &m) {
  std::vector<Caller> all;
  for (int k = 1; k < m.processes(); ++k)
    for (int u : m.schema.group(0)) all.push_back({Actor::tracee, "child.wait", k, u});
  return all;
}
std::string by(const Caller &c) { return c.thread < 0 ? "" : ", by " + tname(c.thread); }

void may_wait(Step &s, const Caller &c) {
  if (c.actor == Actor::tracee) {
    s.needs(Feature::reaps);
    in_own_call(s, c.thread);
    s.at("its SIGCHLD has been sent", s.schema.process[c.child].notice, 0);
    return;
  }
  if (c.actor == Actor::tracer) {
    s.needs(Feature::tracer_waits);
    tracer_is_free(s);
  } else {
    s.needs(Feature::parent_waits);
    s.needs(!s.on(Feature::parent_is_tracer));
    s.at("the parent lives", s.schema.parent.state, static_cast<Value>(Parent::lives));
  }
}

// What the caller may see of thread t, and as what (wait_consider_task).
struct Seen {
  Expr tracee, child;  // neither: it is not the caller's
};
Seen seen(const Step &s, int t, const Caller &c) {
  const Expr mine =
      truth(t == s.schema.leader(c.child)) && exists(s, t) && !at_loc(s, t, Loc::unreleased);
  if (c.actor != Actor::tracer) return {truth(false), mine};
  // Threads of one process see each other's tracees, and its children.
  const bool one = s.schema.shape.tracer_threads;
  const Expr tracee = traced(s, t) && (truth(one) || had_by(s, t, s.acting)) && exists(s, t);
  const Expr own = s.on(Feature::parent_is_tracer) && truth(one || s.acting == 0);
  return {tracee, own && mine && !tracee};
}

// Whether the options of a call let it see the thread (eligible_child, and __WNOTHREAD). A child,
// and before 4.7 a tracee, is one of a clone if its exit signal is not SIGCHLD; other threads than
// leaders have none.
Expr eligible(const Step &s, int t, const Caller &c, int sight) {
  const Seen as = seen(s, t, c);
  const Expr clone =
      truth(!s.is_leader(t)) || s.get(s.schema.process[s.schema.process_of(t)].clone_child);
  const Expr shown = ite(clone, truth((sight & kClone) != 0), truth((sight & kNormal) != 0));
  const Expr reached = truth((sight & kThreads) != 0) || had_by(s, t, s.acting);
  return (as.tracee && reached && (s.on(Feature::wait_any_tracee) || shown)) || (as.child && shown);
}
// ... and that these options are the least that do.
Expr needs_just(const Step &s, int t, const Caller &c, int sight) {
  Expr least = eligible(s, t, c, sight);
  for (int bit : {kNormal, kClone, kThreads})
    if (sight & bit) least = least && !eligible(s, t, c, sight & ~bit);
  return least;
}

// The least options that let a call see somebody.
std::vector<int> sights(const Model &m) {
  std::vector<int> all{0, kNormal, kClone};
  if (m.schema.shape.tracer_threads)
    for (int sight : {0, int{kNormal}, int{kClone}}) all.push_back(sight | kThreads);
  return all;
}

Expr dead_and_whole(const Step &s, int t) {  // not a leader with live threads
  return at_loc(s, t, Loc::zombie) && (truth(!s.is_leader(t)) || alone(s, t));
}
Expr any_exit(const Step &s, int t, const Caller &c) {
  const Seen as = seen(s, t, c);
  return (as.tracee || (as.child && !traced(s, t))) && dead_and_whole(s, t);
}
Expr tracee_stop(const Step &s, int t, const Caller &c) {
  return seen(s, t, c).tracee && in_trap(s, t) && !s.get(s.t(t).listening) && s.get(s.t(t).report);
}
Expr child_stop(const Step &s, int t, const Caller &c) {
  return seen(s, t, c).child && stopped_flag(s) && ne(s.get(s.p->stop_code), 0) &&
         !any_exit(s, t, c);
}
Expr continued(const Step &s, int t, const Caller &c) {
  const Seen as = seen(s, t, c);
  return (as.tracee || as.child) && eq(s.get(s.p->jobs), static_cast<Value>(Jobs::continued)) &&
         !any_exit(s, t, c);
}

Expr status_of_stop(Expr code) {
  // (code << 8) | 0x7f, by cases: the language has no shift.
  Expr word = constant(0);
  for (const SigInfo &i : kSignals) {
    const Value number = status_number(i.sig);
    if (i.sig == NONE) continue;
    for (Value event : {0u, 128u})
      word = ite(eq(code, event << 8 | number), constant((event << 8 | number) << 8 | 0x7f), word);
  }
  for (Value event : {1u, 2u, 3u, 4u, 5u, 6u, 7u})
    word = ite(eq(code, event << 8 | 5), constant((event << 8 | 5) << 8 | 0x7f), word);
  return ite(eq(code, 0x85), constant(0x85 << 8 | 0x7f), word);
}

// The tracer reaps: a leader's death then goes to its real parent.
void reap(Step &s, int t) {
  if (!s.is_leader(t)) return release(s, t);
  const Expr reparented = !own_child(s, t);
  s.when(reparented, [&] {
    unlink(s, t, constant(NONE));
    notify_exit(s, t);
    s.when(at_loc(s, t, Loc::unreleased), [&] { release(s, t); });
  });
  s.when(!reparented, [&] { release(s, t); });
}

void reports(Model &m, const Caller &c) {
  const std::string p = c.prefix;
  const bool tracer = c.actor == Actor::tracer;
  const Rule *stop = nullptr, *exit = nullptr;
  if (tracer) {
    stop = m.family({p + ".stop",
                     c.actor,
                     "reports a ptrace-stop, once",
                     {"wait_task_stopped"},
                     {"R134"},
                     "",
                     ""});
    exit = m.family({p + ".exit",
                     c.actor,
                     "reaps a dead tracee; its leader's death then goes to the real parent",
                     {"wait_task_zombie"},
                     {"R133"},
                     "",
                     ""});
  }
  const Rule *group = m.family({p + ".untraced",
                                c.actor,
                                "reports a group-stop to the real parent, once",
                                {"wait_task_stopped"},
                                {"R135", "R139"},
                                "",
                                ""});
  const Rule *own = m.family({p + ".reap",
                              c.actor,
                              "the real parent reaps the process",
                              {"wait_task_zombie"},
                              {"R133"},
                              "",
                              ""});
  const Rule *cont = m.family({p + ".continued",
                               c.actor,
                               "reports that SIGCONT ended a group-stop, once for all who wait",
                               {"wait_task_continued"},
                               {"R136"},
                               "",
                               ""});
  for (int t = 0; t < m.threads(); ++t)
    for (int sight : sights(m))
      for (int nowait : {0, int{kNowait}}) {
        auto start = [&](const Rule *rule, int options) {
          Step s(m, rule, t,
                 tname(t) + by(c) + (nowait ? ", WNOWAIT" : "") +
                     (sight & kClone ? ", __WALL" : "") +
                     (sight & kThreads ? ", another thread's" : ""),
                 {Action::wait, t, std::max(c.thread, 0), Err::ok, options | nowait | sight});
          may_wait(s, c);
          if (nowait) s.needs(Feature::waitid);
          s.guard("the caller sees it", needs_just(s, t, c, sight));
          return s;
        };
        if (tracer) {
          Step s = start(stop, 0);
          s.guard("it is a tracee", seen(s, t, c).tracee);
          s.guard("it is in a ptrace-stop", in_trap(s, t));
          s.at("it is not listening", s.t(t).listening, 0);
          s.at("the stop has not been reported", s.t(t).report, 1);
          s.output(status_of_stop(stop_code_word(s, t)));
          if (!nowait) s.clear(s.t(t).report);
          m.add(std::move(s));

          Step e = start(exit, kExited);
          e.guard("it is a tracee", seen(e, t, c).tracee);
          e.guard("it is a zombie without threads", dead_and_whole(e, t));
          e.output(exit_word(ite(e.get(e.p->group_exit), e.get(e.p->death), e.get(e.t(t).status))));
          if (!nowait) reap(e, t);
          m.add(std::move(e));
        }
        Step k = start(cont, kContinued);
        k.at("SIGCONT has ended a group-stop", k.p->jobs, static_cast<Value>(Jobs::continued));
        k.guard("nothing else of it is to be reported",
                !any_exit(k, t, c) && !tracee_stop(k, t, c));
        k.output(constant(0xffff));
        if (!nowait) k.set(k.p->jobs, 0);
        m.add(std::move(k));
        if (t != m.schema.leader(c.child)) continue;

        Step g = start(group, kUntraced);
        g.guard("it is the caller's child", seen(g, t, c).child);
        g.at("the group is stopped", g.p->jobs, static_cast<Value>(Jobs::stopped));
        g.guard("the stop has not been reported", ne(g.get(g.p->stop_code), 0));
        g.guard("it has not died", !any_exit(g, t, c));
        g.output(status_of_stop(stop_number(g.get(g.p->stop_code))));
        if (!nowait) g.set(g.p->stop_code, 0);
        m.add(std::move(g));

        Step r = start(own, kExited);
        r.guard("it is the caller's child", seen(r, t, c).child);
        r.at("no tracer has it", r.t(t).tracing, 0);
        r.guard("it is a zombie without threads", dead_and_whole(r, t));
        r.output(exit_word(ite(r.get(r.p->group_exit), r.get(r.p->death), r.get(r.t(t).status))));
        if (!nowait) release(r, t);
        m.add(std::move(r));
      }
}

// "Nothing yet" and "no child", for any child or for one thread.
void empty(Model &m, const Caller &c) {
  const Rule *nothing = m.family({std::string(c.prefix) + ".nothing",
                                  c.actor,
                                  "WNOHANG: there is nothing to report",
                                  {"__do_wait"},
                                  {"R137"},
                                  "",
                                  ""});
  const Rule *none = m.family({std::string(c.prefix) + ".echild",
                               c.actor,
                               "there is nobody to wait for",
                               {"__do_wait"},
                               {"R137"},
                               "",
                               ""});
  std::vector<std::pair<int, std::string>> calls{
      {kNormal, ""}, {kClone, ", __WCLONE"}, {kNormal | kClone, ", __WALL"}};
  if (m.schema.shape.tracer_threads)
    for (std::size_t i = 0; i < 3; ++i) {
      calls.emplace_back(calls[i].first, calls[i].second + ", __WNOTHREAD");
      calls[i].first |= kThreads;
    }
  for (int who = -1; who < m.threads(); ++who) {
    if (c.actor == Actor::tracee && who >= 0 && who != m.schema.leader(c.child)) continue;
    for (const auto &[sight, text] : calls) {
      const std::string name = (who < 0 ? "any" : tname(who)) + by(c) + text;
      auto each = [&, sight = sight](Step &s, auto of) {
        Expr any = truth(false);
        for (int t = 0; t < m.threads(); ++t)
          if (who < 0 || who == t)
            s.inside(m.schema.process_of(t),
                     [&] { any = any || (eligible(s, t, c, sight) && of(s, t)); });
        return any;
      };
      auto start = [&, sight = sight](const Rule *rule, const std::string &text, Err err,
                                      int options) {
        Step s(m, rule, std::max(who, 0), name + text,
               {Action::wait, who, std::max(c.thread, 0), err, options | sight});
        may_wait(s, c);
        if (!(sight & kNormal) || sight & kClone) s.needs(Feature::wait_clones);
        return s;
      };
      auto anybody = [](const Step &, int) { return truth(true); };
      // A wait that leaves out deaths does not count the dead that it could reap, nor a tracee that
      // is a dead leader of living threads, unless it looks for SIGCONT.
      auto counted = [&](int given) {
        return [&c, given](const Step &s, int t) {
          const Expr leads = at_loc(s, t, Loc::zombie) && !dead_and_whole(s, t);
          return !any_exit(s, t, c) &&
                 !(seen(s, t, c).tracee && leads && truth(!(given & kContinued)));
        };
      };
      for (int options = 0; options < 8; ++options) {
        const int given = (options & 3) | (options & 4 ? 0 : kExited);
        Step s = start(nothing,
                       std::string((given & kUntraced) ? ", WUNTRACED" : "") +
                           ((given & kContinued) ? ", WCONTINUED" : "") +
                           ((given & kExited) ? "" : ", no WEXITED"),
                       Err::ok, given | kNohang);
        if (!(given & kExited)) s.needs(Feature::waitid);
        s.guard("there is somebody to wait for",
                (given & kExited) ? each(s, anybody) : each(s, counted(given)));
        // In an open world a leader's death may wait for threads that nobody sees.
        if (given & kExited)
          s.guard("nobody has died", s.on(Feature::open_world) || !each(s, [&](Step &x, int t) {
                                       return any_exit(x, t, c);
                                     }));
        s.guard("no ptrace-stop is to be reported",
                !each(s, [&](Step &x, int t) { return tracee_stop(x, t, c); }));
        if (given & kUntraced)
          s.guard("no group-stop is to be reported",
                  !each(s, [&](Step &x, int t) { return child_stop(x, t, c); }));
        if (given & kContinued)
          s.guard("no SIGCONT is to be reported",
                  !each(s, [&](Step &x, int t) { return continued(x, t, c); }));
        s.output(constant(0));
        m.add(std::move(s));
      }
      for (int given : {int{kExited}, 0, int{kContinued}}) {
        Step s = start(none,
                       given == kExited ? ""
                       : given          ? ", WCONTINUED, no WEXITED"
                                        : ", no WEXITED",
                       Err::echild, given);
        if (given != kExited) s.needs(Feature::waitid);
        s.guard("there is nobody to wait for",
                given == kExited ? !each(s, anybody) : !each(s, counted(given)));
        m.add(std::move(s));
      }
    }
  }
}

// The SIGCHLD that waits in the caller's queue.
void take_sigchld(Model &m, const Caller &c) {
  const bool tracer = c.actor == Actor::tracer;
  const Rule *take = m.family({tracer ? "sigchld" : "parent.sigchld",
                               c.actor,
                               "takes the pending SIGCHLD",
                               {"do_notify_parent_cldstop", "do_notify_parent"},
                               {"8"},
                               "",
                               ""});
  const Rule *none = m.family({tracer ? "sigchld.none" : "parent.sigchld.none",
                               c.actor,
                               "no SIGCHLD is pending",
                               {"do_sigtimedwait"},
                               {"8"},
                               "",
                               ""});
  for (const Rule *rule : {take, none}) {
    Step s(m, rule, -1, "", {Action::sigchld, -1, 0, rule == take ? Err::ok : Err::eagain, 0});
    may_wait(s, c);
    s.needs(Feature::sigchld);
    const SigchldFields &chld = tracer ? s.tracer.chld : s.schema.parent.chld;
    s.guard(rule == take ? "a SIGCHLD is pending" : "no SIGCHLD is pending",
            rule == take ? ne(s.get(chld.code), 0) : eq(s.get(chld.code), 0));
    if (rule == take) {
      Expr packed = constant(0);
      for (Value cld = kCldExited; cld <= kCldContinued; ++cld)
        for (int t = 0; t < m.threads(); ++t)
          packed =
              ite(eq(s.get(chld.code), cld) && eq(s.get(chld.thread), static_cast<Value>(t)),
                  constant(cld << 24 | static_cast<Value>(t) << 16) + s.get(chld.status), packed);
      s.output(packed);
      clear_sigchld(s, chld);
    }
    m.add(std::move(s));
  }
}

}  // namespace

void wait_rules(Model &m) {
  for (const Caller &c : {kTracer, kParent}) {
    if (m.acting && c.actor != Actor::tracer) return;
    reports(m, c);
    empty(m, c);
    take_sigchld(m, c);
  }
  for (const Caller &c : forkers(m)) {
    reports(m, c);
    empty(m, c);
  }
}

}  // namespace ptmc::model
