// Reading scenario files. Whatever can be known to go wrong without running a scenario is said
// here, with its line: an actor that is not there, a call that its actor cannot make.
#include "traces/scenario.hpp"

#include <algorithm>
#include <array>
#include <climits>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include "model/input_error.hpp"
#include "traces/jsonl.hpp"

namespace ptmc::traces {
namespace {

constexpr std::array<std::string_view, who::count> kNames = {
    "", "world", "tracer", "parent", "t0", "t1", "t2", "t3", "none"};
constexpr std::string_view kStates = "RSDTtZX";  // X: the thread is gone
constexpr long kTraceme = 0;

bool is_tracee(pid_t symbol) { return symbol >= who::t0 && symbol <= who::t3; }
bool is_exit(Call call) { return call == Call::exit || call == Call::exit_group; }

bool can_make(pid_t by, Call call) {
  switch (call) {
    case Call::kill:
    case Call::tgkill:
      return true;
    case Call::ptrace:
    case Call::rt_sigaction:
    case Call::exit_group:
      return by != who::world;
    case Call::wait4:
    case Call::sigchld:
      return by == who::tracer || by == who::parent;
    case Call::user:
    case Call::getpid:
    case Call::pause:
    case Call::exit:
    case Call::rt_sigprocmask:
      return is_tracee(by);
    default:
      return false;
  }
}

// Reads the lines of one scenario, and follows who is free to act.
class Reader {
 public:
  Reader(std::istream &in, const std::string &file) : in_(in) { scenario_.file = file; }

  Scenario read() {
    std::string text;
    if (!std::getline(in_, text)) throw InputError(scenario_.file, 0, "empty file");
    read_header(parse_line(text, scenario_.file, 1));
    for (int line = 2; std::getline(in_, text); ++line)
      read_step(parse_line(text, scenario_.file, line), line);
    if (scenario_.steps.empty()) throw InputError(scenario_.file, 1, "no step follows");
    return std::move(scenario_);
  }

 private:
  enum class Actor { free, busy, gone };

  void read_header(const nlohmann::json &json) {
    const Fields header(json, scenario_.file, 1);
    check_format(header, "ptmc-scenario");
    scenario_.name = header.text("name");
    if (scenario_.name.empty()) header.fail("name", "is empty");
    scenario_.about = header.text("about");
    for (const nlohmann::json &tag : header.array("semantics")) {
      if (!tag.is_string()) header.fail("semantics", "must be strings");
      scenario_.semantics.push_back(tag);
    }
    scenario_.design = header.text("design");
    if (scenario_.design != "linux-3.4" && scenario_.design != "legacy")
      header.fail("design", "must be \"linux-3.4\" or \"legacy\"");
    scenario_.threads = static_cast<int>(header.integer("threads", 1, kMaxThreads));
    const std::string parent = header.text("parent");
    if (parent != "separate" && parent != "tracer")
      header.fail("parent", "must be \"separate\" or \"tracer\"");
    scenario_.tracer_is_parent = parent == "tracer";
    if (header.has("loose")) scenario_.loose = header.boolean("loose");
    header.reject_unread();
  }

  void read_step(const nlohmann::json &json, int line) {
    const Fields fields(json, scenario_.file, line);
    Step step;
    step.line = line;
    if (fields.has("note")) fields.text("note");
    if (fields.has("join"))
      read_join(fields, step);
    else if (fields.has("await"))
      read_await(fields.object("await"), step);
    else
      read_call(fields, step);
    fields.reject_unread();
    scenario_.steps.push_back(std::move(step));
  }

  void read_join(const Fields &fields, Step &step) {
    step.kind = Step::Kind::join;
    step.event.pid = actor(fields, "join");
    Actor &joined = actors_[step.event.pid];
    if (joined != Actor::busy && !scenario_.loose)
      fields.fail("join", "there is no unfinished call of this actor");
    joined = Actor::free;
  }

  void read_await(const Fields &await, Step &step) {
    step.event.pid = who::world;
    step.event.call = Call::proc_state;
    step.event.target = actor(await, "pid");
    if (await.has("pending")) {
      step.kind = Step::Kind::await_pending;
      step.pending = await.boolean("pending");
    } else {
      step.kind = Step::Kind::await_state;
      step.states = await.text("state");
      if (step.states.empty() || step.states.find_first_not_of(kStates) != std::string::npos)
        await.fail("state", "must be letters of " + std::string(kStates));
    }
    await.reject_unread();
  }

  void read_call(const Fields &fields, Step &step) {
    Event &event = step.event;
    event.pid = actor(fields, "by");
    const std::string name = fields.text("call");
    const auto call = call_from_name(name);
    if (!call) fields.fail("call", "unknown call \"" + name + "\"");
    event.call = *call;
    if (!can_make(event.pid, event.call))
      fields.fail("call", who_name(event.pid) + " cannot make this call");
    const nlohmann::json none = nlohmann::json::object();
    const Fields args = fields.has("args") ? fields.object("args")
                                           : Fields(none, fields.file(), fields.line(), "args.");
    read_args(
        args, [&](const Fields &f, const char *key) { return target(f, key, event); }, event);
    args.reject_unread();
    if (event.call == Call::ptrace) check_request(fields, event);
    if (fields.has("async")) step.async = fields.boolean("async");
    if (step.async && event.pid == who::world) fields.fail("async", "world does not wait anyway");
    if (step.async && is_exit(event.call)) fields.fail("async", "no step waits for an exit");
    if (fields.has("expect")) step.expect = read_expect(fields.object("expect"));
    occupy(fields, step);
  }

  // Whose turn it is after this call.
  void occupy(const Fields &fields, const Step &step) {
    const pid_t by = step.event.pid;
    if (scenario_.loose) return;  // the run tells
    if (actors_[by] == Actor::busy)
      fields.fail("by", who_name(by) + " has an unfinished call: join it first");
    if (actors_[by] == Actor::gone) fields.fail("by", who_name(by) + " has exited");
    if (step.async) actors_[by] = Actor::busy;
    if (!is_exit(step.event.call)) return;
    actors_[by] = Actor::gone;
    if (step.event.call == Call::exit_group && is_tracee(by))
      for (pid_t thread = who::t0; thread <= who::t3; ++thread) actors_[thread] = Actor::gone;
  }

  void check_request(const Fields &fields, const Event &event) const {
    const bool traceme = event.request == kTraceme;
    if (is_tracee(event.pid) && !traceme)
      fields.fail("args.request", "a tracee thread can only make PTRACE_TRACEME");
    if (!is_tracee(event.pid) && traceme)
      fields.fail("args.request", "PTRACE_TRACEME is for threads of the tracee");
    if (traceme && !scenario_.tracer_is_parent)
      fields.fail("args.request", "PTRACE_TRACEME needs \"parent\":\"tracer\" in the header");
  }

  pid_t symbol(const Fields &fields, const std::string &key) const {
    const std::string name = fields.text(key);
    const auto found = std::find(kNames.begin() + who::world, kNames.end(), name);
    if (found == kNames.end()) fields.fail(key, "unknown actor \"" + name + "\"");
    const auto symbol = static_cast<pid_t>(found - kNames.begin());
    if (is_tracee(symbol) && symbol - who::t0 >= scenario_.threads)
      fields.fail(key,
                  "there is no " + name + " with threads " + std::to_string(scenario_.threads));
    if (symbol == who::parent && scenario_.tracer_is_parent)
      fields.fail(key, "the parent is the tracer here");
    return symbol;
  }

  pid_t actor(const Fields &fields, const std::string &key) const {
    const pid_t found = symbol(fields, key);
    if (found == who::none) fields.fail(key, "\"none\" cannot act");
    return found;
  }

  // An argument that names a thread or process.
  pid_t target(const Fields &args, const char *key, const Event &event) const {
    if (event.call == Call::wait4 && !args.is_string(key))
      return static_cast<pid_t>(args.integer(key, who::any_child, who::any_child));
    const pid_t found = symbol(args, key);
    if (found == who::world) args.fail(key, "world is no target");
    return found;
  }

  Expect read_expect(const Fields &fields) const {
    Expect expect;
    const auto number = [&](const char *key) -> std::optional<int> {
      if (!fields.has(key)) return std::nullopt;
      return fields.status(key);
    };
    if (fields.has("ret") && fields.is_string("ret"))
      expect.ret_pid = actor(fields, "ret");
    else if (fields.has("ret"))
      expect.ret = fields.integer("ret", LONG_MIN, LONG_MAX);
    if (fields.has("errno"))
      expect.err = static_cast<int>(fields.named("errno", 1, INT_MAX, errno_number, "errno"));
    expect.status = number("status");
    expect.siginfo_code = number("siginfo_code");
    expect.siginfo_status = number("siginfo_status");
    if (fields.has("message"))
      expect.message = static_cast<std::uint64_t>(
          fields.named("message", INT64_MIN, INT64_MAX, to_number, "number"));
    fields.reject_unread();
    return expect;
  }

  std::istream &in_;
  Scenario scenario_;
  std::array<Actor, who::count> actors_{};
};

}  // namespace

std::string who_name(pid_t symbol) { return std::string(kNames.at(symbol)); }

std::string mismatch(const Step &step, const std::optional<Event> &event) {
  const Expect &expect = step.expect;
  std::string what;
  const auto check = [&](const char *name, const auto &expected, const auto &found) {
    if (!expected || (found && *found == *expected)) return;
    what += (what.empty() ? "" : ", ") + std::string(name) + " should be " +
            std::to_string(*expected) + ", is " + (found ? std::to_string(*found) : "missing");
  };
  const Event made = event.value_or(Event{});
  check("ret", expect.err ? std::optional<long>(-1) : expect.ret, made.ret);
  if (expect.err && made.err != *expect.err)
    what += ", errno should be " + errno_name(*expect.err) + ", is " + errno_name(made.err);
  check("status", expect.status, made.status);
  const auto info = [&](int Siginfo::*field) {
    return made.siginfo ? std::optional<int>((*made.siginfo).*field) : std::nullopt;
  };
  check("siginfo code", expect.siginfo_code, info(&Siginfo::code));
  check("siginfo status", expect.siginfo_status, info(&Siginfo::status));
  check("message", expect.message, made.message);
  if (what.empty()) return what;
  const std::string call = step.event.call == Call::ptrace
                               ? request_name(step.event.request)
                               : std::string(call_name(step.event.call));
  return call + " by " + who_name(step.event.pid) + ": " + (event ? what : "was never made");
}

Scenario read_scenario(std::istream &in, const std::string &file) {
  return Reader(in, file).read();
}

Scenario read_scenario(const std::string &file) {
  std::ifstream in(file);
  if (!in) throw InputError(file, 0, "cannot be read");
  return read_scenario(in, file);
}

std::string to_jsonl(const Scenario &scenario) {
  using Json = nlohmann::ordered_json;
  const auto pid = [](pid_t symbol) {
    if (symbol == who::nothing) return Json();
    return symbol == who::any_child ? Json(symbol) : Json(who_name(symbol));
  };
  Json header{{"format", "ptmc-scenario"},
              {"version", 1},
              {"name", scenario.name},
              {"about", scenario.about},
              {"semantics", scenario.semantics},
              {"design", scenario.design},
              {"threads", scenario.threads},
              {"parent", scenario.tracer_is_parent ? "tracer" : "separate"}};
  if (scenario.loose) header["loose"] = true;
  std::string text = header.dump() + '\n';
  for (const Step &step : scenario.steps) {
    Json line;
    switch (step.kind) {
      case Step::Kind::call:
        line = {{"by", pid(step.event.pid)}, {"call", call_name(step.event.call)}};
        if (Json args = write_args(step.event, pid); !args.empty()) line["args"] = args;
        if (step.async) line["async"] = true;
        break;
      case Step::Kind::join:
        line = {{"join", pid(step.event.pid)}};
        break;
      case Step::Kind::await_state:
        line = {{"await", {{"pid", pid(step.event.target)}, {"state", step.states}}}};
        break;
      case Step::Kind::await_pending:
        line = {{"await", {{"pid", pid(step.event.target)}, {"pending", step.pending}}}};
        break;
    }
    text += line.dump() + '\n';
  }
  return text;
}

std::vector<Scenario> read_scenarios(const std::string &directory) {
  std::error_code error;
  const std::filesystem::directory_iterator entries(directory, error);
  if (error) throw InputError(directory, 0, error.message());
  std::vector<std::string> files;
  for (const auto &entry : entries)
    if (entry.path().extension() == ".jsonl") files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  std::vector<Scenario> scenarios;
  for (const std::string &file : files) scenarios.push_back(read_scenario(file));
  return scenarios;
}

}  // namespace ptmc::traces
