// The signals of the model, in the order in which the kernel dequeues them (next_signal, 6.12: the
// synchronous SIGTRAP first, then by number), and what their default action is (signal(7)).
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace ptmc::model {

enum Sig : std::uint8_t {
  NONE,
  TRAP,
  KILL,
  USR1,  // the handled user signal
  USR2,  // the other; it and OTHER to OTHER4 appear in replay only
  TERM,  // the default-fatal signal
  CHLD,  // a signal whose default is to be ignored
  CONT,
  STOP,
  TSTP,
  TTIN,
  TTOU,
  OTHER,  // signals that are none of these, their numbers bound by the trace
  OTHER2,
  OTHER3,
  OTHER4,
  SIG_COUNT,
};
inline constexpr int kOthers = SIG_COUNT - OTHER;
constexpr bool is_other(Sig s) { return s >= OTHER; }

enum class Default : std::uint8_t { fatal, core, ignore, stop };

struct SigInfo {
  Sig sig;
  std::string_view name;
  int number;  // x86_64; 0: bound by the trace
  Default action;
};

inline constexpr std::array<SigInfo, SIG_COUNT> kSignals{{
    {NONE, "0", 0, Default::ignore},
    {TRAP, "SIGTRAP", 5, Default::core},
    {KILL, "SIGKILL", 9, Default::fatal},
    {USR1, "SIGUSR1", 10, Default::fatal},
    {USR2, "SIGUSR2", 12, Default::fatal},
    {TERM, "SIGTERM", 15, Default::fatal},
    {CHLD, "SIGCHLD", 17, Default::ignore},
    {CONT, "SIGCONT", 18, Default::ignore},
    {STOP, "SIGSTOP", 19, Default::stop},
    {TSTP, "SIGTSTP", 20, Default::stop},
    {TTIN, "SIGTTIN", 21, Default::stop},
    {TTOU, "SIGTTOU", 22, Default::stop},
    {OTHER, "SIGOTHER", 0, Default::fatal},
    {OTHER2, "SIGOTHER2", 0, Default::fatal},
    {OTHER3, "SIGOTHER3", 0, Default::fatal},
    {OTHER4, "SIGOTHER4", 0, Default::fatal},
}};
// The signal's number in a status; of those that the trace binds one that no signal has.
constexpr std::uint32_t status_number(Sig s) {
  return is_other(s) ? 0x7e - (s - OTHER) : static_cast<std::uint32_t>(kSignals[s].number);
}
constexpr Sig other_of(std::uint32_t status_number) {  // NONE: of none of those
  return status_number > 0x7e - kOthers && status_number <= 0x7e
             ? static_cast<Sig>(OTHER + 0x7e - status_number)
             : NONE;
}

constexpr bool is_stop(Sig s) { return kSignals[s].action == Default::stop; }
constexpr bool is_blockable(Sig s) { return s != NONE && s != KILL && s != STOP; }

}  // namespace ptmc::model
