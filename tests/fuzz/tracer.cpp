// Tracer programs.
#include <sys/mman.h>
#include <unistd.h>
#include <cstdint>
#include <cstdlib>
#include <string>
#include "checker/tracer_program.hpp"
#include "model/input_error.hpp"

using namespace ptmc;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
  static const int file = memfd_create("tracer", MFD_CLOEXEC);
  if (file < 0 || ftruncate(file, 0) != 0) abort();
  if (pwrite(file, data, size, 0) != static_cast<ssize_t>(size)) abort();
  try {
    checker::read_tracer("/proc/self/fd/" + std::to_string(file));
  } catch (const InputError &) {
  }
  return 0;
}
