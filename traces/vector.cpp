#include "traces/vector.hpp"

#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "model/input_error.hpp"
#include "traces/step_reader.hpp"

namespace ptmc::traces {
namespace {

using Json = nlohmann::json;
using Ordered = nlohmann::ordered_json;

constexpr std::string_view kStates = "tTZSDRX";

// Reads characters, and counts the lines.
class Characters {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char *;
  using reference = const char &;

  Characters() = default;
  Characters(std::istream &in, int &line) : at_(in), line_(&line) {}
  char operator*() const { return *at_; }
  Characters &operator++() {
    if (*at_ == '\n') ++*line_;
    ++at_;
    return *this;
  }
  Characters operator++(int) {
    Characters before = *this;
    ++*this;
    return before;
  }
  bool operator==(const Characters &other) const { return at_ == other.at_; }

 private:
  std::istreambuf_iterator<char> at_;
  int *line_ = nullptr;
};

std::vector<std::string> read_texts(const Fields &fields, const char *key) {
  std::vector<std::string> all;
  for (const Json &one : fields.array(key)) {
    if (!one.is_string()) fields.fail(key, "must be strings");
    all.push_back(one);
  }
  return all;
}

Outcome read_outcome(const Fields &fields, const StepReader &reader, const Vector &v) {
  Outcome o;
  if (fields.has("shows")) o.shows = reader.expect(fields.object("shows"));
  o.states = fields.text("states");
  if (o.states.size() != static_cast<std::size_t>(v.threads) ||
      o.states.find_first_not_of(kStates) != std::string::npos)
    fields.fail("states",
                "must be " + std::to_string(v.threads) + " letters of " + std::string(kStates));
  if (fields.has("handlers") && fields.is_null("handlers"))
    o.handlers.reset();
  else if (fields.has("handlers"))
    for (const Json &one : fields.array("handlers")) {
      const Fields ran(one, fields.file(), fields.line(), "handlers.");
      const std::int64_t by = ran.integer("by", 0, v.threads - 1);
      o.handlers->push_back({static_cast<pid_t>(who::t0 + by), ran.signal("sig")});
      ran.reject_unread();
    }
  if (fields.has("next")) {
    if (fields.is_string("next")) {
      if (fields.text("next") != "passed") fields.fail("next", "must be \"passed\" or a step");
      o.next = Outcome::kPassed;
    } else {
      o.next = static_cast<int>(
          fields.integer("next", 0, static_cast<std::int64_t>(v.steps.size()) - 1));
    }
  }
  fields.reject_unread();
  return o;
}

// Whether some way through the steps comes back.
bool has_cycle(const Vector &v) {
  for (std::size_t k = 0; k < v.steps.size(); ++k)
    for (const Outcome &o : v.steps[k].outcomes)
      if (o.next >= 0 && o.next <= static_cast<int>(k)) return true;
  return false;
}

KernelVersion read_version(const Fields &fields, const char *key) {
  if (!fields.has(key)) return {};
  const std::string given = fields.text(key);
  const KernelVersion version = kernel_version(given);
  if (version == KernelVersion() || text(version) != given)
    fields.fail(key, "must be a kernel version, X.Y");
  return version;
}

Needs read_needs(const Fields &fields) {
  Needs needs{read_version(fields, "since"), read_version(fields, "until")};
  if (fields.has("ptrace")) needs.ptrace = fields.boolean("ptrace");
  if (fields.has("seccomp")) needs.seccomp = fields.boolean("seccomp");
  fields.reject_unread();
  return needs;
}

Ordered write_needs(const Needs &needs) {
  Ordered json = Ordered::object();
  if (needs.since != KernelVersion()) json["since"] = text(needs.since);
  if (needs.until != KernelVersion()) json["until"] = text(needs.until);
  if (needs.ptrace) json["ptrace"] = true;
  if (needs.seccomp) json["seccomp"] = true;
  return json;
}

Vector read_vector(const Fields &fields) {
  Vector v;
  v.id = fields.text("id");
  v.about = fields.text("about");
  v.covers = read_texts(fields, "covers");
  v.semantics = read_texts(fields, "semantics");
  Scenario company;
  company.threads = v.threads = static_cast<int>(fields.integer("threads", 1, kMaxThreads));
  v.started =
      fields.has("started") ? static_cast<int>(fields.integer("started", 1, v.threads)) : v.threads;
  if (fields.has("reaped")) v.reaped = fields.boolean("reaped");
  if (fields.has("filtered")) v.filtered = fields.boolean("filtered");
  const std::string parent = fields.text("parent");
  if (parent != "separate" && parent != "tracer")
    fields.fail("parent", "must be \"separate\" or \"tracer\"");
  company.tracer_is_parent = v.tracer_is_parent = parent == "tracer";
  if (fields.has("orphaned")) v.orphaned = fields.boolean("orphaned");
  if (fields.has("needs")) v.needs = read_needs(fields.object("needs"));
  company.loose = true;  // who is free at a step depends on what came before
  StepReader reader(company);
  const Json &steps = fields.array("steps");
  if (steps.empty()) fields.fail("steps", "is empty");
  v.steps.resize(steps.size());
  for (std::size_t k = 0; k < steps.size(); ++k) {
    const Fields step(steps[k], fields.file(), fields.line(), "steps.");
    v.steps[k].call = reader.call(step);
    const Json &outcomes = step.array("outcomes");
    if (outcomes.empty()) step.fail("outcomes", "is empty");
    for (const Json &one : outcomes)
      v.steps[k].outcomes.push_back(
          read_outcome(Fields(one, fields.file(), fields.line(), "outcomes."), reader, v));
    step.reject_unread();
  }
  if (has_cycle(v)) fields.fail("steps", "a step is followed by itself or by one before it");
  fields.reject_unread();
  return v;
}

Ordered write_outcome(const Outcome &o) {
  Ordered json = Ordered::object();
  if (Ordered shows = write_expect(o.shows); !shows.empty()) json["shows"] = std::move(shows);
  json["states"] = o.states;
  if (!o.handlers) json["handlers"] = nullptr;
  for (const Ran &ran : o.handlers.value_or(std::vector<Ran>()))
    json["handlers"].push_back({{"by", ran.by - who::t0}, {"sig", signal_name(ran.sig)}});
  if (o.next == Outcome::kPassed) json["next"] = "passed";
  if (o.next >= 0) json["next"] = o.next;
  return json;
}

Ordered write_vector(const Vector &v) {
  Ordered json{{"id", v.id},           {"about", v.about},
               {"covers", v.covers},   {"semantics", v.semantics},
               {"threads", v.threads}, {"parent", v.tracer_is_parent ? "tracer" : "separate"}};
  if (v.started != v.threads) json["started"] = v.started;
  if (v.orphaned) json["orphaned"] = true;
  if (v.reaped) json["reaped"] = true;
  if (v.filtered) json["filtered"] = true;
  if (v.needs != Needs()) json["needs"] = write_needs(v.needs);
  for (const VectorStep &step : v.steps) {
    Ordered line = write_call(step.call);
    for (const Outcome &o : step.outcomes) line["outcomes"].push_back(write_outcome(o));
    json["steps"].push_back(std::move(line));
  }
  return json;
}

}  // namespace

Vectors read_vectors(std::istream &in, const std::string &file) {
  Vectors vectors;
  vectors.file = file;
  int line = 1;
  std::string key;  // of the document
  // Each vector is taken as it comes, and is not kept as JSON.
  const auto take = [&](int depth, Json::parse_event_t event, Json &parsed) {
    if (event == Json::parse_event_t::key && depth == 1) key = parsed;
    if (event != Json::parse_event_t::object_end || depth != 2 || key != "vectors") return true;
    vectors.all.push_back(read_vector(Fields(parsed, file, line)));
    return false;
  };
  Json json;
  try {
    json = Json::parse(Characters(in, line), Characters(), take);
  } catch (const Json::exception &) {  // a number out of range too
    throw InputError(file, line, "no JSON document");
  }
  if (!json.is_object()) throw InputError(file, 1, "no JSON object");
  const Fields header(json, file, 1);
  check_format(header, "ptmc-vectors");
  vectors.design = header.text("design");
  if (header.has("kernel")) vectors.kernel = header.text("kernel");
  vectors.covers = header.text("covers");
  header.array("vectors");
  header.reject_unread();
  return vectors;
}

Vectors read_vectors(const std::string &file) {
  std::ifstream in(file);
  if (!in) throw InputError(file, 0, "cannot be read");
  return read_vectors(in, file);
}

void write_vectors(std::ostream &out, const Vectors &vectors) {
  Ordered header{{"format", "ptmc-vectors"},
                 {"version", 1},
                 {"design", vectors.design},
                 {"kernel", vectors.kernel},
                 {"covers", vectors.covers}};
  std::string text = header.dump();
  text.pop_back();  // its brace
  out << text << ",\"vectors\":[\n";
  for (std::size_t k = 0; k < vectors.all.size(); ++k)
    out << write_vector(vectors.all[k]).dump() << (k + 1 < vectors.all.size() ? ",\n" : "\n");
  out << "]}\n";
}

std::string text(const Outcome &outcome) {
  std::string all = text(outcome.shows) + ";";
  for (std::size_t t = 0; t < outcome.states.size(); ++t)
    all += " t" + std::to_string(t) + " " + outcome.states[t];
  for (const Ran &ran : outcome.handlers.value_or(std::vector<Ran>()))
    all += "; " + who_name(ran.by) + " ran " + signal_name(ran.sig);
  return all;
}

}  // namespace ptmc::traces
