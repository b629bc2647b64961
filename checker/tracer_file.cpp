// Reading tracer programs (tracer_program.hpp).

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "checker/tracer_program.hpp"
#include "model/input_error.hpp"

namespace ptmc::checker {

using namespace model;
using Json = nlohmann::ordered_json;

namespace {

constexpr std::pair<std::string_view, Action> kCallNames[] = {
    {"PTRACE_ATTACH", Action::attach},
    {"PTRACE_SEIZE", Action::seize},
    {"PTRACE_CONT", Action::cont},
    {"PTRACE_SYSCALL", Action::syscall},
    {"PTRACE_DETACH", Action::detach},
    {"PTRACE_LISTEN", Action::listen},
    {"PTRACE_INTERRUPT", Action::interrupt},
    {"PTRACE_SETOPTIONS", Action::setoptions},
    {"PTRACE_GETSIGINFO", Action::getsiginfo},
    {"PTRACE_GETEVENTMSG", Action::geteventmsg},
    {"PTRACE_KILL", Action::kill},
    {"tgkill(SIGSTOP)", Action::send}};
constexpr std::pair<std::string_view, int> kEventNames[] = {{"none", 0},
                                                            {"PTRACE_EVENT_FORK", 1},
                                                            {"PTRACE_EVENT_VFORK", 2},
                                                            {"PTRACE_EVENT_CLONE", 3},
                                                            {"PTRACE_EVENT_EXEC", 4},
                                                            {"PTRACE_EVENT_VFORK_DONE", 5},
                                                            {"PTRACE_EVENT_EXIT", 6},
                                                            {"PTRACE_EVENT_SECCOMP", 7},
                                                            {"PTRACE_EVENT_STOP", 128}};

class Reader {
 public:
  explicit Reader(const std::string &file) : file_(file) {}

  TracerProgram read() {
    std::ifstream in(file_);
    if (!in) throw InputError(file_, 0, "cannot be read");
    TracerProgram program;
    program.file = file_;
    std::string text;
    while (std::getline(in, text)) {
      ++line_;
      if (text.empty()) continue;
      Json json;
      try {
        json = Json::parse(text);
      } catch (const Json::exception &) {
        refuse("not JSON");
      }
      if (!json.is_object()) refuse("not an object");
      if (program.name.empty())
        header(json, program);
      else
        program.rules.push_back(rule(json, program));
    }
    if (program.name.empty()) refuse("no header");
    check(program);
    return program;
  }

 private:
  [[noreturn]] void refuse(const std::string &what, int line = -1) const {
    throw InputError(file_, line < 0 ? line_ : line, what);
  }
  void only(const Json &json, std::initializer_list<std::string_view> keys) const {
    for (const auto &[key, value] : json.items())
      if (std::find(keys.begin(), keys.end(), key) == keys.end())
        refuse("unknown key '" + key + "'");
  }
  std::string string(const Json &json, const char *key) const {
    const auto it = json.find(key);
    if (it == json.end() || !it->is_string()) refuse(std::string("'") + key + "' is not a string");
    return it->get<std::string>();
  }
  bool boolean(const Json &value, const std::string &key) const {
    if (!value.is_boolean()) refuse("'" + key + "' is neither true nor false");
    return value.get<bool>();
  }
  std::vector<std::string> strings(const Json &value, const std::string &key) const {
    std::vector<std::string> all;
    for (const Json &one : value.is_array() ? value : Json::array({value})) {
      if (!one.is_string()) refuse("'" + key + "' holds what is not a string");
      all.push_back(one.get<std::string>());
    }
    return all;
  }
  template <class Table>
  auto named(const Table &table, const std::string &name, const char *what) const {
    for (const auto &[text, value] : table)
      if (text == name) return value;
    refuse(std::string("unknown ") + what + " '" + name + "'");
  }

  void header(const Json &json, TracerProgram &program) const {
    only(json, {"format", "version", "name", "about", "waits", "flags"});
    if (string(json, "format") != "ptmc-tracer") refuse("format is not 'ptmc-tracer'");
    if (!json.contains("version") || json["version"] != 1) refuse("version is not 1");
    program.name = string(json, "name");
    if (program.name.empty()) refuse("'name' is empty");
    program.about = string(json, "about");
    if (json.contains("waits")) {
      const std::string waits = string(json, "waits");
      const auto it = std::find(kWaitsNames.begin(), kWaitsNames.end(), waits);
      if (it == kWaitsNames.end()) refuse("unknown way to wait '" + waits + "'");
      program.waits = static_cast<Waits>(it - kWaitsNames.begin());
    }
    if (json.contains("flags")) program.flags = strings(json["flags"], "flags");
  }

  Settings settings(const Json &json, const TracerProgram &program) const {
    Settings all;
    if (!json.is_object()) refuse("flags are not an object");
    for (const auto &[flag, value] : json.items()) {
      if (std::find(program.flags.begin(), program.flags.end(), flag) == program.flags.end())
        refuse("unknown flag '" + flag + "'");
      all.emplace_back(flag, boolean(value, flag));
    }
    return all;
  }

  When when(const Json &json, const TracerProgram &program) const {
    When w;
    if (!json.is_object()) refuse("'if' is not an object");
    only(json,
         {"report", "signal", "not_signal", "event", "syscall", "succeeded", "flags", "some"});
    if (json.contains("signal") && json.contains("not_signal"))
      refuse("both 'signal' and 'not_signal'");
    for (const auto &[key, value] : json.items()) {
      if (key == "report") {
        const std::string report = string(json, "report");
        if (report != "stopped" && report != "dead") refuse("unknown report '" + report + "'");
        w.report = report == "dead" ? When::Report::dead : When::Report::stopped;
      } else if (key == "signal" || key == "not_signal") {
        w.but_signals = key == "not_signal";
        for (const std::string &name : strings(value, key)) {
          const auto it = std::find_if(kSignals.begin(), kSignals.end(),
                                       [&](const SigInfo &i) { return i.name == name; });
          if (it == kSignals.end() || it->sig == NONE) refuse("unknown signal '" + name + "'");
          w.signals.push_back(it->sig);
        }
      } else if (key == "event") {
        for (const std::string &name : strings(value, key)) {
          if (name == "any") {
            for (const auto &[text, event] : kEventNames)
              if (event) w.events.push_back(event);
          } else {
            w.events.push_back(named(kEventNames, name, "event"));
          }
        }
      } else if (key == "syscall") {
        w.syscall = boolean(value, key);
      } else if (key == "succeeded") {
        w.succeeded = boolean(value, key);
      } else if (key == "some") {
        w.some = settings(value, program);
      } else {
        w.flags = settings(value, program);
      }
    }
    return w;
  }

  TracerRule rule(const Json &json, const TracerProgram &program) const {
    only(json, {"at", "if", "set", "believes", "call", "signal", "each", "next", "added"});
    TracerRule r;
    r.line = line_;
    r.at = string(json, "at");
    r.next = string(json, "next");
    if (json.contains("if")) r.when = when(json["if"], program);
    if (json.contains("set")) r.set = settings(json["set"], program);
    if (json.contains("added")) r.added = string(json, "added");
    if (json.contains("believes")) {
      const std::string name = string(json, "believes");
      const auto it = std::find(kBeliefNames.begin(), kBeliefNames.end(), name);
      if (name.empty() || it == kBeliefNames.end()) refuse("unknown stop '" + name + "'");
      r.believes = static_cast<Belief>(it - kBeliefNames.begin());
    }
    if (json.contains("call")) r.call = named(kCallNames, string(json, "call"), "call");
    if (json.contains("signal")) {
      const std::string signal = string(json, "signal");
      if (signal != "reported" && signal != "none") refuse("unknown 'signal' '" + signal + "'");
      r.injects = signal == "reported";
      const bool resumes =
          r.call == Action::cont || r.call == Action::syscall || r.call == Action::detach;
      if (!resumes) refuse("'signal' without a call that takes one");
    }
    if (json.contains("each")) {
      r.each = settings(json["each"], program);
      const bool changes = std::any_of(r.each->begin(), r.each->end(), [&](const auto &flag) {
        return std::find(r.set.begin(), r.set.end(), std::pair(flag.first, !flag.second)) !=
               r.set.end();
      });
      if (!r.call || !changes) refuse("'each' without a call, or 'set' changes none of its flags");
    }
    if (r.believes != Belief::none && !r.call) refuse("'believes' without a call");
    return r;
  }

  // Rules that are in nobody's way.
  void check(const TracerProgram &program) const {
    std::set<std::string> places, led_to{"start", "report"};
    for (const TracerRule &r : program.rules) {
      places.insert(r.at);
      if (r.at == "wait") refuse("there are no rules at 'wait': see 'report'", r.line);
    }
    for (const char *place : {"start", "report"})
      if (!places.count(place)) refuse(std::string("no rule is at '") + place + "'", 0);
    for (std::size_t k = 0, n = 0; k < program.rules.size(); ++k) {
      const TracerRule &r = program.rules[k];
      if (r.next != "wait" && !places.count(r.next))
        refuse("no rule is at '" + r.next + "'", r.line);
      if (r.at != "start") continue;
      const bool attaches = r.call == Action::attach || r.call == Action::seize;
      if (n++ || !attaches) refuse("'start' has one rule, which attaches", r.line);
    }
    for (std::size_t before = 0; before != led_to.size();) {
      before = led_to.size();
      for (const TracerRule &r : program.rules)
        if (led_to.count(r.at)) led_to.insert(r.next);
    }
    std::set<std::string> closed;  // places of which an earlier rule takes everything
    for (const TracerRule &r : program.rules) {
      if (!led_to.count(r.at)) refuse("nothing leads to '" + r.at + "'", r.line);
      if (closed.count(r.at)) refuse("never taken: an earlier rule takes everything", r.line);
      const When &w = r.when;
      if (w.report == When::Report::any && w.signals.empty() && w.events.empty() && !w.syscall &&
          !w.succeeded && w.flags.empty() && w.some.empty())
        closed.insert(r.at);
    }
    for (const TracerRule &r : program.rules)
      if (!r.call || r.each) loops(program, r.next, {r.at}, r.line);
    for (const TracerRule &r : program.rules)
      if (r.each) only_some(program, r.next);
  }
  // After a call for each tracee none of them is the one that was reported.
  void only_some(const TracerProgram &program, const std::string &place) const {
    for (const TracerRule &r : program.rules) {
      if (r.at != place) continue;
      const When &w = r.when;
      const bool looks = w.report != When::Report::any || !w.signals.empty() || !w.events.empty() ||
                         w.syscall || w.succeeded || !w.flags.empty();
      if (looks || (!r.each && (r.call || !r.set.empty())))
        refuse("comes after 'each': looks at one tracee", r.line);
      only_some(program, r.next);
    }
  }
  void loops(const TracerProgram &program, const std::string &place, std::set<std::string> on_way,
             int line) const {
    if (!on_way.insert(place).second) refuse("leads back to '" + place + "' without a call", line);
    for (const TracerRule &r : program.rules)
      if (r.at == place && (!r.call || r.each)) loops(program, r.next, on_way, line);
  }

  const std::string file_;
  int line_ = 0;
};

}  // namespace

TracerProgram read_tracer(const std::string &file) { return Reader(file).read(); }

}  // namespace ptmc::checker
