// Rules: the kernel's transition relation as data.
//
// A Rule is one kind of atomic kernel step. Its instances, one for each thread and parameter, are
// what every interpretation runs: guard conjuncts and assignments over the state before the step.
// A Step writes an instance down in the order of the kernel's text; reads see the writes before.
#pragma once

#include <deque>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/state.hpp"

namespace ptmc::model {

enum class Actor : std::uint8_t { tracer, tracee, parent, world, kernel };
inline constexpr std::array<std::string_view, 5> kActorNames{"tracer", "tracee", "parent", "world",
                                                             "kernel"};

// What an observer sees happen; hidden steps are the kernel's own.
enum class Action : std::uint8_t {
  hidden,
  traceme,  // tracee
  attach,   // tracer, from here to geteventmsg
  seize,
  interrupt,
  listen,
  cont,  // arg: Sig; so of the resuming ones that follow
  syscall,
  singlestep,
  sysemu,
  sysemu_singlestep,
  detach,
  kill,
  setoptions,     // arg: option set, or kFlip + the option flipped
  getsiginfo,     // output: Sig << 8 | Info; or the stop's code, with kTrapInfo, of a trap's own
  geteventmsg,    // output: message; exit statuses as wait encodes them; kThreadMessage + a thread
  syscall_info,   // output: op of GET_SYSCALL_INFO
  setsiginfo,     // arg: index in Shape::siginfos
  sigmask,        // GETSIGMASK; output: blocked signals, bit by Sig
  setsigmask,     // arg: index in Shape::masks
  invalid,        // a stop-requiring request with an unknown number or a bad signal
  wait,           // tracer, parent or tracee (arg: its thread); output: status
  sigchld,        // tracer or parent takes a SIGCHLD; output: si_code << 24 | thread << 16 | status
  tracer_exit,    // arg: 1 if all its threads
  send,           // world or tracee; arg: Sig; thread: -1 - the process for kill
  user,           // tracee, from here on
  enter_syscall,  // arg: SysCall, | exit code or CloneFlags << 8
  fork,           // arg: the child, -1: not in the model
  sigprocmask,    // arg: Sig << 1 | blocked
  sigaction,      // arg: Sig << 2 | disposition
  handler,        // arg: Sig
  sigreturn,      // arg: Sig
  parent_exit,    // parent
  peeksiginfo,    // tracer; arg: Peek; output: signals queued with a siginfo, bit by Sig
};
// PEEKSIGINFO: of which queue, or with which bad argument.
enum Peek : std::uint8_t { kPeekPrivate, kPeekShared, kPeekBadFlags, kPeekBadAddress };
// PEEKSIGINFO shows a bit for each Sig that is pending, and above them how many more there are.
inline constexpr int kPeekedMore = SIG_COUNT;
inline constexpr int kFlip = 1 << 16;
inline constexpr int kOfChild = 1 << 8;         // send: a child's signal, with the Sig
inline constexpr Value kAnyMessage = 1u << 30;  // the message is not the model's
inline constexpr Value kThreadMessage = 1u << 29;
inline constexpr Value kTrapInfo = 1u << 31;
inline constexpr Value kForgedInfo = 1u << 30;  // + index in Shape::siginfos

enum class Err : std::uint8_t { ok, esrch, eio, eperm, einval, echild, eagain, ebusy, efault };
inline constexpr std::array<std::string_view, 9> kErrNames{
    "0", "ESRCH", "EIO", "EPERM", "EINVAL", "ECHILD", "EAGAIN", "EBUSY", "EFAULT"};

// kExited is no option of wait4, which always waits for deaths too.
enum WaitOption : std::uint8_t {
  kUntraced = 1,
  kContinued = 2,
  kNohang = 4,
  kNowait = 8,
  kExited = 16,
  // Which children the call sees, and before 4.7 which tracees (eligible_child): all but those of a
  // clone unless it gives __WCLONE alone; those of a clone if it gives __WCLONE or __WALL.
  kNormal = 32,
  kClone = 64,
  kThreads = 128,  // it does not give __WNOTHREAD: sees the tracees of the caller's other threads
};

// A SIGCONT is being sent meanwhile, and has found the thread untraced, then traced.
inline constexpr int kMeanwhile = 1;

struct Label {
  Action action = Action::hidden;
  int thread = -1;  // the thread acted upon or acting; -1: any
  int arg = 0;
  Err err = Err::ok;
  // seize: kMeanwhile or 0. wait: which options the caller gave (WaitOption). A report holds for
  // every call that gives at least these, and leaves the rest to be waited for again with kNowait
  // only; "nothing there" for exactly these; ECHILD looks at kExited and, without it, at
  // kContinued.
  int options = 0;
  int tracer = 0;  // which one acts
  bool operator==(const Label &) const = default;
};

struct Rule {
  std::string id;
  Actor actor;
  std::string effect;                  // one sentence
  std::vector<std::string> functions;  // kernel functions, 6.12
  std::vector<std::string> semantics;  // rule numbers of the semantics reference
  std::string since, until;            // kernel versions; empty: always
  // Why no user-space program can be seen to take it; empty: one can.
  std::string unseen = {};
  int number = 0;  // its place in Model::rules
};

struct Guard {
  std::string name;
  Expr holds;
};
struct Update {
  Field field;
  Expr value;  // over the state before the step
};

struct Instance {
  const Rule *rule = nullptr;
  std::string parameters;  // "t1, SIGSTOP"
  Label label;
  int thread = -1;             // the thread whose step this is or that is acted upon
  Expr enabled = constant(1);  // over features only
  std::vector<Guard> guards;
  std::vector<Update> updates;
  std::optional<Expr> output;
  std::string name() const { return rule->id + "(" + parameters + ")"; }
};

class Step;

// The transition relation for a shape: of one configuration, or of all (config == nullptr: features
// stay symbolic, for emission).
class Model {
 public:
  using Area = void (*)(Model &);  // registers the rules of a kernel area
  Model(const Shape &shape, const Config *config);
  Model(const Shape &shape, const Config *config, std::initializer_list<Area> areas);
  Model(const Model &) = delete;

  Expr on(Feature f) const;
  bool has(Sig s) const { return schema.shape.has(s); }
  int threads() const { return schema.shape.all_threads(); }
  int processes() const { return schema.shape.processes; }
  const std::vector<Sig> &signals() const { return schema.shape.signals; }
  State initial() const { return initial(schema.shape.started); }
  State initial(int threads) const;  // that the first process has

  const Rule *family(Rule rule);  // registers it, once for each id
  void add(Step &&step);

  Schema schema;
  std::optional<Config> config;
  int acting = 0;  // the tracer whose rules are being added
  std::deque<Rule> rules;
  std::vector<Instance> instances;
};

class Step {
 public:
  // thread: whose step this is, or who is acted upon; -1: nobody.
  Step(Model &model, const Rule *rule, int thread, std::string parameters, Label label = {});

  Model &m;
  const Schema &schema;
  const int acting;  // which tracer acts; the first where none does
  const TracerFields &tracer;
  const ProcessFields *p;  // the process of `thread`, or the one that the step is inside of
  const ThreadFields &t(int thread) const { return schema.thread[thread]; }
  // That process's threads, its leader first.
  std::vector<int> group() const { return schema.group(process_); }
  int leader() const { return schema.leader(process_); }
  bool is_leader(int thread) const { return schema.is_leader(thread); }
  // What the body does happens inside another process.
  template <class Body>
  void inside(int process, Body &&body) {
    const int outer = process_;
    enter(process);
    body();
    enter(outer);
  }

  Expr on(Feature f) const { return m.on(f); }
  Expr get(Field f) const;
  void set(Field f, Expr value);
  void set(Field f, Value value) { set(f, constant(value)); }
  void raise(Field f) { set(f, 1); }
  void clear(Field f) { set(f, 0); }
  // The instance exists only where the feature is on.
  void needs(Feature f) { needs(on(f)); }
  void needs(Expr over_features);
  void guard(std::string name, Expr holds);
  // The guard "f is value", which later reads of f then know.
  void at(std::string name, Field f, Value value);
  void output(Expr e);
  template <class Body>
  void when(Expr condition, Body &&body) {
    if (condition.is(0)) return;
    const Expr outer = path_;
    path_ = path_ && condition;
    if (!path_.is(0)) body();
    path_ = outer;
  }

 private:
  friend class Model;
  void enter(int process) {
    process_ = process;
    p = &schema.process[process];
  }
  int process_ = 0;
  Instance instance_;
  Expr path_ = constant(1);
  std::vector<std::optional<Expr>> known_;
  std::vector<bool> written_;
};

// The kernel areas; each file registers its rules.
void attach_rules(Model &m);
void request_rules(Model &m);
void resume_rules(Model &m);
void wait_rules(Model &m);
void parent_rules(Model &m);
void signal_rules(Model &m);
void delivery_rules(Model &m);
void group_stop_rules(Model &m);
void syscall_rules(Model &m);
void exit_rules(Model &m);
void fork_rules(Model &m);
void exec_rules(Model &m);
void tracee_rules(Model &m);
void open_world_rules(Model &m);

}  // namespace ptmc::model
