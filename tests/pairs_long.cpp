// The tables of pairs of a rule and a stop kind are those that ptmc writes.
#include <doctest/doctest.h>
#include <cstdio>
#include <fstream>
#include <sstream>
#include <string>

namespace {

TEST_CASE("the tables of pairs are up to date") {
  for (const std::string design : {"linux-3.4", "legacy"}) {
    INFO(design);
    FILE *const program = popen((PTMC_PROGRAM " rules --pairs --design " + design).c_str(), "r");
    REQUIRE(program != nullptr);
    std::string written;
    for (int c = 0; (c = std::fgetc(program)) != EOF;) written += static_cast<char>(c);
    CHECK(pclose(program) == 0);
    std::ostringstream kept;
    kept << std::ifstream(PTMC_SOURCE_DIR "/traces/witness/pairs-" + design + ".md").rdbuf();
    CHECK(written == kept.str());
  }
}

}  // namespace
