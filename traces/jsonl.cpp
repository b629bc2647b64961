// The ptmc-trace format: fields with their errors, the arguments of calls, the reader, the writer.
#include "traces/jsonl.hpp"
#include <algorithm>
#include <charconv>
#include <climits>
#include <csignal>
#include <istream>
#include <nlohmann/json.hpp>
#include <queue>
#include "model/input_error.hpp"

namespace ptmc::traces {
namespace {

using Json = nlohmann::json;

constexpr std::int64_t kMost = INT64_MAX;
constexpr long kTraceme = 0, kSetSiginfo = 0x4203, kPeekSiginfo = 0x4209;
constexpr long kGetSigmask = 0x420a, kSetSigmask = 0x420b;

constexpr std::pair<std::string_view, std::uint64_t> kOptions[] = {
    {"PTRACE_O_TRACESYSGOOD", 0x1},  {"PTRACE_O_TRACEFORK", 0x2},
    {"PTRACE_O_TRACEVFORK", 0x4},    {"PTRACE_O_TRACECLONE", 0x8},
    {"PTRACE_O_TRACEEXEC", 0x10},    {"PTRACE_O_TRACEVFORKDONE", 0x20},
    {"PTRACE_O_TRACEEXIT", 0x40},    {"PTRACE_O_TRACESECCOMP", 0x80},
    {"PTRACE_O_EXITKILL", 0x100000}, {"PTRACE_O_SUSPEND_SECCOMP", 0x200000},
};
// The low byte of clone's flags is the signal of the child's death.
constexpr std::pair<std::string_view, std::uint64_t> kCloneFlags[] = {
    {"CLONE_VM", 0x100},          {"CLONE_FS", 0x200},       {"CLONE_FILES", 0x400},
    {"CLONE_SIGHAND", 0x800},     {"CLONE_PTRACE", 0x2000},  {"CLONE_VFORK", 0x4000},
    {"CLONE_PARENT", 0x8000},     {"CLONE_THREAD", 0x10000}, {"CLONE_SYSVSEM", 0x40000},
    {"CLONE_UNTRACED", 0x800000},
};
constexpr std::uint64_t kDeathSignal = 0xff;
constexpr std::string_view kHow[] = {"SIG_BLOCK", "SIG_UNBLOCK", "SIG_SETMASK"};
constexpr std::string_view kDispositions[] = {"default", "ignore", "handle"};
constexpr std::string_view kRoles[] = {"tracer", "parent", "tracee", "world"};
constexpr std::string_view kWorlds[] = {"closed", "open"};

// The arguments of each call, in the order in which they are written.
enum class Arg {
  request,
  target,
  tgid,
  child,
  sig,
  addr,
  data,
  options,
  how,
  mask,
  siginfo,
  disposition,
  code,
  flags,
  off,
  peek_flags,
  count,
  unreadable,
  group,
  state,
  tracer,
};
struct CallArg {
  Call call;
  const char *key;
  Arg arg;
};
constexpr CallArg kArgs[] = {
    {Call::ptrace, "request", Arg::request},
    {Call::ptrace, "pid", Arg::target},
    {Call::ptrace, "addr", Arg::addr},
    {Call::ptrace, "data", Arg::data},
    {Call::ptrace, "off", Arg::off},
    {Call::ptrace, "flags", Arg::peek_flags},
    {Call::ptrace, "count", Arg::count},
    {Call::ptrace, "mask", Arg::mask},
    {Call::ptrace, "siginfo", Arg::siginfo},
    {Call::ptrace, "unreadable", Arg::unreadable},
    {Call::wait4, "pid", Arg::target},
    {Call::wait4, "options", Arg::options},
    {Call::waitid, "pid", Arg::target},
    {Call::waitid, "options", Arg::options},
    {Call::kill, "pid", Arg::target},
    {Call::kill, "sig", Arg::sig},
    {Call::tgkill, "tgid", Arg::tgid},
    {Call::tgkill, "tid", Arg::target},
    {Call::tgkill, "sig", Arg::sig},
    {Call::rt_sigprocmask, "how", Arg::how},
    {Call::rt_sigprocmask, "set", Arg::mask},
    {Call::rt_sigaction, "sig", Arg::sig},
    {Call::rt_sigaction, "action", Arg::disposition},
    {Call::handler, "sig", Arg::sig},
    {Call::fork, "flags", Arg::flags},
    {Call::fork, "child", Arg::child},
    {Call::seccomp, "message", Arg::code},
    {Call::exit, "code", Arg::code},
    {Call::exit_group, "code", Arg::code},
    {Call::proc_state, "pid", Arg::target},
    {Call::signal_generate, "pid", Arg::target},
    {Call::signal_generate, "sig", Arg::sig},
    {Call::signal_generate, "group", Arg::group},
    {Call::signal_generate, "result", Arg::code},
    {Call::signal_generate, "tracer", Arg::tracer},
    {Call::signal_deliver, "sig", Arg::sig},
    {Call::signal_deliver, "tracer", Arg::tracer},
    {Call::sched_switch, "state", Arg::state},
    {Call::sched_switch, "tracer", Arg::tracer},
    {Call::sched_waking, "pid", Arg::target},
    {Call::sched_waking, "state", Arg::state},
    {Call::sched_waking, "tracer", Arg::tracer},
    {Call::sched_process_fork, "child", Arg::child},
    {Call::sched_process_fork, "tracer", Arg::tracer},
    {Call::sched_process_exec, "old_pid", Arg::target},
    {Call::sched_process_exec, "tracer", Arg::tracer},
    {Call::sched_process_exit, "tracer", Arg::tracer},
};

template <std::size_t N>
std::size_t one_of(const Fields &fields, const std::string &key,
                   const std::string_view (&names)[N]) {
  const std::string text = fields.text(key);
  const auto found = std::find(std::begin(names), std::end(names), text);
  if (found == std::end(names)) fields.fail(key, "unknown value \"" + text + "\"");
  return static_cast<std::size_t>(found - std::begin(names));
}

std::optional<std::int64_t> how_number(std::string_view name) {
  const auto found = std::find(std::begin(kHow), std::end(kHow), name);
  if (found == std::end(kHow)) return std::nullopt;
  return found - std::begin(kHow);
}

// The data of a ptrace request: a number, a signal, or a list of options.
std::uint64_t request_data(const Fields &args, const std::string &key) {
  if (args.is_string(key)) return static_cast<std::uint64_t>(args.signal(key));
  if (!args.is_array(key)) return args.bits(key);
  std::uint64_t bits = 0;
  for (const Json &name : args.array(key)) {
    const auto option = std::find_if(std::begin(kOptions), std::end(kOptions),
                                     [&](const auto &row) { return name == row.first; });
    if (option == std::end(kOptions)) args.fail(key, "unknown option " + name.dump());
    bits |= option->second;
  }
  return bits;
}

// A number, or a list of names, a signal among them.
std::uint64_t clone_flags(const Fields &args, const std::string &key) {
  if (!args.is_array(key)) return args.bits(key);
  std::uint64_t bits = 0;
  for (const Json &name : args.array(key)) {
    const auto flag = std::find_if(std::begin(kCloneFlags), std::end(kCloneFlags),
                                   [&](const auto &row) { return name == row.first; });
    const auto sig = name.is_string() ? signal_number(name.get<std::string>()) : std::nullopt;
    if (flag != std::end(kCloneFlags))
      bits |= flag->second;
    else if (sig && *sig > 0)
      bits |= static_cast<std::uint64_t>(*sig);
    else
      args.fail(key, "unknown flag " + name.dump());
  }
  return bits;
}

Siginfo read_siginfo(const Fields &fields) {
  const auto optional = [&](const char *key) {
    return fields.has(key) ? static_cast<int>(fields.integer(key, INT_MIN, INT_MAX)) : 0;
  };
  return {fields.signal("signo"), static_cast<int>(fields.integer("code", INT_MIN, INT_MAX)),
          optional("pid"), optional("status")};
}

std::uint64_t letter(const Fields &fields, const std::string &key) {
  const std::string value = fields.text(key);
  if (value.size() != 1) fields.fail(key, "must be one letter");
  return static_cast<unsigned char>(value[0]);
}

bool takes_siginfo(const Event &event) {
  return event.call == Call::ptrace && event.request == kSetSiginfo;
}
bool is_sigmask(const Event &event) {
  return event.request == kGetSigmask || event.request == kSetSigmask;
}
bool peeks(const Event &event) {
  return event.call == Call::ptrace && event.request == kPeekSiginfo;
}
bool has_mask(const Event &event) { return event.call != Call::ptrace || is_sigmask(event); }

}  // namespace

std::optional<std::int64_t> to_number(std::string_view text) {
  const bool hex = text.starts_with("0x");
  if (hex) text.remove_prefix(2);
  std::int64_t number = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), number, hex ? 16 : 10);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

// ---- Fields -------------------------------------------------------------------------------------

Fields::Fields(const Json &object, std::string file, int line, std::string within)
    : object_(object), file_(std::move(file)), line_(line), within_(std::move(within)) {}

void Fields::fail(const std::string &key, const std::string &what) const {
  throw InputError(file_, line_, "key " + within_ + key + ": " + what);
}

const Json &Fields::at(const std::string &key) const {
  read_.insert(key);
  const auto found = object_.find(key);
  if (found == object_.end()) throw InputError(file_, line_, "missing key " + within_ + key);
  return *found;
}

bool Fields::has(const std::string &key) const { return object_.contains(key); }
bool Fields::is_null(const std::string &key) const { return at(key).is_null(); }
bool Fields::is_string(const std::string &key) const { return at(key).is_string(); }
bool Fields::is_array(const std::string &key) const { return at(key).is_array(); }

std::string Fields::text(const std::string &key) const {
  const Json &value = at(key);
  if (!value.is_string()) fail(key, "must be a string");
  return value.get<std::string>();
}

bool Fields::boolean(const std::string &key) const {
  const Json &value = at(key);
  if (!value.is_boolean()) fail(key, "must be true or false");
  return value.get<bool>();
}

std::int64_t Fields::integer(const std::string &key, std::int64_t least, std::int64_t most) const {
  const Json &value = at(key);
  if (!value.is_number_integer()) fail(key, "must be an integer");
  const bool huge = value.is_number_unsigned() && value.get<std::uint64_t>() > INT64_MAX;
  const auto number = value.get<std::int64_t>();
  if (huge || number < least || number > most)
    fail(key, value.dump() + " is not in " + std::to_string(least) + ".." + std::to_string(most));
  return number;
}

std::uint64_t Fields::bits(const std::string &key) const {
  const Json &value = at(key);
  if (!value.is_number_integer()) fail(key, "must be an integer of 64 bits");
  return value.get<std::uint64_t>();
}

Fields Fields::object(const std::string &key) const {
  const Json &value = at(key);
  if (!value.is_object()) fail(key, "must be an object");
  return {value, file_, line_, within_ + key + "."};
}

const Json &Fields::array(const std::string &key) const {
  const Json &value = at(key);
  if (!value.is_array()) fail(key, "must be an array");
  return value;
}

std::int64_t Fields::named(
    const std::string &key, std::int64_t least, std::int64_t most,
    const std::function<std::optional<std::int64_t>(std::string_view)> &number_of,
    const std::string &what) const {
  if (!is_string(key)) return integer(key, least, most);
  const std::string name = text(key);
  const auto known = number_of(name);
  const auto number = known ? known : to_number(name);
  if (!number || *number < least || *number > most)
    fail(key, "unknown " + what + " \"" + name + "\"");
  return *number;
}

int Fields::signal(const std::string &key) const {
  return static_cast<int>(named(key, INT_MIN, INT_MAX, signal_number, "signal"));
}

int Fields::status(const std::string &key) const {
  return static_cast<int>(named(key, INT_MIN, INT_MAX, to_number, "number"));
}

std::uint64_t Fields::signals(const std::string &key) const {
  std::uint64_t mask = 0;
  for (const Json &element : array(key)) {
    Json object;
    object[key] = element;
    const int sig = Fields(object, file_, line_, within_).signal(key);
    if (sig < 1 || sig > 64) fail(key, "signal out of range");
    mask |= std::uint64_t{1} << (sig - 1);
  }
  return mask;
}

void Fields::reject_unread() const {
  for (const auto &[key, value] : object_.items())
    if (!read_.contains(key)) throw InputError(file_, line_, "unknown key " + within_ + key);
}

Json parse_line(const std::string &text, const std::string &file, int line) {
  Json value;
  try {
    value = Json::parse(text);
  } catch (const Json::exception &error) {
    const std::string what = error.what();  // "[json.exception.parse_error.101] parse error at..."
    throw InputError(file, line, "not JSON: " + what.substr(what.find(' ') + 1));
  }
  if (!value.is_object()) throw InputError(file, line, "not a JSON object");
  return value;
}

void check_format(const Fields &header, const std::string &format) {
  const std::string found = header.text("format");
  if (found != format) header.fail("format", "is \"" + found + "\", not \"" + format + "\"");
  const std::int64_t version = header.integer("version", INT64_MIN, kMost);
  if (version != 1) header.fail("version", std::to_string(version) + " is not supported (only 1)");
}

void read_args(const Fields &args, const std::function<pid_t(const Fields &, const char *)> &pid,
               Event &event) {
  for (const auto &[call, key, arg] : kArgs) {
    if (call != event.call) continue;
    switch (arg) {
      case Arg::request:
        event.request = args.named(key, LONG_MIN, LONG_MAX, request_number, "request");
        break;
      case Arg::target:
        if (event.call != Call::ptrace || event.request != kTraceme || args.has(key))
          event.target = pid(args, key);
        break;
      case Arg::tgid:
        event.tgid = pid(args, key);
        break;
      case Arg::sig:
        event.sig = args.signal(key);
        break;
      case Arg::addr:
        if (args.has(key))
          event.addr = args.bits(key);
        else if (is_sigmask(event))
          event.addr = kSigsetSize;
        break;
      case Arg::off:
        if (peeks(event) && args.has(key)) event.addr = args.bits(key);
        break;
      case Arg::peek_flags:
        if (peeks(event) && args.has(key))
          event.options = static_cast<int>(args.integer(key, INT_MIN, INT_MAX));
        break;
      case Arg::count:
        if (peeks(event) && args.has(key))
          event.data = static_cast<std::uint64_t>(args.integer(key, INT_MIN, INT_MAX));
        break;
      case Arg::unreadable:
        if (peeks(event) && args.has(key)) event.unreadable = args.boolean(key);
        break;
      case Arg::data:
        if (args.has(key)) event.data = request_data(args, key);
        break;
      case Arg::options:
        event.options = static_cast<int>(
            args.named(key, INT_MIN, INT_MAX, wait_options_number, "wait options"));
        break;
      case Arg::how:
        event.how = static_cast<int>(args.named(key, INT_MIN, INT_MAX, how_number, "value"));
        break;
      case Arg::mask:
        if (event.call != Call::ptrace || args.has(key)) event.mask = args.signals(key);
        break;
      case Arg::siginfo:
        if (args.has(key)) event.siginfo = read_siginfo(args.object(key));
        break;
      case Arg::child:
        if (args.has(key)) event.child = pid(args, key);
        break;
      case Arg::flags:
        if (args.has(key)) event.data = clone_flags(args, key);
        break;
      case Arg::disposition:
        event.disposition = static_cast<Disposition>(one_of(args, key, kDispositions));
        break;
      case Arg::code:
        event.data = args.bits(key);
        break;
      case Arg::group:
        event.options = args.boolean(key) ? 1 : 0;
        break;
      case Arg::state:
        event.data = letter(args, key);
        break;
      case Arg::tracer:
        if (args.has(key)) event.tgid = pid(args, key);
        break;
    }
  }
}

// ---- Reader -------------------------------------------------------------------------------------

namespace {

pid_t any_pid(const Fields &fields, const char *key) {
  return static_cast<pid_t>(fields.integer(key, INT_MIN, INT_MAX));
}

pid_t real_pid(const Fields &fields, const char *key) {
  return static_cast<pid_t>(fields.integer(key, 1, kMaxPid));
}

Process read_process(const Fields &fields) {
  Process process;
  process.pid = real_pid(fields, "pid");
  process.role = static_cast<Role>(one_of(fields, "role", kRoles));
  for (const Json &tid : fields.array("threads")) {
    Json object;
    object["threads"] = tid;
    process.threads.push_back(
        real_pid(Fields(object, fields.file(), fields.line(), "processes."), "threads"));
  }
  return process;
}

void read_header(const Fields &header, Trace &trace) {
  check_format(header, "ptmc-trace");
  trace.arch = header.text("arch");
  if (trace.arch != "x86_64") header.fail("arch", trace.arch + " is not supported (only x86_64)");
  trace.world = static_cast<World>(one_of(header, "world", kWorlds));
  trace.tracer = static_cast<pid_t>(header.integer("tracer", 0, kMaxPid));
  if (header.has("clock") && header.text("clock") != "monotonic-ns")
    header.fail("clock", "must be \"monotonic-ns\"");
  if (header.has("kernel")) trace.kernel = header.text("kernel");
  if (header.has("design")) trace.design = header.text("design");
  if (header.has("scenario")) trace.scenario = header.text("scenario");
  if (header.has("orphaned")) trace.orphaned = header.boolean("orphaned");
  if (!header.has("processes")) return;
  for (const Json &process : header.array("processes")) {
    if (!process.is_object()) header.fail("processes", "must be objects");
    trace.processes.push_back(
        read_process(Fields(process, header.file(), header.line(), "processes.")));
  }
}

Event read_event(const Fields &fields) {
  Event event;
  event.line = fields.line();
  event.pid = static_cast<pid_t>(fields.integer("pid", 0, kMaxPid));  // 0: strace did not say
  const std::string name = fields.text("call");
  const auto call = call_from_name(name);
  if (!call) fields.fail("call", "unknown call \"" + name + "\"");
  event.call = *call;
  read_args(fields.object("args"), any_pid, event);

  if (!fields.is_null("ret")) event.ret = fields.integer("ret", LONG_MIN, LONG_MAX);
  if (fields.has("errno"))
    event.err = static_cast<int>(fields.named("errno", 0, INT_MAX, errno_number, "errno"));
  if (fields.has("status")) event.status = fields.status("status");
  if (fields.has("siginfo")) event.siginfo = read_siginfo(fields.object("siginfo"));
  if (fields.has("message")) event.message = fields.bits("message");
  if (event.call == Call::proc_state) event.data = letter(fields, "value");
  event.t0 = static_cast<std::uint64_t>(fields.integer("t0", 0, kMost));
  if (!fields.is_null("t1")) event.t1 = static_cast<std::uint64_t>(fields.integer("t1", 0, kMost));
  if (event.t1 < event.t0) fields.fail("t1", "is before t0");
  if (fields.has("kernel")) event.kernel = fields.boolean("kernel");
  return event;
}

// A recorder that was killed may leave the beginning of a line.
bool cut_off(const std::istream &in, const std::string &text, World world) {
  return in.eof() && world == World::open && !Json::accept(text);
}

}  // namespace

Trace read_jsonl(std::istream &in, const std::string &file) {
  Trace trace;
  trace.file = file;
  std::string text;
  if (!std::getline(in, text)) throw InputError(file, 0, "empty file");
  const Json header = parse_line(text, file, 1);
  read_header(Fields(header, file, 1), trace);
  for (int line = 2; std::getline(in, text); ++line) {
    if (cut_off(in, text, trace.world)) break;
    const Json object = parse_line(text, file, line);
    trace.events.push_back(read_event(Fields(object, file, line)));
  }
  std::stable_sort(trace.events.begin(), trace.events.end(),
                   [](const Event &a, const Event &b) { return a.t0 < b.t0; });
  return trace;
}

namespace {

// A file that is read twice or more: the first time its order is seen, and whether it can be read
// call by call after that.
class JsonlSource : public Source {
 public:
  JsonlSource(std::unique_ptr<std::istream> in, const std::string &file) : in_(std::move(in)) {
    about_.file = file;
    read_header();
    if (about_.world == World::closed) read_all();
  }

  const Event *next() override {
    if (whole_) return whole_->next();
    if (taken_) waiting_.pop();
    taken_ = false;
    // What comes before the next line's call.
    while (!ended_ && (waiting_.empty() || waiting_.top().at >= newest_)) read();
    if (waiting_.empty()) return nullptr;
    taken_ = true;
    return &waiting_.top().event;
  }

  void rewind() override {
    if (!sorted_ && !whole_) read_all();
    if (whole_) return whole_->rewind();
    read_header();
  }

  std::size_t place() override { return whole_ ? whole_->place() : waiting_.top().number; }
  const Trace *whole() const override { return whole_ ? &trace_ : nullptr; }

 private:
  struct Waiting {
    std::uint64_t at;    // when it comes
    std::size_t number;  // among all
    Event event;
    bool operator<(const Waiting &other) const {
      return std::pair(at, number) > std::pair(other.at, other.number);
    }
  };

  void read_all() {
    in_->clear();
    in_->seekg(0);
    trace_ = read_jsonl(*in_, about_.file);
    whole_ = source_of(trace_);
  }

  void read_header() {
    in_->clear();
    in_->seekg(0);
    std::string text;
    std::getline(*in_, text);
    const Json header = parse_line(text, about_.file, 1);
    Trace fresh;
    fresh.file = about_.file;
    traces::read_header(Fields(header, about_.file, 1), fresh);
    about_ = std::move(fresh);
    waiting_ = {};
    line_ = 1;
    newest_ = 0;
    taken_ = ended_ = false;
  }

  void read() {
    std::string text;
    if (!std::getline(*in_, text) || cut_off(*in_, text, about_.world)) {
      ended_ = true;
      return;
    }
    ++line_;
    const Json object = parse_line(text, about_.file, line_);
    const Event event = read_event(Fields(object, about_.file, line_));
    sorted_ = sorted_ && event.t0 >= newest_;
    newest_ = std::max(newest_, event.t0);
    waiting_.push({comes_at(event), static_cast<std::size_t>(line_ - 2), event});
  }

  std::unique_ptr<std::istream> in_;
  std::priority_queue<Waiting> waiting_;  // the first to come on top
  int line_ = 1;
  std::uint64_t newest_ = 0;  // t0
  bool taken_ = false;        // the top has been returned
  bool ended_ = false, sorted_ = true;
  Trace trace_;  // if it is not sorted
  std::unique_ptr<Source> whole_;
};

}  // namespace

std::unique_ptr<Source> jsonl_source(std::unique_ptr<std::istream> in, const std::string &file) {
  return std::make_unique<JsonlSource>(std::move(in), file);
}

// ---- Writer -------------------------------------------------------------------------------------

namespace {

using Ordered = nlohmann::ordered_json;

Ordered signal_names(std::uint64_t mask) {
  Ordered names = Ordered::array();
  for (int sig = 1; sig <= 64; ++sig)
    if ((mask >> (sig - 1) & 1) != 0) names.push_back(signal_name(sig));
  return names;
}

Ordered flag_names(std::uint64_t flags) {
  Ordered names = Ordered::array();
  std::uint64_t rest = flags;
  for (const auto &[name, bit] : kCloneFlags) {
    if (rest & bit) names.push_back(name);
    rest &= ~bit;
  }
  if (rest & ~kDeathSignal) return flags;
  if (rest) names.push_back(signal_name(static_cast<int>(rest)));
  return names;
}

Ordered write_siginfo(const Siginfo &info) {
  return {{"signo", info.signo}, {"code", info.code}, {"pid", info.pid}, {"status", info.status}};
}

Ordered write_arg(const Event &event, Arg arg, const std::function<Ordered(pid_t)> &pid) {
  switch (arg) {
    case Arg::request:
      return request_name(event.request);
    case Arg::target:
      return pid(event.target);
    case Arg::tgid:
      return pid(event.tgid);
    case Arg::sig:
      return signal_name(event.sig);
    case Arg::addr:
      return peeks(event) ? Ordered() : Ordered(event.addr);
    case Arg::off:
      return peeks(event) ? Ordered(event.addr) : Ordered();
    case Arg::peek_flags:
      return peeks(event) ? Ordered(event.options) : Ordered();
    case Arg::count:
      return peeks(event) ? Ordered(static_cast<int>(event.data)) : Ordered();
    case Arg::unreadable:
      return event.unreadable ? Ordered(true) : Ordered();
    case Arg::options:
      return wait_options_name(event.options);
    case Arg::how:
      if (event.how < SIG_BLOCK || event.how > SIG_SETMASK) return event.how;
      return kHow[event.how];
    case Arg::mask:
      return has_mask(event) ? signal_names(event.mask) : Ordered();
    case Arg::siginfo:
      return takes_siginfo(event) && event.siginfo ? write_siginfo(*event.siginfo) : Ordered();
    case Arg::child:
      return event.child ? pid(event.child) : Ordered();
    case Arg::flags:
      return flag_names(event.data);
    case Arg::disposition:
      return kDispositions[static_cast<std::size_t>(event.disposition)];
    case Arg::data:
      return peeks(event) ? Ordered() : Ordered(event.data);
    case Arg::code:
      return event.data;
    case Arg::group:
      return event.options != 0;
    case Arg::tracer:
      return event.tgid ? pid(event.tgid) : Ordered();
    case Arg::state:
      return std::string(1, static_cast<char>(event.data));
  }
  return {};
}

Ordered write_event(const Event &event) {
  Ordered json{{"pid", event.pid},
               {"call", call_name(event.call)},
               {"args", write_args(event, [](pid_t pid) { return Ordered(pid); })}};
  json["ret"] = event.ret ? Ordered(*event.ret) : Ordered();
  if (event.err != 0) json["errno"] = errno_name(event.err);
  if (event.status) json["status"] = *event.status;
  if (event.siginfo && !takes_siginfo(event)) json["siginfo"] = write_siginfo(*event.siginfo);
  if (event.message) json["message"] = *event.message;
  if (event.call == Call::proc_state) json["value"] = std::string(1, static_cast<char>(event.data));
  json["t0"] = event.t0;
  json["t1"] = event.t1 == UINT64_MAX ? Ordered() : Ordered(event.t1);
  if (event.kernel) json["kernel"] = true;
  return json;
}

Ordered write_header(const Trace &trace) {
  Ordered header{{"format", "ptmc-trace"},
                 {"version", 1},
                 {"kernel", trace.kernel},
                 {"arch", trace.arch},
                 {"world", kWorlds[static_cast<std::size_t>(trace.world)]},
                 {"design", trace.design},
                 {"tracer", trace.tracer},
                 {"clock", "monotonic-ns"}};
  if (!trace.scenario.empty()) header["scenario"] = trace.scenario;
  if (trace.orphaned) header["orphaned"] = true;
  if (trace.processes.empty()) return header;
  Ordered &processes = header["processes"] = Ordered::array();
  for (const Process &process : trace.processes)
    processes.push_back({{"pid", process.pid},
                         {"role", kRoles[static_cast<std::size_t>(process.role)]},
                         {"threads", process.threads}});
  return header;
}

std::string one_line(const Ordered &json) {
  return json.dump(-1, ' ', false, Ordered::error_handler_t::replace) + '\n';
}

}  // namespace

std::string header_line(const Trace &trace) { return one_line(write_header(trace)); }
std::string event_line(const Event &event) { return one_line(write_event(event)); }

Ordered write_args(const Event &event, const std::function<Ordered(pid_t)> &pid) {
  Ordered args = Ordered::object();
  for (const auto &[call, key, arg] : kArgs) {
    if (call != event.call) continue;
    Ordered value = write_arg(event, arg, pid);
    if (!value.is_null()) args[key] = std::move(value);
  }
  return args;
}

std::string to_jsonl(const Trace &trace) {
  std::string text = header_line(trace);
  for (const Event &event : trace.events) text += event_line(event);
  return text;
}

}  // namespace ptmc::traces
