// The reachable states themselves, for those who want to look at them: a plain breadth-first search
// by one thread.
#pragma once

#include "checker/fast.hpp"
#include "checker/layout.hpp"
#include "checker/store.hpp"

namespace ptmc::checker {

class Reachable {
 public:
  // Until there are `limit` states or more. fast: the emitted code where there is some, which a
  // model that has been changed must not use.
  Reachable(const model::Model &model, std::size_t limit, bool fast = true);

  std::size_t size() const { return size_; }
  bool complete() const { return complete_; }
  model::State operator[](std::size_t k) const;  // in the order in which they were found
  template <class Visit>
  void each(Visit &&visit) const {  // much faster than one by one
    model::State state;
    for (const Range &r : ranges_)
      for (Index k = 0; k < r.count; ++k) {
        layout_.unpack(store_.record(r.first + k), state.w.data());
        visit(state);
      }
  }

 private:
  Layout layout_;
  Store store_;
  std::vector<Range> ranges_;
  std::vector<std::size_t> begins_;  // of ranges_
  std::size_t size_ = 0;
  bool complete_ = false;
};

}  // namespace ptmc::checker
