#include "checker/lemma.hpp"

#include <algorithm>
#include <map>
#include <unordered_set>

#include "checker/counterexample.hpp"

namespace ptmc::checker {

using namespace model;  // NOLINT: names of the whole file

namespace {

// Rows as alternatives: values of the first field that leave the same rows for the others, and
// those.
struct Alternative {
  std::vector<Value> values;
  std::set<Row> rest;
};
std::vector<Alternative> alternatives(const std::set<Row> &rows) {
  std::map<Value, std::set<Row>> by_value;
  for (const Row &r : rows) by_value[r[0]].insert(Row(r.begin() + 1, r.end()));
  std::map<std::set<Row>, std::vector<Value>> by_rest;
  for (const auto &[value, rest] : by_value) by_rest[rest].push_back(value);
  std::vector<Alternative> all;
  for (auto &[rest, values] : by_rest) all.push_back({values, rest});
  return all;
}

// The rows as an expression of whatever kind.
template <class Builder, class Of = decltype(std::declval<Builder>().constant(true))>
Of build(const Builder &b, const Fields &fields, std::size_t first, const std::set<Row> &rows) {
  if (first == fields.size()) return b.constant(!rows.empty());
  Of any = b.constant(false);
  for (const Alternative &a : alternatives(rows)) {
    Of is = b.constant(false);
    for (Value v : a.values) is = is || b.equal(fields[first], v);
    const bool all = a.values.size() == std::size_t{1} << b.schema[fields[first]].bits;
    const Of rest = build(b, fields, first + 1, a.rest);
    any = any || (all ? rest : is && rest);
  }
  return any;
}

struct TermBuilder {
  z3::expr constant(bool v) const { return terms[0].ctx().bool_val(v); }
  z3::expr equal(Field f, Value v) const {
    return terms[f] == value_term(terms[f].ctx(), schema[f], v);
  }
  const Schema &schema;
  const Terms &terms;
};

struct ExprBuilder {
  Expr constant(bool v) const { return truth(v); }
  Expr equal(Field f, Value v) const { return eq(schema.read(f), v); }
  const Schema &schema;
};

}  // namespace

std::string Lemma::name(const Schema &schema) const {
  std::string text;
  for (Field f : fields) text += (text.empty() ? "lemma." : ",") + field_text(schema, f);
  return text;
}

std::string Lemma::statement(const Schema &schema) const {
  std::string text;
  const auto one = [&](auto &&self, std::size_t first, const std::set<Row> &of,
                       const std::string &before) -> void {
    if (first == fields.size()) {
      text += (text.empty() ? "" : "; ") + before;
      return;
    }
    for (const Alternative &a : alternatives(of)) {
      std::string is;
      for (Value v : a.values) is += (is.empty() ? "" : "|") + value_text(schema, fields[first], v);
      if (a.values.size() == std::size_t{1} << schema[fields[first]].bits) is = "any";
      self(self, first + 1, a.rest,
           before + (before.empty() ? "" : ", ") + field_text(schema, fields[first]) + " " + is);
    }
  };
  one(one, 0, rows, "");
  return text;
}

Row Lemma::row(const Schema &schema, const State &s) const {
  Row row;
  for (Field f : fields) row.push_back(schema.get(s, f));
  return row;
}

bool Lemma::excludes(const Cube &cube) const {
  Row row;
  for (Field f : fields) {
    const auto it = std::find_if(cube.begin(), cube.end(), [&](auto &c) { return c.first == f; });
    if (it == cube.end()) return false;
    row.push_back(it->second);
  }
  return !rows.contains(row);
}

z3::expr Lemma::term(const Schema &schema, const Terms &terms) const {
  return build(TermBuilder{schema, terms}, fields, 0, rows);
}

Expr Lemma::expr(const Schema &schema) const { return build(ExprBuilder{schema}, fields, 0, rows); }

Property property_of(const Lemma &lemma, const Schema &schema) {
  return {lemma.name(schema),
          PropertyKind::always,
          lemma.statement(schema),
          "an auxiliary of proofs by induction",
          [](const Config &) { return true; },
          [lemma](const Model &m) { return lemma.expr(m.schema); },
          {}};
}

Samples::Samples(const Schema &schema, const Reachable &all, std::size_t limit)
    : schema_(schema), all_(all), size_(std::min(all.size(), limit)) {
  columns_.assign(schema.size(), std::vector<std::uint8_t>(size_));
  for (std::size_t k = 0; k < size_; ++k) {
    const State s = all[size_ == all.size() ? k : k * all.size() / size_];
    for (Field f = 0; f < schema.size(); ++f)
      columns_[f][k] = static_cast<std::uint8_t>(schema.get(s, f));
  }
}

Lemma Samples::lemma(Fields fields) const {
  std::sort(fields.begin(), fields.end());
  Lemma lemma{std::move(fields), {}};
  std::set<std::uint64_t> seen;
  std::uint64_t last = ~std::uint64_t{0};
  for (std::size_t k = 0; k < size_; ++k) {
    std::uint64_t key = 0;
    for (Field f : lemma.fields) key = key << 8 | columns_[f][k];
    if (lemma.fields.size() <= sizeof key && (key == last || !seen.insert(key).second)) continue;
    last = key;
    Row row;
    for (Field f : lemma.fields) row.push_back(columns_[f][k]);
    lemma.rows.insert(row);
  }
  return lemma;
}

void Samples::complete(Lemma &lemma) const {
  if (size_ == all_.size()) return;
  {
    const std::lock_guard lock(mutex_);
    if (const auto it = complete_.find(lemma.fields); it != complete_.end()) {
      lemma.rows = it->second;
      return;
    }
  }
  std::unordered_set<std::uint64_t> seen;
  std::uint64_t last = ~std::uint64_t{0};
  all_.each([&](const State &s) {
    std::uint64_t key = 0;
    for (Field f : lemma.fields) key = key << 8 | schema_.get(s, f);
    if (lemma.fields.size() <= sizeof key && (key == last || !seen.insert(key).second)) return;
    last = key;
    lemma.rows.insert(lemma.row(schema_, s));
  });
  const std::lock_guard lock(mutex_);
  complete_.emplace(lemma.fields, lemma.rows);
}

std::vector<Fields> Samples::separating(const Cube &cube) const {
  using Bits = std::vector<std::uint64_t>;
  constexpr std::size_t kSmall = 4;  // sets of so many are all tried
  std::vector<Bits> with;            // of each literal: which states have it
  for (const auto &[f, v] : cube) {
    Bits &bits = with.emplace_back((size_ + 63) / 64);
    for (std::size_t k = 0; k < size_; ++k)
      bits[k / 64] |= std::uint64_t{columns_[f][k] == v} << k % 64;
  }
  std::vector<Fields> found;
  Fields chosen;
  const auto choose = [&](auto &&self, std::size_t first, std::size_t left,
                          const Bits *so_far) -> void {
    for (std::size_t i = first; i + left <= cube.size(); ++i) {
      chosen.push_back(cube[i].first);
      if (left == 1) {
        bool none = true;
        for (std::size_t w = 0; w < with[i].size() && none; ++w)
          none = !(with[i][w] & (so_far ? (*so_far)[w] : ~std::uint64_t{0}));
        if (none) found.push_back(chosen);
      } else {
        Bits both = with[i];
        for (std::size_t w = 0; so_far && w < both.size(); ++w) both[w] &= (*so_far)[w];
        self(self, i + 1, left - 1, &both);
      }
      chosen.pop_back();
    }
  };
  for (std::size_t n = 1; n <= std::min(kSmall, cube.size()) && found.empty(); ++n)
    choose(choose, 0, n, nullptr);
  if (!found.empty() || cube.size() <= kSmall) return found;
  // Greedily: leave out what is not needed.
  std::vector<std::size_t> kept(cube.size());
  for (std::size_t i = 0; i < kept.size(); ++i) kept[i] = i;
  const auto empty = [&](const std::vector<std::size_t> &of) {
    for (std::size_t w = 0; w < (size_ + 63) / 64; ++w) {
      std::uint64_t bits = ~std::uint64_t{0};
      for (std::size_t i : of) bits &= with[i][w];
      if (w == size_ / 64) bits &= (std::uint64_t{1} << size_ % 64) - 1;
      if (bits) return false;
    }
    return true;
  };
  if (!empty(kept)) return {};
  for (std::size_t i = kept.size(); i-- > 0;) {
    std::vector<std::size_t> less = kept;
    less.erase(less.begin() + static_cast<std::ptrdiff_t>(i));
    if (empty(less)) kept.swap(less);
  }
  for (std::size_t i : kept) chosen.push_back(cube[i].first);
  return {chosen};
}

}  // namespace ptmc::checker
