// The models that replays use. To make one takes longer than to replay a short
// trace with it, so that who replays many keeps them.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "model/family.hpp"
#include "traces/plan.hpp"

namespace ptmc::traces {

class Memory;

// A model with all that finding and taking its steps needs.
struct Machine {
  Machine(std::unique_ptr<model::Model> made, std::size_t nth);
  ~Machine();
  // These instances of `owned` have changed; what was remembered is forgotten.
  void changed(const std::vector<std::size_t> &instances);
  // How processes of the child's machine begin that one of this machine makes; made once.
  const model::Birth &birth(const std::shared_ptr<const Machine> &child);

  std::unique_ptr<model::Model> owned;
  const model::Model &model;
  const std::size_t number;  // of those made before it
  model::Interpreter interpreter;
  Index index;
  ByLocation hidden_at;
  std::unique_ptr<Memory> memory;  // of the replays so far (simulation.hpp)

 private:
  std::vector<std::pair<std::weak_ptr<const Machine>, std::unique_ptr<model::Birth>>> births_;
};

// Keeps those used last.
class Models {
 public:
  // Every model is made for this shape at least, but for its threads. kept: of some 15 MB each.
  explicit Models(model::Shape at_least, std::size_t kept = 12);
  // mutate: the same for all, ReplayOptions::mutate. like: one whose shape has the same signals,
  // for the child of a process of that machine. Open worlds: exactly the signals of the shape,
  // which anybody may send.
  std::shared_ptr<Machine> of(model::Shape shape, const model::Config &config,
                              const std::function<void(model::Model &)> &mutate,
                              const Machine *like = nullptr);
  // All, the one used last first.
  const std::vector<std::shared_ptr<Machine>> &all() const { return machines_; }

 private:
  model::Shape at_least_;
  std::size_t kept_, made_ = 0;
  std::vector<std::shared_ptr<Machine>> machines_;
};

}  // namespace ptmc::traces
