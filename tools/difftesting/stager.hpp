// A process that runs scenarios for another. It is made while that is small: each scenario forks
// several times, and to fork a process with models in its memory takes long.
#pragma once

#include <sys/types.h>

#include <optional>

#include "traces/stage.hpp"

namespace ptmc::difftest {

class Stager {
 public:
  Stager();
  ~Stager();
  Stager(const Stager &) = delete;
  Stager &operator=(const Stager &) = delete;

  // Begins to run it; one at a time.
  void begin(const traces::Scenario &scenario);
  // What came of it; nothing: it could not be recorded. Throws traces::NotPossible.
  std::optional<traces::RunResult> end();

 private:
  int socket_ = -1;
  pid_t process_ = -1;
};

}  // namespace ptmc::difftest
