// What a kernel file gets to see of the device: a way to launch, products, memory beside the arena, and staging for
// what lies in host memory.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>
#include <span>

#include "cuda/check.h"
#include "cuda/launches.h"
#include "ops/dropout_stream.h"
#include "tensor/execution.h"
#include "tensor/product_precision.h"

namespace storm::cuda {

// The epilogue of a product's rows: what happens to each element before it is stored.
enum class Epilogue : uint8_t { none, bias, bias_relu };

// A matrix that takes part in several products of a node: it is rounded once for all of them, where they take rounded
// ones.
struct Operand {
  const float* exact;  // may be null where there are rounded ones
  int64_t ld;
  const uint16_t* rounded = nullptr;  // as bf16 or f16, rows rounded_ld apart
  int64_t rounded_ld = 0;

  Operand from_row(int64_t r) const {
    return {exact ? exact + r * ld : nullptr, ld, rounded ? rounded + r * rounded_ld : nullptr, rounded_ld};
  }
  Operand from_column(int64_t c) const {
    return {exact ? exact + c : nullptr, ld, rounded ? rounded + c : nullptr, rounded_ld};
  }
};

class Context {
 public:
  explicit Context(cudaStream_t stream) : stream_(stream) {}
  virtual ~Context() = default;

  cudaStream_t stream() const { return stream_; }

  // kernel(args...) on grid x block threads with so many bytes of dynamic shared memory. A grid of no blocks is no
  // work.
  template <class... P, class... A>
  void launch(const char* what, dim3 grid, dim3 block, std::size_t shared_bytes, void (*kernel)(P...), A... args) {
    if (grid.x == 0 || grid.y == 0 || grid.z == 0) return;
    require(grid.x <= kMostBlocks && grid.y <= 65535 && grid.z <= 65535, "cuda: ", what, ": ", grid.x, " x ", grid.y,
            " x ", grid.z, " blocks are more than a launch takes; lower --max-tokens");
    queue(what, grid, block, shared_bytes, kernel, static_cast<P>(args)...);
  }
  // Zeros.
  void clear(const char* what, void* memory, std::size_t bytes) {
    if (bytes == 0) return;
    if (recorded_) return recorded_->add<Clear, clear_now>(what, {memory, bytes});
    clear_now({memory, bytes}, what, stream_);
  }

  // C[m,n] = alpha * op(A) op(B) + beta * C, row-major, as cpu/gemm.h's; with an epilogue, of C's columns. beta is 0
  // or 1. Products of 16-bit operands round A and B before, unless they are too small for that to pay off.
  virtual void gemm(bool ta, bool tb, int64_t m, int64_t n, int64_t k, float alpha, const float* a, int64_t lda,
                    const float* b, int64_t ldb, float beta, float* c, int64_t ldc, Epilogue epilogue = Epilogue::none,
                    const float* bias = nullptr) = 0;

  // 16 bits for operands of products, or not: then operands are the exact ones, and nothing is rounded.
  bool rounds() const { return precision() == ProductPrecision::bf16 || precision() == ProductPrecision::f16; }
  // Whether a product of so many multiply-adds is one that rounding its operands pays for.
  bool rounds(int64_t multiply_adds) const { return rounds() && multiply_adds >= int64_t{1} << 20; }
  virtual ProductPrecision precision() const { return ProductPrecision::f32; }
  // x: [rows, cols] without gaps, rounded (weights once for all their uses). Until the node ends.
  virtual Operand operand(const float* x, int64_t, int64_t cols) { return {x, cols}; }
  // Room for what a kernel of the node rounds itself: [rows, rounded_ld], to be written by way of `to`.
  virtual Operand rounded_room(int64_t, int64_t, uint16_t** to) { return *to = nullptr, Operand{}; }
  // As the other gemm, with alpha of 1. Both operands are rounded, or none is.
  virtual void gemm(bool ta, bool tb, int64_t m, int64_t n, int64_t k, const Operand& a, const Operand& b, float beta,
                    float* c, int64_t ldc, Epilogue epilogue = Epilogue::none, const float* bias = nullptr) {
    gemm(ta, tb, m, n, k, 1, a.exact, a.ld, b.exact, b.ld, beta, c, ldc, epilogue, bias);
  }

  // A copy of host memory on the device, for this run; the host's may change at once.
  template <class T>
  const T* staged(std::span<const T> host) {
    return static_cast<const T*>(staged_bytes(host.data(), host.size_bytes()));
  }
  // Memory for this node alone, beside what its scratch in the arena is; products leave it alone. One piece a node.
  virtual void* workspace(std::size_t bytes) = 0;
  // What a node that can work in pieces should ask for at most.
  virtual std::size_t workspace_bytes() const = 0;

 protected:
  Launches* recorded_ = nullptr;  // where launches are written down; null: they are queued at once

 private:
  static constexpr unsigned kMostBlocks = 2147483647u;
  struct Clear {
    void* memory;
    std::size_t bytes;
  };
  static void clear_now(const Clear& c, const char* what, cudaStream_t stream) {
    check(cudaMemsetAsync(c.memory, 0, c.bytes, stream), what);
  }
  template <class... P>
  void queue(const char* what, dim3 grid, dim3 block, std::size_t shared_bytes, void (*kernel)(P...), P... args) {
    if (recorded_) return recorded_->add_kernel(what, grid, block, shared_bytes, kernel, args...);
    void* pointers[] = {static_cast<void*>(&args)..., nullptr};
    launch_now(what, grid, block, shared_bytes, kernel, pointers, stream_);
  }
  virtual const void* staged_bytes(const void* host, std::size_t bytes) = 0;

  cudaStream_t stream_;
};

using Run = void (*)(const Execution& run, const Node& node, Context& context);

// The node's dropout masks. On a device the batch's number is read from its memory: so a run's launches are the same
// for every batch of the same shapes.
inline DropoutStream dropout_of(const Execution& run, const Node& node, float rate) {
  DropoutStream stream(run.philox().seed, run.batch(), node.number, rate);
  stream.batch_at = run.batch_at();
  if (stream.batch_at) stream.batch = 0;
  return stream;
}

// An op's kernels, by the name of its Op. One static object in each .cu file: nothing lists them.
struct Kernels {
  Kernels(const char* op, Run forward, Run backward = nullptr);

  const char* op;
  Run forward, backward;
  const Kernels* next;  // of all that there are

  static const Kernels* find(const char* op);
};

}  // namespace storm::cuda
