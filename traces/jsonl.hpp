// The ptmc-trace format: JSON Lines, a header and then one call a line (schema/trace.schema.json).
// Its vocabulary of calls and arguments is also that of scenario files.
#pragma once

#include <cstdint>
#include <functional>
#include <iosfwd>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include "traces/source.hpp"
#include "traces/trace.hpp"

namespace ptmc::traces {

// Accepts what to_jsonl writes; where numbers have names, either. Keys that it does not know are
// ignored. Events come back sorted by t0. Throws InputError naming file, line and key.
Trace read_jsonl(std::istream &in, const std::string &file);

// The lines of to_jsonl, newlines included; of the trace the header alone.
std::string header_line(const Trace &trace);
std::string event_line(const Event &event);

// The same call by call, of a file that can be read more than once. It is read into memory if it is
// of a closed world, or its calls are not in the order of t0.
std::unique_ptr<Source> jsonl_source(std::unique_ptr<std::istream> in, const std::string &file);

// "WNOHANG|__WALL", "0", "WNOHANG|64".
std::optional<int> wait_options_number(std::string_view names);
// Decimal or 0x..., all of the text.
std::optional<std::int64_t> to_number(std::string_view text);

// ---- For readers of JSON Lines ------------------------------------------------------------------

// The largest pid that Linux gives (PID_MAX_LIMIT - 1, 64 bits).
inline constexpr std::int64_t kMaxPid = 4194303;

// One JSON object of a line. Every reader throws InputError naming file, line and key.
class Fields {
 public:
  // object must outlive this; within: where the object is in its line, e.g. "args.".
  Fields(const nlohmann::json &object, std::string file, int line, std::string within = "");

  [[noreturn]] void fail(const std::string &key, const std::string &what) const;
  bool has(const std::string &key) const;
  bool is_null(const std::string &key) const;
  bool is_string(const std::string &key) const;
  bool is_array(const std::string &key) const;

  std::string text(const std::string &key) const;
  bool boolean(const std::string &key) const;
  std::int64_t integer(const std::string &key, std::int64_t least, std::int64_t most) const;
  std::uint64_t bits(const std::string &key) const;  // a negative number is its two's complement
  Fields object(const std::string &key) const;
  const nlohmann::json &array(const std::string &key) const;
  // An integer, or a text: one that number_of knows, or the integer's digits.
  std::int64_t named(const std::string &key, std::int64_t least, std::int64_t most,
                     const std::function<std::optional<std::int64_t>(std::string_view)> &number_of,
                     const std::string &what) const;
  int signal(const std::string &key) const;
  int status(const std::string &key) const;             // a number or "0x80057f"
  std::uint64_t signals(const std::string &key) const;  // a list; bit n-1 is signal n

  // Fails on the first key that nobody asked for.
  void reject_unread() const;

  const std::string &file() const { return file_; }
  int line() const { return line_; }

 private:
  const nlohmann::json &at(const std::string &key) const;

  const nlohmann::json &object_;
  std::string file_;
  int line_;
  std::string within_;
  mutable std::set<std::string> read_;
};

// Parses a line that must be one JSON object.
nlohmann::json parse_line(const std::string &text, const std::string &file, int line);
// The first line of a file: "format" must be this one, "version" 1.
void check_format(const Fields &header, const std::string &format);
// Reads the arguments of event.call into event; pid reads a key that names a thread or process.
void read_args(const Fields &args, const std::function<pid_t(const Fields &, const char *)> &pid,
               Event &event);
// What read_args reads; pid writes a thread or process, null leaves it out.
nlohmann::ordered_json write_args(const Event &event,
                                  const std::function<nlohmann::ordered_json(pid_t)> &pid);

}  // namespace ptmc::traces
