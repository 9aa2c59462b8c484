#include "metrics/resampling.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/error.h"
#include "metrics/drawn_in_order.h"
#include "metrics/numpy_random.h"

namespace storm {

namespace {

// numpy's sum of a contiguous array: eight running sums in blocks of up to 128, and halves added up above that.
template <class Real>
Real pairwise_sum(const Real* a, std::size_t n) {
  if (n > 128) {
    const std::size_t half = n / 2 - n / 2 % 8;
    return pairwise_sum(a, half) + pairwise_sum(a + half, n - half);
  }
  Real sums[8] = {}, rest = 0;
  std::size_t i = 0;
  for (; n >= 8 && i < n - n % 8; i += 8)
    for (std::size_t k = 0; k < 8; ++k) sums[k] = i ? sums[k] + a[i + k] : a[i + k];
  Real sum = ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7])) + rest;
  for (; i < n; ++i) sum += a[i];
  return sum;
}

template <class Real>
double half_width(std::vector<Real> sorted) {
  std::ranges::sort(sorted);
  const std::size_t low = sorted.size() / 40, high = sorted.size() - low - 1;
  return static_cast<Real>(0.5) * (sorted[high] - sorted[low]);
}

template <class Real>
std::vector<Real> as(const std::vector<double>& scores) {
  return {scores.begin(), scores.end()};
}

template <class Real>
double numpy_mean(const std::vector<Real>& a) {
  return pairwise_sum(a.data(), a.size()) / static_cast<Real>(a.size());
}

template <class Real>
double p_value(const std::vector<Real>& baseline, const std::vector<Real>& system, double difference) {
  std::vector<Real> differences(baseline.size());
  for (std::size_t i = 0; i < differences.size(); ++i) differences[i] = std::abs(system[i] - baseline[i]);
  const Real mean = static_cast<Real>(numpy_mean(differences)), limit = static_cast<Real>(difference);
  const auto larger = std::ranges::count_if(differences, [&](Real d) { return d - mean > limit; });
  return static_cast<double>(larger + 1) / static_cast<double>(differences.size() + 1);
}

// All metrics' and systems' statistics of each segment side by side, so that a resample draws for all of them at once.
// Either as counts, in lanes of columns that are a cache line of a segment each, or as 32-bit floats where sums of
// those can be inexact and their order matters.
struct Table {
  static constexpr std::size_t lane = 32;
  struct alignas(64) Counts {
    uint16_t of[lane] = {};
  };
  explicit Table(const Evaluation& e);
  bool exact() const { return statistics.empty(); }

  std::size_t segments, width = 0;  // width: a multiple of a lane
  std::vector<std::size_t> first;   // by metric: its first column; systems follow one another
  std::vector<Counts> counts;       // [width / lane, segments]
  std::vector<float> statistics;    // [segments, width]
  std::size_t rows_until_full = 0;  // so many segments' counts add up to 16 bits at most
};

Table::Table(const Evaluation& e) : segments(static_cast<std::size_t>(e.segments())) {
  uint64_t largest = 1;
  bool integral = true;
  for (std::size_t m = 0; m < e.metrics().size(); ++m) {
    const Metric& metric = e.metrics()[m];
    first.push_back(width);
    width += static_cast<std::size_t>(metric.columns) * e.num_systems();
    for (const double d : metric.divisors) integral &= d == 1;
    largest = std::max(largest, static_cast<uint64_t>(std::ranges::max(e.rows(m))));
  }
  width = (width + lane - 1) / lane * lane;
  const auto for_each = [&](auto put) {
    for (std::size_t m = 0; m < first.size(); ++m) {
      const auto columns = static_cast<std::size_t>(e.metrics()[m].columns), all = columns * e.num_systems();
      const auto rows = e.rows(m);
      for (std::size_t i = 0; i < segments; ++i)
        for (std::size_t c = 0; c < all; ++c)
          put(i, first[m] + c, rows[i * all + c], e.metrics()[m].divisors[c % columns]);
    }
  };
  // Sums of whole numbers up to 2^24 are exact in 32-bit floats, and then integers serve as well, in any order.
  if (integral && largest < 65536 && largest * segments <= 1u << 24) {
    counts.resize(width / lane * segments);
    rows_until_full = 65535 / largest;
    for_each([&](std::size_t i, std::size_t c, int32_t n, double) {
      counts[c / lane * segments + i].of[c % lane] = static_cast<uint16_t>(n);
    });
  } else {
    statistics.resize(segments * width);
    for_each([&](std::size_t i, std::size_t c, int32_t n, double divisor) {
      statistics[i * width + c] = static_cast<float>(static_cast<double>(n) / divisor);
    });
  }
}

// Sums as numpy's sum over rows of 32-bit floats: one row after another.
void sum_statistics(const Table& table, std::span<const uint32_t> segments, std::span<float> sums) {
  std::ranges::fill(sums, 0.f);
  for (const uint32_t i : segments) {
    const float* row = &table.statistics[i * table.width];
    for (std::size_t c = 0; c < sums.size(); ++c) sums[c] += row[c];
  }
}

void sum_counts(const Table& table, std::span<const uint32_t> segments, std::span<float> sums) {
  constexpr std::size_t ahead = 16;  // a segment's counts are fetched while those before are added
  for (std::size_t first = 0; first < table.width; first += Table::lane) {
    const Table::Counts* rows = &table.counts[first / Table::lane * table.segments];
    uint32_t all[Table::lane] = {};
    for (std::size_t begin = 0; begin < segments.size(); begin += table.rows_until_full) {
      const std::size_t end = std::min(begin + table.rows_until_full, segments.size());
      uint16_t few[Table::lane] = {};
      for (std::size_t k = begin; k < end; ++k) {
        __builtin_prefetch(&rows[segments[std::min(k + ahead, segments.size() - 1)]]);
        for (std::size_t c = 0; c < Table::lane; ++c) few[c] = static_cast<uint16_t>(few[c] + rows[segments[k]].of[c]);
      }
      for (std::size_t c = 0; c < Table::lane; ++c) all[c] += few[c];
    }
    std::ranges::copy(all, sums.begin() + static_cast<std::ptrdiff_t>(first));
  }
}

}  // namespace

std::vector<std::vector<Samples>> bootstrap(const Evaluation& e, int64_t resamples, uint64_t seed) {
  const Table table(e);
  require(table.segments < UINT32_MAX / 2, "too many segments to resample");
  std::vector<std::vector<Samples>> samples(e.metrics().size(), std::vector<Samples>(e.num_systems()));
  for (auto& metric : samples)
    for (auto& s : metric) s.scores.resize(static_cast<std::size_t>(resamples));

  struct Buffer {
    std::vector<uint32_t> drawn;
    std::vector<float> sums;
  };
  NumpyRandom random(seed);
  drawn_in_order<Buffer>(
      resamples,
      [&](int64_t, Buffer& b) {
        b.drawn.resize(table.segments);
        random.integers(static_cast<uint32_t>(table.segments), b.drawn);
      },
      [&](int64_t sample, Buffer& b) {
        b.sums.resize(table.width);
        if (table.exact())
          sum_counts(table, b.drawn, b.sums);
        else
          sum_statistics(table, b.drawn, b.sums);
        for (std::size_t m = 0; m < samples.size(); ++m) {
          const auto columns = static_cast<std::size_t>(e.metrics()[m].columns);
          for (std::size_t s = 0; s < e.num_systems(); ++s)
            samples[m][s].scores[static_cast<std::size_t>(sample)] =
                e.metrics()[m].value_f32(std::span<const float>(b.sums).subspan(table.first[m] + s * columns, columns));
        }
      });
  // A score of nothing is a 64-bit zero to sacreBLEU's chrF, and then numpy takes all of them for 64-bit floats.
  for (std::size_t m = 0; m < samples.size(); ++m)
    for (auto& s : samples[m])
      s.is_f32 = e.metrics()[m].is_f32 && (e.metrics()[m].key != "CHRF" || !std::ranges::count(s.scores, 0.));
  return samples;
}

Confidence confidence(const Samples& samples) {
  const auto& scores = samples.scores;
  const long double sum = std::accumulate(scores.begin(), scores.end(), 0.0L);
  const auto mean = static_cast<double>(sum / static_cast<long double>(scores.size()));
  if (samples.is_f32) return {static_cast<float>(mean), half_width(as<float>(scores))};
  return {mean, half_width(scores)};
}

// numpy takes the mean of sorted scores here.
Confidence paired_confidence(const Samples& samples) {
  auto sorted = samples.scores;
  std::ranges::sort(sorted);
  if (samples.is_f32) return {numpy_mean(as<float>(sorted)), half_width(as<float>(sorted))};
  return {numpy_mean(sorted), half_width(sorted)};
}

double bootstrap_p_value(const Samples& baseline, const Samples& system, double difference) {
  if (baseline.is_f32 && system.is_f32)
    return p_value(as<float>(baseline.scores), as<float>(system.scores), difference);
  return p_value(baseline.scores, system.scores, difference);
}

}  // namespace storm
