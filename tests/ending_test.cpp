// What has to end: where the rank falls it does, and both engines say so; where a mistake in the
// model lets it last, both show a lasso.
#include "checker/lasso.hpp"

#include <doctest/doctest.h>

#include "checker/prove.hpp"
#include "tests/exploring.hpp"
#include "tests/mutations.hpp"

namespace ptmc::tests {
namespace {

using namespace exploring;
using checker::Counterexample;
using checker::Verdict;

struct Both {
  checker::ExploreResult explored;
  checker::ProveResult proved;
};
Both both(const Model &m, std::vector<std::string> ids, bool fast,
          const std::vector<Property> *own = nullptr) {
  checker::ExploreOptions e;
  e.fast = fast;
  e.property_ids = ids;
  e.properties = own;
  checker::ProveOptions p;
  p.fast = fast;
  p.depth = 8;
  p.samples = 50'000;
  p.property_ids = std::move(ids);
  p.properties = own;
  return {checker::explore(m, e), checker::prove(m, p)};
}

// By the plain interpreter: a path from the initial state, and what it repeats lasts all the while.
void check_lasso(const Model &m, const Property &p, const Counterexample &lasso) {
  checker::replay(Interpreter(m), lasso);
  REQUIRE(lasso.repeats_from);
  const std::size_t first = *lasso.repeats_from;
  CHECK(lasso.states[first] == lasso.states.back());
  const Expr lasts = p.ending->lasts(m, 0);
  for (std::size_t k = first; k < lasso.states.size(); ++k)
    CHECK(evaluate(m.schema, lasts, lasso.states[k], lasso.states[k]));
  bool fair_step = false, can_go_on = false;
  for (std::size_t k = first; k < lasso.instances.size(); ++k)
    fair_step = fair_step || p.ending->is_fair(m.instances[lasso.instances[k]], 0);
  const Interpreter interpreter(m);
  for (std::size_t i = 0; i < m.instances.size(); ++i)
    can_go_on = can_go_on || (p.ending->is_fair(m.instances[i], 0) &&
                              interpreter.enabled(i, lasso.states[first]));
  // A fair run: it takes fair steps again and again, or there is none to take.
  CHECK((fair_step || !can_go_on));
}

TEST_CASE("what has to end does, by both engines") {
  for (std::string_view design : {"seize-options", "linux-3.4"}) {
    const auto m = make(design, "default", 1, {STOP, CONT});
    std::vector<std::string> ids;
    for (const Property &p : properties())
      if (p.kind == PropertyKind::eventually && p.applies(*m->config)) ids.push_back(p.id);
    CHECK(ids.size() >= 4);
    const Both r = both(*m, ids, true);
    for (std::size_t k = 0; k < ids.size(); ++k) {
      INFO(design, ": ", ids[k], ": ", r.proved.proofs[k].how);
      CHECK(r.explored.properties[k].verdict == Verdict::holds);
      CHECK(r.proved.proofs[k].verdict == Verdict::holds);
    }
  }
}

TEST_CASE("a thread that is stuck, and one that runs in a circle, are found") {
  struct {
    const char *what, *property;
    void (*mutate)(Model &);
    bool circle;
  } const mistakes[] = {
      {"no trap of do_jobctl_trap is ever entered", "trap_stop.traps",
       [](Model &m) { remove(m, "trap.event_stop"); }, false},
      {"get_signal looks at the flags again and again", "trap_stop.traps",
       [](Model &m) {
         each(m, {"trap.event_stop"}, [](Edit &e) {
           e.keep_everything();
           e.set(e.f().loc, constant(static_cast<Value>(Loc::relock)));
         });
       },
       true},
      {"an untraced thread takes no part in a group-stop", "stop_pending.stops",
       [](Model &m) { remove(m, "group_stop.join"); }, false},
      {"exit_signals is called again", "exit.ends",
       [](Model &m) {
         each(m, {"exit.notify"}, [](Edit &e) {
           e.keep_everything();
           e.set(e.f().loc, constant(static_cast<Value>(Loc::exit_signals)));
         });
       },
       true},
  };
  for (const auto &mistake : mistakes) {
    INFO(mistake.what);
    const Config config =
        explored_config(parse_design("linux-3.4"), find_profile("default"), {STOP, CONT, KILL});
    Model m(explored_shape(config, 1), &config);
    mistake.mutate(m);
    const Both r = both(m, {mistake.property}, false);
    const auto &explored = r.explored.properties[0];
    const auto &proved = r.proved.proofs[0];
    INFO(proved.how);
    CHECK(explored.verdict == Verdict::violated);
    REQUIRE(explored.trace);
    check_lasso(m, *explored.property, *explored.trace);
    CHECK((*explored.trace->repeats_from + 1 < explored.trace->states.size()) == mistake.circle);
    CHECK(proved.verdict == Verdict::violated);
    REQUIRE(proved.trace);
    check_lasso(m, *proved.property, *proved.trace);
  }
}

// A rank that does not fall is a bad rank; that nothing ends it is another thing.
TEST_CASE("a wrong rank proves nothing, and exploration does not need it") {
  const auto m = make("linux-3.4", "group-stop", 1);
  std::vector<Property> own;
  for (const Property &p : properties())
    if (p.id == "trap_stop.traps") own.push_back(p);
  REQUIRE(own.size() == 1);
  Ending ending = *own[0].ending;
  ending.rank = [](const Model &, int) { return constant(7); };
  own[0].ending = std::make_shared<const Ending>(ending);
  const Ending *const bad = own[0].ending.get();
  own[0].over_step = [bad](const Model &of, const Instance &i) -> std::optional<Expr> {
    if (!bad->is_fair(i, 0)) return {};
    Substitution after;
    for (const Update &u : i.updates) after.fields.emplace(u.field, u.value);
    const Expr lasts = bad->lasts(of, 0);
    return !(lasts && substitute(lasts, after));
  };
  const Both r = both(*m, {}, true, &own);
  CHECK(r.explored.properties[0].verdict == Verdict::holds);
  CHECK(r.proved.proofs[0].verdict == Verdict::unknown);
}

}  // namespace
}  // namespace ptmc::tests
