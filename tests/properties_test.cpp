// Properties: the table itself, and each design against it with one and two threads, in profiles
// that are small. Others are in properties_more_test.cpp, larger ones in properties_hand_long.cpp.
#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "tests/properties_hand.hpp"
#include "tests/properties_search.hpp"

namespace ptmc::model {
namespace {

std::vector<Config> every_configuration() {
  std::vector<Config> all;
  for (const Design &d : designs())
    for (const Profile &p : profiles())
      for (std::string_view kernel : {"", "@3.1", "@3.4", "@5.10", "@6.18"})
        all.push_back(
            explored_config(parse_design(std::string(d.name) + std::string(kernel)), p, {}));
  return all;
}

bool applies_somewhere(const Property &p) {
  static const std::vector<Config> all = every_configuration();
  return std::any_of(all.begin(), all.end(), [&](const Config &c) { return p.applies(c); });
}

TEST_CASE("each property has its own id, says what and whence, and applies somewhere") {
  std::set<std::string> ids;
  for (const Property &p : properties()) {
    INFO(p.id);
    CHECK(ids.insert(p.id).second);
    CHECK(!p.statement.empty());
    CHECK(!p.source.empty());
    CHECK(applies_somewhere(p));
    const bool state = p.over_state != nullptr, step = p.over_step != nullptr;
    CHECK((p.ending ? state && step : state != step));
    CHECK((p.ending != nullptr) == (p.kind == PropertyKind::eventually));
  }
}

TEST_CASE("each always has a sometimes that shows its subject") {
  std::size_t always = 0;
  for (const Property &p : properties()) {
    if (p.kind == PropertyKind::sometimes) continue;
    INFO(p.id);
    ++always;
    const auto pair = std::find_if(properties().begin(), properties().end(),
                                   [&](const auto &q) { return q.id == p.id + ".occurs"; });
    REQUIRE(pair != properties().end());
    CHECK(pair->kind == PropertyKind::sometimes);
    CHECK((pair->over_state != nullptr) == (p.over_state != nullptr));
  }
  CHECK(properties().size() == 2 * always);
}

TEST_CASE("each known violation is of a property, says why and whence, and is in some design") {
  for (const KnownViolation &k : known_violations()) {
    INFO(k.property);
    CHECK(std::any_of(properties().begin(), properties().end(), [&](const Property &p) {
      return p.id == k.property && p.kind == PropertyKind::always;
    }));
    CHECK(!k.reason.empty());
    CHECK(!k.source.empty());
    const std::vector<Config> all = every_configuration();
    CHECK(std::any_of(all.begin(), all.end(), k.breaks));
  }
}

TEST_CASE("each invariant is written by hand too") {
  std::set<std::string_view> invariants, by_hand;
  for (const Property &p : properties())
    if (p.kind == PropertyKind::always && p.over_state) invariants.insert(p.id);
  for (std::string_view id : hand_invariants()) by_hand.insert(id);
  CHECK(invariants == by_hand);
}

TEST_CASE("small profiles: verdicts as listed, and invariants by hand agree") {
  for (const Design &d : designs()) {
    check_by_hand(d.name, "pair", 1);
    check_by_hand(d.name, "group-stop", 1);
  }
  check_by_hand("legacy", "group-stop", 2);
}

}  // namespace
}  // namespace ptmc::model
