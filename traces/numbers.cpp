// The numbers of a trace in the model's terms (ask.hpp: Names), and the shape of the model that a
// trace needs.
#include <linux/ptrace.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>

#include <algorithm>
#include <set>

#include "model/kernel.hpp"
#include "model/requests.hpp"
#include "traces/ask.hpp"
#include "traces/numbers.hpp"

namespace ptmc::traces {
namespace {

using model::Sig;
using model::Value;

// The kernel's bits of the options that the model has.
constexpr std::pair<std::uint64_t, model::Option> kOptions[] = {
    {PTRACE_O_EXITKILL, model::EXITKILL},        {PTRACE_O_TRACEEXIT, model::TRACEEXIT},
    {PTRACE_O_TRACESYSGOOD, model::SYSGOOD},     {PTRACE_O_TRACEFORK, model::TRACEFORK},
    {PTRACE_O_TRACEVFORK, model::TRACEVFORK},    {PTRACE_O_TRACECLONE, model::TRACECLONE},
    {PTRACE_O_TRACEEXEC, model::TRACEEXEC},      {PTRACE_O_TRACEVFORKDONE, model::TRACEVFORKDONE},
    {PTRACE_O_TRACESECCOMP, model::TRACESECCOMP}};

// The signals that a call names or shows.
std::vector<int> signals_of(const Event &e) {
  std::vector<int> all;
  const auto add = [&](std::uint64_t number) {
    if (number > 0 && number <= 64) all.push_back(static_cast<int>(number));
  };
  add(static_cast<std::uint64_t>(e.sig));
  if (e.call == Call::fork) add(e.data & 0xff);
  if (e.call == Call::ptrace && resumes(e.request) != model::Action::hidden) add(e.data);
  if (e.status && WIFSTOPPED(*e.status))
    add(static_cast<std::uint64_t>(WSTOPSIG(*e.status) & 0x7f));
  if (e.siginfo && e.call == Call::ptrace) add(static_cast<std::uint64_t>(e.siginfo->signo));
  if (e.siginfo && e.call == Call::waitid && e.siginfo->code == CLD_TRAPPED)
    add(static_cast<std::uint64_t>(e.siginfo->status & 0x7f));
  for (int s = 1; s <= 64; ++s)
    if (e.mask >> (s - 1) & 1) all.push_back(s);
  return all;
}

// How many of a real-time signal may be pending at once; one of another, as it merges.
int most_pending(const Trace &trace, int number) {
  if (number < 32) return 1;
  int pending = 0, most = 1;
  for (const Event &e : trace.events) {
    const bool reported = e.call == Call::waitid
                              ? e.siginfo && e.siginfo->status == number
                              : e.status && WIFSTOPPED(*e.status) && *e.status >> 8 == number;
    const bool handled = e.call == Call::handler && e.sig == number;
    const bool sent = ((e.call == Call::kill || e.call == Call::tgkill) && e.sig == number) ||
                      (e.call == Call::fork && static_cast<int>(e.data & 0xff) == number) ||
                      (e.call == Call::ptrace && resumes(e.request) != model::Action::hidden &&
                       e.data == static_cast<std::uint64_t>(number));
    if (reported || handled) pending = std::max(pending - 1, 0);
    if (sent) most = std::max(most, ++pending);
  }
  return most;
}

template <class T>
int place_in(std::vector<T> &all, const T &one) {
  const auto found = std::find(all.begin(), all.end(), one);
  if (found == all.end()) all.push_back(one);
  return static_cast<int>(found - all.begin());
}

// One of each that the model tells apart.
void add_siginfo(std::vector<Siginfo> &all, const Siginfo &info) {
  const auto same = [&](const Siginfo &one) {
    return one.signo == info.signo && one.code == info.code;
  };
  if (std::none_of(all.begin(), all.end(), same)) all.push_back(info);
}

}  // namespace

std::uint64_t option_bit(model::Option option) {
  for (const auto &[bit, of] : kOptions)
    if (of == option) return bit;
  return 0;
}

Names::Names(const Trace &trace) : cast(std::make_shared<Cast>(trace)) {
  std::vector<bool> used(model::SIG_COUNT);
  std::set<int> unnamed, masked;
  for (Sig sig : {model::KILL, model::STOP, model::CONT, model::TRAP}) used[sig] = true;
  for (const Event &e : trace.events) {
    if (e.call == Call::fork && !(e.data & CLONE_THREAD)) used[model::CHLD] = true;
    if (e.call == Call::ptrace && (e.request == PTRACE_SEIZE || e.request == PTRACE_SETOPTIONS))
      if (const int set = option_set(e.data); set >= 0) place_in(option_sets, set);
    Event sent = e;  // what shows in a stop was sent before
    sent.status.reset();
    if (e.request != PTRACE_SETSIGINFO) sent.siginfo.reset();
    sent.mask = 0;
    for (const int number : signals_of(sent))
      if (model::is_other(signal(number))) unnamed.insert(number);
    for (const int number : signals_of(e)) {
      used[signal(number)] = true;
      if (model::is_other(signal(number)) && (e.mask >> (number - 1) & 1)) masked.insert(number);
    }
  }
  for (int p = 0; p < static_cast<int>(cast->processes().size()); ++p)
    if (cast->may_hang_up(p) != UINT64_MAX) unnamed.insert(SIGHUP);
  too_many_others = unnamed.size() > model::kOthers;
  others.assign(unnamed.begin(), unnamed.end());
  for (const int number : masked)
    if (!unnamed.count(number)) others.push_back(number);
  for (const int number : others) queued.push_back(most_pending(trace, number));
  for (const model::SigInfo &i : model::kSignals) {
    const bool in = model::is_other(i.sig) ? number(i.sig) != 0 : used[i.sig];
    if (i.sig != model::NONE && in) signals.push_back(i.sig);
  }
  for (const Event &e : trace.events) {
    if (e.call != Call::ptrace) continue;
    if (e.request == PTRACE_SETSIGINFO && e.siginfo) add_siginfo(siginfos, *e.siginfo);
    if (e.request == PTRACE_SETSIGMASK) place_in(masks, mask(e.mask));
  }
  if (!cast->processes().empty()) be(trace, 0);
}

Names Names::of(const Trace &trace, int which) const {
  Names names = *this;
  names.be(trace, which);
  return names;
}

void Names::adopt(const model::Shape &shape) {
  std::vector<Siginfo> all;
  for (const model::Siginfo &one : shape.siginfos) {
    const auto found = std::find_if(siginfos.begin(), siginfos.end(), [&](const Siginfo &info) {
      return signal(info.signo) == one.signo && info.code == one.code;
    });
    all.push_back(found != siginfos.end() ? *found
                                          : Siginfo{.signo = number(one.signo), .code = one.code});
  }
  siginfos = std::move(all);
  masks = shape.masks;
}

// What differs between the processes of a trace.
void Names::be(const Trace &trace, int which) {
  process = which;
  const Cast::Process &mine = cast->processes()[static_cast<std::size_t>(process)];
  parent = mine.parent;
  tracers = cast->tracers_of(process);
  // An auto-attached child has its parent's.
  for (int p = mine.forked_by; p >= 0; p = cast->processes()[static_cast<std::size_t>(p)].forked_by)
    for (const pid_t tracer : cast->tracers_of(p)) place_in(tracers, tracer);
  std::stable_partition(tracers.begin(), tracers.end(),
                        [&](pid_t tid) { return cast->process_of(tid) == parent; });
  tracer_threads = tracers.size() > 1;
  for (const pid_t tid : tracers)
    tracer_threads = tracer_threads && cast->process_of(tid) == cast->process_of(tracers[0]);
  const auto init_at = std::find(tracers.begin(), tracers.end(), kInit);
  init = init_at == tracers.end() ? -1 : static_cast<int>(init_at - tracers.begin());
  tracee = mine.pid;
  group = cast->processes()[0].pid;
  one_process = cast->process_of(tracers[0]) == parent;
  alone = cast->processes().size() == 1;
  threads.assign(static_cast<std::size_t>(mine.threads), 0);
  const auto lives_here = [&](pid_t tid, std::uint64_t time) {
    if (const int t = thread(tid, time); t >= 0) threads[static_cast<std::size_t>(t)] = tid;
  };
  for (const Process &p : trace.processes)
    for (const pid_t tid : p.threads) lives_here(tid, 0);
  lives_here(tracee, UINT64_MAX);
  codes = {0};
  conts.clear();
  for (const std::size_t i : mine.events) {
    const Event &e = trace.events[i];
    lives_here(e.pid, e.t0);
    if (e.call == Call::fork) lives_here(child_of(e), e.t1);
    if ((e.call == Call::kill || e.call == Call::tgkill) && e.sig == SIGCONT)
      conts.emplace_back(e.t0, e.t1);
    const bool exits = e.call == Call::exit || e.call == Call::exit_group;
    if (exits && thread(e.pid, e.t0) >= 0) place_in(codes, static_cast<int>(e.data & 0xff));
  }
}

Names::Names(pid_t tracer, pid_t tracee, std::vector<int> option_sets, bool one_process)
    : threads{tracee},
      codes{0, 1},
      option_sets(std::move(option_sets)),
      open(true),
      one_process(one_process),
      tracers{tracer},
      tracee(tracee),
      group(tracee) {}

// signal(7), for the signals that the model has no name for.
model::Default Names::default_action(int number) {
  switch (number) {
    case SIGURG:
    case SIGWINCH:
      return model::Default::ignore;
    case SIGQUIT:
    case SIGILL:
    case SIGABRT:
    case SIGFPE:
    case SIGSEGV:
    case SIGBUS:
    case SIGSYS:
    case SIGXCPU:
    case SIGXFSZ:
      return model::Default::core;
    default:
      return model::Default::fatal;
  }
}

int Names::thread(pid_t tid, std::uint64_t time) const {
  if (!cast) return tid == tracee ? 0 : -1;
  const Task task = cast->task(tid, time);
  return task.process == process ? task.thread : -1;
}

pid_t Names::tid(int thread) const {
  const auto t = static_cast<std::size_t>(thread);
  return thread >= 0 && t < threads.size() ? threads[t] : -1;
}

bool Names::is_tracer(pid_t tid) const {
  return std::find(tracers.begin(), tracers.end(), tid) != tracers.end();
}

int Names::tracer_of(pid_t tid) const {
  const auto found = std::find(tracers.begin(), tracers.end(), tid);
  if (found != tracers.end()) return static_cast<int>(found - tracers.begin());
  if (!cast) return -1;
  for (std::size_t i = 0; i < tracers.size(); ++i)
    if (cast->process_of(tracers[i]) == cast->process_of(tid)) return static_cast<int>(i);
  return -1;
}

bool Names::of_parent(pid_t tid) const {
  if (!cast) return one_process && tid == tracers[0];
  return cast->process_of(tid) == parent;
}

bool Names::is_child(pid_t pid) const {
  if (!cast) return true;
  const Task t = cast->task(pid, UINT64_MAX);
  return t.process >= 0 && cast->processes()[static_cast<std::size_t>(t.process)].parent == tracee;
}

Sig Names::signal(int number) const {
  if (number == 0) return model::NONE;
  if (open && (number == SIGUSR1 || number == SIGUSR2 || number == SIGTERM || number == SIGCHLD))
    return model::OTHER;
  for (const model::SigInfo &i : model::kSignals)
    if (i.number == number) return i.sig;
  const auto place = std::find(others.begin(), others.end(), number) - others.begin();
  // Where there is no place left the last stands for several.
  return static_cast<Sig>(model::OTHER + std::min<std::ptrdiff_t>(place, model::kOthers - 1));
}

int Names::number(Sig sig) const {
  if (!model::is_other(sig)) return model::kSignals[sig].number;
  const auto place = static_cast<std::size_t>(sig - model::OTHER);
  return place < others.size() ? others[place] : 0;
}

std::string Names::name(Sig sig) const {
  const int known = number(sig);
  return known ? signal_name(known) : std::string(model::kSignals[sig].name);
}

bool Names::never_sent(int number) const {
  return !open && number != 0 && model::is_other(signal(number)) &&
         std::find(others.begin(), others.end(), number) == others.end();
}

std::uint32_t Names::mask(std::uint64_t set) const {
  std::uint32_t bits = 0;
  for (const Sig sig : signals) {
    const int number = this->number(sig);
    if (number && model::is_blockable(sig) && (set >> (number - 1) & 1)) bits |= 1u << sig;
  }
  return bits;
}

int Names::siginfo(const Siginfo &info) const {
  const auto same = [&](const Siginfo &one) {
    return one.signo == info.signo && one.code == info.code;
  };
  const auto found = std::find_if(siginfos.begin(), siginfos.end(), same);
  return found == siginfos.end() ? -1 : static_cast<int>(found - siginfos.begin());
}

std::optional<Value> Names::exit_code(int code) const {
  if (open) return 1;
  auto it = std::find(codes.begin(), codes.end(), code & 0xff);
  if (it == codes.end()) return std::nullopt;
  return static_cast<Value>(it - codes.begin());
}

std::optional<Value> Names::status(int word) const {
  if (open && word != 0xffff && !WIFSTOPPED(word)) return 1 << 8;
  if (WIFEXITED(word)) {
    const auto index = exit_code(WEXITSTATUS(word));
    return index ? std::optional(*index << 8) : std::nullopt;
  }
  auto number = [&](int n) {
    const Sig sig = signal(n);
    return model::is_other(sig) ? static_cast<int>(model::status_number(sig)) : n;
  };
  if (WIFSIGNALED(word) && never_sent(WTERMSIG(word))) return std::nullopt;
  // Whether a core was written depends on limits that the model does not have.
  if (WIFSIGNALED(word)) return static_cast<Value>(number(WTERMSIG(word)));
  if (word == 0xffff) return 0xffff;
  const int stop = word >> 8 & 0xff;
  if (!(stop & 0x80) && never_sent(stop)) return std::nullopt;
  const int plain = stop & 0x80 ? stop : number(stop);
  return static_cast<Value>((word & ~0xff00) | plain << 8);
}

int Names::option_set(std::uint64_t data) const {
  constexpr std::uint64_t kKnown = 0xff | PTRACE_O_EXITKILL | PTRACE_O_SUSPEND_SECCOMP;
  if (data & ~kKnown) return model::kInvalidOptions;
  int set = 0;
  for (const auto &[bit, option] : kOptions)
    if (data & bit) set |= 1 << option;
  return set;
}

namespace {

std::vector<model::Siginfo> models_siginfos(const std::vector<Siginfo> &all, const Names &names) {
  std::vector<model::Siginfo> made;
  for (const Siginfo &info : all) made.push_back({names.signal(info.signo), info.code});
  return made;
}

}  // namespace

void OpenSurvey::add(const Event &e) {
  static const Names any(0, 0, {}, false);
  ++events;
  waitid = waitid || e.call == Call::waitid;
  const auto seen = [&](int signal) { stop_signals_ |= std::uint64_t{1} << any.signal(signal); };
  if (e.status && WIFSTOPPED(*e.status)) seen(WSTOPSIG(*e.status) & 0x7f);
  if (e.siginfo && e.siginfo->signo > 0 && e.siginfo->signo <= 64) seen(e.siginfo->signo);
  if (e.call != Call::ptrace) return;
  if (e.data <= 64) seen(static_cast<int>(e.data));
  if (e.request == PTRACE_SEIZE || e.request == PTRACE_SETOPTIONS)
    if (const int set = any.option_set(e.data); set >= 0) place_in(option_sets, set);
  if (e.request == PTRACE_SETSIGINFO && e.siginfo) add_siginfo(siginfos, *e.siginfo);
}

model::Shape OpenSurvey::shape() const {
  model::Shape shape;
  shape.open = true;
  shape.threads = 1;
  shape.signals = {model::TRAP, model::KILL, model::CONT, model::STOP};
  // The other stop signals act as SIGSTOP does here, so they are told apart only if they occur.
  for (Sig sig : {model::TSTP, model::TTIN, model::TTOU})
    if (stop_signals_ >> sig & 1) shape.signals.push_back(sig);
  shape.signals.push_back(model::OTHER);
  shape.siginfos = models_siginfos(siginfos, Names(0, 0, {}, false));
  shape.masks.clear();
  shape.option_sets = option_sets;
  return shape;
}

model::Shape shape_of(const Names &names) {
  model::Shape shape;
  for (std::size_t k = 0; k < names.others.size() && k < model::kOthers; ++k)
    shape.others[k] = {names.others[k], Names::default_action(names.others[k]), names.queued[k]};
  shape.threads = 1;
  for (const Cast::Process &p : names.cast->processes())
    shape.threads = std::max(shape.threads, p.threads);
  shape.signals = names.signals;
  shape.option_sets = names.option_sets;
  shape.siginfos = models_siginfos(names.siginfos, names);
  shape.masks = names.masks;
  shape.tracers = static_cast<int>(names.tracers.size());
  shape.tracer_threads = names.tracer_threads;
  shape.init = names.init;
  shape.exit_codes.clear();
  for (Value v = 0; v < model::kExitCodes; ++v) shape.exit_codes.push_back(v);
  return shape;
}

}  // namespace ptmc::traces
