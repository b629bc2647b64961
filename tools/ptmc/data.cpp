#include "tools/ptmc/data.hpp"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "model/input_error.hpp"
#include "tools/ptmc/verb.hpp"

namespace ptmc::tools {
namespace {

namespace fs = std::filesystem;

std::string summary_file() { return data_directory() + "/witness/summary.json"; }

// Of the installed program; empty: it runs where it was built.
std::string installed_directory() {
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error);
  const fs::path installed = program.parent_path().parent_path() / "share" / "ptmc";
  return fs::is_directory(installed / "scenarios", error) ? installed.string() : "";
}

}  // namespace

std::string data_directory() {
  const std::string installed = installed_directory();
  return installed.empty() ? PTMC_SOURCE_DIR "/traces" : installed;
}

std::string tracers_directory() {
  const std::string installed = installed_directory();
  return installed.empty() ? PTMC_SOURCE_DIR "/checker/tracers" : installed + "/tracers";
}

std::string find_tracer(const std::string &name_or_file) {
  const std::string own = tracers_directory() + "/" + name_or_file + ".jsonl";
  std::error_code error;
  const bool name = name_or_file.find('/') == std::string::npos;
  if (name && fs::is_regular_file(own, error)) return own;
  if (!fs::is_regular_file(name_or_file, error))
    throw InputError(name_or_file, 0,
                     "no such tracer or file; ptmc comes with those in " + tracers_directory());
  return name_or_file;
}

std::vector<traces::Scenario> all_scenarios() {
  return traces::read_scenarios(data_directory() + "/scenarios");
}

traces::Scenario find_scenario(const std::string &name_or_file) {
  const std::string own = data_directory() + "/scenarios/" + name_or_file + ".jsonl";
  std::error_code error;
  if (name_or_file.find('/') == std::string::npos && fs::is_regular_file(own, error))
    return traces::read_scenario(own);
  if (!fs::exists(name_or_file, error))
    throw InputError(name_or_file, 0, "no such scenario or file, see ptmc scenario list");
  return traces::read_scenario(name_or_file);
}

Summary summary_of(const std::vector<traces::ReplayResult> &results) {
  Summary all;
  if (!results.empty()) all.kernel = results.front().kernel;
  for (const traces::ReplayResult &result : results) {
    if (!result.accepted) continue;
    ++all.runs;
    for (const std::string &rule : result.witnessed) ++all.rules[rule];
    for (const auto &[rule, kind] : result.pairs)
      ++all.pairs[rule][std::string(model::kStopKindNames[static_cast<std::size_t>(kind)])];
  }
  return all;
}

void write_summary(const std::string &file, const std::string &design, const Summary &summary) {
  std::ifstream in(file);
  nlohmann::json all = nlohmann::json::parse(in, nullptr, false);
  if (!all.is_object()) all = nlohmann::json::object();
  all[design] = {{"kernel", summary.kernel},
                 {"arch", "x86_64"},
                 {"runs", summary.runs},
                 {"rules", summary.rules},
                 {"pairs", summary.pairs}};
  write_file(file, all.dump(1) + "\n");
}

Summary read_summary(const std::string &design) {
  std::ifstream in(summary_file());
  const nlohmann::json all = nlohmann::json::parse(in, nullptr, false);
  const char *key = all.is_object() && all.contains(design) ? design.c_str() : "linux-3.4";
  if (!all.is_object() || !all.contains(key))
    throw InputError(summary_file(), 0, "is no summary that tools/witness wrote");
  const nlohmann::json &own = all[key];
  return {own["kernel"], own["runs"], own["rules"], own["pairs"]};
}

void write_file(const std::string &file, const std::string &text) {
  std::ofstream out(file, std::ios::binary);
  if (!(out << text).flush())
    throw InputError(file, 0, std::string("cannot be written: ") + std::strerror(errno));
}

}  // namespace ptmc::tools
