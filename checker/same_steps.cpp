#include "checker/same_steps.hpp"

#include <map>
#include <tuple>

#include "checker/constant_fields.hpp"
#include "checker/symbolic.hpp"

namespace ptmc::checker {
namespace {

using model::Instance;
using model::Model;

// Of the instances that are not left out: those with the same name, call and result correspond, in
// their order.
using Key = std::tuple<std::string, int, int, int, int, int, int>;
Key key_of(const Instance &i) {
  const model::Label &l = i.label;
  return {i.name(), static_cast<int>(l.action), l.thread, l.arg, static_cast<int>(l.err), l.options,
          l.tracer};
}

std::map<Key, std::vector<const Instance *>> kept(const Model &m, const Tester &tester) {
  const Observer observer(m, tester);
  std::map<Key, std::vector<const Instance *>> all;
  for (std::size_t i = 0; i < m.instances.size(); ++i)
    if (!observer.left_out(i)) all[key_of(m.instances[i])].push_back(&m.instances[i]);
  return all;
}

// A model without the calls that are left out, for the fields that then stay constant.
ConstantFields constants(const Model &m, const Tester &tester) {
  const Observer observer(m, tester);
  Model rest(m.schema.shape, &*m.config, {});
  for (std::size_t i = 0; i < m.instances.size(); ++i)
    if (!observer.left_out(i)) rest.instances.push_back(m.instances[i]);
  return ConstantFields(rest);
}

}  // namespace

SameSteps same_steps(const Model &left, const Model &right, const Tester &tester,
                     double question_limit) {
  const auto of_left = kept(left, tester), of_right = kept(right, tester);
  ConstantFields left_constants = constants(left, tester),
                 right_constants = constants(right, tester);
  z3::context context;
  const Terms state = state_constants(context, left.schema, "");
  Translator translate(context, left.schema, state);
  z3::solver solver(context, "QF_FD");
  z3::params p(context);
  p.set("random_seed", 1u);
  p.set("timeout", static_cast<unsigned>(question_limit * 1000));
  solver.set(p);
  for (const ConstantFields *all : {&left_constants, &right_constants})
    for (const auto &[f, value] : all->values()) solver.add(state[f] == translate.value(f, value));

  std::size_t asked = 0;
  const auto impossible = [&](const Instance &i) {
    ++asked;
    solver.push();
    solver.add(enabled_term(translate, i));
    const bool never = solver.check() == z3::unsat;
    solver.pop();
    return never;
  };
  const auto same = [&](const Instance &a, const Instance &b) {
    ++asked;
    if (a.output.has_value() != b.output.has_value()) return false;
    z3::expr unlike = steps_differ(translate, a, b, state);
    if (a.output)
      unlike = unlike || (enabled_term(translate, a) &&
                          translate.bits(*a.output, 32) != translate.bits(*b.output, 32));
    solver.push();
    solver.add(unlike);
    const bool equal = solver.check() == z3::unsat;
    solver.pop();
    return equal;
  };
  for (const auto *side : {&of_left, &of_right}) {
    const auto &other = side == &of_left ? of_right : of_left;
    for (const auto &[key, instances] : *side) {
      const auto it = other.find(key);
      for (std::size_t k = 0; k < instances.size(); ++k) {
        const Instance &i = *instances[k];
        const bool both = it != other.end() && k < it->second.size();
        if (both ? side == &of_left && !same(i, *it->second[k]) : !impossible(i))
          return {Verdict::unknown,
                  "their steps are not the same from every type-correct state: " + i.name()};
      }
    }
  }
  return {Verdict::holds,
          "the same steps from every state, " + std::to_string(asked) + " instances compared"};
}

}  // namespace ptmc::checker
