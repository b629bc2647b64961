// The list of properties, and which of them real designs break.

#include "model/property_parts.hpp"

namespace ptmc::model {

const std::vector<Property> &properties() {
  static const std::vector<Property> all = [] {
    Laws laws;
    trap_laws(laws);
    group_stop_laws(laws);
    signal_laws(laws);
    request_laws(laws);
    exit_laws(laws);
    normal_form_laws(laws);
    return laws;
  }();
  return all;
}

const std::vector<KnownViolation> &known_violations() {
  static const std::vector<KnownViolation> all{};
  return all;
}

}  // namespace ptmc::model
