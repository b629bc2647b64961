#include "tests/exporting.hpp"

#include <doctest/doctest.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <regex>
#include <sstream>

#include "checker/export.hpp"

namespace ptmc::tests {
namespace {

namespace fs = std::filesystem;

struct Directory {
  Directory() {
    std::string name = (fs::temp_directory_path() / "ptmc-export-XXXXXX").string();
    REQUIRE(mkdtemp(name.data()) != nullptr);
    path = name;
  }
  ~Directory() { fs::remove_all(path); }
  // What the shell prints that runs this here. Its exit code must be one of two.
  std::string run(const std::string &commands, int other = 0) const {
    const std::string all = "cd '" + path.string() + "' && { " + commands + "; } >log 2>&1";
    const int status = std::system(all.c_str());
    std::stringstream text;
    text << std::ifstream(path / "log").rdbuf();
    INFO(commands, "\n", text.str());
    REQUIRE(WIFEXITED(status));
    REQUIRE((WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == other));
    return text.str();
  }
  fs::path path;
};

// The number that follows `before` or comes before `after`; the last one, as progress comes first.
std::uint64_t number(const std::string &text, const std::string &before, const std::string &after) {
  const std::regex pattern(before + "([0-9]+)" + after);
  INFO(text);
  std::string last;
  for (std::sregex_iterator it(text.begin(), text.end(), pattern), end; it != end; ++it)
    last = (*it)[1].str();
  REQUIRE(!last.empty());
  return std::stoull(last);
}

}  // namespace

bool violated(const checker::ExploreResult &r) {
  return std::any_of(r.properties.begin(), r.properties.end(),
                     [](const auto &p) { return p.verdict == checker::Verdict::violated; });
}

std::vector<const Property *> properties_named(const std::vector<std::string> &ids) {
  std::vector<const Property *> all;
  for (const std::string &id : ids) {
    const auto it = std::find_if(properties().begin(), properties().end(),
                                 [&](const Property &p) { return p.id == id; });
    REQUIRE_MESSAGE(it != properties().end(), id);
    all.push_back(&*it);
  }
  return all;
}

Answer spin(const Model &model, const std::vector<const Property *> &properties, bool large) {
  const Directory dir;
  std::ofstream file(dir.path / "m.pml");
  checker::export_promela(file, model, properties);
  file.close();
  dir.run(std::string("spin -a m.pml && cc -w ") + (large ? "-O2" : "-O0") +
          " -DSAFETY -DNOREDUCE -o pan pan.c");
  Answer a;
  a.text = dir.run(std::string("./pan -m") + (large ? "10000000 -w24" : "100000"));
  CHECK(a.text.find("max search depth too small") == std::string::npos);
  a.violated = number(a.text, "errors: ", "") > 0;
  a.states = number(a.text, "", " states, stored");
  // The initial state is stored without a transition; each invariant looks at every state in one.
  a.transitions = number(a.text, "", " transitions") - 1;
  for (const Property *p : properties)
    if (p->over_state) a.transitions -= a.states;
  return a;
}

Answer rumur(const Model &model, const std::vector<const Property *> &properties, bool large) {
  const Directory dir;
  std::ofstream file(dir.path / "m.m");
  checker::export_murphi(file, model, properties);
  file.close();
  dir.run(std::string("rumur --deadlock-detection off --threads 1 -o m.c m.m && cc -std=c11 -w ") +
          (large ? "-O2" : "-O0") + " -march=native -mcx16 -o m m.c -lpthread");
  Answer a;
  a.text = dir.run("./m", 1);
  a.violated = a.text.find("No error found") == std::string::npos;
  if (a.violated) CHECK(number(a.text, "", " error") > 0);
  a.states = number(a.text, "", " states");
  a.transitions = number(a.text, "", " rules fired");
  return a;
}

Answer z3(const Model &model, const std::vector<const Property *> &properties) {
  const Directory dir;
  std::ofstream file(dir.path / "m.smt2");
  checker::export_smt2(file, model, properties);
  file.close();
  Answer a;
  a.text = dir.run("z3 -T:500 m.smt2");
  INFO(a.text);
  REQUIRE((a.text == "sat\n" || a.text == "unsat\n"));
  a.violated = a.text == "unsat\n";
  return a;
}

}  // namespace ptmc::tests
