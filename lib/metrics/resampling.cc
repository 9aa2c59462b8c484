#include "metrics/resampling.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <numeric>

#include "base/error.h"
#include "metrics/drawn_in_order.h"
#include "metrics/numpy_random.h"
#include "metrics/resample_sums.h"

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

}  // namespace

std::vector<std::vector<Samples>> bootstrap(const Evaluation& e, int64_t resamples, uint64_t seed) {
  const auto segments = static_cast<std::size_t>(e.segments());
  require(segments < UINT32_MAX / 2, "too many segments to resample");
  std::vector<std::vector<Samples>> samples(e.metrics().size(), std::vector<Samples>(e.num_systems()));
  for (auto& metric : samples)
    for (auto& s : metric) s.scores.resize(static_cast<std::size_t>(resamples));

  struct Buffer : ResampleSums::Buffer {
    std::vector<uint32_t> drawn;
    std::vector<std::size_t> held;  // which resamples are summed together
  };
  const auto draw_all = [&](const ResampleSums& sums) {
    NumpyRandom random(seed);
    std::atomic<bool> exact = true;
    const auto score = [&](Buffer& b) {
      if (!sums.finish(b)) exact = false;
      for (std::size_t k = 0; k < b.held.size(); ++k)
        for (std::size_t m = 0; m < samples.size(); ++m)
          for (std::size_t s = 0; s < e.num_systems(); ++s)
            samples[m][s].scores[b.held[k]] = e.metrics()[m].value_f32(sums.of(b, k, m, s));
      b.held.clear();
      b.resamples = 0;
    };
    drawn_in_order<Buffer>(
        resamples,
        [&](int64_t, Buffer& b) {
          b.drawn.resize(segments);
          random.integers(static_cast<uint32_t>(segments), b.drawn);
        },
        [&](int64_t resample, Buffer& b) {
          sums.add(b.drawn, b);
          b.held.push_back(static_cast<std::size_t>(resample));
          if (b.resamples == ResampleSums::lot) score(b);
        },
        score);
    return exact.load();
  };
  if (!draw_all(ResampleSums(e))) draw_all(ResampleSums(e, true));
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
