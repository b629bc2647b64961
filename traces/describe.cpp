#include <fmt/format.h>

#include "traces/replay.hpp"

namespace ptmc::traces {
namespace {

std::string arguments(const Event &e) {
  switch (e.call) {
    case Call::ptrace: {
      const bool signal = e.data > 0 && e.data <= 64;
      const std::string data =
          signal ? signal_name(static_cast<int>(e.data)) : fmt::format("{:#x}", e.data);
      return fmt::format("{}, {}, {:#x}, {}", request_name(e.request), e.target, e.addr, data);
    }
    case Call::wait4:
    case Call::waitid:
      return fmt::format("{}, {}", e.target, wait_options_name(e.options));
    case Call::kill:
      return fmt::format("{}, {}", e.target, signal_name(e.sig));
    case Call::tgkill:
      return fmt::format("{}, {}, {}", e.tgid, e.target, signal_name(e.sig));
    case Call::rt_sigaction:
    case Call::handler:
      return signal_name(e.sig);
    case Call::exit:
    case Call::exit_group:
      return std::to_string(e.data);
    case Call::proc_state:
      return fmt::format("{}, '{}'", e.target, static_cast<char>(e.data));
    default:
      return "";
  }
}

}  // namespace

std::string describe(const Event &e) {
  std::string text = fmt::format("{} {}({})", e.pid, call_name(e.call), arguments(e));
  if (!e.ret) return text + " = ?";
  text += *e.ret < 0 ? " = -1 " + errno_name(e.err) : fmt::format(" = {}", *e.ret);
  if (e.status) text += fmt::format(", status {:#x}", *e.status);
  if (e.siginfo)
    text += fmt::format(", {} si_code {:#x} si_pid {} si_status {}", signal_name(e.siginfo->signo),
                        e.siginfo->code, e.siginfo->pid, e.siginfo->status);
  if (e.message) text += fmt::format(", message {:#x}", *e.message);
  return text;
}

}  // namespace ptmc::traces
