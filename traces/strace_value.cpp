// See strace_value.hpp. The names are those of strace's tables (src/xlat) that x86_64 can show.
#include "traces/strace_value.hpp"
#include <algorithm>
#include <array>
#include <charconv>
#include <csignal>
#include <span>

namespace ptmc::traces::strace {
namespace {

struct Name {
  std::string_view name;
  std::int64_t number;
};

constexpr Name kPtraceOptions[] = {
    {"PTRACE_O_TRACESYSGOOD", 0x1},  {"PTRACE_O_TRACEFORK", 0x2},
    {"PTRACE_O_TRACEVFORK", 0x4},    {"PTRACE_O_TRACECLONE", 0x8},
    {"PTRACE_O_TRACEEXEC", 0x10},    {"PTRACE_O_TRACEVFORKDONE", 0x20},
    {"PTRACE_O_TRACEEXIT", 0x40},    {"PTRACE_O_TRACESECCOMP", 0x80},
    {"PTRACE_O_EXITKILL", 0x100000}, {"PTRACE_O_SUSPEND_SECCOMP", 0x200000},
};

constexpr Name kEvents[] = {
    {"PTRACE_EVENT_FORK", 1},    {"PTRACE_EVENT_VFORK", 2},      {"PTRACE_EVENT_CLONE", 3},
    {"PTRACE_EVENT_EXEC", 4},    {"PTRACE_EVENT_VFORK_DONE", 5}, {"PTRACE_EVENT_EXIT", 6},
    {"PTRACE_EVENT_SECCOMP", 7}, {"PTRACE_EVENT_STOP", 128},
};

constexpr Name kMessages[] = {
    {"NULL", 0}, {"PTRACE_EVENTMSG_SYSCALL_ENTRY", 1}, {"PTRACE_EVENTMSG_SYSCALL_EXIT", 2}};

constexpr Name kSyscallInfoOps[] = {{"PTRACE_SYSCALL_INFO_NONE", 0},
                                    {"PTRACE_SYSCALL_INFO_ENTRY", 1},
                                    {"PTRACE_SYSCALL_INFO_EXIT", 2},
                                    {"PTRACE_SYSCALL_INFO_SECCOMP", 3}};

constexpr Name kWaitOptions[] = {
    {"WNOHANG", 0x1},       {"WUNTRACED", 0x2},          {"WSTOPPED", 0x2},
    {"WEXITED", 0x4},       {"WCONTINUED", 0x8},         {"WNOWAIT", 0x1000000},
    {"__WALL", 0x40000000}, {"__WNOTHREAD", 0x20000000}, {"__WCLONE", 0x80000000},
};

constexpr Name kIdTypes[] = {{"P_ALL", 0}, {"P_PID", 1}, {"P_PGID", 2}, {"P_PIDFD", 3}};

constexpr Name kMaskChanges[] = {
    {"SIG_BLOCK", SIG_BLOCK}, {"SIG_UNBLOCK", SIG_UNBLOCK}, {"SIG_SETMASK", SIG_SETMASK}};

constexpr Name kSiginfoCodes[] = {
    {"SI_USER", 0},       {"SI_KERNEL", 0x80}, {"SI_QUEUE", -1},     {"SI_TIMER", -2},
    {"SI_MESGQ", -3},     {"SI_ASYNCIO", -4},  {"SI_SIGIO", -5},     {"SI_TKILL", -6},
    {"SI_DETHREAD", -7},  {"SI_ASYNCNL", -60}, {"SI_NOINFO", 32767}, {"CLD_EXITED", 1},
    {"CLD_KILLED", 2},    {"CLD_DUMPED", 3},   {"CLD_TRAPPED", 4},   {"CLD_STOPPED", 5},
    {"CLD_CONTINUED", 6}, {"TRAP_BRKPT", 1},   {"TRAP_TRACE", 2},    {"TRAP_BRANCH", 3},
    {"TRAP_HWBKPT", 4},   {"TRAP_UNK", 5},     {"TRAP_PERF", 6},     {"SEGV_MAPERR", 1},
    {"SEGV_ACCERR", 2},   {"SEGV_BNDERR", 3},  {"SEGV_PKUERR", 4},   {"SEGV_CPERR", 10},
    {"BUS_ADRALN", 1},    {"BUS_ADRERR", 2},   {"BUS_OBJERR", 3},    {"BUS_MCEERR_AR", 4},
    {"BUS_MCEERR_AO", 5}, {"FPE_INTDIV", 1},   {"FPE_INTOVF", 2},    {"FPE_FLTDIV", 3},
    {"FPE_FLTOVF", 4},    {"FPE_FLTUND", 5},   {"FPE_FLTRES", 6},    {"FPE_FLTINV", 7},
    {"FPE_FLTSUB", 8},    {"FPE_FLTUNK", 14},  {"FPE_CONDTRAP", 15}, {"ILL_ILLOPC", 1},
    {"ILL_ILLOPN", 2},    {"ILL_ILLADR", 3},   {"ILL_ILLTRP", 4},    {"ILL_PRVOPC", 5},
    {"ILL_PRVREG", 6},    {"ILL_COPROC", 7},   {"ILL_BADSTK", 8},    {"POLL_IN", 1},
    {"POLL_OUT", 2},      {"POLL_MSG", 3},     {"POLL_ERR", 4},      {"POLL_PRI", 5},
    {"POLL_HUP", 6},      {"PROF_SIG", 1},     {"SYS_SECCOMP", 1},   {"SYS_USER_DISPATCH", 2},
};

constexpr int kSignals = 64;
constexpr int kRealTime = 32;  // the kernel's first real-time signal, which strace calls SIGRTMIN

// The name or number at the beginning of text.
std::string_view word(std::string_view text) {
  std::size_t length = text.starts_with('-');
  while (length < text.size() && is_word(text[length])) ++length;
  return text.substr(0, length);
}

void skip_comment(std::string_view &text) {
  if (!text.starts_with(" /*")) return;
  const std::size_t end = text.find("*/");
  if (end == std::string_view::npos) expected("the end of a comment", text);
  text.remove_prefix(end + 2);
}

// Removes one name or number, and the comment that -X verbose puts after it.
std::int64_t skip_constant(std::string_view &text, std::span<const Name> names,
                           std::string_view what) {
  const std::string_view found = word(text);
  std::optional<std::int64_t> value = number(found);
  if (!value) {
    const auto row = std::find_if(names.begin(), names.end(),
                                  [&](const Name &known) { return known.name == found; });
    if (row == names.end()) expected(what, text);
    value = row->number;
  }
  text.remove_prefix(found.size());
  skip_comment(text);
  return *value;
}

std::int64_t constant(std::string_view text, std::span<const Name> names, std::string_view what) {
  return skip_constant(text, names, what);
}

std::uint64_t flags(std::string_view text, std::span<const Name> names, std::string_view what) {
  std::uint64_t all = 0;
  std::string_view rest = text;
  do {
    all |= static_cast<std::uint64_t>(skip_constant(rest, names, what));
  } while (skip(rest, "|"));
  if (!rest.empty()) expected(what, text);
  return all;
}

// name is with or without "SIG".
std::optional<int> signal_of(std::string_view name) {
  static const auto known = [] {
    std::array<std::string, kSignals + 1> names;
    for (int sig = 1; sig <= kSignals; ++sig)
      names[static_cast<std::size_t>(sig)] = signal_name(sig);
    return names;
  }();
  skip(name, "SIG");
  for (std::size_t sig = 1; sig < known.size(); ++sig)
    if (std::string_view(known[sig]).substr(3) == name) return static_cast<int>(sig);
  if (name == "RTMIN") return kRealTime;
  if (name == "_0") return 0;  // strace before 4.9
  return signal_number("SIG" + std::string(name));
}

// The value of a field of a structure, and what follows it; empty if there is no such field.
std::string_view field(std::string_view text, std::string_view key) {
  const std::size_t at = text.find(key);
  return at == std::string_view::npos ? "" : text.substr(at + key.size());
}

}  // namespace

// ---- Texts and numbers --------------------------------------------------------------------------

void expected(std::string_view what, std::string_view found) {
  constexpr std::size_t kShown = 60;
  std::string text(found.substr(0, kShown));
  std::replace_if(
      text.begin(), text.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
  if (found.size() > kShown) text += "...";
  throw Malformed{"expected " + std::string(what) +
                  (found.empty() ? " before the end of the line" : ", not \"" + text + "\"")};
}

bool skip(std::string_view &text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

void skip_spaces(std::string_view &text) {
  text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
}

std::optional<std::uint64_t> skip_digits(std::string_view &text, int base) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc()) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return value;
}

std::optional<std::uint64_t> skip_seconds(std::string_view &text) {
  constexpr std::uint64_t kSecond = 1'000'000'000;
  constexpr std::uint64_t kMost = 4'000'000'000;  // so that sums of two stay in range
  const auto seconds = skip_digits(text);
  if (!seconds || *seconds > kMost) return std::nullopt;
  std::uint64_t ns = *seconds * kSecond;
  if (!skip(text, ".")) return ns;
  std::uint64_t unit = kSecond;
  for (; !text.empty() && text[0] >= '0' && text[0] <= '9'; text.remove_prefix(1))
    ns += static_cast<std::uint64_t>(text[0] - '0') * (unit /= 10);
  return ns;
}

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

std::optional<std::int64_t> number(std::string_view text) {
  if (skip(text, "NULL")) return 0;
  const bool negative = skip(text, "-");
  const auto value = skip(text, "0x") ? skip_digits(text, 16) : skip_digits(text);
  const bool goes_on =
      !text.empty() && (is_word(text[0]) || text[0] == '.' || text[0] == '*' || text[0] == '+');
  if (!value || goes_on) return std::nullopt;
  return static_cast<std::int64_t>(negative ? 0 - *value : *value);
}

std::int64_t number(std::string_view text, std::string_view what) {
  const auto value = number(text);
  if (!value) expected(what, text);
  return *value;
}

// ---- Pids and signals ---------------------------------------------------------------------------

// An int. -e raw prints -1 as 0xffffffff.
int in_range(std::int64_t value, std::string_view what, std::string_view text) {
  if (value < INT32_MIN || value > std::int64_t{UINT32_MAX}) expected(what, text);
  return static_cast<int>(value);
}

pid_t pid(std::string_view text) { return in_range(number(text, "a pid"), "a pid", text); }

int signal(std::string_view text) {
  const std::string_view name = word(text);
  if (const auto value = number(name)) return in_range(*value, "a signal", text);
  const auto sig = signal_of(name);
  if (!sig) expected("a signal", text);
  return *sig;
}

std::optional<std::uint64_t> signal_set(std::string_view text) {
  constexpr std::string_view kWhat = "a set of signals";
  if (number(text)) return std::nullopt;
  std::string_view rest = text;
  const bool inverted = skip(rest, "~");
  if (!skip(rest, "[")) expected(kWhat, text);
  std::uint64_t set = 0;
  while (!skip(rest, "]")) {
    const int sig = signal(rest);
    if (sig < 1 || sig > kSignals) expected(kWhat, text);
    set |= std::uint64_t{1} << (sig - 1);
    rest.remove_prefix(word(rest).size());
    skip_comment(rest);
    if (!skip(rest, " ") && !rest.starts_with("]")) expected(kWhat, text);
  }
  return inverted ? ~set : set;
}

// ---- Constants ----------------------------------------------------------------------------------

long request(std::string_view text) {
  const std::string_view name = word(text);
  if (const auto value = number(name)) return *value;
  const auto known = request_number(name);
  if (!known) expected("a ptrace request", text);
  return *known;
}

std::uint64_t ptrace_options(std::string_view text) {
  return flags(text, kPtraceOptions, "options of ptrace");
}
int wait_options(std::string_view text) {
  return static_cast<int>(flags(text, kWaitOptions, "options of wait"));
}
int id_type(std::string_view text) {
  return static_cast<int>(constant(text, kIdTypes, "P_ALL, P_PID, P_PGID or P_PIDFD"));
}
int mask_change(std::string_view text) {
  return static_cast<int>(constant(text, kMaskChanges, "SIG_BLOCK, SIG_UNBLOCK or SIG_SETMASK"));
}

// ---- Structures ---------------------------------------------------------------------------------

std::optional<int> wait_status(std::string_view text) {
  constexpr std::string_view kWhat = "a wait status";
  if (number(text)) return std::nullopt;
  std::string_view rest = text;
  std::uint64_t status = 0;
  if (!skip(rest, "[")) expected(kWhat, text);
  if (skip(rest, "{WIFSTOPPED(s) && WSTOPSIG(s) == ")) {
    status = 0x7f | static_cast<std::uint64_t>(signal(rest)) << 8;
    rest.remove_prefix(word(rest).size());
    if (skip(rest, " | 0x80")) status |= 0x8000;
  } else if (skip(rest, "{WIFEXITED(s) && WEXITSTATUS(s) == ")) {
    status = static_cast<std::uint64_t>(number(word(rest), "an exit code")) << 8;
    rest.remove_prefix(word(rest).size());
  } else if (skip(rest, "{WIFSIGNALED(s) && WTERMSIG(s) == ")) {
    status = static_cast<std::uint64_t>(signal(rest));
    rest.remove_prefix(word(rest).size());
    if (skip(rest, " && WCOREDUMP(s)")) status |= 0x80;
  } else if (skip(rest, "{WIFCONTINUED(s)")) {
    status = 0xffff;
  } else {
    status = static_cast<std::uint64_t>(skip_constant(rest, {}, kWhat));
    if (rest != "]") expected(kWhat, text);
    return static_cast<int>(status);
  }
  if (!skip(rest, "}")) expected(kWhat, text);
  while (skip(rest, "|") || skip(rest, " | ")) {
    const auto part = static_cast<std::uint64_t>(skip_constant(rest, kEvents, kWhat));
    status |= skip(rest, "<<16") ? part << 16 : part;
  }
  if (rest != "]") expected(kWhat, text);
  return static_cast<int>(status);
}

std::optional<Siginfo> siginfo(std::string_view text) {
  if (number(text)) return std::nullopt;
  if (text == "{}") return Siginfo{};
  std::string_view rest = text;
  if (!skip(rest, "{si_signo=") || !text.ends_with("}")) expected("a siginfo", text);
  Siginfo info;
  info.signo = signal(rest);
  info.code = static_cast<int>(constant(field(rest, " si_code="), kSiginfoCodes, "an si_code"));
  if (const auto from = field(rest, " si_pid="); !from.empty()) info.pid = pid(from);
  if (const auto status = field(rest, " si_status="); !status.empty()) info.status = signal(status);
  // strace reads a SIGTRAP of ptrace itself (syscall-stops and events) as a fault, and shows as its
  // address what the kernel stored as pid (low half) and uid.
  if (info.signo == SIGTRAP && info.code > 0 && (info.code & 0x7f) == SIGTRAP)
    if (const auto address = number(field(rest, " si_addr=")))
      info.pid = static_cast<int>(*address);
  return info;
}

std::optional<std::uint64_t> message(std::string_view text) {
  constexpr std::string_view kWhat = "an event message";
  if (number(text)) return std::nullopt;
  if (!skip(text, "[")) expected(kWhat, text);
  return static_cast<std::uint64_t>(constant(text, kMessages, kWhat));
}

std::optional<std::uint64_t> syscall_info_op(std::string_view text) {
  if (!skip(text, "{op=")) return std::nullopt;  // too short a buffer, or its address
  return static_cast<std::uint64_t>(constant(text, kSyscallInfoOps, "an op"));
}

}  // namespace ptmc::traces::strace
