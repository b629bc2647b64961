// Malformed input: what() is the contract's line "FILE:LINE: what is wrong" (exit code 2).
#pragma once

#include <stdexcept>
#include <string>

namespace ptmc {

class InputError : public std::runtime_error {
 public:
  // line 0: the file as a whole; empty file: no place at all.
  InputError(const std::string &file, int line, const std::string &what)
      : std::runtime_error(file.empty() ? what
                           : line == 0  ? file + ": " + what
                                        : file + ":" + std::to_string(line) + ": " + what) {}
};

}  // namespace ptmc
