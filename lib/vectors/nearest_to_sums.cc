#include "vectors/nearest_to_sums.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "cpu/gemm.h"
#include "cpu/simd.h"

namespace storm {

namespace {

constexpr double kEpsilon = 1e-6;

STORM_CLONES void add_scaled(const float* x, float weight, int64_t n, float* y) {
#pragma omp simd
  for (int64_t i = 0; i < n; ++i) y[i] += weight * x[i];
}

// y *= (1 + x)/2 + shift, which is not below zero.
STORM_CLONES void multiply_shares(const float* x, float shift, int64_t n, float* y) {
#pragma omp simd
  for (int64_t i = 0; i < n; ++i) {
    const float share = 0.5f + 0.5f * x[i] + shift;
    y[i] *= share > 0 ? share : 0;
  }
}

STORM_CLONES void divide(const float* x, float epsilon, float factor, int64_t n, float* y) {
#pragma omp simd
  for (int64_t i = 0; i < n; ++i) y[i] = y[i] / (x[i] + epsilon) * factor;
}

using Terms = std::span<const SumTerm>;

class SumSearch {
 public:
  SumSearch(std::span<const VectorBlock> index, int64_t width, std::span<const float> vectors,
            std::span<const std::vector<SumTerm>> sums, SumScore score, int64_t k)
      : rows_(index, width),
        width_(width),
        vectors_(vectors),
        sums_(sums),
        score_(score),
        k_(static_cast<std::size_t>(std::min(k, rows_.size()))),
        count_(static_cast<int64_t>(vectors.size()) / width),
        unit_(vectors.size()),
        // As nearest() bounds what rounding moves a cosine by.
        slack_(static_cast<double>(width + 16) * 0x1p-23) {
    for (int64_t i = 0; i < count_; ++i) {
      const float* x = vectors.data() + i * width;
      const double squares = dot_in_double(x, x, width);
      require(std::isfinite(squares), "vector ", i + 1, " of the sums holds NaN or an infinity");
      norms_.push_back(std::sqrt(squares));
      scale_in_double(x, width, squares > 0 ? 1 / norms_.back() : 0, unit_.data() + i * width);
    }
  }

  std::vector<std::vector<Neighbour>> operator()() const {
    return search_panels(rows_.size(), sums_.size(), k_,
                         [&](int64_t begin, int64_t end, std::vector<BestRows>& best) { search(begin, end, best); });
  }

 private:
  // The sum itself, and its length; 0 where it is zero but for what rounding leaves.
  double add_up(Terms terms, std::vector<double>& sum) const {
    std::fill(sum.begin(), sum.end(), 0.0);
    double squares = 0, weights = 0;
    for (const auto& term : terms) {
      const auto at = static_cast<std::size_t>(term.vector);
      const double weight = norms_[at] > 0 ? term.weight / norms_[at] : 0;
      const float* x = vectors_.data() + term.vector * width_;
      for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += weight * x[i];
      weights += std::abs(term.weight);
    }
    for (const double x : sum) squares += x * x;
    const double length = std::sqrt(squares);
    return length > 1e-12 * weights ? length : 0;
  }

  // An upper bound of each row's score, but for a factor that is the sum's own (cosadd). columns: [vectors, count]
  void bound(Terms terms, const float* columns, int64_t count, std::vector<float>& scores,
             std::vector<float>& below) const {
    if (score_ == SumScore::cosadd) {
      std::fill(scores.begin(), scores.end(), 0.0f);
      for (const auto& term : terms)
        add_scaled(columns + term.vector * count, static_cast<float>(term.weight), count, scores.data());
      return;
    }
    std::fill(scores.begin(), scores.end(), 1.0f);
    std::fill(below.begin(), below.end(), 1.0f);
    const auto shift = static_cast<float>(slack_);
    for (const auto& term : terms)
      multiply_shares(columns + term.vector * count, term.weight > 0 ? shift : -shift, count,
                      (term.weight > 0 ? scores : below).data());
    const float rounding = 1 + static_cast<float>(terms.size() + 4) * 0x1p-22f;
    divide(below.data(), static_cast<float>(kEpsilon) * (1 - 0x1p-20f), rounding, count, scores.data());
  }

  // row: of the index, of length `norm`
  double exact(Terms terms, std::span<const double> sum, double length, const float* row, double norm) const {
    if (score_ == SumScore::cosadd) return dot_in_double(sum.data(), row, width_) / (length * norm);
    double above = 1, below = 1;
    for (const auto& term : terms) {
      const double product = dot_in_double(vectors_.data() + term.vector * width_, row, width_);
      const double length_of = norms_[static_cast<std::size_t>(term.vector)];
      (term.weight > 0 ? above : below) *= (1 + (length_of > 0 ? product / (length_of * norm) : 0)) / 2;
    }
    return above / (below + kEpsilon);
  }

  void search(int64_t begin, int64_t end, std::vector<BestRows>& best) const {
    std::vector<float> panel(static_cast<std::size_t>(kPanelRows * width_)), row(static_cast<std::size_t>(width_)),
        columns(static_cast<std::size_t>(count_ * kPanelRows)), scores(kPanelRows), below(kPanelRows);
    std::vector<double> sum(static_cast<std::size_t>(width_));
    std::vector<double> lengths(sums_.size());
    for (std::size_t s = 0; s < sums_.size(); ++s) lengths[s] = add_up(sums_[s], sum);
    for (int64_t p = begin; p < end; ++p) {
      const int64_t first = p * kPanelRows, count = std::min(kPanelRows, rows_.size() - first);
      rows_.read_unit(first, count, panel.data());
      gemm(false, true, count_, count, width_, 1, unit_.data(), width_, panel.data(), width_, 0, columns.data(), count);
      for (std::size_t s = 0; s < sums_.size(); ++s) {
        if (score_ == SumScore::cosadd && lengths[s] == 0) continue;
        bound(sums_[s], columns.data(), count, scores, below);
        const auto least = [&] { return least_of(best[s].least(k_), sums_[s], lengths[s]); };
        float limit = least();
        bool added = false;
        for (int64_t r = next_large(scores.data(), 0, count, limit); r < count;
             r = next_large(scores.data(), r + 1, count, limit)) {
          rows_.read(first + r, row.data());
          const double squares = dot_in_double(row.data(), row.data(), width_);
          if (squares == 0) continue;
          if (!added && score_ == SumScore::cosadd) add_up(sums_[s], sum);
          added = true;
          best[s].offer({exact(sums_[s], sum, lengths[s], row.data(), std::sqrt(squares)), first + r}, k_);
          limit = least();
        }
      }
    }
  }

  // What a bound must reach for the row to have a score of `least`.
  float least_of(double least, Terms terms, double length) const {
    if (score_ == SumScore::cosadd) {
      double weights = 0;
      for (const auto& term : terms) weights += std::abs(term.weight);
      least = least * length - weights * (slack_ + static_cast<double>(terms.size()) * 0x1p-23);
    }
    return std::nextafterf(static_cast<float>(least), -INFINITY);
  }

  VectorRows rows_;
  int64_t width_;
  std::span<const float> vectors_;
  std::span<const std::vector<SumTerm>> sums_;
  SumScore score_;
  std::size_t k_;
  int64_t count_;
  std::vector<float> unit_;    // [count, width]
  std::vector<double> norms_;  // [count]
  double slack_;
};

}  // namespace

std::vector<std::vector<Neighbour>> nearest_to_sums(std::span<const VectorBlock> index, int64_t width,
                                                    std::span<const float> vectors,
                                                    std::span<const std::vector<SumTerm>> sums, SumScore score,
                                                    int64_t k) {
  require(width > 0 && k > 0 && vectors.size() % static_cast<std::size_t>(width) == 0,
          "nearest_to_sums: ", vectors.size(), " numbers of vectors of width ", width, ", k ", k);
  return SumSearch(index, width, vectors, sums, score, k)();
}

}  // namespace storm
