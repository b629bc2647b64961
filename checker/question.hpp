// A question about one configuration of the model, asked of both engines: exploration and Z3. What
// they say must not contradict each other.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "checker/counterexample.hpp"
#include "checker/explore.hpp"
#include "checker/stop_view.hpp"
#include "model/designs.hpp"

namespace ptmc::checker {

// What may happen, by whom.
struct World {
  std::string design;  // "seize-options+INTERRUPT"
  std::vector<model::Sig> signals;
  std::vector<model::Feature> features;  // of a profile; also such as the design leaves open
  std::vector<model::Option> options = {};
  int threads = 1;
  int processes = 1;
  bool operator==(const World &) const = default;
};
// The same world with these features as well.
World with(World world, const std::vector<model::Feature> &more);
// Throws InputError for a design that is none.
model::Config config_of(const World &world);
std::string text(const World &world);

// What an observer remembers is added to the model first (model/remember.hpp).
using Remember = std::function<void(model::Model &)>;

// Does the property hold? Of its fields `applies` means nothing here.
struct Holds {
  model::Property property;
};

// Can a tracer take two stops for each other? Both are conditions on a state in which wait may
// report the stop of `thread`.
struct Confused {
  using Stop = decltype(StopOf::is);
  // What it knows: the status; that and GETSIGINFO; and all that it saw before.
  enum class Level : std::uint8_t { status, siginfo, history };
  Level level = Level::siginfo;
  Stop one, other;
  int thread = 0;
  int other_thread = 0;
};

// Can tracer and kernel alone get from each state of the one kind to one of the other?
struct Leads {
  std::function<model::Expr(const model::Model &)> from, to;
};

// Are two designs equal for their tester? What only one of them has is left out.
struct Equal {
  World right;
  bool whatever_errno = false;
  std::optional<model::Action> without = {};  // a call that the tester does not make
};

struct Question {
  World world;
  Remember remember = {};
  std::variant<Holds, Confused, Leads, Equal> asks;
  std::string remembers = {};  // questions of one world and one name here are asked at once
  bool proves = true;          // false: explored only
};

// What one engine says.
struct Answer {
  Verdict verdict = Verdict::unknown;  // yes, no, or unknown
  std::string how;                     // one line: by which means, or why not
  // What shows it: a violation, a witness, or the two runs that are confused.
  std::vector<std::vector<TraceStep>> traces;
  std::vector<Counterexample> runs;  // the same, of the question's model (model_of)
  // Of two stops that are confused.
  std::optional<Seen> view;
  double seconds = 0;
};
struct Answers {
  Answer explored, proved;
  // The one that is known. Throws std::logic_error where they contradict each other.
  Verdict verdict() const;
};

struct AskOptions {
  int jobs = 1;
  double question_limit = 20;  // seconds of one question to Z3
  double time_limit = 60;      // seconds of each engine for one question
  const std::atomic<bool> *interrupted = nullptr;
  bool proves = true;  // false: explores only
  // Deliberate mistakes in every model, which some answer should reveal.
  std::function<void(model::Model &)> mutate = {};
};
// The model that the question is about, with what is remembered.
std::unique_ptr<model::Model> model_of(const Question &question);
// Of one world and one memory.
bool alike(const Question &a, const Question &b);
// What is asked of one world, at once where that can be.
std::vector<Answers> ask(const std::vector<const Question *> &questions, const AskOptions &options);

// What single runs show of an answer, each a question about one property: the witness of a
// `sometimes`, the violation of an `always`; of two stops that are confused, the call that shows
// each as it is seen. Empty: the answer is about nothing that a single run shows.
std::vector<Question> shown_by_runs(const Question &question, const Answer &answer);
// A change to a model, that of a replay too, after which no run of it shows any of these, which are
// alike and about a property each. A recorded trace that the changed model rejects, and the model
// itself accepts, has shown it.
using Change = std::function<void(model::Model &)>;
Change forbidding(const std::vector<const Question *> &questions);

}  // namespace ptmc::checker
