#include "checker/counterexample.hpp"

#include <algorithm>
#include <span>
#include <stdexcept>

#include "model/sigchld.hpp"

namespace ptmc::checker {

using namespace model;  // NOLINT: names of the whole file

namespace {

using Names = std::span<const std::string_view>;

constexpr std::string_view kTraced[] = {"no", "attached", "seized"};
constexpr std::string_view kJobs[] = {"none", "stopped", "continued"};
constexpr std::string_view kInfo[] = {"user", "tkill", "kernel", "tracer", "step"};
constexpr std::string_view kCall[] = {"none",       "plain",     "pause",    "sleep", "exit",
                                      "exit_group", "sigreturn", "filtered", "exec",  "fork",
                                      "vfork",      "clone",     "spawn"};
static_assert(std::size(kInfo) == static_cast<std::size_t>(Info::step) + 1);
static_assert(std::size(kCall) == static_cast<std::size_t>(SysCall::spawn) + 1);
constexpr std::string_view kCause[] = {"none",        "group",  "interrupt", "sigcont",
                                       "auto-attach", "attach", "stale"};
constexpr std::string_view kDisposition[] = {"default", "ignored", "handled"};
constexpr std::string_view kSigchld[] = {"none",    "exited",  "killed",   "dumped",
                                         "trapped", "stopped", "continued"};
static_assert(kSigchld[kCldTrapped] == "trapped" && kSigchld[kCldContinued] == "continued");

std::string named(Names names, Value v) {
  return v < names.size() ? std::string(names[v]) : std::to_string(v);
}

std::string signal(Value v) {
  return v == NONE ? "none" : v < SIG_COUNT ? std::string(kSignals[v].name) : std::to_string(v);
}

std::string status(Value v) {
  return v < kExitCodes ? std::to_string(v) : signal(v - killed_by(NONE));
}

template <class Array>
bool contains(const Array &fields, Field f) {
  return std::find(fields.begin(), fields.end(), f) != fields.end();
}

}  // namespace

std::string value_text(const Schema &schema, Field f, Value v) {
  const auto of_sigchld = [&](const model::SigchldFields &chld) {
    return f == chld.code ? named(kSigchld, v) : f == chld.status ? status(v) : "";
  };
  for (const model::TracerFields &tracer : schema.tracers) {
    if (f == tracer.attaching) return v == 0 ? "none" : "t" + std::to_string(v - 1);
    if (const std::string text = of_sigchld(tracer.chld); !text.empty()) return text;
  }
  if (const std::string text = of_sigchld(schema.parent.chld); !text.empty()) return text;
  for (const ProcessFields &p : schema.process) {
    if (f == p.jobs || f == p.cld) return named(kJobs, v);
    if (f == p.stop_code) return signal(v);
    if (f == p.death) return status(v);
    if (contains(p.disposition, f)) return named(kDisposition, v);
  }
  if (const int t = schema[f].thread; t >= 0) {
    const ThreadFields &x = schema.thread[static_cast<std::size_t>(t)];
    if (f == x.loc) return named(kLocNames, v);
    if (f == x.sig || f == x.stopsig) return signal(v);
    if (f == x.info || contains(x.kinfo, f)) return named(kInfo, v);
    if (f == x.call) return named(kCall, v);
    if (f == x.status) return status(v);
    if (f == x.tracing) return named(kTraced, v);
    if (f == x.cause || f == x.trap_cause) return named(kCause, v);
  }
  return std::to_string(v);
}

std::string field_text(const Schema &schema, Field f) {
  const FieldInfo &i = schema[f];
  if (i.thread >= 0) return "t" + std::to_string(i.thread) + "." + i.name;
  return i.process > 0 ? "p" + std::to_string(i.process) + "." + i.name : i.name;
}

std::vector<TraceStep> trace_steps(const Model &model, const Counterexample &trace) {
  const Schema &schema = model.schema;
  std::vector<TraceStep> steps;
  for (std::size_t i = 0; i < trace.instances.size(); ++i) {
    const Instance &instance = model.instances[trace.instances[i]];
    const State &before = trace.states[i], &after = trace.states[i + 1];
    TraceStep &step = steps.emplace_back();
    step.number = static_cast<int>(i + 1);
    step.actor = kActorNames[static_cast<std::size_t>(instance.rule->actor)];
    step.rule = instance.rule->id;
    step.parameters = instance.parameters;
    step.effect = instance.rule->effect;
    step.functions = instance.rule->functions;
    for (Field f = 0; f < schema.size(); ++f) {
      const Value from = schema.get(before, f), to = schema.get(after, f);
      if (from != to)
        step.changes.push_back(
            {field_text(schema, f), value_text(schema, f, from), value_text(schema, f, to)});
    }
    for (int t = 0; t < model.threads(); ++t)
      step.stop_kinds.emplace_back(
          kStopKindNames[static_cast<std::size_t>(stop_kind(schema, after, t))]);
  }
  return steps;
}

std::string trace_text(const std::vector<TraceStep> &steps) {
  std::string text;
  for (const TraceStep &s : steps) {
    std::string number = std::to_string(s.number);
    number.insert(0, number.size() < 4 ? 4 - number.size() : 0, ' ');
    text += number + ". " + s.actor + ": " + s.rule + "(" + s.parameters + ")  " + s.effect + "\n";
    for (const TraceChange &c : s.changes)
      text += "        " + c.field + ": " + c.from + " -> " + c.to + "\n";
    text += "      now";
    for (std::size_t t = 0; t < s.stop_kinds.size(); ++t)
      text += std::string(t ? "," : "") + " t" + std::to_string(t) + " " + s.stop_kinds[t];
    text += "\n";
  }
  return text;
}

void replay(const Interpreter &interpreter, const Counterexample &trace) {
  auto fail = [&](std::size_t step, const char *what) {
    throw std::logic_error("trace does not replay: step " + std::to_string(step + 1) + what);
  };
  if (trace.states.size() != trace.instances.size() + 1 ||
      trace.states[0] != interpreter.model.initial())
    throw std::logic_error("trace does not begin in the initial state");
  for (std::size_t i = 0; i < trace.instances.size(); ++i) {
    State next;
    if (!interpreter.step(trace.instances[i], trace.states[i], next)) fail(i, " is not enabled");
    if (next != trace.states[i + 1]) fail(i, " leads elsewhere");
  }
}

}  // namespace ptmc::checker
