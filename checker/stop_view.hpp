// What a tracer can see of a stop, as the rules' own outputs say it.
#pragma once

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

}  // namespace ptmc::checker
