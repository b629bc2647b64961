// By programs at the kernel's tracepoints.
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdarg>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "tools/recording/sight.hpp"
#include "traces/keeper.hpp"

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

class Programs : public Sight {
 public:
  Programs(bool kernel_events, Take take) : take_(std::move(take)) {
    libbpf_set_print(keep_warning);
    if (access("/sys/kernel/btf/vmlinux", R_OK) != 0)
      not_possible("the kernel does not describe its types (/sys/kernel/btf/vmlinux)");
    bpf_object_open_opts options{};
    options.sz = sizeof(options);
    options.object_name = "ptmc";
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
    void *losses = mmap(nullptr, sizeof(ptmc_losses), PROT_READ, MAP_SHARED, map("losses"), 0);
    if (losses == MAP_FAILED) fail("what was lost");
    losses_ = static_cast<const volatile ptmc_losses *>(losses);
    ring_.reset(ring_buffer__new(map("ring"), received, this, nullptr));
    if (!ring_) fail("the ring buffer");
    bpf_object__for_each_program(program, object_.get()) {
      if (!bpf_program__autoload(program)) continue;
      links_.emplace_back(bpf_program__attach(program));
      if (!links_.back()) fail(fmt::format("attaching {}", bpf_program__name(program)));
    }
  }

  void follow(int pidfd) override {
    const bpf_map *threads = bpf_object__find_map_by_name(object_.get(), "threads");
    const std::vector<char> none(bpf_map__value_size(threads));
    if (bpf_map_update_elem(bpf_map__fd(threads), &pidfd, none.data(), BPF_ANY) != 0)
      fail("following the command");
  }
  void consume() override { ring_buffer__consume(ring_.get()); }
  void stop() override { links_.clear(); }
  ptmc_losses losses() const override {
    return {losses_->records, losses_->since, losses_->nested, losses_->compat};
  }

 private:
  struct Destroy {
    void operator()(bpf_object *o) const { bpf_object__close(o); }
    void operator()(bpf_link *l) const { bpf_link__destroy(l); }
    void operator()(ring_buffer *r) const { ring_buffer__free(r); }
  };

  static int received(void *self, void *data, std::size_t size) {
    const auto *programs = static_cast<const Programs *>(self);
    ptmc_record record{};  // its data are left out where there are none
    std::memcpy(&record, data, std::min(size, sizeof(record)));
    // What comes after a record that found no room would not make sense.
    const __u64 since = programs->losses_->since;
    if (since == 0 || record.t1 < since) programs->take_(record);
    return 0;
  }
  int map(const char *name) const { return bpf_object__find_map_fd_by_name(object_.get(), name); }
  [[noreturn]] void fail(const std::string &doing) const {
    const int error = errno;
    not_possible(fmt::format("{}: {}{}", doing, std::strerror(error),
                             libbpf_says.empty() ? "" : " (" + libbpf_says + ")"));
  }

  Take take_;
  const volatile ptmc_losses *losses_ = nullptr;  // of the map, as it is
  std::unique_ptr<bpf_object, Destroy> object_;
  std::unique_ptr<ring_buffer, Destroy> ring_;
  std::vector<std::unique_ptr<bpf_link, Destroy>> links_;
};

}  // namespace

std::unique_ptr<Sight> look_inside(bool kernel_events, Take take) {
  return std::make_unique<Programs>(kernel_events, std::move(take));
}

}  // namespace ptmc::tools
