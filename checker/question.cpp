#include "checker/question.hpp"

#include <algorithm>
#include <chrono>
#include <map>
#include <stdexcept>

#include "checker/compare.hpp"
#include "checker/history.hpp"
#include "checker/lockstep.hpp"
#include "checker/prove.hpp"
#include "checker/reachable.hpp"
#include "checker/ways.hpp"

namespace ptmc::checker {
namespace {

using model::Config;
using model::Expr;
using model::Model;
using model::Property;
using model::PropertyKind;
using model::State;
using model::Value;

constexpr std::size_t kMostStates = 3'000'000;

std::unique_ptr<Model> model_of(const World &world, const Remember &remember,
                                const AskOptions &options) {
  const Config config = config_of(world);
  auto model = std::make_unique<Model>(
      model::explored_shape(config, world.threads, world.processes), &config);
  if (options.mutate) options.mutate(*model);
  if (remember) remember(*model);
  return model;
}

// Emitted code knows the rules as they are written.
bool as_written(const Question &q, const AskOptions &options) {
  return !q.remember && !options.mutate;
}

std::string states_text(std::uint64_t states) { return std::to_string(states) + " states"; }

void show(Answer &answer, const Model &m, const Counterexample &run) {
  answer.traces.push_back(trace_steps(m, run));
  answer.runs.push_back(run);
}

// ---- A property ---------------------------------------------------------------------------------

std::vector<Property> listed(std::vector<Property> all) {
  for (Property &p : all) p.applies = [](const Config &) { return true; };
  return all;
}

// fast: the model is the question's own, as written.
ExploreResult explored(const Model &m, const std::vector<Property> &all, const Question &q,
                       const AskOptions &options, bool fast = true) {
  ExploreOptions how;
  how.jobs = options.jobs;
  how.time_limit = options.time_limit * static_cast<double>(all.size());
  how.interrupted = options.interrupted;
  how.properties = &all;
  how.fast = fast && as_written(q, options);
  return explore(m, how);
}

// None where nothing is to be proved. fast: as above.
using Lengths = std::map<std::string, std::size_t>;
std::vector<Proof> proved(const Model &m, const std::vector<Property> &all, const Question &q,
                          const AskOptions &options, bool fast, Lengths lengths) {
  std::vector<Proof> none(all.size());
  for (Proof &p : none) p.how = "not asked";
  if (!options.proves || !q.proves) return none;
  ProveOptions how;
  how.jobs = options.jobs;
  how.time_limit = options.time_limit * static_cast<double>(all.size());
  how.question_limit = options.question_limit;
  how.interrupted = options.interrupted;
  how.properties = &all;
  how.samples = how.reach = 200'000;
  how.fast = fast && as_written(q, options);
  how.lengths = std::move(lengths);
  const auto start = std::chrono::steady_clock::now();
  std::vector<Proof> proofs = prove(m, how).proofs;
  // The pool of lemmas and the unrolling are everybody's.
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  for (Proof &p : proofs) p.seconds = seconds.count() / static_cast<double>(proofs.size());
  return proofs;
}

Lengths lengths_of(const ExploreResult &e) {
  Lengths all;
  for (const PropertyResult &r : e.properties)
    if (r.trace) all.emplace(r.property->id, r.trace->instances.size());
  return all;
}

// That a `sometimes` is never shown.
Property never_shown(Property p) {
  p.kind = PropertyKind::always;
  if (p.over_state) p.over_state = [over = p.over_state](const Model &m) { return !over(m); };
  if (p.over_step)
    p.over_step = [over = p.over_step](const Model &m, const model::Instance &i) {
      const std::optional<Expr> e = over(m, i);
      return e ? std::optional(!*e) : std::nullopt;
    };
  return p;
}

std::vector<Answers> ask_properties(const Model &m, const std::vector<const Question *> &questions,
                                    const AskOptions &options) {
  std::vector<Property> all;
  for (const Question *q : questions) all.push_back(std::get<Holds>(q->asks).property);
  all = listed(std::move(all));
  for (std::size_t k = 0; k < all.size(); ++k) all[k].id += "." + std::to_string(k);
  const ExploreResult e = explored(m, all, *questions[0], options);
  // Induction shows what always holds.
  std::vector<Property> to_prove = all;
  std::vector<bool> turned(all.size());
  for (std::size_t k = 0; k < all.size(); ++k) {
    turned[k] =
        all[k].kind == PropertyKind::sometimes && e.properties[k].verdict == Verdict::violated;
    if (turned[k]) to_prove[k] = never_shown(all[k]);
  }
  const std::vector<Proof> proofs =
      proved(m, to_prove, *questions[0], options, true, lengths_of(e));
  std::vector<Answers> answers(all.size());
  for (std::size_t k = 0; k < all.size(); ++k) {
    Answer &found = answers[k].explored, &proof = answers[k].proved;
    found.verdict = e.properties[k].verdict;
    found.how =
        (e.complete ? "all " : "incomplete (" + e.why_incomplete + "): ") + states_text(e.states);
    found.seconds = e.seconds / static_cast<double>(all.size());
    if (e.properties[k].trace) show(found, m, *e.properties[k].trace);
    proof.verdict = !turned[k]                               ? proofs[k].verdict
                    : proofs[k].verdict == Verdict::holds    ? Verdict::violated
                    : proofs[k].verdict == Verdict::violated ? Verdict::holds
                                                             : Verdict::unknown;
    proof.how = proofs[k].how;
    proof.seconds = proofs[k].seconds;
    if (proofs[k].trace) show(proof, m, *proofs[k].trace);
  }
  return answers;
}

// ---- Two stops ----------------------------------------------------------------------------------

Property property(const char *id, PropertyKind kind, Expr over) {
  return {id, kind, id, "", {}, [over](const Model &) { return over; }, {}};
}

SeenStops seen_stops(const Model &m, const Confused &asks) {
  return {m,
          {{asks.one, asks.thread}, {asks.other, asks.other_thread}},
          asks.level != Confused::Level::status};
}

// If both hold, the answer is this one.
void both_proved(Answer &answer, const std::vector<Proof> &proofs, Verdict then) {
  answer.verdict = proofs[0].verdict == Verdict::holds && proofs[1].verdict == Verdict::holds
                       ? then
                       : Verdict::unknown;
  answer.how = proofs[0].how + "; " + proofs[1].how;
  answer.seconds = proofs[0].seconds + proofs[1].seconds;
}

Answers ask_history(const Model &m, const Confused &asks, const Question &q,
                    const AskOptions &options) {
  Answers answers;
  const std::vector<StopOf> stops{{asks.one, asks.thread}, {asks.other, asks.other_thread}};
  const Histories h = confused_by_history(m, stops, 1, as_written(q, options), options.time_limit);
  const bool confused = !h.confused.empty();
  answers.explored.verdict = confused     ? Verdict::holds
                             : h.complete ? Verdict::violated
                                          : Verdict::unknown;
  answers.explored.how = h.how;
  answers.explored.seconds = h.seconds;
  answers.proved.how = "what a tracer may think after all that it saw is a set of states";
  if (!confused || !options.proves) return answers;
  const std::unique_ptr<Model> seeing = model_of(q.world, q.remember, options);
  const std::vector<Property> both = listed(seen_and_possible(*seeing, stops, h.confused[0]));
  const ExploreResult e = explored(*seeing, both, q, options, false);
  for (const PropertyResult &r : e.properties)
    if (r.trace) answers.explored.traces.push_back(trace_steps(*seeing, *r.trace));
  both_proved(answers.proved, proved(*seeing, both, q, options, false, lengths_of(e)),
              Verdict::holds);
  return answers;
}

Answers ask_confused(const Model &m, const Confused &asks, const Question &q,
                     const AskOptions &options) {
  if (asks.level == Confused::Level::history) return ask_history(m, asks, q, options);
  const SeenStops stops = seen_stops(m, asks);
  const Reachable all(m, kMostStates, as_written(q, options));
  const auto both_seen = stops.look(all);
  const auto &one = both_seen[0], &other = both_seen[1];
  std::optional<Seen> common;
  std::size_t latest = 0;
  for (const auto &[seen, first] : one)
    if (const auto it = other.find(seen); it != other.end())
      if (const std::size_t last = std::max(first, it->second); !common || last < latest)
        common = seen, latest = last;

  Answers answers;
  const std::string states = states_text(all.size());
  if (common) {
    const std::vector<Property> both =
        listed({property("one", PropertyKind::sometimes, stops.seen_as(0, *common)),
                property("other", PropertyKind::sometimes, stops.seen_as(1, *common))});
    const ExploreResult e = explored(m, both, q, options);
    answers.explored.verdict = Verdict::holds;
    answers.explored.how =
        text(*common, asks.level != Confused::Level::status) + " shows either, of " + states;
    answers.explored.view = common;
    answers.explored.seconds = e.seconds;
    for (const PropertyResult &r : e.properties)
      if (r.trace) show(answers.explored, m, *r.trace);
    both_proved(answers.proved, proved(m, both, q, options, true, lengths_of(e)), Verdict::holds);
    return answers;
  }
  answers.explored.verdict = all.complete() ? Verdict::violated : Verdict::unknown;
  answers.explored.how = one.empty() || other.empty()
                             ? "one of the two is never reported, " + states
                             : "no view is common, all " + states;
  // Each of the two always shows one of its own views, and they have none in common.
  const std::vector<Property> both =
      listed({property("one", PropertyKind::always, stops.always_one_of(0, one)),
              property("other", PropertyKind::always, stops.always_one_of(1, other))});
  both_proved(answers.proved, proved(m, both, q, options, true, {}), Verdict::violated);
  return answers;
}

// ---- A way out ----------------------------------------------------------------------------------

Answers ask_leads(const Model &m, const Leads &asks, const Question &q, const AskOptions &options) {
  Answers answers;
  const Ways ways = ways_out(m, asks, kMostStates, options.time_limit);
  answers.explored.verdict = !ways.complete ? Verdict::unknown
                             : ways.none    ? Verdict::violated
                                            : Verdict::holds;
  answers.explored.how = ways.how;
  answers.explored.seconds = ways.seconds;
  if (ways.none) show(answers.explored, m, *ways.none);
  answers.proved.how = options.proves ? "nothing says where to look for a way" : "not asked";
  if (!ways.complete || !options.proves) return answers;
  const std::unique_ptr<Model> with_step = model_of(q.world, q.remember, options);
  if (ways.none) {
    const std::vector<Property> none = listed(no_way_is_open(*with_step, asks, ways));
    both_proved(answers.proved,
                proved(*with_step, none, q, options, false,
                       {{none[0].id, ways.none->instances.size() + 1}}),
                Verdict::violated);
  } else {
    const std::vector<Property> way = listed({a_way_is_open(*with_step, asks, ways)});
    const Proof proof = proved(*with_step, way, q, options, false, {})[0];
    // Where these ways are not open, another may be.
    if (proof.verdict == Verdict::holds) answers.proved.verdict = Verdict::holds;
    answers.proved.how =
        proof.how + ", ways of at most " + std::to_string(ways.shortening.size()) + " steps";
    answers.proved.seconds = proof.seconds;
  }
  return answers;
}

// ---- Two designs --------------------------------------------------------------------------------

Answers ask_equal(const Model &m, const Equal &asks, const AskOptions &options) {
  const std::unique_ptr<Model> right = model_of(asks.right, {}, options);
  Tester tester(m, *right);
  tester.errors_alike = asks.whatever_errno;
  if (asks.without) tester.leave_out(*asks.without, m), tester.leave_out(*asks.without, *right);
  CompareOptions how;
  how.jobs = std::min(options.jobs, 2);
  how.time_limit = options.time_limit;
  how.interrupted = options.interrupted;
  how.limit = 1;
  how.fast_left = how.fast_right = !options.mutate;
  const CompareResult c = compare(m, *right, tester, how);
  Answers answers;
  answers.explored.verdict = c.verdict == Equivalence::equivalent  ? Verdict::holds
                             : c.verdict == Equivalence::different ? Verdict::violated
                                                                   : Verdict::unknown;
  answers.explored.how = std::to_string(c.pairs) + " pairs of sets of states";
  answers.explored.seconds = c.seconds;
  for (const Difference &d : c.differences) {
    const Model &who = d.left ? m : *right;
    if (const auto run = run_of(who, tester, d.trace))
      answers.explored.traces.push_back(trace_steps(who, *run));
  }
  if (!options.proves) return answers;
  LockstepOptions together;
  together.jobs = options.jobs;
  together.question_limit = options.question_limit;
  together.time_limit = options.time_limit;
  together.interrupted = options.interrupted;
  const LockstepResult same = lockstep(m, *right, tester, together);
  answers.proved.verdict = same.verdict;
  answers.proved.how = same.how;
  answers.proved.seconds = same.seconds;
  return answers;
}

// ---- What a run shows ---------------------------------------------------------------------------

const std::string kForbidden = "what is asked about does not happen";

// No step leads to a state in which this holds, and none for which `of_step` does is taken.
void forbid(Model &m, std::optional<Expr> in_state,
            const std::function<std::optional<Expr>(const model::Instance &)> &of_step) {
  for (model::Instance &i : m.instances) {
    model::Substitution step;
    for (const model::Update &u : i.updates) {
      step.primed.emplace(u.field, u.value);
      if (in_state) step.fields.emplace(u.field, u.value);
    }
    const std::optional<Expr> e = in_state ? in_state : of_step(i);
    if (!e) continue;
    const Expr never = !substitute(*e, step);
    if (!never.is(1)) i.guards.push_back({kForbidden, never});
  }
}

// An `always` is not broken, a `sometimes` not shown.
void forbid(Model &m, const Property &p) {
  const bool always = p.kind == PropertyKind::always;
  const auto subject = [always](Expr e) { return always ? !e : e; };
  if (p.over_state) return forbid(m, subject(p.over_state(m)), {});
  forbid(m, {}, [&](const model::Instance &i) -> std::optional<Expr> {
    const auto e = p.over_step(m, i);
    return e ? std::optional(subject(*e)) : std::nullopt;
  });
}

}  // namespace

Change forbidding(const std::vector<const Question *> &questions) {
  return [questions](Model &m) {
    if (questions.front()->remember) questions.front()->remember(m);
    for (const Question *q : questions) forbid(m, std::get<Holds>(q->asks).property);
  };
}

std::vector<Question> shown_by_runs(const Question &question, const Answer &answer) {
  if (std::holds_alternative<Holds>(question.asks)) return {question};
  const auto *confused = std::get_if<Confused>(&question.asks);
  if (!confused || !answer.view) return {};
  std::vector<Question> both;
  const auto add = [&](const Confused::Stop &stop, int thread) {
    Property p{"seen", PropertyKind::sometimes, "", "", {}, {}, {}};
    // The call that shows it, in such a stop.
    p.over_step = [stop, thread, level = confused->level, view = *answer.view](
                      const Model &m, const model::Instance &i) -> std::optional<Expr> {
      const model::Label &l = i.label;
      if (l.thread != thread || i.rule->actor != model::Actor::tracer) return {};
      if (level == Confused::Level::status)
        return i.rule->id == "wait.stop" ? std::optional(stop(m) && eq(*i.output, view.status))
                                         : std::nullopt;
      if (l.action != model::Action::getsiginfo || l.err == model::Err::esrch) return {};
      const bool bare = l.err == model::Err::einval;
      if (bare != (view.siginfo == kNoSiginfo)) return {};
      return stop(m) && (bare ? model::truth(true) : eq(*i.output, view.siginfo));
    };
    both.push_back({question.world, question.remember, Holds{std::move(p)}, question.remembers});
  };
  add(confused->one, confused->thread);
  add(confused->other, confused->other_thread);
  return both;
}

std::unique_ptr<Model> model_of(const Question &question) {
  return model_of(question.world, question.remember, {});
}

World with(World world, const std::vector<model::Feature> &more) {
  world.features.insert(world.features.end(), more.begin(), more.end());
  return world;
}

Config config_of(const World &world) {
  const model::DesignSpec spec = model::parse_design(world.design);
  const model::Profile profile{"", "", world.threads, world.signals, world.features, world.options};
  return model::explored_config(spec, profile, {});
}

std::string text(const World &world) {
  std::string all = world.design;
  all += ", " + std::to_string(world.threads) + (world.threads == 1 ? " thread" : " threads");
  if (world.processes > 1) all += ", " + std::to_string(world.processes) + " processes";
  const auto list = [&](const char *what, const auto &names) {
    if (names.empty()) return;
    all += std::string("; ") + what;
    for (std::size_t k = 0; k < names.size(); ++k) all += (k ? ", " : " ") + std::string(names[k]);
  };
  std::vector<std::string_view> signals, features, options;
  for (model::Sig s : world.signals) signals.push_back(model::kSignals[s].name);
  for (model::Feature f : world.features)
    features.push_back(model::kFeatures[static_cast<std::size_t>(f)].name);
  for (model::Option o : world.options) options.push_back(model::kOptionNames[o]);
  list("strangers send", signals);
  list("with", features);
  list("options", options);
  return all;
}

Verdict Answers::verdict() const {
  const Verdict a = explored.verdict, b = proved.verdict;
  if (a != Verdict::unknown && b != Verdict::unknown && a != b)
    throw std::logic_error("exploration says " + std::string(name(a)) + ", Z3 says " +
                           std::string(name(b)));
  return a != Verdict::unknown ? a : b;
}

bool alike(const Question &a, const Question &b) {
  if (!(a.world == b.world)) return false;
  if (a.remember || b.remember) return !a.remembers.empty() && a.remembers == b.remembers;
  return true;
}

std::vector<Answers> ask(const std::vector<const Question *> &questions,
                         const AskOptions &options) {
  std::vector<Answers> answers(questions.size());
  std::vector<bool> done(questions.size());
  for (std::size_t k = 0; k < questions.size(); ++k) {
    if (done[k]) continue;
    const Question &first = *questions[k];
    const std::unique_ptr<Model> m = model_of(first.world, first.remember, options);
    if (const auto *confused = std::get_if<Confused>(&first.asks)) {
      answers[k] = ask_confused(*m, *confused, first, options);
    } else if (const auto *leads = std::get_if<Leads>(&first.asks)) {
      answers[k] = ask_leads(*m, *leads, first, options);
    } else if (const auto *equal = std::get_if<Equal>(&first.asks)) {
      answers[k] = ask_equal(*m, *equal, options);
    } else {
      std::vector<const Question *> together{&first};
      std::vector<std::size_t> places{k};
      for (std::size_t n = k + 1; n < questions.size(); ++n)
        if (const Question &q = *questions[n];
            std::holds_alternative<Holds>(q.asks) && q.proves == first.proves && alike(q, first)) {
          together.push_back(&q);
          places.push_back(n);
        }
      const std::vector<Answers> all = ask_properties(*m, together, options);
      for (std::size_t n = 0; n < places.size(); ++n) {
        answers[places[n]] = all[n];
        done[places[n]] = true;
      }
    }
  }
  return answers;
}

}  // namespace ptmc::checker
