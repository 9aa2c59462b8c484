// Memory for what outlives a plan and grows in steps, as a decoder's caches do: pieces are cut from large slabs, stay
// where they are, and all go back at once. The slabs themselves are kept for the next use. On a device they are its
// memory: graphs read and write them, the host only knows where they are.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

#include "base/buffer.h"
#include "tensor/device.h"

namespace storm {

class Slabs {
 public:
  explicit Slabs(Device* device = nullptr) : device_(device) {}

  // A piece of `bytes`, aligned to 64, with whatever an earlier user left in it.
  std::byte* take(std::size_t bytes) {
    const std::size_t size = (bytes + 63) / 64 * 64;
    if (slabs_.empty() || used_ + size > slabs_.back().size) {
      // Half as much again as there is, so that many small steps make few slabs; but of a device's memory, others need
      // some, too.
      std::size_t more = std::max({kSlab, std::exchange(wanted_, 0), all_ / 2});
      if (device_) more = std::min(more, device_->free_bytes() / 2);
      more = std::max(more, size);
      slabs_.emplace_back(device_, more);
      all_ += slabs_.back().size;
      used_ = 0;
    }
    used_ += size;
    return slabs_.back().data + used_ - size;
  }
  // All pieces go back. Several slabs become one of their size, or pieces that grow from use to use would never fit
  // into what earlier ones left.
  void clear() {
    used_ = 0;
    if (slabs_.size() < 2) return;
    wanted_ = all_;
    all_ = 0;
    slabs_.clear();
  }

 private:
  static constexpr std::size_t kSlab = std::size_t{8} << 20;

  struct Slab {
    Slab(Device* device, std::size_t bytes) : there(nullptr, Release{device}), size(bytes) {
      if (device)
        there.reset(data = static_cast<std::byte*>(device->allocate(bytes)));
      else
        data = (here = Buffer(bytes)).data();
    }
    struct Release {
      Device* device;
      void operator()(std::byte* memory) const { device->release(memory); }
    };
    Buffer here;
    std::unique_ptr<std::byte, Release> there;
    std::byte* data = nullptr;
    std::size_t size;
  };

  Device* device_;
  std::vector<Slab> slabs_;  // the last one is cut from
  std::size_t used_ = 0;     // of the last one
  std::size_t all_ = 0;      // of all
  std::size_t wanted_ = 0;   // the next one's size at least
};

}  // namespace storm
