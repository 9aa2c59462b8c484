#include "data/switched_rows.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/random.h"

namespace storm {

namespace {

// k of 0 to n, with a probability in proportion to e^(-k / tau): the geometric distribution, cut off.
int64_t draw_count(RandomStream& random, int64_t n, double tau) {
  const double q = std::exp(-1 / tau), all = 1 - std::pow(q, static_cast<double>(n + 1));
  const double k = std::floor(std::log1p(-random.uniform() * all) / std::log(q));
  return std::clamp<int64_t>(static_cast<int64_t>(k), 0, n);
}

}  // namespace

SwitchedRows::SwitchedRows(const RowSource& rows, std::vector<std::vector<bool>> ordinary, double tau, uint64_t seed)
    : rows_(rows), tau_(tau), seed_(seed) {
  for (auto& of_column : ordinary) {
    Column& c = columns_.emplace_back(Column{std::move(of_column), {}});
    for (std::size_t id = 0; id < c.ordinary.size(); ++id)
      if (c.ordinary[id]) c.ids.push_back(static_cast<int32_t>(id));
    require(c.ids.size() > 1, "SwitchOut needs a vocabulary of two ordinary pieces, at least");
  }
}

void SwitchedRows::append(int64_t epoch, int64_t row, Rows& to) const {
  const auto begin = static_cast<std::size_t>(to.offsets.size()) - 1;
  rows_.append(epoch, row, to);
  RandomStream random(seed_, RandomUse::switch_out, stream_in_epoch(epoch, row));
  std::vector<std::size_t> places;
  for (std::size_t c = 0; c < columns_.size(); ++c) {
    const auto from = static_cast<std::size_t>(to.offsets[begin + c]),
               end = static_cast<std::size_t>(to.offsets[begin + c + 1]);
    places.clear();
    for (std::size_t i = from; i < end; ++i)
      if (columns_[c].ordinary[static_cast<std::size_t>(to.ids[i])]) places.push_back(i);
    const auto& ids = columns_[c].ids;
    auto left = places.size();
    for (int64_t k = draw_count(random, static_cast<int64_t>(left), tau_); k > 0; --k) {
      const auto at = static_cast<std::size_t>(random.below(left--));
      std::swap(places[at], places[left]);
      int32_t& id = to.ids[places[left]];
      // Any but itself: one of the others, counted round from its own place.
      const auto own = static_cast<std::size_t>(std::ranges::lower_bound(ids, id) - ids.begin());
      id = ids[(own + 1 + static_cast<std::size_t>(random.below(ids.size() - 1))) % ids.size()];
    }
  }
}

}  // namespace storm
