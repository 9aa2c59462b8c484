// The attention of recurrent models in plain double precision.
#pragma once

#include <algorithm>

#include "tests/ops/cells.h"

namespace storm::test {

// query: [a]; keys [rows, a] and memory [rows, m] of which the rows from..to are read; v: [a], or none for dot scores.
inline Doubles context_of(const Doubles& query, const Doubles& keys, const Doubles& memory, const Doubles& v,
                          int64_t from, int64_t to, int64_t m) {
  const auto a = static_cast<int64_t>(query.size());
  Doubles weights, context(static_cast<std::size_t>(m));
  double sum = 0;
  for (int64_t j = from; j < to; ++j) {
    const Doubles k = row_of(keys, j, a);
    double score = 0;
    for (std::size_t i = 0; i < k.size(); ++i) score += v.empty() ? query[i] * k[i] : v[i] * std::tanh(query[i] + k[i]);
    weights.push_back(std::exp(score));
    sum += weights.back();
  }
  for (int64_t j = from; j < to; ++j)
    for (int64_t i = 0; i < m; ++i)
      context[static_cast<std::size_t>(i)] +=
          weights[static_cast<std::size_t>(j - from)] / sum * memory[static_cast<std::size_t>(j * m + i)];
  return context;
}

}  // namespace storm::test
