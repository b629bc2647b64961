#include "checker/crowd.hpp"

#include <algorithm>
#include <numeric>
#include <regex>
#include <stdexcept>

#include "checker/counterexample.hpp"
#include "checker/support.hpp"

namespace ptmc::checker {

using namespace model;  // NOLINT: names of the whole file

namespace {

constexpr unsigned kCountBits = 32, kNameBits = 8;
constexpr unsigned kNobodySeen = 255;

// What a field says of thread t is this plus t; nothing: it names no thread.
std::optional<int> names_from(const Schema &schema, Field f) {
  const auto is = [&](Field of) { return of != kNoField && of == f; };
  for (const ProcessFields &p : schema.process)
    if (is(p.exec_task) || is(p.core)) return 1;
  for (const ThreadFields &t : schema.thread)
    if (is(t.message)) return 1;
  for (const TracerFields &t : schema.tracers) {
    if (is(t.attaching)) return 1;
    if (is(t.chld.thread)) return 0;
  }
  return is(schema.parent.chld.thread) ? std::optional(0) : std::nullopt;
}

unsigned width_of(const Schema &schema, Field f) {
  if (f == schema.process[0].stop_count) return kCountBits;
  return names_from(schema, f) ? kNameBits : static_cast<unsigned>(schema[f].bits);
}

// The text with each "tN" replaced; `meet` is told of every N.
template <class Replace>
std::string renamed(const std::string &text, Replace &&replace) {
  static const std::regex thread("\\bt([0-9]+)\\b");
  std::string out;
  auto rest = text.cbegin();
  for (std::sregex_iterator i(text.begin(), text.end(), thread), end; i != end; ++i) {
    out.append(rest, (*i)[0].first);
    out += "t" + std::to_string(replace(std::stoi((*i)[1])));
    rest = (*i)[0].second;
  }
  return out.append(rest, text.cend());
}

Role role_of(const Instance &i) {
  Role role{{0}, {}};
  const auto place = [&](int t) {
    const auto at = std::find(role.named.begin(), role.named.end(), t);
    if (at == role.named.end()) role.named.push_back(t);
    return std::find(role.named.begin(), role.named.end(), t) - role.named.begin();
  };
  if (i.thread >= 0) place(i.thread);
  role.key = renamed(i.name(), place);
  for (const Guard &g : i.guards) role.key += "; " + renamed(g.name, place);
  return role;
}

}  // namespace

bool Role::canonical() const {
  for (std::size_t k = 0; k < named.size(); ++k)
    if (named[k] != static_cast<int>(k)) return false;
  return true;
}

void Vocabulary::add(const Schema &schema, Expr e) {
  Support s;
  s.of(e);
  for (const std::set<Field> &fields : {s.before, s.after})
    for (Field f : fields) (schema[f].thread < 0 ? common : thread).insert(schema[f].name);
}

Crowd::Crowd(std::unique_ptr<Model> unrolled) : model(std::move(unrolled)), size(model->threads()) {
  std::map<std::pair<std::string, std::vector<int>>, int> met;
  for (const Instance &i : model->instances) {
    Role role = role_of(i);
    // Instances of one name are told apart by their order.
    const int again = met[{role.key, role.named}]++;
    if (again > 0) role.key += " #" + std::to_string(again);
    if (role.canonical()) first.emplace(role.key, roles.size());
    roles.push_back(std::move(role));
  }
  for (Field f = 0; f < schema().size(); ++f)
    field.emplace(std::pair(schema()[f].thread, schema()[f].name), f);
}

Terms Crowd::constants(z3::context &context) const {
  Terms terms;
  for (Field f = 0; f < schema().size(); ++f) {
    const std::string name = field_text(schema(), f);
    terms.push_back(schema()[f].truth ? context.bool_const(name.c_str())
                                      : context.bv_const(name.c_str(), width_of(schema(), f)));
  }
  return terms;
}

Terms Crowd::after(Translator &translate, std::size_t instance, const Terms &pre,
                   const Vocabulary &of) const {
  Terms next = pre;
  for (const Update &u : model->instances[instance].updates) {
    const FieldInfo &f = schema()[u.field];
    if (!(f.thread < 0 ? of.common : of.thread).contains(f.name)) continue;
    next[u.field] = f.truth ? translate.value(u.field, u.value)
                            : translate.bits(u.value, width_of(schema(), u.field));
  }
  return next;
}

Terms seen(const Crowd &big, const Terms &terms, const Crowd &small, const std::vector<int> &keep) {
  const Schema &schema = small.schema();
  z3::context &context = terms.front().ctx();
  const bool in_place =
      std::is_sorted(keep.begin(), keep.end()) && keep.back() == static_cast<int>(keep.size()) - 1;
  Terms result;
  for (Field f = 0; f < schema.size(); ++f) {
    const FieldInfo &info = schema[f];
    const int thread = info.thread < 0 ? -1 : keep[static_cast<std::size_t>(info.thread)];
    const z3::expr value = terms[big.field.at({thread, info.name})];
    const std::optional<int> from = names_from(schema, f);
    if (!from || in_place) {
      result.push_back(value);
      continue;
    }
    const auto name = [&](int t) { return context.bv_val(*from + t, kNameBits); };
    z3::expr mapped = value;
    for (int t = 0; t < big.size; ++t) {
      const auto at = std::find(keep.begin(), keep.end(), t);
      const int place = static_cast<int>(at - keep.begin());
      mapped =
          z3::ite(value == name(t),
                  at == keep.end() ? context.bv_val(kNobodySeen, kNameBits) : name(place), mapped);
    }
    result.push_back(mapped);
  }
  return result;
}

std::vector<int> all_but(int size, int left_out) {
  std::vector<int> keep(static_cast<std::size_t>(size));
  std::iota(keep.begin(), keep.end(), 0);
  std::erase(keep, left_out);
  return keep;
}

z3::expr same(const Crowd &crowd, const Terms &a, const Terms &b, const Vocabulary &in,
              bool count) {
  z3::expr_vector all(a.front().ctx());
  for (Field f = 0; f < crowd.schema().size(); ++f) {
    const FieldInfo &info = crowd.schema()[f];
    if (!count && f == crowd.count()) continue;
    if (!(info.thread < 0 ? in.common : in.thread).contains(info.name)) continue;
    if (!z3::eq(a[f], b[f])) all.push_back(a[f] == b[f]);
  }
  return z3::mk_and(all);
}

}  // namespace ptmc::checker
