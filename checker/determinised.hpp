// A model made deterministic, as its tester sees it: a node is the set of all states that the model
// may be in after what was seen, the kernel's hidden steps included. Nodes are made when first
// asked for.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <stdexcept>
#include <unordered_map>

#include "checker/fast.hpp"
#include "checker/layout.hpp"
#include "checker/observation.hpp"
#include "checker/store.hpp"

namespace ptmc::checker {

class Determinised {
 public:
  using Node = std::uint32_t;
  struct Edge {
    std::uint32_t observation;  // index of observation()
    Node to;
  };
  struct Full : std::runtime_error {
    using runtime_error::runtime_error;
  };

  // max_memory: bytes, 0 is none. fast: the emitted code where there is some, which a model that
  // has been changed must not use. Model and tester outlive this.
  Determinised(const model::Model &model, const Tester &tester, std::size_t max_memory,
               bool fast = true);

  Node initial();
  // What may be seen there: one edge for each observation. Throws Full.
  void edges(Node node, std::vector<Edge> &into);
  std::span<const Index> members(Node node) const {
    const std::uint64_t begin = node ? ends_[node - 1] : 0;
    return {members_.data() + begin, members_.data() + ends_[node]};
  }
  const Observation &observation(std::uint32_t i) const { return observations_[i]; }
  model::State state(Index k) const {
    model::State s;
    layout_.unpack(store_.record(k), s.w.data());
    return s;
  }

  std::uint64_t states() const { return lane_.next; }
  std::uint64_t nodes() const { return ends_.size(); }
  std::size_t memory() const;

 private:
  using States = std::vector<Index>;  // in order
  static constexpr std::uint32_t kNone = UINT32_MAX;

  struct Span {  // of edges_: hidden ones first
    std::uint64_t begin;
    std::uint32_t hidden, all;
  };

  Index intern_state(const std::uint64_t *words);
  const Span &expand(Index k);
  const std::vector<std::uint32_t> &seen_as(std::size_t instance, model::Value output,
                                            const model::State &s);
  std::uint32_t intern(const Observation &o);
  Node intern(const States &closed);
  Node closure(const States &seeds);
  template <class NodeOf>
  void grouped(const std::vector<std::uint64_t> &all, NodeOf &&node_of, std::vector<Edge> &into);
  void blocked(Node node, std::vector<Edge> &into);
  bool same(Node node, const States &states) const;
  void count();

  const model::Model &model_;
  const Observer observer_;
  const Layout layout_;
  const std::optional<FastForm> fast_;
  Expander expander_;
  const model::Interpreter plain_;
  const std::size_t max_memory_;
  Store store_;
  Store::Lane lane_;
  std::vector<std::uint64_t> packed_;
  std::vector<std::size_t> idle_;  // instances that are seen and change nothing
  std::vector<std::uint64_t> fired_;

  std::vector<Observation> observations_;
  std::vector<std::uint32_t> blocking_;  // by observation: the one that it makes blocked waits be
  std::map<Observation, std::uint32_t> ids_;
  std::unordered_map<std::uint64_t, std::vector<std::uint32_t>> seen_as_;
  std::vector<std::uint32_t> scratch_;

  std::vector<Span> begins_;          // by state
  std::vector<std::uint64_t> edges_;  // observation << 32 | state, in order
  std::vector<Node> alone_;           // by state: the closure of it alone
  std::vector<std::uint32_t> marks_;  // by state
  std::uint32_t mark_ = 0;
  std::vector<Index> members_;       // of all nodes
  std::vector<std::uint64_t> ends_;  // by node
  std::vector<Node> table_;
};

}  // namespace ptmc::checker
