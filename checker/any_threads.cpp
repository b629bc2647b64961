#include "checker/any_threads.hpp"

#include <algorithm>
#include <thread>

#include "checker/crowd_task.hpp"

namespace ptmc::checker {

namespace {

constexpr std::size_t kChunk = 16;  // instances in a task

double since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// A proof that uses what is not proved is none; so of all that use it in turn.
void withdraw(std::vector<CrowdProof> &proofs, const std::vector<CrowdFindings::Of> &found) {
  for (bool again = true; again;) {
    again = false;
    for (std::size_t p = 0; p < proofs.size(); ++p) {
      if (proofs[p].verdict != Verdict::holds) continue;
      for (std::size_t used : found[p].uses) {
        if (proofs[used].verdict == Verdict::holds) continue;
        proofs[p].verdict = Verdict::unknown;
        proofs[p].why = "uses " + proofs[used].of.property.id + ", which is not proved";
        again = true;
        break;
      }
    }
  }
}

}  // namespace

bool CrowdResult::proved() const {
  return std::all_of(proofs.begin(), proofs.end(),
                     [](const CrowdProof &p) { return p.verdict == Verdict::holds; });
}

std::unique_ptr<model::Model> unrolled(const model::Config &config, int threads) {
  model::Shape shape = model::explored_shape(config, threads);
  std::erase_if(shape.signals, [&](model::Sig s) {
    return s != model::KILL && !config[model::signal_feature(s)];
  });
  return std::make_unique<model::Model>(shape, &config);
}

std::shared_ptr<const CrowdText> crowd_text(const Unroll &unroll) {
  return std::make_shared<CrowdText>(unroll);
}

CrowdResult any_threads(const CrowdText &text, const CrowdOptions &options) {
  const auto start = std::chrono::steady_clock::now();
  const CrowdLimit limit(options);
  // What a task asks depends on nothing but the text: nor does what it finds.
  std::vector<std::function<CrowdFindings()>> tasks{[&] { return ask_properties(text, limit); }};
  std::vector<std::string> some;
  const auto &canonical = text.crowd(kLargest).first;
  for (const auto &[key, instance] : canonical) {
    some.push_back(key);
    if (some.size() < kChunk && key != canonical.rbegin()->first) continue;
    tasks.push_back([&, some] { return ask_instances(text, some, limit); });
    some.clear();
  }
  for (int size : {kSymmetric - 1, kSymmetric})
    for (std::size_t i = 0, all = text.crowd(size).roles.size(); i < all; i += kChunk * 4)
      tasks.push_back([&, size, i, all] {
        return ask_symmetry(text, size, i, std::min(i + kChunk * 4, all), limit);
      });

  std::vector<CrowdFindings> findings(tasks.size());
  std::atomic<std::size_t> next = 0;
  const auto work = [&] {
    for (std::size_t k; (k = next++) < tasks.size();) findings[k] = tasks[k]();
  };
  std::vector<std::thread> workers;
  for (int k = 1; k < options.jobs; ++k) workers.emplace_back(work);
  work();
  for (std::thread &t : workers) t.join();

  CrowdResult result;
  result.instances = canonical.size();
  result.largest = kLargest;
  result.witnesses.resize(kMaxWitnesses + 1);
  std::vector<CrowdFindings::Of> found(text.properties.size());
  std::set<std::size_t> uses;
  for (CrowdFindings &f : findings) {
    for (std::size_t p = 0; p < f.proofs.size(); ++p) {
      found[p].uses.merge(f.proofs[p].uses);
      found[p].obligations += f.proofs[p].obligations;
      found[p].seconds += f.proofs[p].seconds;
      found[p].slowest = std::max(found[p].slowest, f.proofs[p].slowest);
      if (found[p].why.empty()) found[p].why = f.proofs[p].why;
    }
    uses.merge(f.uses);
    result.failed.insert(result.failed.end(), f.failed.begin(), f.failed.end());
    result.symmetries += f.symmetries;
    result.leaving_out += f.leaving_out;
    result.claims += f.claims;
    for (std::size_t w = 0; w < f.witnesses.size(); ++w) result.witnesses[w] += f.witnesses[w];
  }
  const auto id = [&](std::size_t p) { return text.properties[p].property.id; };
  for (std::size_t p = 0; p < found.size(); ++p) {
    if (limit.without(text.properties[p])) found[p].why = "left out";
    if (found[p].why.empty() && !options.rules.empty()) found[p].why = "only some rules were asked";
    CrowdProof proof{text.properties[p],   Verdict::holds,   found[p].why,    {},
                     found[p].obligations, found[p].seconds, found[p].slowest};
    for (std::size_t used : found[p].uses)
      if (used != p) proof.lemmas.push_back(id(used));
    if (proof.why.empty() && !result.failed.empty())
      proof.why = "a side condition fails: " + result.failed.front();
    if (!proof.why.empty()) proof.verdict = Verdict::unknown;
    result.proofs.push_back(std::move(proof));
  }
  for (std::size_t p : uses) result.lemmas.push_back(id(p));
  // The side conditions are behind every proof.
  for (CrowdFindings::Of &of : found) of.uses.insert(uses.begin(), uses.end());
  withdraw(result.proofs, found);
  result.seconds = since(start);
  return result;
}

}  // namespace ptmc::checker
