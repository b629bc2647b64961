#include "impossible.hpp"

#include <algorithm>
#include <fstream>

namespace ptmc::impossible {
namespace {

// They leave every tracee where it is.
bool harmless(const Recording &r, std::size_t i) {
  static const std::set<std::string> calls{"wait4",   "waitid",         "proc_state",
                                           "sigchld", "handler",        "user",
                                           "getpid",  "rt_sigprocmask", "rt_sigaction"};
  if (calls.count(r.calls[i]["call"])) return true;
  return r.requests(
             i, {"GETSIGINFO", "GETEVENTMSG", "GETSIGMASK", "PEEKSIGINFO", "GET_SYSCALL_INFO"}) ||
         (r.is(i, "ptrace") && !r.may_be_ok(i));
}

}  // namespace

Recording::Recording(const std::filesystem::path &file) : name(file.stem()) {
  std::ifstream in(file);
  std::string line;
  std::getline(in, line);
  header = json::parse(line);
  while (std::getline(in, line)) calls.push_back(json::parse(line));
}

std::int64_t Recording::end(std::size_t i) const {
  return calls[i]["t1"].is_null() ? INT64_MAX : calls[i]["t1"].get<std::int64_t>();
}

std::string Recording::request(std::size_t i) const {
  if (!is(i, "ptrace") || !calls[i]["args"]["request"].is_string()) return "";
  const std::string all = calls[i]["args"]["request"];
  return all.starts_with("PTRACE_") ? all.substr(7) : "";  // else a number
}

bool Recording::requests(std::size_t i, std::initializer_list<const char *> any) const {
  const std::string name_of = request(i);
  return std::find(any.begin(), any.end(), name_of) != any.end();
}

bool Recording::has_option(std::size_t i, const char *option) const {
  const std::string all = "|" + calls[i]["args"].value("options", "") + "|";
  return all.find("|" + std::string(option) + "|") != all.npos;
}

std::optional<Report> Recording::report(std::size_t i) const {
  if (!is(i, "wait4") || !ok(i) || calls[i]["ret"] == 0 || !calls[i].contains("status")) return {};
  return Report{calls[i]["ret"], calls[i]["status"]};
}

std::vector<int> Recording::tids() const {
  std::vector<int> all;
  for (const json &p : header["processes"])
    for (const json &tid : p["threads"]) all.push_back(tid);
  for (std::size_t i = 0; i < size(); ++i)
    if (is(i, "fork") && calls[i]["args"].contains("child"))
      all.push_back(calls[i]["args"]["child"]);
  return all;
}

int Recording::process(int tid) const {
  for (const json &p : header["processes"])
    for (const json &one : p["threads"])
      if (one == tid) return p["pid"];
  for (std::size_t i = 0; i < size(); ++i)
    if (is(i, "fork") && calls[i]["args"].value("child", 0) == tid)
      return calls[i].dump().find("CLONE_THREAD") != std::string::npos ? process(caller(i)) : tid;
  return 0;
}

std::string Recording::role(int tid) const {
  for (const json &p : header["processes"])
    if (p["pid"] == process(tid)) return p["role"];
  return "tracee";
}

bool Recording::alone(int tid) const {
  const std::vector<int> all = tids();
  return std::count_if(all.begin(), all.end(),
                       [&](int other) { return process(other) == process(tid); }) == 1;
}

bool Recording::speaks_of(int sig, const char *sig_name) const {
  return std::any_of(calls.begin(), calls.end(), [&](const json &call) {
    json said = call;
    said.erase("siginfo");  // what came of it
    const json &args = call["args"];
    const bool number = args.contains("data") && args["data"] == sig;
    const bool forged = args.contains("siginfo") && args["siginfo"]["signo"] == sig;
    return number || forged || said.dump().find(sig_name) != std::string::npos;
  });
}

bool Recording::uses(std::initializer_list<const char *> any) const {
  for (std::size_t i = 0; i < size(); ++i)
    if (requests(i, any)) return true;
  return false;
}

std::uint64_t Recording::options() const {
  std::uint64_t all = 0;
  for (std::size_t i = 0; i < size(); ++i)
    if (requests(i, {"SEIZE", "SETOPTIONS"})) all |= calls[i]["args"].value("data", 0ULL);
  return all;
}

bool Recording::ids_move() const {
  bool execs = false;
  for (const json &call : calls) execs = execs || call["call"] == "execve";
  const std::vector<int> all = tids();
  return execs && !std::all_of(all.begin(), all.end(),
                               [&](int tid) { return role(tid) != "tracee" || alone(tid); });
}

bool Recording::ever(int tid, std::initializer_list<const char *> attach) const {
  for (std::size_t i = 0; i < size(); ++i) {
    const int who = request(i) == "TRACEME" ? caller(i) : target(i);
    if (requests(i, attach) && may_be_ok(i) && (who == tid || ids_move())) return true;
    if (is(i, "fork") && calls[i]["args"].value("child", 0) == tid && ever(caller(i), attach))
      return true;
  }
  return false;
}

bool Recording::ever_attaches(int tid) const {
  for (std::size_t i = 0; i < size(); ++i)
    if (may_be_ok(i) &&
        (requests(i, {"TRACEME"}) || (requests(i, {"SEIZE", "ATTACH"}) && caller(i) == tid)))
      return true;
  return false;
}

bool Recording::foreign_tracer(int tid) const {
  bool parent = false;
  for (const json &p : header["processes"]) parent = parent || p["role"] == "parent";
  for (std::size_t i = 0; i < size(); ++i)
    if (is(i, "fork") && process(caller(i)) == process(tid)) return false;
  return parent && role(tid) == "tracer";
}

std::optional<Report> Recording::still_in(std::size_t i, int tid) const {
  if (!alone(tid) || ids_move()) return {};
  std::optional<std::size_t> last;
  for (std::size_t j = 0; j < size(); ++j) {
    const auto reported = report(j);
    if (!reported || reported->tid != tid || !foreign_tracer(caller(j))) continue;
    if (before(j, i) && (!last || before(*last, j))) last = j;
  }
  if (!last || !report(*last)->stop()) return {};
  for (std::size_t k = 0; k < size(); ++k) {
    const bool meanwhile = end(k) >= begin(*last) && begin(k) <= end(i);
    if (k != *last && k != i && meanwhile && caller(k) != tid && !harmless(*this, k)) return {};
  }
  return report(*last);
}

bool Recording::acts_after(std::size_t i, int tid) const {
  for (std::size_t k = 0; k < size(); ++k)
    if (before(i, k) && caller(k) == tid) return !ids_move();
  return false;
}

bool Recording::reaped_before(std::size_t i, int tid) const {
  for (std::size_t k = 0; k < size(); ++k) {
    const auto reported = report(k);
    if (reported && reported->tid == tid && reported->death() && before(k, i) &&
        process(caller(k)) == process(caller(i)))
      return true;
  }
  return false;
}

bool Recording::attached_across(std::size_t i, int tid) const {
  bool earlier = false, later = false;
  for (std::size_t k = 0; k < size(); ++k) {
    if (target(k) == tid && requests(k, {"SEIZE", "ATTACH"}) && may_be_ok(k) && k != i) {
      if (!before(k, i) || caller(k) != caller(i)) return false;
      earlier = true;
    }
    if (caller(k) == caller(i) && target(k) == tid && before(i, k) && ok(k) && is(k, "ptrace"))
      later = true;
  }
  return earlier && later && !ids_move() && !uses({"TRACEME"});
}

Recording Recording::with(std::size_t i, json call) const {
  Recording longer = *this;
  call["t0"] = begin(i) - 2;
  call["t1"] = begin(i) - 1;
  longer.calls.insert(longer.calls.begin() + static_cast<std::ptrdiff_t>(i), std::move(call));
  return longer;
}

std::vector<std::size_t> Recording::quiet_places() const {
  std::vector<std::size_t> all;
  std::int64_t ended = 0;
  for (std::size_t i = 0; i < size(); ++i) {
    if (i > 0 && begin(i) - 4 > ended) all.push_back(i);
    const bool exits = is(i, "exit") || is(i, "exit_group");
    if (!exits) ended = std::max(ended, end(i));
  }
  return all;
}

}  // namespace ptmc::impossible
