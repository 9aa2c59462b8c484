#include "vectors/private_rows.h"

#include <algorithm>
#include <cstring>

#include "vectors/row_kernels.h"

namespace storm {

PrivateRows::PrivateRows(std::span<float> table, int64_t stride)
    : table_(table), stride_(stride), slots_(table.size() / static_cast<std::size_t>(stride), -1) {}

int32_t PrivateRows::copy(int32_t row) {
  const auto slot = static_cast<int32_t>(touched_.size());
  touched_.push_back(row);
  uses_.push_back(0);
  if (static_cast<std::size_t>(slot / kBlockRows) == blocks_.size())
    blocks_.emplace_back(static_cast<std::size_t>(kBlockRows * stride_) * sizeof(float));
  std::memcpy(at(slot), table_.data() + row * stride_, static_cast<std::size_t>(stride_) * sizeof(float));
  return slot;
}

void PrivateRows::merge(std::span<PrivateRows* const> threads, int64_t part, int64_t parts, float often) {
  const auto stride = threads[0]->stride_;
  const auto bytes = static_cast<std::size_t>(stride) * sizeof(float);
  std::vector<float> before(static_cast<std::size_t>(stride));
  std::vector<const float*> copies;
  for (std::size_t t = 0; t < threads.size(); ++t) {
    const auto& own = *threads[t];
    for (const auto row : own.touched_) {
      if (row % parts != part) continue;
      copies.clear();
      std::size_t first = threads.size();
      float divisor = 0;
      for (std::size_t k = threads.size(); k-- > 0;) {
        const auto slot = threads[k]->slots_[static_cast<std::size_t>(row)];
        if (slot < 0) continue;
        copies.push_back(threads[k]->at(slot));
        divisor += std::min(static_cast<float>(threads[k]->uses_[static_cast<std::size_t>(slot)]) / often, 1.0f);
        first = k;
      }
      if (first < t) continue;  // the first thread that has it has added all of its copies
      float* to = own.table_.data() + row * stride;
      if (copies.size() == 1) {
        std::memcpy(to, copies[0], bytes);
        continue;
      }
      std::memcpy(before.data(), to, bytes);
      for (const auto* copy : copies) add_change(copy, before.data(), 1 / std::max(divisor, 1.0f), stride, to);
    }
  }
}

void PrivateRows::forget() {
  for (const auto row : touched_) slots_[static_cast<std::size_t>(row)] = -1;
  touched_.clear();
  uses_.clear();
}

}  // namespace storm
