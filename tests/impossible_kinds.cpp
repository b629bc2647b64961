// The kinds of corruptions, each with the argument why it is impossible.
#include <algorithm>
#include <functional>
#include "impossible.hpp"

namespace ptmc::impossible {
namespace {

using Found = std::vector<Corruption>;

void change(Found &found, const Recording &r, std::size_t i,
            const std::function<void(json &)> &edit) {
  json call = r.calls[i];
  edit(call);
  if (call != r.calls[i]) found.push_back({&r, i, false, std::move(call)});
}

void set_report(json &call, int tid, int status) {
  call["ret"] = tid;
  call["status"] = status;
  call.erase("errno");
}

void change_status(Found &found, const Recording &r, std::size_t i, int status) {
  change(found, r, i, [&](json &call) { call["status"] = status; });
}

void fail(json &call, const char *err) {
  call["ret"] = -1;
  call["errno"] = err;
  for (const char *shown : {"siginfo", "message", "status"}) call.erase(shown);
}

void succeed(json &call) {
  call["ret"] = 0;
  call.erase("errno");
}

// Calls that may be added.
json request(int by, const std::string &name, int pid, int data = 0) {
  return {{"pid", by},
          {"call", "ptrace"},
          {"args", {{"request", "PTRACE_" + name}, {"pid", pid}, {"addr", 0}, {"data", data}}},
          {"ret", 0}};
}
json wait_for(int by, int pid, int status) {
  return {{"pid", by},
          {"call", "wait4"},
          {"args", {{"pid", pid}, {"options", "WNOHANG|__WALL"}}},
          {"ret", pid},
          {"status", status}};
}
json user(int by) { return {{"pid", by}, {"call", "user"}, {"args", json::object()}, {"ret", 0}}; }

template <class Possible>
void add(Found &found, const Recording &r, std::size_t i, json call, const Possible &impossible) {
  const Recording longer = r.with(i, call);
  if (impossible(longer)) found.push_back({&r, i, true, longer.calls[i]});
}

constexpr int kStopped = 0x7f;
constexpr struct {
  int number;
  const char *name;
} kSignals[] = {
    {10, "SIGUSR1"}, {12, "SIGUSR2"}, {15, "SIGTERM"}, {14, "SIGALRM"}, {20, "SIGTSTP"}};

bool for_stopped(const Recording &r, std::size_t i) {
  return r.requests(i, {"CONT", "SYSCALL", "DETACH", "GETSIGINFO", "GETEVENTMSG", "SETOPTIONS",
                        "SINGLESTEP", "LISTEN", "GETSIGMASK", "SYSEMU"});
}

template <class Edit>
void each_report(const Recording &r, Found &, const Edit &edit) {
  for (std::size_t i = 0; i < r.size(); ++i)
    if (const auto report = r.report(i)) edit(i, *report);
}
template <class Edit>
void each_stop(const Recording &r, Found &found, const Edit &edit) {
  each_report(r, found, [&](std::size_t i, const Report &report) {
    if (report.stop()) edit(i, report);
  });
}
// A request that succeeds on a tracee of which the caller knows the stop.
template <class Edit>
void each_in_stop(const Recording &r, const Edit &edit) {
  for (std::size_t i = 0; i < r.size(); ++i) {
    if (!r.is(i, "ptrace") || !r.ok(i)) continue;
    if (const auto report = r.still_in(i, r.target(i))) edit(i, *report);
  }
}

// ---- wait
// ----------------------------------------------------------------------------------------

const std::vector<Kind> kWait{
    {"wait.event_stop", "PTRACE_EVENT_STOP is for those who were seized, or are their children",
     [](const Recording &r, Found &found) {
       each_stop(r, found, [&](std::size_t i, const Report &report) {
         if (r.ever(report.tid, {"SEIZE"})) return;
         for (const int status : {0x80057f, 0x80137f}) change_status(found, r, i, status);
       });
     }},
    {"wait.event", "an event needs its option, and nobody ever asked for it",
     [](const Recording &r, Found &found) {
       each_stop(r, found, [&](std::size_t i, const Report &) {
         for (int event = 1; event <= 7; ++event)
           if (!(r.options() >> event & 1)) change_status(found, r, i, event << 16 | 0x57f);
       });
     }},
    {"wait.syscall_stop", "syscall-stops are for SYSCALL and SYSEMU, and nobody used them",
     [](const Recording &r, Found &found) {
       if (r.uses({"SYSCALL", "SYSEMU", "SYSEMU_SINGLESTEP"})) return;
       each_stop(r, found,
                 [&](std::size_t i, const Report &) { change_status(found, r, i, 0x857f); });
     }},
    {"wait.sigkill", "SIGKILL is never delivered to a tracer",
     [](const Recording &r, Found &found) {
       each_stop(r, found,
                 [&](std::size_t i, const Report &) { change_status(found, r, i, 0x97f); });
     }},
    {"wait.signal", "nobody ever sent that signal",
     [](const Recording &r, Found &found) {
       each_stop(r, found, [&](std::size_t i, const Report &) {
         for (const auto &sig : kSignals)
           if (!r.speaks_of(sig.number, sig.name))
             change_status(found, r, i, sig.number << 8 | kStopped);
       });
     }},
    {"wait.killed", "nobody ever sent the signal that killed it",
     [](const Recording &r, Found &found) {
       each_report(r, found, [&](std::size_t i, const Report &report) {
         for (const auto &sig : kSignals)
           if (report.death() && !r.speaks_of(sig.number, sig.name))
             change_status(found, r, i, sig.number);
       });
     }},
    {"wait.exit_code", "nobody ever exits with that code",
     [](const Recording &r, Found &found) {
       each_report(r, found, [&](std::size_t i, const Report &report) {
         if (report.death()) change_status(found, r, i, 77 << 8);
       });
     }},
    {"wait.alive", "it is dead, and makes calls later",
     [](const Recording &r, Found &found) {
       each_report(r, found, [&](std::size_t i, const Report &report) {
         if (!report.death() && r.acts_after(i, report.tid)) change_status(found, r, i, 0);
       });
     }},
    {"wait.reaped", "the same process has reaped it before",
     [](const Recording &r, Found &found) {
       each_report(r, found, [&](std::size_t k, const Report &death) {
         if (!death.death()) return;
         for (std::size_t i = 0; i < r.size(); ++i) {
           const bool asks = r.is(i, "wait4") && (r.target(i) == death.tid || r.target(i) == -1);
           if (asks && r.reaped_before(i, death.tid) && r.caller(i) == r.caller(k))
             change(found, r, i, [&](json &call) { set_report(call, death.tid, death.status); });
         }
         for (const std::size_t i : r.quiet_places())
           add(found, r, i, wait_for(r.caller(k), death.tid, death.status),
               [&](const Recording &longer) { return longer.reaped_before(i, death.tid); });
       });
     }},
    {"wait.nothing", "without WNOHANG wait4 never returns 0",
     [](const Recording &r, Found &found) {
       each_report(r, found, [&](std::size_t i, const Report &) {
         if (!r.has_option(i, "WNOHANG"))
           change(found, r, i, [](json &call) { call.erase("status"), succeed(call); });
       });
     }},
    {"wait.other", "wait4 was not asked for that thread",
     [](const Recording &r, Found &found) {
       each_report(r, found, [&](std::size_t i, const Report &report) {
         for (const int tid : r.tids())
           if (r.target(i) == report.tid && tid != report.tid && r.role(tid) == "tracee")
             change(found, r, i, [&](json &call) { call["ret"] = tid; });
       });
     }},
    {"wait.stranger", "no such thread ever was",
     [](const Recording &r, Found &found) {
       each_report(r, found, [&](std::size_t i, const Report &) {
         change(found, r, i, [](json &call) { call["ret"] = kStranger; });
       });
     }},
    {"wait.twice", "the stop was reported, and nothing can have ended it since",
     [](const Recording &r, Found &found) {
       for (std::size_t i = 0; i < r.size(); ++i) {
         if (!r.is(i, "wait4") || !r.ok(i) || r.calls[i]["ret"] != 0) continue;
         if (const auto stop = r.still_in(i, r.target(i)); stop && r.foreign_tracer(r.caller(i)))
           change(found, r, i, [&](json &call) { set_report(call, stop->tid, stop->status); });
       }
       each_stop(r, found, [&](std::size_t k, const Report &stop) {
         for (const std::size_t i : r.quiet_places())
           if (r.foreign_tracer(r.caller(k)))
             add(found, r, i, wait_for(r.caller(k), stop.tid, stop.status),
                 [&](const Recording &longer) {
                   const auto in = longer.still_in(i, stop.tid);
                   return in && in->status == stop.status;
                 });
       });
     }},
    {"wait.continued", "nobody ever sent SIGCONT",
     [](const Recording &r, Found &found) {
       if (r.speaks_of(18, "SIGCONT")) return;
       for (std::size_t i = 0; i < r.size(); ++i)  // the kernel does where a group is orphaned
         if (r.is(i, "exit_group") && r.role(r.caller(i)) != "tracee") return;
       each_report(r, found,
                   [&](std::size_t i, const Report &) { change_status(found, r, i, 0xffff); });
     }},
    {"wait.untraced", "the caller has no tracees, and did not ask for WUNTRACED",
     [](const Recording &r, Found &found) {
       each_stop(r, found, [&](std::size_t i, const Report &) {
         if (!r.ever_attaches(r.caller(i)) && r.has_option(i, "WUNTRACED"))
           change(found, r, i, [](json &call) { call["args"]["options"] = "WNOHANG"; });
       });
     }},
    {"wait.echild", "the caller has that tracee before and after it",
     [](const Recording &r, Found &found) {
       for (std::size_t i = 0; i < r.size(); ++i)
         if (r.is(i, "wait4") && r.ok(i) && r.attached_across(i, r.target(i)))
           change(found, r, i, [](json &call) { fail(call, "ECHILD"); });
     }},
};

// ---- Requests
// ------------------------------------------------------------------------------------

const std::vector<Kind> kRequests{
    {"request.esrch", "the tracee is in a stop that was reported, and nobody sent SIGKILL",
     [](const Recording &r, Found &found) {
       if (r.speaks_of(9, "SIGKILL") || r.uses({"KILL", "LISTEN"})) return;
       each_in_stop(r, [&](std::size_t i, const Report &) {
         change(found, r, i, [](json &call) { fail(call, "ESRCH"); });
       });
     }},
    {"request.errno", "no request fails so",
     [](const Recording &r, Found &found) {
       for (std::size_t i = 0; i < r.size(); ++i)
         if (r.is(i, "ptrace")) change(found, r, i, [](json &call) { fail(call, "ECHILD"); });
     }},
    {"request.bad_signal", "there is no signal with that number",
     [](const Recording &r, Found &found) {
       for (std::size_t i = 0; i < r.size(); ++i)
         if (r.ok(i) && r.requests(i, {"CONT", "SYSCALL", "DETACH", "SINGLESTEP", "SYSEMU"}))
           change(found, r, i, [](json &call) { call["args"]["data"] = 65; });
     }},
    {"seize.address", "SEIZE takes no address",
     [](const Recording &r, Found &found) {
       for (std::size_t i = 0; i < r.size(); ++i)
         if (r.ok(i) && r.requests(i, {"SEIZE"}))
           change(found, r, i, [](json &call) { call["args"]["addr"] = 8; });
     }},
    {"options.unknown", "there is no such option",
     [](const Recording &r, Found &found) {
       for (std::size_t i = 0; i < r.size(); ++i)
         if (r.ok(i) && r.requests(i, {"SEIZE", "SETOPTIONS"}))
           change(found, r, i, [](json &call) { call["args"]["data"] = 1 << 30; });
     }},
    {"request.unknown", "there is no such request",
     [](const Recording &r, Found &found) {
       for (std::size_t i = 0; i < r.size(); ++i)
         if (r.ok(i) && for_stopped(r, i))
           change(found, r, i, [](json &call) { call["args"]["request"] = 39321; });
     }},
    {"request.unseized",
     "INTERRUPT and LISTEN are for those who were seized, or are their children",
     [](const Recording &r, Found &found) {
       for (std::size_t i = 0; i < r.size(); ++i)
         for (const char *name : {"PTRACE_INTERRUPT", "PTRACE_LISTEN"})
           if (r.ok(i) && for_stopped(r, i) && !r.ever(r.target(i), {"SEIZE"}))
             change(found, r, i, [&](json &call) { call["args"]["request"] = name; });
     }},
    {"request.reaped", "the caller has reaped it",
     [](const Recording &r, Found &found) {
       each_report(r, found, [&](std::size_t k, const Report &death) {
         if (!death.death() || r.role(r.caller(k)) != "tracer") return;
         const auto reaped = [&](const Recording &in, std::size_t i) {
           return in.reaped_before(i, death.tid);
         };
         for (std::size_t i = 0; i < r.size(); ++i)
           if (r.is(i, "ptrace") && !r.may_be_ok(i) && r.target(i) == death.tid &&
               r.caller(i) == r.caller(k) && reaped(r, i) && r.request(i) != "GETSIGINFO" &&
               r.request(i) != "GETEVENTMSG")
             change(found, r, i, succeed);
         for (const std::size_t i : r.quiet_places())
           for (const char *name : {"CONT", "INTERRUPT", "SEIZE", "DETACH", "KILL", "SYSCALL"})
             add(found, r, i, request(r.caller(k), name, death.tid),
                 [&](const Recording &longer) { return reaped(longer, i); });
       });
     }},
    {"request.not_tracer", "the caller never had a tracee",
     [](const Recording &r, Found &found) {
       for (std::size_t i = 0; i < r.size(); ++i)
         for (const int tid : r.tids())
           if (r.ok(i) && (for_stopped(r, i) || r.requests(i, {"INTERRUPT", "KILL"})) &&
               r.role(tid) == "parent" && !r.ever_attaches(tid))
             change(found, r, i, [&](json &call) { call["pid"] = tid; });
     }},
    {"attach.twice", "it is traced: the tracer's requests succeed before and after it",
     [](const Recording &r, Found &found) {
       for (const std::size_t i : r.quiet_places())
         for (const int tid : r.tids())
           for (const char *name : {"SEIZE", "ATTACH"})
             if (r.role(tid) == "tracee")
               add(found, r, i, request(r.header["tracer"], name, tid),
                   [&](const Recording &longer) { return longer.attached_across(i, tid); });
     }},
    {"listen.stop", "LISTEN is for PTRACE_EVENT_STOP",
     [](const Recording &r, Found &found) {
       if (r.uses({"SETSIGINFO"})) return;
       each_in_stop(r, [&](std::size_t i, const Report &stop) {
         if (stop.event() != 128 && for_stopped(r, i))
           change(found, r, i, [](json &call) {
             call["args"]["request"] = "PTRACE_LISTEN";
             for (const char *shown : {"siginfo", "message"}) call.erase(shown);
           });
       });
     }},
    {"request.running", "it was only seized, and nothing has asked it to stop",
     [](const Recording &r, Found &found) {
       for (const std::size_t i : r.quiet_places())
         for (const int tid : r.tids())
           for (const char *name : {"CONT", "SYSCALL", "DETACH", "LISTEN"})
             if (r.role(tid) == "tracee")
               add(found, r, i, request(r.header["tracer"], name, tid), [&](const Recording &in) {
                 for (std::size_t k = 0; k < in.size(); ++k)
                   if (k != i && in.begin(k) <= in.end(i) && !in.requests(k, {"SEIZE"}) &&
                       !in.is(k, "user"))
                     return false;
                 return true;
               });
     }},
    {"interrupt.eio", "nobody is traced without SEIZE",
     [](const Recording &r, Found &found) {
       for (std::size_t i = 0; i < r.size(); ++i)
         if (r.ok(i) && r.requests(i, {"INTERRUPT"}) && !r.uses({"ATTACH", "TRACEME"}))
           change(found, r, i, [](json &call) { fail(call, "EIO"); });
     }},
    {"attach.esrch", "it makes calls later",
     [](const Recording &r, Found &found) {
       for (std::size_t i = 0; i < r.size(); ++i)
         if (r.ok(i) && r.requests(i, {"SEIZE", "ATTACH"}) && r.acts_after(i, r.target(i)))
           change(found, r, i, [](json &call) { fail(call, "ESRCH"); });
     }},
};

// ---- What requests show
// ----------------------------------------------------------------------------

const std::vector<Kind> kShown{
    {"siginfo.signo", "the stop was reported with another signal, and nobody uses SETSIGINFO",
     [](const Recording &r, Found &found) {
       each_in_stop(r, [&](std::size_t i, const Report &stop) {
         for (const auto &sig : kSignals)
           if (r.calls[i].contains("siginfo") && r.requests(i, {"GETSIGINFO"}) &&
               !r.uses({"SETSIGINFO"}) && sig.number != (stop.sig() & 0x7f))
             change(found, r, i, [&](json &call) { call["siginfo"]["signo"] = sig.number; });
       });
     }},
    {"siginfo.code", "si_code is that of the event reported, and of no other stop",
     [](const Recording &r, Found &found) {
       each_in_stop(r, [&](std::size_t i, const Report &stop) {
         if (!r.calls[i].contains("siginfo") || !r.requests(i, {"GETSIGINFO"}) ||
             r.uses({"SETSIGINFO"}))
           return;
         for (const int code : {0, 0x80, 0x8005, 0x8013, 0x605, 0x405})
           if (stop.event() ? code != stop.status >> 8 : code > 0x80)
             change(found, r, i, [&](json &call) { call["siginfo"]["code"] = code; });
       });
     }},
    {"message.child", "the event's message names no child",
     [](const Recording &r, Found &found) {
       each_in_stop(r, [&](std::size_t i, const Report &stop) {
         const bool names = (stop.event() >= 1 && stop.event() <= 3) || stop.event() == 5;
         if (!names || !r.requests(i, {"GETEVENTMSG"}) || !r.calls[i].contains("message")) return;
         for (const int message : {kStranger, r.header["tracer"].get<int>(), 0, stop.tid})
           change(found, r, i, [&](json &call) { call["message"] = message; });
       });
     }},
    {"message.exit", "nobody exits so",
     [](const Recording &r, Found &found) {
       each_in_stop(r, [&](std::size_t i, const Report &stop) {
         if (stop.event() == 6 && r.requests(i, {"GETEVENTMSG"}) && r.calls[i].contains("message"))
           for (const int message : {0x137f, 77 << 8, kStranger})
             change(found, r, i, [&](json &call) { call["message"] = message; });
       });
     }},
    {"message.none", "since 5.18 there is no message outside events and syscall-stops",
     [](const Recording &r, Found &found) {
       each_in_stop(r, [&](std::size_t i, const Report &stop) {
         const bool none = stop.event() == 128 || (!stop.event() && (stop.sig() & 0x7f) != 5);
         if (none && r.requests(i, {"GETEVENTMSG"}) && r.calls[i].contains("message"))
           for (const int message : {kStranger, stop.tid, 1, 2, 0x700})
             change(found, r, i, [&](json &call) { call["message"] = message; });
       });
     }},
};

// ---- All other calls
// ---------------------------------------------------------------------------------

const std::vector<Kind> kOthers{
    {"kill.nobody", "no such process ever was",
     [](const Recording &r, Found &found) {
       for (std::size_t i = 0; i < r.size(); ++i)
         if (r.ok(i) && r.is(i, "kill"))
           change(found, r, i, [](json &call) { call["args"]["pid"] = kStranger; });
     }},
    {"kill.esrch", "it makes calls later",
     [](const Recording &r, Found &found) {
       for (std::size_t i = 0; i < r.size(); ++i)
         if (r.ok(i) && r.is(i, "kill") && r.acts_after(i, r.target(i)))
           change(found, r, i, [](json &call) { fail(call, "ESRCH"); });
     }},
    {"handler.signal", "nobody ever sent that signal",
     [](const Recording &r, Found &found) {
       for (std::size_t i = 0; i < r.size(); ++i)
         for (const auto &sig : kSignals)
           if (r.is(i, "handler") && !r.speaks_of(sig.number, sig.name))
             change(found, r, i, [&](json &call) {
               call["args"]["sig"] = sig.name;
               call.erase("siginfo");
             });
     }},
    {"state.dead", "it makes calls later",
     [](const Recording &r, Found &found) {
       for (std::size_t i = 0; i < r.size(); ++i)
         for (const char *state : {"X", "Z"})
           if (r.is(i, "proc_state") && r.acts_after(i, r.target(i)))
             change(found, r, i, [&](json &call) { call["value"] = state; });
     }},
    {"state.traced", "nobody ever traced it",
     [](const Recording &r, Found &found) {
       for (std::size_t i = 0; i < r.size(); ++i)
         if (r.is(i, "proc_state") && !r.ever(r.target(i), {"SEIZE", "ATTACH", "TRACEME"}))
           change(found, r, i, [](json &call) { call["value"] = "t"; });
     }},
    {"state.stopped", "nothing ever sent a stop signal",
     [](const Recording &r, Found &found) {
       if (r.uses({"ATTACH", "TRACEME"}) || r.speaks_of(19, "SIGSTOP") ||
           r.speaks_of(20, "SIGTSTP") || r.speaks_of(21, "SIGTTIN") || r.speaks_of(22, "SIGTTOU"))
         return;
       for (std::size_t i = 0; i < r.size(); ++i)
         if (r.is(i, "proc_state")) change(found, r, i, [](json &call) { call["value"] = "T"; });
     }},
    {"state.in_stop", "the stop was reported, and nothing can have ended it since",
     [](const Recording &r, Found &found) {
       for (std::size_t i = 0; i < r.size(); ++i)
         for (const char *state : {"R", "S", "T", "Z", "X"})
           if (r.is(i, "proc_state") && r.still_in(i, r.target(i)))
             change(found, r, i, [&](json &call) { call["value"] = state; });
     }},
    {"sigchld.stranger", "no such child ever was",
     [](const Recording &r, Found &found) {
       for (std::size_t i = 0; i < r.size(); ++i)
         if (r.is(i, "sigchld") && r.ok(i))
           change(found, r, i, [](json &call) { call["siginfo"]["pid"] = kStranger; });
     }},
    {"sigchld.exit", "nobody ever exits with that code",
     [](const Recording &r, Found &found) {
       for (std::size_t i = 0; i < r.size(); ++i)
         if (r.is(i, "sigchld") && r.ok(i))
           change(found, r, i, [](json &call) {
             call["siginfo"]["code"] = 1;
             call["siginfo"]["status"] = 77;
           });
     }},
    {"dead.acts", "its death was reported",
     [](const Recording &r, Found &found) {
       each_report(r, found, [&](std::size_t k, const Report &death) {
         for (const std::size_t i : r.quiet_places())
           if (death.death() && r.end(k) < r.begin(i))
             add(found, r, i, user(death.tid), [](const Recording &) { return true; });
       });
     }},
    {"stopped.acts", "it is in a stop that was reported, and nothing can have ended it since",
     [](const Recording &r, Found &found) {
       for (const std::size_t i : r.quiet_places())
         for (const int tid : r.tids())
           if (r.role(tid) == "tracee")
             add(found, r, i, user(tid),
                 [&](const Recording &longer) { return longer.still_in(i, tid).has_value(); });
     }},
    {"fork.used", "that process is there already, and no tracer has begun to exit",
     [](const Recording &r, Found &found) {
       std::int64_t exits = INT64_MAX;
       for (std::size_t i = 0; i < r.size(); ++i)
         if (r.role(r.caller(i)) == "tracer" && (r.is(i, "exit_group") || r.is(i, "exit")))
           exits = std::min(exits, r.begin(i));
       for (std::size_t i = 0; i < r.size(); ++i)
         if (r.is(i, "fork") && r.ok(i) && r.end(i) < exits)
           change(found, r, i, [&](json &call) {
             call["ret"] = r.header["tracer"];
             call["args"]["child"] = r.header["tracer"];
           });
     }},
};

}  // namespace

const std::vector<Kind> &kinds() {
  static const std::vector<Kind> all = [] {
    std::vector<Kind> together;
    for (const auto *some : {&kWait, &kRequests, &kShown, &kOthers})
      together.insert(together.end(), some->begin(), some->end());
    return together;
  }();
  return all;
}

}  // namespace ptmc::impossible
