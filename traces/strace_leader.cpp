// See strace_leader.hpp.
#include "traces/strace_leader.hpp"
#include <algorithm>
#include "traces/strace_value.hpp"

namespace ptmc::traces::strace {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;
constexpr std::uint64_t kDay = 86'400 * kSecond;
constexpr std::uint64_t kLatest = 4'000'000'000 * kSecond;
constexpr std::uint64_t kRelative = 100'000'000 * kSecond;  // -r prints less, -ttt more

bool is_digit(std::string_view text) { return !text.empty() && text[0] >= '0' && text[0] <= '9'; }

}  // namespace

pid_t Callers::skip_pid(std::string_view &line, bool first_is_inside_call) {
  std::string_view rest = line;
  const bool bracket = skip(rest, "[pid ");
  if (bracket) skip_spaces(rest);
  const auto number = is_digit(rest) ? skip_digits(rest) : std::nullopt;
  if (number && rest.starts_with('<')) rest.remove_prefix(rest.find('>') + 1);  // <comm>
  const bool is_pid = number && *number <= kPidLimit && rest.starts_with(bracket ? ']' : ' ');
  if (!is_pid && bracket) expected("a pid", line);
  if (!is_pid) return live_.size() == 1 ? *live_.begin() : first_;

  const auto pid = static_cast<pid_t>(*number);
  line = rest.substr(1);
  if (!bracket) return pid;
  live_.insert(pid);
  if (first_ != 0 || children_.contains(pid)) return pid;
  // A line of the first process that is inside a call could only be the end of that call.
  if (first_is_inside_call && line.find("<... ") == line.npos)
    children_.insert(pid);
  else
    name_first(pid);
  return pid;
}

void Callers::name_first(pid_t pid) {
  first_ = pid;
  live_.erase(0);
  live_.insert(pid);
}

void Callers::attached(pid_t pid, bool before_any_call) {
  if (first_ == 0 && before_any_call) return name_first(pid);
  live_.insert(pid);
  if (first_ == 0) children_.insert(pid);
}

std::uint64_t Clock::skip_time(std::string_view &line, int number) {
  skip_spaces(line);
  auto now = static_cast<std::uint64_t>(number);
  precise_ = false;
  if (is_digit(line)) {
    const std::string_view all = line;
    now = skip_stamp(line);
    if (!skip(line, " ")) expected("a time", all);
    skip_spaces(line);
  }
  if (line.starts_with("(+")) line.remove_prefix(line.find(')') + 1);  // -r beside -t
  skip_spaces(line);
  if (last_ && now <= *last_) now = *last_ + 1;
  last_ = now;
  return now;
}

std::uint64_t Clock::skip_stamp(std::string_view &line) {
  const std::string_view all = line;
  const auto time = skip_seconds(line);
  if (!time) expected("a time", all);
  const bool fraction = all.substr(0, all.size() - line.size()).find('.') != all.npos;
  if (!skip(line, ":")) {
    precise_ = fraction && *time >= kRelative;
    if (*time >= kRelative) return *time;
    return relative_ = std::min(relative_ + *time, kLatest);
  }
  const auto minutes = skip_digits(line);
  const auto seconds = skip(line, ":") ? skip_seconds(line) : std::nullopt;
  if (!minutes || !seconds || *time >= 24 * kSecond || *minutes > 59 || *seconds >= 61 * kSecond)
    expected("a time", all);
  precise_ = all.substr(0, all.size() - line.size()).find('.') != all.npos;
  std::uint64_t now = midnight_ + *time * 3600 + *minutes * 60 * kSecond + *seconds;
  if (last_ && now + kDay / 2 < *last_) {
    midnight_ += kDay;
    now += kDay;
  }
  return now;
}

}  // namespace ptmc::traces::strace
