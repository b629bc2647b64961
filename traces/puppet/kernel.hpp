// The kernel, for a program without libc: system calls and the clock.
#pragma once

#include <sys/syscall.h>
#include <cstdint>

namespace ptmc::puppet {

// -errno where it fails.
inline long call(long number, std::uint64_t a = 0, std::uint64_t b = 0, std::uint64_t c = 0,
                 std::uint64_t d = 0, std::uint64_t e = 0, std::uint64_t f = 0) {
  long ret = number;
  register std::uint64_t r10 asm("r10") = d;
  register std::uint64_t r8 asm("r8") = e;
  register std::uint64_t r9 asm("r9") = f;
  asm volatile("syscall"
               : "+a"(ret)
               : "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
               : "rcx", "r11", "memory");
  return ret;
}

// A negative int argument is passed as int.
inline std::uint64_t arg(long value) { return static_cast<std::uint64_t>(value); }
inline std::uint64_t arg(const volatile void *pointer) {
  return reinterpret_cast<std::uintptr_t>(pointer);
}

// Finds the clock of the vdso, for now(): a system call would be seen by a tracer. Without a vdso
// it is one all the same. auxv: after the environment, on the stack that a program begins with.
void find_clock(const std::uint64_t *auxv);
std::uint64_t now();  // CLOCK_MONOTONIC, ns

}  // namespace ptmc::puppet
