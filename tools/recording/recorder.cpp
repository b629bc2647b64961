#include "tools/recording/recorder.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <memory>
#include <optional>

#include "model/input_error.hpp"
#include "tools/recording/sight.hpp"
#include "traces/jsonl.hpp"
#include "traces/keeper.hpp"
#include "traces/trace.hpp"

namespace ptmc::tools {
namespace {

using traces::Call;
using traces::Event;

constexpr int kGivesWay = 10;  // niceness: where processors are few the command comes first

[[noreturn]] void not_possible(const std::string &what) {
  throw traces::NotPossible("cannot record here: " + what);
}

void tell(const std::string &what) { fmt::print(stderr, "ptmc: {}\n", what); }

std::unique_ptr<Sight> sight_of(const Recording &recording, const Take &take) {
  if (recording.by == "library" && recording.kernel_events)
    throw InputError("", 0, "--kernel-events are seen by eBPF alone");
  if (recording.by == "library") return preload(recording.command[0], take);
  try {
    return look_inside(recording.kernel_events, take);
  } catch (const traces::NotPossible &reason) {
    if (recording.by == "ebpf" || recording.kernel_events) throw;
    auto library = preload(recording.command[0], take);
    tell(fmt::format("warning: {}; a preloaded library sees what is called through libc instead",
                     reason.what()));
    return library;
  }
}

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

// An error is kept until the end: it is no reason to disturb the command.
class Output {
 public:
  explicit Output(const std::string &name) : name_(name), file_(std::fopen(name.c_str(), "we")) {
    if (!file_) throw InputError(name_, 0, std::strerror(errno));
  }
  void write(const std::string &text) {
    note(std::fwrite(text.data(), 1, text.size(), file_.get()) == text.size());
  }
  void flush() { note(std::fflush(file_.get()) == 0); }
  void check() const {
    if (error_ != 0) throw InputError(name_, 0, std::strerror(error_));
  }

 private:
  struct Close {
    void operator()(std::FILE *f) const { std::fclose(f); }
  };
  void note(bool written) {
    if (!written && error_ == 0) error_ = errno;
  }
  const std::string name_;
  const std::unique_ptr<std::FILE, Close> file_;
  int error_ = 0;
};

// Runs the command once `go` is readable; tells by `failed` why it cannot.
[[noreturn]] void be_command(const std::vector<std::string> &command, const Sight &sight,
                             Signals &signals, int go, int failed) {
  signals.restore();
  sight.prepare();
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
  const auto sight = sight_of(recording, [&](const ptmc_record &r) {
    const Event e = to_event(r);
    if (e.call == Call::other) return;
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
    be_command(recording.command, *sight, signals, go[0], failed[1]);
  }
  setpriority(PRIO_PROCESS, 0, kGivesWay);
  const File pidfd(static_cast<int>(syscall(SYS_pidfd_open, command_pid, 0)));
  sight->follow(pidfd.fd);

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
    if (!running) sight->stop();
    sight->consume();
    output->flush();
  }
  output->check();
  tell_losses(sight->losses(), requests, recording.output);
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace ptmc::tools
