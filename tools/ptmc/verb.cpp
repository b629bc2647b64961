#include "tools/ptmc/verb.hpp"

#include <fmt/format.h>

#include <cstdio>
#include <nlohmann/json.hpp>

#include "model/input_error.hpp"

namespace ptmc::tools {

Option format_option(bool &json) {
  return {.name = "--format",
          .about = "text, for people, or json, for programs",
          .sets = [&json](const std::string &format) { json = format == "json"; },
          .type = "text|json",
          .one_of = {"text", "json"}};
}

Option design_option(std::string &design) {
  return {.name = "--design",
          .about =
              "legacy, seize-3.1, seize-options or linux-3.4; @VERSION chooses its kernel, "
              "~ROW,ROW what is the other way there, +OPTION,OPTION its options",
          .sets = &design,
          .type = "D"};
}

// Names from files and traces may hold any bytes; JSON may not.
void print_json(const Json &json) {
  fmt::print("{}\n", json.dump(2, ' ', false, Json::error_handler_t::replace));
}

void refuse(const std::string &what) { throw InputError("", 0, what); }

}  // namespace ptmc::tools
