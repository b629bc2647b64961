// The conditions that the tracer's requests share (sys_ptrace, ptrace_check_attach).
#pragma once

#include "model/kernel.hpp"

namespace ptmc::model {

// Arguments of SEIZE and SETOPTIONS beside the shape's explicit sets (0 to 255) and kFlip.
inline constexpr int kProfileOptions = -1;
inline constexpr int kInvalidOptions = -2;  // an unknown bit, or SEIZE with an address
std::string options_text(int set);          // ", TRACEEXIT|TRACESYSGOOD"

// The tracer lives and is not asleep in ATTACH or SEIZE.
void tracer_is_free(Step &s);
// STOPREQ: tracee, trapped, not listening, not killed. A thread that still notifies is waited for.
void stop_required(Step &s, int t);
Expr stop_refused(const Step &s, int t);
// The rule REQUEST.esrch, of a request that needs a stop (R13).
const Rule *not_stopped(Model &m, const std::string &request, const std::string &since = "");
// The instance of `rule` that fails with ESRCH, or as option (5) has it.
void refuse_unless_stopped(Model &m, const Rule *rule, int t, Action action, Feature needed);
// NONE and every signal but those the shape lacks: the data of CONT, SYSCALL and DETACH.
std::vector<Sig> injectable(const Model &m);
// The profile lets the tracer inject `sig` here: any, or only the one that the stop reports.
void may_inject(Step &s, int t, Sig sig);
// The thread is in user mode, outside of a system call that restarts.
void in_user_code(Step &s, int t);
// It makes a system call that is one step here: in user mode, or inside the call that the tracer
// has seen entered.
void in_own_call(Step &s, int t);

}  // namespace ptmc::model
