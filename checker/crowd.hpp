// A process of any number of threads, seen through the unrolling for a few.
//
// A crowd is the model unrolled for `size` threads, as terms in which what depends on the number of
// threads is wide enough for any: group_stop_count is an integer of 32 bits, a field that names a
// thread has 8. What a smaller crowd sees of a larger one's state is the state without the threads
// that it does not have (`seen`); who is renamed is renamed in the fields that name threads too.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "checker/symbolic.hpp"
#include "model/property.hpp"

namespace ptmc::checker {

// Fields by name: of the process and the tracers, and of each thread.
struct Vocabulary {
  std::set<std::string> common, thread;
  void add(const model::Schema &schema, model::Expr e);
};

// An instance as every shape knows it. `named` are the leader and the threads that the instance
// names, in the order in which it does; the key has them renamed to 0, 1, 2...
struct Role {
  std::vector<int> named;
  std::string key;
  bool canonical() const;  // they are 0, 1, 2...
};

struct Crowd {
  explicit Crowd(std::unique_ptr<model::Model> model);

  std::unique_ptr<model::Model> model;
  int size;
  std::vector<Role> roles;                                    // of the instances
  std::map<std::string, std::size_t> first;                   // canonical instances by their key
  std::map<std::pair<int, std::string>, model::Field> field;  // thread (-1: none) and name

  const model::Schema &schema() const { return model->schema; }
  model::Field count() const { return schema().process[0].stop_count; }
  Terms constants(z3::context &context) const;
  // The state after the instance; only the fields that have a place in the vocabulary.
  Terms after(Translator &translate, std::size_t instance, const Terms &pre,
              const Vocabulary &of) const;
};

// Thread i of the small crowd is thread keep[i] of the big one.
Terms seen(const Crowd &big, const Terms &terms, const Crowd &small, const std::vector<int> &keep);
std::vector<int> all_but(int size, int left_out);
// Equal in the vocabulary; group_stop_count apart, if `count` is false.
z3::expr same(const Crowd &crowd, const Terms &a, const Terms &b, const Vocabulary &in, bool count);

}  // namespace ptmc::checker
