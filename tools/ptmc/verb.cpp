#include "tools/ptmc/verb.hpp"

#include <fmt/format.h>

#include <cstdio>

namespace ptmc::tools {

void add_format(CLI::App &command, bool &json) {
  command
      .add_option_function<std::string>(
          "--format", [&json](const std::string &format) { json = format == "json"; },
          "text, for people, or json, for programs")
      ->check(CLI::IsMember({"text", "json"}))
      ->type_name("text|json");
}

void add_design(CLI::App &command, std::string &design) {
  command
      .add_option("--design", design,
                  "legacy, seize-3.1, seize-options or linux-3.4; @VERSION chooses its kernel, "
                  "+OPTION,OPTION its options")
      ->type_name("D");
}

// Names from files and traces may hold any bytes; JSON may not.
void print_json(const Json &json) {
  fmt::print("{}\n", json.dump(2, ' ', false, Json::error_handler_t::replace));
}

}  // namespace ptmc::tools
