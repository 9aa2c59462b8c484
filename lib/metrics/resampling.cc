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

// All metrics' and systems' counts of each segment side by side, so that a resample touches each segment once.
struct Table {
  explicit Table(const Evaluation& e);
  std::size_t segments, width = 0;  // width: padded for SIMD
  std::vector<std::size_t> first;   // by metric: its first column; systems follow one another
  std::vector<uint16_t> counts;     // [segments, width]
  std::vector<float> statistics;    // [segments, width], made only if sums of them can be inexact
  bool integral = true;             // statistics are whole numbers and fit counts
};

Table::Table(const Evaluation& e) : segments(static_cast<std::size_t>(e.segments())) {
  for (const Metric& m : e.metrics()) {
    first.push_back(width);
    width += static_cast<std::size_t>(m.columns) * e.num_systems();
    for (const double d : m.divisors) integral &= d == 1;
  }
  width = (width + 15) / 16 * 16;
  for (std::size_t m = 0; m < first.size(); ++m) integral &= std::ranges::max(e.rows(m)) < 65536;
  const auto fill = [&](auto& table, auto convert) {
    table.resize(segments * width);
    for (std::size_t m = 0; m < first.size(); ++m) {
      const auto columns = static_cast<std::size_t>(e.metrics()[m].columns), all = columns * e.num_systems();
      const auto rows = e.rows(m);
      for (std::size_t i = 0; i < segments; ++i)
        for (std::size_t c = 0; c < all; ++c)
          table[i * width + first[m] + c] = convert(rows[i * all + c], e.metrics()[m].divisors[c % columns]);
    }
  };
  if (integral) fill(counts, [](int32_t n, double) { return static_cast<uint16_t>(n); });
  // Sums up to 2^24 are exact in 32-bit floats, so that they may be taken of integers, in any order.
  const uint64_t largest = counts.empty() ? 0 : std::ranges::max(counts);
  const bool exact = integral && largest * segments <= 1u << 24;
  if (!exact) fill(statistics, [](int32_t n, double d) { return static_cast<float>(static_cast<double>(n) / d); });
}

// Sums as numpy's sum over rows of 32-bit floats: one row after another.
void sum_statistics(const Table& table, std::span<const uint32_t> segments, std::span<float> sums) {
  std::ranges::fill(sums, 0.f);
  for (const uint32_t i : segments) {
    const float* row = &table.statistics[i * table.width];
    for (std::size_t c = 0; c < sums.size(); ++c) sums[c] += row[c];
  }
}

void sum_counts(const Table& table, std::span<const uint32_t> segments, std::span<uint32_t> sums) {
  std::ranges::fill(sums, 0u);
  constexpr std::size_t ahead = 8;
  for (std::size_t k = 0; k < segments.size(); ++k) {
    const uint16_t* row = &table.counts[segments[k] * table.width];
    if (k + ahead < segments.size())
      for (std::size_t c = 0; c < sums.size(); c += 32)
        __builtin_prefetch(&table.counts[segments[k + ahead] * table.width + c]);
    for (std::size_t c = 0; c < sums.size(); ++c) sums[c] += row[c];
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
    std::vector<uint32_t> drawn, counts;
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
        if (table.statistics.empty()) {
          b.counts.resize(table.width);
          sum_counts(table, b.drawn, b.counts);
          std::ranges::copy(b.counts, b.sums.begin());
        } else {
          sum_statistics(table, b.drawn, b.sums);
        }
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
