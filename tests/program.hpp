// Runs the built program, for tests of what people and scripts see.
#pragma once

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

namespace ptmc::tests {

struct TempDirectory {
  TempDirectory() {
    std::string name = (std::filesystem::temp_directory_path() / "ptmc-test-XXXXXX").string();
    REQUIRE(mkdtemp(name.data()) != nullptr);
    path = name;
  }
  ~TempDirectory() { std::filesystem::remove_all(path); }
  std::string write(const std::string &name, const std::string &text) const {
    std::ofstream(path / name, std::ios::binary) << text;
    return (path / name).string();
  }
  std::filesystem::path path;
};

inline std::string read(const std::filesystem::path &file) {
  std::stringstream text;
  text << std::ifstream(file, std::ios::binary).rdbuf();
  return text.str();
}

struct Result {
  int code;
  std::string out, err;
};

// As a shell would: before and after surround the program, e.g. "timeout 1" and ">/dev/full".
inline Result run(const std::string &arguments, const std::string &before = "",
                  const std::string &after = "") {
  const TempDirectory dir;
  const std::string out = (dir.path / "out").string(), err = (dir.path / "err").string();
  const std::string redirected = after.empty() ? " >" + out : " " + after;
  const int status =
      std::system((before + " " PTMC_PROGRAM " " + arguments + redirected + " 2>" + err).c_str());
  REQUIRE(WIFEXITED(status));
  return {WEXITSTATUS(status), read(out), read(err)};
}

}  // namespace ptmc::tests
