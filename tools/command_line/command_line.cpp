#include "tools/command_line/command_line.hpp"

#include <CLI/CLI.hpp>

namespace ptmc::tools {
namespace {

CLI::Option *add(CLI::App &app, const Option &o) {
  return std::visit(
      [&](const auto &to) -> CLI::Option * {
        using To = std::decay_t<decltype(to)>;
        if constexpr (std::is_same_v<To, bool *>)
          return app.add_flag(o.name, *to, o.about);
        else if constexpr (std::is_pointer_v<To>)
          return app.add_option(o.name, *to, o.about);
        else
          return app.add_option_function<std::string>(o.name, to, o.about);
      },
      o.sets);
}

void add_options(CLI::App &app, const std::vector<Option> &options) {
  for (const Option &o : options) {
    CLI::Option *option = add(app, o);
    option->required(o.name[0] != '-' && !o.may_lack);
    if (!o.one_of.empty()) option->check(CLI::IsMember(o.one_of));
    if (o.range) option->check(CLI::Range(o.range->first, o.range->second));
    if (o.above_zero) option->check(CLI::PositiveNumber);
    if (o.one_value) option->allow_extra_args(false);
    if (!o.excludes.empty()) option->excludes(o.excludes);
    if (!o.type.empty()) option->type_name(o.type);
  }
}

using Parsed = std::vector<std::pair<const CLI::App *, const Command *>>;

// `all`: each verb after those that it has itself.
void add_verbs(CLI::App &app, const Command &command, Parsed &all) {
  for (const Command &verb : command.verbs) {
    CLI::App *sub = app.add_subcommand(verb.name, verb.about);
    add_options(*sub, verb.options);
    add_verbs(*sub, verb, all);
    all.emplace_back(sub, &verb);
  }
  if (!command.verbs.empty()) app.require_subcommand(command.run ? 0 : 1, 1);
}

}  // namespace

int run_command(const Command &program, int argc, char **argv,
                const std::function<int(const std::string &)> &refuse) {
  CLI::App app(program.about, program.name);
  Parsed verbs;
  add_options(app, program.options);
  add_verbs(app, program, verbs);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError &e) {
    if (e.get_exit_code() == 0) return app.exit(e);  // --help
    const bool none = !program.verbs.empty() && app.get_subcommands().empty();
    if (none && argv[1][0] != '-')
      return refuse("unknown verb '" + std::string(argv[1]) + "', see " + program.name + " --help");
    return refuse(e.what());
  }
  for (const auto &[sub, verb] : verbs)
    if (*sub) return verb->run();
  return program.run();
}

}  // namespace ptmc::tools
