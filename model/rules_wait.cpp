// wait4 (kernel/exit.c: do_wait, wait_consider_task, 6.12). The tracer sees its tracees, the real
// parent its child; where both are one process a traced child is seen as a tracee. Each report is
// given once. A blocking wait is a report that comes when it comes; "nothing" needs WNOHANG.

#include "model/kernel.hpp"
#include "model/requests.hpp"
#include "model/sigchld.hpp"

namespace ptmc::model {
namespace {

struct Caller {
  Actor actor;
  const char *prefix;  // of rule ids
};
constexpr Caller kTracer{Actor::tracer, "wait"}, kParent{Actor::parent, "parent.wait"};

void may_wait(Step &s, Caller c) {
  if (c.actor == Actor::tracer) {
    s.needs(Feature::tracer_waits);
    tracer_is_free(s);
  } else {
    s.needs(Feature::parent_waits);
    s.needs(!s.on(Feature::parent_is_tracer));
  }
}

// What the caller may see of thread t, and as what (wait_consider_task).
struct Seen {
  Expr tracee, child;  // neither: not eligible
};
Seen seen(const Step &s, int t, Caller c) {
  const Expr mine = truth(t == 0) && exists(s, t) && !at_loc(s, t, Loc::unreleased);
  if (c.actor == Actor::parent) return {truth(false), mine};
  return {traced(s, t) && exists(s, t), s.on(Feature::parent_is_tracer) && mine && !traced(s, t)};
}

Expr dead_and_whole(const Step &s, int t) {  // not a leader with live threads
  return at_loc(s, t, Loc::zombie) && (truth(!s.is_leader(t)) || alone(s, t));
}
Expr tracee_exit(const Step &s, int t, Caller c) {
  return seen(s, t, c).tracee && dead_and_whole(s, t);
}
Expr child_exit(const Step &s, int t, Caller c) {
  return seen(s, t, c).child && !traced(s, t) && dead_and_whole(s, t);
}
Expr any_exit(const Step &s, int t, Caller c) {
  return tracee_exit(s, t, c) || child_exit(s, t, c);
}
Expr tracee_stop(const Step &s, int t, Caller c) {
  return seen(s, t, c).tracee && in_trap(s, t) && !s.get(s.t(t).listening) && s.get(s.t(t).report);
}
Expr child_stop(const Step &s, int t, Caller c) {
  return seen(s, t, c).child && stopped_flag(s) && ne(s.get(s.p->stop_code), 0) &&
         !any_exit(s, t, c);
}
Expr continued(const Step &s, int t, Caller c) {
  const Seen as = seen(s, t, c);
  return (as.tracee || as.child) && eq(s.get(s.p->jobs), static_cast<Value>(Jobs::continued)) &&
         !any_exit(s, t, c);
}

Expr status_of_stop(Expr code) {
  // (code << 8) | 0x7f, by cases: the language has no shift.
  Expr word = constant(0);
  for (const SigInfo &i : kSignals) {
    const Value number = i.sig == OTHER ? kOtherNumber : static_cast<Value>(i.number);
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
  const Expr reparented = truth(t != 0) || !s.on(Feature::parent_is_tracer);
  s.when(reparented, [&] {
    unlink(s, t, constant(NONE));
    notify_exit(s, t);
    s.when(at_loc(s, t, Loc::unreleased), [&] { release(s, t); });
  });
  s.when(!reparented, [&] { release(s, t); });
}

void reports(Model &m, Caller c) {
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
  auto start = [&](const Rule *rule, int t, int options) {
    const bool stays = options & kNowait;
    Step s(m, rule, t, tname(t) + (stays ? ", WNOWAIT" : ""),
           {Action::wait, t, 0, Err::ok, options});
    may_wait(s, c);
    if (stays) s.needs(Feature::waitid);
    return s;
  };
  for (int t = 0; t < m.threads(); ++t) {
    for (int nowait : {0, int{kNowait}}) {
      if (tracer) {
        Step s = start(stop, t, nowait);
        s.guard("it is a tracee", seen(s, t, c).tracee);
        s.guard("it is in a ptrace-stop", in_trap(s, t));
        s.at("it is not listening", s.t(t).listening, 0);
        s.at("the stop has not been reported", s.t(t).report, 1);
        s.output(status_of_stop(stop_code_word(s, t)));
        if (!nowait) s.clear(s.t(t).report);
        m.add(std::move(s));

        Step e = start(exit, t, nowait | kExited);
        e.guard("it is a tracee", seen(e, t, c).tracee);
        e.guard("it is a zombie without threads", dead_and_whole(e, t));
        e.output(exit_word(ite(e.get(e.p->group_exit), e.get(e.p->death), e.get(e.t(t).status))));
        if (!nowait) reap(e, t);
        m.add(std::move(e));
      }
      Step k = start(cont, t, nowait | kContinued);
      k.guard("it is the caller's", seen(k, t, c).tracee || seen(k, t, c).child);
      k.at("SIGCONT has ended a group-stop", k.p->jobs, static_cast<Value>(Jobs::continued));
      k.guard("nothing else of it is to be reported", !any_exit(k, t, c) && !tracee_stop(k, t, c));
      k.output(constant(0xffff));
      if (!nowait) k.set(k.p->jobs, 0);
      m.add(std::move(k));
      if (t != 0) continue;

      Step g = start(group, t, nowait | kUntraced);
      g.guard("it is the caller's child", seen(g, t, c).child);
      g.at("the group is stopped", g.p->jobs, static_cast<Value>(Jobs::stopped));
      g.guard("the stop has not been reported", ne(g.get(g.p->stop_code), 0));
      g.guard("it has not died", !any_exit(g, t, c));
      g.output(status_of_stop(stop_number(g.get(g.p->stop_code))));
      if (!nowait) g.set(g.p->stop_code, 0);
      m.add(std::move(g));

      Step r = start(own, t, nowait | kExited);
      r.guard("it is the caller's child", seen(r, t, c).child);
      r.at("no tracer has it", r.t(t).tracing, 0);
      r.guard("it is a zombie without threads", dead_and_whole(r, t));
      r.output(exit_word(ite(r.get(r.p->group_exit), r.get(r.p->death), r.get(r.t(t).status))));
      if (!nowait) release(r, t);
      m.add(std::move(r));
    }
  }
}

// "Nothing yet" and "no child", for any child or for one thread.
void empty(Model &m, Caller c) {
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
  for (int who = -1; who < m.threads(); ++who) {
    const std::string name = who < 0 ? "any" : tname(who);
    auto each = [&](Step &s, auto of) {
      Expr any = truth(false);
      for (int t = 0; t < m.threads(); ++t)
        if (who < 0 || who == t) s.inside(m.schema.process_of(t), [&] { any = any || of(s, t); });
      return any;
    };
    auto eligible = [&](const Step &s, int t) {
      const Seen as = seen(s, t, c);
      return as.tracee || as.child;
    };
    // A wait that leaves out deaths does not count the dead that it could reap.
    auto alive = [&](const Step &s, int t) { return eligible(s, t) && !any_exit(s, t, c); };
    for (int options = 0; options < 8; ++options) {
      const int given = (options & 3) | (options & 4 ? 0 : kExited);
      Step s(m, nothing, std::max(who, 0),
             name + ((given & kUntraced) ? ", WUNTRACED" : "") +
                 ((given & kContinued) ? ", WCONTINUED" : "") +
                 ((given & kExited) ? "" : ", no WEXITED"),
             {Action::wait, who, 0, Err::ok, given | kNohang});
      may_wait(s, c);
      if (!(given & kExited)) s.needs(Feature::waitid);
      s.guard("there is somebody to wait for",
              (given & kExited) ? each(s, eligible) : each(s, alive));
      // In an open world a leader's death may wait for threads that nobody sees.
      if (given & kExited)
        s.guard("nobody has died", s.on(Feature::open_world) ||
                                       !each(s, [&](Step &x, int t) { return any_exit(x, t, c); }));
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
    for (int given : {int{kExited}, 0}) {
      Step s(m, none, std::max(who, 0), name + (given ? "" : ", no WEXITED"),
             {Action::wait, who, 0, Err::echild, given});
      may_wait(s, c);
      if (!given) s.needs(Feature::waitid);
      s.guard("there is nobody to wait for", given ? !each(s, eligible) : !each(s, alive));
      m.add(std::move(s));
    }
  }
}

// The SIGCHLD that waits in the caller's queue.
void take_sigchld(Model &m, Caller c) {
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

// SIG_IGN for SIGCHLD: no signal, no zombie. Where tracer and parent are one, it is the tracer's.
void parent_disposition(Model &m) {
  const Rule *rule = m.family({"parent.sigaction",
                               Actor::parent,
                               "ignores SIGCHLD, or takes it by default again",
                               {"do_sigaction", "do_notify_parent"},
                               {"R116", "R133"},
                               "",
                               ""});
  for (Value how : {0u, 1u}) {
    Step s(m, rule, -1, how ? "ignore" : "default",
           {Action::sigaction, -1, static_cast<int>(CHLD << 2 | how), Err::ok, 0});
    s.needs(Feature::parent_ignores);
    s.guard("the parent lives", !(s.on(Feature::parent_is_tracer) && s.get(s.tracer.dead)));
    s.set(s.schema.parent.ignores, how);
    const Expr one = s.on(Feature::parent_is_tracer);
    // Both ignore it: what is pending is flushed.
    s.when(one, [&] { clear_sigchld(s, s.tracer.chld); });
    s.when(!one, [&] { clear_sigchld(s, s.schema.parent.chld); });
    m.add(std::move(s));
  }
}

}  // namespace

void wait_rules(Model &m) {
  parent_disposition(m);
  for (Caller c : {kTracer, kParent}) {
    reports(m, c);
    empty(m, c);
    take_sigchld(m, c);
  }
}

}  // namespace ptmc::model
