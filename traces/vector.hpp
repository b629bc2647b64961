// Conformance vectors: calls to make, one after the other, and for each of them all that the model
// lets a kernel show. The file (schema/vectors.schema.json) is one JSON document.
//
// A vector is a tree, its nodes shared: what a step shows chooses the step that follows. An outcome
// without one either ends the vector, which has then passed, or leaves its purpose: the kernel may
// do so, and the vector is inconclusive. What is in no outcome is a failure.
#pragma once

#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

#include "traces/needs.hpp"
#include "traces/scenario.hpp"

namespace ptmc::traces {

// A handler that a thread of the tracee has run.
struct Ran {
  pid_t by = 0;  // of who
  int sig = 0;
  auto operator<=>(const Ran &) const = default;
};

struct Outcome {
  enum : int { kPassed = -1, kAside = -2 };
  Expect shows;  // nothing of a call that need not return
  // Then, when nothing more happens of itself, by thread of the tracee: t, T, Z, S, D as in /proc;
  // R: in user mode; X: gone.
  std::string states;
  // That have run since the call began, in order; none: whatever has.
  std::optional<std::vector<Ran>> handlers = std::vector<Ran>();
  int next = kAside;  // the step that follows
};

struct VectorStep {
  Step call;  // async: it need not return
  std::vector<Outcome> outcomes;
};

struct Vector {
  std::string id;                              // stable: of what it is for
  std::string about;                           // one sentence
  std::vector<std::string> covers, semantics;  // rules
  int threads = 1, started = 1;                // of the tracee: in all, and at the beginning
  bool tracer_is_parent = false, orphaned = false;
  bool reaped = false;            // by init, once its real parent has died
  bool filtered = false;          // a filter of t0's asks the tracer about getppid
  Needs needs;                    // else it is skipped
  std::vector<VectorStep> steps;  // the first one begins
};

struct Vectors {
  std::string file;
  std::string design, kernel;  // "linux-3.4", "6.18": what allows the outcomes
  std::string covers;
  std::vector<Vector> all;
};

// Throw InputError naming file and key.
Vectors read_vectors(std::istream &in, const std::string &file);
Vectors read_vectors(const std::string &file);
// One vector a line.
void write_vectors(std::ostream &out, const Vectors &vectors);

// "ret 0, status 0x80057f; t0 t; t0 ran SIGUSR1"
std::string text(const Outcome &outcome);

}  // namespace ptmc::traces
