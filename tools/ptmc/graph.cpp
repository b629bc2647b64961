// ptmc graph: the stop machine of one thread as a picture.
//
// A node is a stop kind, apart for untraced, attached and seized tracees; an edge carries the rules
// that were seen to lead from one to another in a breadth-first exploration of the default profile
// with SIGSTOP, SIGCONT and SIGKILL.

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <unordered_set>

#include "model/designs.hpp"
#include "model/interp.hpp"
#include "model/property.hpp"
#include "tools/ptmc/verb.hpp"
#include "traces/stage.hpp"

namespace ptmc::tools {
namespace {

struct GraphOptions {
  std::string design = "linux-3.4", format = "dot";
};

struct Node {
  model::Traced traced;
  model::StopKind kind;
  auto operator<=>(const Node &) const = default;
};
using Edges = std::map<std::pair<Node, Node>, std::set<std::string>>;

Node node_of(const model::Schema &schema, const model::State &s) {
  return {static_cast<model::Traced>(schema.get(s, schema.thread[0].tracing)),
          model::stop_kind(schema, s, 0)};
}

struct StateHash {
  std::size_t operator()(const model::State &s) const {
    std::uint64_t h = 0;
    for (std::uint64_t w : s.w) h = (h ^ w) * 0xff51afd7ed558ccdu, h ^= h >> 32;
    return h;
  }
};

Edges explore(const model::Model &model) {
  const model::Interpreter interpreter(model);
  std::unordered_set<model::State, StateHash> seen{model.initial()};
  std::deque<model::State> queue{model.initial()};
  Edges edges;
  while (!queue.empty()) {
    const model::State state = queue.front();
    queue.pop_front();
    const Node from = node_of(model.schema, state);
    for (std::size_t i = 0; i < model.instances.size(); ++i) {
      model::State next;
      if (!interpreter.step(i, state, next)) continue;
      const Node to = node_of(model.schema, next);
      if (to != from) edges[{from, to}].insert(model.instances[i].rule->id);
      if (seen.insert(next).second) queue.push_back(next);
    }
  }
  return edges;
}

std::string_view kind_name(Node n) {
  return model::kStopKindNames[static_cast<std::size_t>(n.kind)];
}

std::string dot(const std::string &design, const Edges &edges) {
  static constexpr const char *kTraced[] = {"untraced", "attached", "seized"};
  auto name = [](Node n) {
    return fmt::format("\"{} {}\"", kTraced[static_cast<int>(n.traced)], kind_name(n));
  };
  std::map<model::Traced, std::set<Node>> clusters;
  for (const auto &[ends, rules] : edges)
    for (Node n : {ends.first, ends.second}) clusters[n.traced].insert(n);

  std::string text = fmt::format("digraph \"{}\" {{\n  node [shape=box, style=rounded];\n", design);
  for (const auto &[traced, nodes] : clusters) {
    const char *label = kTraced[static_cast<int>(traced)];
    text += fmt::format("  subgraph cluster_{} {{\n    label=\"{}\";\n", label, label);
    for (Node n : nodes) text += fmt::format("    {} [label=\"{}\"];\n", name(n), kind_name(n));
    text += "  }\n";
  }
  for (const auto &[ends, rules] : edges)
    text += fmt::format("  {} -> {} [label=\"{}\"];\n", name(ends.first), name(ends.second),
                        fmt::join(rules, "\\n"));
  return text + "}\n";
}

// Through Graphviz's dot, whose stdout is ours.
int print_svg(const std::string &text) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0)
    throw traces::NotPossible(std::string("pipe: ") + std::strerror(errno));
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[0], STDIN_FILENO);
  char program[] = "dot", svg[] = "-Tsvg";
  char *const arguments[] = {program, svg, nullptr};
  pid_t child = 0;
  const int error = posix_spawnp(&child, program, &actions, nullptr, arguments, environ);
  posix_spawn_file_actions_destroy(&actions);
  close(ends[0]);
  if (error != 0)
    throw traces::NotPossible(std::string("Graphviz's dot cannot be run: ") + std::strerror(error));
  for (std::size_t written = 0; written < text.size();) {
    const ssize_t n = write(ends[1], text.data() + written, text.size() - written);
    if (n < 0) break;
    written += static_cast<std::size_t>(n);
  }
  close(ends[1]);
  int status = 0;
  waitpid(child, &status, 0);
  if (status != 0) throw traces::NotPossible("Graphviz's dot failed");
  return kYes;
}

int run_graph(const GraphOptions &options) {
  const model::DesignSpec spec = model::parse_design(options.design);
  const model::Config config = model::explored_config(spec, model::find_profile("default"),
                                                      {model::KILL, model::CONT, model::STOP});
  const std::string text =
      dot(spec.name(), explore(model::Model({1, model::explored_signals()}, &config)));
  if (options.format == "svg") return print_svg(text);
  fmt::print("{}", text);
  return kYes;
}

}  // namespace

Command graph_verb() {
  auto options = std::make_shared<GraphOptions>();
  return {.name = "graph",
          .about = "the stop machine of one thread, a picture",
          .options = {design_option(options->design),
                      {.name = "--format",
                       .about = "dot, or svg through Graphviz",
                       .sets = &options->format,
                       .type = "dot|svg",
                       .one_of = {"dot", "svg"}}},
          .run = [=] { return run_graph(*options); }};
}

}  // namespace ptmc::tools
