// What Z3 says of a subject's properties, beside or instead of an exploration: as text, and as keys
// of the JSON.
#pragma once

#include "checker/prove.hpp"
#include "tools/ptmc/exploration.hpp"
#include "tools/ptmc/verb.hpp"

namespace ptmc::tools {

// With SIGINT and SIGTERM, the limits and the properties of the exploration.
checker::ProveOptions prove_options(const checker::ExploreOptions &how);
checker::ProveResult prove_watched(const model::Model &model, const checker::ExploreOptions &how);

// One verdict of two engines; throws std::logic_error if one says holds and the other violated.
checker::Verdict agreed(const std::string &id, checker::Verdict explored, checker::Verdict proved);

Json trace_json(const model::Model &model, const checker::Counterexample &trace);
// "proof": how, with which lemmas, and where induction fails.
Json proof_json(const model::Model &model, const checker::Proof &proof);
std::string proof_text(const model::Model &model, const checker::Proof &proof);
// The lemmas that the proofs use, and what each says.
std::string lemmas_text(const model::Model &model, const checker::ProveResult &result);
Json lemmas_json(const model::Model &model, const checker::ProveResult &result);
std::string covered_by_proofs(const checker::ProveResult &result);

}  // namespace ptmc::tools
