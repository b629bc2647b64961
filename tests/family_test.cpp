// The first state of a child whose model is its own (model/family.hpp).
#include "model/family.hpp"

#include <doctest/doctest.h>

#include "model/kernel.hpp"
#include "tests/exploring.hpp"

namespace ptmc::model {
namespace {

Config config_of() {
  Config config = explored_config(parse_design("linux-3.4"), find_profile("forks"), {STOP, CONT});
  for (Feature f : {Feature::clone_flags, Feature::dispositions, Feature::masks}) config[f] = true;
  config[option_feature(TRACECLONE)] = true;
  return config;
}

Shape shape_of(int threads) {
  Shape shape{.threads = threads, .signals = {KILL, USR1, CHLD, CONT, STOP}};
  shape.started = 1;
  return shape;
}

// The state in which the only thread is about to make a child in this way.
State about_to(const Model &m, SysCall call, Value flags, Value event) {
  State s = m.initial();
  const ThreadFields &f = m.schema.thread[0];
  m.schema.set(s, f.loc, static_cast<Value>(Loc::forking));
  m.schema.set(s, f.call, static_cast<Value>(call));
  m.schema.set(s, f.flags, flags);
  m.schema.set(s, f.event, event);
  m.schema.set(s, f.tracing, static_cast<Value>(Traced::seized));
  m.schema.set(s, f.option[TRACEFORK], 1);
  return s;
}

TEST_CASE("a reported child is traced as its parent is, and traps first") {
  const Config config = config_of();
  for (int threads : {1, 4}) {
    const Model m(shape_of(threads), &config);
    const Birth birth(m, m);
    State parent = about_to(m, SysCall::fork, 0, PTRACE_FORK);
    const Schema &schema = m.schema;
    const ThreadFields &f = schema.thread[0];
    schema.set(parent, f.mask[USR1], 1);
    schema.set(parent, f.systrace, 1);
    schema.set(parent, f.pend[STOP], 1);
    schema.set(parent, schema.process[0].pend[USR1], 1);
    schema.set(parent, schema.process[0].disposition[CHLD], 1);
    const std::optional<State> child = birth.child_of(parent, 0);
    REQUIRE(child);
    State expected;
    schema.set(expected, f.loc, static_cast<Value>(Loc::relock));
    schema.set(expected, f.tracing, static_cast<Value>(Traced::seized));
    schema.set(expected, f.option[TRACEFORK], 1);
    schema.set(expected, f.trap_stop, 1);
    schema.set(expected, f.mask[USR1], 1);
    schema.set(expected, schema.process[0].disposition[USR1], 2);
    schema.set(expected, schema.process[0].disposition[CHLD], 1);
    schema.set(expected, schema.parent.ignores, 1);
    for (Field x = 0; x < schema.size(); ++x) {
      INFO(schema[x].name, " of thread ", schema[x].thread);
      CHECK(schema.get(*child, x) == schema.get(expected, x));
    }
  }
}

TEST_CASE("flags and kinds of clone decide who traces the child") {
  const Config config = config_of();
  const Model m(shape_of(2), &config);
  const Birth birth(m, m);
  const ThreadFields &f = m.schema.thread[0];
  struct Case {
    SysCall call;
    Value flags, event;
    bool traced, vforked;
  };
  for (const Case &c : {Case{SysCall::fork, 0, 0, false, false},
                        Case{SysCall::fork, kCloneUntraced, 0, false, false},
                        Case{SysCall::fork, kClonePtrace, 0, true, false},
                        Case{SysCall::fork, kCloneUntraced | kClonePtrace, 0, true, false},
                        Case{SysCall::vfork, 0, PTRACE_VFORK, true, true},
                        Case{SysCall::spawn, 0, PTRACE_CLONE, true, false}}) {
    const std::optional<State> child = birth.child_of(about_to(m, c.call, c.flags, c.event), 0);
    REQUIRE(child);
    CHECK((m.schema.get(*child, f.tracing) != 0) == c.traced);
    CHECK((m.schema.get(*child, f.trap_stop) != 0) == c.traced);
    CHECK((m.schema.get(*child, f.vforked) != 0) == c.vforked);
  }
}

TEST_CASE("who makes no process has no child") {
  const Config config = config_of();
  const Model m(shape_of(2), &config);
  const Birth birth(m, m);
  CHECK(!birth.child_of(m.initial(), 0));
  CHECK(!birth.child_of(about_to(m, SysCall::clone, 0, PTRACE_CLONE), 0));
  CHECK(!birth.child_of(about_to(m, SysCall::fork, 0, 0), 1));
  State killed = about_to(m, SysCall::fork, 0, 0);
  m.schema.set(killed, m.schema.thread[0].pend[KILL], 1);
  CHECK(!birth.child_of(killed, 0));
}

TEST_CASE("from every state that forks: the child is the second process of a model with two") {
  const Config config = config_of();
  Shape shape = shape_of(1);
  const Model one(shape, &config);
  shape.processes = 2;
  const Model two(shape, &config);
  const Birth birth(one, one);
  const exploring::Bfs all = exploring::bfs(two, 30000);
  const Interpreter interpreter(two);
  std::size_t births = 0;
  for (const State &s : all.order) {
    State parent, next;
    for (std::size_t i = 0; i < two.instances.size(); ++i) {
      const Label &label = two.instances[i].label;
      if (label.action != Action::fork || !interpreter.step(i, s, next)) continue;
      ++births;
      for (Field f = 0, g = 0; f < one.schema.size(); ++f, ++g) {
        while (two.schema[g].process == 1) ++g;
        REQUIRE(one.schema[f].name == two.schema[g].name);
        one.schema.set(parent, f, two.schema.get(s, g));
      }
      const std::optional<State> child = birth.child_of(parent, 0);
      REQUIRE(child);
      for (Field f = 0, g = 0; f < one.schema.size(); ++f, ++g) {
        if (one.schema[f].process < 0) continue;
        while (two.schema[g].process != 1 || two.schema[g].name != one.schema[f].name) ++g;
        INFO(one.schema[f].name);
        CHECK(one.schema.get(*child, f) == two.schema.get(next, g));
      }
    }
  }
  CHECK(births > 100);
}

}  // namespace
}  // namespace ptmc::model
