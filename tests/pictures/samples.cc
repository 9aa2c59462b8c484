#include "tests/pictures/samples.h"

#include <cmath>
#include <limits>

#include "base/error.h"

namespace storm::test {

namespace {

// Scores of a head that looks along the diagonal, shifted and as sharp as the head says, with some noise.
std::vector<float> scores_of(AttentionKind kind, int64_t layer, int64_t head, int64_t rows, int64_t cols,
                             AttentionScores scores) {
  std::vector<float> out(static_cast<std::size_t>(rows * cols));
  uint32_t noise = static_cast<uint32_t>(1 + layer * 131 + head * 17 + static_cast<int>(kind) * 7);
  for (int64_t i = 0; i < rows; ++i) {
    double sum = 0;
    const auto at = [&](int64_t j) -> float& { return out[static_cast<std::size_t>(i * cols + j)]; };
    for (int64_t j = 0; j < cols; ++j) {
      noise = noise * 1664525 + 1013904223;
      const double centre =
          static_cast<double>(i * cols) / static_cast<double>(rows) + static_cast<double>(head % 4) - 1.5;
      const double far = std::fabs(static_cast<double>(j) - centre);
      const double score = 5 - far * (head % 3 == 2 ? 0.2 : 1.4) +
                           static_cast<double>(noise >> 8) / (1 << 24) * (1.5 + static_cast<double>(layer));
      const bool unseen = kind == AttentionKind::decoder && j > i;
      at(j) = unseen ? -std::numeric_limits<float>::infinity() : static_cast<float>(score);
      sum += std::exp(at(j));
    }
    if (scores == AttentionScores::probabilities)
      for (int64_t j = 0; j < cols; ++j) at(j) = static_cast<float>(std::exp(at(j)) / sum);
  }
  return out;
}

}  // namespace

Sample sample(int64_t sentence, std::vector<std::string> source, std::vector<std::string> target, int64_t layers,
              int64_t heads, AttentionScores scores) {
  Sample out;
  source.push_back("</s>");
  target.insert(target.begin(), "<s>");
  target.push_back("</s>");
  out.maps = {sentence, std::move(source), std::move(target), {}};
  const auto keys = std::ssize(out.maps.source), queries = std::ssize(out.maps.target) - 1;
  for (const auto kind : {AttentionKind::encoder, AttentionKind::decoder, AttentionKind::cross})
    for (int64_t l = 0; l < layers; ++l)
      for (int64_t h = 0; h < heads; ++h) {
        const int64_t rows = kind == AttentionKind::encoder ? keys : queries,
                      cols = kind == AttentionKind::decoder ? queries : keys;
        out.weights.push_back(scores_of(kind, l, h, rows, cols, scores));
        out.maps.maps.push_back({kind, l, h, rows, cols, out.weights.back()});
      }
  return out;
}

std::vector<std::string> pieces(int64_t count) {
  const std::vector<std::string> stems{
      "\u2581the", "\u2581representation", "s", "\u2581of", "\u2581Wagenmacher", "lein", "\u2581i",
      "\u2581mmm", "\u2581attention",      ","};
  std::vector<std::string> out;
  for (int64_t i = 0; i < count; ++i)
    out.push_back(stems[static_cast<std::size_t>(i) % stems.size()] + (i < 10 ? "" : str(i)));
  return out;
}

ScatterPlot scattered(int count) {
  const std::vector<std::string> words{"king",
                                       "queen",
                                       "\u738b\u69d8",
                                       "\u5973\u738b",
                                       "\u05de\u05dc\u05da",
                                       "\u0645\u0644\u0643\u0629",
                                       "K\u00f6nigin",
                                       "<b>&\"",
                                       "A dog runs across the wide green meadow.",
                                       "car"};
  ScatterPlot out{"Vectors of a test model", {}, {}, {0.3421, 0.1789}};
  uint32_t noise = 7;
  const auto random = [&] {
    double sum = 0;
    for (int i = 0; i < 4; ++i) sum += static_cast<double>((noise = noise * 1664525 + 1013904223) >> 8) / (1 << 24);
    return sum - 2;
  };
  for (int i = 0; i < count; ++i) {
    const int cloud = i % 3;
    out.points.push_back(
        {static_cast<float>(3.0 * cloud + random()), static_cast<float>((cloud == 1 ? 2 : 0) + random())});
    out.labels.push_back(words[static_cast<std::size_t>(i) % words.size()] + (i < 10 ? "" : " " + std::to_string(i)));
  }
  return out;
}

}  // namespace storm::test
