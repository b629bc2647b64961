#include "traces/puppet.hpp"

#include <fcntl.h>
#include <linux/futex.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <climits>
#include <string>
#include <system_error>

// The program of puppet/, as the build has made it.
asm(R"(
  .section .rodata
  .globl ptmc_puppet_program, ptmc_puppet_program_end
ptmc_puppet_program:
  .incbin ")" PTMC_PUPPET R"("
ptmc_puppet_program_end:
  .previous
)");
extern "C" const char ptmc_puppet_program[], ptmc_puppet_program_end[];

namespace ptmc::traces {
namespace {

[[noreturn]] void fail(const char *what) {
  throw std::system_error(errno, std::generic_category(), what);
}

int memory_file(const char *name) {
  const int file = memfd_create(name, MFD_CLOEXEC);
  if (file < 0) fail("memfd_create");
  return file;
}

std::string read_proc(const Board &board, pid_t role, const char *name) {
  const Slot &slot = board.slots[role];
  if (slot.dead) return "";
  const std::string path = "/proc/" + std::to_string(board.slots[slot.leader].tid()) + "/task/" +
                           std::to_string(slot.tid()) + "/" + name;
  std::array<char, 4096> text;
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  const ssize_t size = file < 0 ? 0 : read(file, text.data(), text.size());
  if (file >= 0) close(file);
  return {text.data(), static_cast<std::size_t>(std::max<ssize_t>(size, 0))};
}

}  // namespace

std::uint64_t now() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000 +
         static_cast<std::uint64_t>(time.tv_nsec);
}

std::optional<Event> final_event(const Record &record, std::uint64_t end) {
  Event event = record.event;
  if (record.phase == Record::unused || event.t0 > end) return std::nullopt;
  if (record.phase == Record::begun || event.t1 > end) event.t1 = UINT64_MAX;
  if (record.phase == Record::ended && event.t1 <= end) return event;
  event.ret.reset();  // the results may be half written
  event.err = 0;
  event.status.reset();
  event.siginfo.reset();
  event.message.reset();
  return event;
}

char proc_state(const Board &board, pid_t role) {
  const std::string stat = read_proc(board, role, "stat");  // PID (NAME) STATE ...
  const std::size_t name_end = stat.rfind(')');
  return name_end == std::string::npos ? 'X' : stat.at(name_end + 2);
}

char settled_state(const Board &board, pid_t role) {
  const char state = proc_state(board, role);
  if (state == 't' || state == 'T') read_proc(board, role, "syscall");
  return state;
}

std::uint64_t pending_signals(const Board &board, pid_t role) {
  const std::string status = read_proc(board, role, "status");
  std::uint64_t pending = 0;
  for (const std::string key : {"SigPnd:", "ShdPnd:"})
    if (const std::size_t found = status.find(key); found != std::string::npos)
      pending |= std::stoull(status.substr(found + key.size()), nullptr, 16);
  return pending & ~(std::uint64_t{1} << (SIGKILL - 1));
}

void post(Slot &slot, const Event &call, int step) {
  slot.call = call;
  slot.step = step;
  slot.posted.fetch_add(1, std::memory_order_release);
  // For those that are no tracees; not FUTEX_PRIVATE, they are other processes.
  syscall(SYS_futex, &slot.posted, FUTEX_WAKE, INT_MAX, nullptr, nullptr, 0);
}

SharedBoard::SharedBoard() : descriptor_(memory_file("ptmc-board")) {
  if (ftruncate(descriptor_, sizeof(Board)) != 0) fail("ftruncate");
  void *memory = mmap(nullptr, sizeof(Board), PROT_READ | PROT_WRITE, MAP_SHARED, descriptor_, 0);
  if (memory == MAP_FAILED) fail("mmap");
  board_ = static_cast<Board *>(memory);  // all zero, which is how it begins
}

SharedBoard::~SharedBoard() {
  munmap(board_, sizeof(Board));
  close(descriptor_);
}

int puppet_program() {
  static const int program = [] {
    const int file = memory_file("ptmc-puppet");
    const auto size = static_cast<std::size_t>(ptmc_puppet_program_end - ptmc_puppet_program);
    if (write(file, ptmc_puppet_program, size) != static_cast<ssize_t>(size)) fail("write");
    return file;
  }();
  return program;
}

void take_short_turns() {
  struct {
    std::uint32_t size, policy;
    std::uint64_t flags;
    std::int32_t nice;
    std::uint32_t priority;
    std::uint64_t runtime, deadline, period;
  } attributes{};
  attributes.size = sizeof attributes;
  attributes.runtime = 100'000;  // ns, the least
  syscall(SYS_sched_setattr, 0, &attributes, 0);
}

// Between vfork and the new program: nothing here may allocate.
void play(int board, int program, pid_t role) {
  for (const int file : {board, program}) fcntl(file, F_SETFD, 0);
  if (role == who::t0) {
    setpgid(0, 0);
    prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);  // EINVAL where there is no Yama
  }
  std::array<std::array<char, 12>, 3> texts{};
  const char *argv[] = {texts[0].data(), texts[1].data(), texts[2].data(), nullptr};
  const int numbers[] = {role, board, program};
  for (std::size_t k = 0; k < texts.size(); ++k)
    std::to_chars(texts[k].data(), texts[k].data() + texts[k].size() - 1, numbers[k]);
  const char *environment[] = {nullptr};
  syscall(SYS_execveat, program, "", argv, environment, AT_EMPTY_PATH);
  _exit(1);
}

}  // namespace ptmc::traces
