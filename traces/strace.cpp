// A strace log becomes an open-world trace, a line at a time:
//
//   PID TIME CALL(ARGUMENTS) = RESULT <DURATION>   one event
//   ... CALL(ARGUMENTS <unfinished ...>            an event that has not returned, until the line
//   ... <... CALL resumed>ARGUMENTS) = RESULT      of the same thread that completes it
//   ... --- SIGCHLD {si_signo=SIGCHLD, ...} ---    the thread took a SIGCHLD (others: `other`)
//   ... +++ exited with 0 +++                      the thread died
//   stack lines of -k, messages of strace          nothing
//
// The order of the lines is worth more than their times: strace lets a thread into a call after it
// prints the line, and prints the result before it handles the next thread. So a call on one line
// is over before the next line, whatever their clocks say. Times that do not rise (-t has whole
// seconds, a clock is set back, no -t at all) are therefore moved up to 1 ns after the line before.
//
// A signal and a death are printed only after they happened. Their interval begins where the
// thread's event before them ends.
#include "traces/strace.hpp"
#include <algorithm>
#include <csignal>
#include <unordered_map>
#include <utility>
#include "model/input_error.hpp"
#include "traces/strace_call.hpp"
#include "traces/strace_leader.hpp"
#include "traces/strace_value.hpp"

namespace ptmc::traces {
namespace {

using strace::expected;
using strace::Malformed;
using strace::skip;
using strace::skip_spaces;

constexpr std::size_t kNone = SIZE_MAX;
constexpr std::uint64_t kNotEnded = UINT64_MAX;

class Log {
 public:
  // Throws Malformed; the line has then made no event.
  void read_line(std::string_view line, int number);
  bool empty() const { return events_.empty(); }
  Trace finish(const std::string &file);

 private:
  struct Thread {
    std::size_t last = kNone;  // its last event
    bool inside = false;       // that event is a call which has not returned
    std::string begun;         // the part of that call which was printed; empty: all of it
  };

  bool is_remark(std::string_view line);
  void read_call(pid_t pid, std::string_view text, bool resumed);
  void read_resumed(pid_t pid, std::string_view text);
  void read_signal(pid_t pid, std::string_view text);
  void read_end(pid_t pid, std::string_view text);
  // An event that the line reports when it is over; it happened after the thread's event before.
  Event reported(pid_t pid) const;
  void add(const Event &event);

  strace::Callers callers_;
  strace::Clock clock_;
  std::uint64_t now_ = 0;  // of the line being read
  int line_ = 0;
  std::vector<Event> events_;
  std::unordered_map<pid_t, Thread> threads_;
  std::size_t single_ = kNone;  // a call on one line, over before the next
  std::string begun_line_;      // a line that a message of strace interrupted
  std::vector<pid_t> newborn_;  // those that these messages were about
};

void Log::read_line(std::string_view line, int number) {
  if (is_remark(line)) return;
  std::string joined;
  if (!begun_line_.empty()) line = joined = std::exchange(begun_line_, {}).append(line);
  const auto unnamed = threads_.find(0);
  const pid_t pid = callers_.skip_pid(line, unnamed != threads_.end() && unnamed->second.inside);
  for (const pid_t child : std::exchange(newborn_, {})) callers_.attached(child, false);
  now_ = clock_.skip_time(line, number);
  line_ = number;
  while (line.starts_with('[')) {  // -n, -i
    const std::size_t end = line.find(']');
    if (end == line.npos) expected("a call, a signal or an exit", line);
    line.remove_prefix(end + 1);
    skip_spaces(line);
  }
  if (const pid_t first = callers_.first(); first != 0 && unnamed != threads_.end()) {
    for (Event &event : events_)
      if (event.pid == 0) event.pid = first;
    auto thread = threads_.extract(unnamed);
    thread.key() = first;
    threads_.insert(std::move(thread));
  }
  if (single_ != kNone) events_[single_].t1 = std::min(events_[single_].t1, now_ - 1);
  single_ = kNone;

  if (skip(line, "--- "))
    read_signal(pid, line);
  else if (skip(line, "+++ "))
    read_end(pid, line);
  else if (skip(line, "<... "))
    read_resumed(pid, line);
  else
    read_call(pid, line, false);
}

// "strace: Process 1234 attached" also breaks lines: it appears where another line has only begun.
bool Log::is_remark(std::string_view line) {
  const std::string_view all = line;
  skip_spaces(line);
  if (line.empty() || line[0] == '>' || line[0] == '|') return true;  // -k, -e read
  const bool whole = line.starts_with("strace: ") || line.starts_with("Process ") ||
                     line.starts_with("[ Process ");
  if (!whole && !line.ends_with(" attached")) return false;

  const std::size_t at = all.rfind("Process ");
  if (at == all.npos) return whole;
  line = all.substr(at + 8);
  const auto pid = strace::skip_digits(line);
  if (!pid || *pid > strace::kPidLimit || !line.starts_with(" attached")) return whole;
  std::string_view begun = all.substr(0, at);
  if (begun.ends_with("strace: ")) begun.remove_suffix(8);
  if (begun.ends_with('/'))  // /usr/bin/strace: Process 1234 attached
    begun = begun.substr(0, begun.find_last_of(" |,") + 1);
  begun_line_ += begun;
  if (begun_line_.empty())
    callers_.attached(static_cast<pid_t>(*pid), empty());
  else
    newborn_.push_back(static_cast<pid_t>(*pid));
  return true;
}

void Log::read_call(pid_t pid, std::string_view text, bool resumed) {
  constexpr std::string_view kUnfinished = "<unfinished ...>", kDetached = "<detached ...>";
  const bool unfinished = text.ends_with(kUnfinished);
  const bool returned = !unfinished && !text.ends_with(kDetached);
  if (unfinished) text.remove_suffix(kUnfinished.size());
  if (!returned && !unfinished) text.remove_suffix(kDetached.size());

  const strace::CallText call = strace::split_call(text, returned);
  Event event;
  event.pid = pid;
  event.t0 = now_;
  event.line = line_;
  strace::decode_call(call, event);
  if (event.call == Call::fork && event.ret.value_or(0) > 0)
    callers_.forked(static_cast<pid_t>(*event.ret));

  Thread &thread = threads_[pid];
  if (resumed) {
    Event &begun = events_[thread.last];
    event.pid = begun.pid;  // another one, if the thread became its group's leader by execve
    event.t0 = begun.t0;
    if (event.ret) event.t1 = now_;
    begun = event;
  } else {
    if (const auto time = event.ret ? strace::duration(*call.result) : std::nullopt)
      event.t1 = now_ + *time;
    add(event);
    if (event.ret) single_ = thread.last;
  }
  thread.inside = !event.ret;
  thread.begun = returned ? "" : text;
}

void Log::read_resumed(pid_t pid, std::string_view text) {
  constexpr std::string_view kResumed = " resumed>";
  const std::size_t end = text.find(kResumed);
  if (end == text.npos) expected("<... CALL resumed>", text);
  const std::string_view name = text.substr(0, end);
  const auto thread = threads_.find(pid);
  if (thread == threads_.end() || !thread->second.inside ||
      !thread->second.begun.starts_with(std::string(name) + "("))
    throw Malformed{std::string(name.substr(0, 30)) + " resumes, but thread " +
                    std::to_string(pid) + " was not inside it"};
  // Not `begun` itself: read_call changes it.
  const std::string whole = thread->second.begun + std::string(text.substr(end + kResumed.size()));
  read_call(pid, whole, true);
}

// SIGCHLD {si_signo=SIGCHLD, ...} ---
// stopped by SIGSTOP ---
void Log::read_signal(pid_t pid, std::string_view text) {
  constexpr std::string_view kEnd = " ---";
  const std::string_view all = text;
  if (!text.ends_with(kEnd)) expected("a signal, and --- at the end", all);
  text.remove_suffix(kEnd.size());
  const bool stopped = skip(text, "stopped by ");
  Event event = reported(pid);
  if (strace::signal(text) == SIGCHLD && !stopped) {
    event.call = Call::sigchld;
    if (const auto brace = text.find('{'); brace != text.npos)  // strace before 4.7 shows none
      event.siginfo = strace::siginfo(text.substr(brace));
  }
  add(event);
}

// exited with 0 +++
// killed by SIGSEGV (core dumped) +++
// superseded by execve in pid 1234 +++
void Log::read_end(pid_t pid, std::string_view text) {
  constexpr std::string_view kEnd = " +++";
  const std::string_view all = text;
  if (!text.ends_with(kEnd)) expected("an exit, and +++ at the end", all);
  text.remove_suffix(kEnd.size());
  Event event = reported(pid);
  event.call = Call::died;
  if (skip(text, "exited with ")) {
    event.status = static_cast<int>(strace::number(text, "an exit code")) << 8;
  } else if (skip(text, "killed by ")) {
    event.status = strace::signal(text) | (text.ends_with("(core dumped)") ? 0x80 : 0);
  } else if (skip(text, "superseded by execve in pid ")) {
    const pid_t from = strace::pid(text);
    event.call = Call::other;
    add(event);
    // The line that completes the execve carries the leader's pid.
    if (const auto thread = threads_.find(from); thread != threads_.end() && from != pid) {
      threads_[pid] = Thread(std::move(thread->second));
      threads_.erase(from);
    }
    callers_.died(from);
    return;
  } else {
    expected("how the thread ended", all);
  }
  add(event);
  threads_.erase(pid);
  callers_.died(pid);
}

Event Log::reported(pid_t pid) const {
  Event event;
  event.pid = pid;
  event.ret = 0;
  event.t0 = event.t1 = now_;
  event.line = line_;
  if (const auto thread = threads_.find(pid); thread != threads_.end()) {
    const Event &last = events_[thread->second.last];
    event.t0 = last.t1 == kNotEnded ? last.t0 : last.t1;
  }
  return event;
}

void Log::add(const Event &event) {
  Thread &thread = threads_[event.pid];
  if (thread.inside) events_[thread.last].t1 = now_;  // it never returned, and here the thread is
  thread.inside = false;
  thread.last = events_.size();
  events_.push_back(event);
}

Trace Log::finish(const std::string &file) {
  if (single_ != kNone && events_[single_].t1 == kNotEnded)
    events_[single_].t1 = events_[single_].t0;
  const auto before = [](const Event &a, const Event &b) { return a.t0 < b.t0; };
  if (!std::is_sorted(events_.begin(), events_.end(), before))
    std::stable_sort(events_.begin(), events_.end(), before);
  Trace trace;
  trace.file = file;
  trace.world = World::open;
  trace.tracer = events_.front().pid;
  trace.events = std::move(events_);
  return trace;
}

// Whether a last line without a newline, which can be read, may be the beginning of another: of
// "= 12" nobody knows whether the 34 after it was lost.
bool may_go_on(std::string_view line) {
  return !line.empty() && line.back() >= '0' && line.back() <= '9' && !line.ends_with("= 0");
}

}  // namespace

Trace read_strace(std::istream &in, const std::string &file) {
  constexpr const char *kNoLog = "not a ptmc trace and not a strace log";
  Log log;
  std::string line;
  if (in.peek() == '\0') throw InputError(file, 0, kNoLog);  // may have no end of line at all
  for (int number = 1; std::getline(in, line); ++number) {
    const bool cut = in.eof();
    if (cut && may_go_on(line)) break;
    if (line.ends_with('\r')) line.pop_back();
    try {
      log.read_line(line, number);
    } catch (const Malformed &malformed) {
      if (cut) break;
      throw InputError(file, number, log.empty() ? kNoLog : malformed.what);
    }
  }
  if (in.bad()) throw InputError(file, 0, "cannot be read");
  if (log.empty()) throw InputError(file, 0, kNoLog);
  return log.finish(file);
}

}  // namespace ptmc::traces
