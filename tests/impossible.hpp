// What a recording shows for sure, from its JSON alone: who was attached, reaped, stopped, and
// when. Nothing here uses the model or the reader of traces, so that corruptions chosen by it judge
// both.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace ptmc::impossible {

using nlohmann::json;

inline constexpr int kStranger = 4242;  // names nobody in any recording

// What wait reported.
struct Report {
  int tid, status;
  bool stop() const { return (status & 0xff) == 0x7f; }
  bool death() const { return !stop() && status != 0xffff; }
  int sig() const { return status >> 8 & 0xff; }
  int event() const { return status >> 16; }
};

// Calls are named by their place in the file: 0 is the first after the header. Two calls whose
// intervals overlap may have taken effect in either order.
class Recording {
 public:
  explicit Recording(const std::filesystem::path &file);

  std::string name;
  json header;
  std::vector<json> calls;

  std::size_t size() const { return calls.size(); }
  std::int64_t begin(std::size_t i) const { return calls[i]["t0"]; }
  std::int64_t end(std::size_t i) const;  // INT64_MAX: never seen to
  bool before(std::size_t i, std::size_t j) const { return end(i) < begin(j); }

  bool is(std::size_t i, const char *call) const { return calls[i]["call"] == call; }
  bool ok(std::size_t i) const { return !calls[i]["ret"].is_null() && calls[i]["ret"] >= 0; }
  // It succeeded, or may have: it had not returned.
  bool may_be_ok(std::size_t i) const { return calls[i]["ret"].is_null() || calls[i]["ret"] >= 0; }
  int caller(std::size_t i) const { return calls[i]["pid"]; }
  int target(std::size_t i) const { return calls[i]["args"].value("pid", 0); }
  std::string request(std::size_t i) const;  // "CONT"; empty: no ptrace call
  bool requests(std::size_t i, std::initializer_list<const char *> any) const;
  bool has_option(std::size_t i, const char *option) const;  // of wait
  std::optional<Report> report(std::size_t i) const;         // of wait4

  // ---- The whole recording --------------------------------------------------------------------

  std::vector<int> tids() const;    // all that ever were
  int process(int tid) const;       // its leader's
  std::string role(int tid) const;  // that of its process when the recording began
  bool alone(int tid) const;        // its process never has another thread
  bool speaks_of(int sig, const char *sig_name) const;  // some call names it
  bool uses(std::initializer_list<const char *> requests) const;
  std::uint64_t options() const;  // all that SEIZE or SETOPTIONS ever asked for
  bool ids_move() const;          // a thread may have taken over another's id
  bool ever(int tid, std::initializer_list<const char *> attach) const;  // or a creator of its
  bool ever_attaches(int tid) const;                                     // or may have
  // It attached others, and is nobody's real parent: what it waits for are ptrace-stops.
  bool foreign_tracer(int tid) const;

  // ---- Around a moment: that of call i --------------------------------------------------------

  // The last report of a stop of this thread to its tracer, if the thread is still in that stop for
  // sure: it is alone in its process, and nothing since can have resumed or killed anybody.
  std::optional<Report> still_in(std::size_t i, int tid) const;
  bool acts_after(std::size_t i, int tid) const;       // the thread itself calls something later
  bool reaped_before(std::size_t i, int tid) const;    // its death was reported to i's caller
  bool attached_across(std::size_t i, int tid) const;  // i's caller traced it before and after
  // Places before which all calls but exits have ended, and one more call before the next.
  std::vector<std::size_t> quiet_places() const;
  Recording with(std::size_t i, json call) const;
};

// ---- Corruptions
// ---------------------------------------------------------------------------------

struct Corruption {
  const Recording *recording;
  std::size_t at;
  bool added = false;  // before `at`; else in its place
  json call;
};

struct Kind {
  const char *id, *why;  // why no kernel can show it
  void (*find)(const Recording &, std::vector<Corruption> &);
};
const std::vector<Kind> &kinds();

}  // namespace ptmc::impossible
