// The mutation score of a design: how many mutants of its rules the recorded traces and the
// properties tell from the model.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "tools/mutating/mutant.hpp"
#include "tools/mutating/space.hpp"
#include "traces/trace.hpp"

namespace ptmc::mutate {

struct Options {
  std::string design = "linux-3.4";
  std::string rule;  // empty: all
  int jobs = 1;
  std::size_t every = 1;  // each how manyth mutant
  double seconds = 1e9;   // then the rest is not tried
  // For each profile, which is then explored in full for mutants that no space puts to the test. 0:
  // none is; they survive.
  double in_full = 0;
  std::vector<traces::Trace> traces;
  std::vector<SpaceOptions> spaces;
};
// The profiles that a score looks at.
const std::vector<SpaceOptions> &usual_spaces();

// trace: a recorded trace is rejected. property: one fails. corruption: nothing but that an
// observation which the model does not list, put into a recorded trace, is accepted. form: nothing
// but that a field is set where it means nothing (the properties normal_form.*), and that shows.
enum class Fate : std::uint8_t {
  trace,
  property,
  corruption,
  form,
  equivalent,
  survives,
  not_tried,
  untested  // only until profiles are explored in full: alike in all spaces, put to the test in
            // none
};
inline constexpr const char *kFateNames[] = {"trace",      "property", "corruption", "form",
                                             "equivalent", "survives", "not tried",  "untested"};

struct Outcome {
  Mutant mutant;
  Fate fate = Fate::not_tried;
  std::string why;  // what kills it; the proof; or what was tried
};

struct Score {
  std::size_t traces = 0, states = 0;
  std::vector<Outcome> outcomes;
  double seconds = 0;
  std::size_t count(Fate fate) const;
  std::size_t killed() const;
  double value() const;  // of those tried: killed / not equivalent
};
Score score(const Options &options, const std::function<void(const std::string &)> &progress);

}  // namespace ptmc::mutate
