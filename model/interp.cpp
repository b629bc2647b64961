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

Interpreter::Interpreter(const Model &m) : model(m) {
  std::size_t registers = 0;
  for (const Instance &i : m.instances) {
    Compiled &c = compiled_.emplace_back(Compiled{Tape(m.schema), {}, {}, {}});
    for (const Guard &g : i.guards) c.guards.push_back(c.tape.add(g.holds));
    for (const Update &u : i.updates) c.updates.push_back(c.tape.add(u.value));
    if (i.output) c.output = c.tape.add(*i.output);
    registers = std::max(registers, c.tape.registers());
  }
  regs_.resize(registers);
}

int Interpreter::blocked_by(std::size_t instance, const State &s) const {
  const Compiled &c = compiled_[instance];
  std::uint32_t done = 0;
  for (std::size_t g = 0; g < c.guards.size(); ++g) {
    c.tape.run(done, c.guards[g].end, regs_.data(), s, s);
    if (!regs_[c.guards[g].at]) return static_cast<int>(g);
  }
  return -1;
}

bool Interpreter::enabled(std::size_t instance, const State &s) const {
  return blocked_by(instance, s) < 0;
}

bool Interpreter::step(std::size_t instance, const State &s, State &next) const {
  if (blocked_by(instance, s) >= 0) return false;
  const Compiled &c = compiled_[instance];
  const Instance &i = model.instances[instance];
  std::uint32_t done = c.guards.empty() ? 0 : c.guards.back().end;
  next = s;
  for (std::size_t u = 0; u < c.updates.size(); ++u) {
    c.tape.run(done, c.updates[u].end, regs_.data(), s, s);
    model.schema.set(next, i.updates[u].field, regs_[c.updates[u].at]);
  }
  return true;
}

Value Interpreter::output(std::size_t instance, const State &s) const {
  const Compiled &c = compiled_[instance];
  if (!model.instances[instance].output) return 0;
  std::uint32_t done = 0;
  c.tape.run(done, c.output.end, regs_.data(), s, s);
  return regs_[c.output.at];
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
