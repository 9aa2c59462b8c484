// Memory of the device and of the host, owned; and what is asked of the device about it.
#pragma once

#include <cuda_runtime.h>

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

#include "cuda/check.h"

namespace storm::cuda {

constexpr std::size_t kMiB = std::size_t{1} << 20;
// All that is cut from a piece begins at a multiple of this: cudaMalloc gives it, and cuBLASLt asks it of workspaces.
constexpr std::size_t kAlign = 256;

constexpr std::size_t rounded(std::size_t bytes) { return (bytes + kAlign - 1) / kAlign * kAlign; }

inline std::size_t free_of_device() {
  std::size_t free = 0, all = 0;
  check(cudaMemGetInfo(&free, &all), "asking for its memory");
  return free;
}

// A run of device memory. Freeing it waits for the device.
class Memory {
 public:
  Memory() = default;
  Memory(std::size_t bytes, const char* what) : bytes_(bytes) {
    const auto result = cudaMalloc(reinterpret_cast<void**>(&data_), std::max(bytes, kAlign));
    if (result == cudaErrorMemoryAllocation) {
      cudaGetLastError();  // or the next call would report it, too
      fail("cuda: ", what, " takes ", bytes / kMiB + 1, " MiB, ", free_of_device() / kMiB,
           " MiB are free; lower --max-tokens, or give --memory");
    }
    check(result, what);
  }
  ~Memory() { cudaFree(data_); }
  Memory(Memory&& o) noexcept : data_(std::exchange(o.data_, nullptr)), bytes_(std::exchange(o.bytes_, 0)) {}
  Memory& operator=(Memory&& o) noexcept {
    std::swap(data_, o.data_);
    std::swap(bytes_, o.bytes_);
    return *this;
  }
  std::byte* data() const { return data_; }
  std::size_t size() const { return bytes_; }
  bool holds(const void* p) const {
    return data_ && p >= data_ && static_cast<std::size_t>(static_cast<const std::byte*>(p) - data_) < bytes_;
  }

 private:
  std::byte* data_ = nullptr;
  std::size_t bytes_ = 0;
};

// Page-locked memory of the host, which copies read and write while the host goes on.
class HostMemory {
 public:
  HostMemory() = default;
  explicit HostMemory(std::size_t bytes) {
    check(cudaHostAlloc(reinterpret_cast<void**>(&data_), bytes, cudaHostAllocDefault), "page-locked host memory");
  }
  ~HostMemory() { cudaFreeHost(data_); }
  HostMemory(HostMemory&& o) noexcept : data_(std::exchange(o.data_, nullptr)) {}
  HostMemory& operator=(HostMemory&& o) noexcept {
    std::swap(data_, o.data_);
    return *this;
  }
  std::byte* data() const { return data_; }

 private:
  std::byte* data_ = nullptr;
};

// Marks a place in a stream that the host can wait for.
class Event {
 public:
  Event() { check(cudaEventCreateWithFlags(&event_, cudaEventDisableTiming), "an event"); }
  ~Event() {
    if (event_) cudaEventDestroy(event_);
  }
  Event(Event&& o) noexcept : event_(std::exchange(o.event_, nullptr)) {}
  Event(const Event&) = delete;
  void record(cudaStream_t stream) { check(cudaEventRecord(event_, stream), "an event"); }
  void wait() const { check(cudaEventSynchronize(event_), "waiting for the device"); }

 private:
  cudaEvent_t event_ = nullptr;
};

// Memory for one node after the other, all on one stream. It grows when one asks for more than there is: what was given
// out before stays until the next run, as launches may name it that are not queued yet.
class Workspace {
 public:
  explicit Workspace(const char* what) : what_(what) {}

  void begin_run() { outgrown_.clear(); }
  void begin_node() { used_ = 0; }  // what the last one had is free
  std::byte* take(std::size_t bytes) {
    const std::size_t at = used_, end = at + rounded(bytes);
    used_ = end;
    if (end <= memory_.size()) return memory_.data() + at;
    outgrown_.push_back(std::exchange(memory_, Memory(end + end / 4, what_)));
    return memory_.data() + at;
  }
  std::size_t size() const { return memory_.size(); }

 private:
  const char* what_;
  Memory memory_;
  std::vector<Memory> outgrown_;
  std::size_t used_ = 0;
};

}  // namespace storm::cuda
