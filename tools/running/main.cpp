// ptmc-run: runs a file of vectors where ptmc itself is not: one static program, without Z3.

#include <cstdio>
#include <exception>
#include <string>

#include "model/input_error.hpp"
#include "tools/running/run_file.hpp"

namespace {

int fail(int code, const std::string &what) {
  std::fflush(stdout);
  std::fprintf(stderr, "ptmc-run: %s\n", what.c_str());
  return code;
}

}  // namespace

int main(int argc, char **argv) {
  using namespace ptmc;
  try {
    return tools::run_command(tools::run_vectors_command("ptmc-run"), argc, argv,
                              [](const std::string &what) { return fail(2, what); });
  } catch (const InputError &e) {
    return fail(2, e.what());
  } catch (const std::exception &e) {
    return fail(4, e.what());
  }
}
