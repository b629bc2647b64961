#include "model/property.hpp"

namespace ptmc::model {

StopKind stop_kind(const Schema &schema, const State &s, int thread) {
  const ThreadFields &f = schema.thread[thread];
  if (schema.get(s, f.listening)) return StopKind::listening;
  switch (schema.loc(s, thread)) {
    case Loc::step_trap:
      return StopKind::step_stop;
    case Loc::sig_trap:
      return StopKind::signal_delivery_stop;
    case Loc::event_trap:
      return schema.get(s, f.sig) == TRAP ? StopKind::event_stop : StopKind::group_stop;
    case Loc::group_trap:
      return StopKind::group_stop;
    case Loc::entry_trap:
    case Loc::exit_trap:
      return StopKind::syscall_stop;
    case Loc::ptrace_event_trap:
    case Loc::exit_event_trap:
      return StopKind::event;
    case Loc::stopped:
      return StopKind::stopped;
    case Loc::zombie:
      return StopKind::zombie;
    case Loc::unreleased:
    case Loc::none:
    case Loc::dead:
      return StopKind::dead;
    default:
      return StopKind::running;
  }
}

}  // namespace ptmc::model
