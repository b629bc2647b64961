// Requests that do not resume: INTERRUPT, LISTEN, KILL, SETOPTIONS, GETSIGINFO, GETEVENTMSG, and
// what is refused as invalid (kernel/ptrace.c: ptrace_request, ptrace_setoptions, 6.12).

#include "model/requests.hpp"

namespace ptmc::model {
namespace {

constexpr int kEventStop = 128;     // PTRACE_EVENT_STOP
constexpr int kSyscallCode = 0x85;  // si_code of a syscall-stop with TRACESYSGOOD

// INTERRUPT and KILL need a tracee in any state, or fail with ESRCH (R14).
void no_tracee(Model &m, const Rule *rule, int t, Action action, Feature needed) {
  Step s(m, rule, t, tname(t), {action, t, 0, Err::esrch, 0});
  s.needs(needed);
  tracer_is_free(s);
  s.guard("it is no tracee", !(is_tracee(s, t) && exists(s, t)));
  m.add(std::move(s));
}

void interrupt(Model &m) {
  const Rule *ok = m.family({"interrupt",
                             Actor::tracer,
                             "asks for a trap; a listening tracee traps again at once",
                             {"ptrace_request", "ptrace_signal_wake_up"},
                             {"R25", "R26", "2.5"},
                             "3.1",
                             ""});
  const Rule *invalid = m.family({"interrupt.eio",
                                  Actor::tracer,
                                  "is not allowed for this tracee",
                                  {"ptrace_request"},
                                  {"R24"},
                                  "3.1",
                                  ""});
  const Rule *gone = m.family({"interrupt.esrch",
                               Actor::tracer,
                               "is not a tracee",
                               {"ptrace_check_attach"},
                               {"R14"},
                               "3.1",
                               ""});
  for (int t = 0; t < m.threads(); ++t) {
    for (const Rule *rule : {ok, invalid}) {
      Step s(m, rule, t, tname(t), {Action::interrupt, t, 0, rule == ok ? Err::ok : Err::eio, 0});
      s.needs(Feature::seize);
      s.needs(Feature::interrupt);
      tracer_is_free(s);
      s.guard("it is a tracee", is_tracee(s, t) && exists(s, t));
      const Expr allowed = interruptible(s, t);
      s.guard(rule == ok ? "INTERRUPT is allowed" : "INTERRUPT is not allowed",
              rule == ok ? allowed : !allowed);
      if (rule == ok) {
        const ThreadFields &f = s.t(t);
        s.when(!dying(s, t), [&] {
          s.when(s.on(Feature::causes) && no_cause(s, t),
                 [&] { s.set(f.trap_cause, static_cast<Value>(Cause::interrupt)); });
          s.raise(f.trap_stop);
          s.when(s.on(Feature::interrupt_marks) && !flags_stops(s, t) && !s.get(f.stop_pending) &&
                     !group_stopping(s),
                 [&] { s.set(f.stopsig, constant(TRAP)); });
          wake(s, t);
          s.when(s.get(f.listening), [&] { leave_trap(s, t, constant(NONE)); });
        });
      }
      m.add(std::move(s));
    }
    no_tracee(m, gone, t, Action::interrupt, Feature::interrupt);
  }
}

// LISTEN ends the ptrace-stop but not the group-stop. The kernel looks only at the siginfo of the
// trap; the RFC would allow it in a group-stop without one.
Expr right_stop(const Step &s, int t) {
  const ThreadFields &f = s.t(t);
  Expr marked = at_loc(s, t, Loc::event_trap);
  const std::vector<Siginfo> &forged = s.schema.shape.siginfos;
  for (std::size_t i = 0; i < forged.size(); ++i)
    marked = ite(eq(s.get(f.forged), static_cast<Value>(1 + i)),
                 truth(forged[i].code >> 8 == kEventStop), marked);
  const Expr flagged = marked && (!s.on(Feature::listen_right_stop_only) || ne(s.get(f.sig), TRAP));
  const Expr bare = s.on(Feature::stop_options) || s.on(Feature::listen_always);
  return flagged || (bare && at_loc(s, t, Loc::group_trap));
}

void listen(Model &m) {
  const Rule *ok =
      m.family({"listen",
                Actor::tracer,
                "leaves the tracee in its stop, invisible to wait; a notification that "
                "is due makes it trap again",
                {"ptrace_request"},
                {"R28", "5.4"},
                "3.1",
                ""});
  const Rule *invalid = m.family({"listen.eio",
                                  Actor::tracer,
                                  "is not allowed for this tracee or in this stop",
                                  {"ptrace_request"},
                                  {"R27"},
                                  "3.1",
                                  ""});
  const Rule *gone = not_stopped(m, "listen", "3.1");
  for (int t = 0; t < m.threads(); ++t) {
    for (const Rule *rule : {ok, invalid}) {
      Step s(m, rule, t, tname(t), {Action::listen, t, 0, rule == ok ? Err::ok : Err::eio, 0});
      s.needs(Feature::seize);
      s.needs(Feature::listen);
      stop_required(s, t);
      const Expr allowed = listenable(s, t) && right_stop(s, t);
      s.guard(rule == ok ? "LISTEN is allowed in this stop" : "LISTEN is not allowed in this stop",
              rule == ok ? allowed : !allowed);
      if (rule == ok) {
        s.raise(s.t(t).listening);
        // Nothing reads a report that wait may not show; the next wake-up clears it.
        s.when(s.get(s.t(t).trap_notify), [&] { leave_trap(s, t, constant(NONE)); });
      }
      m.add(std::move(s));
    }
    refuse_unless_stopped(m, gone, t, Action::listen, Feature::listen);
  }
}

void kill(Model &m) {
  const Rule *ok = m.family({"kill",
                             Actor::tracer,
                             "sends SIGKILL in any state",
                             {"ptrace_request"},
                             {"R29"},
                             "5.10",
                             ""});
  const Rule *old = m.family({"kill.resume",
                              Actor::tracer,
                              "resumes a trapped tracee with SIGKILL, does nothing to another",
                              {"ptrace_request", "ptrace_resume"},
                              {"R29"},
                              "",
                              "5.9"});
  const Rule *gone = m.family(
      {"kill.esrch", Actor::tracer, "is not a tracee", {"ptrace_check_attach"}, {"R14"}, "", ""});
  for (int t = 0; t < m.threads(); ++t) {
    for (const Target &to : targets(m, t, false)) {
      Step s(m, ok, t, tname(t), {Action::kill, t, 0, Err::ok, 0});
      s.needs(Feature::ptrace_kill);
      s.needs(Feature::kill_sends_sigkill);
      tracer_is_free(s);
      s.guard("it is a tracee", is_tracee(s, t) && exists(s, t));
      send(s, KILL, to, Info::kernel, !at_loc(s, t, Loc::zombie));
      m.add(std::move(s));
    }
    Step s(m, old, t, tname(t), {Action::kill, t, 0, Err::ok, 0});
    s.needs(Feature::ptrace_kill);
    s.needs(!s.on(Feature::kill_sends_sigkill));
    tracer_is_free(s);
    s.guard("it is a tracee", is_tracee(s, t) && exists(s, t));
    s.guard("it has notified the tracer", may_act(s, t));
    s.when(in_trap(s, t) && !s.get(s.t(t).listening), [&] {
      s.clear(s.t(t).systrace);
      leave_trap(s, t, constant(KILL));
    });
    m.add(std::move(s));
    no_tracee(m, gone, t, Action::kill, Feature::ptrace_kill);
  }
}

void setoptions(Model &m) {
  const Rule *ok = m.family({"setoptions",
                             Actor::tracer,
                             "replaces the tracee's options",
                             {"ptrace_setoptions"},
                             {"R16"},
                             "",
                             ""});
  const Rule *invalid = m.family({"setoptions.einval",
                                  Actor::tracer,
                                  "refuses an unknown option, and changes nothing",
                                  {"ptrace_setoptions"},
                                  {"R16"},
                                  "3.4",
                                  ""});
  const Rule *partial = m.family({"setoptions.partial",
                                  Actor::tracer,
                                  "fails for an unknown option, and sets the others",
                                  {"ptrace_setoptions"},
                                  {"R16"},
                                  "",
                                  "3.3"});
  const Rule *gone = not_stopped(m, "setoptions");
  std::vector<int> sets{kProfileOptions};
  sets.insert(sets.end(), m.schema.shape.option_sets.begin(), m.schema.shape.option_sets.end());
  auto request = [&](const Rule *rule, int t, int set, Err err) {
    Step s(m, rule, t, tname(t) + options_text(set), {Action::setoptions, t, set, err, 0});
    s.needs(Feature::setoptions);
    return s;
  };
  auto assign = [](Step &s, int t, int set) {
    for (int o = 0; o < OPTION_COUNT; ++o)
      s.set(s.t(t).option[o], set == kProfileOptions ? s.on(option_feature(static_cast<Option>(o)))
                                                     : truth((set >> o & 1) != 0));
  };
  for (int t = 0; t < m.threads(); ++t) {
    for (int set : sets) {
      Step s = request(ok, t, set, Err::ok);
      stop_required(s, t);
      assign(s, t, set);
      m.add(std::move(s));
    }
    for (int o = 0; o < OPTION_COUNT; ++o) {
      const Option option = static_cast<Option>(o);
      Step s(m, ok, t, tname(t) + ", flip " + std::string(kOptionNames[o]),
             {Action::setoptions, t, kFlip + o, Err::ok, 0});
      s.needs(Feature::change_options);
      if (option >= TRACESTOP) s.needs(Feature::stop_options);
      tracer_is_free(s);
      // RFC (e): whether also while listening is open.
      const Expr heard = s.on(Feature::setoptions_while_listening) && s.get(s.t(t).listening) &&
                         is_tracee(s, t) && in_trap(s, t) && !killed(s, t);
      s.guard("it is in a ptrace-stop", !stop_refused(s, t) || heard);
      s.guard("it has notified the tracer", may_act(s, t));
      s.set(s.t(t).option[o], !s.get(s.t(t).option[o]));
      m.add(std::move(s));
    }
    for (const Rule *rule : {invalid, partial}) {
      Step s = request(rule, t, kInvalidOptions, Err::einval);
      s.needs(Feature::inspect);
      s.needs(rule == invalid ? s.on(Feature::setoptions_atomic)
                              : !s.on(Feature::setoptions_atomic));
      stop_required(s, t);
      if (rule == partial) assign(s, t, kProfileOptions);
      m.add(std::move(s));
    }
    refuse_unless_stopped(m, gone, t, Action::setoptions, Feature::setoptions);
  }
}

// last_siginfo is NULL.
Expr has_no_siginfo(const Step &s, int t) {
  return at_loc(s, t, Loc::group_trap) && eq(s.get(s.t(t).info), 0);
}

// What GETSIGINFO returns: the queued siginfo in a signal-delivery-stop, else the trap's own, whose
// si_code is the stop's code (kTrapInfo).
void getsiginfo(Model &m) {
  const Rule *ok = m.family({"getsiginfo",
                             Actor::tracer,
                             "reads the siginfo of the stop",
                             {"ptrace_getsiginfo"},
                             {"R30"},
                             "",
                             ""});
  const Rule *none = m.family({"getsiginfo.einval",
                               Actor::tracer,
                               "a legacy group-stop has no siginfo",
                               {"ptrace_getsiginfo"},
                               {"R30", "5.4"},
                               "",
                               ""});
  const Rule *gone = not_stopped(m, "getsiginfo");
  for (int t = 0; t < m.threads(); ++t) {
    for (const Rule *rule : {ok, none}) {
      Step s(m, rule, t, tname(t),
             {Action::getsiginfo, t, 0, rule == ok ? Err::ok : Err::einval, 0});
      s.needs(Feature::inspect);
      stop_required(s, t);
      const ThreadFields &f = s.t(t);
      const Expr bare = has_no_siginfo(s, t);
      s.guard(rule == ok ? "the stop has a siginfo" : "the stop has no siginfo",
              rule == ok ? !bare : bare);
      if (rule == ok) {
        Expr packed = constant(kTrapInfo) + stop_code_word(s, t);
        for (Sig sig : m.signals()) {
          Expr own = constant(static_cast<Value>(sig) << 8);
          for (Info i : {Info::tkill, Info::kernel, Info::tracer, Info::step})
            own = ite(s.on(Feature::siginfo) && eq(s.get(f.info), static_cast<Value>(i)),
                      constant(static_cast<Value>(sig) << 8 | static_cast<Value>(i)), own);
          packed = ite(at_loc(s, t, Loc::sig_trap) && eq(s.get(f.sig), sig), own, packed);
        }
        for (Value i = 0; i < s.schema.shape.siginfos.size(); ++i)
          packed = ite(eq(s.get(f.forged), 1 + i), constant(kForgedInfo + i), packed);
        s.output(packed);
      }
      m.add(std::move(s));
    }
    refuse_unless_stopped(m, gone, t, Action::getsiginfo, Feature::inspect);
  }
}

void geteventmsg(Model &m) {
  const Rule *ok = m.family({"geteventmsg",
                             Actor::tracer,
                             "reads the message of the stop",
                             {"ptrace_request"},
                             {"R31"},
                             "",
                             ""});
  const Rule *gone = not_stopped(m, "geteventmsg");
  for (int t = 0; t < m.threads(); ++t) {
    Step s(m, ok, t, tname(t), {Action::geteventmsg, t, 0, Err::ok, 0});
    s.needs(Feature::inspect);
    stop_required(s, t);
    const Expr entry = s.on(Feature::syscall_message) && at_loc(s, t, Loc::entry_trap);
    const Expr exit = s.on(Feature::syscall_message) && at_loc(s, t, Loc::exit_trap);
    Expr event = constant(kAnyMessage);
    for (int u = 0; u < m.threads(); ++u)
      event = ite(eq(s.get(s.t(t).message), static_cast<Value>(1 + u)),
                  constant(kThreadMessage + static_cast<Value>(u)), event);
    // Before 5.18 the last message stays, which is not kept here.
    const Expr none = ite(s.on(Feature::message_cleared), constant(0), constant(kAnyMessage));
    const Expr other = ite(at_loc(s, t, Loc::ptrace_event_trap), event, none);
    s.output(ite(at_loc(s, t, Loc::exit_event_trap), exit_word(s.get(s.t(t).status)),
                 ite(entry, constant(1), ite(exit, constant(2), other))));
    m.add(std::move(s));
    refuse_unless_stopped(m, gone, t, Action::geteventmsg, Feature::inspect);
  }
}

// Its op: 1 entry, 2 exit, 3 seccomp, 0 none; of a syscall-stop only with TRACESYSGOOD.
void syscall_info(Model &m) {
  const Rule *ok = m.family({"syscall_info",
                             Actor::tracer,
                             "tells which system call stop it is",
                             {"ptrace_get_syscall_info"},
                             {"R34"},
                             "5.3",
                             ""});
  const Rule *gone = not_stopped(m, "syscall_info", "5.3");
  for (int t = 0; t < m.threads(); ++t) {
    Step s(m, ok, t, tname(t), {Action::syscall_info, t, 0, Err::ok, 0});
    s.needs(Feature::inspect);
    s.needs(Feature::syscall_message);
    stop_required(s, t);
    const ThreadFields &f = s.t(t);
    auto op = [&](Loc trap, Field when, Value value, Expr otherwise) {
      return ite(at_loc(s, t, trap) && s.get(when), constant(value), otherwise);
    };
    const Expr filter =
        ite(at_loc(s, t, Loc::ptrace_event_trap) && eq(s.get(f.event), PTRACE_SECCOMP), constant(3),
            constant(0));
    const Expr own = op(Loc::entry_trap, f.good, 1, op(Loc::exit_trap, f.good, 2, filter));
    Expr info = own;
    const std::vector<Siginfo> &forged = s.schema.shape.siginfos;
    for (Value i = 0; i < forged.size(); ++i) {
      const Expr syscall = ite(at_loc(s, t, Loc::entry_trap), constant(1),
                               ite(at_loc(s, t, Loc::exit_trap), constant(2), constant(0)));
      const Expr shown = forged[i].code == kSyscallCode                ? syscall
                         : forged[i].code == (PTRACE_SECCOMP << 8 | 5) ? constant(3)
                                                                       : constant(0);
      info = ite(eq(s.get(f.forged), 1 + i), shown, info);
    }
    s.output(info);
    m.add(std::move(s));
    refuse_unless_stopped(m, gone, t, Action::syscall_info, Feature::inspect);
  }
}

// SETSIGINFO: what is delivered if it names the signal that the tracer injects, and what LISTEN and
// GETSIGINFO then see.
void setsiginfo(Model &m) {
  const Rule *ok = m.family({"setsiginfo",
                             Actor::tracer,
                             "replaces the siginfo of the stop",
                             {"ptrace_setsiginfo"},
                             {"2.4", "9.12"},
                             "",
                             ""});
  const Rule *none = m.family({"setsiginfo.einval",
                               Actor::tracer,
                               "a legacy group-stop has no siginfo to replace",
                               {"ptrace_setsiginfo"},
                               {"2.4"},
                               "",
                               ""});
  const Rule *gone = not_stopped(m, "setsiginfo");
  for (int t = 0; t < m.threads(); ++t) {
    for (std::size_t i = 0; i < m.schema.shape.siginfos.size(); ++i) {
      const int index = static_cast<int>(i);
      for (const Rule *rule : {ok, none}) {
        Step s(m, rule, t, tname(t) + ", " + sname(m.schema.shape.siginfos[i].signo),
               {Action::setsiginfo, t, index, rule == ok ? Err::ok : Err::einval, 0});
        s.needs(Feature::forges);
        stop_required(s, t);
        const Expr bare = has_no_siginfo(s, t);
        s.guard(rule == ok ? "the stop has a siginfo" : "the stop has no siginfo",
                rule == ok ? !bare : bare);
        if (rule == ok) s.set(s.t(t).forged, static_cast<Value>(1 + i));
        m.add(std::move(s));
      }
    }
    refuse_unless_stopped(m, gone, t, Action::setsiginfo, Feature::forges);
  }
}

// PEEKSIGINFO lists a queue in its order of arrival, which the model does not know: its output is
// the set. SIGKILL has no siginfo; nor has the SIGSTOP of an automatic attach, which is not told
// apart.
void peeksiginfo(Model &m) {
  const Rule *ok = m.family({"peeksiginfo",
                             Actor::tracer,
                             "reads the siginfos of a queue",
                             {"ptrace_peek_siginfo"},
                             {"R32"},
                             "3.10",
                             ""});
  const Rule *invalid = m.family({"peeksiginfo.einval",
                                  Actor::tracer,
                                  "refuses unknown flags and a negative number",
                                  {"ptrace_peek_siginfo"},
                                  {"R32"},
                                  "3.10",
                                  ""});
  const Rule *fault = m.family({"peeksiginfo.efault",
                                Actor::tracer,
                                "cannot read its arguments",
                                {"ptrace_peek_siginfo"},
                                {"R32"},
                                "3.10",
                                ""});
  const Rule *gone = not_stopped(m, "peeksiginfo", "3.10");
  struct Case {
    const Rule *rule;
    Peek peek;
    const char *name;
    Err err;
  };
  for (int t = 0; t < m.threads(); ++t) {
    for (const Case &c :
         {Case{ok, kPeekPrivate, "private", Err::ok}, Case{ok, kPeekShared, "shared", Err::ok},
          Case{invalid, kPeekBadFlags, "bad flags", Err::einval},
          Case{fault, kPeekBadAddress, "bad address", Err::efault}}) {
      Step s(m, c.rule, t, tname(t) + ", " + c.name, {Action::peeksiginfo, t, c.peek, c.err, 0});
      s.needs(Feature::forges);
      s.needs(Feature::peek_siginfo);
      stop_required(s, t);
      Expr queued = constant(0);
      for (Sig sig : m.signals()) {
        if (sig == KILL) continue;
        const Field queue = c.peek == kPeekShared ? s.p->pend[sig] : s.t(t).pend[sig];
        queued = queued + ite(s.get(queue), constant(1u << sig), constant(0));
        if (!is_other(sig)) continue;
        const Field more = (c.peek == kPeekShared ? s.p->more : s.t(t).more)[sig - OTHER];
        for (Value n = 1; n < static_cast<Value>(s.schema.shape.most_queued(sig)); ++n)
          queued = queued + ite(eq(s.get(more), n), constant(n << kPeekedMore), constant(0));
      }
      if (c.rule == ok) s.output(queued);
      m.add(std::move(s));
    }
    refuse_unless_stopped(m, gone, t, Action::peeksiginfo, Feature::forges);
  }
}

void sigmask(Model &m) {
  const Rule *get = m.family({"getsigmask",
                              Actor::tracer,
                              "reads which signals are blocked",
                              {"ptrace_request"},
                              {"R33"},
                              "3.11",
                              ""});
  const Rule *set = m.family({"setsigmask",
                              Actor::tracer,
                              "sets which signals are blocked; the tracee looks when it resumes",
                              {"ptrace_request"},
                              {"R33"},
                              "3.11",
                              ""});
  const Rule *gone = not_stopped(m, "sigmask", "3.11");
  for (int t = 0; t < m.threads(); ++t) {
    Step g(m, get, t, tname(t), {Action::sigmask, t, 0, Err::ok, 0});
    g.needs(Feature::forges);
    g.needs(Feature::signal_mask);
    stop_required(g, t);
    Expr blocked_set = constant(0);
    for (Sig sig : m.signals())
      blocked_set = blocked_set + ite(blocked(g, t, sig), constant(1u << sig), constant(0));
    g.output(blocked_set);
    m.add(std::move(g));
    for (std::size_t i = 0; i < m.schema.shape.masks.size(); ++i) {
      Step s(m, set, t, tname(t) + ", mask " + std::to_string(i),
             {Action::setsigmask, t, static_cast<int>(i), Err::ok, 0});
      s.needs(Feature::forges);
      s.needs(Feature::signal_mask);
      stop_required(s, t);
      for (Sig sig : m.signals())
        if (is_blockable(sig)) s.set(s.t(t).mask[sig], m.schema.shape.masks[i] >> sig & 1);
      m.add(std::move(s));
    }
    for (Action a : {Action::sigmask, Action::setsigmask})
      refuse_unless_stopped(m, gone, t, a, Feature::forges);
  }
}

void invalid(Model &m) {
  const Rule *rule = m.family({"request.eio",
                               Actor::tracer,
                               "an unknown request or an invalid signal changes nothing",
                               {"ptrace_request", "ptrace_resume", "ptrace_detach"},
                               {"R15", "R17", "R22"},
                               "",
                               ""});
  const Rule *gone = not_stopped(m, "request");
  for (int t = 0; t < m.threads(); ++t) {
    Step s(m, rule, t, tname(t), {Action::invalid, t, 0, Err::eio, 0});
    s.needs(Feature::inspect);
    stop_required(s, t);
    m.add(std::move(s));
    refuse_unless_stopped(m, gone, t, Action::invalid, Feature::inspect);
  }
}

}  // namespace

void request_rules(Model &m) {
  interrupt(m);
  listen(m);
  kill(m);
  setoptions(m);
  getsiginfo(m);
  geteventmsg(m);
  syscall_info(m);
  setsiginfo(m);
  peeksiginfo(m);
  sigmask(m);
  invalid(m);
}

}  // namespace ptmc::model
