#include "metrics/row_tests.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "metrics/drawn_in_order.h"
#include "metrics/numpy_random.h"

namespace storm {

namespace {

constexpr int64_t kTrials = 32;  // at a time: all their coins are whole words of bits

void check(std::size_t rows, std::size_t systems) {
  require(rows * systems < UINT32_MAX / 2, "too many rows to resample");
}

// But for rounding.
bool as_large(double difference, double as) { return difference >= as * (1 - 1e-12) - 1e-15; }

double defined(double value) { return std::isnan(value) ? 0 : value; }

}  // namespace

double value_of(const RowMeasure& measure, std::size_t system, std::size_t rows, std::size_t systems) {
  std::vector<uint32_t> all(rows);
  for (std::size_t r = 0; r < rows; ++r) all[r] = static_cast<uint32_t>(r * systems + system);
  return measure.value(all);
}

std::vector<std::vector<Samples>> bootstrap(std::span<const RowMeasure> measures, std::size_t rows, std::size_t systems,
                                            int64_t resamples, uint64_t seed) {
  check(rows, systems);
  std::vector<std::vector<Samples>> samples(measures.size(), std::vector<Samples>(systems));
  for (auto& of_measure : samples)
    for (auto& s : of_measure) s.scores.resize(static_cast<std::size_t>(resamples));
  struct Buffer {
    std::vector<uint32_t> drawn, chosen;
  };
  NumpyRandom random(seed);
  drawn_in_order<Buffer>(
      resamples,
      [&](int64_t, Buffer& b) {
        b.drawn.resize(rows);
        random.integers(static_cast<uint32_t>(rows), b.drawn);
      },
      [&](int64_t resample, Buffer& b) {
        b.chosen.resize(rows);
        for (std::size_t s = 0; s < systems; ++s) {
          for (std::size_t r = 0; r < rows; ++r)
            b.chosen[r] = b.drawn[r] * static_cast<uint32_t>(systems) + static_cast<uint32_t>(s);
          for (std::size_t m = 0; m < measures.size(); ++m)
            samples[m][s].scores[static_cast<std::size_t>(resample)] = defined(measures[m].value(b.chosen));
        }
      },
      [](Buffer&) {});
  return samples;
}

double paired_p_value(const Samples& baseline, const Samples& system, double difference) {
  int64_t as_far = 0;
  for (std::size_t i = 0; i < baseline.scores.size(); ++i)
    as_far += as_large(std::abs(system.scores[i] - baseline.scores[i] - difference), std::abs(difference));
  return static_cast<double>(as_far + 1) / static_cast<double>(baseline.scores.size() + 1);
}

std::vector<std::vector<double>> randomization_p_values(std::span<const RowMeasure> measures, std::size_t rows,
                                                        std::size_t systems, int64_t trials, uint64_t seed) {
  check(rows, systems);
  std::vector<std::vector<double>> differences(measures.size(), std::vector<double>(systems)), p = differences;
  for (std::size_t m = 0; m < measures.size(); ++m) {
    const double baseline = defined(value_of(measures[m], 0, rows, systems));
    for (std::size_t s = 1; s < systems; ++s)
      differences[m][s] = std::abs(baseline - defined(value_of(measures[m], s, rows, systems)));
  }
  std::vector<std::vector<int64_t>> larger(measures.size(), std::vector<int64_t>(systems));
  struct Buffer {
    std::vector<uint32_t> coins, kept, swapped;  // coins: bits, lowest first: [trials, rows]
  };
  NumpyRandom random(seed);
  drawn_in_order<Buffer>((trials + kTrials - 1) / kTrials,
                         [&](int64_t, Buffer& b) {
                           b.coins.resize(rows);
                           for (auto& word : b.coins) word = random.next32();
                         },
                         [&](int64_t lot, Buffer& b) {
                           std::vector<std::vector<int64_t>> mine(larger.size(), std::vector<int64_t>(systems));
                           b.kept.resize(rows);
                           b.swapped.resize(rows);
                           const auto count = static_cast<std::size_t>(std::min(kTrials, trials - lot * kTrials));
                           for (std::size_t t = 0; t < count; ++t)
                             for (std::size_t s = 1; s < systems; ++s) {
                               for (std::size_t r = 0; r < rows; ++r) {
                                 const std::size_t bit = t * rows + r, coin = b.coins[bit / 32] >> bit % 32 & 1;
                                 b.kept[r] = static_cast<uint32_t>(r * systems + (coin ? s : 0));
                                 b.swapped[r] = static_cast<uint32_t>(r * systems + (coin ? 0 : s));
                               }
                               for (std::size_t m = 0; m < measures.size(); ++m)
                                 mine[m][s] += as_large(std::abs(defined(measures[m].value(b.kept)) -
                                                                 defined(measures[m].value(b.swapped))),
                                                        differences[m][s]);
                             }
#pragma omp critical(storm_row_randomization)
                           for (std::size_t m = 0; m < larger.size(); ++m)
                             for (std::size_t s = 0; s < systems; ++s) larger[m][s] += mine[m][s];
                         },
                         [](Buffer&) {});
  for (std::size_t m = 0; m < p.size(); ++m)
    for (std::size_t s = 0; s < systems; ++s)
      p[m][s] = static_cast<double>(larger[m][s] + 1) / static_cast<double>(trials + 1);
  return p;
}

}  // namespace storm
