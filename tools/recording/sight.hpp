// Where the recorder's records come from: programs in the kernel, or a preloaded library.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "tools/recording/record.h"
#include "traces/trace.hpp"

namespace ptmc::tools {

using Take = std::function<void(const ptmc_record &)>;

class Sight {
 public:
  virtual ~Sight() = default;
  virtual void prepare() const {}        // in the process that is going to be the command
  virtual void follow(int /*pidfd*/) {}  // that process, before it begins
  virtual void consume() = 0;            // hands over what there is
  virtual void stop() {}                 // what happens from here on is not recorded
  virtual ptmc_losses losses() const { return {}; }
};

// Both throw NotPossible where it cannot be.
std::unique_ptr<Sight> look_inside(bool kernel_events, Take take);
std::unique_ptr<Sight> preload(const std::string &program, Take take);

// Call::other: it means nothing.
traces::Event to_event(const ptmc_record &record);

}  // namespace ptmc::tools
