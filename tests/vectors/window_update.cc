// The small products of learning word vectors against plain sums in double.
#include "vectors/window_update.h"

#include <cmath>
#include <vector>

#include "base/random.h"
#include "tests/catch.h"
#include "vectors/row_kernels.h"

using namespace storm;

namespace {

struct Rows {
  std::vector<float> memory;
  std::vector<float*> rows;

  Rows(RandomStream& random, int64_t count, int64_t width) {
    const auto stride = row_stride(width);
    memory.assign(static_cast<std::size_t>(count * stride + 16), 0.0f);
    float* begin = memory.data();
    while (reinterpret_cast<uintptr_t>(begin) % 64 != 0) ++begin;
    for (int64_t r = 0; r < count; ++r) {
      rows.push_back(begin + r * stride);
      for (int64_t c = 0; c < width; ++c) rows.back()[c] = static_cast<float>(random.normal()) * 0.4f;
    }
  }
  std::vector<std::vector<double>> values(int64_t width) const {
    std::vector<std::vector<double>> all;
    for (const auto* row : rows) all.emplace_back(row, row + width);
    return all;
  }
};

}  // namespace

TEST_CASE("a window's step is that of the logistic losses of all its pairs, taken at once, and its loss their sum") {
  RandomStream random(7, RandomUse::corpus);
  for (const int64_t width : {1, 16, 100, 300})
    for (int64_t m = 1; m <= 11; ++m)
      for (const int64_t k : {1, 2, 5, 6, 7, 12, 13, 20}) {
        Rows inputs(random, m, width), outputs(random, k, width);
        std::vector<float> labels;
        for (int64_t j = 0; j < k; ++j) labels.push_back(static_cast<float>(random.below(2)));
        const auto x = inputs.values(width), y = outputs.values(width);
        auto next_x = x, next_y = y;
        const float rate = 0.05f;
        double loss = 0;
        for (std::size_t i = 0; i < x.size(); ++i)
          for (std::size_t j = 0; j < y.size(); ++j) {
            double score = 0;
            for (std::size_t c = 0; c < x[i].size(); ++c) score += x[i][c] * y[j][c];
            const double probability = 1 / (1 + std::exp(-score)), slope = rate * (labels[j] - probability);
            loss -= std::log(labels[j] == 1 ? probability : 1 - probability);
            for (std::size_t c = 0; c < x[i].size(); ++c) {
              next_x[i][c] += slope * y[j][c];
              next_y[j][c] += slope * x[i][c];
            }
          }
        WindowUpdate update(row_stride(width), m, k);
        update(inputs.rows.data(), m, outputs.rows.data(), k, labels.data(), rate);
        double worst = 0;
        const auto compare = [&](const Rows& rows, const std::vector<std::vector<double>>& wanted) {
          for (std::size_t r = 0; r < wanted.size(); ++r) {
            for (std::size_t c = 0; c < wanted[r].size(); ++c)
              worst = std::max(worst, std::abs(rows.rows[r][c] - wanted[r][c]));
            for (auto c = width; c < row_stride(width); ++c)
              worst = std::max<double>(worst, std::abs(rows.rows[r][c]));  // zeros stay
          }
        };
        compare(inputs, next_x);
        compare(outputs, next_y);
        CAPTURE(width, m, k);
        CHECK(worst < 1e-6);
        CHECK(update.loss(m, k, rate) == Approx(loss).epsilon(1e-4));
      }
}

TEST_CASE("sums of rows") {
  std::vector<float> x(48, 2), y(48, 3), to(48), copy(48);
  const float* rows[] = {x.data(), y.data()};
  const float weights[] = {0.25f, 2};
  sum_rows(rows, weights, 2, 48, to.data(), copy.data());
  CHECK(to == std::vector<float>(48, 6.5f));
  CHECK(copy == to);
  add_change(y.data(), x.data(), 2, 48, to.data());
  CHECK(to == std::vector<float>(48, 8.5f));
  float* changed[] = {to.data(), copy.data()};
  add_change_to_each(y.data(), x.data(), 48, changed, 2);
  CHECK(to == std::vector<float>(48, 9.5f));
  CHECK(copy == std::vector<float>(48, 7.5f));
}
