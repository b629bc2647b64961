// ptmc vectors generate | run | export: conformance tests from the model, their run on this kernel,
// and as programs.

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>
#include <set>

#include "model/input_error.hpp"
#include "tools/ptmc/exploration.hpp"
#include "tools/ptmc/replayed.hpp"
#include "tools/ptmc/verb.hpp"
#include "tools/running/run_file.hpp"
#include "tools/vectors/export_c.hpp"
#include "tools/vectors/generate.hpp"
#include "tools/vectors/rival.hpp"
#include "traces/stage.hpp"

namespace ptmc::tools {
namespace {

using vectors::Cover;
using vectors::Generated;

struct GenerateVerb {
  std::string design = "linux-3.4", cover = "rules", output;
  std::vector<std::string> profiles;
  std::optional<int> threads;
  std::optional<std::string> signals, against;
};

struct ExportVerb {
  std::string file, to = "c", directory = ".";
  std::size_t group = 100;
};

struct World {
  const model::Profile *profile;
  int threads;
};

// Where what is asked for can be covered: rules need all worlds, the rest is counted in the usual
// ones of one thread and two.
std::vector<World> worlds(const GenerateVerb &o, Cover cover) {
  std::vector<World> all;
  for (const std::string &name : o.profiles) {
    const model::Profile &p = model::find_profile(name);
    all.push_back({&p, o.threads.value_or(p.max_threads)});
  }
  if (!all.empty()) return all;
  if (cover != Cover::rules) {
    for (const int threads : {1, 2})
      if (!o.threads || *o.threads == threads) all.push_back({&usual_profile(threads), threads});
    return all;
  }
  for (const model::Profile &p : model::profiles())
    if (p.processes == 1 && p.max_threads <= o.threads.value_or(2))
      all.push_back({&p, p.max_threads});
  return all;
}

void flush(std::ostream &out, const std::string &name) {
  if (!out.flush())
    throw InputError(name, 0, std::string("cannot be written: ") + std::strerror(errno));
}

int generate(const GenerateVerb &o) {
  const model::DesignSpec spec = model::parse_design(o.design);
  const auto cover = static_cast<Cover>(
      std::find(vectors::kCoverNames.begin(), vectors::kCoverNames.end(), o.cover) -
      vectors::kCoverNames.begin());
  traces::Vectors all;
  all.design = spec.name();
  all.kernel = fmt::format("{}.{}", spec.major, spec.minor);
  all.covers = o.cover;
  std::vector<model::Sig> signals;
  if (o.signals) signals = model::parse_signals(*o.signals);
  if (o.signals && signals.empty()) refuse("--signals: names no signal");
  std::optional<model::DesignSpec> against;
  if (o.against) against = model::parse_design(*o.against);
  std::string sent;  // another world
  for (const model::Sig s : signals)
    sent += (sent.empty() ? ":" : ",") + std::string(model::kSignals[s].name.substr(3));
  std::set<std::string> rules;
  bool complete = true;
  for (const World &w : worlds(o, cover)) {
    if (w.threads > w.profile->max_threads)
      refuse(fmt::format("--threads: profile '{}' has {} at most", w.profile->name,
                         w.profile->max_threads));
    const model::Config config = model::explored_config(spec, *w.profile, signals);
    const model::Model model(model::explored_shape(config, w.threads), &config);
    const std::string name =
        fmt::format("{}/{}{}/{}", spec.name(), w.profile->name, sent, w.threads);
    Generated made = vectors::generate(
        model, name, {.cover = cover, .interrupted = watched_options().interrupted});
    complete = complete && made.complete;
    std::string why;
    for (const auto &[reason, times] : made.uncovered)
      why += fmt::format("\n  {} not: {}", times, reason);
    std::optional<model::Model> other;
    std::optional<vectors::Rival> rival;
    if (against) {
      const model::Config theirs = model::explored_config(*against, *w.profile, signals);
      other.emplace(model::explored_shape(theirs, w.threads), &theirs);
      rival.emplace(*other);
    }
    std::size_t kept = 0;
    for (traces::Vector &v : made.vectors) {
      if (rival && !rival->fails(v)) continue;
      // A rule that another world's vectors have covered needs no further one.
      bool fresh = cover != Cover::rules;
      for (const std::string &rule : v.covers) fresh = rules.insert(rule).second || fresh;
      if (!fresh) continue;
      ++kept;
      all.all.push_back(std::move(v));
    }
    fmt::print(stderr, "{}: {} of {} {} covered, {} vectors{}\n", name, made.covered, made.goals,
               o.cover, kept, why);
    if (interrupted()) break;
  }
  std::ofstream file;
  if (!o.output.empty()) file.open(o.output, std::ios::binary);
  std::ostream &out = o.output.empty() ? std::cout : file;
  write_vectors(out, all);
  flush(out, o.output);
  return complete ? kYes : kGaveUp;
}

// The same calls once more, recorded, as `ptmc explain` shows them: each waits until nothing more
// happens.
std::string account(const traces::Vectors &vectors, std::size_t vector, int failed_step) {
  const traces::Vector &v = vectors.all[vector];
  traces::Scenario s;
  s.file = s.name = v.id;
  s.design = vectors.design.starts_with("legacy") ? "legacy" : "linux-3.4";
  s.threads = v.started;
  s.tracer_is_parent = v.tracer_is_parent;
  s.orphaned = v.orphaned;
  s.loose = true;
  for (int k = 0; k <= failed_step; ++k)
    s.steps.push_back(v.steps[static_cast<std::size_t>(k)].call);
  try {
    traces::Trace trace = traces::run_scenario(s).trace;
    trace.file = v.id;
    traces::ReplayOptions how;
    how.explain = true;
    return explained_text(trace, traces::replay(trace, how));
  } catch (const std::exception &e) {
    return fmt::format("{}: not recorded: {}\n", v.id, e.what());
  }
}

int export_vectors(const ExportVerb &o) {
  std::error_code error;
  std::filesystem::create_directories(o.directory, error);  // else the first file says so
  const traces::Vectors vectors = traces::read_vectors(o.file);
  const std::vector<vectors::CFile> files = vectors::export_c(vectors, o.group);
  for (const vectors::CFile &f : files) {
    const std::string path = std::filesystem::path(o.directory) / f.name;
    std::ofstream out(path, std::ios::binary);
    out << f.text;
    flush(out, path);
  }
  fmt::print(stderr, "{} vectors, {} files\n", vectors.all.size(), files.size());
  return kYes;
}

}  // namespace

Command vectors_verb() {
  auto o = std::make_shared<GenerateVerb>();
  auto e = std::make_shared<ExportVerb>();
  return {
      .name = "vectors",
      .about = "conformance tests from the model",
      .verbs = {{.name = "generate",
                 .about = "makes vectors that cover a design",
                 .options = {design_option(o->design),
                             {.name = "--cover",
                              .about = "what is to be covered",
                              .sets = &o->cover,
                              .type = "rules|transitions|pairs|states",
                              .one_of = {vectors::kCoverNames.begin(), vectors::kCoverNames.end()}},
                             {.name = "--profile",
                              .about = "where; may be given again",
                              .sets = &o->profiles,
                              .type = "NAME",
                              .one_value = true},
                             {.name = "--threads",
                              .about = "of the tracee",
                              .sets = &o->threads,
                              .type = "N",
                              .range = {{1, 2}}},
                             {.name = "--signals",
                              .about = "that strangers send; else the profile's",
                              .sets = &o->signals,
                              .type = "LIST"},
                             {.name = "--against",
                              .about = "only those that this design would fail",
                              .sets = &o->against,
                              .type = "DESIGN"},
                             {.name = "-o",
                              .about = "where they go; else to stdout",
                              .sets = &o->output,
                              .type = "FILE"}},
                 .run = [=] { return generate(*o); }},
                run_vectors_command("run", account),
                {.name = "export",
                 .about = "writes vectors as programs that need nothing of ptmc",
                 .options = {{.name = "FILE", .about = "of vectors", .sets = &e->file},
                             {.name = "--to",
                              .about = "C in the style of the kernel's selftests",
                              .sets = &e->to,
                              .type = "c",
                              .one_of = {"c"}},
                             {.name = "-o",
                              .about = "where the files go; else here",
                              .sets = &e->directory,
                              .type = "DIR"},
                             {.name = "--group",
                              .about = "at most so many vectors a file; else 100",
                              .sets = &e->group,
                              .type = "N",
                              .above_zero = true}},
                 .run = [=] { return export_vectors(*e); }}}};
}

}  // namespace ptmc::tools
