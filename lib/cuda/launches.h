// What is to be queued on a stream, written down first: kernels with their arguments, clears, products. A run is such a
// list, so its constants can be on their way in one copy before its first kernel is queued, and so it is known whether
// it is, to the last argument, one that was queued before and can be replayed as a CUDA graph (graphs.h).
#pragma once

#include <cuda_runtime.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "cuda/check.h"

namespace storm::cuda {

// kernel(args...) on grid x block threads with so many bytes of dynamic shared memory. args: their addresses.
template <class... P>
void launch_now(const char* what, dim3 grid, dim3 block, std::size_t shared_bytes, void (*kernel)(P...), void** args,
                cudaStream_t stream) {
  if (shared_bytes > 48 * 1024)  // what a kernel may have unasked
    check(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(shared_bytes)),
          what);
  check(cudaLaunchKernel(kernel, grid, block, args, shared_bytes, stream), what);
}

class Launches {
 public:
  // Queues one thing. call: what add() was given, byte for byte.
  using Submit = void (*)(const std::byte* call, const char* what, cudaStream_t stream);

  void clear() {
    entries_.clear();
    bytes_ = 0;
  }
  std::size_t size() const { return entries_.size(); }

  // submit(call, what, stream), later. Call must compare by its bytes.
  template <class Call, void (*submit)(const Call&, const char*, cudaStream_t)>
  void add(const char* what, const Call& call) {
    std::byte* to = room([](const std::byte* p, const char* name,
                            cudaStream_t stream) { submit(*reinterpret_cast<const Call*>(p), name, stream); },
                         what, sizeof(Call));
    put(to, call);
  }

  template <class... P>
  void add_kernel(const char* what, dim3 grid, dim3 block, std::size_t shared_bytes, void (*kernel)(P...),
                  const std::type_identity_t<P>&... args) {
    constexpr auto at = offsets<P...>();
    std::byte* to = room(submit_kernel<P...>, what, at.back());
    put(to, Kernel<P...>{kernel, {grid.x, grid.y, grid.z}, {block.x, block.y, block.z}, shared_bytes});
    std::size_t i = 0;
    (put(to + at[i++], args), ...);
  }

  void submit(cudaStream_t stream) const {
    for (const Entry& e : entries_) e.submit(data() + e.at, e.what, stream);
  }

  bool operator==(const Launches& o) const {
    if (entries_.size() != o.entries_.size() || bytes_ != o.bytes_) return false;
    for (std::size_t i = 0; i < entries_.size(); ++i)
      if (entries_[i].submit != o.entries_[i].submit || entries_[i].at != o.entries_[i].at) return false;
    return std::memcmp(data(), o.data(), bytes_) == 0;
  }
  uint64_t hash() const {
    uint64_t h = bytes_;
    for (std::size_t i = 0; i < bytes_ / sizeof(Word); ++i)
      for (const uint64_t half : words_[i].halves) h = (h ^ half) * 0x9E3779B97F4A7C15u, h ^= h >> 29;
    return h;
  }

 private:
  struct Entry {
    Submit submit;
    const char* what;
    std::size_t at;
  };
  struct alignas(16) Word {
    uint64_t halves[2];
  };
  template <class... P>
  struct Kernel {
    void (*kernel)(P...);
    unsigned grid[3], block[3];
    std::size_t shared_bytes;
  };

  std::byte* data() { return reinterpret_cast<std::byte*>(words_.data()); }
  const std::byte* data() const { return reinterpret_cast<const std::byte*>(words_.data()); }

  // Of each argument, and the end: offsets behind the Kernel, as the arguments' alignments ask for.
  template <class... P>
  static constexpr std::array<std::size_t, sizeof...(P) + 1> offsets() {
    std::array<std::size_t, sizeof...(P) + 1> at{};
    std::size_t end = sizeof(Kernel<P...>), i = 0;
    ((end = (end + alignof(P) - 1) / alignof(P) * alignof(P), at[i++] = end, end += sizeof(P)), ...);
    at[i] = end;
    return at;
  }

  template <class... P>
  static void submit_kernel(const std::byte* call, const char* what, cudaStream_t stream) {
    constexpr auto at = offsets<P...>();
    const auto& k = *reinterpret_cast<const Kernel<P...>*>(call);
    void* args[sizeof...(P) + 1];
    for (std::size_t i = 0; i < sizeof...(P); ++i) args[i] = const_cast<std::byte*>(call + at[i]);
    launch_now(what, {k.grid[0], k.grid[1], k.grid[2]}, {k.block[0], k.block[1], k.block[2]}, k.shared_bytes, k.kernel,
               args, stream);
  }

  std::byte* room(Submit by, const char* what, std::size_t bytes) {
    const std::size_t at = bytes_;
    bytes_ += (bytes + sizeof(Word) - 1) / sizeof(Word) * sizeof(Word);
    if (words_.size() < bytes_ / sizeof(Word)) words_.resize(2 * bytes_ / sizeof(Word));
    entries_.push_back({by, what, at});
    std::memset(data() + at, 0, bytes_ - at);
    return data() + at;
  }
  template <class T>
  static void put(std::byte* to, const T& value) {
    static_assert(std::is_trivially_copyable_v<T>);
    std::memcpy(to, &value, sizeof(T));
#if !defined(__CUDACC_VER_MAJOR__) || __CUDACC_VER_MAJOR__ >= 13
    // What lies between members is anything, and two equal launches would look different: that costs a replay, no more.
    __builtin_clear_padding(reinterpret_cast<T*>(to));
#endif
  }

  std::vector<Entry> entries_;
  std::vector<Word> words_;  // the calls, each at a multiple of 16 bytes
  std::size_t bytes_ = 0;
};

}  // namespace storm::cuda
