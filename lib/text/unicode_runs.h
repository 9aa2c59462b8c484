// Properties of code points as generated tables keep them: runs, each its first code point << kBits | value.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <span>
#include <vector>

namespace storm::unicode {

// The value of the run that holds c; 0 before the first run.
template <int kBits>
uint8_t run_value(std::span<const uint32_t> runs, char32_t c) {
  constexpr uint32_t kMask = (1u << kBits) - 1;
  const auto after = std::upper_bound(runs.begin(), runs.end(), static_cast<uint32_t>(c) << kBits | kMask);
  return after == runs.begin() ? 0 : static_cast<uint8_t>(after[-1] & kMask);
}

// The same, where the planes of living scripts and emoji are looked up directly, the rest by search.
template <int kBits>
class RunTable {
 public:
  explicit RunTable(std::span<const uint32_t> runs) : runs_(runs), direct_(0x20000) {
    for (std::size_t i = 0; i < runs.size(); ++i) {
      const std::size_t begin = runs[i] >> kBits, end = i + 1 < runs.size() ? runs[i + 1] >> kBits : direct_.size();
      for (std::size_t at = begin; at < std::min(end, direct_.size()); ++at)
        direct_[at] = static_cast<uint8_t>(runs[i] & ((1u << kBits) - 1));
    }
  }
  uint8_t operator()(char32_t c) const { return c < direct_.size() ? direct_[c] : run_value<kBits>(runs_, c); }

 private:
  std::span<const uint32_t> runs_;
  std::vector<uint8_t> direct_;
};

}  // namespace storm::unicode
