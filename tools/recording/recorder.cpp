#include "tools/recording/recorder.hpp"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/ptrace.h>
#include <poll.h>
#include <sched.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdarg>
#include <cstring>
#include <memory>
#include <optional>

#include "model/input_error.hpp"
#include "tools/recording/record.h"
#include "traces/jsonl.hpp"
#include "traces/keeper.hpp"
#include "traces/trace.hpp"

// recorder.bpf.c, as the build has compiled it.
asm(R"(
  .section .rodata
  .balign 8
  .globl ptmc_recorder_program, ptmc_recorder_program_end
ptmc_recorder_program:
  .incbin ")" PTMC_RECORDER R"("
ptmc_recorder_program_end:
  .previous
)");
extern "C" const char ptmc_recorder_program[], ptmc_recorder_program_end[];

namespace ptmc::tools {
namespace {

using traces::Call;
using traces::Event;

// ---- From a record to an event ------------------------------------------------------------------

template <class T>
std::optional<T> datum(const ptmc_record &r, std::size_t at = 0) {
  T value;
  if (r.have < at + sizeof(value)) return std::nullopt;
  std::memcpy(&value, r.data + at, sizeof(value));
  return value;
}

// As in the siginfo_t of 64 bits: of signo, code, pid, status.
std::optional<traces::Siginfo> siginfo(const ptmc_record &r, std::size_t at = 0) {
  if (r.have < at + PTMC_SIGINFO_SIZE) return std::nullopt;
  const auto word = [&](std::size_t offset) { return datum<int>(r, at + offset).value_or(0); };
  return traces::Siginfo{word(0), word(8), word(16), word(24)};
}

pid_t pid(__u64 argument) { return static_cast<pid_t>(argument); }

void ptrace_call(const ptmc_record &r, Event &e) {
  e.call = Call::ptrace;
  e.request = static_cast<long>(r.args[0]);
  if (e.request == PTRACE_TRACEME) return;
  e.target = pid(r.args[1]);
  e.addr = r.args[2];
  const bool done = e.ret && *e.ret >= 0;
  switch (e.request) {
    case PTRACE_GETEVENTMSG:
      if (done) e.message = datum<std::uint64_t>(r);
      break;
    case PTRACE_GET_SYSCALL_INFO:
      if (const auto op = datum<std::uint8_t>(r); done && op) e.message = *op;
      break;
    case PTRACE_GETSIGINFO:
      if (done) e.siginfo = siginfo(r);
      break;
    case PTRACE_SETSIGINFO:
      e.siginfo = siginfo(r);
      break;
    case PTRACE_GETSIGMASK:
    case PTRACE_SETSIGMASK:
      e.mask = datum<std::uint64_t>(r).value_or(0);
      break;
    case PTRACE_PEEKSIGINFO:
      e.addr = datum<std::uint64_t>(r).value_or(0);
      e.options = datum<int>(r, 8).value_or(0);
      e.data = static_cast<std::uint64_t>(datum<int>(r, 12).value_or(0));
      e.unreadable = r.have == 0;
      if (done) e.siginfo = siginfo(r, 16);
      break;
    default:
      e.data = r.args[3];
  }
}

void waitid_call(const ptmc_record &r, Event &e) {
  e.call = Call::waitid;
  e.target = r.args[0] == P_ALL ? -1 : r.args[0] == P_PGID ? -pid(r.args[1]) : pid(r.args[1]);
  e.options = static_cast<int>(r.args[3]);
  e.siginfo = siginfo(r);
  if (r.args[0] != P_PIDFD) return;
  // Whose pidfd it is only a child that it found tells.
  if (e.siginfo && e.siginfo->pid != 0)
    e.target = e.siginfo->pid;
  else
    e.call = Call::other;
}

void sigaction_call(const ptmc_record &r, Event &e) {
  const auto handler = datum<std::uint64_t>(r);
  if (!handler) return;  // it only asks
  e.call = Call::rt_sigaction;
  e.sig = static_cast<int>(r.args[0]);
  e.disposition = *handler == 0   ? traces::Disposition::deflt
                  : *handler == 1 ? traces::Disposition::ignore
                                  : traces::Disposition::handle;
}

void sigprocmask_call(const ptmc_record &r, Event &e) {
  const auto mask = datum<std::uint64_t>(r);
  if (!mask) return;
  e.call = Call::rt_sigprocmask;
  e.how = static_cast<int>(r.args[0]);
  e.mask = *mask;
}

void kill_call(Event &e, Call call, __u64 tgid, __u64 target, __u64 sig) {
  e.call = call;
  e.tgid = pid(tgid);
  e.target = pid(target);
  e.sig = static_cast<int>(sig);
}

void fork_call(Event &e, std::uint64_t flags) {
  e.call = Call::fork;
  e.data = flags;
}

void read_call(const ptmc_record &r, Event &e) {
  constexpr int kRestarts = 512, kLastRestart = 516;  // ERESTARTSYS, ERESTART_RESTARTBLOCK
  if (r.returned != 0) {
    e.ret = r.ret;
    if (r.ret < 0 && r.ret > -4096) {
      e.ret = -1;
      e.err = static_cast<int>(-r.ret);
      // A call that the kernel restarts had no effect, as one that EINTR ended.
      if (e.err >= kRestarts && e.err <= kLastRestart) e.err = EINTR;
    }
  } else {
    e.t1 = UINT64_MAX;
  }
  switch (r.nr) {
    case SYS_ptrace:
      return ptrace_call(r, e);
    case SYS_wait4:
      e.call = Call::wait4;
      e.target = pid(r.args[0]);
      e.options = static_cast<int>(r.args[2]);
      e.status = datum<int>(r);
      return;
    case SYS_waitid:
      return waitid_call(r, e);
    case SYS_kill:
    case SYS_rt_sigqueueinfo:
      return kill_call(e, Call::kill, 0, r.args[0], r.args[1]);
    case SYS_tkill:
      return kill_call(e, Call::tgkill, 0, r.args[0], r.args[1]);
    case SYS_tgkill:
    case SYS_rt_tgsigqueueinfo:
      return kill_call(e, Call::tgkill, r.args[0], r.args[1], r.args[2]);
    case SYS_fork:
      return fork_call(e, SIGCHLD);
    case SYS_vfork:
      return fork_call(e, CLONE_VFORK | CLONE_VM | SIGCHLD);
    case SYS_clone:
      return fork_call(e, r.args[0]);
    case SYS_clone3:  // flags, pidfd, child_tid, parent_tid, exit_signal
      return fork_call(
          e, datum<std::uint64_t>(r).value_or(0) | datum<std::uint64_t>(r, 32).value_or(0));
    case SYS_execve:
    case SYS_execveat:
      e.call = Call::execve;
      return;
    case SYS_rt_sigaction:
      return sigaction_call(r, e);
    case SYS_rt_sigprocmask:
      return sigprocmask_call(r, e);
    case SYS_exit:
    case SYS_exit_group:
      e.call = r.nr == SYS_exit ? Call::exit : Call::exit_group;
      e.data = r.args[0];
      return;
    default:  // pidfd_send_signal: nobody knows to whom
      return;
  }
}

Event to_event(const ptmc_record &r) {
  Event e;
  e.pid = r.pid;
  e.t0 = r.t0;
  e.t1 = r.t1;
  if (r.kind == PTMC_CALL) {
    read_call(r, e);
    return e;
  }
  e.ret = 0;
  const auto kernel_event = [&](Call call) {
    e.call = call;
    e.kernel = true;
    e.target = r.target;
  };
  const auto signal = [&] {
    e.sig = static_cast<int>(r.args[0]);
    e.siginfo = traces::Siginfo{e.sig, static_cast<int>(r.args[1])};
  };
  const auto state = [&] {
    constexpr __u64 kTraced = 8;  // __TASK_TRACED
    e.data = r.args[0] & kTraced ? 't' : 'T';
  };
  switch (r.kind) {
    case PTMC_SIGCHLD:
      e.call = Call::sigchld;
      e.siginfo = siginfo(r);
      break;
    case PTMC_DIED:
      e.call = Call::died;
      e.status = static_cast<int>(r.ret);
      break;
    case PTMC_GENERATE:
      kernel_event(Call::signal_generate);
      signal();
      e.options = r.args[2] != 0;
      e.data = r.args[3];
      break;
    case PTMC_DELIVER:
      kernel_event(Call::signal_deliver);
      signal();
      break;
    case PTMC_SLEEPS:
      kernel_event(Call::sched_switch);
      state();
      break;
    case PTMC_WOKEN:
      kernel_event(Call::sched_waking);
      state();
      break;
    case PTMC_BORN:
      kernel_event(Call::sched_process_fork);
      e.child = r.target;
      break;
    case PTMC_EXECED:
      kernel_event(Call::sched_process_exec);
      e.target = pid(r.args[0]);
      break;
    case PTMC_EXITS:
      kernel_event(Call::sched_process_exit);
      e.status = static_cast<int>(r.ret);
      break;
  }
  return e;
}

// ---- The programs in the kernel -----------------------------------------------------------------

std::string libbpf_says;  // its last warning

int keep_warning(libbpf_print_level level, const char *format, va_list arguments) {
  if (level != LIBBPF_WARN) return 0;
  std::array<char, 400> text{};
  const int size = std::vsnprintf(text.data(), text.size(), format, arguments);
  libbpf_says = text.data();
  while (libbpf_says.ends_with('\n')) libbpf_says.pop_back();
  return size;
}

[[noreturn]] void not_possible(const std::string &what) {
  throw traces::NotPossible("cannot record here: " + what);
}

class Programs {
 public:
  Programs(bool kernel_events, std::function<void(const ptmc_record &)> take)
      : take_(std::move(take)) {
    libbpf_set_print(keep_warning);
    if (access("/sys/kernel/btf/vmlinux", R_OK) != 0)
      not_possible("the kernel does not describe its types (/sys/kernel/btf/vmlinux)");
    LIBBPF_OPTS(bpf_object_open_opts, options, .object_name = "ptmc");
    const auto size = static_cast<std::size_t>(ptmc_recorder_program_end - ptmc_recorder_program);
    object_.reset(bpf_object__open_mem(ptmc_recorder_program, size, &options));
    if (!object_) fail("opening the programs");
    bpf_program *program = nullptr;
    bpf_object__for_each_program(program, object_.get()) {
      const bool of_tracees = std::strncmp(bpf_program__name(program), "tracee_", 7) == 0;
      bpf_program__set_autoload(program, kernel_events || !of_tracees);
    }
    if (bpf_object__load(object_.get()) != 0) {
      if (errno == EPERM || errno == EACCES)
        not_possible(
            "eBPF programs need root (CAP_BPF and CAP_PERFMON), and a kernel not locked "
            "down");
      fail("loading programs into the kernel");
    }
    ring_.reset(ring_buffer__new(map("ring"), received, this, nullptr));
    if (!ring_) fail("the ring buffer");
    bpf_object__for_each_program(program, object_.get()) {
      if (!bpf_program__autoload(program)) continue;
      links_.emplace_back(bpf_program__attach(program));
      if (!links_.back()) fail(fmt::format("attaching {}", bpf_program__name(program)));
    }
  }

  void follow(int pidfd) {
    const bpf_map *threads = bpf_object__find_map_by_name(object_.get(), "threads");
    const std::vector<char> none(bpf_map__value_size(threads));
    if (bpf_map_update_elem(bpf_map__fd(threads), &pidfd, none.data(), BPF_ANY) != 0)
      fail("following the command");
  }
  void consume() { ring_buffer__consume(ring_.get()); }
  // What happens from here on is not recorded.
  void detach() {
    links_.clear();
    consume();
  }
  ptmc_losses losses() const {
    ptmc_losses losses{};
    const int zero = 0;
    bpf_map_lookup_elem(map("losses"), &zero, &losses);
    return losses;
  }

 private:
  struct Destroy {
    void operator()(bpf_object *o) const { bpf_object__close(o); }
    void operator()(bpf_link *l) const { bpf_link__destroy(l); }
    void operator()(ring_buffer *r) const { ring_buffer__free(r); }
  };

  static int received(void *self, void *data, std::size_t size) {
    ptmc_record record{};  // its data are left out where there are none
    std::memcpy(&record, data, std::min(size, sizeof(record)));
    static_cast<Programs *>(self)->take_(record);
    return 0;
  }
  int map(const char *name) const { return bpf_object__find_map_fd_by_name(object_.get(), name); }
  [[noreturn]] void fail(const std::string &doing) const {
    const int error = errno;
    not_possible(fmt::format("{}: {}{}", doing, std::strerror(error),
                             libbpf_says.empty() ? "" : " (" + libbpf_says + ")"));
  }

  std::function<void(const ptmc_record &)> take_;
  std::unique_ptr<bpf_object, Destroy> object_;
  std::unique_ptr<ring_buffer, Destroy> ring_;
  std::vector<std::unique_ptr<bpf_link, Destroy>> links_;
};

// ---- The command --------------------------------------------------------------------------------

struct File {
  explicit File(int number) : fd(number) {}
  ~File() {
    if (fd >= 0) close(fd);
  }
  File(const File &) = delete;
  File &operator=(const File &) = delete;
  const int fd;
};

pid_t command_pid = 0;

extern "C" void pass_on(int sig) {
  const int error = errno;
  kill(command_pid, sig);
  errno = error;
}

// While the command runs the terminal's signals are its own.
class Signals {
 public:
  Signals() {
    struct sigaction action {};
    for (std::size_t i = 0; i < kSignals.size(); ++i) {
      action.sa_handler = i < 2 ? SIG_IGN : pass_on;
      sigaction(kSignals[i], &action, &before_[i]);
    }
  }
  ~Signals() { restore(); }
  Signals(const Signals &) = delete;
  Signals &operator=(const Signals &) = delete;
  void restore() {
    for (std::size_t i = 0; i < kSignals.size(); ++i) sigaction(kSignals[i], &before_[i], nullptr);
  }

 private:
  static constexpr std::array kSignals{SIGINT, SIGQUIT, SIGTERM, SIGHUP};
  std::array<struct sigaction, kSignals.size()> before_{};
};

class Output {
 public:
  explicit Output(const std::string &name) : name_(name), file_(std::fopen(name.c_str(), "we")) {
    if (!file_) fail();
  }
  void write(const std::string &text) {
    if (std::fwrite(text.data(), 1, text.size(), file_.get()) != text.size()) fail();
  }
  void flush() {
    if (std::fflush(file_.get()) != 0) fail();
  }

 private:
  struct Close {
    void operator()(std::FILE *f) const { std::fclose(f); }
  };
  [[noreturn]] void fail() const { throw InputError(name_, 0, std::strerror(errno)); }
  const std::string name_;
  const std::unique_ptr<std::FILE, Close> file_;
};

// Runs the command once `go` is readable; tells by `failed` why it cannot.
[[noreturn]] void be_command(const std::vector<std::string> &command, Signals &signals, int go,
                             int failed) {
  signals.restore();
  char byte = 0;
  if (read(go, &byte, 1) != 1) _exit(127);  // the recorder has given up
  std::vector<char *> arguments;
  for (const std::string &argument : command)
    arguments.push_back(const_cast<char *>(argument.c_str()));
  arguments.push_back(nullptr);
  execvp(arguments[0], arguments.data());
  const int error = errno;
  [[maybe_unused]] const ssize_t told = write(failed, &error, sizeof(error));
  _exit(127);
}

void tell_losses(const ptmc_losses &l, std::size_t requests, const std::string &output) {
  const auto tell = [](const std::string &what) { fmt::print(stderr, "ptmc: {}\n", what); };
  if (l.records != 0)
    tell(fmt::format("warning: {} calls found no room: the trace ends before them", l.records));
  if (l.nested != 0)
    tell(
        fmt::format("warning: not recorded: {} ptrace calls from PID namespaces inside the "
                    "command's",
                    l.nested));
  if (l.compat != 0)
    tell(fmt::format("warning: not recorded: {} ptrace calls of 32-bit programs", l.compat));
  if (requests == 0) tell(fmt::format("warning: no ptrace call in {}", output));
}

}  // namespace

int record(const Recording &recording) {
  std::optional<Output> output;
  std::size_t requests = 0;
  std::uint64_t complete_until = UINT64_MAX;
  Programs programs(recording.kernel_events, [&](const ptmc_record &r) {
    const Event e = to_event(r);
    if (e.call == Call::other || r.t1 >= complete_until) return;
    requests += e.call == Call::ptrace;
    output->write(traces::event_line(e));
  });

  std::array<int, 2> go{}, failed{};
  if (pipe2(go.data(), O_CLOEXEC) != 0 || pipe2(failed.data(), O_CLOEXEC) != 0)
    not_possible(std::strerror(errno));
  const File go_read(go[0]), failed_read(failed[0]);
  auto go_write = std::make_unique<File>(go[1]), failed_write = std::make_unique<File>(failed[1]);
  output.emplace(recording.output);
  Signals signals;
  command_pid = fork();
  if (command_pid < 0) not_possible(std::strerror(errno));
  if (command_pid == 0) {
    go_write.reset();
    be_command(recording.command, signals, go[0], failed[1]);
  }
  const File pidfd(static_cast<int>(syscall(SYS_pidfd_open, command_pid, 0)));
  programs.follow(pidfd.fd);

  utsname system{};
  uname(&system);
  traces::Trace trace;
  trace.kernel = system.release;
  trace.world = traces::World::open;
  trace.tracer = command_pid;
  output->write(traces::header_line(trace));
  output->flush();

  failed_write.reset();
  if (write(go[1], "g", 1) != 1) not_possible(std::strerror(errno));
  int error = 0;
  if (read(failed[0], &error, sizeof(error)) > 0) {
    waitpid(command_pid, nullptr, 0);
    throw InputError(recording.command[0], 0, std::strerror(error));
  }
  int status = 0;
  for (bool running = true; running;) {
    constexpr int kLook = 20;  // ms: so much is lost if the recorder is killed
    pollfd ended{pidfd.fd, POLLIN, 0};
    poll(&ended, 1, kLook);
    running = waitpid(command_pid, &status, WNOHANG) == 0;
    if (!running) programs.detach();
    if (const ptmc_losses l = programs.losses(); l.since != 0) complete_until = l.since;
    programs.consume();
    output->flush();
  }
  tell_losses(programs.losses(), requests, recording.output);
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace ptmc::tools
