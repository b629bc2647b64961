// What a vector has is written as initialisers of selftest.c's records, fields that are 0 left out.
#include "tools/vectors/export_c.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sched.h>
#include <string.h>

#include <algorithm>

#include "traces/jsonl.hpp"

// The runner that all files begin with.
asm(R"(
  .section .rodata
  .globl ptmc_selftest, ptmc_selftest_end
ptmc_selftest:
  .incbin ")" PTMC_SELFTEST R"("
ptmc_selftest_end:
  .previous
)");
extern "C" const char ptmc_selftest[], ptmc_selftest_end[];

namespace ptmc::vectors {
namespace {

using traces::Call;
using traces::Event;
using traces::Expect;
using traces::Outcome;
using traces::Vector;
namespace who = traces::who;

std::string upper(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return std::toupper(c); });
  return text;
}

std::string who_c(pid_t symbol) {
  if (symbol == who::any_child) return "ANY_CHILD";
  if (symbol > who::t3 && symbol < who::none) return fmt::format("T0 + {}", symbol - who::t0);
  return upper(traces::who_name(symbol));
}

// Names that C has too.
std::string signal_c(int sig) {
  return sig > 0 && sig < 32 ? traces::signal_name(sig) : std::to_string(sig);
}
std::string errno_c(int err) {
  const char *name = strerrorname_np(err);
  return name ? name : std::to_string(err);
}

std::string number_c(std::uint64_t number) {
  return number < 10 ? std::to_string(number) : fmt::format("{:#x}", number);
}

std::string text_c(const std::string &text) {
  std::string all = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') all += '\\';
    all += c;
  }
  return all + '"';
}

std::string call_c(const Event &e) {
  std::string all = fmt::format(".by = {}, .call = CALL_{}", who_c(e.pid),
                                upper(std::string(traces::call_name(e.call))));
  const auto put = [&](const char *field, bool there, const std::string &value) {
    if (there) all += fmt::format(", .{} = {}", field, value);
  };
  put("request", e.call == Call::ptrace, traces::request_name(e.request));
  put("target", e.target != who::nothing, who_c(e.target));
  put("tgid", e.tgid != who::nothing, who_c(e.tgid));
  put("child", e.child != who::nothing, who_c(e.child));
  put("sig", e.sig != 0, signal_c(e.sig));
  put("options", e.options != 0, traces::wait_options_name(e.options));
  put("how", e.how != 0, std::to_string(e.how));
  put("addr", e.addr != 0, number_c(e.addr));
  put("data", e.data != 0, number_c(e.data));
  put("mask", e.mask != 0, number_c(e.mask));
  constexpr std::array kDispositions{"DEFAULT", "IGNORE", "HANDLE"};
  put("disposition", e.call == Call::rt_sigaction,
      kDispositions[static_cast<std::size_t>(e.disposition)]);
  put("unreadable", e.unreadable, "1");
  put("has_siginfo", e.siginfo.has_value(), "1");
  if (e.siginfo)
    put("siginfo", true,
        fmt::format("{{{}, {}, {}, {}}}", e.siginfo->signo, e.siginfo->code, e.siginfo->pid,
                    e.siginfo->status));
  return all;
}

std::string shows_c(const Expect &e) {
  std::vector<std::string> has, fields;
  const auto put = [&](const char *flag, const char *field, const auto &value, auto &&text) {
    if (!value) return;
    has.push_back(flag);
    fields.push_back(fmt::format(".{} = {}", field, text(*value)));
  };
  const auto number = [](auto value) { return std::to_string(value); };
  put("RET", "ret", e.ret, number);
  put("RET_WHO", "ret", e.ret_pid, who_c);
  put("ERR", "err", e.err, errno_c);
  put("STATUS", "status", e.status, [](int s) { return number_c(static_cast<unsigned>(s)); });
  put("SIGNO", "siginfo.signo", e.siginfo_signo, signal_c);
  put("CODE", "siginfo.code", e.siginfo_code, number);
  put("SIG_STATUS", "siginfo.status", e.siginfo_status, number);
  put("SIG_PID", "siginfo.pid", e.siginfo_pid, number);
  put("SIG_WHO", "siginfo.pid", e.siginfo_who, who_c);
  put("MESSAGE", "message", e.message, number_c);
  put("MESSAGE_WHO", "message", e.message_who, who_c);
  put("MASK", "mask", e.mask, number_c);
  if (has.empty()) return "";
  return fmt::format(".shows = {{.has = {}, {}}}, ", fmt::join(has, " | "),
                     fmt::join(fields, ", "));
}

std::string outcome_c(const Outcome &o) {
  std::string handlers;
  for (const traces::Ran &ran : o.handlers.value_or(std::vector<traces::Ran>()))
    handlers += fmt::format("{{{}, {}}}, ", who_c(ran.by), signal_c(ran.sig));
  if (!handlers.empty())
    handlers = fmt::format(".handlers = (const struct ran[]){{{}{{0}}}}, ", handlers);
  if (!o.handlers) handlers = ".any_handlers = 1, ";
  const std::string next = o.next == Outcome::kPassed  ? "PASSED"
                           : o.next == Outcome::kAside ? "ASIDE"
                                                       : std::to_string(o.next);
  return fmt::format("{{{}.states = \"{}\", {}.next = {}}}", shows_c(o.shows), o.states, handlers,
                     next);
}

std::string vector_c(const Vector &v) {
  std::string all =
      fmt::format("    // {}; {}\n    {{.id = {},\n     .about = {},\n     .threads = {},\n",
                  fmt::join(v.covers, ", "), fmt::join(v.semantics, ", "), text_c(v.id),
                  text_c(v.about), v.started);
  if (v.tracer_is_parent) all += "     .tracer_is_parent = 1,\n";
  if (v.orphaned) all += "     .orphaned = 1,\n";
  if (v.reaped) all += "     .reaped = 1,\n";
  if (v.filtered) all += "     .filtered = 1,\n";
  const auto version = [&](const char *field, traces::KernelVersion is) {
    if (is != traces::KernelVersion())
      all += fmt::format("     .{} = VERSION({}, {}),\n", field, is.major, is.minor);
  };
  version("since", v.needs.since);
  version("until", v.needs.until);
  if (v.needs.seccomp) all += "     .seccomp = 1,\n";
  all += "     .steps = (const struct step[]){\n";
  for (const traces::VectorStep &step : v.steps) {
    all += fmt::format("         {{CALL({}){},\n          .outcomes = (const struct outcome[]){{\n",
                       call_c(step.call.event), step.call.async ? ", .async = 1" : "");
    for (const Outcome &o : step.outcomes) all += fmt::format("              {},\n", outcome_c(o));
    all += "              {.states = NULL}}},\n";
  }
  return all + "         {.text = NULL}}},\n";
}

// What comes before the runner: what this is, and how to use it.
std::string head(const traces::Vectors &vectors, const std::string &name) {
  return fmt::format(
      R"(// Conformance vectors for ptrace's stop states: what a kernel may show according to {}.
// Written by `ptmc vectors export`; change the vectors, not this.
//
//   gcc -std=gnu11 -O2 -Wall -Werror -o {} {}.c && ./{}
//
// Prints TAP. Exit code 0: all passed; 1: one failed; 4: ptrace is not permitted, or none came to a
// verdict. Root gets it a PID namespace of its own.

)",
      vectors.kernel.empty() ? vectors.design
                             : fmt::format("{} of Linux {}", vectors.design, vectors.kernel),
      name, name, name);
}

}  // namespace

std::vector<CFile> export_c(const traces::Vectors &vectors, std::size_t most) {
  std::vector<std::pair<std::string, std::vector<const Vector *>>> groups;
  for (const Vector &v : vectors.all) {
    std::string group = v.id.substr(0, std::min(v.id.rfind('/'), v.id.size()));
    std::replace_if(
        group.begin(), group.end(),
        [](unsigned char c) { return !std::isalnum(c) && c != '.' && c != '_'; }, '-');
    const auto found =
        std::find_if(groups.begin(), groups.end(), [&](const auto &g) { return g.first == group; });
    (found != groups.end() ? *found : groups.emplace_back(group, std::vector<const Vector *>()))
        .second.push_back(&v);
  }
  std::vector<CFile> files;
  for (const auto &[group, members] : groups)
    for (std::size_t from = 0; from < members.size(); from += most) {
      const std::string name =
          members.size() > most ? fmt::format("{}-part{}", group, from / most + 1) : group;
      std::string text = head(vectors, name);
      text.append(ptmc_selftest, ptmc_selftest_end);
      text += "\n// ---- The vectors ----\n\nstatic const struct vector vectors[] = {\n";
      for (std::size_t k = from; k < std::min(from + most, members.size()); ++k)
        text += vector_c(*members[k]);
      text +=
          "};\n\nint main(void) { return run_vectors(vectors, sizeof vectors / sizeof *vectors); "
          "}\n";
      files.push_back({name + ".c", std::move(text)});
    }
  return files;
}

}  // namespace ptmc::vectors
