// The values that strace prints, as numbers: in words (SIGTRAP), raw (-X raw: 5), or both
// (-X verbose: 5 /* SIGTRAP */). Decorations that follow a value (<comm>, /* comment */) are not
// part of it.
#pragma once

#include <sys/types.h>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include "traces/trace.hpp"

namespace ptmc::traces::strace {

// Why a text is not strace's. The reader of the log knows the line and makes an InputError of it.
struct Malformed {
  std::string what;
};
[[noreturn]] void expected(std::string_view what, std::string_view found);

// Removes prefix from text, if it is there.
bool skip(std::string_view &text, std::string_view prefix);
void skip_spaces(std::string_view &text);
// Removes the digits at the beginning of text; nothing without digits or above 2^64.
std::optional<std::uint64_t> skip_digits(std::string_view &text, int base = 10);
// Removes seconds with or without a fraction, and gives them in ns.
std::optional<std::uint64_t> skip_seconds(std::string_view &text);
bool is_word(char c);

// 0x10, -1, NULL; nothing for 8*RIP, a name, a structure.
std::optional<std::int64_t> number(std::string_view text);
std::int64_t number(std::string_view text, std::string_view what);

inline constexpr std::uint64_t kPidLimit = 1 << 22;  // the kernel's PID_MAX_LIMIT
pid_t pid(std::string_view text);
int signal(std::string_view text);  // without checking that there is such a signal
// [INT CHLD], ~[17], []; nothing for NULL and for the address of a set that strace could not read.
std::optional<std::uint64_t> signal_set(std::string_view text);

long request(std::string_view text);                  // PTRACE_CONT
std::uint64_t ptrace_options(std::string_view text);  // PTRACE_O_TRACEFORK|0x200
int wait_options(std::string_view text);              // WNOHANG|__WALL
int id_type(std::string_view text);                   // P_PID
int mask_change(std::string_view text);               // SIG_BLOCK

// [{WIFSTOPPED(s) && WSTOPSIG(s) == SIGTRAP | 0x80}], [{...}|PTRACE_EVENT_FORK<<16]; nothing for an
// address: the call stored no status.
std::optional<int> wait_status(std::string_view text);
// {si_signo=SIGCHLD, si_code=CLD_EXITED, ...}, {} when all is zero; nothing for an address.
std::optional<Siginfo> siginfo(std::string_view text);
// [1234]; nothing for an address.
std::optional<std::uint64_t> message(std::string_view text);
std::optional<std::uint64_t> syscall_info_op(std::string_view text);  // of "{op=...}"

}  // namespace ptmc::traces::strace
