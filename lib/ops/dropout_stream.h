// Dropout masks by counter: never stored, the same in forward and backward, independent of tiling,
// threads and device. Element (row, column) of node `node` in batch `batch` is kept when its 16 random bits are below
// (1 - rate) * 2^16; one Philox call serves 8 neighbouring columns, half-word by half-word, low half first.
// Srivastava et al. 2014; kept elements are scaled by 1 / (1 - rate).
#pragma once

#include <cstdint>

namespace storm {

struct DropoutStream {
  uint64_t seed = 0, batch = 0;
  uint32_t node = 0;
  uint32_t threshold = 65536;          // keep when bits < threshold
  float scale = 1;                     // 1 / (1 - rate), by the rate that the threshold really gives
  const uint32_t* batch_at = nullptr;  // on a device: where the batch's number lies instead

  DropoutStream() = default;
  DropoutStream(uint64_t seed_, uint64_t batch_, int32_t node_, float rate)
      : seed(seed_), batch(batch_), node(static_cast<uint32_t>(node_)) {
    threshold = static_cast<uint32_t>((1.0 - static_cast<double>(rate)) * 65536.0 + 0.5);
    scale = 65536.0f / static_cast<float>(threshold);
  }
  constexpr bool active() const { return threshold < 65536; }
};

}  // namespace storm
