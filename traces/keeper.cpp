#include "traces/keeper.hpp"

#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "traces/puppet.hpp"

namespace ptmc::traces {
namespace {

// How it went, from the keeper and the stage to the caller.
struct Report {
  enum class Outcome { fine, no_namespace, not_possible };
  std::atomic<Outcome> outcome;
  std::array<char, 200> what;
  void say(Outcome how, const std::string &text) {
    text.copy(what.data(), what.size() - 1);
    outcome = how;
  }
};

// Those that are alive and a child by now. Killing them makes their children so.
std::vector<pid_t> children() {
  std::vector<pid_t> found;
  for (const auto &entry : std::filesystem::directory_iterator("/proc")) {
    std::ifstream file(entry.path() / "stat");  // PID (NAME) STATE PPID ...
    std::string stat;
    std::getline(file, stat);
    const std::size_t name_end = stat.rfind(')');
    if (name_end == std::string::npos) continue;
    std::istringstream rest(stat.substr(name_end + 1));
    char state = 0;
    pid_t parent = 0;
    if (rest >> state >> parent && parent == getpid())
      found.push_back(static_cast<pid_t>(std::stol(stat)));
  }
  return found;
}

void play_stage(Report &report, const std::function<void(bool)> &stage, bool own_namespace) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  const rlimit no_core{0, 0};
  setrlimit(RLIMIT_CORE, &no_core);
  prctl(PR_SET_TIMERSLACK, 1);
  prctl(PR_SET_CHILD_SUBREAPER, 1);  // orphans are the stage's, also where it is not init
  take_short_turns();
  if (own_namespace && (mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
                        mount("proc", "/proc", "proc", 0, nullptr) != 0))
    return report.say(Report::Outcome::no_namespace, "mount");
  stage(own_namespace);
}

void play_keeper(Report &report, const std::function<void(bool)> &stage, bool own_namespace,
                 pid_t caller) {
  for (int sig = 1; sig < NSIG; ++sig) signal(sig, SIG_DFL);
  sigset_t wake;
  sigemptyset(&wake);
  sigaddset(&wake, SIGCHLD);
  sigaddset(&wake, SIGTERM);
  sigprocmask(SIG_SETMASK, &wake, nullptr);
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (getppid() != caller) return;
  // A session of its own keeps the terminal's signals out. The keeper is in it too, for orphans
  // come to it: else their process group would be an orphaned one, whose stops the kernel undoes.
  setsid();
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  if (own_namespace && unshare(CLONE_NEWPID | CLONE_NEWNS) != 0)
    return report.say(Report::Outcome::no_namespace, "unshare");
  const pid_t child = fork();
  if (child < 0)
    return report.say(Report::Outcome::not_possible, std::string("fork: ") + strerror(errno));
  if (child == 0) {
    play_stage(report, stage, own_namespace);
    _exit(0);
  }
  while (sigwaitinfo(&wake, nullptr) != SIGTERM && !is_dead(child)) {
  }  // SIGCHLD: also of orphans
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  if (!own_namespace) end_all(false);
}

void keep(const std::function<void(bool)> &stage, bool own_namespace) {
  void *memory =
      mmap(nullptr, sizeof(Report), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw NotPossible(std::string("mmap: ") + strerror(errno));
  auto &report = *static_cast<Report *>(memory);
  const pid_t caller = getpid();
  const pid_t keeper = fork();
  if (keeper == 0) {
    play_keeper(report, stage, own_namespace, caller);
    _exit(0);
  }
  if (keeper < 0)
    report.say(Report::Outcome::not_possible, std::string("fork: ") + strerror(errno));
  while (keeper > 0 && waitpid(keeper, nullptr, 0) < 0 && errno == EINTR) {
  }
  const Report::Outcome outcome = report.outcome;
  const std::string what = report.what.data();
  munmap(memory, sizeof(Report));
  if (outcome == Report::Outcome::no_namespace) return keep(stage, false);
  if (outcome == Report::Outcome::not_possible) throw NotPossible(what);
}

}  // namespace

bool until(const std::function<bool()> &reached, std::uint64_t patience) {
  const std::uint64_t deadline = now() + patience;
  const timespec nap{0, 20'000};  // who sleeps gets a CPU sooner afterwards than who yields it
  while (!reached()) {
    if (now() > deadline) return false;
    nanosleep(&nap, nullptr);
  }
  return true;
}

bool is_dead(pid_t child) {
  siginfo_t info{};
  waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOWAIT | WNOHANG);
  return info.si_pid != 0;
}

void end_all(bool own_namespace) {
  until(
      [&] {
        if (own_namespace)
          kill(-1, SIGKILL);
        else
          for (const pid_t child : children()) kill(child, SIGKILL);
        pid_t reaped = 0;
        while ((reaped = waitpid(-1, nullptr, WNOHANG | __WALL)) > 0) {
        }
        return reaped < 0;  // no child is left
      },
      24 * kPatience);  // whom it gives up runs on for ever
}

void keep(const std::function<void(bool)> &stage) { keep(stage, true); }

}  // namespace ptmc::traces
