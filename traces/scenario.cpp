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
#include "traces/step_reader.hpp"

namespace ptmc::traces {
namespace {

constexpr std::string_view kNames[] = {"", "world", "tracer", "tracer2", "tracer_thread", "parent"};
constexpr std::string_view kStates = "RSDTtZX";  // X: the thread is gone
constexpr long kTraceme = 0, kPeekSiginfo = 0x4209;
constexpr int kNohang = 1;  // WNOHANG

constexpr std::uint64_t kVm = 0x100, kSighand = 0x800, kParent = 0x8000, kThread = 0x10000;

bool is_exit(Call call) { return call == Call::exit || call == Call::exit_group; }

std::optional<pid_t> who_number(std::string_view name) {
  for (pid_t symbol = who::world; symbol < who::count; ++symbol)
    if (name == who_name(symbol)) return symbol;
  return std::nullopt;
}

bool can_make(pid_t by, Call call) {
  switch (call) {
    case Call::kill:
    case Call::tgkill:
      return true;
    case Call::wait4:
      return true;
    case Call::ptrace:
    case Call::waitid:
    case Call::rt_sigaction:
    case Call::exit_group:
      return by != who::world;
    case Call::sigchld:
      return by != who::world && !is_tracee(by);
    case Call::exit:
      return is_tracee(by) || by == who::tracer_thread;
    case Call::user:
    case Call::getpid:
    case Call::getppid:
    case Call::pause:
    case Call::fork:
    case Call::execve:
    case Call::seccomp:
    case Call::rt_sigprocmask:
      return is_tracee(by);
    default:
      return false;
  }
}

// Reads the lines of one scenario.
class Reader {
 public:
  Reader(std::istream &in, const std::string &file) : in_(in) { scenario_.file = file; }

  Scenario read() {
    std::string text;
    if (!std::getline(in_, text)) throw InputError(scenario_.file, 0, "empty file");
    read_header(parse_line(text, scenario_.file, 1));
    StepReader steps(scenario_);
    for (int line = 2; std::getline(in_, text); ++line)
      scenario_.steps.push_back(
          steps.step(Fields(parse_line(text, scenario_.file, line), scenario_.file, line)));
    if (scenario_.steps.empty()) throw InputError(scenario_.file, 1, "no step follows");
    return std::move(scenario_);
  }

 private:
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
    if (header.has("orphaned")) scenario_.orphaned = header.boolean("orphaned");
    header.reject_unread();
  }

  std::istream &in_;
  Scenario scenario_;
};

}  // namespace

StepReader::StepReader(const Scenario &company) : company_(company) {
  for (pid_t symbol = who::world; symbol < who::t0; ++symbol) actors_[symbol].leader = symbol;
  actors_[who::tracer_thread].leader = who::tracer;
  for (pid_t thread = 0; thread < company.threads; ++thread)
    actors_[who::t0 + thread].leader = who::t0;
}

Step StepReader::step(const Fields &fields) {
  Step step;
  step.line = fields.line();
  if (fields.has("note")) fields.text("note");
  if (fields.has("join"))
    read_join(fields, step);
  else if (fields.has("await"))
    read_await(fields.object("await"), step);
  else
    step = call(fields);
  fields.reject_unread();
  return step;
}

void StepReader::read_join(const Fields &fields, Step &step) {
  step.kind = Step::Kind::join;
  step.event.pid = actor(fields, "join");
  State &joined = actors_[step.event.pid].state;
  if (joined != State::busy && !company_.loose)
    fields.fail("join", "there is no unfinished call of this actor");
  joined = State::free;
}

void StepReader::read_await(const Fields &await, Step &step) const {
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

Step StepReader::call(const Fields &fields) {
  Step step;
  step.line = fields.line();
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
  if (event.call == Call::wait4 && event.pid == who::world && !(event.options & kNohang))
    fields.fail("args.options", "world does not sleep: it needs WNOHANG");
  if (event.call == Call::fork) check_fork(args, event);
  if (fields.has("async")) step.async = fields.boolean("async");
  if (step.async && event.pid == who::world) fields.fail("async", "world does not wait anyway");
  if (step.async && is_exit(event.call)) fields.fail("async", "no step waits for an exit");
  if (fields.has("expect")) step.expect = expect(fields.object("expect"));
  occupy(fields, step);
  return step;
}

// Whose turn it is after this call.
void StepReader::occupy(const Fields &fields, const Step &step) {
  const pid_t by = step.event.pid;
  if (company_.loose) return;  // the run tells
  Actor &actor = actors_[by];
  if (actor.state == State::busy)
    fields.fail("by", who_name(by) + " has an unfinished call: join it first");
  if (actor.state == State::gone) fields.fail("by", who_name(by) + " has exited");
  if (step.async) actor.state = State::busy;
  if (step.event.call == Call::exit) actor.state = State::gone;
  const bool execs = step.event.call == Call::execve;
  if (!execs && step.event.call != Call::exit_group) return;
  for (Actor &other : actors_)
    if (other.leader == actor.leader && !(execs && &other == &actor)) other.state = State::gone;
  if (execs) actor.leader = by;
}

void StepReader::check_request(const Fields &fields, const Event &event) const {
  const bool traceme = event.request == kTraceme;
  if (!is_tracee(event.pid) && traceme)
    fields.fail("args.request", "PTRACE_TRACEME is for threads of the tracee");
  if (traceme && !company_.tracer_is_parent && actors_[event.pid].leader == who::t0)
    fields.fail("args.request", "PTRACE_TRACEME needs \"parent\":\"tracer\" in the header");
  if (event.request == kPeekSiginfo && event.data > kMaxPeeked &&
      static_cast<std::int32_t>(event.data) >= 0)
    fields.fail("args.count", "is more than " + std::to_string(kMaxPeeked));
}

// Also makes the child.
void StepReader::check_fork(const Fields &args, Event &event) {
  const pid_t child = event.child;
  if (!args.has("child")) args.text("child");  // says that it is missing
  if (!is_tracee(child)) args.fail("child", "must be one of t1 to t63");
  const bool thread = event.data & kThread;
  if (thread) event.data |= kVm | kSighand;
  if (!thread && (event.data & (kVm | kSighand)))
    args.fail("flags", "CLONE_VM and CLONE_SIGHAND need CLONE_THREAD");
  if (thread && (event.data & kParent)) args.fail("flags", "a thread has its creator's parent");
  Actor &made = actors_[child];
  if (made.leader != who::nothing && !company_.loose)
    args.fail("child", who_name(child) + " has been made before");
  made.leader = thread ? actors_[event.pid].leader : child;
  const auto alive = std::count_if(actors_.begin(), actors_.end(), [&](const Actor &a) {
    return a.leader == made.leader && a.state != State::gone;
  });
  if (alive > kMaxThreads && !company_.loose)
    args.fail("child", "more than " + std::to_string(kMaxThreads) + " threads in a process");
}

// Of somebody who may take part; of a tracee, made or not.
pid_t StepReader::any_symbol(const Fields &fields, const std::string &key) const {
  const std::string name = fields.text(key);
  const auto symbol = who_number(name);
  if (!symbol) fields.fail(key, "unknown actor \"" + name + "\"");
  if (symbol == who::parent && company_.tracer_is_parent)
    fields.fail(key, "the parent is the tracer here");
  return *symbol;
}

pid_t StepReader::symbol(const Fields &fields, const std::string &key) const {
  const pid_t symbol = any_symbol(fields, key);
  if (is_tracee(symbol) && actors_[symbol].leader == who::nothing && !company_.loose)
    fields.fail(key, "there is no " + who_name(symbol) + " with threads " +
                         std::to_string(company_.threads) + ", and no fork step before this");
  return symbol;
}

pid_t StepReader::actor(const Fields &fields, const std::string &key) const {
  const pid_t found = symbol(fields, key);
  if (found == who::none) fields.fail(key, "\"none\" cannot act");
  return found;
}

// An argument that names a thread or process.
pid_t StepReader::target(const Fields &args, const char *key, const Event &event) const {
  const bool waits = event.call == Call::wait4 || event.call == Call::waitid;
  if (waits && !args.is_string(key))
    return static_cast<pid_t>(args.integer(key, who::any_child, who::any_child));
  const pid_t found = event.call == Call::fork ? any_symbol(args, key) : symbol(args, key);
  if (found == who::world) args.fail(key, "world is no target");
  return found;
}

Expect StepReader::expect(const Fields &fields) const {
  Expect expect;
  const auto number = [&](const char *key) -> std::optional<int> {
    if (!fields.has(key)) return std::nullopt;
    return fields.status(key);
  };
  const auto role = [&](const char *key) -> std::optional<pid_t> {
    if (!fields.has(key) || !fields.is_string(key) || !who_number(fields.text(key)))
      return std::nullopt;
    return actor(fields, key);
  };
  if (fields.has("ret") && fields.is_string("ret"))
    expect.ret_pid = actor(fields, "ret");
  else if (fields.has("ret"))
    expect.ret = fields.integer("ret", LONG_MIN, LONG_MAX);
  if (fields.has("errno"))
    expect.err = static_cast<int>(fields.named("errno", 1, INT_MAX, errno_number, "errno"));
  expect.status = number("status");
  if (fields.has("siginfo_signo")) expect.siginfo_signo = fields.signal("siginfo_signo");
  expect.siginfo_code = number("siginfo_code");
  expect.siginfo_status = number("siginfo_status");
  expect.siginfo_who = role("siginfo_pid");
  if (!expect.siginfo_who) expect.siginfo_pid = number("siginfo_pid");
  if (fields.has("mask")) expect.mask = fields.signals("mask");
  expect.message_who = role("message");
  if (fields.has("message") && !expect.message_who)
    expect.message = static_cast<std::uint64_t>(
        fields.named("message", INT64_MIN, INT64_MAX, to_number, "number"));
  fields.reject_unread();
  return expect;
}

std::string who_name(pid_t symbol) {
  if (symbol == who::none) return "none";
  if (is_tracee(symbol)) return "t" + std::to_string(symbol - who::t0);
  return std::string(kNames[symbol]);
}

namespace {

using Json = nlohmann::ordered_json;

Json write_pid(pid_t symbol) {
  if (symbol == who::nothing) return {};
  return symbol == who::any_child ? Json(symbol) : Json(who_name(symbol));
}

}  // namespace

Json write_call(const Step &step) {
  Json line{{"by", write_pid(step.event.pid)}, {"call", call_name(step.event.call)}};
  if (Json args = write_args(step.event, write_pid); !args.empty()) line["args"] = args;
  if (step.async) line["async"] = true;
  return line;
}

Json write_expect(const Expect &expect) {
  Json json = Json::object();
  const auto hex = [](int word) {
    char digits[16];
    std::snprintf(digits, sizeof digits, "0x%x", static_cast<unsigned>(word));
    return std::string(digits);
  };
  const auto put = [&](const char *key, const auto &value) {
    if (value) json[key] = *value;
  };
  put("ret", expect.ret);
  if (expect.ret_pid) json["ret"] = who_name(*expect.ret_pid);
  if (expect.err) json["errno"] = errno_name(*expect.err);
  if (expect.status) json["status"] = hex(*expect.status);
  if (expect.siginfo_signo) json["siginfo_signo"] = signal_name(*expect.siginfo_signo);
  put("siginfo_code", expect.siginfo_code);
  put("siginfo_status", expect.siginfo_status);
  put("siginfo_pid", expect.siginfo_pid);
  if (expect.siginfo_who) json["siginfo_pid"] = who_name(*expect.siginfo_who);
  put("message", expect.message);
  if (expect.message_who) json["message"] = who_name(*expect.message_who);
  if (expect.mask) {
    json["mask"] = Json::array();
    for (int sig = 1; sig <= 64; ++sig)
      if (*expect.mask >> (sig - 1) & 1) json["mask"].push_back(signal_name(sig));
  }
  return json;
}

Expect resolved(Expect expect, const std::function<pid_t(pid_t)> &tid) {
  if (expect.ret_pid) expect.ret = tid(*expect.ret_pid);
  if (expect.siginfo_who) expect.siginfo_pid = tid(*expect.siginfo_who);
  if (expect.message_who) expect.message = static_cast<std::uint64_t>(tid(*expect.message_who));
  expect.ret_pid = expect.siginfo_who = expect.message_who = std::nullopt;
  return expect;
}

std::string text(const Expect &expect) {
  std::string all;
  const Json shown = write_expect(expect);
  for (const auto &[key, value] : shown.items())
    all += (all.empty() ? "" : ", ") + key + " " +
           (value.is_string() ? value.get<std::string>() : value.dump());
  return all.empty() ? "anything" : all;
}

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
  check("siginfo signo", expect.siginfo_signo, info(&Siginfo::signo));
  check("siginfo pid", expect.siginfo_pid, info(&Siginfo::pid));
  check("siginfo code", expect.siginfo_code, info(&Siginfo::code));
  check("siginfo status", expect.siginfo_status, info(&Siginfo::status));
  check("message", expect.message, made.message);
  check("mask", expect.mask, std::optional(made.mask));
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
  Json header{{"format", "ptmc-scenario"},
              {"version", 1},
              {"name", scenario.name},
              {"about", scenario.about},
              {"semantics", scenario.semantics},
              {"design", scenario.design},
              {"threads", scenario.threads},
              {"parent", scenario.tracer_is_parent ? "tracer" : "separate"}};
  if (scenario.loose) header["loose"] = true;
  if (scenario.orphaned) header["orphaned"] = true;
  std::string text = header.dump() + '\n';
  for (const Step &step : scenario.steps) {
    Json line;
    switch (step.kind) {
      case Step::Kind::call:
        line = write_call(step);
        break;
      case Step::Kind::join:
        line = {{"join", write_pid(step.event.pid)}};
        break;
      case Step::Kind::await_state:
        line = {{"await", {{"pid", write_pid(step.event.target)}, {"state", step.states}}}};
        break;
      case Step::Kind::await_pending:
        line = {{"await", {{"pid", write_pid(step.event.target)}, {"pending", step.pending}}}};
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
