#include "decode/sampling.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/parallel.h"
#include "base/random.h"
#include "decode/diverged.h"
#include "ops/top_k.h"

namespace storm {

namespace {

struct Row {
  std::size_t sentence;  // in the batch
  int32_t number;        // which of its samples
  RandomStream random;
  Hypothesis sample;
  double log_prob = 0;
};

}  // namespace

int32_t draw(std::span<const float> log_probs, int32_t banned, const DecodeOptions& options, double uniform,
             std::vector<int32_t>& order) {
  order.resize(log_probs.size());
  std::iota(order.begin(), order.end(), 0);
  if (banned >= 0) order.erase(order.begin() + banned);
  const auto at = [&](int32_t id) { return log_probs[static_cast<std::size_t>(id)]; };
  const auto likelier = [&](int32_t a, int32_t b) { return at(a) > at(b) || (at(a) == at(b) && a < b); };
  const auto k = options.top_k > 0 ? std::min(order.size(), static_cast<std::size_t>(options.top_k)) : order.size();
  if (k < order.size() || options.top_p < 1) {
    std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(k), order.end(), likelier);
    order.resize(k);
  }
  const float largest = at(*std::min_element(order.begin(), order.end(), likelier));
  const auto weight = [&](int32_t id) { return std::exp(static_cast<double>(at(id) - largest) / options.temperature); };
  double all = 0;
  for (const int32_t id : order) all += weight(id);
  if (options.top_p < 1) {  // the fewest, from the likeliest on, that together reach top_p
    double sum = 0;
    std::size_t n = 0;
    while (n < order.size() && sum < options.top_p * all) sum += weight(order[n++]);
    order.resize(std::max<std::size_t>(n, 1));
    all = n > 0 ? sum : weight(order[0]);
  }
  double left = uniform * all;
  for (const int32_t id : order)
    if ((left -= weight(id)) < 0) return id;
  return order.back();  // rounding
}

std::vector<Hypotheses> sample(const Model& model, const SpecialIds& special, const DecodeOptions& options,
                               Workspace& workspace, const SourceBatch& batch) {
  const auto decoder = model.start(workspace, pack_sources(batch.sources, special));
  std::vector<Row> rows;
  std::vector<int32_t> parents, tokens;
  for (std::size_t s = 0; s < batch.sources.size(); ++s)
    for (int32_t i = 0; i < options.nbest; ++i) {
      const uint64_t number = options.first_sentence + batch.sentences[s];
      rows.push_back(
          {s, i, RandomStream(options.seed, RandomUse::sampling, number << 20 | static_cast<uint64_t>(i)), {}});
      parents.push_back(static_cast<int32_t>(s));
      tokens.push_back(special.bos >= 0 ? special.bos : special.eos);
    }
  std::vector<Hypotheses> answers(batch.sources.size());
  for (auto& a : answers) a.resize(static_cast<std::size_t>(options.nbest));

  const auto width = static_cast<std::size_t>(model.target_vocabulary());
  std::vector<int32_t> drawn;
  for (int32_t step = 0; !rows.empty(); ++step) {
    workspace.graph.clear();
    const Value log_probs = log_softmax(workspace.graph, decoder->step(workspace.graph, parents, tokens));
    workspace.graph.keep(log_probs);
    workspace.run();
    const float* all = workspace.data(log_probs);
    drawn.resize(rows.size());
    parallel_ranges(static_cast<int64_t>(rows.size()), 1, [&](int64_t begin, int64_t end) {
      std::vector<int32_t> order;
      for (auto r = static_cast<std::size_t>(begin); r < static_cast<std::size_t>(end); ++r) {
        const std::size_t s = rows[r].sentence;
        const std::span<const float> row(all + r * width, width);
        require_number(static_cast<double>(row[0]));
        const auto prefix = batch.prefixes[s];
        drawn[r] = static_cast<std::size_t>(step) < prefix.size() ? prefix[static_cast<std::size_t>(step)]
                   : step >= batch.most[s]
                       ? special.eos
                       : draw(row, step < batch.least[s] ? special.eos : -1, options, rows[r].random.uniform(), order);
        rows[r].log_prob += static_cast<double>(row[static_cast<std::size_t>(drawn[r])]);
      }
    });
    parents.clear();
    tokens.clear();
    std::size_t kept = 0;
    for (std::size_t r = 0; r < rows.size(); ++r) {
      Row& row = rows[r];
      if (drawn[r] == special.eos && static_cast<std::size_t>(step) >= batch.prefixes[row.sentence].size()) {
        row.sample.log_prob = static_cast<float>(row.log_prob);
        row.sample.score = static_cast<float>(normalized_score(row.log_prob, step, options));
        answers[row.sentence][static_cast<std::size_t>(row.number)] = std::move(row.sample);
        continue;
      }
      row.sample.ids.push_back(drawn[r]);
      parents.push_back(static_cast<int32_t>(r));
      tokens.push_back(drawn[r]);
      if (kept != r) rows[kept] = std::move(row);
      ++kept;
    }
    rows.erase(rows.begin() + static_cast<std::ptrdiff_t>(kept), rows.end());
  }
  for (auto& a : answers)
    std::stable_sort(a.begin(), a.end(), [](const Hypothesis& x, const Hypothesis& y) { return x.score > y.score; });
  return answers;
}

}  // namespace storm
