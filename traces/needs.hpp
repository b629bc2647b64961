// What a vector needs of the machine that it is run on, and what this one has.
#pragma once

#include <compare>
#include <string>

namespace ptmc::traces {

struct KernelVersion {
  int major = 0, minor = 0;  // both 0: none in particular
  auto operator<=>(const KernelVersion &) const = default;
};
// "5.10"; also of a release, "5.10.0-32-amd64". Neither: none in particular.
KernelVersion kernel_version(const std::string &text);
std::string text(KernelVersion version);

struct Needs {
  KernelVersion since, until;  // until: it is not run from that one on
  bool ptrace = false;         // to be permitted
  bool seccomp = false;        // filters
  bool operator==(const Needs &) const = default;
};

struct Host {
  KernelVersion kernel;
  std::string why_no_ptrace;  // empty: it is permitted
  bool seccomp = true;
};
// Asks the kernel. Throws NotPossible if there can be no process more.
Host this_host();

// "needs Linux 5.3, this is 5.2"; empty: the machine has all.
std::string lack(const Needs &needs, const Host &host);

}  // namespace ptmc::traces
