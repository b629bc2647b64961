#include "model/designs.hpp"

#include <algorithm>
#include <charconv>

#include "model/input_error.hpp"

namespace ptmc::model {
namespace {

using enum Feature;

[[noreturn]] void unknown(std::string_view what, std::string_view text) {
  throw InputError("", 0, "unknown " + std::string(what) + " '" + std::string(text) + "'");
}

std::vector<std::string_view> split(std::string_view list) {
  std::vector<std::string_view> parts;
  while (!list.empty()) {
    const std::size_t end = std::min(list.find_first_of(",|"), list.size());
    if (end) parts.push_back(list.substr(0, end));
    list.remove_prefix(std::min(end + 1, list.size()));
  }
  return parts;
}

constexpr int kNewestMajor = 6, kNewestMinor = 18;

}  // namespace

const std::vector<Design> &designs() {
  static const std::vector<Design> all{
      {"legacy", "ATTACH and TRACEME only, on the newest kernel", "", {}},
      {"seize-3.1",
       "SEIZE marks the tracee with a hidden bit and takes no options",
       "3.1",
       {seize, hidden_bit, exec_traps_seized}},
      {"seize-options",
       "the RFC: the hidden bit is replaced by options (1) to (5)",
       "3.1",
       {seize, seize_options, stop_options}},
      {"linux-3.4",
       "what shipped: SEIZE marks the tracee and takes options",
       "",
       {seize, hidden_bit, seize_options}},
  };
  return all;
}

// X.Y is the last of its stable series: PTRACE_KILL has sent SIGKILL since 5.19, and
// EVENT_EXEC under a new id been kept from requests since 5.13, and both is so in 5.10.262.
const std::vector<KernelFeature> &kernel_features() {
  static const std::vector<KernelFeature> all{
      {setoptions_atomic, 3, 4},
      {requests_freeze, 3, 8},
      {wait_any_tracee, 4, 7},
      {message_cleared, 5, 18},
      {dead_tracer_keeps_code, 5, 19},
      {seccomp_after_entry, 4, 8},
      {peek_siginfo, 3, 10},
      {signal_mask, 3, 11},
      {loop_sees_group_exit, 5, 0},
      {exec_unreaped, 5, 10, "lives"},
      {syscall_message, 5, 3},
      {requeue_keeps_queue, 5, 17, "requeues"},
      {killed_never_stops, 5, 19},
      {kill_sends_sigkill, 5, 10},
      {dying_drops_signals, 6, 1},
      {last_exit_is_group_exit, 6, 1},
      {exiting_drops_signals, 7, 2, "zombies"},
      {leader_takes_group_code, 6, 16, "leaders"},
      {dump_before_exit_event, 5, 16, "dumps"},
  };
  return all;
}

namespace {

// Older series that got it too: 6.18.44 has it, 6.18.15, 6.19.14 and 7.1.13 do not.
const KernelFeature kBackported[] = {{exiting_drops_signals, 6, 18}};

}  // namespace

const std::vector<Sig> &explored_signals() {
  static const std::vector<Sig> all{TRAP, KILL, USR1, TERM, CONT, STOP, TSTP};
  return all;
}

const std::vector<Profile> &profiles() {
  static const std::vector<Feature> requests{
      attach,      use_seize,  interrupt, listen, cont,         syscall,      detach,
      ptrace_kill, setoptions, inspect,   exits,  tracer_waits, parent_waits, tracer_dies};
  auto with = [](std::initializer_list<Feature> more, std::initializer_list<Feature> less = {}) {
    std::vector<Feature> all = requests;
    for (Feature f : less) std::erase(all, f);
    all.insert(all.end(), more);
    return all;
  };
  static const std::vector<Profile> all{
      {"default",
       "every request, one constant option set and mask",
       1,
       {STOP, TSTP, CONT, KILL, USR1, TERM},
       with({}),
       {TRACEEXIT}},
      {"pair",
       "the same with the signals of job control, for two threads",
       2,
       {STOP, CONT, KILL},
       with({}),
       {TRACEEXIT}},
      {"handled",
       "two threads and the handled signal",
       2,
       {STOP, CONT, KILL, USR1},
       with({}),
       {TRACEEXIT}},
      {"group-stop",
       "the group-stop machinery and the tracer's part in it, for two threads",
       2,
       {STOP, CONT},
       {attach, use_seize, interrupt, listen, cont, detach, tracer_waits},
       {}},
      {"stops",
       "group-stops and who is traced meanwhile, for three and four threads",
       4,
       {STOP, CONT},
       {attach, use_seize, parent_waits},
       {}},
      {"masks",
       "the tracee blocks and unblocks signals",
       1,
       {STOP, CONT, KILL, USR1},
       with({Feature::masks}, {syscall}),
       {TRACEEXIT}},
      {"dispositions",
       "the tracee ignores, handles or defaults its signals",
       1,
       {STOP, TSTP, CONT, KILL},
       with({Feature::dispositions}, {syscall}),
       {TRACEEXIT}},
      {"options",
       "SETOPTIONS flips each option at any stop",
       1,
       {STOP, CONT, KILL},
       with({change_options}),
       {TRACEEXIT}},
      {"trap", "SIGTRAP is sent too", 1, {STOP, CONT, KILL, TRAP}, with({}), {TRACEEXIT}},
      {"inject",
       "the tracer injects any signal",
       1,
       {STOP, CONT, KILL, USR1},
       with({inject_any}),
       {TRACEEXIT}},
      {"siginfo",
       "thread-directed signals; the class of each siginfo is state",
       1,
       {STOP, CONT, KILL, USR1},
       with({siginfo, thread_directed, seize_race}),
       {TRACEEXIT}},
      {"sigchld",
       "SIGCHLD to the tracer and the real parent is state",
       1,
       {STOP, CONT, KILL},
       with({sigchld}),
       {TRACEEXIT}},
      {"ignoring-parent",
       "the real parent sets its disposition of SIGCHLD",
       1,
       {STOP, CONT, KILL},
       with({Feature::parent_ignores}),
       {TRACEEXIT}},
      {"child",
       "the tracer is the real parent, and the tracee uses TRACEME",
       1,
       {STOP, TSTP, CONT, KILL, USR1},
       with({traceme, parent_is_tracer}, {parent_waits}),
       {TRACEEXIT}},
      {"orphaned",
       "the process group is orphaned",
       1,
       {STOP, TSTP, CONT, KILL},
       with({orphaned}),
       {TRACEEXIT}},
      {"exitkill",
       "PTRACE_O_EXITKILL and TRACESYSGOOD",
       1,
       {STOP, CONT, KILL},
       with({}),
       {EXITKILL, TRACEEXIT, SYSGOOD}},
      {"clones",
       "the tracee starts a second thread",
       2,
       {STOP, CONT, KILL},
       with({Feature::clones}, {inspect}),
       {TRACECLONE, TRACEEXIT}},
      {"execs",
       "execve, with two threads: the other dies, ids are taken over",
       2,
       {STOP, CONT, KILL},
       with({Feature::execs}, {inspect}),
       {TRACEEXEC, TRACEEXIT}},
      {"lives",
       "clone, execve and exit, with two threads",
       2,
       {STOP, CONT, KILL},
       {attach, use_seize, interrupt, cont, detach, setoptions, exits, tracer_waits,
        Feature::clones, Feature::execs},
       {TRACECLONE, TRACEEXEC, TRACEEXIT}},
      {"dumps",
       "a second thread, and SIGTRAP, which dumps core",
       2,
       {STOP, KILL, TRAP},
       {attach, use_seize, cont, detach, setoptions, exits, tracer_waits, thread_directed,
        Feature::clones},
       {TRACECLONE, TRACEEXIT}},
      {"zombies",
       "a leader that has exited, and signals to one thread alone",
       2,
       {STOP, CONT},
       {use_seize, cont, exits, tracer_waits, thread_directed},
       {}},
      {"leaders",
       "a leader that exits first, and SIGCHLD",
       2,
       {KILL},
       {exits, parent_waits, sigchld},
       {}},
      {"requeues",
       "injected signals that one of two threads blocks",
       2,
       {USR1, TERM},
       {use_seize, cont, tracer_waits, inject_any, Feature::masks},
       {}},
      {"forks",
       "fork and vfork, with two processes",
       1,
       {KILL},
       {attach, use_seize, setoptions, cont, detach, exits, tracer_waits, Feature::forks},
       {TRACEFORK, TRACEVFORK, TRACEVFORKDONE},
       2},
      {"clone-flags",
       "children with CLONE_PTRACE, CLONE_UNTRACED or another exit signal, with two processes",
       1,
       {KILL},
       {attach, use_seize, setoptions, cont, detach, exits, tracer_waits, Feature::forks,
        Feature::clone_flags},
       {TRACEFORK, TRACECLONE},
       2},
      {"families",
       "fork, execve and exit, with two processes",
       1,
       {KILL},
       {attach, use_seize, setoptions, cont, detach, exits, tracer_waits, Feature::forks,
        Feature::execs},
       {TRACEFORK, TRACEEXEC, TRACEEXIT},
       2},
      {"children",
       "the first process waits for the one it forked, and gets its SIGCHLD",
       1,
       {CONT},
       {attach, cont, detach, exits, tracer_waits, Feature::forks, reaps},
       {},
       2},
      {"parent-dies",
       "the real parent dies, and init reaps in its place",
       1,
       {STOP, CONT, KILL},
       with({parent_dies, Feature::parent_ignores, traceme}),
       {TRACEEXIT}},
      {"tracers",
       "two tracers, each with its own tracees",
       1,
       {CONT, KILL},
       {attach, use_seize, interrupt, cont, detach, setoptions, inspect, exits, tracer_waits,
        tracer_dies, second_tracer},
       {TRACEEXIT}},
      {"tracer-threads",
       "two threads of one tracer, which wait for each other's tracees",
       1,
       {CONT, KILL},
       {attach, use_seize, interrupt, cont, detach, setoptions, inspect, exits, tracer_waits,
        tracer_dies, second_tracer, tracer_threads},
       {TRACEEXIT}},
      {"filters",
       "a seccomp filter",
       1,
       {STOP, CONT, KILL},
       with({Feature::filters}),
       {TRACESECCOMP, TRACEEXIT, SYSGOOD}},
      {"steps",
       "single steps and SYSEMU",
       1,
       {STOP, CONT, KILL, USR1},
       with({Feature::steps}),
       {TRACEEXIT}},
      {"forges",
       "SETSIGINFO and SETSIGMASK",
       1,
       {STOP, USR1},
       {attach, use_seize, interrupt, Feature::listen, cont, Feature::detach, inspect, tracer_waits,
        Feature::forges, siginfo},
       {}},
      {"sleep",
       "system calls that sleep",
       1,
       {STOP, CONT, KILL, USR1},
       with({plain_syscalls}),
       {TRACEEXIT}},
  };
  return all;
}

std::string DesignSpec::name() const {
  std::string text(design->name);
  const bool base = design->base.empty() ? major == kNewestMajor && minor == kNewestMinor
                                         : major == 3 && minor == 1;
  if (!base) text += "@" + std::to_string(major) + "." + std::to_string(minor);
  for (const Feature f : flipped)
    text += (f == flipped.front() ? "~" : ",") + std::string(feature_name(f));
  return text;
}

std::vector<Option> parse_options(std::string_view list) {
  std::vector<Option> all;
  for (std::string_view part : split(list)) {
    auto it = std::find(kOptionNames.begin(), kOptionNames.end(), part);
    if (it == kOptionNames.end()) unknown("option", part);
    all.push_back(static_cast<Option>(it - kOptionNames.begin()));
  }
  return all;
}

namespace {

std::vector<Feature> parse_rows(std::string_view list) {
  std::vector<Feature> all;
  for (std::string_view part : split(list)) {
    const std::vector<KernelFeature> &rows = kernel_features();
    auto it = std::find_if(rows.begin(), rows.end(),
                           [&](const KernelFeature &k) { return feature_name(k.feature) == part; });
    if (it == rows.end()) unknown("row of the kernel table", part);
    if (std::find(all.begin(), all.end(), it->feature) == all.end()) all.push_back(it->feature);
  }
  return all;
}

}  // namespace

std::vector<Sig> parse_signals(std::string_view list) {
  std::vector<Sig> all;
  for (std::string_view part : split(list)) {
    Sig found = NONE;
    for (Sig s : explored_signals())
      if (kSignals[s].name == part || kSignals[s].name.substr(3) == part) found = s;
    if (found == NONE) unknown("signal", part);
    all.push_back(found);
  }
  return all;
}

const Profile &find_profile(std::string_view name) {
  for (const Profile &p : profiles())
    if (p.name == name) return p;
  unknown("profile", name);
}

void set_kernel(DesignSpec &spec, std::string_view version) {
  const char *end = version.data() + version.size();
  auto [dot, e1] = std::from_chars(version.data(), end, spec.major);
  if (e1 != std::errc() || dot == end || *dot != '.') unknown("kernel version", version);
  auto [rest, e2] = std::from_chars(dot + 1, end, spec.minor);
  if (e2 != std::errc() || spec.major < 3 || spec.major > 99 || spec.minor < 0)
    unknown("kernel version", version);
  (void)rest;
}

DesignSpec parse_design(std::string_view text) {
  const std::size_t plus = text.find('+');
  const std::size_t tilde = std::min(text.substr(0, plus).find('~'), plus);
  const std::size_t at = std::min(text.substr(0, tilde).find('@'), tilde);
  const std::string_view name = text.substr(0, at);
  DesignSpec spec;
  for (const Design &d : designs())
    if (d.name == name) spec.design = &d;
  if (!spec.design) unknown("design", name);
  spec.major = spec.design->base.empty() ? kNewestMajor : 3;
  spec.minor = spec.design->base.empty() ? kNewestMinor : 1;
  if (at != tilde) set_kernel(spec, text.substr(at + 1, tilde - at - 1));
  if (tilde != plus) spec.flipped = parse_rows(text.substr(tilde + 1, plus - tilde - 1));
  if (plus != text.npos) {
    spec.options = parse_options(text.substr(plus + 1));
  } else if (name == "seize-options") {
    spec.options.assign(kRfcOptions.begin(), kRfcOptions.end());
  }
  return spec;
}

Config base_config(const DesignSpec &spec) {
  Config c;
  for (Feature f : spec.design->features) c[f] = true;
  for (const KernelFeature &k : kernel_features())
    c[k.feature] = spec.major > k.major || (spec.major == k.major && spec.minor >= k.minor);
  for (const KernelFeature &k : kBackported)
    if (spec.major == k.major && spec.minor == k.minor) c[k.feature] = true;
  for (const Feature f : spec.flipped) c[f] = !c[f];
  return c;
}

Config explored_config(const DesignSpec &spec, const Profile &profile,
                       const std::vector<Sig> &signals) {
  Config c = base_config(spec);
  for (Feature f : profile.features) c[f] = true;
  for (Sig s : signals.empty() ? profile.signals : signals) c[signal_feature(s)] = true;
  for (Option o : profile.options) c[option_feature(o)] = true;
  for (Option o : spec.options) c[option_feature(o)] = true;
  return c;
}

Shape explored_shape(const Config &config, int threads, int processes) {
  Shape shape{.threads = threads, .signals = explored_signals()};
  shape.processes = processes;
  if (config[clones]) shape.started = 1;
  if (config[second_tracer]) shape.tracers = 2;
  shape.tracer_threads = config[tracer_threads];
  if (config[reaps])
    shape.signals.insert(std::find(shape.signals.begin(), shape.signals.end(), CONT), CHLD);
  return shape;
}

Config whole_config(const DesignSpec &spec, bool one_process) {
  Config c = base_config(spec);
  for (std::size_t f = 0; f < kFeatureCount; ++f)
    if (kFeatures[f].group == 'p') c.on[f] = true;
  for (int o = 0; o < OPTION_COUNT; ++o) c[option_feature(static_cast<Option>(o))] = false;
  for (Feature f : {orphaned, second_tracer, tracer_threads}) c[f] = false;
  c[open_world] = false;
  c[change_options] = false;
  c[parent_is_tracer] = one_process;
  return c;
}

}  // namespace ptmc::model
