// Several systems under several metrics, fed block by block: sums, and if wanted the rows of every segment.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "metrics/metric.h"
#include "metrics/segment_files.h"

namespace storm {

class Evaluation {
 public:
  // keep_rows: rows() holds every segment so far, not only those of the last block.
  Evaluation(std::vector<Metric> metrics, std::size_t num_systems, bool keep_rows);

  // Counts a block on all threads; the result does not depend on how many there are.
  void add(const Block& block);

  const std::vector<Metric>& metrics() const { return metrics_; }
  std::size_t num_systems() const { return num_systems_; }
  int64_t segments() const { return segments_; }  // added so far
  Score score(std::size_t metric, std::size_t system) const;

  int64_t sum(std::size_t metric, std::size_t system, std::size_t column) const {
    return sums_[metric][system * static_cast<std::size_t>(metrics_[metric].columns) + column];
  }

  // [segments, systems, columns of the metric]
  std::span<const int32_t> rows(std::size_t metric) const { return rows_[metric]; }
  Score row_score(std::size_t metric, std::size_t row) const;  // row: segment * num_systems + system

 private:
  std::vector<Metric> metrics_;
  std::size_t num_systems_;
  bool keep_rows_;
  int64_t segments_ = 0;
  std::vector<std::vector<int32_t>> rows_;  // by metric
  std::vector<std::vector<int64_t>> sums_;  // by metric: [systems, columns]
  // The same of the statistics, counts by their divisors, added up one segment after another as sacreBLEU does: thirds
  // round on the way.
  std::vector<std::vector<double>> statistics_;
};

}  // namespace storm
