// Constrained Horn clauses: one predicate, "these values are reached".

#include <ostream>

#include "checker/export_parts.hpp"

namespace ptmc::checker {
namespace {

constexpr Syntax kSmt{true, "not", "and", "or",    "=",    "<",  "ite",
                      "",   "+",   "-",   "false", "true", false};

class Smt2 {
 public:
  Smt2(std::ostream &out, const ExportedModel &exported)
      : out_(out), exported_(exported), writer_(exported, kSmt) {
    for (model::Field f : exported.fields) {
      const std::string sort = exported.model.schema[f].truth ? "Bool" : "Int";
      sorts_ += " " + sort;
      quantified_ += " (" + exported.name(f) + " " + sort + ")";
      now_ += " " + exported.name(f);
    }
  }

  void begin() {
    out_ << "(set-logic HORN)\n(declare-fun reached (" << sorts_.substr(1) << ") Bool)\n";
    std::string initial;
    for (model::Field f : exported_.fields)
      initial += " " + writer_.value({f, model::constant(exported_.initial(f))});
    out_ << "(assert (reached" << initial << "))\n";
  }

  // Where it is reached and `guard` holds, the step can be taken.
  void step(const ExportedModel::Step &s) {
    if (s.updates.empty()) return;
    std::vector<model::Expr> roots{s.guard};
    std::vector<std::string> after;
    for (const model::Update &u : s.updates) roots.push_back(u.value);
    clause(s.instance->name(), roots, [&] {
      std::string next;
      for (model::Field f : exported_.fields) {
        std::string value = exported_.name(f);
        for (const model::Update &u : s.updates)
          if (u.field == f) value = writer_.value(u);
        next += " " + value;
      }
      return "(=> (and (reached" + now_ + ") " + writer_.text(s.guard, true) + ") (reached" + next +
             "))";
    });
  }
  void claim(const std::string &name, model::Expr guard, const Claim &c) {
    const model::Expr bad = guard && !c.holds;
    clause(c.property->id + ": " + name, {bad}, [&] {
      return "(=> (and (reached" + now_ + ") " + writer_.text(bad, true) + ") false)";
    });
  }

 private:
  template <class Text>
  void clause(const std::string &comment, const std::vector<model::Expr> &roots, Text &&text) {
    out_ << "; " << comment << "\n(assert (forall (" << quantified_.substr(1) << ")\n";
    const auto &locals = writer_.share(roots);
    for (const Writer::Local &l : locals) out_ << "(let ((" << l.name << " " << l.value << "))\n";
    out_ << text() << std::string(locals.size(), ')') << "))\n";
  }

  std::ostream &out_;
  const ExportedModel &exported_;
  Writer writer_;
  std::string sorts_, quantified_, now_;
};

}  // namespace

void export_smt2(std::ostream &out, const model::Model &model, const Properties &properties) {
  const ExportedModel exported(model, properties);
  Smt2 smt(out, exported);
  smt.begin();
  for (const ExportedModel::Step &s : exported.steps) smt.step(s);
  for (const Claim &c : exported.invariants) smt.claim("always", model::truth(true), c);
  for (const ExportedModel::Step &s : exported.steps)
    for (const Claim &c : s.claims) smt.claim(s.instance->name(), s.guard, c);
  out << "(check-sat)\n";
}

}  // namespace ptmc::checker
