// ptmc check --options any: under which of the RFC's options each property holds.
#pragma once

#include "checker/synthesis.hpp"
#include "tools/ptmc/exploration.hpp"

namespace ptmc::tools {

// Verdicts for the subject as it is: of the properties that are asked for, in the list's order.
using DecideSubject = std::function<checker::Verdicts(const Subject &)>;
// Exit code: 0: each property holds under every set, 1: not so, 3: not all was decided. InputError.
int check_any_options(const Subject &subject, const std::string &engine,
                      const DecideSubject &decide, bool json);

}  // namespace ptmc::tools
