// The attention of recurrent models in plain double precision.
#pragma once

#include <algorithm>

#include "ops/alignment.h"
#include "tests/ops/cells.h"

namespace storm::test {

// What scores are, and whether there is a v.
struct ScoreForm {
  Scoring scoring;
  bool v;
};
constexpr ScoreForm kScoreForms[] = {
    {Scoring::dot, false}, {Scoring::additive, true}, {Scoring::kernel, true}, {Scoring::kernel, false}};

inline double score_of(Scoring scoring, const Doubles& query, const Doubles& key, const Doubles& v) {
  double score = 0;
  for (std::size_t i = 0; i < key.size(); ++i) {
    const double apart = (query[i] - key[i]) * (v.empty() ? 1 : v[i]);
    score += scoring == Scoring::dot        ? query[i] * key[i]
             : scoring == Scoring::additive ? v[i] * std::tanh(query[i] + key[i])
                                            : -apart * apart / 2;
  }
  return score;
}

// query: [a]; keys [rows, a] and memory [rows, m] of which the rows from..to are read; v: [a], or none.
inline Doubles context_of(Scoring scoring, const Doubles& query, const Doubles& keys, const Doubles& memory,
                          const Doubles& v, int64_t from, int64_t to, int64_t m) {
  const auto a = static_cast<int64_t>(query.size());
  Doubles weights, context(static_cast<std::size_t>(m));
  double sum = 0;
  for (int64_t j = from; j < to; ++j) {
    weights.push_back(std::exp(score_of(scoring, query, row_of(keys, j, a), v)));
    sum += weights.back();
  }
  for (int64_t j = from; j < to; ++j)
    for (int64_t i = 0; i < m; ++i)
      context[static_cast<std::size_t>(i)] +=
          weights[static_cast<std::size_t>(j - from)] / sum * memory[static_cast<std::size_t>(j * m + i)];
  return context;
}

}  // namespace storm::test
