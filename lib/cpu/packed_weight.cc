#include "cpu/packed_weight.h"

#include <algorithm>

#include "base/error.h"
#include "base/parallel.h"
#include "cpu/packed_product.h"

namespace storm {

namespace {

const PackedKernel& kernel_of(PackedNumbers numbers) {
  const PackedKernel* kernel = packed_kernel(numbers);
  require(kernel != nullptr, "this CPU has no bf16 products (avx512_bf16); it has f32 and int8");
  return *kernel;
}

// Groups of rows [count, groups], as they lie one after another in T, to [groups, panel].
template <class T>
void interleave(const std::byte* rows, int64_t count, int64_t groups, int64_t panel, std::byte* to) {
  const auto* from = reinterpret_cast<const T*>(rows);
  auto* group = reinterpret_cast<T*>(to);
  for (int64_t g = 0; g < groups; ++g, group += panel)
    for (int64_t r = 0; r < count; ++r) group[r] = from[r * groups + g];
}

}  // namespace

PackedWeight::PackedWeight(const PackedKernel& kernel, int64_t rows, int64_t cols)
    : kernel_(&kernel), rows_(rows), cols_(cols) {
  // 255 * 127 for each column is less than 2^31.
  require(cols <= 65536, "a weight with rows of ", cols,
          " numbers, of which 32 bits cannot hold a sum; packed weights have ", "65536 at most");
  const int64_t groups = (cols + kernel.group - 1) / kernel.group, panels = (rows + kernel.panel - 1) / kernel.panel;
  panel_bytes_ = static_cast<std::size_t>(groups * kernel.group * kernel.panel) * kernel.weight_bytes;
  memory_ = Buffer(static_cast<std::size_t>(panels) * panel_bytes_);
  if (kernel.numbers == PackedNumbers::int8) scales_.resize(static_cast<std::size_t>(rows));
}

template <class Round>
void PackedWeight::fill(Round&& round) {
  const int64_t panel = kernel_->panel, panels = (rows_ + panel - 1) / panel;
  const int64_t groups = (cols_ + kernel_->group - 1) / kernel_->group;
  const auto row_bytes = static_cast<std::size_t>(groups * kernel_->group) * kernel_->weight_bytes;
  const auto group_bytes = static_cast<std::size_t>(kernel_->group) * kernel_->weight_bytes;
  parallel_ranges(panels, 1, [&](int64_t begin, int64_t end) {
    std::vector<std::byte> rows(static_cast<std::size_t>(panel) * row_bytes);
    for (int64_t p = begin; p < end; ++p) {
      const int64_t first = p * panel, count = std::min(panel, rows_ - first);
      for (int64_t r = 0; r < count; ++r) round(first + r, rows.data() + static_cast<std::size_t>(r) * row_bytes);
      std::byte* to = memory_.data() + static_cast<std::size_t>(p) * panel_bytes_;
      if (group_bytes == sizeof(uint16_t))
        interleave<uint16_t>(rows.data(), count, groups, panel, to);
      else
        interleave<uint32_t>(rows.data(), count, groups, panel, to);
    }
  });
}

PackedWeight::PackedWeight(const PackedKernel& kernel, const float* w, int64_t rows, int64_t cols)
    : PackedWeight(kernel, rows, cols) {
  fill([&](int64_t r, std::byte* to) {
    const float scale = kernel.round_weight(w + r * cols, cols, to);
    if (!scales_.empty()) scales_[static_cast<std::size_t>(r)] = scale;
  });
}

PackedWeight::PackedWeight(PackedNumbers numbers, const float* w, int64_t rows, int64_t cols)
    : PackedWeight(kernel_of(numbers), w, rows, cols) {}

PackedWeight::PackedWeight(const int8_t* q, std::span<const float> scales, int64_t cols)
    : PackedWeight(kernel_of(PackedNumbers::int8), static_cast<int64_t>(scales.size()), cols) {
  std::ranges::copy(scales, scales_.begin());
  fill([&](int64_t r, std::byte* to) { kernel_->take_int8(q + r * cols, cols, to); });
}

}  // namespace storm
