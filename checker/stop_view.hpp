// What a tracer can see of a stop, as the rules' own outputs say it.
#pragma once

#include <compare>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "checker/reachable.hpp"
#include "model/rule.hpp"

namespace ptmc::checker {

struct StopView {
  model::Expr reported;  // wait may report the stop now
  model::Expr status;    // as it reports it
  model::Expr readable;  // GETSIGINFO would find the tracee stopped
  model::Expr bare;      // ... and fail with EINVAL
  model::Expr siginfo;   // ... or return this: its output
};
// Of a model whose tracer waits and inspects.
StopView stop_view(const model::Model &model, int thread);

// A condition on a state in which wait may report the stop of `thread`.
struct StopOf {
  std::function<model::Expr(const model::Model &)> is;
  int thread = 0;
};
// What is seen of one: the status, and GETSIGINFO's output, 0 where it is not called.
struct Seen {
  model::Value status, siginfo;
  auto operator<=>(const Seen &) const = default;
};
inline constexpr model::Value kNoSiginfo = UINT32_MAX;  // GETSIGINFO fails with EINVAL
std::string text(const Seen &seen, bool siginfo);

// Several stops of a model, as they are seen.
class SeenStops {
 public:
  // siginfo: GETSIGINFO is called.
  SeenStops(const model::Model &model, const std::vector<StopOf> &stops, bool siginfo);
  model::Expr seen_as(std::size_t stop, const Seen &seen) const;
  // Whenever it is seen, it is seen as one of these.
  model::Expr always_one_of(std::size_t stop, const std::map<Seen, std::size_t> &all) const;
  // What each may look like, and in which of the states first.
  std::vector<std::map<Seen, std::size_t>> look(const Reachable &all) const;

 private:
  struct One {
    model::Expr stop, status, siginfo;
  };
  const model::Model &model_;
  std::vector<One> stops_;
};

}  // namespace ptmc::checker
