#include "tools/vectors/walk.hpp"

#include <linux/ptrace.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <numeric>
#include <set>
#include <tuple>
#include <unordered_map>

#include "checker/state_hash.hpp"
#include "model/kernel.hpp"
#include "traces/next.hpp"
#include "traces/staging.hpp"
#include "traces/step_reader.hpp"

namespace ptmc::vectors {

using model::Action;
using model::Actor;
using model::Feature;
using model::Instance;
using model::Loc;
using model::State;
using traces::Call;
using traces::Event;
using traces::Expect;
using traces::Outcome;
using traces::Ran;
namespace who = traces::who;

namespace {

constexpr std::size_t kMostAhead = 20'000;  // states between two calls
constexpr long kGetSyscallInfo = 0x420e;    // returns a size

// A recording in which nothing has happened yet, its pids those of who.
traces::Trace nothing_yet(const model::Model &m) {
  traces::Trace t;
  t.tracer = who::tracer;
  t.processes = {{who::tracer, traces::Role::tracer, {who::tracer}},
                 {who::world, traces::Role::world, {who::world}},
                 {who::t0, traces::Role::tracee, {}}};
  for (int k = 0; k < m.schema.shape.threads; ++k)
    t.processes.back().threads.push_back(who::t0 + k);
  if (!(*m.config)[Feature::parent_is_tracer])
    t.processes.push_back({who::parent, traces::Role::parent, {who::parent}});
  return t;
}

traces::Names names_of(const model::Model &m) {
  traces::Names names(nothing_yet(m));
  names.codes.resize(model::kExitCodes);  // the model's codes are exit codes
  std::iota(names.codes.begin(), names.codes.end(), 0);
  names.signals = m.schema.shape.signals;
  names.adopt(m.schema.shape);
  if (m.schema.shape.tracers > 1)
    names.tracers = {who::tracer,
                     m.schema.shape.tracer_threads ? who::tracer_thread : who::tracer2};
  names.tracer_threads = m.schema.shape.tracer_threads;
  return names;
}

auto key(const Outcome &o) { return std::make_tuple(text(o.shows), o.states, o.handlers); }

Goals with(Goals goals, std::optional<std::uint32_t> one) {
  if (!one) return goals;
  const auto at = std::lower_bound(goals.begin(), goals.end(), *one);
  if (at == goals.end() || *at != *one) goals.insert(at, *one);
  return goals;
}

}  // namespace

void add_missing(Beliefs &all, const Beliefs &more) {
  for (const Believed &s : more)
    if (std::find(all.begin(), all.end(), s) == all.end()) all.push_back(s);
}

Goals common(const Goals &a, const Goals &b) {
  Goals both;
  std::set_intersection(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(both));
  return both;
}

const Branch *Applied::find(const Outcome &outcome) const {
  const auto found = std::find_if(branches.begin(), branches.end(),
                                  [&](const Branch &b) { return key(b.outcome) == key(outcome); });
  return found == branches.end() ? nullptr : &*found;
}

std::string text_of(traces::Step call) {
  call.async = false;  // whether it need return is the model's to say
  return write_call(call).dump();
}

Walk::Walk(const model::Model &model, const OwnSteps &own)
    : model_(model),
      own_(own),
      interpreter_(model),
      own_at_(model, own.all),
      names_(names_of(model)) {}

// ---- What is seen -------------------------------------------------------------------------------

std::optional<std::string> Walk::letters(const State &s) const {
  std::string all;
  for (int t = 0; t < model_.threads(); ++t) {
    const Loc loc = model_.schema.loc(s, t);
    const model::ThreadFields &f = model_.schema.thread[static_cast<std::size_t>(t)];
    if (loc >= Loc::entry_trap && loc < Loc::stopped)  // the traps lie together
      all += 't';
    else if (loc == Loc::stopped)
      all += 'T';
    else if (loc == Loc::zombie)
      all += 'Z';
    else if (loc == Loc::user)
      all += 'R';
    else if (loc == Loc::body &&
             model_.schema.get(s, f.call) == static_cast<model::Value>(model::SysCall::pause))
      all += 'S';
    else if (loc == Loc::exec_wait)
      all += 'D';
    else if (loc == Loc::none || loc == Loc::dead || loc == Loc::unreleased)
      all += 'X';
    else
      return std::nullopt;
  }
  return all;
}

// A handler has run when it returns. One whose rt_sigreturn shows, to a tracer, has run when that
// does, which need not be the same step of the vector.
void Walk::run(std::size_t instance, Handlers &handlers) const {
  const Instance &i = model_.instances[instance];
  const auto made = static_cast<model::SysCall>(i.label.arg & 0xff);
  if (i.label.action == Action::enter_syscall && made == model::SysCall::sigreturn)
    handlers.reset();
  if (i.label.action != Action::sigreturn || i.rule->id != "sigreturn" || !handlers) return;
  const Ran ran{who::t0 + i.label.thread,
                model_.schema.shape.number(static_cast<model::Sig>(i.label.arg))};
  handlers->insert(std::upper_bound(handlers->begin(), handlers->end(), ran), ran);
}

Expect Walk::shows(const traces::Step &call, std::size_t instance, model::Value output) const {
  const Instance &i = model_.instances[instance];
  const Event &e = call.event;
  Expect expect;
  if (traces::is_tracee(e.pid) || e.call == Call::exit_group) return expect;
  const std::vector<Event> all = observations(e, i, output, names_);
  if (all.empty()) {  // a message that the model does not know
    expect.ret = 0;
    return expect;
  }
  const Event &made = all.front();
  if (e.call == Call::sigchld && made.siginfo) {
    expect.siginfo_code = made.siginfo->code;
    expect.siginfo_status = made.siginfo->status;
    expect.siginfo_who = made.siginfo->pid;
    return expect;
  }
  if (made.ret && *made.ret < 0) {
    expect.err = made.err;
    return expect;
  }
  if (e.call == Call::wait4 && *made.ret > 0)
    expect.ret_pid = static_cast<pid_t>(*made.ret);
  else if (e.request != kGetSyscallInfo)
    expect.ret = made.ret;
  expect.status = made.status;
  if (made.siginfo) {
    expect.siginfo_signo = made.siginfo->signo;
    // Without this feature the model does not follow whose signal it is.
    if (output & model::kTrapInfo) {
      expect.siginfo_code = made.siginfo->code;
    } else if (output & model::kForgedInfo) {
      expect.siginfo_code = made.siginfo->code;
    } else if ((*model_.config)[Feature::siginfo]) {
      const auto info = static_cast<model::Info>(output & 0xff);
      if (info != model::Info::step) expect.siginfo_code = made.siginfo->code;
      if (info == model::Info::tracer) expect.siginfo_who = who::tracer;
    }
  }
  if (made.message) {
    if (i.label.action == Action::geteventmsg && output & model::kThreadMessage)
      expect.message_who = static_cast<pid_t>(*made.message);
    else
      expect.message = made.message;
  }
  if (i.label.action == Action::sigmask) expect.mask = made.mask;
  return expect;
}

Outcome Walk::outcome(const State &before, std::size_t instance, const State &after,
                      const std::vector<std::size_t> &own) const {
  Outcome o;
  const traces::StagedCall made = traces::call_of(model_, model_.instances[instance], before);
  if (made.step) o.shows = shows(*made.step, instance, interpreter_.output(instance, before));
  o.states = letters(after).value_or("");
  for (const std::size_t i : own) run(i, o.handlers);
  return o;
}

std::vector<std::size_t> Walk::settle(State &state) const {
  std::vector<std::size_t> taken;
  for (bool moved = true; moved && taken.size() < kMostAhead;) {
    moved = false;
    State next;
    own_at_.each(state, [&](std::size_t i) {
      if (moved || !interpreter_.step(i, state, next)) return;
      moved = true;
      taken.push_back(i);
    });
    if (moved) state = next;
  }
  return taken;
}

// ---- What may happen ----------------------------------------------------------------------------

// All instances of the same call.
const std::vector<std::size_t> &Walk::alternatives(std::size_t instance, const traces::Step &call) {
  const auto [it, fresh] = alternatives_.try_emplace(instance);
  if (!fresh) return it->second;
  traces::Ask asked = ask(call.event, names_);
  if (asked.steps.empty()) return it->second;
  const model::Label &l = model_.instances[instance].label;
  traces::Ask::Step &step = asked.steps.front();
  asked.steps.resize(1);
  // The model has the option sets of its profile by numbers of its own; that getppid is filtered
  // only a recording could tell.
  if (l.action == Action::seize || l.action == Action::setoptions ||
      (l.action == Action::enter_syscall && l.arg == static_cast<int>(model::SysCall::filtered)))
    step.argument = l.arg;
  return it->second = traces::plan(asked, own_.index).alternatives;
}

// Where the kernel's own steps may lead to. False: there are too many states.
bool Walk::closure(const Believed &from, Goals reached, const PurposeOf &purpose_of,
                   std::vector<End> &ends) const {
  struct Node {
    Believed state;
    Handlers handlers;
    Goals certain;
    bool waiting = true, end = false;
  };
  std::vector<Node> nodes{{from, std::vector<Ran>(), std::move(reached)}};
  std::unordered_multimap<std::size_t, std::size_t> places{{checker::StateHash()(from.state), 0}};
  const auto reach = [&](const Believed &s, const Handlers &handlers, const Goals &certain,
                         std::vector<std::size_t> &queue) {
    const std::size_t hash = checker::StateHash()(s.state);
    const auto [first, last] = places.equal_range(hash);
    for (auto it = first; it != last; ++it) {
      Node &n = nodes[it->second];
      if (!(n.state == s) || n.handlers != handlers) continue;
      const std::size_t before = n.certain.size();
      n.certain = common(n.certain, certain);
      if (n.certain.size() != before && !n.waiting) n.waiting = true, queue.push_back(it->second);
      return;
    }
    places.emplace(hash, nodes.size());
    queue.push_back(nodes.size());
    nodes.push_back({s, handlers, certain});
  };
  std::vector<std::size_t> queue{0};
  for (std::size_t k = 0; k < queue.size(); ++k) {
    if (nodes.size() > kMostAhead) return false;
    const std::size_t at = queue[k];
    nodes[at].waiting = false;
    const Node node = nodes[at];
    State next;
    bool moved = false;
    own_at_.each(node.state.state, [&](std::size_t i) {
      if (!interpreter_.step(i, node.state.state, next)) return;
      moved = true;
      const Purpose purpose = purpose_of(node.state, i);
      Handlers handlers = node.handlers;
      run(i, handlers);
      reach({next, purpose.last}, handlers, vectors::with(node.certain, purpose.goal), queue);
    });
    nodes[at].end = !moved;
  }
  for (Node &n : nodes)
    if (n.end) ends.push_back({n.state, std::move(n.handlers), std::move(n.certain)});
  return true;
}

Applied Walk::apply(const Beliefs &states, std::size_t instance, const PurposeOf &purpose_of) {
  Applied all;
  const Instance &i = model_.instances[instance];
  std::map<decltype(key(Outcome())), Branch> branches;
  for (const Believed &believed : states) {
    const State &s = believed.state;
    const traces::StagedCall made = traces::call_of(model_, i, s);
    if (!made.step) {
      all.why_not = made.why_not.empty() ? i.name() + ": no call" : made.why_not;
      return all;
    }
    if (all.call.event.pid == 0) all.call = *made.step;
    if (all.call.event.data != made.step->event.data || all.call.async != made.step->async) {
      all.why_not = "the call depends on what cannot be known";
      return all;
    }
    bool there = false;
    for (const std::size_t other : alternatives(instance, all.call)) {
      State next;
      if (!interpreter_.step(other, s, next)) continue;
      there = true;
      const Expect shown = shows(all.call, other, interpreter_.output(other, s));
      std::vector<End> ends;
      const Purpose purpose = purpose_of(believed, other);
      if (!closure({next, purpose.last}, vectors::with({}, purpose.goal), purpose_of, ends)) {
        all.why_not = "more states than can be followed between two calls";
        return all;
      }
      for (End &end : ends) {
        const auto seen = letters(end.state.state);
        if (!seen) {
          all.why_not = "a thread is where nobody can be seen to be";
          return all;
        }
        Outcome o{shown, *seen, std::move(end.handlers), Outcome::kAside};
        const auto [it, fresh] = branches.try_emplace(key(o));
        Branch &b = it->second;
        if (fresh) {
          b.outcome = std::move(o);
          b.certain = std::move(end.certain);
        } else {
          b.certain = common(b.certain, end.certain);
        }
        add_missing(b.states, {end.state});
      }
    }
    all.stuck += !there;
  }
  if (all.stuck) all.why_not = "the call may not return, or there is none of it";
  for (auto &[k, b] : branches) all.branches.push_back(std::move(b));
  return all;
}

}  // namespace ptmc::vectors
