// Which vectors of one model another model would fail: they tell a kernel from another.
#pragma once

#include <map>
#include <string>

#include "tools/vectors/walk.hpp"

namespace ptmc::vectors {

class Rival {
 public:
  // The model outlives this; it is of one configuration and of the shape of the vectors'.
  explicit Rival(const model::Model &model);
  // Some step shows, on the vector's own way, what this model never would; also that it returns.
  bool fails(const traces::Vector &vector);

 private:
  const model::Model &model_;
  OwnSteps own_;
  Walk walk_;
  std::map<std::string, std::size_t> instance_of_;  // a call, as text
};

}  // namespace ptmc::vectors
