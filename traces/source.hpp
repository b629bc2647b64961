// The calls of a trace one at a time, so that one of any size can be followed in little memory.
#pragma once

#include <memory>
#include <string>
#include <vector>
#include "traces/trace.hpp"

namespace ptmc::traces {

// Each call comes once, in an order in which they may have taken effect: a wait, which sleeps until
// there is something to report, at its end, any other call at its beginning.
class Source {
 public:
  virtual ~Source() = default;
  // The next call, which stays valid until the one after it is asked for; null: there is no more.
  // Throws InputError.
  virtual const Event *next() = 0;
  virtual void rewind() = 0;
  // The index in Trace::events of the call that next() has returned last. May read all of the file
  // again: only rewind() may follow.
  virtual std::size_t place() = 0;
  // The trace, if it is in memory; else null.
  virtual const Trace *whole() const { return nullptr; }
  // What is known beside the events: of a log, its tracer only after it was read once.
  const Trace &about() const { return about_; }

 protected:
  Trace about_;  // without events
};

// When the call comes, ns.
inline std::uint64_t comes_at(const Event &e) {
  const bool wait = e.call == Call::wait4 || e.call == Call::waitid;
  return wait && e.ret && e.t1 != UINT64_MAX ? e.t1 : e.t0;
}

// Opens a file, or the files FILE.PID of strace -ff, telling the format by its content; a closed
// world is read into memory. What cannot be read twice is copied to a temporary file first. Throws
// InputError.
std::unique_ptr<Source> open_source(const std::string &file);
// trace must outlive it.
std::unique_ptr<Source> source_of(const Trace &trace);

}  // namespace ptmc::traces
