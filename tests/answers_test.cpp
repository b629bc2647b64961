// The answers that the documentation gives are those of the program: each command there is run, and
// prints what stands below it.
#include <doctest/doctest.h>
#include <sys/wait.h>

#include <cstdio>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace {

struct Block {
  std::string command;
  std::vector<std::string> expected;
};

// The fenced blocks that begin with "$ ptmc".
std::vector<Block> blocks_of(const std::string &file) {
  std::ifstream in(file);
  REQUIRE(in);
  std::vector<Block> all;
  bool inside = false, ours = false;
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("```")) {
      inside = !inside, ours = false;
    } else if (inside && line.starts_with("$ ptmc ")) {
      all.push_back({line.substr(7), {}});
      ours = true;
    } else if (ours) {
      all.back().expected.push_back(line);
    }
  }
  return all;
}

std::vector<std::string> output_of(const std::string &arguments) {
  const std::string command =
      "cd " PTMC_SOURCE_DIR " && " PTMC_PROGRAM " " + arguments + " 2>/dev/null";
  FILE *pipe = popen(command.c_str(), "r");
  REQUIRE(pipe);
  std::string text;
  char buffer[4096];
  for (std::size_t n; (n = fread(buffer, 1, sizeof buffer, pipe)) > 0;) text.append(buffer, n);
  const int status = pclose(pipe);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) <= 1);  // an answer, be it a no
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

// "[...]" stands for anything.
bool matches(const std::string &expected, const std::string &line) {
  static const std::string any = "[...]";
  std::size_t at = 0, from = 0;
  for (bool first = true;; first = false) {
    const std::size_t gap = expected.find(any, from);
    const std::string piece = expected.substr(from, gap - from);
    const std::size_t found = line.find(piece, at);
    if (found == line.npos || (first && found != 0)) return false;
    at = found + piece.size();
    if (gap == expected.npos) return piece.empty() || line.ends_with(piece);
    from = gap + any.size();
  }
}

// "..." stands for any lines; what else follows each other does so in the output.
bool appears(const std::vector<std::string> &expected, std::size_t e,
             const std::vector<std::string> &lines, std::size_t l) {
  if (e == expected.size()) return l == lines.size();
  if (expected[e] == "...") {
    for (std::size_t skip = l; skip <= lines.size(); ++skip)
      if (appears(expected, e + 1, lines, skip)) return true;
    return false;
  }
  return l < lines.size() && matches(expected[e], lines[l]) &&
         appears(expected, e + 1, lines, l + 1);
}

}  // namespace

TEST_CASE("lines match as the documentation says") {
  CHECK(matches("a [...] c", "a b c"));
  CHECK(matches("a[...]", "abc"));
  CHECK(!matches("a [...] c", "a b d"));
  CHECK(!matches("b", "a b"));
  CHECK(!matches("a", "a b"));
  CHECK(appears({"a", "...", "d"}, 0, {"a", "b", "c", "d"}, 0));
  CHECK(!appears({"a", "c"}, 0, {"a", "b", "c"}, 0));
  CHECK(!appears({"a"}, 0, {"a", "b"}, 0));
}

TEST_CASE("each answer is the program's") {
  const std::vector<Block> blocks = blocks_of(PTMC_SOURCE_DIR "/tools/ptmc/ANSWERS.md");
  CHECK(blocks.size() >= 20);
  for (const Block &b : blocks) {
    INFO("ptmc ", b.command);
    CHECK(!b.expected.empty());
    const std::vector<std::string> lines = output_of(b.command);
    CHECK_MESSAGE(appears(b.expected, 0, lines, 0), lines.size(), " lines were printed");
  }
}
