#include "metrics/correlation.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/error.h"

namespace storm {

namespace {

constexpr double kUndefined = std::numeric_limits<double>::quiet_NaN();

void check_sizes(std::span<const double> a, std::span<const double> b) {
  require(a.size() == b.size(), "columns of ", a.size(), " and ", b.size(), " numbers");
}

double mean(std::span<const double> x) {
  double mean = 0;
  for (const double value : x) mean += value / static_cast<double>(x.size());  // whose sum may be no double
  return mean;
}

double largest(std::span<const double> x, double mean) {
  double most = 0;
  for (const double value : x) most = std::max(most, std::abs(value - mean));
  return most;
}

}  // namespace

double pearson(std::span<const double> a, std::span<const double> b) {
  check_sizes(a, b);
  // A mean may round off a constant column's one value, which then looks as if it varied.
  for (const auto column : {a, b})
    if (std::ranges::all_of(column, [&](double x) { return x == column[0]; })) return kUndefined;
  const double mean_a = mean(a), mean_b = mean(b);
  // By the largest distance from the mean, or the squares of huge or tiny ones would leave a double's range.
  const double most_a = largest(a, mean_a), most_b = largest(b, mean_b);
  double aa = 0, bb = 0, ab = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double x = (a[i] - mean_a) / most_a, y = (b[i] - mean_b) / most_b;
    aa += x * x;
    bb += y * y;
    ab += x * y;
  }
  const double r = ab / std::sqrt(aa) / std::sqrt(bb);
  return std::isfinite(r) ? std::clamp(r, -1.0, 1.0) : kUndefined;
}

std::vector<double> average_ranks(std::span<const double> values) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return values[a] < values[b]; });
  std::vector<double> ranks(values.size());
  for (std::size_t begin = 0, end; begin < order.size(); begin = end) {
    for (end = begin + 1; end < order.size() && values[order[end]] == values[order[begin]]; ++end) continue;
    for (std::size_t i = begin; i < end; ++i) ranks[order[i]] = static_cast<double>(begin + 1 + end) / 2;
  }
  return ranks;
}

double spearman(std::span<const double> a, std::span<const double> b) {
  check_sizes(a, b);
  return pearson(average_ranks(a), average_ranks(b));
}

double mean_squared_error(std::span<const double> gold, std::span<const double> predicted) {
  check_sizes(gold, predicted);
  double sum = 0;
  for (std::size_t i = 0; i < gold.size(); ++i) sum += (gold[i] - predicted[i]) * (gold[i] - predicted[i]);
  return sum / static_cast<double>(gold.size());
}

}  // namespace storm
