// ptmc-emit OUTDIR: writes the fast form of the rules, C++ that checker/fast.hpp declares.
//
// For each emitted shape the instances of the symbolic model become straight code over a state's
// words; features stay run-time flags. Guards are taken apart into conjuncts, and the instances
// into a tree: what many instances ask (a thread's loc first of all) is asked once, as a switch or
// an if around them. A subexpression with several uses becomes a local variable of the innermost
// block that needs it, so it is computed once, and not before the guards that do not need it.
//
// A shape's instances are sorted by what they ask first and cut into pieces of equal size, one
// function a piece: compile time grows faster than the size of a function.

#include <algorithm>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "model/designs.hpp"
#include "model/rule.hpp"

namespace ptmc::model {
namespace {

constexpr int kFiles = 8;             // CMakeLists.txt compiles this many
constexpr std::size_t kPiece = 6000;  // nodes a function, about

using Conjuncts = std::vector<std::uint32_t>;  // nodes
struct Item {
  std::size_t instance;
  Conjuncts left;  // not yet known to hold
};

void split(Expr e, Conjuncts &into) {
  const Node n = node(e);
  if (n.op == Op::conj) {
    split(Expr(n.a), into);
    split(Expr(n.b), into);
  } else if (!e.is(1) && std::find(into.begin(), into.end(), e.node()) == into.end()) {
    into.push_back(e.node());
  }
}

// "field == constant", with the constant in `value`; kNoField otherwise.
Field compared(std::uint32_t conjunct, Value &value) {
  const Node n = node(Expr(conjunct));
  if (n.op != Op::equal || node(Expr(n.a)).op != Op::field || node(Expr(n.b)).op != Op::constant)
    return kNoField;
  value = node(Expr(n.b)).a;
  return static_cast<Field>(node(Expr(n.a)).a);
}

std::size_t operands(const Node &n) {
  switch (n.op) {
    case Op::constant:
    case Op::field:
    case Op::primed:
    case Op::config:
      return 0;
    case Op::negate:
      return 1;
    case Op::ite:
      return 3;
    default:
      return 2;
  }
}

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
    const Node &x = node(Expr(n));
    const std::uint32_t all[] = {x.a, x.b, x.c};
    for (std::size_t i = 0; i < operands(x); ++i) count(all[i]);
  }

  std::ostream &line() { return out_ << std::string(2 * depth_, ' '); }

  // Declares the shared parts of n that are not in scope yet.
  void prepare(std::uint32_t n) {
    const Node &x = node(Expr(n));
    const std::size_t count = operands(x);
    if (count == 0 || named_.contains(n)) return;
    const std::uint32_t all[] = {x.a, x.b, x.c};
    for (std::size_t i = 0; i < count; ++i) prepare(all[i]);
    if (uses_[n] < 2 || (count == 1 && operands(node(Expr(x.a))) == 0)) return;
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
      auto &[value, chosen] = *cases.begin();
      scope("if (" + subject + " == " + std::to_string(value) + "u)", [&] { block(chosen); });
      return rest;
    }
    scope("switch (" + subject + ")", [&] {
      for (auto &[value, chosen] : cases)
        scope("case " + std::to_string(value) + ":", [&, &chosen = chosen] {
          block(chosen);
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

std::size_t weight(const Model &model, std::size_t instance) {
  std::set<std::uint32_t> seen;
  auto visit = [&](auto &&self, std::uint32_t n) -> void {
    if (!seen.insert(n).second) return;
    const Node &x = node(Expr(n));
    const std::uint32_t all[] = {x.a, x.b, x.c};
    for (std::size_t i = 0; i < operands(x); ++i) self(self, all[i]);
  };
  for (const Guard &g : model.instances[instance].guards) visit(visit, g.holds.node());
  for (const Update &u : model.instances[instance].updates) visit(visit, u.value.node());
  return seen.size();
}

// The instances in pieces, those together that ask the same thread for its loc.
std::vector<std::vector<Item>> pieces(const Model &model) {
  std::vector<std::pair<int, Item>> sorted;
  for (std::size_t i = 0; i < model.instances.size(); ++i) {
    const Instance &instance = model.instances[i];
    Item item{i, {}};
    split(instance.enabled, item.left);
    for (const Guard &g : instance.guards) split(g.holds, item.left);
    int key = model.threads();
    for (std::uint32_t c : item.left) {
      Value v;
      const Field f = compared(c, v);
      for (int t = 0; t < model.threads(); ++t)
        if (f == model.schema.thread[t].loc) key = t;
    }
    sorted.emplace_back(key, std::move(item));
  }
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const auto &a, const auto &b) { return a.first < b.first; });
  std::vector<std::vector<Item>> all(1);
  std::size_t size = 0;
  for (auto &[key, item] : sorted) {
    if (size > kPiece) all.emplace_back(), size = 0;
    size += weight(model, item.instance);
    all.back().push_back(std::move(item));
  }
  return all;
}

void write(const std::filesystem::path &path, const std::string &text) {
  std::stringstream old;
  old << std::ifstream(path).rdbuf();
  if (old.str() == text) return;
  std::ofstream file(path);
  if (!(file << text).flush()) throw std::runtime_error("cannot write " + path.string());
}

void emit(const std::filesystem::path &directory) {
  std::string body[kFiles];
  std::size_t next = 0;
  for (int threads : {1, 2}) {
    const Model model(Shape{threads, explored_signals()}, nullptr);
    const std::string shape = std::to_string(threads);
    std::string declarations, calls;
    int number = 0;
    for (const std::vector<Item> &items : pieces(model)) {
      const std::string name = "piece_" + shape + "_" + std::to_string(number++);
      const std::string head = "void " + name + "(const std::uint64_t *w, const bool *on, Sink &s)";
      std::string &file = body[next++ % kFiles];
      file += head + ";\n" + head + " {\n";
      for (std::size_t w = 0; w < model.schema.words(); ++w)
        file += "  [[maybe_unused]] const std::uint64_t w" + std::to_string(w) + " = w[" +
                std::to_string(w) + "];\n";
      file += "  (void)on;\n" + Piece(model, items).text() + "}\n\n";
      declarations += head + ";\n";
      calls += "  " + name + "(w, on, s);\n";
    }
    body[0] += declarations + "void expand_" + shape +
               "(const std::uint64_t *w, const bool *on, Sink &s) {\n" + calls + "}\n\n";
  }
  for (int f = 0; f < kFiles; ++f)
    write(directory / ("checker_fast_" + std::to_string(f) + ".cpp"),
          "// Written by ptmc-emit from the rules.\n#include \"checker/fast.hpp\"\n\n"
          "namespace ptmc::checker {\n\n" +
              body[f] + "}  // namespace ptmc::checker\n");
}

}  // namespace
}  // namespace ptmc::model

int main(int argc, char **argv) try {
  if (argc != 2) {
    std::fprintf(stderr, "usage: ptmc-emit OUTDIR\n");
    return 2;
  }
  ptmc::model::emit(argv[1]);
  return 0;
} catch (const std::exception &e) {
  std::fprintf(stderr, "ptmc-emit: %s\n", e.what());
  return 1;
}
