// Deliberate falsifications, one at a time, of what a kernel answers to tracers and parents: tests
// see by them that vectors would notice (board.hpp, Lie).
#include <errno.h>
#include <linux/ptrace.h>
#include <signal.h>
#include <sys/wait.h>
#include "traces/puppet/puppet.hpp"

namespace ptmc::puppet {

using traces::Call;
using traces::Event;
using traces::Lie;

namespace {

constexpr std::uint64_t kSeizeOptions = 0xff;

bool is_event_stop(const Event &e) { return e.status && *e.status >> 16 == PTRACE_EVENT_STOP; }

void succeed(Event &e) {
  e.ret = 0;
  e.err = 0;
}
void fail(Event &e, int error) {
  e.ret = -1;
  e.err = error;
}

void falsify_wait(Event &e, Lie lie) {
  const bool reported = e.status.has_value();
  const int status = e.status.value_or(0);
  switch (lie) {
    case Lie::no_event_in_status:
      if (is_event_stop(e)) e.status = status & 0xffff;
      break;
    case Lie::event_stop_is_sigtrap:
      if (is_event_stop(e)) e.status = (status & ~0xff00) | SIGTRAP << 8;
      break;
    case Lie::stop_is_not_reported:
      if (reported && WIFSTOPPED(status) && (e.options & WNOHANG)) {
        e.ret = 0;
        e.status.reset();
      }
      break;
    case Lie::continued_is_stopped:
      if (reported && status == 0xffff) e.status = SIGCONT << 8 | 0x7f;
      break;
    case Lie::killed_is_exited:
      if (reported && WIFSIGNALED(status)) e.status = WTERMSIG(status) << 8;
      break;
    case Lie::exit_code_is_lost:
      if (reported && WIFEXITED(status)) e.status = 0;
      break;
    case Lie::no_child_is_nothing_yet:
      if (e.err == ECHILD) succeed(e);
      break;
    default:
      break;
  }
}

void falsify_request(Event &e, Lie lie) {
  const bool gets_siginfo = e.request == PTRACE_GETSIGINFO;
  switch (lie) {
    case Lie::group_stop_has_siginfo:
      if (gets_siginfo && e.err == EINVAL) {
        succeed(e);
        e.siginfo = traces::Siginfo{SIGTRAP, SI_USER, 0, 0};
      }
      break;
    case Lie::no_siginfo:
      if (gets_siginfo && e.ret == 0) {
        fail(e, EINVAL);
        e.siginfo.reset();
      }
      break;
    case Lie::event_stop_code_is_lost:
      if (gets_siginfo && e.siginfo) e.siginfo->code &= 0x7f;
      break;
    case Lie::running_is_stopped:
      if (e.err == ESRCH) succeed(e);
      break;
    case Lie::listen_is_never_refused:
      if (e.request == PTRACE_LISTEN && e.err == EIO) succeed(e);
      break;
    case Lie::no_message:
      if (e.request == PTRACE_GETEVENTMSG && e.message) e.message = 0;
      break;
    case Lie::interrupt_says_esrch:
      if (e.request == PTRACE_INTERRUPT && e.ret == 0) fail(e, ESRCH);
      break;
    case Lie::options_are_never_invalid:
      if (e.request == PTRACE_SETOPTIONS && e.err == EINVAL) succeed(e);
      break;
    default:
      break;
  }
}

}  // namespace

void twist(Event &e) {
  if (e.call != Call::ptrace) return;
  switch (board->lie) {
    case Lie::signal_is_dropped:
      if (e.request == PTRACE_CONT) e.data = 0;
      break;
    case Lie::detach_drops_signal:
      if (e.request == PTRACE_DETACH) e.data = 0;
      break;
    case Lie::listen_continues:
      if (e.request == PTRACE_LISTEN) e.request = PTRACE_CONT;
      break;
    case Lie::seize_attaches:
      if (e.request == PTRACE_SEIZE && !(e.data & ~kSeizeOptions)) {
        e.request = PTRACE_ATTACH;
        e.data = 0;
      }
      break;
    default:
      break;
  }
}

void falsify(Event &e) {
  if (e.call == Call::wait4) falsify_wait(e, board->lie);
  if (e.call == Call::ptrace) falsify_request(e, board->lie);
}

}  // namespace ptmc::puppet
