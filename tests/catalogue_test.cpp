// CATALOGUE.md: each of its 150 numbers once, and every name in it exists: of a rule, a property or
// a recorded scenario.
#include <doctest/doctest.h>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include "model/designs.hpp"
#include "model/property.hpp"
#include "model/rule.hpp"

namespace ptmc {
namespace {

const std::filesystem::path kSource = PTMC_SOURCE_DIR;

std::set<std::string> known_names() {
  std::set<std::string> names;
  for (const model::Property &p : model::properties()) names.insert(p.id);
  for (const bool one_process : {false, true}) {
    const model::Config config = model::whole_config(model::parse_design("linux-3.4"), one_process);
    const model::Model model({1, model::explored_signals()}, &config);
    for (const model::Rule &r : model.rules) names.insert(r.id);
  }
  for (const auto &entry : std::filesystem::directory_iterator(kSource / "traces/scenarios"))
    if (std::filesystem::exists(kSource / "tests/traces" / entry.path().filename()))
      names.insert(entry.path().stem());
  return names;
}

struct Row {
  std::string behaviour, covered_by;
};

std::multimap<int, Row> rows() {
  std::ifstream in(kSource / "tests/CATALOGUE.md");
  std::multimap<int, Row> all;
  for (std::string line; std::getline(in, line);) {
    if (!line.starts_with("| ") || !std::isdigit(line[2])) continue;
    std::istringstream cells(line.substr(2));
    std::string number, behaviour, covered_by;
    std::getline(cells, number, '|');
    std::getline(cells, behaviour, '|');
    std::getline(cells, covered_by, '|');
    all.emplace(std::stoi(number), Row{behaviour, covered_by});
  }
  return all;
}

TEST_CASE("every behaviour of the catalogue is covered, or says why not, by names that exist") {
  const std::set<std::string> known = known_names();
  const std::multimap<int, Row> all = rows();
  CHECK(all.size() == 150);
  int covered = 0, outside = 0, not_covered = 0;
  for (int number = 1; number <= 150; ++number) {
    INFO("number ", number);
    REQUIRE(all.count(number) == 1);
    const Row &row = all.find(number)->second;
    CHECK(row.behaviour.size() > 8);
    std::set<std::string> names;
    std::size_t at = 0;
    while ((at = row.covered_by.find('`', at)) != std::string::npos) {
      const std::size_t end = row.covered_by.find('`', at + 1);
      REQUIRE(end != std::string::npos);
      names.insert(row.covered_by.substr(at + 1, end - at - 1));
      at = end + 1;
    }
    for (const std::string &name : names) {
      INFO(name);
      CHECK(known.count(name) == 1);
    }
    const bool is_outside = row.covered_by.starts_with(" outside: ");
    const bool is_not = row.covered_by.starts_with(" not covered: ");
    if (!is_outside && !is_not) CHECK(!names.empty());
    ++(is_outside ? outside : is_not ? not_covered : covered);
  }
  MESSAGE("covered ", covered, ", outside of the model ", outside, ", not covered ", not_covered);
  CHECK(covered >= 100);
  CHECK(not_covered <= 4);
}

}  // namespace
}  // namespace ptmc
