#include "metrics/resample_sums.h"

#include <immintrin.h>

#include <algorithm>
#include <bit>
#include <cstring>

namespace storm {

namespace {

constexpr int64_t kExact = int64_t{1} << 24;
constexpr std::size_t kColumns = 16, kResamples = 4;  // what is summed in registers
constexpr std::size_t kPairs = 64;                    // pairs of segments whose counts stay in the nearest cache

std::size_t rounded_up(std::size_t n, std::size_t multiple) { return (n + multiple - 1) / multiple * multiple; }

bool may_be_inexact(const Evaluation& e, std::size_t m) {
  const Metric& metric = e.metrics()[m];
  const int64_t largest = std::ranges::max(e.rows(m));
  if (largest > INT16_MAX || largest * e.segments() > INT32_MAX) return true;
  for (const double d : metric.divisors)
    if (!std::has_single_bit(static_cast<uint64_t>(d))) return true;
  for (std::size_t s = 0; s < e.num_systems(); ++s)
    for (std::size_t c = 0; c < static_cast<std::size_t>(metric.columns); ++c)
      if (e.sum(m, s, c) > kExact) return true;
  return false;
}

// sums[resample][column] += times x counts of all pairs. A row of times is a resample, [pairs][2], a row of counts is
// a pair of segments, [width][2], of which the first kColumns count.
void add_products(const uint16_t* times, std::size_t times_stride, const int16_t* counts, std::size_t width,
                  std::size_t pairs, int32_t* sums) {
  constexpr std::size_t vectors = kColumns / 8;
  const auto load = [](const void* from) { return _mm256_loadu_si256(static_cast<const __m256i*>(from)); };
  __m256i sum[kResamples][vectors];
  for (std::size_t r = 0; r < kResamples; ++r)
    for (std::size_t v = 0; v < vectors; ++v) sum[r][v] = load(sums + r * width + 8 * v);
  for (std::size_t p = 0; p < pairs; ++p)
    for (std::size_t r = 0; r < kResamples; ++r) {
      int32_t both;
      std::memcpy(&both, times + r * times_stride + 2 * p, sizeof both);
      const __m256i weights = _mm256_set1_epi32(both);
      for (std::size_t v = 0; v < vectors; ++v)
        sum[r][v] = _mm256_add_epi32(sum[r][v], _mm256_madd_epi16(load(counts + 2 * (p * width + 8 * v)), weights));
    }
  for (std::size_t r = 0; r < kResamples; ++r)
    for (std::size_t v = 0; v < vectors; ++v)
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(sums + r * width + 8 * v), sum[r][v]);
}

}  // namespace

ResampleSums::ResampleSums(const Evaluation& e, bool all_in_order)
    : segments_(static_cast<std::size_t>(e.segments())), num_systems_(e.num_systems()) {
  for (std::size_t m = 0; m < e.metrics().size(); ++m) {
    const Metric& metric = e.metrics()[m];
    const auto columns = static_cast<std::size_t>(metric.columns);
    const bool in_order = all_in_order || may_be_inexact(e, m);
    std::size_t& width = in_order ? ordered_width_ : width_;
    places_.push_back({columns, all_columns_, in_order, width, metric.divisors});
    width += columns * num_systems_;
    all_columns_ += columns * num_systems_;
  }
  width_ = rounded_up(width_, kColumns);
  counts_.resize(rounded_up(segments_, 2) * width_);
  ordered_.resize(segments_ * ordered_width_);
  for (std::size_t m = 0; m < places_.size(); ++m) {
    const Place& p = places_[m];
    const int32_t* row = e.rows(m).data();
    for (std::size_t i = 0; i < segments_; ++i, row += p.columns * num_systems_)
      for (std::size_t c = 0; c < p.columns * num_systems_; ++c)
        if (p.in_order)
          ordered_[i * ordered_width_ + p.first + c] = static_cast<float>(row[c] / p.divisors[c % p.columns]);
        else
          counts_[(i / 2 * width_ + p.first + c) * 2 + i % 2] = static_cast<int16_t>(row[c]);
  }
}

void ResampleSums::add(std::span<const uint32_t> drawn, Buffer& b) const {
  const std::size_t stride = rounded_up(segments_, 2);
  if (b.sums.empty()) {
    b.times.resize(lot * stride);
    b.counts.resize(lot * width_);
    b.sums.resize(lot * all_columns_);
  }
  // No segment is drawn 2^15 times: the chance of that is far below a machine's of breaking.
  uint16_t* times = &b.times[b.resamples * stride];
  std::fill_n(times, stride, uint16_t{0});
  if (width_ > 0)
    for (const uint32_t i : drawn) ++times[i];
  if (ordered_width_ > 0) {
    std::vector<float> sums(ordered_width_);
    for (const uint32_t i : drawn) {
      const float* row = &ordered_[i * ordered_width_];
      for (std::size_t c = 0; c < ordered_width_; ++c) sums[c] += row[c];
    }
    for (const Place& p : places_)
      if (p.in_order)
        std::copy_n(&sums[p.first], p.columns * num_systems_, &b.sums[b.resamples * all_columns_ + p.out]);
  }
  ++b.resamples;
}

bool ResampleSums::finish(Buffer& b) const {
  const std::size_t stride = rounded_up(segments_, 2), pairs = stride / 2;
  std::ranges::fill(b.counts, 0);
  for (std::size_t begin = 0; begin < pairs && width_ > 0; begin += kPairs)
    for (std::size_t c = 0; c < width_; c += kColumns)
      for (std::size_t r = 0; r < b.resamples; r += kResamples)  // up to a whole lot, whose rest is not looked at
        add_products(&b.times[r * stride + 2 * begin], stride, &counts_[(begin * width_ + c) * 2], width_,
                     std::min(kPairs, pairs - begin), &b.counts[r * width_ + c]);
  for (std::size_t r = 0; r < b.resamples; ++r)
    for (const Place& p : places_) {
      if (p.in_order) continue;
      for (std::size_t c = 0; c < p.columns * num_systems_; ++c) {
        const int32_t count = b.counts[r * width_ + p.first + c];
        if (count > kExact) return false;
        b.sums[r * all_columns_ + p.out + c] = static_cast<float>(count / p.divisors[c % p.columns]);
      }
    }
  return true;
}

}  // namespace storm
