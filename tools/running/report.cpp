#include "tools/running/report.hpp"

#include <sys/utsname.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <ostream>

#include "traces/step_reader.hpp"

namespace ptmc::tools {
namespace {

using Json = nlohmann::ordered_json;
using traces::Vector;
using traces::VectorResult;
using Verdict = VectorResult::Verdict;

// Where it failed, or left its purpose.
Json diagnosis(const Vector &v, const VectorResult &r) {
  Json all = Json::object();
  if (r.verdict == Verdict::skipped) all["why"] = r.observed;
  if (r.step < 0 || r.verdict == Verdict::passed) return all;
  const traces::VectorStep &step = v.steps[static_cast<std::size_t>(r.step)];
  all["step"] = r.step;
  all["call"] = write_call(step.call).dump();
  if (r.verdict == Verdict::failed) all["observed"] = r.observed;
  all["allowed"] = Json::array();
  for (const traces::Outcome &o : step.outcomes) all["allowed"].push_back(text(o));
  return all;
}

void report_tap(std::ostream &out, const traces::Vectors &vectors,
                const std::vector<VectorResult> &results) {
  out << "TAP version 14\n1.." << results.size() << '\n';
  for (std::size_t k = 0; k < results.size(); ++k) {
    const VectorResult &r = results[k];
    const Vector &v = vectors.all[k];
    const bool ok = r.verdict == Verdict::passed || r.verdict == Verdict::skipped;
    out << (ok ? "ok " : "not ok ") << k + 1 << " - " << v.id;
    if (r.verdict == Verdict::skipped) {
      out << " # SKIP " << r.observed << '\n';
      continue;
    }
    if (r.verdict == Verdict::inconclusive) out << " # TODO inconclusive: it left its purpose";
    if (r.verdict == Verdict::unrun) out << " # TODO not run to its end";
    out << '\n';
    const Json why = diagnosis(v, r);
    if (why.empty()) continue;
    out << "  ---\n";
    for (const auto &[key, value] : why.items()) out << "  " << key << ": " << value.dump() << '\n';
    out << "  about: " << Json(v.about).dump() << "\n  ...\n";
  }
}

void report_json(std::ostream &out, const traces::Vectors &vectors,
                 const std::vector<VectorResult> &results) {
  utsname system{};
  uname(&system);
  Json all{{"kernel", system.release},
           {"passed", count(results, Verdict::passed)},
           {"failed", count(results, Verdict::failed)},
           {"inconclusive", count(results, Verdict::inconclusive)},
           {"skipped", count(results, Verdict::unrun) + count(results, Verdict::skipped)},
           {"vectors", Json::array()}};
  std::string head = all.dump();
  head.resize(head.size() - 2);  // ]}
  out << head;
  for (std::size_t k = 0; k < results.size(); ++k) {
    Json one{
        {"id", vectors.all[k].id},
        {"verdict", results[k].verdict == Verdict::unrun
                        ? "skipped"
                        : traces::kVerdictNames[static_cast<std::size_t>(results[k].verdict)]}};
    one.update(diagnosis(vectors.all[k], results[k]));
    out << (k ? ",\n" : "\n") << one.dump();
  }
  out << "]}\n";
}

std::string xml(std::string_view text) {
  std::string all;
  for (const char c : text) switch (c) {
      case '<':
        all += "&lt;";
        break;
      case '&':
        all += "&amp;";
        break;
      case '"':
        all += "&quot;";
        break;
      default:
        all += c;
    }
  return all;
}

void report_junit(std::ostream &out, const traces::Vectors &vectors,
                  const std::vector<VectorResult> &results) {
  const std::size_t failed = count(results, Verdict::failed);
  const std::size_t passed = count(results, Verdict::passed);
  out << "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n<testsuite name=\""
      << xml(vectors.design) << "\" tests=\"" << results.size() << "\" failures=\"" << failed
      << "\" skipped=\"" << results.size() - failed - passed << "\">\n";
  for (std::size_t k = 0; k < results.size(); ++k) {
    const VectorResult &r = results[k];
    out << "<testcase classname=\"" << xml(vectors.design) << "\" name=\"" << xml(vectors.all[k].id)
        << "\"";
    if (r.verdict == Verdict::passed) {
      out << "/>\n";
      continue;
    }
    const char *element = r.verdict == Verdict::failed ? "failure" : "skipped";
    const std::string why =
        r.verdict == Verdict::skipped ? r.observed : diagnosis(vectors.all[k], r).dump();
    out << "><" << element << " message=\"" << xml(why) << "\"/></testcase>\n";
  }
  out << "</testsuite>\n</testsuites>\n";
}

}  // namespace

std::size_t count(const std::vector<VectorResult> &results, Verdict verdict) {
  return static_cast<std::size_t>(std::count_if(
      results.begin(), results.end(), [&](const VectorResult &r) { return r.verdict == verdict; }));
}

void report(std::ostream &out, std::string_view format, const traces::Vectors &vectors,
            const std::vector<VectorResult> &results) {
  if (format == "json") return report_json(out, vectors, results);
  if (format == "junit") return report_junit(out, vectors, results);
  report_tap(out, vectors, results);
}

}  // namespace ptmc::tools
