// The first process of a guest of tools/kernels: mounts what a tracer needs, runs ptmc-run, hands
// its output out through the second serial port, and ends qemu with its exit status.
#include <fcntl.h>
#include <sys/io.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace {

constexpr int exit_port = 0xf4;  // qemu's isa-debug-exit: a byte N ends qemu with status 2 N + 1
constexpr int not_run = 126;  // an exit status: ptmc-run was killed, or the guest lacks something
constexpr int not_executed = 127;  // an exit status: there is no executable ptmc-run

[[noreturn]] void end_guest(int status) {
  tcdrain(STDOUT_FILENO);
  tcdrain(STDERR_FILENO);
  if (ioperm(exit_port, 1, 1) == 0) outb(static_cast<unsigned char>(status), exit_port);
  _exit(status);  // the kernel panics, which ends qemu as well
}

void require(bool done, const char *what) {
  if (done) return;
  dprintf(STDERR_FILENO, "init: %s: %s\n", what, strerror(errno));
  end_guest(not_run);
}

void mount_at(const char *path, const char *type) {
  mkdir(path, 0755);
  require(mount(type, path, type, 0, nullptr) == 0, path);
}

void open_as(int fd, const char *path) {
  const int opened = open(path, O_RDWR | O_NOCTTY);
  require(opened >= 0 && dup2(opened, fd) == fd, path);
  if (opened != fd) close(opened);
}

// Makes FD the serial port at PATH, which then passes on every byte as it is.
void open_port(int fd, const char *path) {
  open_as(fd, path);
  termios settings;
  require(tcgetattr(fd, &settings) == 0, path);
  cfmakeraw(&settings);
  require(tcsetattr(fd, TCSANOW, &settings) == 0, path);
}

int run() {
  const pid_t child = fork();
  require(child >= 0, "fork");
  if (child == 0) {
    setsid();
    execl("/ptmc-run", "ptmc-run", "/vectors.json", "--format", "json", nullptr);
    dprintf(STDERR_FILENO, "init: ptmc-run: %s\n", strerror(errno));
    _exit(not_executed);
  }
  int status = 0;
  while (wait(&status) != child) continue;  // orphans end here too
  if (WIFEXITED(status)) return WEXITSTATUS(status);
  dprintf(STDERR_FILENO, "init: ptmc-run was killed by signal %d\n", WTERMSIG(status));
  return not_run;
}

}  // namespace

int main() {
  mount_at("/dev", "devtmpfs");
  open_as(STDIN_FILENO, "/dev/null");
  open_port(STDERR_FILENO, "/dev/ttyS0");
  open_port(STDOUT_FILENO, "/dev/ttyS1");
  mount_at("/proc", "proc");
  mount_at("/sys", "sysfs");
  mount_at("/tmp", "tmpfs");
  mount_at("/dev/shm", "tmpfs");
  end_guest(run());
}
