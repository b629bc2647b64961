#include "checker/stop_view.hpp"

#include "model/property_parts.hpp"

namespace ptmc::checker {

using model::Action;
using model::Err;
using model::Expr;
using model::Instance;

StopView stop_view(const model::Model &m, int thread) {
  const Expr none = model::truth(false);
  StopView view{none, none, none, none, none};
  for (const Instance &i : m.instances) {
    const model::Label &l = i.label;
    if (l.thread != thread || i.rule->actor != model::Actor::tracer) continue;
    if (i.rule->id == "wait.stop") {
      view.reported = view.reported || can(i);
      view.status = *i.output;
    }
    if (l.action != Action::getsiginfo) continue;
    if (l.err == Err::ok) view.siginfo = *i.output;
    if (l.err == Err::einval) view.bare = view.bare || can(i);
    if (l.err == Err::ok || l.err == Err::einval) view.readable = view.readable || can(i);
  }
  return view;
}

}  // namespace ptmc::checker
