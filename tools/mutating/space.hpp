// One profile of a design, explored without mistakes once: its reachable states and the properties
// that hold there. What a mutant changes is looked at against them.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "checker/fast.hpp"
#include "model/property.hpp"
#include "tools/mutating/by_laws.hpp"
#include "tools/mutating/laws.hpp"
#include "tools/mutating/mutant.hpp"
#include "tools/mutating/states.hpp"

namespace ptmc::mutate {

struct SpaceOptions {
  std::string profile;
  int threads = 1, processes = 1;
  std::vector<model::Sig> signals;  // empty: the profile's
  std::vector<model::Feature> with = {};
  std::vector<model::Feature> without = {};  // of the profile's
  std::vector<model::Sig> only = {};         // the only signals there are, beside KILL and STOP
};

// absent: the profile has no such part. equal: the same transitions from every reachable state.
// alike: a relation of states exists in which each side takes the same steps and shows the same (a
// bisimulation): what differs is never seen. differs: none of these was found.
enum class Finding : std::uint8_t { absent, killed, equal, alike, differs };
struct Examined {
  Finding finding = Finding::absent;
  std::string by;    // killed: the property; equal, alike: the proof; differs: where
  std::string form;  // differs: the property normal_form.* that is broken
  // The profile puts the mutant to the test: an instance fires in it, and one of the fields that
  // the mutant is about is somewhere not what it was at first.
  bool exercised = false;
};

class Space {
 public:
  Space(const std::string &design, const SpaceOptions &options);
  // not while another examines.
  Examined examine(const Mutant &mutant);
  // Whether the laws that hold here show that the mutant takes the same steps.
  ByLaws &by_laws() { return *by_laws_; }
  const model::Model &model() const { return model_; }
  const std::string &name() const { return name_; }
  std::size_t size() const { return states_.size(); }

 private:
  struct Changed;
  bool exercised(const Mutant &mutant, std::size_t instance, const model::Instance &before) const;
  model::State state(const std::uint64_t *words) const;
  std::vector<model::Expr> state_exprs(model::PropertyKind kind) const;
  Laws steps(model::PropertyKind kind, std::size_t instance) const {
    return step_laws(model_, kept_, kind, instance);
  }
  Laws &always(std::size_t instance);
  std::string breaks(std::vector<Changed> &changed, std::string &where, std::string &form);
  std::string misses(std::vector<Changed> &changed, const StateSet &reached);
  bool twin(std::vector<Changed> &changed, Changed &c, const model::State &s,
            const model::State &next, bool lost);
  bool steps_alike(std::vector<Changed> &changed, bool guards, StateSet &unlike,
                   std::string &where);
  std::optional<std::string> alike(std::vector<Changed> &changed, StateSet &pairs);

  std::string name_;
  model::Config config_;
  model::Model model_;
  model::Interpreter interpreter_;
  std::optional<checker::FastForm> fast_;
  checker::Expander expander_;
  StateSet states_;
  std::vector<std::vector<std::uint32_t>> enabled_;  // per instance, in which states
  std::vector<bool> fires_;                          // per instance
  std::vector<bool> varies_;                         // per field, over the states
  // Properties that hold, those about the form of states apart.
  std::vector<const model::Property *> kept_, forms_;
  std::vector<model::Expr> always_exprs_;
  std::unique_ptr<ByLaws> by_laws_;
  std::vector<std::optional<Laws>> always_;  // per instance, when first asked for
};

}  // namespace ptmc::mutate
