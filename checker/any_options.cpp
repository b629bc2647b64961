#include "checker/any_options.hpp"

#include <algorithm>
#include <bit>
#include <stdexcept>

#include "model/interp.hpp"

namespace ptmc::checker {

using namespace model;  // NOLINT: names of the whole file

namespace {

constexpr std::size_t kOptions = kRfcOptions.size();
constexpr OptionSet kSets = OptionSet{1} << kOptions;

Config under(Config config, OptionSet set) {
  for (std::size_t k = 0; k < kOptions; ++k)
    config[option_feature(kRfcOptions[k])] = (set >> k & 1) != 0;
  return config;
}

}  // namespace

AnyOptions::AnyOptions(const Shape &shape, const Config &config)
    : config_(config), open_(shape, nullptr), model_(shape, &config, {}) {
  chosen_ = model_.schema.add("chosen", 1);
  for (std::size_t k = 0; k < kOptions; ++k)
    options_[k] = model_.schema.add("chosen." + std::string(kOptionNames[kRfcOptions[k]]), 1);
  for (std::uint32_t f = 0; f < kFeatureCount; ++f)
    features_.config.emplace(f, truth(config[static_cast<Feature>(f)]));
  for (std::size_t k = 0; k < kOptions; ++k)
    features_.config.at(static_cast<std::uint32_t>(option_feature(kRfcOptions[k]))) =
        model_.schema.read(options_[k]);

  const Rule *choose = model_.family({"options.choose",
                                      Actor::tracer,
                                      "the options that SEIZE is given are chosen",
                                      {},
                                      {},
                                      "",
                                      ""});
  static const std::string kOnce = "none have been chosen yet", kFirst = "they have been chosen";
  static const std::string kThere = "the options and the profile have this step";
  const Expr chosen = model_.schema.read(chosen_);
  for (OptionSet set = 0; set < kSets; ++set) {
    Instance i;
    i.rule = choose;
    i.parameters = option_text(set, "|");
    i.guards.push_back({kOnce, !chosen});
    i.updates.push_back({chosen_, truth(true)});
    for (std::size_t k = 0; k < kOptions; ++k)
      if (set >> k & 1) i.updates.push_back({options_[k], truth(true)});
    model_.instances.push_back(std::move(i));
  }
  for (const Instance &with_features : open_.instances) {
    Instance i = with_features;
    i.enabled = truth(true);
    const Expr there = folded(with_features.enabled);
    bool never = there.is(0);
    for (Guard &g : i.guards) {
      g.holds = folded(g.holds);
      never = never || g.holds.is(0);
    }
    if (never) continue;
    std::erase_if(i.guards, [](const Guard &g) { return g.holds.is(1); });
    if (!there.is(1)) i.guards.push_back({kThere, there});
    i.guards.push_back({kFirst, chosen});
    for (Update &u : i.updates) u.value = folded(u.value);
    std::erase_if(i.updates,
                  [&](const Update &u) { return u.value.same(model_.schema.read(u.field)); });
    if (i.output) i.output = folded(*i.output);
    model_.instances.push_back(std::move(i));
  }
}

std::optional<AnyOptions::Claim> AnyOptions::claim(const Property &p) {
  Claim claim{&p, 0, {}, {}};
  for (OptionSet set = 0; set < kSets; ++set)
    if (p.applies(under(config_, set))) claim.applies |= 1u << set;
  if (!claim.applies) return {};
  // Built as the rules are: over features.
  model_.config.reset();
  const auto as_always = [&](Expr e) {
    const Expr all = folded(e);
    return p.kind == PropertyKind::sometimes ? !all : all;
  };
  if (p.over_state) claim.state = as_always(p.over_state(model_));
  for (std::size_t k = kSets; p.over_step && k < model_.instances.size(); ++k)
    if (const auto e = p.over_step(model_, model_.instances[k]))
      if (const Expr all = as_always(*e); !all.is(1)) claim.steps.emplace_back(k, all);
  model_.config = config_;
  return claim;
}

Expr AnyOptions::among(std::uint32_t sets) const {
  const Expr chosen = model_.schema.read(chosen_);
  if (std::countr_one(sets) == kSets) return chosen;
  Expr any = truth(false);
  for (OptionSet set = 0; set < kSets; ++set) {
    Expr is = truth(sets >> set & 1);
    for (std::size_t k = 0; k < kOptions; ++k) {
      const Expr one = model_.schema.read(options_[k]);
      is = is && (set >> k & 1 ? one : !one);
    }
    any = any || is;
  }
  return chosen && any;
}

std::uint32_t AnyOptions::violated_by(const Claim &claim, const Counterexample &trace) const {
  const Interpreter interpreter(model_);
  std::uint32_t sets = 0;
  for (OptionSet set = 0; set < kSets; ++set) {
    if (!(claim.applies >> set & 1)) continue;
    State before = model_.initial(), after;
    bool runs = interpreter.step(set, before, after);
    for (std::size_t k = 1; k < trace.instances.size() && runs; ++k) {
      before = after;
      runs = interpreter.step(trace.instances[k], before, after);
    }
    if (!runs) continue;
    bool broken = claim.state && !evaluate(model_.schema, *claim.state, after, after);
    for (const auto &[instance, e] : claim.steps)
      if (instance == trace.instances.back())
        broken = broken || !evaluate(model_.schema, e, before, after);
    if (broken) sets |= 1u << set;
  }
  return sets;
}

std::vector<OptionVerdicts> prove_any_options(const Shape &shape, const Config &config,
                                              const ProveOptions &options) {
  AnyOptions any(shape, config);
  struct Open {
    AnyOptions::Claim claim;
    std::uint32_t violated = 0;
    bool done = false, holds = false;  // holds: under the sets that are left
  };
  std::vector<Open> all;
  const auto &ids = options.property_ids;
  for (const Property &p : asked_everywhere())
    if (ids.empty() || std::find(ids.begin(), ids.end(), p.id) != ids.end())
      if (auto claim = any.claim(p)) all.push_back({*std::move(claim), 0, false, false});
  const auto begin = std::chrono::steady_clock::now();
  ProveOptions how = options;
  how.property_ids.clear();
  how.fast = false;
  for (;;) {
    std::vector<Property> properties;
    std::vector<Open *> open;
    for (Open &o : all) {
      if (o.done) continue;
      const Expr among = any.among(o.claim.applies & ~o.violated);
      Property p{o.claim.property->id,
                 PropertyKind::always,
                 o.claim.property->statement,
                 o.claim.property->source,
                 [](const Config &) { return true; },
                 {},
                 {}};
      if (o.claim.state)
        p.over_state = [=, &o](const Model &) { return implies(among, *o.claim.state); };
      if (!o.claim.steps.empty())
        p.over_step = [=, &o](const Model &m, const Instance &i) -> std::optional<Expr> {
          const auto k = static_cast<std::size_t>(&i - m.instances.data());
          for (const auto &[instance, e] : o.claim.steps)
            if (instance == k) return implies(among, e);
          return {};
        };
      properties.push_back(std::move(p));
      open.push_back(&o);
    }
    if (open.empty()) break;
    how.properties = &properties;
    if (options.time_limit > 0) {
      const std::chrono::duration<double> used = std::chrono::steady_clock::now() - begin;
      how.time_limit = std::max(options.time_limit - used.count(), 0.01);
    }
    const ProveResult proved = prove(any.model(), how);
    for (std::size_t k = 0; k < open.size(); ++k) {
      const Proof &proof = proved.proofs[k];
      Open &o = *open[k];
      o.holds = proof.verdict == Verdict::holds;
      if (proof.verdict == Verdict::violated) {
        const std::uint32_t more = any.violated_by(o.claim, *proof.trace) & ~o.violated;
        if (!more) throw std::logic_error("no set of options shows " + o.claim.property->id);
        o.violated |= more;
      }
      o.done = proof.verdict != Verdict::violated || o.violated == o.claim.applies;
    }
  }
  std::vector<OptionVerdicts> verdicts;
  for (const Open &o : all) {
    OptionVerdicts &v = verdicts.emplace_back();
    v.property = o.claim.property;
    const bool sometimes = v.property->kind == PropertyKind::sometimes;
    for (OptionSet set = 0; set < kSets; ++set) {
      std::optional<Verdict> &one = v.by_set.emplace_back();
      if (!(o.claim.applies >> set & 1)) continue;
      const bool broken = o.violated >> set & 1;
      one = broken || o.holds ? broken == sometimes ? Verdict::holds : Verdict::violated
                              : Verdict::unknown;
    }
  }
  return verdicts;
}

}  // namespace ptmc::checker
