// What a recorded call asks of the model, in the model's own terms: plain data, so that equal asks
// of different calls, processes and traces are known to be equal. plan.hpp makes the steps of it.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "model/rule.hpp"
#include "traces/cast.hpp"
#include "traces/trace.hpp"

namespace ptmc::traces {

// The numbers of a trace as the model of one process has them: its threads, exit codes, signals,
// option sets.
struct Names {
  explicit Names(const Trace &trace);               // the first process of a closed world
  Names of(const Trace &trace, int process) const;  // another
  // One process of an open world, by itself: exit codes and most signals are only "some other".
  Names(pid_t tracer, pid_t tracee, std::vector<int> option_sets, bool one_process);

  // -1: none of this process's.
  int thread(pid_t tid, std::uint64_t time = UINT64_MAX) const;
  pid_t tid(int thread) const;  // its last
  model::Sig signal(int number) const;
  std::optional<model::Value> exit_code(int code) const;  // its index; none: no such exit
  // A wait status, an event message or a death's si_status in the model's words.
  std::optional<model::Value> status(int word) const;
  int option_set(std::uint64_t data) const;  // kInvalidOptions where a bit is unknown
  int siginfo(const Siginfo &info) const;    // its place in siginfos, -1: nobody has given it
  std::uint32_t mask(std::uint64_t set) const;
  int number(model::Sig sig) const;  // 0: not known
  std::string name(model::Sig sig) const;
  // A signal without a name in the model that nobody sends.
  bool never_sent(int number) const;
  // The place of the tracer; that of one in the same process if it is none; -1.
  int tracer_of(pid_t tid) const;
  bool is_tracer(pid_t tid) const;
  bool of_parent(pid_t tid) const;  // a thread of the real parent's
  bool is_child(pid_t pid) const;   // a process that this one has made

  static model::Default default_action(int number);

  void be(const Trace &trace, int process);
  // Siginfos and masks in the places that this shape gives them.
  void adopt(const model::Shape &shape);

  std::shared_ptr<const Cast> cast;
  int process = 0;
  std::vector<pid_t> threads;  // by place, the last that had it
  // The signals that OTHER, OTHER2... stand for, and more that are only blocked; closed worlds.
  std::vector<int> others;
  bool too_many_others = false;  // the last place stands for several
  std::vector<int> queued;       // as many of each may be pending at once
  std::vector<int> codes;        // codes[i] is the exit code with index i
  std::vector<int> option_sets;
  std::vector<Siginfo> siginfos;  // what SETSIGINFO is given
  std::vector<std::uint32_t> masks;
  std::vector<model::Sig> signals;  // that occur
  bool open = false;
  bool one_process = false;     // the tracer is the real parent
  bool alone = true;            // nobody else can be waited for
  std::vector<pid_t> tracers;   // the real parent's thread first, if it is one
  bool tracer_threads = false;  // they are threads of one process
  int init = -1;                // the place of init among them
  pid_t parent = 0, tracee = 0;
  pid_t group = 0;  // the process group of all on the tracee's side
  std::vector<std::pair<std::uint64_t, std::uint64_t>> conts;  // when SIGCONT was sent to it
};

// Of the models of all processes of a closed world.
model::Shape shape_of(const Names &names);
// What the model of an open world must have, gathered call by call.
class OpenSurvey {
 public:
  void add(const Event &event);
  model::Shape shape() const;  // of each process

  std::vector<int> option_sets;   // the arguments of SEIZE and SETOPTIONS
  std::vector<Siginfo> siginfos;  // those that SETSIGINFO is given
  bool waitid = false;
  std::size_t events = 0;

 private:
  std::uint64_t stop_signals_ = 0;  // by model::Sig: those that occur
};

enum class Ends : std::uint8_t {
  at_once,   // after its last stage
  attached,  // when the tracer no longer sleeps in its attach
  in_user,   // when its thread is back in user mode, in no handler
  execed,    // when the process runs its new program
  never,     // it does not return
  exited,    // when the dead tracer has no tracee any more, and the dead parent no child
};

struct Ask {
  enum class Kind : std::uint8_t {
    nothing,     // no effect on the model, and nothing to check
    impossible,  // no model state shows this
    steps,       // Ask::steps
    state,       // an observation of the state alone
    handler,     // the run of a handler that was entered before
  };
  // Which instances of an action.
  enum class Match : std::uint8_t {
    any,
    thread,      // of this thread
    argument,    // ... and with this argument, if they succeed
    exactly,     // ... and with this argument
    options,     // ... SEIZE and SETOPTIONS: the argument is a set
    wait,        // the thread, -1 for any, and the wait options
    disposition  // SIGCHLD's, of the parent
  };
  // What the instance's output must be.
  enum class Shows : std::uint8_t {
    whatever,
    equal,
    siginfo,
    message,
    mask,
    wait,
    nothing_there,
    queued,
  };

  static constexpr int kNobody = -2;
  struct Step {
    model::Action action = model::Action::hidden;
    model::Actor actor = model::Actor::tracer;
    Match match = Match::any;
    int thread = -1;
    int execed = kNobody;  // or this one, once `thread` has given its tid up in an execve
    int argument = 0;      // wait: the options given
    bool nohang = false;
    bool meanwhile = false;  // SEIZE: a SIGCONT is sent meanwhile
    int tracer = 0;          // its place
    int err = kAnyErr;
    Shows shows = Shows::whatever;
    std::int64_t a = 0, b = 0, c = 0;
    bool operator==(const Step &) const = default;
  };
  static constexpr int kAnyErr = -1, kNoErr = -2;  // else a model::Err

  // What of the state Kind::state looks at.
  enum class Looks : std::uint8_t { proc_state, awake, exiting, tracer_gone, gone, there };

  Kind kind = Kind::nothing;
  std::vector<Step> steps;
  bool traced_too = false;  // or the same inside a system call that SYSCALL traces
  Ends ends = Ends::at_once;
  int thread = -1;                   // the tracee's thread that makes the call
  bool by_main = false;              // the thread's main program makes it: not while a handler runs
  bool lingers = false;              // what it does may also come after its return
  bool repeats = false;              // its step may come again and again
  bool asks_where = false;           // its steps do not: see happens_here
  bool if_stopped = false;           // only while the process is in a group-stop
  model::Sig handled = model::NONE;  // Kind::handler
  Looks looks = Looks::proc_state;   // Kind::state
  char letter = 0;
  int died = -1;           // Looks::gone: the status word of its death, -1: not told
  std::string unmodelled;  // not empty: the model does not cover this call
  bool operator==(const Ask &) const = default;
};
struct AskHash {
  std::size_t operator()(const Ask &ask) const;
};

// What a request that resumes with a signal, or detaches, does; hidden: it is another.
model::Action resumes(long request);
Ask ask(const Event &event, const Names &names);
// A child of this thread may change at any time from now on: this signal may come.
Ask may_get(model::Sig sig, int thread);
// Once: SIGHUP and SIGCONT, see Cast::may_hang_up. alone: nobody else is in the group.
Ask may_hang_up(model::Sig hup, bool alone);
// The tracer in this place, or the real parent, may die from now on.
Ask may_die(int tracer);
Ask parent_may_die();

}  // namespace ptmc::traces
