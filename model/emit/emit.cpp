// ptmc-emit OUTDIR: writes the fast form of the rules, C++ that checker/fast.hpp declares.
//
// For each emitted shape the instances of the symbolic model become code over a state's words
// (piece.hpp); features stay run-time flags. A shape's instances are sorted by what they ask first
// and cut into pieces of about equal size, one function a piece: compile time grows faster than the
// size of a function.

#include <algorithm>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "model/designs.hpp"
#include "model/emit/piece.hpp"

namespace ptmc::model {
namespace {

constexpr int kThreads[] = {1, 2};    // of the emitted shapes
constexpr int kFiles = 8;             // CMakeLists.txt compiles this many
constexpr std::size_t kPiece = 6000;  // nodes a function, about

void split(Expr e, std::vector<std::uint32_t> &into) {
  const Node n = node(e);
  if (n.op == Op::conj) {
    split(Expr(n.a), into);
    split(Expr(n.b), into);
  } else if (!e.is(1) && std::find(into.begin(), into.end(), e.node()) == into.end()) {
    into.push_back(e.node());
  }
}

std::size_t weight(const Model &model, std::size_t instance) {
  std::set<std::uint32_t> seen;
  auto visit = [&](auto &&self, std::uint32_t n) -> void {
    if (!seen.insert(n).second) return;
    for (std::uint32_t operand : operands(n)) self(self, operand);
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
  const std::string parameters = "(const std::uint64_t *w, const bool *on, Sink &s)";
  std::string body[kFiles], table;
  std::size_t next = 0;
  for (int threads : kThreads) {
    const Model model(Shape{threads, explored_signals()}, nullptr);
    const std::string shape = std::to_string(threads);
    std::string declarations, calls;
    int number = 0;
    for (const std::vector<Item> &items : pieces(model)) {
      const std::string name = "piece_" + shape + "_" + std::to_string(number++);
      const std::string head = "void " + name + parameters;
      std::string &file = body[next++ % kFiles];
      file += head + ";\n" + head + " {\n";
      for (std::size_t w = 0; w < model.schema.words(); ++w)
        file += "  [[maybe_unused]] const std::uint64_t w" + std::to_string(w) + " = w[" +
                std::to_string(w) + "];\n";
      file += "  (void)on;\n" + piece_text(model, items) + "}\n\n";
      declarations += head + ";\n";
      calls += "  " + name + "(w, on, s);\n";
    }
    body[0] += declarations + "static void expand_" + shape + parameters + " {\n" + calls + "}\n\n";
    table += "  if (threads == " + shape + ") return expand_" + shape + ";\n";
  }
  body[0] += "Expand emitted(int threads) {\n" + table + "  return nullptr;\n}\n\n";
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
