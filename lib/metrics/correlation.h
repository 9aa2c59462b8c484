// How predicted numbers agree with gold ones. Figures are scipy.stats' and scikit-learn's.
#pragma once

#include <span>
#include <vector>

namespace storm {

// Pearson's correlation of two columns of the same length, from -1 to 1. NaN where it is undefined: below two rows, or
// where one column is constant.
double pearson(std::span<const double> a, std::span<const double> b);

// Ranks from 1; equal values share the mean of theirs.
std::vector<double> average_ranks(std::span<const double> values);

// Spearman's rank correlation: Pearson's of the average ranks. NaN below two rows and where one column is constant.
double spearman(std::span<const double> a, std::span<const double> b);

// The mean of the squared differences; NaN without rows.
double mean_squared_error(std::span<const double> gold, std::span<const double> predicted);

}  // namespace storm
