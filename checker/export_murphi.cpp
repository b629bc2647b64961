// Murphi, as Rumur reads it: an instance of a rule is a rule.

#include <ostream>

#include "checker/export_parts.hpp"

namespace ptmc::checker {
namespace {

constexpr Syntax kMurphi{false, "!", "&", "|",     "=",    "<",  "?",
                         ":",   "+", "-", "false", "true", false};

std::string type(bool truth, model::Value most) {
  return truth ? "boolean" : "0.." + std::to_string(most);
}

class Murphi {
 public:
  Murphi(std::ostream &out, const ExportedModel &exported)
      : out_(out), exported_(exported), writer_(exported, kMurphi) {}

  void state() {
    out_ << "var\n";
    for (model::Field f : exported_.fields) {
      const model::FieldInfo &i = exported_.model.schema[f];
      out_ << "  " << exported_.name(f) << ": " << type(i.truth, (model::Value{1} << i.bits) - 1)
           << ";\n";
    }
    out_ << "\nstartstate\nbegin\n";
    for (model::Field f : exported_.fields) assign({f, model::constant(exported_.initial(f))});
    out_ << "end;\n";
  }

  void step(const ExportedModel::Step &s) {
    std::vector<model::Expr> roots;
    for (const model::Update &u : s.updates) roots.push_back(u.value);
    for (const Claim &c : s.claims) roots.push_back(c.holds);
    writer_.share({});
    out_ << "\nrule \"" << s.instance->name() << "\"\n  " << writer_.text(s.guard, true)
         << "\n==>\n";
    locals(roots, Writer::overlapping(s.updates));
    for (const Claim &c : s.claims)
      out_ << "  assert " << writer_.text(c.holds, true) << " \"" << c.property->id << "\";\n";
    for (const model::Update &u : s.updates) assign(u);
    out_ << "end;\n";
  }

  void invariant(const Claim &c) {
    const std::string name = identifier(c.property->id);
    out_ << "\nfunction " << name << "(): boolean;\n";
    locals({c.holds}, {});
    out_ << "  return " << writer_.text(c.holds, true) << ";\nend;\n\ninvariant \""
         << c.property->id << "\" " << name << "();\n";
  }

 private:
  void assign(const model::Update &u) {
    out_ << "  " << exported_.name(u.field) << " := " << writer_.value(u) << ";\n";
  }
  void locals(const std::vector<model::Expr> &roots, const std::vector<model::Expr> &forced) {
    const auto &all = writer_.share(roots, forced);
    if (!all.empty()) out_ << "var\n";
    for (const Writer::Local &l : all)
      out_ << "  " << l.name << ": " << type(l.truth, l.most) << ";\n";
    out_ << "begin\n";
    for (const Writer::Local &l : all) out_ << "  " << l.name << " := " << l.value << ";\n";
  }

  std::ostream &out_;
  const ExportedModel &exported_;
  Writer writer_;
};

}  // namespace

void export_murphi(std::ostream &out, const model::Model &model, const Properties &properties) {
  const ExportedModel exported(model, properties);
  Murphi murphi(out, exported);
  murphi.state();
  for (const Claim &c : exported.invariants) murphi.invariant(c);
  for (const ExportedModel::Step &s : exported.steps) murphi.step(s);
}

}  // namespace ptmc::checker
