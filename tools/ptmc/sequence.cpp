#include "tools/ptmc/sequence.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

namespace ptmc::tools {

using checker::TraceStep;

namespace {

// The thread that it is about: parameters begin with it. -1: nobody.
int thread_of(const TraceStep &s) {
  int thread = -1;
  const std::string &p = s.parameters;
  if (p.size() > 1 && p[0] == 't') std::from_chars(p.data() + 1, p.data() + p.size(), thread);
  return thread;
}

}  // namespace

std::string sequence_text(const std::vector<TraceStep> &steps, std::string_view indent) {
  if (steps.empty()) return "";
  const std::size_t threads = steps[0].stop_kinds.size();
  // tracer, the threads, parent, others
  std::vector<std::string> names{"tracer"};
  for (std::size_t t = 0; t < threads; ++t) names.push_back("t" + std::to_string(t));
  names.insert(names.end(), {"parent", "others"});
  std::vector<std::vector<std::string>> rows{names};
  std::vector<std::string> kinds(threads, "running");
  for (const TraceStep &s : steps) {
    std::vector<std::string> &row = rows.emplace_back(names.size());
    const int thread = thread_of(s);
    const bool own = s.actor == "tracee" || s.actor == "kernel";
    const std::size_t who = s.actor == "tracer"   ? 0
                            : s.actor == "parent" ? threads + 1
                            : own && thread >= 0  ? static_cast<std::size_t>(thread) + 1
                                                  : threads + 2;
    row[who] = s.rule + "(" + s.parameters + ")";
    for (std::size_t t = 0; t < threads; ++t) {
      std::string &cell = row[t + 1];
      if (!own && thread == static_cast<int>(t)) cell = "<";
      if (s.stop_kinds[t] != kinds[t]) cell += (cell.empty() ? "[" : " [") + s.stop_kinds[t] + "]";
      kinds[t] = s.stop_kinds[t];
    }
  }
  std::vector<std::size_t> width(names.size());
  std::vector<bool> used(names.size());
  for (std::size_t r = 0; r < rows.size(); ++r)
    for (std::size_t c = 0; c < names.size(); ++c) {
      width[c] = std::max(width[c], rows[r][c].size());
      used[c] = used[c] || (r > 0 && !rows[r][c].empty());
    }
  std::string text;
  for (std::size_t r = 0; r < rows.size(); ++r) {
    std::string line = r == 0 ? fmt::format("{}    ", indent) : fmt::format("{}{:>3}.", indent, r);
    for (std::size_t c = 0; c < names.size(); ++c)
      if (used[c]) line += fmt::format(" {:<{}}", rows[r][c], width[c]);
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text;
}

Json steps_json(const std::vector<TraceStep> &steps) {
  Json all = Json::array();
  for (const TraceStep &s : steps) {
    Json changes = Json::array();
    for (const checker::TraceChange &c : s.changes)
      changes.push_back({{"field", c.field}, {"from", c.from}, {"to", c.to}});
    all.push_back({{"number", s.number},
                   {"actor", s.actor},
                   {"rule", s.rule},
                   {"parameters", s.parameters},
                   {"effect", s.effect},
                   {"kernel_functions", s.functions},
                   {"changes", changes},
                   {"stop_kinds", s.stop_kinds}});
  }
  return all;
}

}  // namespace ptmc::tools
