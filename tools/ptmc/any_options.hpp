// ptmc check --options any: under which of the RFC's options each property holds.
#pragma once

#include "tools/ptmc/exploration.hpp"

namespace ptmc::tools {

// Verdicts for the subject as it is: its properties, in the order of the list.
using Verdicts = std::vector<std::pair<const model::Property *, checker::Verdict>>;
using DecideSubject = std::function<Verdicts(const Subject &)>;
// Exit code: 0: each property holds under every set, 1: not so, 3: not all was decided. InputError.
int check_any_options(const Subject &subject, const std::string &engine,
                      const std::vector<std::string> &properties, const DecideSubject &decide,
                      bool json);

}  // namespace ptmc::tools
