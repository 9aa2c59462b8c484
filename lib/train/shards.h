// Which numbers of a buffer each process of a run updates, and keeps an optimizer's moments of (ZeRO, stage 1:
// Rajbhandari et al. 2020, §5.1): the buffer is cut into buckets, which can be sent as they are done, and each bucket
// into a piece for each process.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

namespace storm {

struct Range {
  std::size_t begin = 0, end = 0;
  std::size_t size() const { return end - begin; }
  bool operator==(const Range&) const = default;
};

class Shards {
 public:
  static constexpr std::size_t kBucket = std::size_t{1} << 20;  // numbers
  static constexpr std::size_t kAlign = 16;                     // what pieces begin at: a cache line of floats

  explicit Shards(std::size_t count, int processes = 1, std::size_t bucket = kBucket)
      : count_(count), processes_(static_cast<std::size_t>(processes)), bucket_(bucket) {}

  std::size_t count() const { return count_; }
  int processes() const { return static_cast<int>(processes_); }
  std::size_t buckets() const { return (count_ + bucket_ - 1) / bucket_; }
  std::size_t bucket_of(std::size_t number) const { return number / bucket_; }
  Range bucket(std::size_t b) const { return {b * bucket_, std::min(count_, (b + 1) * bucket_)}; }
  Range piece(std::size_t b, int rank) const {
    const Range all = bucket(b);
    const std::size_t lines = (all.size() + kAlign - 1) / kAlign, r = static_cast<std::size_t>(rank);
    const auto cut = [&](std::size_t i) { return std::min(all.end, all.begin + lines * i / processes_ * kAlign); };
    return {cut(r), cut(r + 1)};
  }
  // What a process has of all buckets, those side by side as one; of none, an empty range.
  std::vector<Range> of(int rank) const {
    std::vector<Range> ranges;
    for (std::size_t b = 0; b < buckets(); ++b) {
      const Range p = piece(b, rank);
      if (p.size() == 0) continue;
      if (!ranges.empty() && ranges.back().end == p.begin)
        ranges.back().end = p.end;
      else
        ranges.push_back(p);
    }
    if (ranges.empty()) ranges.push_back({});
    return ranges;
  }

 private:
  std::size_t count_, processes_, bucket_;
};

}  // namespace storm
