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
//
// Events come out in the order of the lines that complete them; but a request, a signal sent or a
// fork that has not returned comes before all that others did meanwhile, which is held back for it.
#include "traces/strace.hpp"
#include <algorithm>
#include <csignal>
#include <cstring>
#include <deque>
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

constexpr std::uint64_t kNotEnded = UINT64_MAX;
constexpr const char *kNoLog = "not a ptmc trace and not a strace log";
constexpr std::size_t kLongest = 64 << 20;  // bytes of a line
constexpr const char *kTooLong = "the line is longer than 64 MiB";
constexpr std::size_t kMostHeld = 4096;  // events

// The lines of a file, without their ends.
class Lines {
 public:
  explicit Lines(std::istream &in) : in_(in) {}
  // Nothing at the end of the file. Throws Malformed.
  std::optional<std::string_view> next();
  bool cut() const { return cut_; }  // the last line had no end
  void rewind() {
    in_.clear();
    in_.seekg(0);
    at_ = end_ = 0;
    cut_ = false;
  }

 private:
  std::istream &in_;
  std::string buffer_;
  std::size_t at_ = 0, end_ = 0;  // what of the buffer is not yet read
  bool cut_ = false;
};

std::optional<std::string_view> Lines::next() {
  for (std::size_t searched = at_;;) {
    const void *found = std::memchr(buffer_.data() + searched, '\n', end_ - searched);
    if (found || (!in_ && at_ < end_)) {
      const std::size_t end =
          found ? static_cast<std::size_t>(static_cast<const char *>(found) - buffer_.data())
                : end_;
      const std::string_view line(buffer_.data() + at_, end - at_);
      cut_ = !found;
      at_ = std::min(end + 1, end_);
      return line;
    }
    if (!in_) return std::nullopt;
    if (end_ - at_ > kLongest) throw Malformed{kTooLong};
    std::memmove(buffer_.data(), buffer_.data() + at_, end_ - at_);
    end_ -= at_;
    at_ = 0;
    searched = end_;
    if (buffer_.size() < 2 * end_ + 1) buffer_.resize(std::max<std::size_t>(4 * end_, 1 << 18));
    in_.read(buffer_.data() + end_, static_cast<std::streamsize>(buffer_.size() - end_));
    end_ += static_cast<std::size_t>(in_.gcount());
  }
}

// The events of the lines of one file.
class Log {
 public:
  // only: whose all lines are, 0: they tell. first: whose those are that do not tell, if known.
  Log(pid_t only, pid_t first) : only_(only), callers_(only ? only : first) {}
  // Throws Malformed; the line has then made no event.
  void read_line(std::string_view line, int number);
  void end();
  // The next event, if it is known, or those before it are all that there will be.
  const Event *front();
  void pop() {
    window_.pop_front();
    ++taken_;
  }

  bool empty() const { return empty_; }
  pid_t first() const { return callers_.first(); }
  pid_t tracer() const { return tracer_ ? tracer_ : first(); }  // of the first event
  bool precise() const { return clock_.precise(); }
  std::size_t passed_over() const { return passed_over_; }

 private:
  // A call that has not returned.
  struct Begun {
    Event event;
    std::string text;       // the part of it which was printed; empty: all of it
    bool held = false;      // it has a place in the window
    std::size_t place = 0;  // that place, counted from the first event of all
  };
  struct Thread {
    std::uint64_t over = 0;        // when its last event was, ns
    std::unique_ptr<Begun> begun;  // null: it is not inside a call
  };
  struct Slot {
    Event event;
    bool known = true;       // its result is
    bool empty = false;      // it comes later
    Begun *begun = nullptr;  // of a call that has not returned
  };

  bool is_remark(std::string_view line);
  void read_call(pid_t pid, std::string_view text, bool resumed);
  void read_resumed(pid_t pid, std::string_view text);
  void read_signal(pid_t pid, std::string_view text);
  void read_end(pid_t pid, std::string_view text);
  // An event that the line reports when it is over; it happened after the thread's event before.
  Event reported(pid_t pid) const;
  void add(const Event &event);
  void begin(Thread &thread, const Event &event, std::string_view text);
  void end_begun(Begun &begun, const Event &event);
  void pass_over();
  void settle(std::uint64_t latest);
  void name_first();
  Slot &at(std::size_t place) { return window_[place - taken_]; }

  pid_t only_;
  strace::Callers callers_;
  strace::Clock clock_;
  std::uint64_t now_ = 0;  // of the line being read
  int line_ = 0;
  bool empty_ = true;
  pid_t tracer_ = 0;
  std::deque<Slot> window_;
  std::size_t taken_ = 0;  // events that have left the window
  std::unordered_map<pid_t, Thread> threads_;
  bool single_ = false;         // the last event is a call on one line, over before the next
  std::string begun_line_;      // a line that a message of strace interrupted
  std::vector<pid_t> newborn_;  // those that these messages were about
  std::size_t passed_over_ = 0;
};

// Before a request, a signal or a fork has returned others may see what it did.
bool is_held(const Event &event) {
  return event.call == Call::ptrace || event.call == Call::kill || event.call == Call::tgkill ||
         event.call == Call::fork;
}

const Event *Log::front() {
  while (!window_.empty() && window_.front().empty) pop();
  return !window_.empty() && window_.front().known ? &window_.front().event : nullptr;
}

void Log::read_line(std::string_view line, int number) {
  if (is_remark(line)) return;
  std::string joined;
  if (!begun_line_.empty()) line = joined = std::exchange(begun_line_, {}).append(line);
  const auto unnamed = callers_.first() == 0 ? threads_.find(0) : threads_.end();
  const pid_t pid =
      only_ ? only_ : callers_.skip_pid(line, unnamed != threads_.end() && unnamed->second.begun);
  for (const pid_t child : std::exchange(newborn_, {})) callers_.attached(child, false);
  now_ = clock_.skip_time(line, number);
  line_ = number;
  while (line.starts_with('[')) {  // -n, -i
    const std::size_t end = line.find(']');
    if (end == line.npos) expected("a call, a signal or an exit", line);
    line.remove_prefix(end + 1);
    skip_spaces(line);
  }
  if (callers_.first() != 0 && unnamed != threads_.end()) name_first();
  settle(now_ - 1);

  if (skip(line, "--- "))
    read_signal(pid, line);
  else if (skip(line, "+++ "))
    read_end(pid, line);
  else if (skip(line, "<... "))
    read_resumed(pid, line);
  else
    read_call(pid, line, false);
}

// What had no pid was the first process's.
void Log::name_first() {
  for (Slot &slot : window_)
    if (slot.event.pid == 0) slot.event.pid = callers_.first();
  auto thread = threads_.extract(0);
  if (thread.mapped().begun) thread.mapped().begun->event.pid = callers_.first();
  thread.key() = callers_.first();
  threads_.insert(std::move(thread));
}

// The call on the line before is over.
void Log::settle(std::uint64_t latest) {
  if (!std::exchange(single_, false)) return;
  Slot &slot = window_.back();
  slot.event.t1 = std::min(slot.event.t1, latest);
  slot.known = true;
  threads_[slot.event.pid].over = slot.event.t1;
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
  if (begun_line_.size() > kLongest) throw Malformed{kTooLong};
  if (begun_line_.empty())
    callers_.attached(static_cast<pid_t>(*pid), empty_);
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

  if (resumed) {
    Thread &thread = threads_[pid];
    Begun &begun = *thread.begun;
    event.pid = begun.event.pid;  // another one, if the thread became its group's leader by execve
    event.t0 = begun.event.t0;
    if (event.ret) {
      event.t1 = now_;
      end_begun(begun, event);
      thread.over = now_;
      thread.begun.reset();
    } else {
      begun.event = event;
      begun.text = returned ? "" : text;
    }
    return;
  }
  if (!event.ret) return begin(threads_[pid], event, returned ? "" : text);
  if (const auto time = strace::duration(*call.result)) event.t1 = now_ + *time;
  add(event);
  window_.back().known = false;
  single_ = true;
}

void Log::read_resumed(pid_t pid, std::string_view text) {
  constexpr std::string_view kResumed = " resumed>";
  const std::size_t end = text.find(kResumed);
  if (end == text.npos) expected("<... CALL resumed>", text);
  const std::string_view name = text.substr(0, end);
  const auto thread = threads_.find(pid);
  if (thread == threads_.end() || !thread->second.begun ||
      !thread->second.begun->text.starts_with(std::string(name) + "("))
    throw Malformed{std::string(name.substr(0, 30)) + " resumes, but thread " +
                    std::to_string(pid) + " was not inside it"};
  // Not `text` itself: read_call changes it.
  const std::string whole =
      thread->second.begun->text + std::string(text.substr(end + kResumed.size()));
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
  if (const auto thread = threads_.find(pid); thread != threads_.end())
    event.t0 = thread->second.begun ? thread->second.begun->event.t0 : thread->second.over;
  return event;
}

void Log::add(const Event &event) {
  Thread &thread = threads_[event.pid];
  if (thread.begun) {  // it never returned, and here the thread is
    thread.begun->event.t1 = now_;
    end_begun(*thread.begun, thread.begun->event);
    thread.begun.reset();
  }
  if (window_.size() >= kMostHeld) pass_over();
  if (empty_) tracer_ = event.pid;
  empty_ = false;
  thread.over = event.t1 == kNotEnded ? event.t0 : event.t1;
  window_.push_back({event});
}

// A call that has not returned yet.
void Log::begin(Thread &thread, const Event &event, std::string_view text) {
  add(event);
  thread.begun = std::make_unique<Begun>(Begun{event, std::string(text)});
  if (!is_held(event)) {
    window_.pop_back();
    return;
  }
  thread.begun->held = true;
  thread.begun->place = taken_ + window_.size() - 1;
  window_.back().known = false;
  window_.back().begun = thread.begun.get();
}

// Others are held back for the first call of the window.
void Log::pass_over() {
  Slot &first = window_.front();
  if (!first.begun) return;
  first.begun->held = false;
  first.empty = true;
  ++passed_over_;
  while (!window_.empty() && window_.front().empty) pop();
}

// The call's event is known.
void Log::end_begun(Begun &begun, const Event &event) {
  if (begun.held)
    window_[begun.place - taken_] = {event};
  else
    window_.push_back({event});
}

void Log::end() {
  if (single_) settle(window_.back().event.t1 == kNotEnded ? window_.back().event.t0 : kNotEnded);
  std::vector<Begun *> rest;
  for (auto &[pid, thread] : threads_)
    if (thread.begun) rest.push_back(thread.begun.get());
  std::sort(rest.begin(), rest.end(),
            [](const Begun *a, const Begun *b) { return a->event.t0 < b->event.t0; });
  for (Begun *begun : rest) end_begun(*begun, begun->event);
  threads_.clear();
}

// Whether a last line without a newline, which can be read, may be the beginning of another: of
// "= 12" nobody knows whether the 34 after it was lost.
bool may_go_on(std::string_view line) {
  return !line.empty() && line.back() >= '0' && line.back() <= '9' && !line.ends_with("= 0");
}

// One of the files, as far as it has been read.
class File {
 public:
  File(StraceFile file, bool alone) : file_(std::move(file)), alone_(alone), lines_(*file_.in) {
    restart(0);
  }
  // Its next event; null: no more. Throws InputError.
  const Event *front() {
    for (;;) {
      if (const Event *event = log_->front()) return event;
      if (ended_) return nullptr;
      read();
    }
  }
  void pop() { log_->pop(); }
  void rewind() {
    lines_.rewind();
    restart(log_->first());
  }
  const Log &log() const { return *log_; }
  const std::string &name() const { return file_.file; }
  // The last line, if it was cut and not read; 0: it was.
  int cut() const { return cut_; }

 private:
  void restart(pid_t first) {
    log_.emplace(file_.pid, first);
    number_ = cut_ = 0;
    ended_ = false;
  }
  void read();

  StraceFile file_;
  bool alone_;
  Lines lines_;
  std::optional<Log> log_;
  int number_ = 0;
  int cut_ = 0;
  bool ended_ = false;
};

// A line, or the end.
void File::read() {
  try {
    if (number_ == 0 && file_.in->peek() == '\0')  // may have no end of line at all
      throw InputError(file_.file, 0, kNoLog);
    ++number_;
    auto line = lines_.next();
    if (!line || (lines_.cut() && may_go_on(*line))) {
      if (line) cut_ = number_;
      ended_ = true;
    } else {
      if (line->ends_with('\r')) line->remove_suffix(1);
      if (line->find('\0') != line->npos) throw Malformed{"expected text, not a NUL byte"};
      log_->read_line(*line, number_);
      if (!alone_ && !log_->empty() && !log_->precise())
        throw Malformed{
            "has no time of -tt or -ttt, without which nothing orders the files of -ff"};
    }
  } catch (const Malformed &malformed) {
    if (!lines_.cut())
      throw InputError(file_.file, number_, log_->empty() ? kNoLog : malformed.what);
    cut_ = number_;
    ended_ = true;
  }
  if (!ended_) return;
  if (file_.in->bad()) throw InputError(file_.file, 0, "cannot be read");
  if (alone_ && log_->empty()) throw InputError(file_.file, 0, kNoLog);
  log_->end();
}

class Logs : public Source {
 public:
  Logs(std::vector<StraceFile> files, const std::string &name) {
    const bool alone = files.size() == 1;
    for (StraceFile &file : files) files_.push_back(std::make_unique<File>(std::move(file), alone));
    about_.file = name;
    about_.world = World::open;
  }

  const Event *next() override {
    if (taken_) taken_->pop();
    taken_ = nullptr;
    const Event *first = nullptr;
    for (const auto &file : files_) {
      const Event *event = file->front();
      if (!event || (first && comes_at(*event) >= comes_at(*first))) continue;
      first = event;
      taken_ = file.get();
    }
    if (!first) conclude();
    return first;
  }

  void rewind() override {
    for (const auto &file : files_) file->rewind();
    taken_ = nullptr;
  }

  std::size_t place() override {
    const Event event = *taken_->front();
    std::size_t before = 0;
    bool found = false;
    rewind();
    while (const Event *other = next()) {
      const bool same = other->line == event.line && other->pid == event.pid &&
                        other->t0 == event.t0 && other->call == event.call;
      found = found || same;
      before += other->t0 < event.t0 || (other->t0 == event.t0 && !found);
    }
    return before;
  }

 private:
  void conclude();

  std::vector<std::unique_ptr<File>> files_;
  File *taken_ = nullptr;  // whose event was returned last
};

void Logs::conclude() {
  about_.notes.clear();
  about_.tracer = files_.front()->log().tracer();
  for (const auto &file : files_) {
    if (file->cut())
      about_.notes.push_back(file->name() + ":" + std::to_string(file->cut()) +
                             ": the line is cut, and was not read");
    if (const std::size_t passed_over = file->log().passed_over())
      about_.notes.push_back(file->name() + ": " + std::to_string(passed_over) +
                             " calls are taken to have had their effect at their end: more than " +
                             std::to_string(kMostHeld) + " others came while they lasted");
  }
}

}  // namespace

std::unique_ptr<Source> strace_source(std::vector<StraceFile> files, const std::string &name) {
  return std::make_unique<Logs>(std::move(files), name);
}

Trace read_all(Source &source) {
  std::vector<Event> events;
  const auto read = [&] {
    while (const Event *event = source.next()) events.push_back(*event);
  };
  read();
  if (std::any_of(events.begin(), events.end(), [](const Event &e) { return e.pid == 0; })) {
    source.rewind();
    events.clear();
    read();
  }
  const auto before = [](const Event &a, const Event &b) { return a.t0 < b.t0; };
  std::stable_sort(events.begin(), events.end(), before);
  Trace trace = source.about();
  trace.events = std::move(events);
  return trace;
}

Trace read_strace(std::istream &in, const std::string &file) {
  std::vector<StraceFile> files;
  files.push_back({file, 0, std::make_unique<std::istream>(in.rdbuf())});
  return read_all(*strace_source(std::move(files), file));
}

}  // namespace ptmc::traces
