#include "metrics/evaluation.h"

#include "base/parallel.h"

namespace storm {

namespace {

Score score_of(const Metric& metric, std::span<const double> statistics) {
  return {metric.name, metric.value(statistics), metric.verbose ? metric.verbose(statistics) : "", {}};
}

}  // namespace

Evaluation::Evaluation(std::vector<Metric> metrics, std::size_t num_systems, bool keep_rows)
    : metrics_(std::move(metrics)), num_systems_(num_systems), keep_rows_(keep_rows), rows_(metrics_.size()) {
  for (const Metric& m : metrics_) {
    sums_.emplace_back(num_systems * static_cast<std::size_t>(m.columns));
    statistics_.emplace_back(sums_.back().size());
  }
}

void Evaluation::add(const Block& block) {
  const std::size_t segments = block.segments();
  std::vector<int32_t*> first_row;
  for (std::size_t m = 0; m < metrics_.size(); ++m) {
    const std::size_t old = keep_rows_ ? rows_[m].size() : 0;
    rows_[m].resize(old + segments * sums_[m].size());
    first_row.push_back(rows_[m].data() + old);
  }
  parallel_ranges(static_cast<int64_t>(segments), 32, [&](int64_t begin, int64_t end) {
    std::vector<SegmentCounter> counters;
    for (const Metric& m : metrics_) counters.push_back(m.counter());
    std::vector<std::string_view> references(block.references.size()), hypotheses(num_systems_);
    for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i) {
      for (std::size_t r = 0; r < references.size(); ++r) references[r] = block.references[r][i];
      for (std::size_t s = 0; s < num_systems_; ++s) hypotheses[s] = block.systems[s][i];
      for (std::size_t m = 0; m < metrics_.size(); ++m)
        counters[m](references, hypotheses, first_row[m] + i * sums_[m].size());
    }
  });
  for (std::size_t m = 0; m < metrics_.size(); ++m) {
    const int32_t* row = first_row[m];
    const auto& divisors = metrics_[m].divisors;
    for (std::size_t i = 0; i < segments; ++i)
      for (std::size_t c = 0; c < sums_[m].size(); ++c, ++row) {
        sums_[m][c] += *row;
        statistics_[m][c] += *row / divisors[c % divisors.size()];
      }
  }
  segments_ += static_cast<int64_t>(segments);
}

Score Evaluation::score(std::size_t metric, std::size_t system) const {
  const auto columns = static_cast<std::size_t>(metrics_[metric].columns);
  return score_of(metrics_[metric], std::span(statistics_[metric]).subspan(system * columns, columns));
}

Score Evaluation::row_score(std::size_t metric, std::size_t row) const {
  const auto columns = static_cast<std::size_t>(metrics_[metric].columns);
  std::vector<double> statistics;
  for (std::size_t c = 0; c < columns; ++c)
    statistics.push_back(rows(metric)[row * columns + c] / metrics_[metric].divisors[c]);
  return score_of(metrics_[metric], statistics);
}

}  // namespace storm
