// Small results on their way to the host, in the order in which they were asked for.
#pragma once

#include <cuda_runtime.h>

#include <cstring>
#include <deque>
#include <vector>

#include "cuda/device_memory.h"

namespace storm::cuda {

class Fetches {
 public:
  static constexpr std::size_t kMost = 4096;  // bytes of one

  // Queues the copy of device memory that finish(number) brings to `to`.
  uint64_t add(const void* device, std::size_t bytes, void* to, cudaStream_t stream) {
    require(bytes <= kMost, "cuda: a result of ", bytes, " bytes is read, not fetched");
    if (free_.empty()) free_.push_back({HostMemory(kMost), Event()});
    Slot slot = std::move(free_.back());
    free_.pop_back();
    check(cudaMemcpyAsync(slot.host.data(), device, bytes, cudaMemcpyDeviceToHost, stream), "a copy from the device");
    slot.there.record(stream);
    pending_.push_back({std::move(slot), bytes, to});
    return ++last_;
  }
  // Waits for it and all before it.
  void finish(uint64_t number) {
    while (!pending_.empty() && last_ - pending_.size() < number) {
      Pending& p = pending_.front();
      p.slot.there.wait();
      std::memcpy(p.to, p.slot.host.data(), p.bytes);
      free_.push_back(std::move(p.slot));
      pending_.pop_front();
    }
  }
  uint64_t last() const { return last_; }

 private:
  struct Slot {
    HostMemory host;
    Event there;
  };
  struct Pending {
    Slot slot;
    std::size_t bytes;
    void* to;
  };
  std::deque<Pending> pending_;  // the last of them is number last_
  std::vector<Slot> free_;
  uint64_t last_ = 0;
};

}  // namespace storm::cuda
