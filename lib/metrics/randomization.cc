#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "base/error.h"
#include "metrics/drawn_in_order.h"
#include "metrics/numpy_random.h"
#include "metrics/resampling.h"

namespace storm {

namespace {

constexpr std::size_t kTrials = 1024;  // at a time: a multiple of 32, so that each lot begins with a new word of bits

// A trial swaps, segment by segment as a coin falls, the baseline's statistics and a system's. Its sums follow from
// those of (baseline - system) over the segments whose coin fell so. Eight segments' coins are a byte, and the sums of
// all 256 choices among eight segments are made once for a lot of trials (the method of the four Russians).
class CoinSums {
 public:
  explicit CoinSums(const Evaluation& e) : segments_(static_cast<std::size_t>(e.segments())) {
    std::size_t width = 0;
    for (const Metric& m : e.metrics()) {
      first_.push_back(width);
      width += static_cast<std::size_t>(m.columns) * (e.num_systems() - 1);
    }
    width_ = (width + 7) / 8 * 8;
    differences_.resize(segments_ * width_);
    for (std::size_t m = 0; m < first_.size(); ++m) {
      const auto columns = static_cast<std::size_t>(e.metrics()[m].columns), all = columns * e.num_systems();
      for (std::size_t i = 0; i < segments_; ++i)
        for (std::size_t c = columns; c < all; ++c)
          differences_[i * width_ + first_[m] + c - columns] =
              e.rows(m)[i * all + c % columns] - e.rows(m)[i * all + c];
    }
  }

  struct Buffer {
    std::vector<uint32_t> coins;  // bits, lowest first: [trials, segments]
    std::vector<int32_t> sums, choices;
  };

  void sum(std::size_t trials, Buffer& b) const {
    b.sums.assign(trials * width_, 0);
    b.choices.resize(256 * width_);
    for (std::size_t begin = 0; begin < segments_; begin += 8) {
      const std::size_t count = std::min<std::size_t>(8, segments_ - begin), mask = (std::size_t{1} << count) - 1;
      std::fill_n(b.choices.begin(), width_, 0);
      for (std::size_t choice = 1; choice <= mask; ++choice) {
        const int32_t* rest = &b.choices[(choice & (choice - 1)) * width_];
        const int32_t* added = &differences_[(begin + static_cast<std::size_t>(std::countr_zero(choice))) * width_];
        int32_t* out = &b.choices[choice * width_];
        for (std::size_t c = 0; c < width_; ++c) out[c] = rest[c] + added[c];
      }
      for (std::size_t t = 0; t < trials; ++t) {
        const std::size_t bit = t * segments_ + begin;
        uint16_t two_bytes;
        std::memcpy(&two_bytes, reinterpret_cast<const std::byte*>(b.coins.data()) + bit / 8, 2);
        const int32_t* chosen = &b.choices[(std::size_t{two_bytes} >> bit % 8 & mask) * width_];
        int32_t* out = &b.sums[t * width_];
        for (std::size_t c = 0; c < width_; ++c) out[c] += chosen[c];
      }
    }
  }

  // Sums of one trial, for a system other than the baseline.
  const int32_t* of(const Buffer& b, std::size_t trial, std::size_t metric, std::size_t system,
                    std::size_t columns) const {
    return &b.sums[trial * width_ + first_[metric] + (system - 1) * columns];
  }

 private:
  std::size_t segments_, width_ = 0;
  std::vector<std::size_t> first_;    // by metric: its first column; systems follow one another
  std::vector<int32_t> differences_;  // [segments, width]
};

// A trial's statistics of both, for one metric: thirds round, so that they are added up segment by segment, each side's
// apart, as numpy's product of the coins and the statistics does.
void add_in_order(const Evaluation& e, std::size_t m, std::size_t system, const std::vector<uint32_t>& coins,
                  std::size_t trial, std::vector<double>& a, std::vector<double>& other) {
  const std::size_t columns = a.size(), segments = static_cast<std::size_t>(e.segments());
  const std::vector<double>& divisors = e.metrics()[m].divisors;
  for (std::size_t c = 0; c < columns; ++c) {
    double sums[2][2] = {};  // [baseline, system][coin]
    for (std::size_t i = 0; i < segments; ++i) {
      const std::size_t bit = trial * segments + i, coin = coins[bit / 32] >> bit % 32 & 1;
      const int32_t* row = &e.rows(m)[i * e.num_systems() * columns + c];
      sums[0][coin] += row[0] / divisors[c];
      sums[1][coin] += row[system * columns] / divisors[c];
    }
    a[c] = sums[0][1] + sums[1][0];
    other[c] = sums[0][0] + sums[1][1];
  }
}

}  // namespace

std::vector<std::vector<double>> randomization_p_values(const Evaluation& e, int64_t trials, uint64_t seed) {
  const CoinSums sums(e);
  const auto segments = static_cast<std::size_t>(e.segments()), all = static_cast<std::size_t>(trials);
  std::vector<std::vector<double>> differences, p(e.metrics().size(), std::vector<double>(e.num_systems()));
  for (std::size_t m = 0; m < e.metrics().size(); ++m) {
    differences.emplace_back();
    for (std::size_t s = 0; s < e.num_systems(); ++s)
      differences[m].push_back(std::abs(e.score(m, 0).value - e.score(m, s).value));
  }
  std::vector<std::vector<int64_t>> larger(e.metrics().size(), std::vector<int64_t>(e.num_systems()));

  NumpyRandom random(seed);
  const auto lot_size = [&](int64_t lot) { return std::min(kTrials, all - static_cast<std::size_t>(lot) * kTrials); };
  drawn_in_order<CoinSums::Buffer>(
      (trials + static_cast<int64_t>(kTrials) - 1) / static_cast<int64_t>(kTrials),
      [&](int64_t lot, CoinSums::Buffer& b) {
        b.coins.resize((lot_size(lot) * segments + 31) / 32 + 1);  // one more, so that two bytes can always be read
        for (std::size_t i = 0; i + 1 < b.coins.size(); ++i) b.coins[i] = random.next32();
      },
      [&](int64_t lot, CoinSums::Buffer& b) {
        const std::size_t count = lot_size(lot);
        sums.sum(count, b);
        std::vector<std::vector<int64_t>> mine(larger.size(), std::vector<int64_t>(e.num_systems()));
        for (std::size_t m = 0; m < e.metrics().size(); ++m) {
          const Metric& metric = e.metrics()[m];
          const auto columns = static_cast<std::size_t>(metric.columns);
          const bool exact = std::ranges::all_of(
              metric.divisors, [](double d) { return std::has_single_bit(static_cast<uint64_t>(d)); });
          std::vector<double> a(columns), other(columns);
          for (std::size_t s = 1; s < e.num_systems(); ++s) {
            for (std::size_t t = 0; t < count; ++t) {
              const int32_t* swapped = sums.of(b, t, m, s, columns);
              if (!exact) add_in_order(e, m, s, b.coins, t, a, other);
              for (std::size_t c = 0; exact && c < columns; ++c) {
                a[c] = static_cast<double>(e.sum(m, s, c) + swapped[c]) / metric.divisors[c];
                other[c] = static_cast<double>(e.sum(m, 0, c) - swapped[c]) / metric.divisors[c];
              }
              mine[m][s] += std::abs(metric.value(a) - metric.value(other)) > differences[m][s];
            }
          }
        }
#pragma omp critical(storm_randomization)
        for (std::size_t m = 0; m < larger.size(); ++m)
          for (std::size_t s = 0; s < e.num_systems(); ++s) larger[m][s] += mine[m][s];
      },
      [](CoinSums::Buffer&) {});
  for (std::size_t m = 0; m < p.size(); ++m)
    for (std::size_t s = 0; s < e.num_systems(); ++s)
      p[m][s] = static_cast<double>(larger[m][s] + 1) / static_cast<double>(trials + 1);
  return p;
}

}  // namespace storm
