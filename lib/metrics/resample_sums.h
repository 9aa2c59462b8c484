// Sums of segments' statistics over resamples, for all metrics and systems at once: those that numpy gets from adding
// up 32-bit floats, one drawn segment after another.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "metrics/evaluation.h"

namespace storm {

// Whole numbers up to 2^24 are exact in 32-bit floats, and then the order is of no matter: how often each segment was
// drawn times its counts, in integers, gives the same sums in a fraction of the time. A metric whose sums may be
// inexact (larger ones, or thirds, as means over three references are) is added up in order.
class ResampleSums {
 public:
  // all_in_order: every metric is added up in order.
  explicit ResampleSums(const Evaluation& evaluation, bool all_in_order = false);

  static constexpr std::size_t lot = 16;  // resamples that are summed together
  struct Buffer {                         // of one thread
    std::size_t resamples = 0;            // that it holds
    std::vector<uint16_t> times;          // [lot, segments]: how often each was drawn
    std::vector<int32_t> counts;          // [lot, width]
    std::vector<float> sums;              // [lot, all columns]
  };
  // Takes up one resample: the segments as they were drawn. The buffer holds fewer than a lot.
  void add(std::span<const uint32_t> drawn, Buffer& buffer) const;
  // Completes the sums of all resamples that the buffer holds. False where one turned out to be above 2^24.
  [[nodiscard]] bool finish(Buffer& buffer) const;

  // [columns of the metric], of a resample in a finished buffer.
  std::span<const float> of(const Buffer& b, std::size_t resample, std::size_t metric, std::size_t system) const {
    const Place& p = places_[metric];
    return std::span(b.sums).subspan(resample * all_columns_ + p.out + system * p.columns, p.columns);
  }

 private:
  struct Place {
    std::size_t columns, out;  // out: where in the sums; systems follow one another
    bool in_order;
    std::size_t first;  // where in the table
    std::vector<double> divisors;
  };
  std::vector<Place> places_;  // by metric
  std::size_t segments_, num_systems_, all_columns_ = 0, width_ = 0, ordered_width_ = 0;
  std::vector<int16_t> counts_;  // [pairs of segments, width, 2]
  std::vector<float> ordered_;   // [segments, ordered width]
};

}  // namespace storm
