// What several claims are made of.
#pragma once

#include "checker/claim.hpp"
#include "model/remember.hpp"

namespace ptmc::checker {

// Conditions on a state.
model::Expr stops_for(const model::Model &m, int thread, model::Sig sig);  // before its delivery
// A stop of job control: with PTRACE_EVENT_STOP, or legacy.
model::Expr jobctl_stop(const model::Model &m, int thread);
model::Expr caused_by(const model::Model &m, int thread, std::initializer_list<model::Cause> any);

// Which SIGSTOPs and SIGTRAPs are the kernel's own. A sent one that was pending first swallows it,
// as standard signals do not queue; the stop is then both.
enum class Own : std::uint8_t { attach, child, exec };
Remember remember_own(const std::vector<Own> &by);
model::Expr own_pending(const model::Model &m, int thread, model::Sig sig);
model::Expr own_stop(const model::Model &m,
                     int thread);  // the signal of this stop is, or holds, it
// Whether something has happened since the thread became a tracee.
Remember remember_since_attach(const std::string &name,
                               const std::function<bool(const model::StepView &, int)> &happens);
model::Expr since_attach(const model::Model &m, const std::string &name, int thread);

// Questions, each of one property.
using OverState = std::function<model::Expr(const model::View &)>;
using OverStep = std::function<model::Expr(const model::StepView &)>;
model::Property property_over(std::string id, model::PropertyKind kind, const OverState &over);
model::Property property_over(std::string id, model::PropertyKind kind, const OverStep &over);
Question always(const World &world, const OverState &claim);
Question never(const World &world, const OverState &subject);
Question sometimes(const World &world, const OverState &subject);
Question always_step(const World &world, const OverStep &claim);
Question never_step(const World &world, const OverStep &subject);
Question sometimes_step(const World &world, const OverStep &subject);
// One expression for all threads: whether it holds for each, or for one of them.
OverState each(const std::function<model::Expr(const model::View &, int)> &claim);
OverState some(const std::function<model::Expr(const model::View &, int)> &subject);
OverStep each_step(const std::function<model::Expr(const model::StepView &, int)> &claim);
OverStep some_step(const std::function<model::Expr(const model::StepView &, int)> &subject);

// What SIGCONT may report to a listening tracee without (1): the features, the first has none.
struct SigcontReport {
  std::vector<model::Feature> features;
  std::string what;
};
const std::vector<SigcontReport> &sigcont_reports();
// SIGCONT makes a listening tracee stop and report again, unless it dies.
Question sigcont_reported(const World &world);
// The parts of "LISTEN ends the ptrace-stop without ending the group-stop".
void listen_parts(std::vector<Part> &parts, const World &world, const std::string &under);
// "INTERRUPT without (1)": the parts about what a stop with SIGTRAP and without siginfo means, for
// both ways in which SIGTRAP may get there.
void interrupt_alone(std::vector<Part> &parts, const World &world, const std::string &under);

}  // namespace ptmc::checker
