#include "checker/reachable.hpp"

#include <algorithm>
#include <stdexcept>

namespace ptmc::checker {

Reachable::Reachable(const model::Model &model, std::size_t limit, bool fast)
    : layout_(model), store_(layout_.words(), 1, 0) {
  const std::optional<FastForm> form = fast ? fast_form(model) : std::nullopt;
  Expander expander(model, form ? &*form : nullptr);
  Store::Lane lane;
  std::vector<std::uint64_t> packed(layout_.words());
  const auto add = [&](const std::uint64_t *state) {
    layout_.pack(state, packed.data());
    if (store_.add(lane, packed.data(), store_.hash(packed.data())) == Store::Added::full)
      throw std::length_error("too many states");
    if (store_.crowded()) store_.grow(1, [] { return false; });
  };
  const auto take = [&] {
    for (const Range &r : store_.take(lane)) {
      ranges_.push_back(r);
      begins_.push_back(size_);
      size_ += r.count;
    }
  };
  add(model.initial().w.data());
  take();
  std::size_t done = 0;
  for (; done < size_ && size_ < limit; ++done) {
    expander.expand((*this)[done].w.data());
    for (std::size_t k = 0; k < expander.count(); ++k) add(expander.successor(k));
    if (done + 1 == size_) take();  // the next level
  }
  take();
  complete_ = done == size_;
}

model::State Reachable::operator[](std::size_t k) const {
  const auto range = static_cast<std::size_t>(std::upper_bound(begins_.begin(), begins_.end(), k) -
                                              begins_.begin() - 1);
  model::State state;
  layout_.unpack(store_.record(ranges_[range].first + static_cast<Index>(k - begins_[range])),
                 state.w.data());
  return state;
}

}  // namespace ptmc::checker
