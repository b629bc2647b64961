#include "tools/mutating/profiles.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "checker/explore.hpp"
#include "model/designs.hpp"
#include "tools/mutating/laws.hpp"
#include "tools/mutating/states.hpp"

namespace ptmc::mutate {

using namespace model;

namespace {

constexpr std::size_t kMemory = std::size_t{8} << 30;  // of the states of one profile
constexpr std::size_t kAftermath = 20'000;             // after a mutant has done another thing

// In this state the mutant takes the steps that the model takes.
Expr same_steps_here(const Mutant &mutant, const Model &m) {
  Expr all = truth(true);
  for (const Instance &before : m.instances) {
    Instance after = before;
    if (!apply(mutant, m.schema, after)) continue;
    Expr would = before.enabled, does = after.enabled, alike = truth(true);
    for (const Guard &g : before.guards) would = would && g.holds;
    for (const Guard &g : after.guards) does = does && g.holds;
    std::map<Field, std::pair<Expr, Expr>> written;
    const auto values = [&](Field f) -> std::pair<Expr, Expr> & {
      return written.try_emplace(f, m.schema.read(f), m.schema.read(f)).first->second;
    };
    for (const Update &u : before.updates) values(u.field).first = u.value;
    for (const Update &u : after.updates) values(u.field).second = u.value;
    for (const auto &[f, value] : written)
      if (!value.first.same(value.second)) alike = alike && eq(value.first, value.second);
    all = all && ite(would, does && alike, !does);
  }
  return all;
}

// Looks for a property that fails once a mutant has done what the model does not.
class Aftermath {
 public:
  explicit Aftermath(const Whole &whole)
      : always_(whole.always),
        model_(*whole.model),
        interpreter_(model_),
        states_laws_(model_.schema),
        steps_laws_(model_.instances.size()) {
    for (const Property *p : always_)
      if (p->over_state) states_laws_.add(*p, p->over_state(model_));
  }

  std::string broken(const Mutant &mutant, const State &from) {
    std::map<std::size_t, CompiledInstance> changed;
    for (std::size_t i = 0; i < model_.instances.size(); ++i) {
      Instance after = model_.instances[i];
      if (apply(mutant, model_.schema, after))
        changed.emplace(i, CompiledInstance(model_.schema, after));
    }
    StateSet reached(model_.schema.words());
    reached.add(from.w.data());
    State s = from, next;
    for (std::size_t k = 0; k < reached.size() && k < kAftermath; ++k) {
      std::copy_n(reached[k], model_.schema.words(), s.w.begin());
      for (std::size_t i = 0; i < model_.instances.size(); ++i) {
        const auto with = changed.find(i);
        if (k == 0 && with == changed.end()) continue;
        if (with != changed.end()) {
          regs_.resize(std::max<std::size_t>(regs_.size(), with->second.registers()));
          if (!with->second.step(s, next, regs_.data())) continue;
        } else if (!interpreter_.step(i, s, next)) {
          continue;
        }
        if (const Property *p = steps(i).find(false, s, next)) return p->id;
        if (!reached.add(next.w.data())) continue;
        if (const Property *p = states_laws_.find(false, next, next);
            p && !p->id.starts_with("normal_form."))
          return p->id;
      }
    }
    return "";
  }

 private:
  Laws &steps(std::size_t instance) {
    std::optional<Laws> &laws = steps_laws_[instance];
    if (!laws) laws = step_laws(model_, always_, PropertyKind::always, instance);
    return *laws;
  }

  const std::vector<const Property *> &always_;
  const Model &model_;
  const Interpreter interpreter_;
  Laws states_laws_;
  std::vector<std::optional<Laws>> steps_laws_;
  std::vector<Value> regs_;
};

}  // namespace

std::vector<Whole> whole_profiles(const std::string &design) {
  const DesignSpec spec = parse_design(design);
  std::vector<Whole> all;
  for (const Profile &profile : profiles()) {
    Whole w;
    w.config = std::make_unique<Config>(explored_config(spec, profile, {}));
    const int threads = std::min(profile.max_threads, 2);
    w.model = std::make_unique<Model>(explored_shape(*w.config, threads, profile.processes),
                                      w.config.get());
    for (const Property &p : properties())
      if (p.kind == PropertyKind::always && p.applies(*w.config) &&
          std::none_of(
              known_violations().begin(), known_violations().end(),
              [&](const KnownViolation &v) { return v.property == p.id && v.breaks(*w.config); }))
        w.always.push_back(&p);
    w.by_laws =
        std::make_unique<ByLaws>(fmt::format("profile {}", profile.name), *w.model, w.always);
    all.push_back(std::move(w));
  }
  return all;
}

std::vector<InFull> explore_in_full(const std::vector<Whole> &profiles,
                                    const std::vector<Mutant> &mutants, int jobs, double seconds,
                                    const std::function<void(const std::string &)> &progress) {
  std::vector<InFull> all(mutants.size());
  for (const Whole &whole : profiles) {
    const std::string &name = whole.by_laws->name();
    const auto also = [&](std::string &list) { list += (list.empty() ? "" : ", ") + name; };
    std::vector<Property> asked;
    for (std::size_t i = 0; i < mutants.size(); ++i) {
      if (!all[i].differs.empty()) continue;
      const ByLaws::Answer answer = whole.by_laws->same_steps(mutants[i]);
      if (answer == ByLaws::Answer::same) also(all[i].same);
      if (answer != ByLaws::Answer::unproved) continue;
      Property p;
      p.id = std::to_string(i);
      p.applies = [](const Config &) { return true; };
      p.over_state = [&mutant = mutants[i]](const Model &model) {
        return same_steps_here(mutant, model);
      };
      asked.push_back(std::move(p));
    }
    if (asked.empty()) continue;
    checker::ExploreOptions options;
    options.jobs = jobs;
    options.max_memory = kMemory;
    options.time_limit = seconds;
    options.properties = &asked;
    const checker::ExploreResult result = checker::explore(*whole.model, options);
    progress(fmt::format("{}: {} mutants, {} states{}", name, asked.size(), result.states,
                         result.complete ? "" : ", " + result.why_incomplete));
    Aftermath aftermath(whole);
    for (const checker::PropertyResult &r : result.properties) {
      const std::size_t i = std::stoul(r.property->id);
      also(r.verdict == checker::Verdict::violated ? all[i].differs
           : r.verdict == checker::Verdict::holds  ? all[i].same
                                                   : all[i].bounded);
      if (r.trace) all[i].broken = aftermath.broken(mutants[i], r.trace->states.back());
    }
  }
  return all;
}

}  // namespace ptmc::mutate
