// What strace writes before a call: whose it is, and when.
#pragma once

#include <sys/types.h>
#include <cstdint>
#include <optional>
#include <set>
#include <string_view>

namespace ptmc::traces::strace {

// The pids of the lines: "1234 " with -f -o FILE, "[pid 1234] " with -f on a terminal, none without
// -f. On a terminal strace writes them only while it has more than one process: a line without is
// of the only one. The first process is 0 until its pid shows.
class Callers {
 public:
  explicit Callers(pid_t first) : first_(first), live_{first} {}  // 0: not known
  // Removes the pid that the line begins with. Throws Malformed.
  pid_t skip_pid(std::string_view &line, bool first_is_inside_call);
  // strace says so: of -p before any call, of -f when a process forks.
  void attached(pid_t pid, bool before_any_call);
  void forked(pid_t child) {
    if (first_ == 0) children_.insert(child);
  }
  void died(pid_t pid) { live_.erase(pid); }
  // The pid of the lines that got 0, once it is known.
  pid_t first() const { return first_; }

 private:
  void name_first(pid_t pid);

  pid_t first_;
  std::set<pid_t> live_;
  std::set<pid_t> children_;  // and theirs: all but the first, until that is known
};

// The times of the lines, in ns: since midnight of the first day (-t, -tt), since 1970 (-ttt),
// since the first line (-r). Always later than the time of the line before.
class Clock {
 public:
  // Removes the time that the line begins with, and the spaces around it. Without one, the line's
  // number is its time. Throws Malformed.
  std::uint64_t skip_time(std::string_view &line, int number);
  // Whether the line before had a time of -tt or -ttt.
  bool precise() const { return precise_; }

 private:
  std::uint64_t skip_stamp(std::string_view &line);

  std::optional<std::uint64_t> last_;
  std::uint64_t midnight_ = 0;
  std::uint64_t relative_ = 0;
  bool precise_ = false;
};

}  // namespace ptmc::traces::strace
