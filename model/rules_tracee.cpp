// What the tracee's own code does beside system calls that the tracer sees: it runs, returns from
// handlers, changes its mask and its dispositions (kernel/signal.c, 6.12).

#include "model/kernel.hpp"
#include "model/requests.hpp"

namespace ptmc::model {
namespace {

void user(Model &m) {
  const Rule *rule =
      m.family({"user", Actor::tracee, "runs its own code", {"-"}, {"R140"}, "", ""});
  const Rule *back = m.family({"sigreturn",
                               Actor::tracee,
                               "returns from the handler",
                               {"rt_sigreturn", "set_current_blocked"},
                               {"R74"},
                               "",
                               ""});
  for (int t = 0; t < m.threads(); ++t) {
    Step s(m, rule, t, tname(t), {Action::user, t, 0, Err::ok, 0});
    in_user_code(s, t);
    s.at("it does not step", s.t(t).step, 0);
    m.add(std::move(s));
    for (Sig sig : m.signals()) {
      if (!is_blockable(sig)) continue;
      Step r(m, back, t, tname(t) + ", " + sname(sig), {Action::sigreturn, t, sig, Err::ok, 0});
      in_user_code(r, t);
      r.at("its handler runs", r.t(t).handling[sig], 1);
      for (Field work : {r.t(t).systrace, r.t(t).emulate, r.t(t).step})
        r.at("the tracer does not see it", work, 0);
      r.clear(r.t(t).handling[sig]);
      leave_handler(r, t);
      r.set(r.t(t).sigpending, has_work(r, t));
      m.add(std::move(r));
    }
  }
}

void masks(Model &m) {
  const Rule *rule = m.family({"sigprocmask",
                               Actor::tracee,
                               "blocks or unblocks a signal",
                               {"sys_rt_sigprocmask", "set_current_blocked"},
                               {"4"},
                               "",
                               ""});
  for (int t = 0; t < m.threads(); ++t) {
    for (Sig sig : m.signals()) {
      if (!is_blockable(sig)) continue;
      for (bool block : {false, true}) {
        Step s(m, rule, t, tname(t) + (block ? ", block " : ", unblock ") + sname(sig),
               {Action::sigprocmask, t, sig << 1 | (block ? 1 : 0), Err::ok, 0});
        s.needs(Feature::masks);
        s.needs(signal_feature(sig));
        in_own_call(s, t);
        s.set(s.t(t).mask[sig], truth(block));
        s.set(s.t(t).sigpending, has_work(s, t));
        if (block) retarget(s, t, sig);
        m.add(std::move(s));
      }
    }
  }
}

void dispositions(Model &m) {
  const Rule *rule = m.family({"sigaction",
                               Actor::tracee,
                               "sets a disposition; a signal that it ignores leaves every queue",
                               {"do_sigaction", "flush_sigqueue_mask"},
                               {"R46", "R73"},
                               "",
                               ""});
  static constexpr const char *kNames[] = {"default", "ignore", "handle"};
  for (int t = 0; t < m.threads(); ++t) {
    for (Sig sig : m.signals()) {
      if (!is_blockable(sig)) continue;
      for (Value how : {0u, 1u, 2u}) {
        Step s(m, rule, t, tname(t) + ", " + sname(sig) + ", " + kNames[how],
               {Action::sigaction, t, static_cast<int>(sig << 2 | how), Err::ok, 0});
        s.needs(Feature::dispositions);
        s.needs(signal_feature(sig));
        in_own_call(s, t);
        s.set(s.p->disposition[sig], how);
        s.when(ignores(s, sig), [&] {
          empty_queue(s, sig);
          for (int u : s.group()) empty_queue(s, sig, u);
        });
        m.add(std::move(s));
      }
    }
  }
}

}  // namespace

void tracee_rules(Model &m) {
  user(m);
  masks(m);
  dispositions(m);
}

}  // namespace ptmc::model
