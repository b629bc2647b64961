#include "traces/needs.hpp"

#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/utsname.h>

#include <cerrno>
#include <cstdio>
#include <fstream>

#include "traces/company.hpp"

namespace ptmc::traces {
namespace {

std::string why_no_ptrace() {
  try {
    check_ptrace();
    return {};
  } catch (const NotPossible &e) {
    std::string why = e.what();
    int scope = 0;  // 1 forbids nothing here: the tracee names its tracers (PR_SET_PTRACER)
    std::ifstream yama("/proc/sys/kernel/yama/ptrace_scope");
    if (yama >> scope && scope == 2) why += ": Yama's ptrace_scope is 2, CAP_SYS_PTRACE is missing";
    if (yama && scope == 3) why += ": Yama's ptrace_scope is 3";
    return why;
  }
}

}  // namespace

KernelVersion kernel_version(const std::string &text) {
  KernelVersion v;
  if (std::sscanf(text.c_str(), "%5d.%5d", &v.major, &v.minor) != 2) return {};
  return v;
}

std::string text(KernelVersion v) {
  return std::to_string(v.major) + "." + std::to_string(v.minor);
}

Host this_host() {
  utsname system{};
  uname(&system);
  Host m;
  m.kernel = kernel_version(system.release);
  m.why_no_ptrace = why_no_ptrace();
  // The filter is looked for only where there are any: EFAULT. Else EINVAL.
  m.seccomp = prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, nullptr, 0, 0) != 0 && errno == EFAULT;
  return m;
}

std::string lack(const Needs &needs, const Host &m) {
  const std::string here = ", this is " + text(m.kernel);
  const bool known = m.kernel != KernelVersion();
  if (known && m.kernel < needs.since) return "needs Linux " + text(needs.since) + here;
  if (known && needs.until != KernelVersion() && m.kernel >= needs.until)
    return "needs a Linux before " + text(needs.until) + here;
  if (needs.ptrace && !m.why_no_ptrace.empty()) return "needs ptrace: " + m.why_no_ptrace;
  if (needs.seccomp && !m.seccomp) return "needs seccomp's filters";
  return {};
}

}  // namespace ptmc::traces
