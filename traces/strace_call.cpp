// A call becomes an event in three steps: the text is cut where its result begins, the result is
// read, and the arguments are handed to a decoder of the call. Calls without a decoder are `other`,
// and so are those that strace itself answered (INJECTED): the kernel never saw them.
//
// strace prints the arguments that a call returns when it returns. So the text of a call that has
// not returned ends early, and decoders stop where that may happen.
#include "traces/strace_call.hpp"
#include <algorithm>
#include "traces/strace_value.hpp"

namespace ptmc::traces::strace {
namespace {

constexpr int kInterrupted = 4;  // EINTR

// ---- Decoders, one a call -----------------------------------------------------------------------

enum Request {  // PTRACE_*, on x86_64
  kTraceme = 0,
  kCont = 7,
  kSinglestep = 9,
  kDetach = 17,
  kOldSetoptions = 21,
  kSyscall = 24,
  kSysemu = 31,
  kSysemuSinglestep = 32,
  kSingleblock = 33,
  kSetoptions = 0x4200,
  kGeteventmsg = 0x4201,
  kGetsiginfo = 0x4202,
  kSetsiginfo = 0x4203,
  kSeize = 0x4206,
  kSetsigmask = 0x420b,
  kGetSyscallInfo = 0x420e,
};

// All 64 bits of what need not be a signal.
std::uint64_t resumed_with(std::string_view text) {
  const auto value = number(text);
  return static_cast<std::uint64_t>(value ? *value : signal(text));
}

void ptrace_call(Arguments &arguments, Event &event) {
  event.request = request(arguments.next());
  if (event.request == kTraceme) return;
  event.target = pid(arguments.next());
  const auto address = [&] {
    event.addr = static_cast<std::uint64_t>(number(arguments.next(), "an address"));
  };
  switch (event.request) {
    case kCont:
    case kSinglestep:
    case kDetach:
    case kSyscall:
    case kSysemu:
    case kSysemuSinglestep:
    case kSingleblock:
      address();
      event.data = resumed_with(arguments.next());
      break;
    case kOldSetoptions:
    case kSetoptions:
    case kSeize:
      address();
      event.data = ptrace_options(arguments.next());
      break;
    case kGeteventmsg:
      address();
      if (event.ret) event.message = message(arguments.next());
      break;
    case kGetSyscallInfo:
      address();
      if (event.ret && *event.ret > 0) event.message = syscall_info_op(arguments.next());
      break;
    case kGetsiginfo:
      address();
      if (event.ret) event.siginfo = siginfo(arguments.next());
      break;
    case kSetsiginfo:
      address();
      event.siginfo = siginfo(arguments.next());
      break;
    case kSetsigmask:
      address();
      event.mask = signal_set(arguments.next()).value_or(0);
      break;
    default:  // no further argument, or none that says something about stops
      break;
  }
}

void wait_call(Arguments &arguments, Event &event) {
  event.target = pid(arguments.next());
  if (!event.ret) return;
  event.status = wait_status(arguments.next());
  event.options = wait_options(arguments.next());
}

void waitid_call(Arguments &arguments, Event &event) {
  enum { kAll, kPid, kGroup, kPidfd };
  const int type = id_type(arguments.next());
  const pid_t id = pid(arguments.next());
  event.target = type == kAll ? -1 : type == kGroup ? -id : id;
  if (event.ret) {
    event.siginfo = siginfo(arguments.next());
    event.options = wait_options(arguments.next());
  }
  if (type != kPidfd) return;
  // Whose pidfd it is only a child that it found tells.
  if (event.siginfo && event.siginfo->pid != 0) {
    event.target = event.siginfo->pid;
  } else {
    event.call = Call::other;
    event.target = event.options = 0;
    event.siginfo.reset();
  }
}

void kill_call(Arguments &arguments, Event &event) {
  event.target = pid(arguments.next());
  event.sig = signal(arguments.next());
}

void tgkill_call(Arguments &arguments, Event &event) {
  event.tgid = pid(arguments.next());
  kill_call(arguments, event);
}

void sigprocmask_call(Arguments &arguments, Event &event) {
  const int how = mask_change(arguments.next());
  const auto set = signal_set(arguments.next());
  if (!set) {  // only asks for the mask
    event.call = Call::other;
    return;
  }
  event.how = how;
  event.mask = *set;
}

void sigaction_call(Arguments &arguments, Event &event) {
  const int sig = signal(arguments.next());
  std::string_view action = arguments.next();
  if (!skip(action, "{sa_handler=")) {  // only asks for the action
    number(action, "an action");
    event.call = Call::other;
    return;
  }
  event.sig = sig;
  const auto handler = number(action);
  event.disposition = action.starts_with("SIG_DFL") || handler == 0   ? Disposition::deflt
                      : action.starts_with("SIG_IGN") || handler == 1 ? Disposition::ignore
                                                                      : Disposition::handle;
}

void exit_call(Arguments &arguments, Event &event) {
  event.data = static_cast<std::uint64_t>(number(arguments.next(), "an exit code"));
}

void no_arguments(Arguments &, Event &) {}

struct Decoder {
  std::string_view name;
  Call call;
  void (*decode)(Arguments &, Event &);
};

// Of the flags only whether the child is a thread: clone(STACK, FLAGS, ...), clone3({flags=...}).
void clone_call(Arguments &arguments, Event &event) {
  constexpr std::int64_t kThread = 0x10000;  // CLONE_THREAD
  std::string_view text = arguments.next();
  if (skip(text, "{"))
    skip(text, "flags=");
  else
    text = arguments.next();
  text = text.substr(0, text.find_first_of(",}"));
  const auto bits = number(text.substr(0, text.find('|')));
  if (bits ? (*bits & kThread) != 0 : text.find("CLONE_THREAD") != text.npos) event.data |= kThread;
}

// The frequent ones first.
constexpr Decoder kDecoders[] = {
    {"ptrace", Call::ptrace, ptrace_call},
    {"wait4", Call::wait4, wait_call},
    {"rt_sigprocmask", Call::rt_sigprocmask, sigprocmask_call},
    {"rt_sigaction", Call::rt_sigaction, sigaction_call},
    {"waitid", Call::waitid, waitid_call},
    {"waitpid", Call::wait4, wait_call},
    {"kill", Call::kill, kill_call},
    {"tgkill", Call::tgkill, tgkill_call},
    {"tkill", Call::tgkill, kill_call},
    {"fork", Call::fork, no_arguments},
    {"vfork", Call::fork, no_arguments},
    {"clone", Call::fork, clone_call},
    {"clone3", Call::fork, clone_call},
    {"execve", Call::execve, no_arguments},
    {"execveat", Call::execve, no_arguments},
    {"exit", Call::exit, exit_call},
    {"_exit", Call::exit, exit_call},  // strace before 4.14
    {"exit_group", Call::exit_group, exit_call},
};

// ---- Results ------------------------------------------------------------------------------------

// 0, 1234<comm>, -1 ESRCH (No such process), -1 (errno 524), ?, ? ERESTARTSYS (To be restarted...)
void decode_result(std::string_view result, Event &event) {
  std::string_view rest = result;
  if (skip(rest, "?")) {
    if (!rest.empty() && rest[0] != ' ') expected("a result", result);
    // A call that the kernel restarts had no effect, as one that EINTR ended.
    if (rest.starts_with(" ERESTART")) {
      event.ret = -1;
      event.err = kInterrupted;
    }
    return;
  }
  event.ret = number(result, "a result");
  if (event.ret != -1) return;
  rest.remove_prefix(std::min(result.find(' '), result.size()));
  if (skip(rest, " (errno ")) {
    event.err = static_cast<int>(number(rest, "an error"));
    return;
  }
  skip(rest, " ");
  const std::string_view name = rest.substr(0, rest.find(' '));
  const auto known = errno_number(name);
  // strace has errors that no process sees. With its explanation the name is at least whole.
  if (!known && (!name.starts_with('E') || name.size() == rest.size())) expected("an error", rest);
  event.err = known.value_or(0);
}

}  // namespace

void decode_call(const CallText &call, Event &event) {
  event.call = Call::other;
  if (call.result) {
    decode_result(*call.result, event);
    if (call.result->find("(INJECTED") != call.result->npos) return;
  }
  for (const Decoder &decoder : kDecoders) {
    if (decoder.name != call.name) continue;
    event.call = decoder.call;
    Arguments arguments(call.arguments);
    decoder.decode(arguments, event);
    return;
  }
}

}  // namespace ptmc::traces::strace
