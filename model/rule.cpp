#include "model/rule.hpp"

#include <algorithm>
#include <cassert>

namespace ptmc::model {

Model::Model(const Shape &shape, const Config *config)
    : Model(shape, config,
            {attach_rules, request_rules, resume_rules, wait_rules, parent_rules, signal_rules,
             delivery_rules, group_stop_rules, syscall_rules, fork_rules, exec_rules, exit_rules,
             tracee_rules, open_world_rules}) {}

Model::Model(const Shape &shape, const Config *config, std::initializer_list<Area> areas)
    : schema(shape) {
  if (config) this->config = *config;
  for (Area area : areas) area(*this);
  // What the other tracers do, beside what the first does.
  for (acting = 1; acting < shape.tracers; ++acting)
    for (Area area : areas)
      for (Area tracers : {attach_rules, request_rules, resume_rules, wait_rules})
        if (area == tracers) area(*this);
  acting = 0;
}

Expr Model::on(Feature f) const {
  return config ? truth((*config)[f]) : config_leaf(static_cast<std::uint32_t>(f), true);
}

State Model::initial(int threads) const {
  State s;
  for (int t = 0; t < std::min(schema.shape.threads, threads); ++t)
    schema.set(s, schema.thread[t].loc, static_cast<Value>(Loc::user));
  for (Sig sig : {USR1, USR2})  // the handled signals
    if (has(sig)) schema.set(s, schema.process[0].disposition[sig], 2);
  for (Field f = 0; f < schema.size(); ++f)
    if (schema[f].initial) schema.set(s, f, schema[f].initial);
  return s;
}

const Rule *Model::family(Rule rule) {
  for (const Rule &r : rules)
    if (r.id == rule.id) return &r;
  rule.number = static_cast<int>(rules.size());
  return &rules.emplace_back(std::move(rule));
}

void Model::add(Step &&step) {
  Instance &i = step.instance_;
  if (i.enabled.is(0)) return;
  for (const Guard &g : i.guards)
    if (g.holds.is(0)) return;
  std::erase_if(i.guards, [](const Guard &g) { return g.holds.is(1); });
  for (Field f = 0; f < schema.size(); ++f)
    if (step.written_[f] && !step.known_[f]->same(schema.read(f)))
      i.updates.push_back({f, *step.known_[f]});
  instances.push_back(std::move(i));
}

Step::Step(Model &model, const Rule *rule, int thread, std::string parameters, Label label)
    : m(model),
      schema(model.schema),
      acting(model.acting),
      tracer(schema.tracers[static_cast<std::size_t>(acting)]),
      p(&schema.process[0]) {
  if (thread >= 0) enter(schema.process_of(thread));
  instance_.rule = rule;
  instance_.thread = thread;
  instance_.parameters = std::move(parameters);
  instance_.label = label;
  instance_.label.tracer = acting;
  if (acting) instance_.parameters += ", by tracer " + std::to_string(acting);
  known_.resize(schema.size());
  written_.resize(schema.size());
}

Expr Step::get(Field f) const {
  if (f == kNoField) return constant(0);
  return known_[f] ? *known_[f] : schema.read(f);
}

void Step::set(Field f, Expr value) {
  if (f == kNoField) return;
  const Expr now = get(f);
  const Expr next = ite(path_, value, now);
  if (next.same(now)) return;
  known_[f] = next;
  written_[f] = true;
}

void Step::needs(Expr over_features) { instance_.enabled = instance_.enabled && over_features; }

void Step::guard(std::string name, Expr holds) {
  instance_.guards.push_back({std::move(name), holds});
}

void Step::at(std::string name, Field f, Value value) {
  guard(std::move(name), eq(get(f), value));
  if (f != kNoField && !written_[f]) known_[f] = constant(value);
}

void Step::output(Expr e) { instance_.output = e; }

}  // namespace ptmc::model
