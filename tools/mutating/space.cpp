#include "tools/mutating/space.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "checker/explore.hpp"

namespace ptmc::mutate {
namespace {

using namespace model;

constexpr std::size_t kNewStates = 20'000;  // of a mutant, not reachable without it; then it ends
constexpr std::size_t kPairs = 100'000;     // of states held to be alike
constexpr std::string_view kForm = "normal_form.";

Config config_of(const std::string &design, const SpaceOptions &o) {
  Config c = explored_config(parse_design(design), find_profile(o.profile), o.signals);
  for (Feature f : o.with) c[f] = true;
  for (Feature f : o.without)
    c[f] = f == Feature::attach && !c[Feature::seize];  // without SEIZE it is all there is
  return c;
}

Shape shape_of(const Config &config, const SpaceOptions &o) {
  Shape shape = explored_shape(config, o.threads, o.processes);
  if (!o.only.empty())
    std::erase_if(shape.signals, [&](Sig s) {
      return s != KILL && s != STOP && std::find(o.only.begin(), o.only.end(), s) == o.only.end();
    });
  return shape;
}

}  // namespace

std::vector<Expr> Space::state_exprs(PropertyKind kind) const {
  std::vector<Expr> all;
  for (const Property *p : kept_)
    if (p->kind == kind && p->over_state) all.push_back(p->over_state(model_));
  return all;
}

Laws &Space::always(std::size_t instance) {
  std::optional<Laws> &laws = always_[instance];
  if (!laws) laws = steps(PropertyKind::always, instance);
  return *laws;
}

// ---- The space ----------------------------------------------------------------------------------

Space::Space(const std::string &design, const SpaceOptions &o)
    : name_(fmt::format("{}/{}{}", o.profile, o.threads,
                        o.processes > 1 ? fmt::format("x{}", o.processes) : "")),
      config_(config_of(design, o)),
      model_(shape_of(config_, o), &config_),
      interpreter_(model_),
      fast_(checker::fast_form(model_)),
      expander_(model_, fast_ ? &*fast_ : nullptr),
      states_(model_.schema.words()),
      enabled_(model_.instances.size()),
      fires_(model_.instances.size()),
      varies_(model_.schema.size()),
      always_(model_.instances.size()) {
  checker::ExploreOptions options;
  const checker::ExploreResult result = checker::explore(model_, options);
  for (const checker::PropertyResult &r : result.properties)
    if (r.verdict == checker::Verdict::holds)
      (r.property->id.starts_with(kForm) ? forms_ : kept_).push_back(r.property);
  always_exprs_ = state_exprs(PropertyKind::always);
  std::vector<const Property *> laws = kept_;
  laws.insert(laws.end(), forms_.begin(), forms_.end());
  by_laws_ = std::make_unique<ByLaws>(name_, model_, laws);

  states_.add(model_.initial().w.data());
  std::vector<std::uint64_t> now(model_.schema.words());
  for (std::size_t k = 0; k < states_.size(); ++k) {
    std::copy_n(states_[k], now.size(), now.begin());
    const State s = state(states_[k]);
    for (std::size_t f = 0; f < varies_.size(); ++f)
      varies_[f] = varies_[f] || model_.schema.get(s, static_cast<Field>(f)) !=
                                     model_.schema.get(model_.initial(), static_cast<Field>(f));
    expander_.expand(now.data());
    for (std::size_t i = 0; i < expander_.count(); ++i) {
      states_.add(expander_.successor(i));
      enabled_[expander_.instance(i)].push_back(static_cast<std::uint32_t>(k));
    }
  }
  // Steps that change nothing are none to the expander.
  State next;
  for (std::size_t i = 0; i < fires_.size(); ++i) {
    fires_[i] = !enabled_[i].empty();
    for (std::size_t k = 0; !fires_[i] && model_.instances[i].updates.empty() && k < states_.size();
         ++k)
      fires_[i] = interpreter_.step(i, state(states_[k]), next);
  }
}

bool Space::exercised(const Mutant &mutant, std::size_t instance, const Instance &before) const {
  const std::vector<Field> fields = fields_of(mutant, model_.schema, before);
  return fires_[instance] &&
         std::any_of(fields.begin(), fields.end(), [&](Field f) { return varies_[f]; });
}

State Space::state(const std::uint64_t *words) const {
  State s;
  std::copy_n(words, model_.schema.words(), s.w.begin());
  return s;
}

struct Space::Changed {
  std::size_t index;
  Instance before;
  CompiledInstance after;
  std::vector<Value> regs;
  Laws always;
  std::vector<std::size_t> siblings = {};  // unchanged, of its actor and label

  bool step(const State &s, State &next) { return after.step(s, next, regs.data()); }
  Value output(const State &s) { return after.output(s, regs.data()); }
};

Examined Space::examine(const Mutant &mutant) {
  std::vector<Changed> changed;
  Examined result;
  bool folds = false;
  for (std::size_t i = 0; i < model_.instances.size(); ++i) {
    if (model_.instances[i].rule->id != mutant.rule) continue;
    Instance before = model_.instances[i];
    if (!apply(mutant, model_.schema, model_.instances[i])) continue;
    result.exercised = result.exercised || exercised(mutant, i, before);
    if (same_by_construction(before, model_.instances[i], by_laws_->constants())) {
      model_.instances[i] = std::move(before);
      folds = true;
      continue;
    }
    CompiledInstance after(model_.schema, model_.instances[i]);
    const std::size_t registers = after.registers();
    changed.push_back({i, std::move(before), std::move(after), std::vector<Value>(registers),
                       Laws(model_.schema)});
  }
  const auto found = [&](Finding finding, std::string by) {
    result.finding = finding;
    result.by = std::move(by);
  };
  if (changed.empty()) {
    if (folds) found(Finding::equal, name_ + ": the same expressions");
    return result;
  }
  std::vector<bool> is_changed(model_.instances.size());
  for (const Changed &c : changed) is_changed[c.index] = true;
  for (Changed &c : changed)
    for (std::size_t i = 0; i < model_.instances.size(); ++i)
      if (!is_changed[i] && model_.instances[i].rule->actor == c.before.rule->actor &&
          model_.instances[i].thread == c.before.thread &&
          model_.instances[i].label == c.before.label)
        c.siblings.push_back(i);
  for (Changed &c : changed) c.always = steps(PropertyKind::always, c.index);

  std::string where;
  StateSet unlike(2 * model_.schema.words());
  const bool guards = mutant.change == Change::drop_guard || mutant.change == Change::negate_guard;
  const bool in_step = steps_alike(changed, guards, unlike, where);
  if (in_step && where.empty()) {
    found(Finding::equal, fmt::format("{}: the same steps of its {} instances from all {} states",
                                      name_, changed.size(), states_.size()));
  } else if (std::string by = breaks(changed, where, result.form); !by.empty()) {
    found(Finding::killed, by + " in " + name_);
  } else if (auto proof = in_step ? alike(changed, unlike) : std::nullopt) {
    found(Finding::alike, *proof);
  } else {
    found(Finding::differs, where);
  }
  for (Changed &c : changed) model_.instances[c.index] = std::move(c.before);
  return result;
}

// Whether another instance of the same actor, with the same label, takes the same step from s: with
// the mistake, if this one is lost, or without it.
bool Space::twin(std::vector<Changed> &changed, Changed &c, const State &s, const State &next,
                 bool lost) {
  State other;
  const Value shown = lost ? interpreter_.output(c.index, s) : c.output(s);
  for (Changed &x : changed) {
    if (&x == &c || x.before.thread != c.before.thread || !(x.before.label == c.before.label))
      continue;
    if (lost ? x.step(s, other) && other == next && x.output(s) == shown
             : interpreter_.step(x.index, s, other) && other == next &&
                   interpreter_.output(x.index, s) == shown)
      return true;
  }
  if (c.siblings.empty()) return false;
  for (std::size_t i : c.siblings)
    if (interpreter_.step(i, s, other) && other == next && interpreter_.output(i, s) == shown)
      return true;
  return false;
}

// Whether the changed instances step and show the same from all states, `unlike`: the pairs of
// states that they then lead to where these differ. `where` is the first difference.
bool Space::steps_alike(std::vector<Changed> &changed, bool guards, StateSet &unlike,
                        std::string &where) {
  State a, b;
  const std::size_t width = model_.schema.words();
  std::vector<std::uint64_t> pair(2 * width);
  for (Changed &c : changed) {
    // With the same guards, only where it can step.
    const std::vector<std::uint32_t> &enabled = enabled_[c.index];
    const std::size_t count = guards ? states_.size() : enabled.size();
    for (std::size_t k = 0; k < count; ++k) {
      const State s = state(states_[guards ? k : enabled[k]]);
      const bool would = interpreter_.step(c.index, s, a), does = c.step(s, b);
      const bool shows = would && does && interpreter_.output(c.index, s) != c.output(s);
      if (would == does && !shows && (!would || a == b)) continue;
      if (would != does && twin(changed, c, s, would ? a : b, would)) continue;
      if (where.empty())
        where = fmt::format("{}: {} {}", name_, c.before.name(),
                            would != does ? would ? "is lost" : "is new" : "does another thing");
      if (would != does || shows) return false;
      std::copy_n(a.w.begin(), width, pair.begin());
      std::copy_n(b.w.begin(), width, pair.begin() + static_cast<std::ptrdiff_t>(width));
      unlike.add(pair.data());
    }
  }
  return true;
}

// The property that a state or step of the mutant breaks.
std::string Space::breaks(std::vector<Changed> &changed, std::string &where, std::string &form) {
  std::vector<bool> is_changed(model_.instances.size());
  for (const Changed &c : changed) is_changed[c.index] = true;
  // Laws that say what rules can do are others now.
  Laws for_new(model_.schema), for_all(model_.schema);
  const std::vector<Expr> exprs = state_exprs(PropertyKind::always);
  std::size_t n = 0;
  for (const Property *p : kept_) {
    if (p->kind != PropertyKind::always || !p->over_state) continue;
    for_new.add(*p, exprs[n]);
    if (!exprs[n].same(always_exprs_[n])) for_all.add(*p, exprs[n]);
    ++n;
  }
  Laws of_form(model_.schema);
  for (const Property *p : forms_)
    if (p->kind == PropertyKind::always) of_form.add(*p, p->over_state(model_));
  StateSet reached(model_.schema.words());
  reached.add(model_.initial().w.data());
  std::size_t fresh = 0;
  State next;
  auto broken = [](Laws &laws, const State &pre, const State &post) {
    const Property *p = laws.find(false, pre, post);
    return p ? p->id : std::string();
  };
  for (std::size_t k = 0; k < reached.size(); ++k) {
    const State s = state(reached[k]);
    const bool known = states_.has(s.w.data());
    if (std::string p = broken(known ? for_all : for_new, s, s); !p.empty()) return p;
    if (!known && form.empty()) form = broken(of_form, s, s);
    for (Changed &c : changed) {
      if (!c.step(s, next)) continue;
      if (std::string p = broken(c.always, s, next); !p.empty()) return p;
      reached.add(next.w.data());
    }
    if (known) {
      expander_.expand(s.w.data());
      for (std::size_t i = 0; i < expander_.count(); ++i)
        if (!is_changed[expander_.instance(i)]) reached.add(expander_.successor(i));
      continue;
    }
    for (std::size_t i = 0; i < model_.instances.size(); ++i) {
      if (is_changed[i] || !interpreter_.step(i, s, next)) continue;
      if (std::string p = broken(always(i), s, next); !p.empty()) return p;
      reached.add(next.w.data());
    }
    if (++fresh > kNewStates) {
      where += fmt::format(", over {} new states", kNewStates);
      return "";
    }
  }
  where += fmt::format(", {} states, {} new", reached.size(), fresh);
  return misses(changed, reached);
}

// The property whose subject no state or step of the mutant is.
std::string Space::misses(std::vector<Changed> &changed, const StateSet &reached) {
  Laws of_states(model_.schema);
  std::vector<std::pair<std::size_t, Laws>> of_steps;
  std::vector<const Property *> missing;
  for (const Property *p : kept_) {
    if (p->kind != PropertyKind::sometimes) continue;
    missing.push_back(p);
    if (p->over_state) of_states.add(*p, p->over_state(model_));
  }
  for (std::size_t i = 0; i < model_.instances.size(); ++i)
    if (Laws laws = steps(PropertyKind::sometimes, i); !laws.empty())
      of_steps.emplace_back(i, std::move(laws));
  std::vector<Changed *> change_of(model_.instances.size());
  for (Changed &c : changed) change_of[c.index] = &c;
  auto seen = [&](const Property &p) {
    std::erase(missing, &p);
    of_states.drop(p);
    for (auto &[i, laws] : of_steps) laws.drop(p);
    std::erase_if(of_steps, [](const auto &x) { return x.second.empty(); });
  };
  State next;
  for (std::size_t k = 0; k < reached.size() && !missing.empty(); ++k) {
    const State s = state(reached[k]);
    while (const Property *p = of_states.find(true, s, s)) seen(*p);
    for (std::size_t x = 0; x < of_steps.size(); ++x) {
      const std::size_t i = of_steps[x].first;
      const bool does = change_of[i] ? change_of[i]->step(s, next) : interpreter_.step(i, s, next);
      const Property *p = does ? of_steps[x].second.find(true, s, next) : nullptr;
      if (!p) continue;
      seen(*p);
      x = static_cast<std::size_t>(-1);
    }
  }
  return missing.empty() ? "" : missing.front()->id;
}

// Pairs of a state without the mistake and another one with it, from those that the changed
// instances lead to on, step by step of the same instance. In each pair the same instances may step
// and show the same, and every thread is in the same place. That this holds for pairs of one state
// is known.
std::optional<std::string> Space::alike(std::vector<Changed> &changed, StateSet &pairs) {
  std::vector<Changed *> change_of(model_.instances.size());
  for (Changed &c : changed) change_of[c.index] = &c;
  const std::size_t width = model_.schema.words();
  std::vector<std::uint64_t> pair(2 * width);
  State x, y;
  for (std::size_t k = 0; k < pairs.size(); ++k) {
    if (pairs.size() > kPairs) return std::nullopt;
    const State a = state(pairs[k]), b = state(pairs[k] + width);
    for (int t = 0; t < model_.threads(); ++t)
      if (model_.schema.loc(a, t) != model_.schema.loc(b, t) ||
          stop_kind(model_.schema, a, t) != stop_kind(model_.schema, b, t))
        return std::nullopt;
    for (std::size_t i = 0; i < model_.instances.size(); ++i) {
      Changed *c = change_of[i];
      const bool would = interpreter_.step(i, a, x);
      const bool does = c ? c->step(b, y) : interpreter_.step(i, b, y);
      if (would != does) return std::nullopt;
      if (!would) continue;
      if (interpreter_.output(i, a) != (c ? c->output(b) : interpreter_.output(i, b)))
        return std::nullopt;
      if (x == y) continue;
      std::copy_n(x.w.begin(), width, pair.begin());
      std::copy_n(y.w.begin(), width, pair.begin() + static_cast<std::ptrdiff_t>(width));
      pairs.add(pair.data());
    }
  }
  return fmt::format(
      "{}: the same instances step and show the same from all {} states, and in all {} pairs of "
      "unlike states",
      name_, states_.size(), pairs.size());
}

}  // namespace ptmc::mutate
