#include "tools/ptmc/data.hpp"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "model/input_error.hpp"
#include "tools/ptmc/verb.hpp"

namespace ptmc::tools {
namespace {

namespace fs = std::filesystem;

std::string summary_file() { return data_directory() + "/witness/summary.json"; }

}  // namespace

std::string data_directory() {
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error);
  const fs::path installed = program.parent_path().parent_path() / "share" / "ptmc";
  return fs::is_directory(installed / "scenarios", error) ? installed.string()
                                                          : PTMC_SOURCE_DIR "/traces";
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

void write_summary(const std::string &file, const std::vector<traces::ReplayResult> &results) {
  std::map<std::string, std::size_t> rules;
  for (const traces::ReplayResult &result : results)
    for (const std::string &rule : result.witnessed) ++rules[rule];
  const Json summary{{"kernel", results.empty() ? "" : results.front().kernel},
                     {"arch", "x86_64"},
                     {"runs", results.size()},
                     {"rules", rules}};
  write_file(file, summary.dump(2) + "\n");
}

std::map<std::string, std::size_t> read_summary() {
  std::ifstream in(summary_file());
  const Json summary = Json::parse(in, nullptr, false);
  if (summary.is_discarded() || !summary.contains("rules"))
    throw InputError(summary_file(), 0, "is no summary that tools/witness wrote");
  return summary["rules"];
}

void write_file(const std::string &file, const std::string &text) {
  std::ofstream out(file, std::ios::binary);
  if (!(out << text).flush())
    throw InputError(file, 0, std::string("cannot be written: ") + std::strerror(errno));
}

}  // namespace ptmc::tools
