// Option synthesis: under which sets of options a property holds.
//
// Every set is decided by itself: two sets share no state but those in which no tracee has options,
// so one exploration of all of them has as many states as all the explorations together.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "checker/explore.hpp"

namespace ptmc::checker {

// A set of the options that are asked about: bit k is the k-th of them.
using OptionSet = unsigned;
// Of model::kRfcOptions.
std::vector<model::Option> rfc_options(OptionSet set);
std::string option_text(OptionSet set, std::string_view separator);

struct OptionVerdicts {
  const model::Property *property = nullptr;
  std::vector<std::optional<Verdict>> by_set;  // none: the property does not apply to the set

  bool is(OptionSet set, Verdict v) const { return by_set[set] == v; }
  bool everywhere(Verdict v) const;  // under each set that it applies to
  bool anywhere(Verdict v) const;
  // It holds under these and under no set that lacks some of their options.
  std::vector<OptionSet> minimal() const;
  // It holds no longer under these, which hold a set of minimal() and more. Empty: more options
  // never harm.
  std::vector<OptionSet> spoilt() const;
};

// model::properties(), but a `sometimes` applies wherever its `always` does, not only where it is
// to be reached: under which options it is, is what one asks.
const std::vector<model::Property> &asked_everywhere();

// Under one set.
using Verdicts = std::vector<std::pair<const model::Property *, Verdict>>;
using Decide = std::function<Verdicts(OptionSet set)>;
// In the order in which the properties come first.
std::vector<OptionVerdicts> over_option_sets(int options, const Decide &decide);

}  // namespace ptmc::checker
