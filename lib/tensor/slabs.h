// Memory for what outlives a plan and grows in steps, as a decoder's caches do: pieces are cut from large slabs, stay
// where they are, and all go back at once. The slabs themselves are kept for the next use.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "tensor/buffer.h"

namespace storm {

class Slabs {
 public:
  // A piece of `bytes`, aligned to 64, with whatever an earlier user left in it.
  std::byte* take(std::size_t bytes) {
    const std::size_t size = (bytes + 63) / 64 * 64;
    while (slab_ < slabs_.size() && used_ + size > slabs_[slab_].size()) {
      ++slab_;
      used_ = 0;
    }
    if (slab_ == slabs_.size()) slabs_.emplace_back(std::max(size, kSlab));
    used_ += size;
    return slabs_[slab_].data() + used_ - size;
  }
  // All pieces go back.
  void clear() { slab_ = used_ = 0; }

 private:
  static constexpr std::size_t kSlab = std::size_t{8} << 20;

  std::vector<Buffer> slabs_;
  std::size_t slab_ = 0, used_ = 0;  // the slab that is cut from, and how much of it is gone
};

}  // namespace storm
