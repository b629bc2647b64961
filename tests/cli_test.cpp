// The program ptmc as people and scripts meet it: exit codes, one-line errors, and the JSON keys of
// the contract. Runs the built program.
#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "tests/program.hpp"

namespace {

using Json = nlohmann::json;
using ptmc::tests::read;
using ptmc::tests::Result;
using ptmc::tests::run;
using ptmc::tests::TempDirectory;
namespace fs = std::filesystem;

long lines(const std::string &text) { return std::count(text.begin(), text.end(), '\n'); }

// What is on stderr after "ptmc: ".
std::string usage_error(const std::string &arguments) {
  const Result r = run(arguments);
  INFO(arguments, "\n", r.out, r.err);
  CHECK(r.code == 2);
  CHECK(r.out == "");
  CHECK(lines(r.err) == 1);
  CHECK(r.err.starts_with("ptmc: "));
  return r.err.size() > 6 ? r.err.substr(6, r.err.size() - 7) : "";
}

Json json_of(const Result &r) {
  const Json json = Json::parse(r.out, nullptr, false);
  REQUIRE_MESSAGE(!json.is_discarded(), r.out, r.err);
  return json;
}

// "states:number design:string": the keys that an object must have.
void check_keys(const Json &object, const std::string &keys) {
  std::istringstream in(keys);
  for (std::string key; in >> key;) {
    const std::string name = key.substr(0, key.find(':')), type = key.substr(key.find(':') + 1);
    INFO(name);
    REQUIRE(object.contains(name));
    CHECK(object[name].type_name() == type);
  }
}
// A run is the same in every verb.
void check_steps(const Json &trace) {
  for (const Json &step : trace["steps"])
    check_keys(step,
               "number:number actor:string rule:string parameters:string effect:string "
               "kernel_functions:array changes:array stop_kinds:array");
}

const std::string kSmall = "check --profile pair --signals KILL";

const std::string kHeader =
    R"({"format":"ptmc-trace","version":1,"kernel":"6.18.44","arch":"x86_64","world":"closed",)"
    R"("design":"linux-3.4","tracer":3,"clock":"monotonic-ns","processes":[)"
    R"({"pid":3,"role":"tracer","threads":[3]},{"pid":1,"role":"world","threads":[1]},)"
    R"({"pid":5,"role":"tracee","threads":[5]},{"pid":4,"role":"parent","threads":[4]}]})"
    "\n";
const std::string kSeize =
    R"({"pid":3,"call":"ptrace","args":{"request":"PTRACE_SEIZE","pid":5,"addr":0,"data":0},)"
    R"("ret":0,"t0":10,"t1":11})"
    "\n";
const std::string kInterrupt =
    R"({"pid":3,"call":"ptrace","args":{"request":"PTRACE_INTERRUPT","pid":5,"addr":0,"data":0},)"
    R"("ret":0,"t0":20,"t1":21})"
    "\n";
const std::string kUser = R"({"pid":5,"call":"user","args":{},"ret":0,"t0":40,"t1":41})"
                          "\n";
std::string wait(const std::string &status) {
  return R"({"pid":3,"call":"wait4","args":{"pid":5,"options":"__WALL"},"ret":5,"status":")" +
         status + R"(","t0":30,"t1":31})" + "\n";
}
const std::string kGood = kHeader + kSeize + kInterrupt + wait("0x80057f");
const std::string kBad = kHeader + kSeize + kInterrupt + wait("0x137f");

}  // namespace

TEST_CASE("usage errors: one line, exit 2") {
  CHECK(usage_error("frobnicate").find("unknown verb 'frobnicate'") == 0);
  CHECK(usage_error("tell-apart").find("unknown verb 'tell-apart'") == 0);
  CHECK(usage_error("check --design linux-9") == "unknown design 'linux-9'");
  CHECK(usage_error("check --design linux-3.4@x") == "unknown kernel version 'x'");
  CHECK(usage_error("check --profile nonsense") == "unknown profile 'nonsense'");
  CHECK(usage_error("check --options NONSENSE") == "unknown option 'NONSENSE'");
  CHECK(usage_error("check --signals SIGNONSENSE") == "unknown signal 'SIGNONSENSE'");
  CHECK(usage_error("check --property non.sense") == "unknown property 'non.sense'");
  CHECK(usage_error("check --design legacy --property listen.parks").find("does not apply") !=
        std::string::npos);
  CHECK(usage_error("check --options TRACESTOP").find("has no option TRACESTOP") !=
        std::string::npos);
  CHECK(usage_error("export --to smt2 --design linux-9") == "unknown design 'linux-9'");
  CHECK(usage_error("export --to smt2 --profile nonsense") == "unknown profile 'nonsense'");
  CHECK(usage_error("export --to smt2 --property non.sense") == "unknown property 'non.sense'");
  CHECK(usage_error("export --to smt2 --property stop.lasts.occurs").find("is a sometimes") !=
        std::string::npos);
  CHECK(usage_error("export --to aut --property stop.lasts").find("--property: ") == 0);
  CHECK(usage_error("export --to smt2 -o /nonexistent/m") ==
        "/nonexistent/m: cannot be written: No such file or directory");
  for (const char *size : {"12Q", "0", "-1", "M", "''", "1.5G", "12MM", "99999999999T"})
    CHECK(usage_error("check --max-memory=" + std::string(size)).find("--max-memory: ") == 0);
  for (const char *arguments : {"--nonsense",
                                "--format json",
                                "check --threads 0",
                                "check --threads 9",
                                "check --threads two",
                                "check --jobs 0",
                                "check --jobs -1",
                                "check --time-limit 0",
                                "check --time-limit soon",
                                "check --processes 3",
                                "check --processes 0",
                                "check --engine nonsense",
                                "check --tracer strace.json",
                                "check --signals ''",
                                "check --format xml",
                                "check extra",
                                "check --design",
                                "check --design ''",
                                "scenario",
                                "scenario nonsense",
                                "scenario run",
                                "scenario run no-such-scenario",
                                "scenario run /",
                                "replay",
                                "explain",
                                "replay /no/such/file",
                                "explain /no/such/file",
                                "explain --format xml",
                                "lint",
                                "lint /no/such/file",
                                "replay /",
                                "explain /",
                                "rules --design nonsense",
                                "graph --design nonsense",
                                "graph --format png",
                                "export",
                                "export --to nonsense",
                                "''"})
    usage_error(arguments);
}

TEST_CASE("--help of every verb") {
  for (const std::string verb : {"", "check", "scenario", "scenario list", "scenario run", "replay",
                                 "explain", "lint", "next", "rules", "graph", "export"}) {
    const Result r = run(verb + " --help");
    CHECK(r.code == 0);
    CHECK(r.out.find("Usage: ptmc") != std::string::npos);
    CHECK(r.err == "");
  }
}

TEST_CASE("malformed traces: file and line") {
  const TempDirectory dir;
  const auto error = [&](const std::string &text) {
    const std::string file = dir.write("f", text), error = usage_error("replay " + file);
    CHECK(usage_error("explain " + file) == error);
    CHECK(usage_error("lint " + file) == error);
    REQUIRE(error.starts_with(file));
    return error.substr(file.size());
  };
  CHECK(error("").starts_with(": "));
  CHECK(error(" \n\n").starts_with(": "));
  CHECK(error("{").starts_with(":1: "));
  CHECK(error("{}\n").starts_with(":1: "));
  CHECK(error("[]\n").starts_with(":1: "));
  CHECK(error(kHeader + kSeize + "{\"pid\":3,\n").starts_with(":3: "));
  CHECK(error(kHeader + kSeize + "nonsense\n").starts_with(":3: "));
  CHECK(error(kHeader + R"({"pid":3,"call":"nonsense"})").starts_with(":2: "));
  CHECK(error(kHeader + kSeize + kInterrupt + wait("nonsense")).starts_with(":4: "));
  CHECK(error(std::string("\x7f"
                          "ELF\0\1\2\3\xff\xfe\n\0\0",
                          14))
            .starts_with(":1: "));
  CHECK(error("no trace at all\n").starts_with(":1: "));
  const std::string log = read(PTMC_SOURCE_DIR "/tests/strace/rr-kill_ptracee.strace");
  REQUIRE(log.size() > 100);
  for (const std::size_t cut : {log.size() - 3, log.size() / 2, std::size_t{30}}) {
    const Result r = run("replay " + dir.write("cut", log.substr(0, cut)));
    INFO(r.out, r.err);
    if (r.code == 2) CHECK(r.err.starts_with("ptmc: " + (dir.path / "cut").string() + ":"));
    CHECK(lines(r.err) <= 1);
    if (r.code != 2 && lines(r.err) == 1)
      CHECK(r.err.ends_with("the line is cut, and was not read\n"));
  }
  // One malformed trace among good ones: nothing else is said.
  usage_error("replay " + dir.write("good", kGood) + " " + dir.write("bad", kHeader + "x\n"));
}

TEST_CASE("check: the keys of the contract") {
  const Result r = run(kSmall + " --jobs 1 --format json");
  CHECK((r.code == 0 || r.code == 1));
  CHECK(r.err == "");
  const Json json = json_of(r);
  check_keys(json,
             "design:string options:array profile:string threads:number processes:number "
             "tracer:string engine:string states:number transitions:number depth:number "
             "complete:boolean covered:string rules_fired:object seconds:number "
             "peak_memory_bytes:number properties:array");
  CHECK(json["design"] == "linux-3.4");
  CHECK(json["profile"] == "pair");
  CHECK(json["complete"] == true);
  CHECK(json["states"] > 1000);
  CHECK(json["covered"].get<std::string>().find("SIGKILL") != std::string::npos);
  std::uint64_t fired = 0;
  for (const auto &[rule, count] : json["rules_fired"].items()) fired += count.get<std::uint64_t>();
  CHECK(fired == json["transitions"]);
  CHECK(json["rules_fired"].contains("inject.handler"));  // cannot fire here: nothing is handled
  CHECK(json["rules_fired"]["inject.handler"] == 0);

  REQUIRE(json["properties"].size() >= 24);
  std::set<std::string> ids;
  bool violated = false;
  for (const Json &p : json["properties"]) {
    check_keys(p,
               "id:string kind:string statement:string verdict:string known:boolean "
               "engine:string");
    CHECK(ids.insert(p["id"]).second);
    CHECK((p["kind"] == "always" || p["kind"] == "sometimes" || p["kind"] == "eventually"));
    violated = violated || p["verdict"] == "violated";
    const bool has_trace = p["verdict"] == (p["kind"] == "sometimes" ? "holds" : "violated");
    CHECK(p.contains("trace") == has_trace);
    if (has_trace && p["id"] != "normal_form.process.occurs") check_steps(p["trace"]);
  }
  CHECK(r.code == violated);
}

TEST_CASE("check: the counts do not depend on --jobs, the options come from where they should") {
  const Json one = json_of(run(kSmall + " --jobs 1 --format json"));
  const Json two = json_of(run(kSmall + " --jobs 2 --format json"));
  for (const char *key : {"states", "transitions", "depth", "rules_fired", "properties"})
    CHECK(one[key] == two[key]);

  const auto options = [](const std::string &more) {
    const Json json = json_of(run(kSmall + " --property kill.kills --format json " + more));
    return json["options"].get<std::vector<std::string>>();
  };
  using Names = std::vector<std::string>;
  CHECK(options("") == Names{"TRACEEXIT"});
  CHECK(options("--options EXITKILL") == Names{"EXITKILL", "TRACEEXIT"});
  CHECK(options("--design seize-options").size() == 6);
  CHECK(options("--design seize-options --options ''") == Names{"TRACEEXIT"});
  CHECK(options("--design seize-options+LISTEN --options LISTEN,CHILDSTOP") ==
        Names{"TRACEEXIT", "LISTEN", "CHILDSTOP"});
}

TEST_CASE("check: Z3 beside the exploration, or alone, with the same keys") {
  const std::string command = "check --profile group-stop --property stopped.untraced";
  for (const std::string engine : {"both", "z3"}) {
    const Result r = run(command + " --engine " + engine + " --format json");
    CHECK(r.code == 0);
    const Json json = json_of(r);
    check_keys(json, "engine:string states:number complete:boolean covered:string lemmas:array");
    CHECK(json["engine"] == engine);
    CHECK((json["states"] > 0) == (engine == "both"));
    const Json &p = json["properties"].at(0);
    CHECK(p["verdict"] == "holds");
    CHECK(p["engine"] == engine);
    CHECK(p["proof"]["how"] == "by induction");
    CHECK(p["proof"]["behind"].size() >= p["proof"]["lemmas"].size());
    CHECK(run(command + " --engine " + engine).out.find("by induction") != std::string::npos);
  }
}

TEST_CASE("check: a violated property has its counterexample and exit code 1") {
  // A dying group drops SIGKILL since 6.1: a known violation.
  const std::string arguments =
      kSmall + " --property sigkill.wakes --property sigkill.wakes.occurs";
  const Result text = run(arguments);
  CHECK(text.code == 1);
  CHECK(text.out.find("violated  sigkill.wakes") != std::string::npos);
  CHECK(text.out.find("   1. ") != std::string::npos);
  CHECK(text.out.find("known: ") != std::string::npos);
  const Result json = run(arguments + " --format json");
  CHECK(json.code == 1);
  const Json properties = json_of(json)["properties"];
  REQUIRE(properties.size() == 2);
  CHECK(properties[0]["verdict"] == "violated");
  CHECK(properties[0]["known"] == true);
  CHECK(properties[0]["trace"]["steps"].size() > 2);
}

TEST_CASE("check: what is incomplete says so, exit 3") {
  const std::string property = " --property listen.parks";
  for (const std::string limit : {"--max-memory 1M", "--time-limit 0.001"}) {
    const Result r = run("check --threads 2 " + limit + property);
    INFO(r.out, r.err);
    CHECK(r.code == 3);
    CHECK(r.out.find("unknown   listen.parks") == 0);
    CHECK(r.out.find("\nincomplete (") != std::string::npos);
    const Json json = json_of(run("check --threads 2 --format json " + limit + property));
    CHECK(json["complete"] == false);
    CHECK(json["properties"][0]["verdict"] == "unknown");
  }
}

// Before the program: sends it the signal as soon as it catches SIGTERM (caught after SIGINT).
std::string interrupted_by(const std::string &signal) {
  return "sh -c '\"$@\" & "
         "while kill -0 $! && ! grep -q \"^SigCgt:.*[4567cdef]...$\" /proc/$!/status; do :; done; "
         "kill -" +
         signal + " $!; wait $!' sh";
}

TEST_CASE("check: an interrupt gives the result so far, exit 3") {
  for (const std::string signal : {"INT", "TERM"}) {
    const Result r = run("check --threads 2 --property listen.parks", interrupted_by(signal));
    INFO(r.out, r.err);
    CHECK(r.code == 3);
    const std::string last = r.out.substr(r.out.rfind('\n', r.out.size() - 2) + 1);
    CHECK(last.starts_with("incomplete (interrupted): "));
    CHECK(r.err == "");
  }
  const Result job = run("", interrupted_by("INT"));
  CHECK(job.code == 3);
  CHECK(job.out.starts_with("what the RFC claims "));
  CHECK(job.out.find("interrupted") != std::string::npos);
}

TEST_CASE("replay: accepted, rejected, and the keys of the contract") {
  const TempDirectory dir;
  const std::string good = dir.write("good", kGood), bad = dir.write("bad", kBad);
  const Result accepted = run("replay " + good);
  CHECK(accepted.code == 0);
  CHECK(accepted.out.starts_with("accepted " + good));
  CHECK(lines(accepted.out) == 1);

  const Result rejected = run("replay " + good + " " + bad);
  CHECK(rejected.code == 1);
  CHECK(rejected.out.find("\nrejected " + bad) != std::string::npos);
  CHECK(rejected.out.find("line 4") != std::string::npos);

  const Result r = run("replay --format json " + good + " " + bad);
  CHECK(r.code == 1);
  const Json traces = json_of(r)["traces"];
  REQUIRE(traces.size() == 2);
  for (const Json &t : traces)
    check_keys(t,
               "file:string design:string kernel:string world:string verdict:string "
               "events:number max_states:number mean_allowed_next:number");
  CHECK(traces[0]["verdict"] == "accepted");
  CHECK_FALSE(traces[0].contains("divergence"));
  CHECK(traces[1]["verdict"] == "rejected");
  const Json &divergence = traces[1]["divergence"];
  check_keys(divergence, "event:number line:number observed:string allowed:array blocked_by:array");
  CHECK(divergence["event"] == 2);
  CHECK(divergence["line"] == 4);
  REQUIRE(!divergence["blocked_by"].empty());
  for (const Json &b : divergence["blocked_by"]) check_keys(b, "rule:string guard:string");

  CHECK(run("replay --design legacy " + good).code == 1);
  CHECK(run("replay --kernel 3.4 " + good).code == 0);
  usage_error("replay --kernel six " + good);
}

TEST_CASE("explain: every call") {
  const TempDirectory dir;
  const Result good = run("explain " + dir.write("good", kGood));
  CHECK(good.code == 0);
  for (const char *part :
       {"PTRACE_SEIZE", "PTRACE_INTERRUPT", "wait4", "t0 event-stop", "seize(t0", "\naccepted\n"})
    CHECK(good.out.find(part) != std::string::npos);
  const std::string bad = dir.write("bad", kBad + kUser);
  const Result rejected = run("explain " + bad);
  CHECK(rejected.code == 1);
  CHECK(rejected.out.find("\nrejected\n") != std::string::npos);
  const Json json = json_of(run("explain --format json " + bad));
  CHECK(json["verdict"] == "rejected");
  REQUIRE(json["calls"].size() == 3);
  for (const Json &call : json["calls"]) check_keys(call, "event:number line:number call:string");
  CHECK(json["calls"][0]["after"] == Json{"t0 running"});
}

TEST_CASE("next: what may follow, with the steps before it") {
  const TempDirectory dir;
  const std::string good = dir.write("good", kHeader + kSeize + kInterrupt);
  const Result text = run("next " + good);
  CHECK(text.code == 0);
  CHECK(text.out.find("5 status 0x80057f, PTRACE_EVENT_STOP with SIGTRAP") != std::string::npos);
  CHECK(text.out.find("trap.event_stop(t0)") != std::string::npos);
  const Json json = json_of(run("next --format json " + good));
  CHECK(json["verdict"] == "accepted");
  std::map<std::string, std::set<std::string>> outcomes;
  for (const Json &call : json["next"]) {
    check_keys(call, "pid:number call:string outcomes:array");
    for (const Json &o : call["outcomes"]) {
      check_keys(o, "outcome:string rules:array now:boolean after:array");
      CHECK(o["now"] == o["after"].empty());
      CHECK(!o["rules"].empty());
      outcomes[call["call"]].insert(o["outcome"]);
    }
  }
  // The trap is on its way: SIGTRAP only, as the group is not stopped.
  CHECK(outcomes["3 wait4(5, WNOHANG|__WALL)"] == std::set<std::string>{"0", "5 status 0x80057f"});
  CHECK(outcomes["3 ptrace(PTRACE_LISTEN, 5, 0x0, 0x0)"] == std::set<std::string>{"0", "-1 ESRCH"});
  CHECK(outcomes["3 ptrace(PTRACE_SEIZE, 5, 0x0, 0x0)"] == std::set<std::string>{"-1 EPERM"});
  const Result rejected = run("next " + dir.write("bad", kBad + kUser));
  CHECK(rejected.code == 1);
  CHECK(rejected.out.starts_with("rejected "));
  CHECK(usage_error("next /no/such/file").find("/no/such/file") != std::string::npos);
}

TEST_CASE("scenario: listed, run, replayed, explained") {
  const Json listed = json_of(run("scenario list --format json"))["scenarios"];
  REQUIRE(listed.size() >= 40);
  CHECK(lines(run("scenario list").out) == static_cast<long>(listed.size()));

  const TempDirectory dir;
  const std::string trace = (dir.path / "trace").string();
  const Result ran = run("scenario run listen-group-stop -o " + trace);
  if (ran.code == 4) {
    MESSAGE("skipped, not possible here: ", ran.err);
    return;
  }
  CHECK(ran.code == 0);
  CHECK(ran.out == "");
  CHECK(ran.err == "");
  CHECK(run("replay " + trace).code == 0);
  const Json calls = json_of(run("explain --format json " + trace))["calls"];
  CHECK(static_cast<long>(calls.size()) == lines(read(trace)) - 1);

  // A file, to stdout; an expectation that this kernel does not meet is told, and no error.
  std::string text = read(PTMC_SOURCE_DIR "/traces/scenarios/listen-group-stop.jsonl");
  const std::string expected = R"("expect":{"ret":0})";
  text.replace(text.find(expected), expected.size(), R"("expect":{"errno":"EIO"})");
  const Result wrong = run("scenario run " + dir.write("wrong.jsonl", text));
  CHECK(wrong.code == 0);
  CHECK(wrong.out.starts_with(R"({"format":"ptmc-trace")"));
  CHECK(wrong.err.starts_with("ptmc: unexpected: " + (dir.path / "wrong.jsonl").string() + ":2: "));
  usage_error("scenario run listen-group-stop -o /no/such/directory/trace");
  usage_error("scenario run " + dir.write("bad.jsonl", text + "nonsense\n"));
}

TEST_CASE("rules: each once, with the keys of the contract") {
  for (const std::string design : {"legacy", "seize-3.1", "seize-options", "linux-3.4"}) {
    const Json json = json_of(run("rules --format json --design " + design));
    CHECK(json["design"] == design);
    std::set<std::string> ids;
    for (const Json &rule : json["rules"]) {
      check_keys(rule,
                 "id:string actor:string guard:array effect:string kernel_functions:array "
                 "semantics:array witnessed:number");
      CHECK(ids.insert(rule["id"]).second);
      CHECK(!rule["kernel_functions"].empty());
    }
    CHECK(ids.size() > 60);
    CHECK(ids.contains("listen") == (design != "legacy"));
    CHECK(ids.contains("traceme"));
    const auto rule = [&](const std::string &id) {
      return *std::find_if(json["rules"].begin(), json["rules"].end(),
                           [&](const Json &r) { return r["id"] == id; });
    };
    if (design == "linux-3.4") CHECK(rule("loop.group_exit")["since"] == "5.0");
    const Json changed = rule("send.process").value("changed", Json::array());
    CHECK(std::find(changed.begin(), changed.end(), "6.1") != changed.end());
    const std::string text = run("rules --design " + design).out;
    for (const std::string &id : ids)
      CHECK(("\n" + text).find("\n" + id + " (") != std::string::npos);
  }
}

TEST_CASE("of linux-3.4 and legacy 97 % of the rules were witnessed, and the rest say why not") {
  for (const std::string design : {"legacy", "linux-3.4"}) {
    std::size_t all = 0, witnessed = 0;
    const Json json = json_of(run("rules --format json --design " + design));
    for (const Json &rule : json["rules"]) {
      INFO(design, " ", rule["id"]);
      ++all;
      if (rule["witnessed"] > 0) ++witnessed;
      CHECK((rule["witnessed"] > 0) != rule.contains("unseen"));
    }
    CHECK(100 * witnessed >= 97 * all);
    const std::string text = run("rules --design " + design).out;
    CHECK(text.find("\nrules of " + design + " witnessed: " + std::to_string(witnessed) + " of " +
                    std::to_string(all) + " (") != std::string::npos);
  }
}

// What the exploration reaches is asked anew in pairs_long.
TEST_CASE("the tables of pairs have the rules of now, and the numbers of the recordings") {
  const fs::path witness = fs::path(PTMC_SOURCE_DIR) / "traces/witness";
  const Json summary = Json::parse(read(witness / "summary.json"));
  for (const std::string design : {"legacy", "linux-3.4"}) {
    std::vector<std::string> kinds, rules;
    std::size_t reached = 0, seen = 0;
    std::istringstream in(read(witness / ("pairs-" + design + ".md")));
    for (std::string line; std::getline(in, line);) {
      if (!line.starts_with("| ")) continue;
      std::vector<std::string> cells;
      std::istringstream row(line.substr(1));
      for (std::string cell; std::getline(row, cell, '|');) {
        std::erase_if(cell, [](char c) { return c == ' ' || c == '`'; });
        cells.push_back(cell);
      }
      if (cells[0] == "rule") kinds = cells;
      if (cells[0] == "rule") continue;
      rules.push_back(cells[0]);
      INFO(design, " ", cells[0]);
      REQUIRE(cells.size() == kinds.size());
      const Json &own = summary[design]["pairs"].value(cells[0], Json::object());
      for (std::size_t k = 1; k < cells.size(); ++k) {
        const bool counts = !cells[k].empty() && cells[k][0] != '(';
        reached += counts;
        seen += counts && cells[k] != "-";
        if (cells[k].starts_with("(")) cells[k] = cells[k].substr(1, cells[k].size() - 2);
        const std::string times = own.contains(kinds[k]) ? own[kinds[k]].dump() : "";
        CHECK((cells[k] == "-" ? "" : cells[k]) == times);
      }
    }
    CHECK(100 * seen >= 80 * reached);
    CHECK(reached > 300);
    std::vector<std::string> now;
    const Json json = json_of(run("rules --format json --design " + design));
    for (const Json &rule : json["rules"]) now.push_back(rule["id"]);
    CHECK(rules == now);
  }
}

TEST_CASE("graph: DOT of the stop machine, and SVG where Graphviz is") {
  const Result r = run("graph");
  CHECK(r.code == 0);
  CHECK(r.out.starts_with("digraph \"linux-3.4\" {"));
  CHECK(std::count(r.out.begin(), r.out.end(), '{') == std::count(r.out.begin(), r.out.end(), '}'));
  CHECK(std::count(r.out.begin(), r.out.end(), '"') % 2 == 0);
  CHECK(r.out.find("\"seized group-stop\" -> \"seized listening\" [label=\"listen\"]") !=
        std::string::npos);
  CHECK(run("graph --design legacy").out.find("listening") == std::string::npos);

  const Result svg = run("graph --format svg");
  if (std::system("command -v dot >/dev/null") == 0)
    CHECK(svg.out.find("<svg") != std::string::npos);
  const Result without = run("graph --format svg", "PATH=/nonexistent");
  CHECK(without.code == 4);
  CHECK(lines(without.err) == 1);
  CHECK(without.out == "");
}

TEST_CASE("what cannot be written is exit 4") {
  const Result r = run("rules", "", ">/dev/full");
  CHECK(r.code == 4);
  CHECK(lines(r.err) == 1);
}

TEST_CASE("claims: the keys of the contract, each engine's and the kernel's evidence") {
  const Result r = run("claims c5.errors quirk.attach-other-signal --format json");
  CHECK(r.code == 0);
  CHECK(r.err == "");
  const Json json = json_of(r);
  check_keys(json, "claims:array");
  REQUIRE(json["claims"].size() == 2);
  for (const Json &c : json["claims"]) {
    check_keys(c,
               "id:string kind:string statement:string source:string verdict:string parts:array "
               "evidence:object");
    check_keys(c["evidence"], "explicit:object z3:object kernel:object");
    check_keys(c["evidence"]["kernel"], "verdict:string");
  }
  CHECK(json["claims"][0]["verdict"] == "holds");
  CHECK(json["claims"][1]["verdict"] == "holds-if");
  CHECK(json["claims"][1]["condition"] == "with (5)");
  const Json &without = json["claims"][1]["parts"][0]["explicit"];
  CHECK(without["verdict"] == "false");
  const Json &kernel = json["claims"][1]["evidence"]["kernel"];
  CHECK(kernel["reason"] == "no kernel has this design");
  CHECK(!without["traces"][0]["steps"].empty());
  check_steps(without["traces"][0]);
  CHECK(run("claims c5.errors --no-kernel").code == 0);
  CHECK(usage_error("claims c6.errors") == "unknown claim 'c6.errors'");
}

// The RFC's claim of 3.4: execve sends no SIGTRAP to a seized tracee.
TEST_CASE("claims: what never happens is not contradicted by runs that could do it") {
  const Json json = json_of(run("claims seize.exec-race --format json"));
  const Json &kernel = json["claims"][0]["evidence"]["kernel"];
  CHECK(kernel["verdict"] == "not contradicted");
  CHECK(kernel["runs"] == 3);
  CHECK(kernel["reason"] == "exec-seized");
}

TEST_CASE("check --tracer: a program against a design") {
  const Result naive = run("check --tracer naive --design legacy --format json");
  CHECK(naive.code == 1);
  CHECK(json_of(naive)["tracer"] == "naive");
  CHECK(run("check --tracer man-page --design linux-3.4 --signals STOP,CONT,KILL").code == 0);
  usage_error("check --tracer man-page --design legacy");  // which has no SEIZE
}
