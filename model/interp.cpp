#include "model/interp.hpp"

#include <algorithm>

namespace ptmc::model {

Tape::Slot Tape::add(Expr e) {
  auto place = [&](auto &&self, Expr x) -> std::uint32_t {
    if (auto it = register_of_.find(x.node()); it != register_of_.end()) return it->second;
    const Node n = node(x);
    Code c{n.op, 0, 0, n.a, n.b, n.c};
    auto operand = [&](std::uint32_t id) { return self(self, Expr(id)); };
    switch (n.op) {
      case Op::constant:
        break;
      case Op::field:
      case Op::primed: {
        const FieldInfo &f = (*schema_)[static_cast<Field>(n.a)];
        c.word = static_cast<std::uint8_t>(f.word);
        c.shift = static_cast<std::uint8_t>(f.shift);
        c.a = (std::uint32_t{1} << f.bits) - 1;
        break;
      }
      case Op::config:
        std::abort();  // only a model of one configuration is interpreted
      case Op::negate:
        c.a = operand(n.a);
        break;
      case Op::ite:
        c.c = operand(n.c);
        [[fallthrough]];
      default:
        c.a = operand(n.a), c.b = operand(n.b);
    }
    code_.push_back(c);
    const auto at = static_cast<std::uint32_t>(code_.size() - 1);
    register_of_.emplace(x.node(), at);
    return at;
  };
  const std::uint32_t at = place(place, e);
  return {at, static_cast<std::uint32_t>(code_.size())};
}

void Tape::run(std::uint32_t &done, std::uint32_t end, Value *r, const State &pre,
               const State &post) const {
  for (; done < end; ++done) {
    const Code &c = code_[done];
    Value v = 0;
    switch (c.op) {
      case Op::constant:
        v = c.a;
        break;
      case Op::field:
        v = static_cast<Value>(pre.w[c.word] >> c.shift) & c.a;
        break;
      case Op::primed:
        v = static_cast<Value>(post.w[c.word] >> c.shift) & c.a;
        break;
      case Op::config:
        break;
      case Op::negate:
        v = !r[c.a];
        break;
      case Op::conj:
        v = r[c.a] & r[c.b];
        break;
      case Op::disj:
        v = r[c.a] | r[c.b];
        break;
      case Op::equal:
        v = r[c.a] == r[c.b];
        break;
      case Op::less:
        v = r[c.a] < r[c.b];
        break;
      case Op::ite:
        v = r[c.a] ? r[c.b] : r[c.c];
        break;
      case Op::add:
        v = r[c.a] + r[c.b];
        break;
      case Op::sub:
        v = r[c.a] - r[c.b];
        break;
    }
    r[done] = v;
  }
}

CompiledInstance::CompiledInstance(const Schema &schema, const Instance &i)
    : schema_(&schema), tape_(schema) {
  for (const Guard &g : i.guards) guards_.push_back(tape_.add(g.holds));
  for (const Update &u : i.updates) updates_.push_back({u.field, tape_.add(u.value)});
  if (i.output) output_ = tape_.add(*i.output);
}

int CompiledInstance::blocked_by(const State &s, Value *regs) const {
  std::uint32_t done = 0;
  for (std::size_t g = 0; g < guards_.size(); ++g) {
    tape_.run(done, guards_[g].end, regs, s, s);
    if (!regs[guards_[g].at]) return static_cast<int>(g);
  }
  return -1;
}

bool CompiledInstance::step(const State &s, State &next, Value *regs) const {
  if (blocked_by(s, regs) >= 0) return false;
  std::uint32_t done = guards_.empty() ? 0 : guards_.back().end;
  next = s;
  for (const Assignment &u : updates_) {
    tape_.run(done, u.value.end, regs, s, s);
    // Cut to the field: what no reachable state makes too large, others can.
    const Value values = (Value{1} << (*schema_)[u.field].bits) - 1;
    schema_->set(next, u.field, regs[u.value.at] & values);
  }
  return true;
}

Value CompiledInstance::output(const State &s, Value *regs) const {
  if (!output_) return 0;
  std::uint32_t done = 0;
  tape_.run(done, output_->end, regs, s, s);
  return regs[output_->at];
}

Interpreter::Interpreter(const Model &m) : model(m) {
  for (const Instance &i : m.instances) {
    compiled_.emplace_back(m.schema, i);
    regs_.resize(std::max(regs_.size(), compiled_.back().registers()));
  }
}

void Interpreter::recompile(std::size_t instance) {
  compiled_[instance] = CompiledInstance(model.schema, model.instances[instance]);
  regs_.resize(std::max(regs_.size(), compiled_[instance].registers()));
}

Value evaluate(const Schema &schema, Expr e, const State &pre, const State &post) {
  Tape tape(schema);
  const Tape::Slot slot = tape.add(e);
  std::vector<Value> regs(tape.registers());
  std::uint32_t done = 0;
  tape.run(done, slot.end, regs.data(), pre, post);
  return regs[slot.at];
}

}  // namespace ptmc::model
