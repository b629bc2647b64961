// Promela: one process, an instance of a rule a d_step. Spin stores no state but the model's own.

#include <algorithm>
#include <ostream>

#include "checker/export_parts.hpp"

namespace ptmc::checker {
namespace {

constexpr Syntax kPromela{false, "!", "&&", "||", "==", "<", "->", ":", "+", "-", "0", "1", true};

class Promela {
 public:
  explicit Promela(const ExportedModel &exported)
      : exported_(exported), writer_(exported, kPromela) {}

  void step(const std::string &name, model::Expr guard, const std::vector<model::Update> &updates,
            const std::vector<Claim> &claims) {
    std::vector<model::Expr> roots;
    for (const model::Update &u : updates) roots.push_back(u.value);
    for (const Claim &c : claims) roots.push_back(c.holds);
    writer_.share({});
    steps_ += "  /* " + name + " */\n  :: d_step {\n       " + writer_.text(guard, true);
    auto add = [&](const std::string &statement) { steps_ += ";\n       " + statement; };
    const auto &locals = writer_.share(roots, Writer::overlapping(updates));
    locals_ = std::max(locals_, locals.size());
    for (const Writer::Local &l : locals) add(l.name + " = " + l.value);
    for (const Claim &c : claims) {  // a variable, for its name in Spin's message
      const std::string claim = identifier(c.property->id);
      add(claim + " = " + writer_.text(c.holds, true) + "; assert(" + claim + ")");
    }
    for (const model::Update &u : updates) add(exported_.name(u.field) + " = " + writer_.value(u));
    steps_ += "\n     }\n";
  }

  const ExportedModel &exported_;
  Writer writer_;
  std::string steps_;
  std::size_t locals_ = 0;
};

}  // namespace

void export_promela(std::ostream &out, const model::Model &model, const Properties &properties) {
  const ExportedModel exported(model, properties);
  Promela promela(exported);
  for (const Claim &c : exported.invariants) promela.step("always", model::truth(true), {}, {c});
  for (const ExportedModel::Step &s : exported.steps)
    promela.step(s.instance->name(), s.guard, s.updates, s.claims);

  for (model::Field f : exported.fields) {
    const int bits = model.schema[f].bits;
    const std::string name = exported.name(f);
    out << (bits == 1 ? "bit " + name : "unsigned " + name + " : " + std::to_string(bits)) << " = "
        << exported.initial(f) << ";\n";
  }
  for (const model::Property *p : properties) out << "hidden byte " << identifier(p->id) << ";\n";
  for (std::size_t i = 1; i <= promela.locals_; ++i) out << "hidden int x" << i << ";\n";
  out << "\nactive proctype kernel() {\nend:\n  do\n" << promela.steps_ << "  od\n}\n";
}

}  // namespace ptmc::checker
