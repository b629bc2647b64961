// An explicit labelled transition system in the Aldebaran format: des (first, transitions, states),
// then a transition a line.

#include <algorithm>
#include <iterator>
#include <new>
#include <ostream>

#include "checker/export.hpp"
#include "checker/fast.hpp"
#include "checker/layout.hpp"
#include "checker/store.hpp"

namespace ptmc::checker {

using model::Action;
using model::Instance;
using model::Label;
using model::Model;
using model::Value;

// ---- Labels -------------------------------------------------------------------------------------

namespace {

constexpr std::string_view kActions[] = {
    "hidden",     "traceme",    "attach",     "seize",       "interrupt",         "listen",
    "cont",       "syscall",    "singlestep", "sysemu",      "sysemu_singlestep", "detach",
    "kill",       "setoptions", "getsiginfo", "geteventmsg", "syscall_info",      "setsiginfo",
    "getsigmask", "setsigmask", "invalid",    "wait",        "sigchld",           "exit",
    "send",       "user",       "enter",      "fork",        "sigprocmask",       "sigaction",
    "handler",    "sigreturn",  "exit",       "peeksiginfo"};
static_assert(std::size(kActions) == static_cast<std::size_t>(Action::peeksiginfo) + 1);
constexpr std::string_view kWaitOptions[] = {"UNTRACED", "CONTINUED", "NOHANG", "NOWAIT",
                                             "EXITED",   "NORMAL",    "CLONE",  "THREADS"};

// The argument is a signal, and more bits beside it.
bool takes_signal(Action a) {
  return (a >= Action::cont && a <= Action::detach) || a == Action::send || a == Action::handler ||
         a == Action::sigreturn;
}

std::string argument(const Label &l) {
  const int signal = l.arg & (model::kOfChild - 1);
  if (!takes_signal(l.action) || signal >= model::SIG_COUNT) return std::to_string(l.arg);
  std::string text = signal ? std::string(model::kSignals[signal].name) : "0";
  if (l.arg != signal) text += ", of a child";
  return text;
}

}  // namespace

std::string label_call(model::Actor actor, const Label &l) {
  std::string text(model::kActorNames[static_cast<std::size_t>(actor)]);
  if (l.tracer) text += std::to_string(l.tracer);
  text += " " + std::string(kActions[static_cast<std::size_t>(l.action)]) + "(";
  text += l.thread < 0 ? "any" : "t" + std::to_string(l.thread);
  if (takes_signal(l.action) || l.arg > 0) text += ", " + argument(l);
  for (std::size_t o = 0; o < std::size(kWaitOptions); ++o)
    if (l.options >> o & 1) text += ", " + std::string(kWaitOptions[o]);
  return text + ")";
}

std::string label_text(const Instance &instance, Value output) {
  const Label &l = instance.label;
  if (l.action == Action::hidden) return "i";
  std::string text = label_call(instance.rule->actor, l) + " = " +
                     std::string(model::kErrNames[static_cast<std::size_t>(l.err)]);
  if (instance.output) text += ", " + std::to_string(output);
  return text;
}

// ---- States -------------------------------------------------------------------------------------

namespace {

class Explicit {
 public:
  Explicit(const Model &model, std::size_t max_memory)
      : model_(model),
        layout_(model),
        fast_(fast_form(model)),
        expander_(model, fast_ ? &*fast_ : nullptr),
        plain_(model),
        store_(layout_.words(), 1, max_memory),
        packed_(layout_.words()),
        fired_(model.instances.size()) {
    add(model.initial().w.data());
    for (Index k = 0; k < lane_.next; ++k) {
      const model::State s = state(k);
      expander_.expand(s.w.data());
      for (std::size_t n = 0; n < expander_.count(); ++n) add(expander_.successor(n));
    }
  }

  void write(std::ostream &out) {
    std::uint64_t transitions = 0;
    for (std::size_t i = 0; i < fired_.size(); ++i) transitions += fired_[i] = expander_.fired(i);
    out << "des (0, " << transitions << ", " << lane_.next << ")\n";
    for (Index k = 0; k < lane_.next && out; ++k) {
      const model::State s = state(k);
      expander_.expand(s.w.data());
      auto line = [&](std::size_t instance, Index to) {
        const Value output = plain_.output(instance, s);
        out << '(' << k << ", \"" << label_text(model_.instances[instance], output) << "\", " << to
            << ")\n";
      };
      for (std::size_t n = 0; n < expander_.count(); ++n)
        line(expander_.instance(n), find(expander_.successor(n)));
      // What changes nothing makes no successor.
      for (std::size_t i = 0; i < fired_.size(); ++i) {
        const std::uint64_t fired = expander_.fired(i);
        if (fired != fired_[i] && model_.instances[i].updates.empty()) line(i, k);
        fired_[i] = fired;
      }
    }
  }

 private:
  model::State state(Index k) const {
    model::State s;
    layout_.unpack(store_.record(k), s.w.data());
    return s;
  }
  void add(const std::uint64_t *state) {
    layout_.pack(state, packed_.data());
    if (store_.crowded() && !store_.grow(1, [] { return false; })) throw std::bad_alloc();
    if (store_.add(lane_, packed_.data(), store_.hash(packed_.data())) == Store::Added::full)
      throw std::bad_alloc();
  }
  Index find(const std::uint64_t *state) {
    layout_.pack(state, packed_.data());
    return store_.find(packed_.data(), store_.hash(packed_.data()));
  }

  const Model &model_;
  const Layout layout_;
  const std::optional<FastForm> fast_;
  Expander expander_;
  const model::Interpreter plain_;
  Store store_;
  Store::Lane lane_;  // the only one: its records are numbered through
  std::vector<std::uint64_t> packed_, fired_;
};

}  // namespace

void export_aut(std::ostream &out, const Model &model, std::size_t max_memory) {
  Explicit(model, max_memory).write(out);
}

}  // namespace ptmc::checker
