// ptmc compare: where two designs differ for who tests them. The tester makes every call of tracer
// and real parent, and sees what the environment does; hidden are the kernel's own steps alone.

#include "checker/compare.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <memory>
#include <stdexcept>

#include "checker/lockstep.hpp"
#include "tools/ptmc/exploration.hpp"
#include "tools/ptmc/verb.hpp"

namespace ptmc::tools {
namespace {

using checker::CompareResult;
using checker::Difference;
using checker::Equivalence;
using checker::LockstepResult;
using checker::Observation;
using checker::Tester;

constexpr double kRowSeconds = 10;  // for each row alone, unless --time-limit says otherwise

struct CompareOptions {
  bool json = false;
  SubjectOptions left, right;  // the left one's hold for both, but for the design
  std::string engine = "explicit";
  Bounds bounds;
  int limit = 10;
};

struct Side {
  explicit Side(const SubjectOptions &options) : Side(subject_of(options)) {}
  explicit Side(Subject what)
      : subject(std::move(what)),
        config(subject.config()),
        model(subject.shape(), &config),
        name(subject.spec.name()) {}
  Subject subject;
  model::Config config;
  model::Model model;
  std::string name;
};

// ---- Results ------------------------------------------------------------------------------------

std::vector<std::string> results(const std::vector<Observation> &may) {
  std::vector<std::string> all;
  for (const Observation &o : may) {
    std::string text = checker::result_text(o);
    if (std::find(all.begin(), all.end(), text) == all.end()) all.push_back(std::move(text));
  }
  return all;
}

std::vector<std::string> calls(const std::set<checker::Call> &all) {
  std::vector<std::string> texts;
  for (const checker::Call &c : all) {
    std::string text = checker::text(c);  // an invalid argument has none
    if (std::find(texts.begin(), texts.end(), text) == texts.end())
      texts.push_back(std::move(text));
  }
  return texts;
}

// How the sides' different arguments of one call are taken to be the same.
std::vector<std::string> renamings(const Side &left, const Side &right) {
  std::vector<std::string> all;
  // Where one side lacks SEIZE, it is left out.
  const bool both = left.config[model::Feature::seize] && right.config[model::Feature::seize];
  const auto options = [&](const Side &side) {
    const bool told = !both || side.config[model::Feature::seize_options];
    const auto names = option_names(side.config);
    return fmt::format("{}{}", fmt::join(names, "|"),
                       names.empty() ? "0"
                       : told        ? ""
                                     : " (with SETOPTIONS only)");
  };
  if (options(left) != options(right))
    all.push_back(fmt::format("the options that SEIZE and SETOPTIONS are given: {} and {}",
                              options(left), options(right)));
  return all;
}

// What the engines that ran have found.
struct Comparison {
  std::optional<CompareResult> explored;
  std::optional<LockstepResult> proved;

  Equivalence verdict() const {
    const bool equal = proved && proved->verdict == checker::Verdict::holds;
    if (equal && explored && explored->verdict == Equivalence::different)
      throw std::logic_error("the engines disagree on whether the designs are equivalent");
    if (equal) return Equivalence::equivalent;
    return explored ? explored->verdict : Equivalence::unknown;
  }
};

// A row of the kernel table that the sides do not share: the left one, and the same with this row
// as the right one has it.
struct Row {
  Row(const Subject &subject, const model::KernelFeature &row)
      : row(row), as_it_is(subject), flipped(with(subject, row)) {}
  static Subject with(Subject subject, const model::KernelFeature &row) {
    auto &rows = subject.spec.flipped;
    if (const auto found = std::find(rows.begin(), rows.end(), row.feature); found != rows.end())
      rows.erase(found);
    else
      rows.push_back(row.feature);
    return subject;
  }
  // GETEVENTMSG is all that it is about, and that is not compared.
  bool compared() const { return row.feature != model::Feature::message_cleared; }

  const model::KernelFeature &row;
  Side as_it_is, flipped;
  std::optional<CompareResult> alone;  // none: it is the only row
};

// Under the profile that was asked for, or else each under the one that shows it.
std::vector<std::unique_ptr<Row>> rows_of(const Side &left, const Side &right, bool asked) {
  std::vector<std::unique_ptr<Row>> all;
  if (left.subject.spec.design != right.subject.spec.design) return all;
  for (const model::KernelFeature &k : model::kernel_features())
    if (left.config[k.feature] != right.config[k.feature]) {
      Subject subject = left.subject;
      if (!asked && k.shown != "default") {
        subject.profile = &model::find_profile(k.shown);
        subject.threads = subject.profile->max_threads;
      }
      all.push_back(std::make_unique<Row>(subject, k));
    }
  std::stable_sort(all.begin(), all.end(), [](const auto &a, const auto &b) {
    return std::pair(a->row.major, a->row.minor) < std::pair(b->row.major, b->row.minor);
  });
  return all;
}

std::string since(const Row &r) { return fmt::format("{}.{}", r.row.major, r.row.minor); }

std::string covered(const Side &left, const Tester &tester, const Comparison &c) {
  std::string text;
  if (c.explored) {
    const CompareResult &r = *c.explored;
    text = r.complete ? fmt::format("complete: all {} pairs of sets of states", r.pairs)
                      : fmt::format("incomplete ({}): {} pairs of sets of states", r.why_incomplete,
                                    r.pairs);
    text += fmt::format(", traces of up to {} observations; {} and {} states; ", r.depth,
                        r.left_states, r.right_states);
  }
  if (c.proved) text += fmt::format("Z3: {}, {:.1f} s; ", c.proved->how, c.proved->seconds);
  text += fmt::format("profile {}, {} process{} of {} thread{}", left.subject.profile->name,
                      left.subject.processes, left.subject.processes == 1 ? "" : "es",
                      left.subject.threads, left.subject.threads == 1 ? "" : "s");
  if (!tester.messages)
    text +=
        "; GETEVENTMSG outside of events is not compared: before 5.18 it shows the last message, "
        "which the model does not keep";
  return text + ".";
}

Json trace_json(const std::vector<Observation> &trace) {
  Json steps = Json::array();
  for (const Observation &o : trace)
    steps.push_back({{"actor", model::kActorNames[static_cast<std::size_t>(o.actor)]},
                     {"call", checker::call_text(o)},
                     {"result", checker::result_text(o)}});
  return steps;
}

// The steps of the side that has the difference, hidden ones included.
std::vector<std::string> run_names(const Side &side, const Tester &tester, const Difference &d) {
  std::vector<std::string> names;
  if (const auto run = checker::run_of(side.model, tester, d.trace))
    for (const std::size_t i : run->instances) names.push_back(side.model.instances[i].name());
  return names;
}

int compare_exit_code(Equivalence verdict) {
  return verdict == Equivalence::equivalent  ? kYes
         : verdict == Equivalence::different ? kNo
                                             : kGaveUp;
}

Json differences_json(const Side &left, const Side &right, const Tester &tester,
                      const CompareResult &r) {
  Json differences = Json::array();
  for (const Difference &d : r.differences)
    differences.push_back({{"trace", trace_json(d.trace)},
                           {"left", results(d.left_may)},
                           {"right", results(d.right_may)},
                           {"by", d.left ? "left" : "right"},
                           {"run", run_names(d.left ? left : right, tester, d)}});
  return differences;
}

Json rows_json(const std::vector<std::unique_ptr<Row>> &rows) {
  Json all = Json::array();
  for (const auto &r : rows) {
    Json one({{"row", model::feature_name(r->row.feature)},
              {"meaning", model::kFeatures[static_cast<std::size_t>(r->row.feature)].meaning},
              {"since", since(*r)},
              {"alone", r->flipped.name},
              {"profile", r->as_it_is.subject.profile->name},
              {"threads", r->as_it_is.subject.threads},
              {"compared", r->compared()}});
    if (r->alone) {
      one["verdict"] = checker::kEquivalenceNames[static_cast<std::size_t>(r->alone->verdict)];
      one["differences"] = differences_json(r->as_it_is, r->flipped,
                                            Tester(r->as_it_is.model, r->flipped.model), *r->alone);
    }
    all.push_back(std::move(one));
  }
  return all;
}

void print_comparison(const Side &left, const Side &right, const Tester &tester,
                      const std::string &engine, const Comparison &c,
                      const std::vector<std::unique_ptr<Row>> &rows) {
  const CompareResult none, &r = c.explored ? *c.explored : none;
  Json json({{"left", left.name},
             {"right", right.name},
             {"verdict", checker::kEquivalenceNames[static_cast<std::size_t>(c.verdict())]},
             {"differences", differences_json(left, right, tester, r)},
             {"rows", rows_json(rows)},
             {"left_options", option_names(left.config)},
             {"right_options", option_names(right.config)},
             {"left_only", calls(tester.left_only)},
             {"right_only", calls(tester.right_only)},
             {"renamed", renamings(left, right)},
             {"profile", left.subject.profile->name},
             {"threads", left.subject.threads},
             {"processes", left.subject.processes},
             {"engine", engine},
             {"complete", r.complete},
             {"covered", covered(left, tester, c)},
             {"pairs", r.pairs},
             {"depth", r.depth},
             {"left_states", r.left_states},
             {"right_states", r.right_states},
             {"seconds", r.seconds + (c.proved ? c.proved->seconds : 0)},
             {"peak_memory_bytes", r.memory_bytes}});
  if (c.proved)
    json["z3"] = {
        {"verdict", c.proved->verdict == checker::Verdict::holds ? "equivalent" : "unknown"},
        {"how", c.proved->how},
        {"own_fields", c.proved->own},
        {"lemmas", c.proved->lemmas},
        {"seconds", c.proved->seconds},
        {"slowest", c.proved->slowest}};
  print_json(json);
}

std::string joined(const std::vector<std::string> &all) {
  return all.empty() ? "cannot be, or shows nothing" : fmt::format("{}", fmt::join(all, "; "));
}

void print_rows(const Side &left, const std::vector<std::unique_ptr<Row>> &rows) {
  if (rows.empty()) return;
  fmt::print("\nrows of the kernel that differ, each alone on the side of {}:\n", left.name);
  for (const auto &r : rows) {
    fmt::print("  {:<23} since {}: ", model::feature_name(r->row.feature), since(*r));
    if (!r->compared()) {
      fmt::print("is not compared\n");
      continue;
    }
    if (!r->alone) {
      fmt::print("the only one\n");
      continue;
    }
    const Subject &subject = r->as_it_is.subject;
    const std::string where = fmt::format("profile {}, {} thread{}", subject.profile->name,
                                          subject.threads, subject.threads == 1 ? "" : "s");
    if (!r->alone->differences.empty()) {
      const Difference &d = r->alone->differences.front();
      fmt::print("{} it, after {} observations ({}):\n",
                 d.left == left.config[r->row.feature] ? "with" : "without", d.trace.size() - 1,
                 where);
      for (const Observation &o : d.trace)
        fmt::print("    {} = {}\n", checker::call_text(o), checker::result_text(o));
    } else if (r->alone->verdict == Equivalence::unknown) {
      fmt::print("unknown: {} after {:.0f} s ({})\n", r->alone->why_incomplete, r->alone->seconds,
                 where);
    } else {
      fmt::print("changes nothing ({})\n", where);
    }
  }
}

void print_text(const Side &left, const Side &right, const Tester &tester, const Comparison &c,
                const std::vector<std::unique_ptr<Row>> &rows) {
  const CompareResult none, &r = c.explored ? *c.explored : none;
  fmt::print("{} and {}: {}\n", left.name, right.name,
             checker::kEquivalenceNames[static_cast<std::size_t>(c.verdict())]);
  for (const Difference &d : r.differences) {
    fmt::print("\nonly {}, after {} observations:\n", d.left ? left.name : right.name,
               d.trace.size() - 1);
    for (const Observation &o : d.trace)
      fmt::print("  {} = {}\n", checker::call_text(o), checker::result_text(o));
    fmt::print("  there {}: {}\n  there {}: {}\n", left.name, joined(results(d.left_may)),
               right.name, joined(results(d.right_may)));
    fmt::print("  by {}\n", fmt::join(run_names(d.left ? left : right, tester, d), ", "));
  }
  for (const auto &[side, only] :
       {std::pair(&left, &tester.left_only), std::pair(&right, &tester.right_only)})
    if (!only->empty())
      fmt::print("\nleft out, as only {} has it: {}\n", side->name, fmt::join(calls(*only), ", "));
  for (const std::string &one : renamings(left, right))
    fmt::print("\ntaken to be the same: {}\n", one);
  if (c.proved && c.proved->verdict == checker::Verdict::holds) {
    fmt::print("\nZ3: {}\n", c.proved->how);
    if (!c.proved->own.empty())
      fmt::print("fields of their own: {}\n", fmt::join(c.proved->own, ", "));
    for (const std::string &lemma : c.proved->lemmas)
      fmt::print("  {}\n", lemma.substr(0, lemma.find(':')));
  }
  print_rows(left, rows);
  if (c.explored)
    fmt::print("\n{} pairs a second, {:.1f} s, {} MiB",
               static_cast<std::uint64_t>(static_cast<double>(r.pairs) / std::max(r.seconds, 1e-3)),
               r.seconds, r.memory_bytes >> 20);
  fmt::print("\n{}\n", covered(left, tester, c));
}

int run_compare(const CompareOptions &options) {
  SubjectOptions right_options = options.left;
  right_options.design = options.right.design;
  const Side left(options.left), right(right_options);
  const checker::ExploreOptions usual = watched_options(options.bounds);
  const Tester tester(left.model, right.model);
  const std::vector<std::unique_ptr<Row>> rows =
      rows_of(left, right, !options.left.profile.empty() || options.left.threads != "1");
  Comparison found;
  if (options.engine != "z3") {
    checker::CompareOptions how;
    how.jobs = usual.jobs;
    how.max_memory = usual.max_memory;
    how.time_limit = usual.time_limit;
    how.limit = static_cast<std::size_t>(options.limit);
    how.interrupted = usual.interrupted;
    found.explored = checker::compare(left.model, right.model, tester, how);
    how.limit = 1;
    if (how.time_limit == 0) how.time_limit = kRowSeconds;
    for (const auto &r : rows)
      if (rows.size() > 1 && r->compared())
        r->alone = checker::compare(r->as_it_is.model, r->flipped.model,
                                    Tester(r->as_it_is.model, r->flipped.model), how);
  }
  if (options.engine != "explicit") {
    checker::LockstepOptions how;
    how.jobs = usual.jobs;
    how.time_limit = usual.time_limit;
    how.interrupted = usual.interrupted;
    found.proved = checker::lockstep(left.model, right.model, tester, how);
  }
  if (options.json)
    print_comparison(left, right, tester, options.engine, found, rows);
  else
    print_text(left, right, tester, found, rows);
  return compare_exit_code(found.verdict());
}

}  // namespace

Command compare_verb() {
  auto o = std::make_shared<CompareOptions>();
  Command command{
      .name = "compare",
      .about =
          "where two designs differ for the tester; of two kernels, what each changed row "
          "does alone, for 10 s each or --time-limit",
      .options = {{.name = "--engine",
                   .about =
                       "explores (as usual), looks with Z3 for a proof that they are equal, or "
                       "both",
                   .sets = &o->engine,
                   .type = "explicit|z3|both",
                   .one_of = {"explicit", "z3", "both"}},
                  {.name = "--limit",
                   .about = "ends after so many differences",
                   .sets = &o->limit,
                   .range = {{1, 10000}}},
                  format_option(o->json)},
      .run = [=] { return run_compare(*o); }};
  add_bounds(command, o->bounds, "threads, at most one a side is used", "of each search");
  add_subject(command, o->left);
  // The designs come by position, and each brings its options.
  std::erase_if(command.options,
                [](const Option &x) { return x.name == "--design" || x.name == "--options"; });
  command.options.insert(command.options.begin(),
                         {{.name = "left",
                           .about = "legacy, seize-3.1, seize-options or linux-3.4; @VERSION "
                                    "chooses its kernel, ~ROW,ROW what is the other way there, "
                                    "+OPTION,OPTION its options",
                           .sets = &o->left.design,
                           .type = "DESIGN"},
                          {.name = "right",
                           .about = "what it is compared with",
                           .sets = &o->right.design,
                           .type = "DESIGN"}});
  return command;
}

}  // namespace ptmc::tools
