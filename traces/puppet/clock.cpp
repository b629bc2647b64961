#include <elf.h>
#include <time.h>
#include "traces/puppet/kernel.hpp"

namespace ptmc::puppet {
namespace {

using ClockGettime = int (*)(clockid_t, timespec *);
ClockGettime vdso_clock = nullptr;

bool same(const char *a, const char *b) {
  while (*a && *a == *b) ++a, ++b;
  return *a == *b;
}

ClockGettime find(const char *name, std::uintptr_t base) {
  const auto at = [&](std::uintptr_t offset) {
    return reinterpret_cast<const char *>(base + offset);
  };
  const auto *header = reinterpret_cast<const Elf64_Ehdr *>(base);
  const auto *segments = reinterpret_cast<const Elf64_Phdr *>(at(header->e_phoff));
  const Elf64_Dyn *dynamic = nullptr;
  for (int i = 0; i < header->e_phnum; ++i)
    if (segments[i].p_type == PT_DYNAMIC)
      dynamic = reinterpret_cast<const Elf64_Dyn *>(at(segments[i].p_offset));
  const char *strings = nullptr;
  const Elf64_Sym *symbols = nullptr;
  for (; dynamic && dynamic->d_tag != DT_NULL; ++dynamic) {
    if (dynamic->d_tag == DT_STRTAB) strings = at(dynamic->d_un.d_ptr);
    if (dynamic->d_tag == DT_SYMTAB)
      symbols = reinterpret_cast<const Elf64_Sym *>(at(dynamic->d_un.d_ptr));
  }
  if (!strings || !symbols) return nullptr;
  // The string table follows the symbols.
  for (const Elf64_Sym *s = symbols; reinterpret_cast<const char *>(s + 1) <= strings; ++s)
    if (s->st_shndx != SHN_UNDEF && same(strings + s->st_name, name))
      return reinterpret_cast<ClockGettime>(base + s->st_value);
  return nullptr;
}

}  // namespace

void find_clock(const std::uint64_t *auxv) {
  for (; auxv[0] != AT_NULL; auxv += 2)
    if (auxv[0] == AT_SYSINFO_EHDR) vdso_clock = find("__vdso_clock_gettime", auxv[1]);
}

std::uint64_t now() {
  timespec time{};
  if (vdso_clock)
    vdso_clock(CLOCK_MONOTONIC, &time);
  else
    call(SYS_clock_gettime, CLOCK_MONOTONIC, arg(&time));
  return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000 +
         static_cast<std::uint64_t>(time.tv_nsec);
}

}  // namespace ptmc::puppet
