// Runs that break an `eventually`: lassos, whose last part is repeated for ever, while what should
// end lasts. Either a fair step is taken in it, or there is none that could be: then everybody else
// does nothing more.
#pragma once

#include <optional>

#include "checker/counterexample.hpp"

namespace ptmc::checker {

// From which state on the path is repeated; nothing: it is no lasso.
std::optional<std::size_t> repeats_from(const model::Model &model, const model::Property &property,
                                        const Counterexample &path);

// Looks at all states, with the plain interpreter and one thread: for a property whose rank was
// seen not to fall. A shortest way to some lasso; nothing: there is none.
std::optional<Counterexample> find_lasso(const model::Model &model,
                                         const model::Property &property);

}  // namespace ptmc::checker
