// "Here is abridged version of main waitpid loop in strace": does it do under each design what its
// user would state?

#include "checker/claim_parts.hpp"
#include "checker/tracer_program.hpp"

namespace ptmc::checker {
namespace {

using namespace model;
using enum Feature;

struct Loop {
  const char *id, *design, *program;
  Feature how;
};
constexpr Loop kLoops[] = {{"loop.strace.legacy", "legacy", "strace-attach", attach},
                           {"loop.strace.seize-3.1", "seize-3.1", "strace-seize", use_seize},
                           {"loop.strace.options", "seize-options", "strace-seize", use_seize},
                           {"loop.strace.linux-3.4", "linux-3.4", "strace-seize", use_seize}};

// The parts about one design: a property each.
std::vector<Part> loop_parts(const TracerProgram &program, const std::string &design, Feature how) {
  std::vector<Feature> may{how, syscall, setoptions, inspect, tracer_waits, exits, execs};
  if (how == use_seize) may.push_back(Feature::listen);
  const World world{design, {STOP, CONT, KILL, USR1, TRAP}, may, {SYSGOOD, TRACEEXEC}};
  std::vector<Part> parts;
  for (Property &p : tracer_properties(program)) {
    Question q{world, {}, Holds{p}, program.name};
    q.remember = [program](Model &m) {
      remember_own({Own::attach, Own::child, Own::exec})(m);
      run_by(m, program);
    };
    parts.push_back({p.statement, std::move(q)});
  }
  return parts;
}

// "In strace, I already implicitly use 1,2,3,4."
Claim bits(const TracerProgram &program) {
  Claim claim{
      "d.bits-1234",
      ClaimKind::consequence,
      "Each property that strace's loop has under seize-3.1's hidden bit it has under (1) to "
      "(4)",
      "RFC: In strace, I already implicitly use 1,2,3,4. With this proposal, I'd use all five, "
      "*explicitly*",
      {}};
  const auto add = [&](const std::string &design, bool decides, bool premised) {
    std::vector<Part> parts = loop_parts(program, design, use_seize);
    for (std::size_t k = 0; k < parts.size(); ++k) {
      parts[k].decides = decides;
      parts[k].statement = design + ": " + parts[k].statement;
      if (premised) parts[k].only_if = static_cast<int>(k);
      parts[k].question.proves = decides;
      claim.parts.push_back(std::move(parts[k]));
    }
  };
  add("seize-3.1", false, false);  // which Z3 is asked of loop.strace.seize-3.1
  add("seize-options+TRACESTOP,INTERRUPT,LISTEN,CHILDSTOP", true, true);
  for (const char *without : {"INTERRUPT,LISTEN,CHILDSTOP", "TRACESTOP,LISTEN,CHILDSTOP",
                              "TRACESTOP,INTERRUPT,CHILDSTOP", "TRACESTOP,INTERRUPT,LISTEN"})
    add("seize-options+" + std::string(without), false, false);
  return claim;
}

}  // namespace

std::vector<Claim> loop_claims(const std::string &directory) {
  std::vector<Claim> all;
  for (const Loop &l : kLoops) {
    const TracerProgram program = read_tracer(directory + "/" + l.program + ".jsonl");
    Claim claim{l.id,
                ClaimKind::consequence,
                "The RFC's wait loop of strace, in " + std::string(l.design) +
                    ", does all that its user would state",
                "RFC: Just to let you see the relevant userspace code which made me think about "
                "the above issues, here is abridged version of main waitpid loop in strace. [...] "
                "Note that it is coded in a way that it works both on SEIZE-enabled kernels and on "
                "old kernels, which have no SEIZE and friends. \"use_seize\" variable is set if we "
                "are on a SEIZE-enabled kernel: (" +
                    std::string(l.program) + ".jsonl marks each line that it adds)",
                {}};
    claim.parts = loop_parts(program, l.design, l.how);
    all.push_back(std::move(claim));
  }
  all.push_back(bits(read_tracer(directory + "/strace-seize.jsonl")));
  return all;
}

}  // namespace ptmc::checker
