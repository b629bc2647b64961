// ptmc export: the transition relation of a design, and properties of it, for another checker.

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iostream>
#include <memory>

#include "checker/export.hpp"
#include "model/input_error.hpp"
#include "tools/ptmc/exploration.hpp"
#include "tools/ptmc/verb.hpp"

namespace ptmc::tools {
namespace {

struct ExportOptions {
  SubjectOptions subject;
  std::string to, output;
  std::vector<std::string> properties;
};

// Those asked for, or all that can be exported.
checker::Properties chosen(const ExportOptions &options, const model::Config &config) {
  checker::Properties all;
  if (options.properties.empty())
    for (const model::Property &p : model::properties())
      if (p.kind == model::PropertyKind::always && p.applies(config)) all.push_back(&p);
  for (const std::string &id : options.properties) {
    const model::Property &p = find_property(id, config);
    if (p.kind != model::PropertyKind::always)
      refuse("property '" + id + "' is a sometimes; only an always is exported");
    all.push_back(&p);
  }
  return all;
}

int run_export(const ExportOptions &options) {
  const Subject subject = subject_of(options.subject);
  const model::Config config = subject.config();
  const bool lts = options.to == "aut";
  if (lts && !options.properties.empty()) refuse("--property: aut holds transitions only");
  const checker::Properties properties = chosen(options, config);
  const model::Model model(subject.shape(), &config);
  std::ofstream file;
  if (!options.output.empty()) {
    file.open(options.output, std::ios::binary);
    if (!file)
      throw InputError(options.output, 0,
                       std::string("cannot be written: ") + std::strerror(errno));
  }
  std::ostream &out = file.is_open() ? file : std::cout;
  if (options.to == "promela") checker::export_promela(out, model, properties);
  if (options.to == "murphi") checker::export_murphi(out, model, properties);
  if (options.to == "smt2") checker::export_smt2(out, model, properties);
  if (lts) checker::export_aut(out, model, usual_memory());
  if (!out.flush())
    throw InputError(options.output, 0, std::string("cannot be written: ") + std::strerror(errno));
  return kYes;
}

}  // namespace

Command export_verb() {
  auto o = std::make_shared<ExportOptions>();
  Command command{
      .name = "export",
      .about = "the same transition relation for other checkers",
      .options = {{.name = "--property",
                   .about = "an always, as an assertion; may be given again; else all of them",
                   .sets = &o->properties,
                   .type = "ID",
                   .one_value = true},
                  {.name = "-o",
                   .about = "where it goes; else to stdout",
                   .sets = &o->output,
                   .type = "FILE"}},
      .run = [=] {
        if (o->to.empty()) refuse("--to is required");
        return run_export(*o);
      }};
  add_subject(command, o->subject);
  command.options.insert(
      command.options.begin(),
      {.name = "--to",
       .about = "for Spin, Rumur, Z3; or an explicit LTS, in the Aldebaran format",
       .sets = &o->to,
       .type = "promela|murphi|smt2|aut",
       .one_of = {"promela", "murphi", "smt2", "aut"}});
  return command;
}

}  // namespace ptmc::tools
