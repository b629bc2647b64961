#include "tools/ptmc/chart.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <vector>

#include "tools/ptmc/replayed.hpp"
#include "traces/cast.hpp"

namespace ptmc::tools {
namespace {

using traces::Call;
using traces::Event;

// Pixels.
constexpr int kColumn = 330, kMargin = 90, kTop = 60, kRow = 34, kLine = 15;
constexpr std::size_t kLabel = 52;  // characters between two columns

// Anything of a trace may hold any bytes.
std::string escaped(std::string_view text) {
  std::string all;
  for (const char c : text) {
    switch (c) {
      case '&':
        all += "&amp;";
        break;
      case '<':
        all += "&lt;";
        break;
      case '>':
        all += "&gt;";
        break;
      case '"':
        all += "&quot;";
        break;
      default:
        all += c >= ' ' && c < 0x7f ? c : '?';
    }
  }
  return all;
}

std::string shortened(const std::string &text) {
  return text.size() <= kLabel ? text : text.substr(0, kLabel - 3) + "...";
}

// Without meaning for the chart: of no thread's states.
bool is_drawn(const Event &e) {
  return e.call != Call::other && e.call != Call::rt_sigaction && e.call != Call::rt_sigprocmask &&
         e.call != Call::sigchld;
}

class Chart {
 public:
  Chart(const traces::Trace &trace, const traces::Lint &lint) : trace_(trace), lint_(lint) {
    const auto &d = lint.replay.divergence;
    end_ = d ? d->event + 1 : trace.events.size();
    for (const traces::Finding &f : lint.findings) findings_[f.event].push_back(&f);
    set_columns();
  }

  std::string html() {
    y_ = kTop;
    for (std::size_t i = 0; i < end_; ++i)
      if (is_drawn(trace_.events[i])) draw(i);
    const int width = 2 * kMargin + kColumn * static_cast<int>(names_.size());
    std::string lines;
    for (std::size_t c = 0; c < names_.size(); ++c) {
      const int at = x(static_cast<int>(c));
      lines += fmt::format(
          "<line class=\"life\" x1=\"{0}\" y1=\"40\" x2=\"{0}\" y2=\"{1}\"/>"
          "<text class=\"name\" x=\"{0}\" y=\"25\">{2}</text>\n",
          at, y_, escaped(names_[c]));
    }
    const std::string title = escaped(trace_.file);
    return fmt::format(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{}</title>\n"
        "<style>body{{font:13px sans-serif}} svg{{font:11px monospace}} .life{{stroke:#bbb}} "
        ".name{{font-weight:bold;text-anchor:middle}} .call{{stroke:#000}} .label{{text-anchor:"
        "middle}} .kind{{fill:#06c}} .wrong{{fill:#c00;font-weight:bold}} .bad{{stroke:#c00;"
        "stroke-width:2}} .row{{fill:#999}}</style></head><body>\n"
        "<h1>{}</h1>\n<p>{} under kernel {}: {}. {} calls, {} findings.</p>\n<pre>{}</pre>\n"
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{}\" height=\"{}\">\n"
        "<defs><marker id=\"to\" markerWidth=\"8\" markerHeight=\"8\" refX=\"7\" refY=\"4\" "
        "orient=\"auto\"><path d=\"M0,0 L8,4 L0,8 "
        "z\"/></marker></defs>\n{}{}</svg>\n</body></html>\n",
        title, title, escaped(lint_.replay.design), escaped(lint_.replay.kernel),
        verdict(lint_.replay), end_, lint_.findings.size(),
        escaped_lines(reason_text(lint_.replay)), width, y_ + 20, lines, body_);
  }

 private:
  static int x(int column) { return kMargin + kColumn / 2 + column * kColumn; }
  static std::string escaped_lines(const std::string &text) {
    std::string all;
    std::size_t at = 0;
    for (std::size_t end; (end = text.find('\n', at)) != text.npos; at = end + 1)
      all += escaped(text.substr(at, end - at)) + "\n";
    return all;
  }

  void set_columns() {
    std::vector<pid_t> tracers, tracees;
    std::set<pid_t> known;
    const auto add = [&](std::vector<pid_t> &to, pid_t tid) {
      if (known.insert(tid).second) to.push_back(tid);
    };
    for (std::size_t i = 0; i < end_; ++i)
      if (const Event &e = trace_.events[i]; e.call == Call::ptrace && e.target > 0)
        add(tracers, e.pid);
    if (tracers.empty()) add(tracers, trace_.tracer);
    for (std::size_t i = 0; i < end_; ++i) {
      const Event &e = trace_.events[i];
      if (e.call == Call::ptrace && e.target > 0) add(tracees, e.target);
      if (lint_.after.count(i)) add(tracees, traces::waited_for(e));
    }
    const auto name = [&](const std::vector<pid_t> &tids, const char *what) {
      for (const pid_t tid : tids) {
        columns_[tid] = static_cast<int>(names_.size());
        // A log of one process does not say which.
        names_.push_back(tid == 0 ? what : fmt::format("{} {}", what, tid));
      }
    };
    name(tracers, "tracer");
    name(tracees, "tracee");
    names_.push_back("others");
  }
  int column(pid_t tid) const {
    const auto it = columns_.find(tid);
    return it == columns_.end() ? static_cast<int>(names_.size()) - 1 : it->second;
  }

  void text(const char *kind, int at, int y, const std::string &what) {
    const std::string part = shortened(what);
    body_ += fmt::format("<text class=\"{}\" x=\"{}\" y=\"{}\">{}", kind, at, y, escaped(part));
    if (part != what) body_ += "<title>" + escaped(what) + "</title>";
    body_ += "</text>\n";
  }

  void draw(std::size_t i) {
    const Event &e = trace_.events[i];
    const pid_t reported = traces::waited_for(e);
    int from = column(e.pid), to = from;
    if (reported > 0 && traces::is_wait(e)) {
      from = column(reported);
    } else if (e.call == Call::ptrace || e.call == Call::kill || e.call == Call::tgkill) {
      if (e.target != 0) to = column(e.target < 0 ? -e.target : e.target);
    } else if (e.call == Call::fork && e.ret && *e.ret > 0) {
      to = column(static_cast<pid_t>(*e.ret));
    }
    const auto wrong = findings_.find(i);
    const std::string bad = wrong == findings_.end() ? "" : " bad";
    y_ += kRow;
    body_ += fmt::format("<text class=\"row\" x=\"8\" y=\"{}\">{}</text>\n", y_, e.line);
    const std::string told = traces::describe(e);
    const std::string label = told.substr(std::min(told.find(' ') + 1, told.size()));
    if (from == to) {
      body_ +=
          fmt::format("<circle class=\"call{}\" cx=\"{}\" cy=\"{}\" r=\"3\"/>\n", bad, x(from), y_);
      text("label", x(from), y_ - 6, label);
    } else {
      body_ += fmt::format(
          "<line class=\"call{}\" x1=\"{}\" y1=\"{}\" x2=\"{}\" y2=\"{}\" "
          "marker-end=\"url(#to)\"/>\n",
          bad, x(from), y_, x(to), y_);
      text("label", (x(from) + x(to)) / 2, y_ - 4, label);
    }
    if (const auto after = lint_.after.find(i); after != lint_.after.end()) {
      const int tracee = reported > 0 ? from : to;
      text("kind", x(tracee) + 6, y_ + kLine - 3,
           fmt::format("{}", fmt::join(after->second, " | ")));
      y_ += kLine;
    }
    if (wrong == findings_.end()) return;
    for (const traces::Finding *f : wrong->second) {
      body_ += fmt::format("<text class=\"wrong\" x=\"{}\" y=\"{}\">{}</text>\n", kMargin / 2,
                           y_ + kLine, escaped(finding_text(*f)));
      y_ += kLine;
    }
  }

  const traces::Trace &trace_;
  const traces::Lint &lint_;
  std::size_t end_ = 0;
  std::map<std::size_t, std::vector<const traces::Finding *>> findings_;  // by event
  std::vector<std::string> names_;                                        // of columns
  std::map<pid_t, int> columns_;
  std::string body_;
  int y_ = 0;
};

}  // namespace

std::string chart_html(const traces::Trace &trace, const traces::Lint &lint) {
  return Chart(trace, lint).html();
}

}  // namespace ptmc::tools
