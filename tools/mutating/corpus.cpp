#include "tools/mutating/corpus.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <stdexcept>

namespace ptmc::mutate {
namespace {

constexpr std::size_t kAll = 1000;       // models; none may go while another is changed
constexpr std::size_t kStates = 20'000;  // of one replay: a mutant may multiply them

}  // namespace

struct Corpus::Changed {
  std::size_t index;
  model::Instance with;
  model::CompiledInstance code;
  std::vector<model::Value> regs;
};

// What the replay of a trace looks at is kept: a mutant can change it only where one of these looks
// gives something else.
Corpus::Corpus(const std::string &design, const std::vector<traces::Trace> &traces)
    : design_(design),
      models_({.signals = {}, .siginfos = {}, .masks = {}, .exit_codes = {}}, kAll) {
  for (const traces::Trace &trace : traces) {
    if (!replay(trace).accepted) continue;
    Entry e{std::filesystem::path(trace.file).stem(), trace, 0, {}};
    for (const auto &machine : models_.all()) {
      StateSet &states =
          states_.try_emplace(machine.get(), StateSet(machine->model.schema.words())).first->second;
      machine->changed({});
      machine->interpreter.watch = [&e, &states, m = machine.get()](std::size_t instance,
                                                                    const model::State &s) {
        e.looked[m][instance].push_back(states.find(s.w.data()).first);
      };
    }
    e.allowed = replay(trace).mean_allowed_next;
    for (const auto &machine : models_.all()) machine->interpreter.watch = {};
    for (auto &[machine, by_instance] : e.looked)
      for (auto &[instance, all] : by_instance) {
        std::sort(all.begin(), all.end());
        all.erase(std::unique(all.begin(), all.end()), all.end());
      }
    entries_.push_back(std::move(e));
  }
}

traces::ReplayResult Corpus::replay(const traces::Trace &trace) {
  traces::ReplayOptions options;
  options.design = design_;
  options.models = &models_;
  options.max_states = kStates;
  return traces::replay(trace, options);
}

std::vector<const model::Model *> Corpus::models() const {
  std::vector<const model::Model *> all;
  for (const auto &machine : models_.all()) all.push_back(&machine->model);
  return all;
}

bool Corpus::tells(const Entry &e, traces::Machine &machine, std::vector<Changed> &changed) const {
  const auto by_instance = e.looked.find(&machine);
  if (by_instance == e.looked.end()) return false;
  const StateSet &states = states_.at(&machine);
  const model::Interpreter &plain = machine.interpreter;
  model::State s, a, b;
  for (Changed &c : changed) {
    const auto looked = by_instance->second.find(c.index);
    if (looked == by_instance->second.end()) continue;
    for (const std::uint32_t at : looked->second) {
      std::copy_n(states[at], machine.model.schema.words(), s.w.begin());
      const bool would = plain.step(c.index, s, a), does = c.code.step(s, b, c.regs.data());
      if (would != does || (would && !(a == b))) return true;
    }
  }
  return false;
}

Corpus::Examined Corpus::examine(const Mutant &mutant) {
  std::map<traces::Machine *, std::vector<Changed>> changes;
  Examined result;
  auto changed_in = [&](traces::Machine &machine) -> std::vector<Changed> & {
    auto [it, fresh] = changes.try_emplace(&machine);
    const model::Model &m = machine.model;
    for (std::size_t i = 0; fresh && i < m.instances.size(); ++i) {
      if (m.instances[i].rule->id != mutant.rule) continue;
      model::Instance with = m.instances[i];
      if (!apply(mutant, m.schema, with)) continue;
      result.present = true;
      model::CompiledInstance code(m.schema, with);
      const std::size_t registers = code.registers();
      it->second.push_back(
          {i, std::move(with), std::move(code), std::vector<model::Value>(registers)});
    }
    return it->second;
  };
  auto exchange = [](traces::Machine &machine, std::vector<Changed> &changed) {
    std::vector<std::size_t> which;
    for (Changed &c : changed) {
      std::swap(machine.owned->instances[c.index], c.with);
      which.push_back(c.index);
    }
    machine.changed(which);
  };
  const std::size_t models = models_.all().size();
  for (const Entry &e : entries_) {
    bool any = false;
    for (const auto &[machine, looked] : e.looked) {
      std::vector<Changed> &changed = changed_in(*machine);
      any = any || (!changed.empty() && tells(e, *machine, changed));
    }
    if (!any) continue;
    for (const auto &[machine, looked] : e.looked) exchange(*machine, changed_in(*machine));
    const traces::ReplayResult r = replay(e.trace);
    for (const auto &[machine, looked] : e.looked) exchange(*machine, changed_in(*machine));
    if (r.accepted && result.imprecise.empty() && r.mean_allowed_next > e.allowed + 1e-9)
      result.imprecise = e.name;
    if (!r.divergence) continue;
    result.rejected = fmt::format("{}:{}", e.name, r.divergence->line);
    break;
  }
  if (models_.all().size() != models) throw std::logic_error("a replay has made a model");
  return result;
}

}  // namespace ptmc::mutate
