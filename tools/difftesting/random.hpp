// Random choices. The same seed gives the same ones everywhere, unlike with the distributions of
// the standard library.
#pragma once

#include <cstdint>
#include <random>
#include <span>

namespace ptmc::difftest {

class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed) {}
  std::size_t below(std::size_t bound) { return engine_() % bound; }
  int between(int least, int most) {
    return least + static_cast<int>(below(static_cast<std::size_t>(most - least + 1)));
  }
  bool chance(int percent) { return between(1, 100) <= percent; }
  auto one_of(const auto &all) { return all[below(std::size(all))]; }
  // An index, each as often as its weight says.
  std::size_t weighted(std::span<const double> weights) {
    double total = 0;
    for (const double weight : weights) total += weight;
    double point = total * static_cast<double>(below(1 << 24)) / (1 << 24);
    for (std::size_t i = 0; i + 1 < weights.size(); ++i)
      if ((point -= weights[i]) < 0) return i;
    return weights.size() - 1;
  }

 private:
  std::mt19937_64 engine_;
};

}  // namespace ptmc::difftest
