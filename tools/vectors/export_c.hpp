// Vectors as C programs for systems that cannot run ptmc, in the style of the kernel's selftests.
#pragma once

#include <string>
#include <vector>

#include "traces/vector.hpp"

namespace ptmc::vectors {

struct CFile {
  std::string name;  // "linux-3.4-default-1.c"
  std::string text;
};

// A file for each group of vectors, whose ids are the same up to the last '/'; a group of more than
// `most` gets several. Each stands by itself (selftest.c): it needs libc only, prints TAP, and
// exits with 0 (all passed), 1 (one failed) or 4 (skipped).
std::vector<CFile> export_c(const traces::Vectors &vectors, std::size_t most = 100);

}  // namespace ptmc::vectors
