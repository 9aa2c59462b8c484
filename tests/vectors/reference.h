// Learning word vectors plainly, in double: what the engine's steps are held to.
#pragma once

#include <algorithm>
#include <cmath>
#include <map>
#include <span>
#include <vector>

#include "vectors/learn_plan.h"

namespace storm::test {

using Table = std::vector<std::vector<double>>;

inline Table table_of(const VectorTables& tables, std::span<const float> rows) {
  Table all;
  for (std::size_t at = 0; at < rows.size(); at += static_cast<std::size_t>(tables.stride)) {
    const auto row = rows.subspan(at, static_cast<std::size_t>(tables.width));
    all.emplace_back(row.begin(), row.end());
  }
  return all;
}

// One unit, word by word: of each, the pairs of its window with its outputs are learned at once; the vectors of the
// words around change while they are near, the table when a word is out of reach.
struct Reference {
  const LearnPlan& plan;
  Table inputs, outputs;

  explicit Reference(const LearnPlan& from)
      : plan(from),
        inputs(table_of(from.tables, from.tables.inputs())),
        outputs(table_of(from.tables, from.tables.outputs())) {}

  void learn_line(const std::vector<int32_t>& words, RandomNumbers& random, double rate) {
    const auto n = static_cast<int64_t>(words.size());
    if (n < 2) return;
    const auto& s = plan.settings;
    std::map<int64_t, std::vector<double>> near, before;
    const auto leave = [&](int64_t p) {
      for (const auto row : plan.input_rows(words[static_cast<std::size_t>(p)]))
        for (std::size_t c = 0; c < near[p].size(); ++c)
          inputs[static_cast<std::size_t>(row)][c] += near[p][c] - before[p][c];
      near.erase(p);
    };
    int64_t entered = 0;
    std::vector<int32_t> samples;
    for (int64_t t = 0; t < n; ++t) {
      if (t > s.window) leave(t - s.window - 1);
      for (; entered <= std::min(t + s.window, n - 1); ++entered) {
        const auto rows = plan.input_rows(words[static_cast<std::size_t>(entered)]);
        auto& x = near[entered];
        x.assign(static_cast<std::size_t>(s.width), 0);
        for (const auto row : rows)
          for (std::size_t c = 0; c < x.size(); ++c)
            x[c] += inputs[static_cast<std::size_t>(row)][c] / static_cast<double>(rows.size());
        before[entered] = x;
      }
      const auto word = words[static_cast<std::size_t>(t)];
      const auto reach = 1 + static_cast<int64_t>(uint64_t{random.next()} * static_cast<uint64_t>(s.window) >> 32);
      std::map<int32_t, double> labels;  // by row of the outputs
      if (s.negative == 0) {
        const auto path = plan.tree->path(word);
        for (std::size_t i = 0; i < path.nodes.size(); ++i) labels[path.nodes[i]] = path.turns[i] == 0;
      } else {
        if (t % (s.method == VectorMethod::cbow ? 4 : 1) == 0) {
          samples.clear();
          for (int64_t k = 0; k < s.negative; ++k) samples.push_back(plan.noise.draw(random.next_u64()));
        }
        for (const auto row : samples) labels[row] = 0;
        labels[word] = 1;
      }
      std::vector<int64_t> around;
      for (auto p = std::max<int64_t>(t - reach, 0); p <= std::min(t + reach, n - 1); ++p)
        if (p != t) around.push_back(p);
      std::vector<std::vector<double>> x;
      if (s.method == VectorMethod::skipgram) {
        for (const auto p : around) x.push_back(near[p]);
      } else {
        double rows = 0;
        x.emplace_back(static_cast<std::size_t>(s.width), 0.0);
        for (const auto p : around) {
          const auto size = static_cast<double>(plan.input_rows(words[static_cast<std::size_t>(p)]).size());
          rows += size;
          for (std::size_t c = 0; c < x[0].size(); ++c) x[0][c] += size * near[p][c];
        }
        for (auto& value : x[0]) value /= rows;
      }
      auto change = Table(x.size(), std::vector<double>(static_cast<std::size_t>(s.width), 0.0));
      std::map<int32_t, std::vector<double>> of_outputs;
      for (const auto& [row, label] : labels) {
        auto& y = outputs[static_cast<std::size_t>(row)];
        auto& dy = of_outputs[row];
        dy.assign(y.size(), 0);
        for (std::size_t i = 0; i < x.size(); ++i) {
          double score = 0;
          for (std::size_t c = 0; c < y.size(); ++c) score += x[i][c] * y[c];
          const double slope = rate * (label - 1 / (1 + std::exp(-score)));
          for (std::size_t c = 0; c < y.size(); ++c) {
            change[i][c] += slope * y[c];
            dy[c] += slope * x[i][c];
          }
        }
      }
      for (const auto& [row, dy] : of_outputs)
        for (std::size_t c = 0; c < dy.size(); ++c) outputs[static_cast<std::size_t>(row)][c] += dy[c];
      for (std::size_t a = 0; a < around.size(); ++a)
        for (std::size_t c = 0; c < change[0].size(); ++c)
          near[around[a]][c] += change[s.method == VectorMethod::skipgram ? a : 0][c];
    }
    for (auto p = std::max<int64_t>(n - 1 - s.window, 0); p < n; ++p) leave(p);
  }

  void learn(int64_t epoch, int64_t unit) {
    RandomNumbers random(plan.settings.seed, epoch, unit);
    std::vector<int32_t> all, kept;
    plan.text.read(unit, all);
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (all[i] != kLineEnd) {
        if (plan.sub_sampling.keeps(all[i], random.next())) kept.push_back(all[i]);
        continue;
      }
      const double words = static_cast<double>(plan.text.words_before(unit + 1));
      learn_line(kept, random, plan.rate(words * static_cast<double>(i) / static_cast<double>(all.size())));
      kept.clear();
    }
  }
};

inline double largest_difference(const Table& a, const Table& b) {
  double most = 0;
  for (std::size_t r = 0; r < a.size(); ++r)
    for (std::size_t c = 0; c < a[r].size(); ++c) most = std::max(most, std::abs(a[r][c] - b[r][c]));
  return most;
}

}  // namespace storm::test
