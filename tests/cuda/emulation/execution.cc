// Runs a graph by the kernels of the .cu files, emulated, in the host's memory: linked before the library's own
// tensor/execution.cc, whose place it takes, it makes every test program one of the kernels.
#include "tensor/execution.h"

#include <cstdio>
#include <cstdlib>
#include <deque>
#include <set>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "cuda/context.h"
#include "cuda/products.h"

namespace storm {

namespace {

class EmulatedContext : public cuda::Context {
 public:
  EmulatedContext() : Context(nullptr) {}

  void gemm(bool ta, bool tb, int64_t m, int64_t n, int64_t k, float alpha, const float* a, int64_t lda, const float* b,
            int64_t ldb, float beta, float* c, int64_t ldc, cuda::Epilogue epilogue, const float* bias) override {
    products_({a, b, c, bias, m, n, k, lda, ldb, ldc, alpha, beta, ta, tb, epilogue, ProductPrecision::f32}, nullptr, 0,
              nullptr);
  }
  // Small, so that tests of ops that work block by block have several.
  std::size_t workspace_bytes() const override { return std::size_t{8} << 20; }
  void* workspace(std::size_t bytes) override {
    workspace_.assign(bytes, std::byte{0xff});
    return workspace_.data();
  }

 private:
  const void* staged_bytes(const void* host, std::size_t bytes) override {
    const auto* from = static_cast<const std::byte*>(host);
    return staged_.emplace_back(from, from + bytes).data();
  }

  cuda::Products products_;
  std::vector<std::byte> workspace_;
  std::deque<std::vector<std::byte>> staged_;
};

// Null: an op of the tests' own, or one that has no kernels yet; EMULATION_MISSING in the environment names these.
const cuda::Kernels* kernels_of(const Node& node) {
  const auto* found = cuda::Kernels::find(node.op->name);
  require(!found || found->backward || !node.op->backward, node.op->name, ": no CUDA kernel for backward");
  static const bool tell = std::getenv("EMULATION_MISSING") != nullptr;
  static std::set<std::string_view> told;
  if (!found && tell && told.insert(node.op->name).second)
    std::fprintf(stderr, "emulation: no kernels for %s, which runs on the CPU\n", node.op->name);
  return found;
}

}  // namespace

void Execution::forward(const Node& node) const {
  EmulatedContext context;
  if (const auto* kernels = kernels_of(node)) return kernels->forward(*this, node, context);
  node.op->forward(*this, node);
}

void Execution::backward(const Node& node) const {
  EmulatedContext context;
  if (const auto* kernels = kernels_of(node)) return kernels->backward(*this, node, context);
  node.op->backward(*this, node);
}

}  // namespace storm
