#include "checker/export_parts.hpp"

#include <algorithm>
#include <cctype>
#include <stdexcept>

#include "checker/constant_fields.hpp"
#include "model/expr_graph.hpp"

namespace ptmc::checker {

using model::add_fields;
using model::each_operand;
using model::Expr;
using model::Field;
using model::is_leaf;
using model::Node;
using model::Nodes;
using model::Op;
using model::Update;
using model::Value;

// ---- The model ----------------------------------------------------------------------------------

ExportedModel::ExportedModel(const model::Model &m, const Properties &properties) : model(m) {
  ConstantFields constants(m);
  for (Field f = 0; f < m.schema.size(); ++f)
    if (!constants.holds(f)) fields.push_back(f);
  for (const model::Property *p : properties)
    if (p->over_state) invariants.push_back({p, constants.fold(p->over_state(m))});
  for (const model::Instance &i : m.instances) {
    if (constants.never_steps(i)) continue;
    Step step{&i, model::truth(true), {}, {}};
    for (const model::Guard &g : i.guards) step.guard = step.guard && constants.fold(g.holds);
    model::Substitution after;
    for (Field f = 0; f < m.schema.size(); ++f)
      after.primed.emplace(f, constants.fold(m.schema.read(f)));
    after.fields = constants.values();
    for (const Update &u : i.updates) {
      const Expr value = constants.fold(u.value);
      if (!constants.holds(u.field)) step.updates.push_back({u.field, value});
      after.primed.insert_or_assign(u.field, value);
    }
    for (const model::Property *p : properties) {
      if (!p->over_step) continue;
      const std::optional<Expr> over = p->over_step(m, i);
      if (!over) continue;
      const Expr holds = substitute(*over, after);
      if (!holds.is(1)) step.claims.push_back({p, holds});
    }
    steps.push_back(std::move(step));
  }
}

std::string identifier(std::string_view text) {
  std::string name;
  for (char c : text) name += std::isalnum(static_cast<unsigned char>(c)) ? c : '_';
  return name;
}

std::string ExportedModel::name(Field f) const {
  const model::FieldInfo &i = model.schema[f];
  const std::string whose = i.thread >= 0    ? "t" + std::to_string(i.thread) + "_"
                            : i.process >= 0 ? "p" + std::to_string(i.process) + "_"
                                             : "";
  return whose + identifier(i.name);
}

Value ExportedModel::initial(Field f) const { return model.schema.get(model.initial(), f); }

// ---- Expressions --------------------------------------------------------------------------------

Writer::Writer(const ExportedModel &exported, const Syntax &syntax)
    : exported_(exported), syntax_(syntax) {}

std::vector<Expr> Writer::overlapping(const std::vector<Update> &updates) {
  std::vector<Expr> found;
  for (const Update &u : updates) {
    Nodes seen, fields;
    add_fields(u.value.node(), seen, fields);
    if (std::any_of(updates.begin(), updates.end(), [&](const Update &other) {
          return other.field != u.field && fields.contains(other.field);
        }))
      found.push_back(u.value);
  }
  return found;
}

const std::vector<Writer::Local> &Writer::share(const std::vector<Expr> &roots,
                                                const std::vector<Expr> &forced) {
  uses_.clear(), forced_.clear(), visited_.clear(), named_.clear(), locals_.clear();
  for (Expr e : forced) forced_.insert(e.node());
  for (Expr e : roots) count(e.node());
  for (Expr e : roots) name(e.node());
  return locals_;
}

void Writer::count(std::uint32_t node) {
  if (++uses_[node] > 1) return;
  each_operand(node, [&](std::uint32_t operand) { count(operand); });
}

void Writer::name(std::uint32_t node) {
  if (!visited_.insert(node).second) return;
  each_operand(node, [&](std::uint32_t operand) { name(operand); });
  const Node n = model::node(Expr(node));
  const bool cheap = is_leaf(node) || (n.op == Op::negate && is_leaf(n.a));
  if (!forced_.contains(node) && (uses_[node] < 2 || cheap)) return;
  const std::string value = bare(node), name = "x" + std::to_string(locals_.size() + 1);
  locals_.push_back({name, value, n.truth, most(node)});
  named_.emplace(node, name);
}

Value Writer::most(std::uint32_t node) {
  const auto it = most_.find(node);
  if (it != most_.end()) return it->second;
  const Node n = model::node(Expr(node));
  Value v = 1;
  if (n.op == Op::constant)
    v = n.a;
  else if (n.op == Op::field)
    v = (Value{1} << exported_.model.schema[static_cast<Field>(n.a)].bits) - 1;
  else if (n.op == Op::ite)
    v = std::max(most(n.b), most(n.c));
  else if (n.op == Op::add)
    v = most(n.a) + most(n.b);
  else if (n.op == Op::sub)
    v = most(n.a);
  return most_[node] = v;
}

std::string Writer::value(const Update &u) const {
  return text(u.value, exported_.model.schema[u.field].truth);
}

std::string Writer::text(Expr e, bool truth) const {
  const Node n = model::node(e);
  if (n.op == Op::constant) return truth ? (n.a ? syntax_.yes : syntax_.no) : std::to_string(n.a);
  const auto it = named_.find(e.node());
  const std::string own = it != named_.end() ? it->second : bare(e.node());
  if (n.truth == truth || syntax_.truths_are_numbers) return own;
  if (truth) throw std::logic_error("a number where a truth value is due: " + own);
  return syntax_.prefix ? "(ite " + own + " 1 0)"
                        : "(" + own + " " + syntax_.then + " 1 " + syntax_.otherwise + " 0)";
}

// The operands of a chain of the same operator, each once.
void Writer::operands(std::uint32_t node, Op chain, std::vector<std::string> &into) const {
  const Node n = model::node(Expr(node));
  if (n.op != chain || named_.contains(node)) {
    std::string one = text(Expr(node), true);
    if (std::find(into.begin(), into.end(), one) == into.end()) into.push_back(std::move(one));
    return;
  }
  operands(n.a, chain, into);
  operands(n.b, chain, into);
}

// The node itself, not its name, in its own sort.
std::string Writer::bare(std::uint32_t node) const {
  const Node n = model::node(Expr(node));
  auto joined = [&](const char *op, const std::vector<std::string> &all) {
    std::string out = syntax_.prefix ? "(" + std::string(op) : "(";
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (syntax_.prefix)
        out += " ";
      else if (i)
        out += " " + std::string(op) + " ";
      out += all[i];
    }
    return out + ")";
  };
  auto binary = [&](const char *op, bool truth) {
    return joined(op, {text(Expr(n.a), truth), text(Expr(n.b), truth)});
  };
  switch (n.op) {
    case Op::constant:
      return n.truth ? (n.a ? syntax_.yes : syntax_.no) : std::to_string(n.a);
    case Op::field:
      return exported_.name(static_cast<Field>(n.a));
    case Op::primed:
    case Op::config:
      break;
    case Op::negate:
      return syntax_.prefix ? joined(syntax_.negate, {text(Expr(n.a), true)})
                            : syntax_.negate + text(Expr(n.a), true);
    case Op::conj:
    case Op::disj: {
      std::vector<std::string> all;
      operands(n.a, n.op, all);
      operands(n.b, n.op, all);
      return joined(n.op == Op::conj ? syntax_.conj : syntax_.disj, all);
    }
    case Op::equal:
      return binary(syntax_.equal, model::node(Expr(n.a)).truth && model::node(Expr(n.b)).truth);
    case Op::less:
      return binary(syntax_.less, false);
    case Op::add:
      return binary(syntax_.add, false);
    case Op::sub:
      return binary(syntax_.sub, false);
    case Op::ite: {
      const std::string c = text(Expr(n.a), true), t = text(Expr(n.b), n.truth),
                        f = text(Expr(n.c), n.truth);
      if (syntax_.prefix) return joined("ite", {c, t, f});
      return "(" + c + " " + syntax_.then + " " + t + " " + syntax_.otherwise + " " + f + ")";
    }
  }
  throw std::logic_error("a rule is over the state before the step");
}

}  // namespace ptmc::checker
