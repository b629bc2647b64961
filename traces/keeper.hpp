// Processes of which nothing is left behind, also when the caller is killed.
//
//   caller -- keeper -- stage -- whatever the stage makes
//
// As root the stage is the init of a PID namespace of its own, so its end ends everything; pids are
// those of that namespace, where the stage is 1. Without privileges the keeper, a subreaper, ends
// its descendants one by one.
#pragma once

#include <sys/types.h>

#include <functional>
#include <stdexcept>

namespace ptmc::traces {

// This machine does not permit it (exit code 4); what() is the reason.
class NotPossible : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

// Returns when the stage and all that it has made is gone. own_namespace: whether it has one; it is
// called in a process of its own, once. Throws NotPossible.
void keep(const std::function<void(bool own_namespace)> &stage);

// Kills all that the caller has made, and what that has made, until nothing is left.
void end_all(bool own_namespace);

// Polls: what is awaited is often a stopped thread, which can tell nobody. False: it did not come
// within so many ns.
bool until(const std::function<bool()> &reached, std::uint64_t patience);
inline constexpr std::uint64_t kPatience = 5'000'000'000;  // ns, of every wait

// Whether this child, which stays a zombie, is one.
bool is_dead(pid_t child);

}  // namespace ptmc::traces
