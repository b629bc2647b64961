#include "model/emit/piece.hpp"

#include <algorithm>
#include <cstdlib>
#include <map>
#include <set>
#include <sstream>

namespace ptmc::model {

Field compared(std::uint32_t conjunct, Value &value) {
  const Node n = node(Expr(conjunct));
  if (n.op != Op::equal || node(Expr(n.a)).op != Op::field || node(Expr(n.b)).op != Op::constant)
    return kNoField;
  value = node(Expr(n.b)).a;
  return static_cast<Field>(node(Expr(n.a)).a);
}

std::vector<std::uint32_t> operands(std::uint32_t n) {
  const Node &x = node(Expr(n));
  switch (x.op) {
    case Op::constant:
    case Op::field:
    case Op::primed:
    case Op::config:
      return {};
    case Op::negate:
      return {x.a};
    case Op::ite:
      return {x.a, x.b, x.c};
    default:
      return {x.a, x.b};
  }
}

namespace {

// One function: the code for some instances.
class Piece {
 public:
  Piece(const Model &model, const std::vector<Item> &items) : model_(model) {
    for (const Item &i : items) {
      for (std::uint32_t c : i.left) count(c);
      for (const Update &u : model.instances[i.instance].updates) count(u.value.node());
    }
    block(items);
  }
  std::string text() const { return out_.str(); }

 private:
  void count(std::uint32_t n) {
    if (++uses_[n] > 1) return;
    for (std::uint32_t operand : operands(n)) count(operand);
  }

  std::ostream &line() { return out_ << std::string(2 * depth_, ' '); }

  // Declares the shared parts of n that are not in scope yet. What is read as cheaply as a variable
  // stays as it is.
  void prepare(std::uint32_t n) {
    const std::vector<std::uint32_t> all = operands(n);
    if (all.empty() || named_.contains(n)) return;
    for (std::uint32_t operand : all) prepare(operand);
    if (uses_[n] < 2 || (all.size() == 1 && operands(all[0]).empty())) return;
    const std::string value = text(n);
    line() << "const unsigned n" << n << " = " << value << ";\n";
    named_.insert(n);
  }

  std::string text(std::uint32_t n) const {
    const Node &x = node(Expr(n));
    if (named_.contains(n)) return "n" + std::to_string(n);
    auto binary = [&](const char *op) {
      return "(" + text(x.a) + " " + op + " " + text(x.b) + ")";
    };
    switch (x.op) {
      case Op::constant:
        return std::to_string(x.a) + "u";
      case Op::field: {
        const FieldInfo &f = model_.schema[static_cast<Field>(x.a)];
        return "(unsigned(w" + std::to_string(f.word) + " >> " + std::to_string(f.shift) + ") & " +
               std::to_string((1u << f.bits) - 1) + "u)";
      }
      case Op::config:
        return "unsigned(on[" + std::to_string(x.a) + "])";
      case Op::primed:
        break;
      case Op::negate:
        return "(" + text(x.a) + " ^ 1u)";
      case Op::conj:
        return binary("&");
      case Op::disj:
        return binary("|");
      case Op::equal:
        return "unsigned" + binary("==");
      case Op::less:
        return "unsigned" + binary("<");
      case Op::ite:
        return "(" + text(x.a) + " ? " + text(x.b) + " : " + text(x.c) + ")";
      case Op::add:
        return binary("+");
      case Op::sub:
        return binary("-");
    }
    std::abort();  // a rule is over the state before the step
  }

  template <class Body>
  void scope(const std::string &head, Body &&body) {
    line() << head << " {\n";
    const std::set<std::uint32_t> outer = named_;
    ++depth_;
    body();
    --depth_;
    named_ = outer;
    line() << "}\n";
  }

  void fire(std::size_t i) {
    const Instance &instance = model_.instances[i];
    line() << "++s.fired[" << i << "];  // " << instance.name() << "\n";
    if (instance.updates.empty()) return;
    std::vector<std::string> words(model_.schema.words());
    std::vector<std::uint64_t> masks(words.size()), bits(words.size());
    for (const Update &u : instance.updates) {
      const FieldInfo &f = model_.schema[u.field];
      masks[f.word] |= ((std::uint64_t{1} << f.bits) - 1) << f.shift;
      if (node(u.value).op == Op::constant) {
        bits[f.word] |= std::uint64_t{node(u.value).a} << f.shift;
      } else {
        prepare(u.value.node());
        words[f.word] +=
            " | (std::uint64_t{" + text(u.value.node()) + "} << " + std::to_string(f.shift) + ")";
      }
    }
    line() << "std::uint64_t *x = s.add(" << i << ", " << words.size() << ");\n";
    for (std::size_t w = 0; w < words.size(); ++w) {
      line() << "x[" << w << "] = ";
      if (masks[w])
        out_ << "(w" << w << " & ~std::uint64_t{" << masks[w] << "u})";
      else
        out_ << "w" << w;
      if (bits[w]) out_ << " | std::uint64_t{" << bits[w] << "u}";
      out_ << words[w] << ";\n";
    }
  }

  void leaf(const Item &item) {
    if (item.left.empty()) {
      if (model_.instances[item.instance].updates.empty()) return fire(item.instance);
      return scope("", [&] { fire(item.instance); });
    }
    std::string condition;
    for (std::uint32_t c : item.left) {
      prepare(c);
      condition += (condition.empty() ? "" : " & ") + text(c);
    }
    scope("if (" + condition + ")", [&] { fire(item.instance); });
  }

  void block(std::vector<Item> items) {
    while (items.size() > 1) {
      // What do most items ask?
      std::map<std::uint32_t, std::size_t> asked;
      std::map<Field, std::set<std::size_t>> switched;
      for (std::size_t i = 0; i < items.size(); ++i) {
        for (std::uint32_t c : items[i].left) {
          Value v;
          ++asked[c];
          if (const Field f = compared(c, v); f != kNoField) switched[f].insert(i);
        }
      }
      std::uint32_t condition = 0;
      std::size_t most = 1;
      for (auto [c, n] : asked)
        if (n > most) most = n, condition = c;
      Field field = kNoField;
      for (auto &[f, with] : switched)
        if (with.size() > 1 && with.size() >= most) most = with.size(), field = f;
      if (most < 2) break;
      items = field != kNoField ? by_value(std::move(items), field)
                                : by_condition(std::move(items), condition);
    }
    for (const Item &i : items) leaf(i);
  }

  // Both emit the items that ask, and return the others.
  std::vector<Item> by_value(std::vector<Item> items, Field field) {
    std::map<Value, std::vector<Item>> cases;
    std::vector<Item> rest;
    for (Item &i : items) {
      Value value = 0;
      auto asks = [&](std::uint32_t c) { return compared(c, value) == field; };
      auto it = std::find_if(i.left.begin(), i.left.end(), asks);
      if (it == i.left.end()) {
        rest.push_back(std::move(i));
      } else {
        i.left.erase(it);
        cases[value].push_back(std::move(i));
      }
    }
    const std::string subject = text(model_.schema.read(field).node());
    if (cases.size() == 1) {
      const auto &only = *cases.begin();
      scope("if (" + subject + " == " + std::to_string(only.first) + "u)",
            [&] { block(only.second); });
      return rest;
    }
    scope("switch (" + subject + ")", [&] {
      for (const auto &one : cases)
        scope("case " + std::to_string(one.first) + ":", [&] {
          block(one.second);
          line() << "break;\n";
        });
    });
    return rest;
  }

  std::vector<Item> by_condition(std::vector<Item> items, std::uint32_t condition) {
    const std::uint32_t negated = (!Expr(condition)).node();
    std::vector<Item> yes, no, rest;
    for (Item &i : items) {
      const bool is_yes = std::erase(i.left, condition) != 0;
      const bool is_no = !is_yes && std::erase(i.left, negated) != 0;
      (is_yes ? yes : is_no ? no : rest).push_back(std::move(i));
    }
    prepare(condition);
    scope("if (" + text(condition) + ")", [&] { block(yes); });
    if (!no.empty()) scope("else", [&] { block(no); });
    return rest;
  }

  const Model &model_;
  std::map<std::uint32_t, int> uses_;
  std::set<std::uint32_t> named_;  // nodes that are variables in scope
  std::ostringstream out_;
  std::size_t depth_ = 1;
};

}  // namespace

std::string piece_text(const Model &model, const std::vector<Item> &items) {
  return Piece(model, items).text();
}

}  // namespace ptmc::model
