// Copies on a card of what one node of a graph reads and writes, each in an allocation of its own size: so the
// sanitizer sees a kernel's first step beyond it.
#pragma once

#include <cuda_runtime.h>

#include <cstddef>
#include <map>

#include "cuda/check.h"

namespace storm::test {

class Piece {
 public:
  explicit Piece(std::size_t bytes) { cuda::check(cudaMalloc(&data_, bytes > 0 ? bytes : 1), "a test's memory"); }
  ~Piece() { cudaFree(data_); }
  Piece(const Piece&) = delete;
  Piece& operator=(const Piece&) = delete;
  void* data() const { return data_; }

 private:
  void* data_ = nullptr;
};

class Twins {
 public:
  // Host memory that the node will look at; fill: copied there before; back: copied here afterwards. Memory that is
  // named twice (an output in its input's place) has one copy.
  void add(void* host, std::size_t bytes, bool fill, bool back) {
    if (!host) return;
    Twin& t = twins_[host];
    t.bytes = bytes > t.bytes ? bytes : t.bytes;
    t.fill = t.fill || fill;
    t.back = t.back || back;
  }
  void send() {
    for (auto& [host, t] : twins_) {
      cuda::check(cudaMalloc(&t.device, t.bytes > 0 ? t.bytes : 1), "a test's memory");
      if (t.fill && t.bytes > 0)
        cuda::check(cudaMemcpy(t.device, host, t.bytes, cudaMemcpyHostToDevice), "a copy to the device");
    }
  }
  // After send().
  template <class T>
  T* at(T* host) const {
    return host ? static_cast<T*>(twins_.at(host).device) : nullptr;
  }
  void fetch() const {
    for (const auto& [host, t] : twins_)
      if (t.back && t.bytes > 0)
        cuda::check(cudaMemcpy(host, t.device, t.bytes, cudaMemcpyDeviceToHost), "a copy from the device");
  }

  Twins() = default;
  ~Twins() {
    for (const auto& [host, t] : twins_) cudaFree(t.device);
  }
  Twins(const Twins&) = delete;
  Twins& operator=(const Twins&) = delete;

 private:
  struct Twin {
    std::size_t bytes = 0;
    bool fill = false, back = false;
    void* device = nullptr;
  };
  std::map<void*, Twin> twins_;
};

}  // namespace storm::test
