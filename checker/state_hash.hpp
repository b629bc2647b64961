// For states in hashed containers: of the searches that are not store.hpp's.
#pragma once

#include <cstddef>

#include "model/state.hpp"

namespace ptmc::checker {

struct StateHash {
  std::size_t operator()(const model::State &s) const {
    std::uint64_t h = 0;
    for (const std::uint64_t w : s.w) h = (h ^ w) * 0xff51afd7ed558ccdu, h ^= h >> 32;
    return h;
  }
};

}  // namespace ptmc::checker
